//! Functions, procedures and views: what a new text may replace, and how one is written.

use crate::schema::{Kind, Object};

/// Whether `CREATE OR REPLACE` will do: name, arguments and result are the same.
pub(super) fn replaceable(from: &Object, to: &Object) -> bool {
    let head = |text: &str| text.split("\n LANGUAGE ").next().unwrap_or(text).to_owned();
    head(&from.definition) == head(&to.definition)
}

/// The statement that drops an object, where one of its own does.
pub(super) fn drop(object: &Object) -> String {
    let name = &object.name;
    // `schema.table.name`
    let (table, last) = split_last(name);
    match object.kind {
        Kind::Schema => format!("DROP SCHEMA {name};"),
        Kind::Extension => format!("DROP EXTENSION {name};"),
        Kind::Enum | Kind::Composite | Kind::Range => format!("DROP TYPE {name};"),
        Kind::Domain => format!("DROP DOMAIN {name};"),
        // it may have gone with its column
        Kind::Sequence => format!("DROP SEQUENCE IF EXISTS {name};"),
        Kind::SequenceOwner => format!("ALTER SEQUENCE {name} OWNED BY NONE;"),
        Kind::Function => format!("DROP FUNCTION {name};"),
        Kind::Procedure => format!("DROP PROCEDURE {name};"),
        Kind::Aggregate => format!("DROP AGGREGATE {};", aggregate(name)),
        Kind::View => format!("DROP VIEW {name};"),
        Kind::MaterializedView => format!("DROP MATERIALIZED VIEW {name};"),
        Kind::Index => format!("DROP INDEX {name};"),
        Kind::Trigger => format!("DROP TRIGGER {last} ON {table};"),
        Kind::Rule => format!("DROP RULE {last} ON {table};"),
        Kind::Policy => format!("DROP POLICY {last} ON {table};"),
        Kind::ForeignKey => format!("ALTER TABLE {table} DROP CONSTRAINT {last};"),
        Kind::Comment => {
            let text = object.definition.split(" IS '").next().unwrap_or_default();
            format!("{text} IS NULL;")
        }
        _ => format!("DROP TABLE {name};"),
    }
}

/// An aggregate of any rows is dropped with a star.
fn aggregate(name: &str) -> String {
    name.strip_suffix("()").map_or_else(|| name.to_owned(), |name| format!("{name}(*)"))
}

/// The statements that make an object. A materialized view is filled: it cannot be read else.
pub(super) fn create(object: &Object) -> String {
    match object.kind {
        Kind::MaterializedView => match object.definition.strip_suffix("\n  WITH NO DATA;") {
            Some(query) => format!("{query};"),
            None => object.definition.clone(),
        },
        _ => object.definition.clone(),
    }
}

/// `public.users.trigger` → `public.users` and `trigger`.
pub(super) fn split_last(name: &str) -> (&str, &str) {
    let mut inside = false;
    let mut dot = None;
    for (at, c) in name.char_indices() {
        match c {
            '"' => inside = !inside,
            '.' if !inside => dot = Some(at),
            _ => {}
        }
    }
    dot.map_or(("", name), |at| (&name[..at], &name[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: Kind, name: &str, definition: &str) -> Object {
        Object { kind, name: name.to_owned(), definition: definition.to_owned() }
    }

    #[test]
    fn what_drops_an_object() {
        for (kind, name, expected) in [
            (Kind::Trigger, "public.\"a.b\".t", "DROP TRIGGER t ON public.\"a.b\";"),
            (Kind::ForeignKey, "public.t.k", "ALTER TABLE public.t DROP CONSTRAINT k;"),
            (Kind::Function, "public.f(a integer)", "DROP FUNCTION public.f(a integer);"),
            (Kind::Aggregate, "public.n()", "DROP AGGREGATE public.n(*);"),
        ] {
            assert_eq!(drop(&object(kind, name, "")), expected);
        }
        let comment = object(Kind::Comment, "table public.t", "COMMENT ON TABLE public.t IS 'x IS ''y''';");
        assert_eq!(drop(&comment), "COMMENT ON TABLE public.t IS NULL;");
    }

    #[test]
    fn what_replaces_a_function() {
        let function = |result: &str, body: &str| {
            let text = format!(
                "CREATE OR REPLACE FUNCTION public.f()\n RETURNS {result}\n LANGUAGE sql\nAS $function${body}$function$;"
            );
            object(Kind::Function, "public.f()", &text)
        };
        assert!(replaceable(&function("integer", "SELECT 1"), &function("integer", "SELECT 2")));
        assert!(!replaceable(&function("integer", ""), &function("bigint", "")));
    }

    #[test]
    fn a_materialized_view_is_filled() {
        let view =
            object(Kind::MaterializedView, "v", "CREATE MATERIALIZED VIEW v AS\n SELECT 1\n  WITH NO DATA;");
        assert_eq!(create(&view), "CREATE MATERIALIZED VIEW v AS\n SELECT 1;");
    }
}
