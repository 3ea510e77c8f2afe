//! The steps on SQLite, where one writer after the other writes, and everything is one transaction.
//!
//! A trigger cannot change a row before it is written, so it writes it once more. An old column that must have a
//! value and has no default lets go of that meanwhile: a check holds that one of both has one.

use super::facts::{Columns, Renamed, Shape, Target, name_of};
use super::names::{made, of_new};
use super::{Side, Step, Steps, guards};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::diff::{Style, qualified, quoted, script, unquoted};
use crate::schema::{Kind, Schema};
use crate::sql::{Part, table_text};

const DIALECT: Dialect = Dialect::Sqlite;

/// A schema in which a part of a table's text is another one.
fn edited(before: &Schema, target: &Target<'_>, edit: impl Fn(&Part) -> String) -> Option<Schema> {
    let mut schema = before.clone();
    let object = schema.objects.iter_mut().find(|it| it.kind == Kind::Table && it.name == target.table)?;
    let text = table_text(DIALECT, &object.definition)?;
    let list = text.parts.iter().filter(|part| part.name != "options").map(|part| {
        if name_of(DIALECT, part).as_deref() == Some(target.column) {
            edit(part)
        } else {
            part.source.clone()
        }
    });
    let list: Vec<String> = list.collect();
    let whole = format!("{} (\n    {}\n) {}", text.head, list.join(",\n    "), text.tail);
    object.definition = format!("{};", whole.trim_end().trim_end_matches(';').trim_end());
    Some(schema)
}

/// The way to such a schema.
fn way(before: &Schema, target: &Target<'_>, edit: impl Fn(&Part) -> String) -> Option<(Vec<String>, bool)> {
    let after = edited(before, target, edit)?;
    let found = script(DIALECT, before, &after, Style::default());
    Some((found.steps.into_iter().map(|step| step.sql).collect(), found.foreign_keys_off))
}

fn plainly(
    before: &Schema,
    target: &Target<'_>,
    edit: impl Fn(&Part) -> String,
) -> Result<Vec<String>, Box<Diagnostic>> {
    let unreadable = || Box::new(Diagnostic::new(format!("`{}` cannot be read from its text", target.table)));
    way(before, target, edit).map(|(statements, _)| statements).ok_or_else(unreadable)
}

/// The plain change of a type: the column's name first, so that what speaks of it follows.
pub(super) fn plain_type(
    before: &Schema,
    target: &Target<'_>,
    to: &str,
    kind: &str,
) -> Result<Vec<String>, Box<Diagnostic>> {
    let table = quoted(DIALECT, target.table);
    let mut statements = plainly(before, target, |part| retyped(&part.source, kind))?;
    statements.push(format!("ALTER TABLE {table} RENAME COLUMN {} TO {to};", target.column));
    Ok(statements)
}

fn retyped(source: &str, kind: &str) -> String {
    let Some(clauses) = crate::diff::clauses(DIALECT, source) else { return source.to_owned() };
    let rest = source[clauses.name.len()..].trim_start();
    let rest = rest.strip_prefix(clauses.kind).unwrap_or(rest).trim_start();
    format!("{} {kind} {rest}", clauses.name).trim_end().to_owned()
}

/// The plain `NOT NULL`.
pub(super) fn plain_not_null(before: &Schema, target: &Target<'_>) -> Result<Vec<String>, Box<Diagnostic>> {
    plainly(before, target, |part| format!("{} NOT NULL", part.source))
}

/// The text of a column without its `NOT NULL`.
fn without_not_null(source: &str) -> String {
    let words = crate::diff::words(DIALECT, source);
    let found = words.windows(2).find(|two| two[0].is_outer(&["NOT"]) && two[1].is("NULL"));
    found.map_or_else(
        || source.to_owned(),
        |two| format!("{}{}", source[..two[0].span.start].trim_end(), &source[two[1].span.end..]),
    )
}

struct Triggers {
    insert: String,
    update: String,
}

impl Triggers {
    fn new(table: &str, words: &[&str]) -> Self {
        let words: Vec<String> = words.iter().map(|word| unquoted(word)).collect();
        let name = |end: &str| {
            let all: Vec<&str> =
                ["sync", table].into_iter().chain(words.iter().map(String::as_str)).chain([end]).collect();
            made(DIALECT, &all)
        };
        Self { insert: name("i"), update: name("u") }
    }

    fn drop(&self) -> Vec<String> {
        vec![format!("DROP TRIGGER {};", self.insert), format!("DROP TRIGGER {};", self.update)]
    }
}

