//! What stands behind the list of a table: options, system versioning, partitions.
//!
//! An option that is there no more gets the value that stands for its absence; where none is known, it
//! is not generated.

use crate::dialect::Dialect;
use crate::diff::text::words;

/// The options of a table.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Key in upper case, and the text: `("ENGINE", "ENGINE=InnoDB")`.
    list: Vec<(String, String)>,
    /// From `PARTITION BY` on.
    pub(super) partitions: Option<String>,
    pub(super) versioned: bool,
    /// What is none of these.
    others: String,
}

const CHARSET: &str = "DEFAULT CHARSET";
const COLLATE: &str = "COLLATE";

impl Options {
    pub(super) fn new(dialect: Dialect, tail: &str) -> Self {
        let mut options = Self::default();
        let words = words(dialect, tail.trim_end_matches(';'));
        let mut at = 0;
        while let Some(word) = words.get(at) {
            if word.is("PARTITION") {
                let end = words.last().map_or(tail.len(), |last| last.span.end);
                options.partitions = Some(tail[word.span.start..end].to_owned());
                break;
            }
            if word.is("WITH") && words.get(at + 1).is_some_and(|next| next.is("SYSTEM")) {
                options.versioned = true;
                at += 3;
                continue;
            }
            let sign = at + 1 + usize::from(word.is("DEFAULT"));
            let is_assigned = words.get(sign).is_some_and(|sign| sign.text == "=");
            let Some(value) = words.get(sign + 1).filter(|_| is_assigned) else {
                options.others.push_str(word.text);
                at += 1;
                continue;
            };
            let mut end = sign + 1;
            if value.text == "(" {
                end += words[sign + 1..].iter().position(|word| word.text == ")").unwrap_or(0);
            }
            let names: Vec<_> = words[at..sign].iter().map(|word| word.name().to_uppercase()).collect();
            let text = tail[word.span.start..words[end].span.end].to_owned();
            options.list.push((names.join(" "), text));
            at = end + 1;
        }
        options
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.list.iter().find(|(other, _)| other == key).map(|(_, text)| text.as_str())
    }

    pub(super) fn charset(&self) -> Option<String> {
        Some(self.get(CHARSET)?.rsplit('=').next()?.trim().to_lowercase())
    }

    /// Whether text columns that say nothing of their own have another character set.
    pub(super) fn has_same_text(&self, other: &Self) -> bool {
        [CHARSET, COLLATE].iter().all(|key| self.get(key) == other.get(key))
    }

    pub(super) fn has_same_engine(&self, other: &Self) -> bool {
        self.get("ENGINE") == other.get("ENGINE")
    }

    /// The clauses that make these of others.
    pub(super) fn clauses(&self, before: &Self) -> Clauses {
        let mut clauses = Clauses::default();
        if !self.has_same_text(before) {
            let both = [CHARSET, COLLATE].iter().filter_map(|key| self.get(key));
            clauses.now.push(both.collect::<Vec<_>>().join(" "));
        }
        let is_text = |key: &str| key == CHARSET || key == COLLATE;
        for (key, text) in self.list.iter().filter(|(key, _)| !is_text(key)) {
            if before.get(key) != Some(text) {
                clauses.now.push(text.clone());
            }
        }
        for (key, _) in before.list.iter().filter(|(key, _)| !is_text(key) && self.get(key).is_none()) {
            match absent(key) {
                // another engine takes them over, and does without when asked
                Some(value) if !self.has_same_engine(before) => clauses.then.push(format!("{key}={value}")),
                Some(value) => clauses.now.push(format!("{key}={value}")),
                None => clauses.unable.push(key.clone()),
            }
        }
        if self.others != before.others {
            clauses.unable.push(format!("{} {}", before.others, self.others));
        }
        clauses
    }

    /// What no clause makes, of options that are said to differ.
    pub(super) fn unable(&self, before: &Self, differ: bool) -> Vec<String> {
        let Clauses { now, then, unable } = self.clauses(before);
        let is_same = self.partitions == before.partitions && self.versioned == before.versioned;
        if differ && is_same && now.is_empty() && then.is_empty() && unable.is_empty() {
            return vec!["its options".to_owned()];
        }
        unable
    }
}

/// What makes options of others.
#[derive(Debug, Default)]
pub(super) struct Clauses {
    pub(super) now: Vec<String>,
    /// In a statement of their own behind the other.
    pub(super) then: Vec<String>,
    /// The options that no clause makes.
    pub(super) unable: Vec<String>,
}

/// The value of an option that is not there.
fn absent(key: &str) -> Option<&'static str> {
    Some(match key {
        "COMMENT" => "''",
        "ROW_FORMAT"
        | "STATS_PERSISTENT"
        | "STATS_AUTO_RECALC"
        | "STATS_SAMPLE_PAGES"
        | "PACK_KEYS"
        | "PAGE_CHECKSUM"
        | "TRANSACTIONAL"
        | "PAGE_COMPRESSED"
        | "PAGE_COMPRESSION_LEVEL"
        | "ENCRYPTED"
        | "ENCRYPTION_KEY_ID" => "DEFAULT",
        "MAX_ROWS" | "MIN_ROWS" | "AVG_ROW_LENGTH" | "KEY_BLOCK_SIZE" | "CHECKSUM" | "DELAY_KEY_WRITE" => "0",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(tail: &str) -> Options {
        Options::new(Dialect::MariaDb, tail)
    }

    #[test]
    fn what_stands_behind_a_table() {
        let found = options(
            "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='a; PARTITION' `PAGE_COMPRESSED`=1 WITH SYSTEM VERSIONING\n PARTITION BY HASH (`id`)\nPARTITIONS 2;",
        );
        let keys: Vec<_> = found.list.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["ENGINE", "DEFAULT CHARSET", "COLLATE", "COMMENT", "PAGE_COMPRESSED"]);
        assert!(found.versioned && found.others.is_empty());
        assert_eq!(found.partitions.as_deref(), Some("PARTITION BY HASH (`id`)\nPARTITIONS 2"));
    }

    #[test]
    fn options_that_come_and_go() {
        let before = options("ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='x' INSERT_METHOD=LAST;");
        let now = options("ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC;");
        let clauses = now.clauses(&before);
        let expected = ["DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin", "ROW_FORMAT=DYNAMIC", "COMMENT=''"];
        assert_eq!(clauses.now, expected);
        assert_eq!(clauses.unable, ["INSERT_METHOD"]);
    }
}
