//! What a change would lose for good, and the schema that keeps it.
//!
//! Lost are rows: of tables and of columns that go, digits of a type that holds fewer, the position of a
//! sequence. What is only a definition (an index, a view, a function) is in the sources, and no loss. A
//! change that fails where a row does not fit loses nothing either.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{bare_arguments, clauses, concerns, mentions, qualified, unquoted, words};
use crate::dialect::Dialect;
use crate::schema::{Kind, Object, Schema, order};
use crate::sql::{self, Part};

/// Something that would be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The kind of the object.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The part of a table, as in [`Part::name`]: `column id`.
    pub part: Option<String>,
    /// What is lost, for people: `its rows`, `the digits behind the point`.
    pub what: &'static str,
}

/// What the way from one schema to the other loses.
pub fn losses(dialect: Dialect, from: &Schema, to: &Schema) -> Vec<Loss> {
    let mut losses = Vec::new();
    let wanted = to.by_name();
    for object in &from.objects {
        let loss =
            |part: Option<String>, what| Loss { kind: object.kind, name: object.name.clone(), part, what };
        let Some(after) = wanted.get(&(object.kind, object.name.as_str())) else {
            losses.extend(whole(from, object).map(|what| loss(None, what)));
            continue;
        };
        if object.definition == after.definition {
            continue;
        }
        if object.kind == Kind::VirtualTable
            && sql::normal_form(dialect, &object.definition) != sql::normal_form(dialect, &after.definition)
        {
            losses.push(loss(None, "its content"));
        }
        if object.kind == Kind::Composite
            && object.definition.lines().any(|line| !after.definition.contains(line.trim_end_matches(',')))
        {
            losses.push(loss(None, "the content of its attributes"));
        }
        if is_versioned(dialect, object) && !is_versioned(dialect, after) {
            losses.push(loss(None, "the history of its rows"));
            continue; // it stays as it is
        }
        if object.kind == Kind::Table {
            let parts = parts_lost(dialect, &object.definition, &after.definition);
            losses.extend(parts.into_iter().map(|(part, what)| loss(Some(part), what)));
        }
    }
    losses
}

/// Whether a table keeps the rows that it had (MariaDB).
fn is_versioned(dialect: Dialect, object: &Object) -> bool {
    dialect == Dialect::MariaDb
        && object.kind == Kind::Table
        && sql::table_text(dialect, &object.definition).is_some_and(|table| {
            let words = words(dialect, table.tail);
            words.windows(2).any(|pair| pair[0].is("SYSTEM") && pair[1].is("VERSIONING"))
        })
}

/// What goes with a whole object.
fn whole(from: &Schema, object: &Object) -> Option<&'static str> {
    match object.kind {
        Kind::Table => Some("its rows"),
        Kind::VirtualTable => Some("its content"),
        // one that a column owns goes with its column, or into another one
        Kind::Sequence => from.find(Kind::SequenceOwner, &object.name).is_none().then_some("its position"),
        _ => None,
    }
}

fn parts_lost(dialect: Dialect, before: &str, after: &str) -> Vec<(String, &'static str)> {
    let (Some(before), Some(after)) = (sql::table_parts(dialect, before), sql::table_parts(dialect, after))
    else {
        return Vec::new();
    };
    let column = |part: &&Part| part.name.starts_with("column ");
    let lost = before.iter().filter(column).filter_map(|part| {
        match after.iter().find(|other| same_name(dialect, &other.name, &part.name)) {
            None if is_computed(part) => None,
            None => Some((part.name.clone(), "its content")),
            Some(other) if is_computed(other) && !is_computed(part) => {
                Some((part.name.clone(), "its content"))
            }
            Some(other) => Some((part.name.clone(), narrowed(dialect, part, other)?)),
        }
    });
    lost.collect()
}

/// Whether two parts are one to the database: only PostgreSQL tells the case of names apart.
fn same_name(dialect: Dialect, a: &str, b: &str) -> bool {
    let bare = |name: &str| name.replace('"', "").to_lowercase();
    a == b || dialect != Dialect::Postgres && bare(a) == bare(b)
}

/// Whether the content follows from other columns.
pub(super) fn is_computed(part: &Part) -> bool {
    (part.text.contains(" generated always as") && !part.text.contains(" as identity"))
        || part.text.contains(" as(")
}