/// How a trigger finds the row again.
fn same_row(before: &Schema, table: &str) -> String {
    let target = Target::new(table, "");
    let parts = target.parts(DIALECT, before).unwrap_or_default();
    let columns: Vec<(String, Part, Shape)> = parts
        .iter()
        .filter_map(|part| Some((name_of(DIALECT, part)?, part.clone(), Shape::new(DIALECT, &part.source))))
        .collect();
    let definition = before.find(Kind::Table, table).map_or("", |object| object.definition.as_str());
    let tail = table_text(DIALECT, definition).map_or("", |text| text.tail);
    if !tail.to_ascii_uppercase().contains("WITHOUT ROWID") {
        return "rowid = NEW.rowid".to_owned();
    }
    let key = super::facts::key(DIALECT, &parts, &columns);
    key.iter().map(|name| format!("{name} = NEW.{name}")).collect::<Vec<_>>().join(" AND ")
}

fn sync(columns: &Columns<'_>, triggers: &Triggers) -> Vec<String> {
    let (table, from, to) = (quoted(DIALECT, columns.table), columns.from, &columns.to);
    let forward = of_new(DIALECT, &columns.forward(), &columns.all);
    let backward = of_new(DIALECT, &columns.backward(), &columns.all);
    let row = same_row(columns.before, columns.table);
    // what follows already is left alone: it may be what one of ours has just written, and would lose digits
    let unlike =
        if columns.is_rename() { String::new() } else { format!(" AND {}", guards::in_rows(columns)) };
    let new_side = format!("UPDATE {table} SET {from} = {backward} WHERE {row}{unlike}");
    let old_side = format!("UPDATE {table} SET {to} = {forward} WHERE {row}{unlike}");
    let differs = |a: &str, b: &str| format!("{a} COLLATE BINARY IS NOT {b}");
    let (given, changed) =
        (format!("NEW.{to} IS NOT NULL"), differs(&format!("NEW.{to}"), &format!("OLD.{to}")));
    let apart = if columns.is_rename() {
        differs(&format!("NEW.{to}"), &format!("NEW.{from}"))
    } else {
        format!(
            "({changed} OR {} OR NEW.{to} IS NULL AND NEW.{from} IS NOT NULL)",
            differs(&format!("NEW.{from}"), &format!("OLD.{from}"))
        )
    };
    let apart_when_new = if columns.is_rename() { format!(" WHEN {apart}") } else { String::new() };
    vec![
        format!(
            "CREATE TRIGGER {} AFTER INSERT ON {table}{apart_when_new}\nBEGIN\n    {new_side} AND {given};\n    {old_side} AND NOT ({given});\nEND;",
            triggers.insert
        ),
        format!(
            "CREATE TRIGGER {} AFTER UPDATE OF {from}, {to} ON {table} WHEN {apart}\nBEGIN\n    {new_side} AND {changed};\n    {old_side} AND NOT ({changed});\nEND;",
            triggers.update
        ),
    ]
}

/// Whether an insert that knows the new column only is refused.
const fn is_needed(columns: &Columns<'_>) -> bool {
    columns.old.not_null && !columns.old.has_default
}

