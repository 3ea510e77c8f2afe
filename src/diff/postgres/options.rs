//! Lists of options: of sequences, and storage parameters.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::diff::text::words;

/// The options of a sequence as introspection spells them: what is not said has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) kind: Option<String>,
    /// The name of an identity column's sequence, where it is not the usual one.
    pub(super) name: Option<String>,
    options: BTreeMap<&'static str, String>,
    cycle: bool,
}

const OPTIONS: [(&str, &str); 5] = [
    ("INCREMENT", "INCREMENT BY"),
    ("MINVALUE", "MINVALUE"),
    ("MAXVALUE", "MAXVALUE"),
    ("START", "START WITH"),
    ("CACHE", "CACHE"),
];

impl Sequence {
    /// Reads what stands behind the name of a sequence.
    pub(super) fn read(text: &str) -> Self {
        let words: Vec<_> = words(Dialect::Postgres, text).iter().map(|word| word.text).collect();
        let mut sequence = Self::default();
        let mut at = 0;
        while at < words.len() {
            let number = |from: usize| {
                let rest = words.get(from..).unwrap_or_default();
                let digits = rest
                    .iter()
                    .take_while(|w| w.starts_with(['-', '+']) || w.starts_with(|c: char| c.is_ascii_digit()));
                digits.copied().collect::<String>()
            };
            match words[at] {
                "AS" => sequence.kind = words.get(at + 1).map(|kind| (*kind).to_owned()),
                "CYCLE" => sequence.cycle = true,
                "SEQUENCE" if words.get(at + 1) == Some(&"NAME") => {
                    let name = words
                        .iter()
                        .skip(at + 2)
                        .take_while(|word| !OPTIONS.iter().any(|o| o.0 == **word) && **word != "CYCLE");
                    sequence.name = Some(name.copied().collect());
                }
                word => {
                    if let Some(&(_, phrase)) = OPTIONS.iter().find(|(first, _)| *first == word) {
                        let skip = phrase.split(' ').count();
                        sequence.options.insert(phrase, number(at + skip));
                    }
                }
            }
            at += 1;
        }
        sequence
    }

    /// What makes this sequence of another: `INCREMENT BY 2 NO MAXVALUE`, nothing where they are alike.
    pub(super) fn changes(&self, from: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.kind != from.kind {
            changes.push(format!("AS {}", self.kind.as_deref().unwrap_or("bigint")));
        }
        let moved = self.kind != from.kind || self.turns(from);
        for (_, phrase) in OPTIONS {
            let (was, is) = (from.options.get(phrase), self.options.get(phrase));
            let bound = phrase.ends_with("VALUE");
            match is {
                // the start stays what it was, whatever the bounds become
                _ if phrase == "START WITH" => {
                    if self.start() != from.start() {
                        changes.push(format!("START WITH {}", self.start()));
                    }
                }
                // the bounds follow the type and the direction
                _ if was == is && !(bound && moved) => {}
                Some(value) => changes.push(format!("{phrase} {value}")),
                None if bound => changes.push(format!("NO {phrase}")),
                None => changes.push(format!("{phrase} 1")),
            }
        }
        if self.turns(from) {
            changes.push(format!("RESTART WITH {}", self.start()));
        }
        if self.cycle != from.cycle {
            changes.push(if self.cycle { "CYCLE" } else { "NO CYCLE" }.to_owned());
        }
        changes
    }

    fn counts_down(&self) -> bool {
        self.options.get("INCREMENT BY").is_some_and(|by| by.starts_with('-'))
    }

    /// Whether it counts in the other direction than that one.
    pub(super) fn turns(&self, other: &Self) -> bool {
        self.counts_down() != other.counts_down()
    }

    /// The value to begin with: where none is said, the end from which it counts.
    fn start(&self) -> String {
        let end = self.options.get(if self.counts_down() { "MAXVALUE" } else { "MINVALUE" });
        let usual = if self.counts_down() { "-1" } else { "1" };
        self.options.get("START WITH").or(end).cloned().unwrap_or_else(|| usual.to_owned())
    }

    /// What brings the position of a sequence between new bounds, before they hold.
    pub(super) fn between_bounds(&self, from: &Self, name: &str) -> Option<String> {
        let new = |phrase: &str| {
            let value = self.options.get(phrase)?;
            (from.options.get(phrase) != Some(value)).then_some(value)
        };
        let (low, high) = (new("MINVALUE"), new("MAXVALUE"));
        if self.turns(from) || low.is_none() && high.is_none() {
            return None;
        }
        let mut value = "last_value".to_owned();
        if let Some(low) = low {
            value = format!("greatest({value}, {low})");
        }
        if let Some(high) = high {
            value = format!("least({value}, {high})");
        }
        let literal = name.replace('\'', "''");
        let outside = format!("{value} <> last_value");
        Some(format!("SELECT setval('{literal}', {value}, is_called) FROM {name} WHERE {outside};"))
    }
}

/// `SET (…)` and `RESET (…)` that make one list of parameters of another.
pub(super) fn parameters(from: &str, to: &str) -> Vec<String> {
    let (from, to) = (list(from), list(to));
    let set: Vec<_> = to
        .iter()
        .filter(|(name, value)| from.get(*name) != Some(value))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let reset: Vec<_> = from.keys().filter(|name| !to.contains_key(*name)).cloned().collect();
    let clause = |word: &str, names: Vec<String>| {
        (!names.is_empty()).then(|| format!("{word} ({})", names.join(", ")))
    };
    clause("SET", set).into_iter().chain(clause("RESET", reset)).collect()
}

/// `a='1', toast.b='2'`.
fn list(text: &str) -> BTreeMap<String, String> {
    let mut list = BTreeMap::new();
    let (mut name, mut value, mut behind) = (String::new(), String::new(), false);
    for word in words(Dialect::Postgres, text) {
        match word.text {
            "," => {
                list.insert(std::mem::take(&mut name), std::mem::take(&mut value));
                behind = false;
            }
            "=" => behind = true,
            text if behind => value.push_str(text),
            text => name.push_str(text),
        }
    }
    if !name.is_empty() {
        list.insert(name, value);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_one_sequence_of_another() {
        let changes = |from: &str, to: &str| Sequence::read(to).changes(&Sequence::read(from)).join(" ");
        assert_eq!(changes("", ""), "");
        assert_eq!(changes("AS integer", "AS integer CYCLE"), "CYCLE");
        assert_eq!(
            changes("", "INCREMENT BY -2 MAXVALUE 9"),
            "INCREMENT BY -2 NO MINVALUE MAXVALUE 9 START WITH 9 RESTART WITH 9"
        );
        assert_eq!(changes("START WITH 5 CACHE 3", "MINVALUE 2"), "MINVALUE 2 START WITH 2 CACHE 1");
        assert_eq!(
            Sequence::read("SEQUENCE NAME public.\"A b\" CYCLE").name.as_deref(),
            Some("public.\"A b\"")
        );
    }

    #[test]
    fn what_makes_one_list_of_parameters_of_another() {
        assert_eq!(
            parameters("fillfactor='70', toast.x='1'", "fillfactor='80'"),
            ["SET (fillfactor='80')", "RESET (toast.x)"]
        );
        assert!(parameters("", "").is_empty());
    }
}