/// What a column's new type cannot hold, where the database would cut it off without a word.
fn narrowed(dialect: Dialect, before: &Part, after: &Part) -> Option<&'static str> {
    let (was, is) = (clauses(dialect, &before.source)?, clauses(dialect, &after.source)?);
    let (was, is) = (sql::normal_form(dialect, was.kind), sql::normal_form(dialect, is.kind));
    if was == is || dialect == Dialect::Sqlite {
        return None; // SQLite keeps what does not fit as it is
    }
    let ((was, was_size), (is, is_size)) = (sized(&was), sized(&is));
    let one_of = |name: &str, names: &[&str]| names.contains(&name);
    let broken = ["numeric", "decimal", "real", "double precision", "double", "float", "money"];
    let whole = ["smallint", "integer", "bigint", "int", "tinyint", "mediumint", "bool", "boolean"];
    let times = ["timestamp without time zone", "timestamp with time zone", "timestamp", "datetime"];
    if one_of(&was, &broken) && one_of(&is, &whole) {
        return Some("the digits behind the point");
    }
    if one_of(&was, &["numeric", "decimal"]) && was == is {
        let scale = |size: Option<(u32, u32)>| size.map_or(u32::MAX, |(_, scale)| scale);
        return (scale(is_size) < scale(was_size)).then_some("digits behind the point");
    }
    let floats = ["real", "double precision", "double", "float"];
    if one_of(&was, &["numeric", "decimal", "bigint"]) && one_of(&is, &floats)
        || one_of(&was, &floats) && one_of(&is, &["numeric", "decimal"])
        || one_of(&was, &["double precision", "double"]) && one_of(&is, &["real", "float"])
    {
        return Some("digits that the new type cannot hold");
    }
    if one_of(&was, &whole) && !one_of(&was, &["bool", "boolean"]) && one_of(&is, &["bool", "boolean"]) {
        return Some("all but zero and not zero");
    }
    match (one_of(&was, &times), is.as_str()) {
        (true, "date") => Some("the time of the day"),
        (true, "time" | "time without time zone" | "time with time zone") => Some("the date"),
        (true, _) if one_of(&is, &times) => {
            let digits = |size: Option<(u32, u32)>| {
                size.map_or(if dialect == Dialect::Postgres { 6 } else { 0 }, |(digits, _)| digits)
            };
            (digits(is_size) < digits(was_size)).then_some("fractions of seconds")
        }
        _ => None,
    }
}

/// `numeric(10,2)` → `numeric` and its two numbers; `timestamp(3)without time zone` likewise.
fn sized(kind: &str) -> (String, Option<(u32, u32)>) {
    let kind = kind.strip_suffix(" unsigned").unwrap_or(kind);
    let Some((head, rest)) = kind.split_once('(') else { return (kind.to_owned(), None) };
    let Some((numbers, tail)) = rest.split_once(')') else { return (kind.to_owned(), None) };
    let mut numbers = numbers.split(',').map(|number| number.trim().parse::<u32>().ok());
    let size = numbers.next().flatten().map(|first| (first, numbers.next().flatten().unwrap_or(0)));
    let tail = tail.trim();
    let name = if tail.is_empty() { head.trim().to_owned() } else { format!("{} {tail}", head.trim()) };
    (name, size)
}

/// The wanted schema with all that would be lost still in it, and what that needs to be there.
pub fn retain(dialect: Dialect, from: &Schema, to: &Schema, losses: &[Loss]) -> Schema {
    let mut kept: BTreeSet<usize> = BTreeSet::new();
    let mut objects = to.objects.clone();
    let place = |kind: Kind, name: &str| {
        from.objects.iter().position(|object| object.kind == kind && object.name == name)
    };
    for loss in losses {
        let Some(at) = place(loss.kind, &loss.name) else { continue };
        match (&loss.part, objects.iter_mut().find(|o| o.kind == loss.kind && o.name == loss.name)) {
            (Some(part), Some(object)) => {
                if let Some((definition, text)) =
                    with_part(dialect, &object.definition, &from.objects[at].definition, part)
                {
                    object.definition = definition;
                    kept.extend(needed_by(from, to, at, |needed| text.contains(&needed)));
                }
            }
            (None, Some(object)) => object.definition.clone_from(&from.objects[at].definition),
            (_, None) => kept.extend([at].into_iter().chain(belonging(from, to, at))),
        }
    }
    close(from, to, &mut kept);
    let retained: Vec<Object> = kept.iter().map(|&at| from.objects[at].clone()).collect();
    let objects: Vec<Object> = retained.into_iter().chain(objects).collect();
    let needs = needs(from, to, &objects);
    if needs.is_empty() {
        return Schema::new(objects); // nothing is known (SQLite): what is kept was there before the rest
    }
    let keys: Vec<_> = objects.iter().map(|object| (object.kind, object.name.as_str())).collect();
    let order = order(&keys, &needs);
    Schema::ordered(objects, &order, &needs)
}

