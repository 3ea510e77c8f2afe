//! Whether every value of one type is one of another, as far as their names say.

use crate::diff::text::Word;

/// A column's type: its name, what stands in parentheses, and whether it has no sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Type {
    name: String,
    arguments: Vec<String>,
    unsigned: bool,
}

const NUMBERS: [&str; 5] = ["tinyint", "smallint", "mediumint", "int", "bigint"];
const TEXTS: [&str; 6] = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext"];
const BYTES: [&str; 6] = ["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"];

impl Type {
    /// From what stands behind a column's name.
    pub(super) fn new(words: &[Word<'_>]) -> Self {
        let Some(name) = words.first() else { return Self::default() };
        let opens = words.get(1).is_some_and(|word| word.text == "(");
        let arguments = words[1..].iter().take_while(|word| opens && word.depth > 0);
        let arguments = arguments.filter(|word| !matches!(word.text, "(" | ")" | ","));
        Self {
            name: name.text.to_lowercase(),
            arguments: arguments.map(|word| word.text.to_owned()).collect(),
            unsigned: words.iter().any(|word| word.depth == 0 && word.is("UNSIGNED")),
        }
    }

    /// Whether it takes every value of another.
    pub(super) fn takes(&self, other: &Self) -> bool {
        let numbers =
            |ty: &Self| ty.arguments.iter().filter_map(|n| n.parse::<u64>().ok()).collect::<Vec<_>>();
        let grows = [&NUMBERS[..], &TEXTS, &BYTES].into_iter().find_map(|names| {
            let place = |ty: &Self| names.iter().position(|name| *name == ty.name);
            Some((place(self)?, place(other)?))
        });
        match (self.name.as_str(), grows) {
            _ if self == other => true,
            ("enum" | "set", _) if self.name == other.name => {
                other.arguments.iter().all(|value| self.arguments.contains(value))
            }
            // what stands in parentheses is how wide they are shown
            (_, Some((now, before))) if NUMBERS.contains(&self.name.as_str()) => {
                now >= before && self.unsigned == other.unsigned || now > before && other.unsigned
            }
            (_, Some((now, before))) if now >= before => {
                let (now, before) = (numbers(self), numbers(other));
                now.is_empty() || now.first() >= before.first() && !before.is_empty()
            }
            ("decimal", _) if self.name == other.name && self.unsigned == other.unsigned => {
                let (now, before) = (numbers(self), numbers(other));
                let ([digits, behind], [all, point]) = (&now[..], &before[..]) else { return false };
                behind >= point && digits.saturating_sub(*behind) >= all.saturating_sub(*point)
            }
            ("datetime" | "timestamp" | "time", _) if self.name == other.name => {
                numbers(self).first().unwrap_or(&0) >= numbers(other).first().unwrap_or(&0)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::diff::text::words;

    #[test]
    fn what_takes_what() {
        let ty = |text: &str| Type::new(&words(Dialect::MariaDb, text));
        for (before, now, takes) in [
            ("int(11)", "int(10)", true),
            ("int(11)", "bigint(20) DEFAULT NULL", true),
            ("int(11)", "smallint(6)", false),
            ("int(11)", "int(10) unsigned", false),
            ("int(10) unsigned", "bigint(20)", true),
            ("int(10) unsigned", "int(11)", false),
            ("varchar(10)", "varchar(20) NOT NULL", true),
            ("varchar(20)", "varchar(10)", false),
            ("varchar(20)", "text", true),
            ("text", "varchar(20)", false),
            ("enum('a','b')", "enum('b','a','c')", true),
            ("enum('a','b')", "enum('a')", false),
            ("decimal(10,2)", "decimal(12,3)", true),
            ("decimal(10,2)", "decimal(10,3)", false),
            ("datetime(6)", "datetime", false),
            ("datetime", "datetime(6)", true),
            ("int(11)", "varchar(20)", false),
            ("json", "json", true),
        ] {
            assert_eq!(ty(now).takes(&ty(before)), takes, "{before} {now}");
        }
    }
}