/// The steps of a column.
pub(super) fn column(columns: &Columns<'_>) -> Steps {
    let table = quoted(DIALECT, columns.table);
    let (from, to) = (columns.from, columns.to.as_str());
    let triggers = Triggers::new(columns.table, &[from, to]);
    let rebuilt = is_needed(columns) || !columns.is_rename();
    let add = format!("ALTER TABLE {table} ADD COLUMN {to} {};", columns.new.kind);
    let mut up = Side::default();
    if is_needed(columns) {
        let target = Target::new(columns.table, from);
        let found = way(columns.before, &target, |part| without_not_null(&part.source));
        let (statements, keys_off) = found.unwrap_or_default();
        up = Side { keys_off, ..Side::of(statements) };
        up.statements.push(format!(
            "{} CHECK ({from} IS NOT NULL OR {to} IS NOT NULL);",
            add.trim_end_matches(';').trim_end()
        ));
    } else {
        up.statements.push(add.replace(" ;", ";"));
    }
    let twins = twins(columns);
    up.statements.extend(twins.iter().map(|(_, create)| create.clone()));
    up.statements.extend(sync(columns, &triggers));
    let mut down = triggers.drop();
    down.extend(twins.iter().map(|(name, _)| format!("DROP INDEX {name};")));
    let mut contract = guards::apart(columns, &table, &unlike(columns));
    contract.extend(down.iter().cloned());
    let mut expand_down = Side::of(down);
    if !is_needed(columns) {
        expand_down.statements.push(format!("ALTER TABLE {table} DROP COLUMN {to};"));
    }
    let title = format!("a column `{to}` beside `{from}`, and triggers that keep both the same");
    let (set, condition) = if columns.is_rename() {
        (format!("{to} = {from}"), format!("{to} COLLATE BINARY IS NOT {from}"))
    } else {
        (format!("{to} = {}", columns.forward()), format!("{to} IS NULL AND {from} IS NOT NULL"))
    };
    let fill = Step::catch_up(format!("UPDATE {table} SET {set} WHERE {condition};"));
    let mut back = vec![format!("UPDATE {table} SET {from} = {};", columns.backward())];
    if rebuilt {
        back.insert(
            0,
            format!("ALTER TABLE {table} ADD COLUMN {from} {};", columns.old.kind).replace(" ;", ";"),
        );
    } else {
        contract.push(format!("ALTER TABLE {table} DROP COLUMN {to};"));
        contract.push(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to};"));
        back = vec![
            format!("ALTER TABLE {table} RENAME COLUMN {to} TO {from};"),
            add.replace(" ;", ";"),
            format!("UPDATE {table} SET {to} = {from};"),
        ];
    }
    let gone = format!("the triggers and `{from}` go");
    let steps = vec![
        Step::expand("expand", title, up, expand_down),
        fill,
        Step::contract("contract", gone, Side::of(contract), Side::of(back)),
    ];
    Steps { steps, limits: limits(columns) }
}

/// The rows in which both are not the same.
fn unlike(columns: &Columns<'_>) -> String {
    if columns.is_rename() {
        return format!("{} COLLATE BINARY IS NOT {}", columns.to, columns.from);
    }
    guards::unlike(columns)
}

/// Indexes on the new column, beside those on the old.
fn twins(columns: &Columns<'_>) -> Vec<(String, String)> {
    let twin = |index: &crate::schema::Object| {
        let words = crate::diff::words(DIALECT, &index.definition);
        let at = words.iter().position(|word| word.is("INDEX"))?;
        let old = words.get(at + 1)?;
        let name = made(DIALECT, &[&index.name, &unquoted(&columns.to)]);
        let (head, tail) = (&index.definition[..old.span.start], &index.definition[old.span.end..]);
        Some((name.clone(), format!("{head}{name}{tail}")))
    };
    columns.indexes().into_iter().filter_map(twin).collect()
}

fn limits(columns: &Columns<'_>) -> Vec<String> {
    let mut limits = vec![
        format!(
            "an insert that gives `{}` no value, or NULL, has the value of `{}`, its default included",
            columns.to, columns.from
        ),
        "where one statement changes both columns, the new one counts".to_owned(),
        "RETURNING shows the row as it was given: the other column follows behind it".to_owned(),
        "triggers of the table fire once more for a row that ours write again".to_owned(),
    ];
    limits.extend(columns.of_type());
    limits
}

/// The steps of a table.
pub(super) fn table(table: &Renamed<'_>) -> Steps {
    let (from, to) = (quoted(DIALECT, table.from), quoted(DIALECT, &table.to));
    let written: Vec<&(String, Part, Shape)> =
        table.columns.iter().filter(|(_, _, shape)| !shape.generated).collect();
    let names: Vec<&str> = written.iter().map(|(name, ..)| name.as_str()).collect();
    let all: Vec<&str> = table.columns.iter().map(|(name, ..)| name.as_str()).collect();
    let values: Vec<String> =
        written.iter().map(|(name, part, _)| given_or_default(name, &part.source)).collect();
    let sets: Vec<String> = names.iter().map(|name| format!("{name} = NEW.{name}")).collect();
    let row: Vec<String> = table.key.iter().map(|name| format!("{name} = OLD.{name}")).collect();
    let row = if row.is_empty() { "rowid = OLD.rowid".to_owned() } else { row.join(" AND ") };
    let columns = if table.key.is_empty() { format!("rowid, {}", all.join(", ")) } else { all.join(", ") };
    let trigger = |event: &str, body: String| {
        let name = made(DIALECT, &["old", table.from, event]);
        format!(
            "CREATE TRIGGER {name} INSTEAD OF {} ON {from}\nBEGIN\n    {body};\nEND;",
            event.to_ascii_uppercase()
        )
    };
    let view = vec![
        format!("CREATE VIEW {from} AS SELECT {columns} FROM {to};"),
        trigger("insert", format!("INSERT INTO {to} ({}) VALUES ({})", names.join(", "), values.join(", "))),
        trigger("update", format!("UPDATE {to} SET {} WHERE {row}", sets.join(", "))),
        trigger("delete", format!("DELETE FROM {to} WHERE {row}")),
    ];
    let rename = crate::diff::rename::Rename::Table { from: table.from.to_owned(), to: table.to.clone() };
    let mut up = crate::diff::rename::statements(DIALECT, &rename);
    up.extend(view.iter().cloned());
    let mut down = vec![format!("DROP VIEW {from};")];
    let gone = down.clone();
    down.extend(crate::diff::rename::statements(DIALECT, &rename.reversed()));
    let title = format!("{from} becomes {to}, and a view of the old name stands for it");
    Steps {
        steps: vec![
            Step::expand("expand", title, Side::of(up), Side::of(down)),
            Step::contract("contract", format!("the view {from} goes"), Side::of(gone), Side::of(view)),
        ],
        limits: vec![
            "through the view one can select, insert, update and delete".to_owned(),
            "an insert through the view tells nobody the number of its row, and counts no changed row; ON CONFLICT and RETURNING do not see the table".to_owned(),
            "an insert that gives a column NULL has its default".to_owned(),
            "an insert that names no columns must know that a table without a key shows its rowid first; each update counts as one of all columns (`UPDATE OF`)".to_owned(),
        ],
    }
}