/// A table's text with one column as it was before, and that column. Constraints on a column that keeps its
/// type are those which it had: what is wanted of them is spelled for another type.
fn with_part(dialect: Dialect, wanted: &str, before: &str, name: &str) -> Option<(String, String)> {
    let old = sql::table_parts(dialect, before)?;
    let was = old.iter().find(|part| part.name == name)?;
    let table = sql::table_text(dialect, wanted)?;
    let column = unquoted(clauses(dialect, &was.source)?.name);
    let comes_back = table.parts.iter().all(|part| part.name != name);
    let mut columns = Vec::new();
    let mut constraints = Vec::new();
    for part in table.parts.iter().filter(|part| part.name != "options") {
        let kept = old.iter().find(|other| other.name == part.name);
        if part.name == name {
            columns.push(was.source.clone());
        } else if part.name.starts_with("column ") {
            columns.push(part.source.clone());
        } else if comes_back || !mentions(dialect, &part.source, &column) {
            constraints.push(part.source.clone());
        } else {
            constraints.extend(kept.map(|kept| kept.source.clone()));
        }
    }
    columns.extend(comes_back.then(|| was.source.clone()));
    columns.extend(constraints);
    let spelled_anew = |line: &&str| {
        !comes_back
            && line.contains(" ADD CONSTRAINT ")
            && mentions(dialect, line, &column)
            && !before.contains(*line)
    };
    let tail: Vec<&str> = table.tail.lines().filter(|line| !spelled_anew(line)).collect();
    let text = format!("{} (\n    {}\n) {}", table.head, columns.join(",\n    "), tail.join("\n"));
    Some((text, was.source.clone()))
}

/// What belongs to a table that stays, and is not wanted either: it would go with the table.
fn belonging(from: &Schema, to: &Schema, table: usize) -> Vec<usize> {
    let name = &from.objects[table].name;
    let belongs = |at: usize| {
        let object = &from.objects[at];
        let light = matches!(
            object.kind,
            Kind::Index
                | Kind::Trigger
                | Kind::Rule
                | Kind::Policy
                | Kind::ForeignKey
                | Kind::SequenceOwner
                | Kind::Comment
        );
        let needs = from.needs.contains(&(at, table));
        light && (needs || of_table(object, name)) && to.find(object.kind, &object.name).is_none()
    };
    (0..from.objects.len()).filter(|&at| belongs(at)).collect()
}

/// Whether an object is a table's own, by its text, where no dependency is known.
fn of_table(object: &Object, table: &str) -> bool {
    match object.kind {
        Kind::Comment => concerns(&object.name, table),
        Kind::Index | Kind::Trigger => {
            let words = super::text::words(Dialect::Sqlite, &object.definition);
            let on = words.iter().position(|word| word.is_outer(&["ON"]));
            on.and_then(|at| words.get(at + 1)).is_some_and(|word| unquoted(word.text) == table)
        }
        _ => false,
    }
}

/// What an object needs and the wanted schema has not, as far as its name fits.
fn needed_by(from: &Schema, to: &Schema, at: usize, fits: impl Fn(String) -> bool) -> Vec<usize> {
    let needed = from.needs.iter().filter(|(dependent, _)| *dependent == at).map(|&(_, needed)| needed);
    let missing = needed.filter(|&needed| {
        let object = &from.objects[needed];
        let name = object.name.split('(').next().unwrap_or_default();
        let bare = bare_arguments(&object.name);
        to.objects.iter().all(|other| other.kind != object.kind || bare_arguments(&other.name) != bare)
            && fits(unquoted(qualified(name).1))
    });
    missing.collect()
}

/// Whatever a kept object needs is kept, too.
fn close(from: &Schema, to: &Schema, kept: &mut BTreeSet<usize>) {
    let mut open: Vec<usize> = kept.iter().copied().collect();
    while let Some(at) = open.pop() {
        let more = needed_by(from, to, at, |_| true);
        open.extend(more.into_iter().filter(|&needed| kept.insert(needed)));
    }
    let owned = |at: &usize| {
        let object = &from.objects[*at];
        let is_kept = |sequence: &usize| from.objects[*sequence].name == object.name;
        object.kind == Kind::SequenceOwner
            && to.find(object.kind, &object.name).is_none()
            && kept.iter().any(is_kept)
    };
    let owners: Vec<usize> = (0..from.objects.len()).filter(owned).collect();
    kept.extend(owners);
}

