//! A column as PostgreSQL's introspection spells it: name, type, collation, value, `NOT NULL`.

use crate::dialect::Dialect;
use crate::diff::text::{Word, words};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) collation: Option<&'a str>,
    pub(super) value: Value<'a>,
    pub(super) not_null: bool,
}

/// Where its values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// From whoever writes.
    Given,
    /// The same, and this expression else.
    Default(&'a str),
    /// Computed: `(a + b) STORED`.
    Computed(&'a str),
    /// From a sequence of its own: `ALWAYS` or `BY DEFAULT`, and the options between the parentheses.
    Identity { when: &'a str, options: &'a str },
}

impl<'a> Column<'a> {
    /// Reads the text of a column.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        const AFTER: [&str; 4] = ["COLLATE", "GENERATED", "DEFAULT", "NOT"];
        let words = words(Dialect::Postgres, text);
        let name = words.first()?;
        let not_null =
            matches!(words.as_slice(), [.., not, null] if not.is_outer(&["NOT"]) && null.is_outer(&["NULL"]));
        let words = if not_null { &words[..words.len() - 2] } else { &words[..] };
        let end = words.last()?.span.end;
        let start_of = |at: usize| words.get(at).map_or(end, |word| word.span.start);
        let after_type =
            words.iter().skip(1).position(|word| word.is_outer(&AFTER)).map_or(words.len(), |at| at + 1);
        let kind = text[name.span.end..start_of(after_type).max(name.span.end)].trim();
        let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found.is_outer(&[word]));
        let mut at = after_type;
        let mut collation = None;
        if is(at, "COLLATE") {
            let behind = (at + 1..words.len()).find(|&at| words[at].is_outer(&AFTER)).unwrap_or(words.len());
            collation = Some(text[start_of(at + 1)..start_of(behind)].trim());
            at = behind;
        }
        let value = match words.get(at) {
            None => Value::Given,
            Some(_) if is(at, "DEFAULT") => Value::Default(text[start_of(at + 1)..end].trim()),
            Some(_) => generated(text, &words[at..], end)?,
        };
        Some(Self { name: name.text, kind, collation, value, not_null })
    }

    /// Type and collation.
    pub(super) fn full_type(&self) -> String {
        let collation = self.collation.map(|name| format!(" COLLATE {name}")).unwrap_or_default();
        format!("{}{collation}", self.kind)
    }

    pub(super) const fn is_computed(&self) -> bool {
        matches!(self.value, Value::Computed(_))
    }
}

/// `GENERATED ALWAYS AS (…) STORED`, or `GENERATED … AS IDENTITY [(…)]`.
fn generated<'a>(text: &'a str, words: &[Word<'a>], end: usize) -> Option<Value<'a>> {
    let of = words.iter().position(|word| word.is_outer(&["AS"]))?;
    let when = text[words.get(1)?.span.start..words[of].span.start].trim();
    let next = words.get(of + 1)?;
    if !next.is_outer(&["IDENTITY"]) {
        return Some(Value::Computed(text[next.span.start..end].trim()));
    }
    let options = text[next.span.end..end].trim();
    let options = options.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(options);
    Some(Value::Identity { when, options: options.trim() })
}

/// How a value of one type becomes one of another: nothing where the database does it by itself, and
/// fails rather than cutting something off.
pub(super) fn using(name: &str, from: &str, to: &str, made_anew: bool) -> String {
    let dimensions = if from.ends_with("[]") && to.ends_with("[]") { "[]" } else { "" };
    if made_anew {
        return format!(" USING {name}::text{dimensions}::{to}");
    }
    let (was, is) = (family(from), family(to));
    if is == Family::Text || is == Family::Bits && was == Family::Bits {
        return String::new();
    }
    let direct = was == is && was != Family::Other
        || was == Family::Text && dimensions.is_empty()
        || is_direct(from, to);
    if direct { format!(" USING {name}::{to}") } else { format!(" USING {name}::text{dimensions}::{to}") }
}

/// Types between whose members the database casts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Text,
    Number,
    Bits,
    Json,
    Other,
}

fn family(kind: &str) -> Family {
    let base = kind.split('(').next().unwrap_or(kind).trim();
    match base {
        "text" | "character varying" | "character" | "name" => Family::Text,
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => Family::Number,
        "bit" | "bit varying" => Family::Bits,
        "json" | "jsonb" => Family::Json,
        _ => Family::Other,
    }
}

fn is_direct(from: &str, to: &str) -> bool {
    let base = |kind: &str| kind.split('(').next().unwrap_or_default().trim().to_owned();
    let stamp = |kind: &str| base(kind).starts_with("timestamp") || kind == "date";
    let pairs = [("integer", "boolean"), ("boolean", "integer")];
    stamp(from) && (stamp(to) || base(to).starts_with("time ")) || pairs.contains(&(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_read() {
        let read = |text: &'static str| Column::read(text).unwrap();
        let column = read("a character varying(20) COLLATE \"C\" DEFAULT 'x y'::character varying NOT NULL");
        assert_eq!(
            (column.name, column.kind, column.collation),
            ("a", "character varying(20)", Some("\"C\""))
        );
        assert_eq!((column.value, column.not_null), (Value::Default("'x y'::character varying"), true));
        let column = read("id bigint GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 2) NOT NULL");
        assert_eq!(column.value, Value::Identity { when: "BY DEFAULT", options: "INCREMENT BY 2" });
        assert_eq!(
            read("id bigint GENERATED ALWAYS AS IDENTITY NOT NULL").value,
            Value::Identity { when: "ALWAYS", options: "" }
        );
        let column = read("c integer GENERATED ALWAYS AS ((a + b)) STORED");
        assert_eq!(
            (column.kind, column.value, column.not_null),
            ("integer", Value::Computed("((a + b)) STORED"), false)
        );
        assert_eq!(read("\"A b\" public.\"State\"[]").kind, "public.\"State\"[]");
        assert_eq!(read("a boolean DEFAULT (b IS NOT NULL)").value, Value::Default("(b IS NOT NULL)"));
    }

    #[test]
    fn values_find_their_new_type() {
        for (from, to, expected) in [
            ("integer", "bigint", " USING a::bigint"),
            ("text", "integer", " USING a::integer"),
            ("integer", "text", ""),
            ("integer", "date", " USING a::text::date"),
            ("text[]", "integer[]", " USING a::text[]::integer[]"),
            ("timestamp without time zone", "date", " USING a::date"),
        ] {
            assert_eq!(using("a", from, to, false), expected, "{from} {to}");
        }
        assert_eq!(using("a", "public.e", "public.e", true), " USING a::text::public.e");
    }
}