/// What an insert gives, else the column's default.
fn given_or_default(name: &str, source: &str) -> String {
    let words = crate::diff::words(DIALECT, source);
    let at = words.iter().position(|word| word.is_outer(&["DEFAULT"]));
    let Some(value) = at.and_then(|at| words.get(at + 1)) else { return format!("NEW.{name}") };
    let place = words.iter().position(|word| word.span == value.span).unwrap_or(0);
    let end = if value.text == "(" {
        words[place..]
            .iter()
            .find(|word| word.text == ")" && word.depth == value.depth)
            .map_or(value.span.end, |word| word.span.end)
    } else if matches!(value.text, "-" | "+") {
        words.get(place + 1).map_or(value.span.end, |word| word.span.end)
    } else {
        value.span.end
    };
    format!("coalesce(NEW.{name}, {})", &source[value.span.start..end])
}

/// The steps of a column that must have a value.
pub(super) fn not_null(before: &Schema, target: &Target<'_>, fill: Option<&str>) -> Steps {
    let (table, column) = (quoted(DIALECT, target.table), target.column);
    let triggers = Triggers::new(qualified(target.table).1, &[column, "fill"]);
    let (mut steps, mut limits) = (Vec::new(), Vec::new());
    let mut contract = Vec::new();
    let mut back = Vec::new();
    if let Some(fill) = fill {
        let row = same_row(before, target.table);
        let one = |name: &str, event: &str| {
            format!(
                "CREATE TRIGGER {name} AFTER {event} ON {table} WHEN NEW.{column} IS NULL\nBEGIN\n    UPDATE {table} SET {column} = ({fill}) WHERE {row};\nEND;"
            )
        };
        let create =
            vec![one(&triggers.insert, "INSERT"), one(&triggers.update, &format!("UPDATE OF {column}"))];
        let title = format!("triggers give `{column}` a value where there is none");
        steps.push(Step::expand("expand", title, Side::of(create.clone()), Side::of(triggers.drop())));
        steps.push(Step::catch_up(format!("UPDATE {table} SET {column} = ({fill}) WHERE {column} IS NULL;")));
        limits.push("what old code writes as NULL has a value afterwards".to_owned());
        contract = triggers.drop();
        back = create;
    } else {
        steps.push(Step::nothing(super::page::given(column)));
        limits.push("nothing fills rows that have no value: where there are some, the contract step fails and says so".to_owned());
    }
    let found = way(before, target, |part| format!("{} NOT NULL", part.source));
    let (statements, keys_off) = found.unwrap_or_default();
    contract.extend(statements);
    let found = edited(before, target, |part| format!("{} NOT NULL", part.source))
        .map(|after| script(DIALECT, &after, before, Style::default()));
    let mut down =
        found.map_or_else(Vec::new, |found| found.steps.into_iter().map(|step| step.sql).collect());
    down.extend(back);
    limits.push("SQLite rebuilds the table for it".to_owned());
    let up = Side { keys_off, ..Side::of(contract) };
    let down = Side { keys_off, ..Side::of(down) };
    steps.push(Step::contract("contract", format!("`{column}` becomes NOT NULL"), up, down));
    Steps { steps, limits }
}