/// The dependencies of both schemas, at their places in a third.
fn needs(from: &Schema, to: &Schema, objects: &[Object]) -> Vec<(usize, usize)> {
    let key = |object: &Object| (object.kind, bare_arguments(&object.name));
    let place: BTreeMap<(Kind, String), usize> =
        objects.iter().enumerate().map(|(at, object)| (key(object), at)).collect();
    let mut needs = BTreeSet::new();
    for schema in [from, to] {
        let at = |place_there: usize| place.get(&key(&schema.objects[place_there])).copied();
        needs.extend(schema.needs.iter().filter_map(|&(a, b)| Some((at(a)?, at(b)?))));
    }
    needs.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(objects: &[(Kind, &str, &str)], needs: &[(usize, usize)]) -> Schema {
        let object = |(kind, name, text): &(Kind, &str, &str)| Object {
            kind: *kind,
            name: (*name).to_owned(),
            definition: (*text).to_owned(),
        };
        Schema { objects: objects.iter().map(object).collect(), needs: needs.to_vec() }
    }

    fn lost(dialect: Dialect, before: &str, after: &str) -> Option<&'static str> {
        let table = |kind: &str| schema(&[(Kind::Table, "t", &format!("CREATE TABLE t (a {kind})"))], &[]);
        losses(dialect, &table(before), &table(after)).first().map(|loss| loss.what)
    }

    #[test]
    fn types_that_hold_less() {
        for (before, after, expected) in [
            ("numeric(10,2)", "integer", Some("the digits behind the point")),
            ("numeric(10,2)", "numeric(10,1)", Some("digits behind the point")),
            ("numeric(10,2)", "numeric(12,2)", None),
            ("numeric", "numeric(12,2)", Some("digits behind the point")),
            ("timestamp(3) without time zone", "date", Some("the time of the day")),
            ("timestamp without time zone", "timestamp(0) without time zone", Some("fractions of seconds")),
            ("integer", "bigint", None),
            ("character varying(20)", "character varying(10)", None),
        ] {
            assert_eq!(lost(Dialect::Postgres, before, after), expected, "{before} {after}");
        }
        assert_eq!(
            lost(Dialect::Postgres, "bigint", "double precision"),
            Some("digits that the new type cannot hold")
        );
        assert_eq!(
            lost(Dialect::MariaDb, "double", "decimal(10,2)"),
            Some("digits that the new type cannot hold")
        );
        assert_eq!(lost(Dialect::Sqlite, "REAL", "INTEGER"), None);
        let versioned = |tail: &str| {
            schema(&[(Kind::Table, "t", &format!("CREATE TABLE `t` (`a` int) ENGINE=InnoDB{tail}"))], &[])
        };
        let history = losses(Dialect::MariaDb, &versioned(" WITH SYSTEM VERSIONING"), &versioned(""));
        assert_eq!(history[0].what, "the history of its rows");
        assert_eq!(losses(Dialect::MariaDb, &versioned(""), &versioned(" WITH SYSTEM VERSIONING")), []);
        let case =
            |dialect| parts_lost(dialect, "CREATE TABLE t (a int)", "CREATE TABLE t (\"A\" int)").len();
        assert_eq!((case(Dialect::Sqlite), case(Dialect::Postgres)), (0, 1));
        assert_eq!(lost(Dialect::MariaDb, "datetime(3)", "datetime"), Some("fractions of seconds"));
    }

    #[test]
    fn what_is_kept_and_what_that_needs() {
        let from = schema(
            &[
                (Kind::Enum, "public.e", "CREATE TYPE public.e AS ENUM ('a');"),
                (Kind::Function, "public.f()", "f"),
                (
                    Kind::Table,
                    "public.t",
                    "CREATE TABLE public.t (\n    a integer,\n    b public.e DEFAULT 'a'::public.e\n);",
                ),
                (Kind::Table, "public.u", "CREATE TABLE public.u (\n    a public.e\n);"),
                (Kind::Index, "public.i", "CREATE INDEX i ON public.u USING btree (a);"),
            ],
            &[(2, 0), (2, 1), (3, 0), (4, 3)],
        );
        let to = schema(&[(Kind::Table, "public.t", "CREATE TABLE public.t (\n    a integer\n);")], &[]);
        let losses = losses(Dialect::Postgres, &from, &to);
        let of: Vec<_> = losses.iter().map(|loss| (loss.name.as_str(), loss.part.as_deref())).collect();
        assert_eq!(of, [("public.t", Some("column b")), ("public.u", None)]);
        let kept = retain(Dialect::Postgres, &from, &to, &losses);
        let names: Vec<_> = kept.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, ["public.e", "public.t", "public.u", "public.i"]);
        assert!(kept.objects[1].definition.contains("b public.e DEFAULT"));
        assert_eq!(kept.needs, [(1, 0), (2, 0), (3, 2)]);
    }
}
