//! What makes one table of another of the same name.

use std::collections::BTreeSet;

use super::column::{Column, Value, using};
use super::options::{Sequence, parameters};
use crate::dialect::Dialect;
use crate::diff::text::{mentions, qualified, quoted, unquoted, words};
use crate::schema::Object;
use crate::sql::{self, Part};

const POSTGRES: Dialect = Dialect::Postgres;

/// A table's text taken apart.
pub(super) struct Text<'a> {
    pub(super) name: &'a str,
    unlogged: bool,
    pub(super) parts: Vec<Part>,
    /// Between the list and the first semicolon, without the storage parameters.
    options: String,
    parameters: String,
    /// The statements behind the first.
    pub(super) tail: Vec<&'a str>,
}

impl<'a> Text<'a> {
    /// Nothing for a table that lists no columns: a partition.
    pub(super) fn read(object: &'a Object) -> Option<Self> {
        let table = sql::table_text(POSTGRES, &object.definition)?;
        let statements = sql::split(POSTGRES, table.tail).ok()?;
        // the tail begins with what ends the first statement, which may be nothing but its semicolon
        let first = table.tail.split(';').next().is_some_and(|text| text.trim().is_empty());
        let mut texts =
            statements.iter().map(|statement| table.tail[statement.span.clone()].trim_end_matches(';'));
        let options = if first { "" } else { texts.next().unwrap_or_default() };
        let with = words(POSTGRES, options).into_iter().find(|word| word.is_outer(&["WITH"]));
        let (options, parameters) =
            with.map_or((options, ""), |word| (&options[..word.span.start], &options[word.span.end..]));
        let parameters = parameters.trim().trim_start_matches('(').trim_end_matches(')');
        Some(Self {
            name: &object.name,
            unlogged: table.head.contains(" UNLOGGED "),
            parts: table.parts.into_iter().filter(|part| part.name != "options").collect(),
            options: options.trim().to_owned(),
            parameters: parameters.to_owned(),
            tail: texts.collect(),
        })
    }

    fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = (&Part, Column<'_>)> {
        self.parts
            .iter()
            .filter(|part| is_column(part))
            .filter_map(|part| Some((part, Column::read(&part.source)?)))
    }
}

pub(super) fn is_column(part: &Part) -> bool {
    part.name.starts_with("column ")
}

/// What is to be thought of beside the two texts.
#[derive(Default)]
pub(super) struct Beside {
    /// Types that are made anew, by their names: columns must move to the new one.
    pub(super) types: BTreeSet<String>,
    /// Functions that go and come back, by their last names: nothing may call them in between.
    pub(super) functions: BTreeSet<String>,
    /// Parts of both that are the same but for names that the server made up.
    pub(super) same: BTreeSet<String>,
}

/// The changes of one table.
#[derive(Default)]
pub(super) struct Changes {
    /// Clauses of an `ALTER TABLE` before anything else happens.
    pub(super) early: Vec<String>,
    /// Clauses of the `ALTER TABLE` in its place.
    pub(super) clauses: Vec<String>,
    /// Sequences whose place is taken by those of identity columns.
    pub(super) replaced: BTreeSet<String>,
    /// Whole statements behind it.
    pub(super) behind: Vec<String>,
    /// Columns that go, come anew or change their type, without quotes: what mentions them must step aside.
    pub(super) touched: BTreeSet<String>,
    /// Of these, those that go or come anew: indexes on them must step aside, too.
    pub(super) remade: BTreeSet<String>,
    /// Columns that go before anything else.
    gone_early: BTreeSet<String>,
    /// A key or unique constraint goes.
    pub(super) key_goes: bool,
    /// Constraints that are added to rows that are there: name and text.
    pub(super) added: Vec<(String, String)>,
    /// Columns that become `NOT NULL`, as spelled.
    pub(super) not_null: Vec<String>,
    /// Constraints that came back or columns that came anew: their comments are gone.
    pub(super) comments_lost: Vec<String>,
    pub(super) not_generated: Vec<String>,
    pub(super) hints: Vec<String>,
}

impl Changes {
    pub(super) fn between(from: &Text<'_>, to: &Text<'_>, beside: &Beside) -> Self {
        let mut changes = Self::default();
        changes.columns(from, to, beside);
        changes.constraints(from, to, beside);
        changes.options(from, to);
        changes.tail(from, to);
        changes
    }

    fn columns(&mut self, from: &Text<'_>, to: &Text<'_>, beside: &Beside) {
        let calls = |text: &str| beside.functions.iter().any(|name| mentions(POSTGRES, text, name));
        for (part, column) in from.columns() {
            if to.part(&part.name).is_none() {
                self.drop_column(&column, calls(&part.source));
                self.comments_lost.push(format!("{}.{}", to.name, column.name));
            }
        }
        // types first: a computed column cannot stay on one that changes
        for (part, is) in to.columns() {
            if let Some(was) = from.part(&part.name).and_then(|part| Column::read(&part.source))
                && (was.full_type() != is.full_type() || is_of(&beside.types, is.kind))
                && !was.is_computed()
                && !is.is_computed()
            {
                self.touch(&is, false);
            }
        }
        for (part, is) in to.columns() {
            let before = from.part(&part.name);
            let Some((before, was)) = before.and_then(|part| Some((part, Column::read(&part.source)?)))
            else {
                self.add_column(from, part, &is);
                continue;
            };
            let on_touched =
                was.is_computed() && self.touched.iter().any(|name| mentions(POSTGRES, &before.source, name));
            let early = calls(&before.source);
            let same_computed =
                was.value == is.value && was.full_type() == is.full_type() && was.is_computed();
            let leaves = was.is_computed() && !is.is_computed();
            if (is.is_computed() || leaves && was.full_type() != is.full_type())
                && (!same_computed || on_touched || early)
            {
                self.drop_column(&was, early);
                self.clauses.push(format!("ADD COLUMN {}", part.source));
                self.comments_lost.push(format!("{}.{}", to.name, is.name));
            } else {
                self.alter_column(from, to, &was, &is, beside, &calls);
            }
        }
    }

    /// A column goes: before the rest where it calls a function that goes.
    fn drop_column(&mut self, column: &Column<'_>, early: bool) {
        self.touch(column, true);
        let clause = format!("DROP COLUMN {}", column.name);
        if early {
            self.early.push(clause);
            self.gone_early.insert(unquoted(column.name));
        } else {
            self.clauses.push(clause);
        }
    }

    fn touch(&mut self, column: &Column<'_>, remade: bool) {
        self.touched.insert(unquoted(column.name));
        if remade {
            self.remade.insert(unquoted(column.name));
        }
    }

    fn add_column(&mut self, table: &Text<'_>, part: &Part, column: &Column<'_>) {
        self.clauses.push(format!("ADD COLUMN {}", part.source));
        if column.not_null && column.value == Value::Given {
            self.hints.push(format!(
                "{}.{}: NOT NULL without a default: fails where the table has rows; give it a default, or fill it first",
                table.name, column.name
            ));
        }
    }

    fn alter_column(
        &mut self,
        from: &Text<'_>,
        to: &Text<'_>,
        was: &Column<'_>,
        is: &Column<'_>,
        beside: &Beside,
        calls: &dyn Fn(&str) -> bool,
    ) {
        let name = is.name;
        let alter = |change: String| format!("ALTER COLUMN {name} {change}");
        let made_anew = is_of(&beside.types, is.kind) || is_of(&beside.types, was.kind);
        let retyped = was.full_type() != is.full_type() || made_anew;
        let Value::Default(default) = was.value else {
            self.value(from, to, was, is, retyped, made_anew);
            return;
        };
        let early = calls(default);
        if was.value == is.value && !retyped && !early {
            self.null(to, was, is);
            return;
        }
        // a default does not follow its column to another type
        let drop = retyped || early || !matches!(is.value, Value::Default(_));
        if drop {
            let clause = alter("DROP DEFAULT".to_owned());
            if early { self.early.push(clause) } else { self.clauses.push(clause) }
        }
        let bare = Column { value: Value::Given, ..*was };
        self.value(from, to, &bare, is, retyped, made_anew);
    }

    fn value(
        &mut self,
        from: &Text<'_>,
        to: &Text<'_>,
        was: &Column<'_>,
        is: &Column<'_>,
        retyped: bool,
        made_anew: bool,
    ) {
        let name = is.name;
        if was.is_computed() && !is.is_computed() {
            // what it calls may go
            self.early.push(format!("ALTER COLUMN {name} DROP EXPRESSION"));
        }
        if retyped {
            let collation = is.collation.map(|name| format!(" COLLATE {name}")).unwrap_or_default();
            let using = if was.kind == is.kind && !made_anew {
                String::new()
            } else {
                using(name, was.kind, is.kind, made_anew)
            };
            self.clauses.push(format!("ALTER COLUMN {name} TYPE {}{collation}{using}", is.kind));
        }
        match (was.value, is.value) {
            (Value::Identity { .. }, Value::Identity { .. }) => self.identity(was, is, to.name),
            // a sequence of its name may come
            (Value::Identity { .. }, _) => self.early.push(format!("ALTER COLUMN {name} DROP IDENTITY")),
            (_, Value::Identity { .. }) => {
                if !was.not_null {
                    self.clauses.push(format!("ALTER COLUMN {name} SET NOT NULL"));
                }
                let (old, statements) = become_identity(from, to.name, is);
                self.replaced.extend(old);
                self.behind.extend(statements);
                return;
            }
            _ => {}
        }
        self.null(to, was, is);
        if let Value::Default(default) = is.value {
            self.clauses.push(format!("ALTER COLUMN {name} SET DEFAULT {default}"));
            if let (Value::Identity { .. }, Some(sequence)) = (was.value, sequence(default)) {
                self.behind.push(go_on(&format!("'{sequence}'"), to.name, name));
            }
        }
    }

    fn null(&mut self, table: &Text<'_>, was: &Column<'_>, is: &Column<'_>) {
        match (was.not_null, is.not_null) {
            (false, true) => {
                self.not_null.push(is.name.to_owned());
                self.hints.push(format!("{}.{}: fails where it is NULL; fill it first", table.name, is.name));
            }
            (true, false) => self.clauses.push(format!("ALTER COLUMN {} DROP NOT NULL", is.name)),
            _ => {}
        }
    }

    fn identity(&mut self, was: &Column<'_>, is: &Column<'_>, table: &str) {
        let (Value::Identity { when: before, options: old }, Value::Identity { when: after, options: new }) =
            (was.value, is.value)
        else {
            return;
        };
        let (old, new) = (Sequence::read(old), Sequence::read(new));
        let mut changes = Vec::new();
        if before != after {
            changes.push(format!("SET GENERATED {after}"));
        }
        changes.extend(new.changes(&old).into_iter().map(|change| format!("SET {change}")));
        if !changes.is_empty() {
            self.clauses.push(format!("ALTER COLUMN {} {}", is.name, changes.join(" ")));
        }
        if old.name != new.name {
            let name = |sequence: Sequence| sequence.name.unwrap_or_else(|| usual_sequence(table, is.name));
            let (old, new) = (name(old), name(new));
            self.behind.push(format!("ALTER SEQUENCE {old} RENAME TO {};", qualified(&new).1));
        }
    }

    fn constraints(&mut self, from: &Text<'_>, to: &Text<'_>, beside: &Beside) {
        let not_valid = |table: &Text<'_>, part: &Part| {
            table.tail.iter().any(|tail| tail.contains(" NOT VALID") && adds(tail, part))
        };
        let calls = |text: &str| beside.functions.iter().any(|name| mentions(POSTGRES, text, name));
        let hit = |part: &Part, names: &BTreeSet<String>| {
            names.iter().any(|name| mentions(POSTGRES, &part.source, name))
        };
        let typed = !beside.types.is_empty();
        for part in from.parts.iter().filter(|part| !is_column(part) && !beside.same.contains(&part.name)) {
            let after = to.part(&part.name);
            let same = after.is_some_and(|after| after.text == part.text);
            let early = calls(&part.source) || hit(part, &self.gone_early);
            let is_key = part.text.contains(" primary key(") || part.text.contains(" unique(");
            let moves = hit(part, &self.remade) || typed && !is_key && hit(part, &self.touched);
            if same && !moves && !early {
                continue;
            }
            self.key_goes |= is_key || part.text.contains(" unique nulls ");
            // with its column it would go by itself, and must not be named any more
            let clause = format!("DROP CONSTRAINT {}", constraint_name(part));
            self.comments_lost.push(format!("{} on {}", constraint_name(part), to.name));
            if early {
                self.early.insert(0, clause);
            } else {
                self.clauses.insert(0, clause);
            }
            if same {
                self.add_constraint(part);
            }
        }
        for part in to.parts.iter().filter(|part| !is_column(part) && !beside.same.contains(&part.name)) {
            if from.part(&part.name).is_none_or(|before| before.text != part.text) && !not_valid(from, part) {
                self.add_constraint(part);
            }
        }
    }

    fn add_constraint(&mut self, part: &Part) {
        self.added.push((constraint_name(part).to_owned(), part.source.clone()));
    }

    fn options(&mut self, from: &Text<'_>, to: &Text<'_>) {
        if from.unlogged != to.unlogged {
            self.clauses.push(format!("SET {}", if to.unlogged { "UNLOGGED" } else { "LOGGED" }));
        }
        self.clauses.extend(parameters(&from.parameters, &to.parameters));
        if sql::normal_form(POSTGRES, &from.options) != sql::normal_form(POSTGRES, &to.options) {
            let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
            self.not_generated.push(format!(
                "table {}: {} becomes {}: a table cannot change that",
                to.name,
                shown(&from.options),
                shown(&to.options)
            ));
        }
    }

    /// The statements behind the list. A check that is not valid goes and comes with the columns in it.
    fn tail(&mut self, from: &Text<'_>, to: &Text<'_>) {
        let remade = self.remade.clone();
        let moves = |statement: &str| {
            statement.contains(" ADD CONSTRAINT ")
                && remade.iter().any(|name| mentions(POSTGRES, statement, name))
        };
        for old in from.tail.iter().filter(|old| !to.tail.contains(old) || moves(old)) {
            let named = to.parts.iter().find(|part| !is_column(part) && adds(old, part));
            if let Some(part) =
                named.filter(|part| !moves(old) && old.contains(&format!(" ADD {} ", part.source)))
            {
                let name = constraint_name(part);
                self.behind.push(format!("ALTER TABLE {} VALIDATE CONSTRAINT {name};", to.name));
            } else if let Some((_, rest)) = old.split_once(" ADD CONSTRAINT ") {
                let name = words(POSTGRES, rest).first().map_or("", |word| word.text);
                let gone = self.gone_early.iter().any(|column| mentions(POSTGRES, old, column));
                let clauses = if gone { &mut self.early } else { &mut self.clauses };
                clauses.insert(0, format!("DROP CONSTRAINT {name}"));
                self.added.extend(named.map(|part| (name.to_owned(), part.source.clone())));
            } else {
                match undo(old, to) {
                    Some(statement) if statement.is_empty() => {}
                    Some(statement) => self.behind.push(statement),
                    None => {
                        self.not_generated.push(format!("table {}: `{old}` is not wanted any more", to.name));
                    }
                }
            }
        }
        let new = to.tail.iter().filter(|new| !from.tail.contains(new) || moves(new));
        self.behind.extend(new.map(|statement| format!("{statement};")));
    }

    /// Whether nothing is to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.early.is_empty()
            && self.clauses.is_empty()
            && self.behind.is_empty()
            && self.added.is_empty()
            && self.not_null.is_empty()
    }
}

/// Whether a type is one of these, or an array of one.
fn is_of(types: &BTreeSet<String>, kind: &str) -> bool {
    types.contains(kind.trim_end_matches("[]"))
}

/// Whether a statement behind a table adds this constraint.
fn adds(statement: &str, part: &Part) -> bool {
    statement.contains(&format!(" ADD CONSTRAINT {} ", constraint_name(part)))
}

/// The name of a constraint as its text spells it.
pub(super) fn constraint_name(part: &Part) -> &str {
    let words = words(POSTGRES, &part.source);
    words.get(1).map_or("", |word| &part.source[word.span.start..word.span.end])
}

/// What takes a statement behind a table back; empty where another one of `to` does.
fn undo(statement: &str, to: &Text<'_>) -> Option<String> {
    let replica = " REPLICA IDENTITY ";
    if let Some((head, _)) = statement.split_once(replica) {
        let other = to.tail.iter().any(|tail| tail.contains(replica));
        return Some(if other { String::new() } else { format!("{head}{replica}DEFAULT;") });
    }
    for (sign, opposite) in [
        (" ENABLE ROW LEVEL SECURITY", " DISABLE ROW LEVEL SECURITY"),
        (" FORCE ROW LEVEL SECURITY", " NO FORCE ROW LEVEL SECURITY"),
    ] {
        if let Some(head) = statement.strip_suffix(sign) {
            return Some(format!("{head}{opposite};"));
        }
    }
    let (head, list) = statement.strip_prefix("ALTER INDEX ").and_then(|rest| rest.split_once(" SET ("))?;
    let names: Vec<_> =
        list.trim_end_matches(')').split(", ").filter_map(|pair| pair.split('=').next()).collect();
    let again = to.tail.iter().any(|tail| tail.starts_with(&format!("ALTER INDEX {head} SET (")));
    let gone = to.parts.iter().all(|part| !is_column(part) && constraint_name(part) != qualified(head).1);
    Some(if again || gone {
        String::new()
    } else {
        format!("ALTER INDEX {head} RESET ({});", names.join(", "))
    })
}

/// The statements by which a column gets a sequence of its own that goes on where its values end; before
/// them, the sequence that it had until now and whose name the new one gets.
fn become_identity(from: &Text<'_>, table: &str, column: &Column<'_>) -> (Option<String>, Vec<String>) {
    let Value::Identity { when, options } = column.value else { return (None, Vec::new()) };
    let name = column.name;
    let options = if options.is_empty() { String::new() } else { format!(" ({options})") };
    let was = from.columns().map(|(_, column)| column).find(|was| was.name == name);
    let old = was.and_then(|was| match was.value {
        Value::Default(default) if !options.contains("SEQUENCE NAME") => sequence(default),
        _ => None,
    });
    let mut statements = Vec::new();
    statements
        .push(format!("ALTER TABLE {table} ALTER COLUMN {name} ADD GENERATED {when} AS IDENTITY{options};"));
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let own = format!("pg_get_serial_sequence({}, {})", literal(table), literal(&unquoted(name)));
    statements.push(go_on(&own, table, name));
    (old.map(|old| old.replace("''", "'")), statements)
}

/// The name that the server gives to the sequence of an identity column; a rename of either leaves it.
fn usual_sequence(table: &str, column: &str) -> String {
    let (schema, table) = qualified(table);
    let name = format!("{}_{}_seq", unquoted(table), unquoted(column));
    let name = if table == unquoted(table) && column == unquoted(column) {
        name
    } else {
        quoted(Dialect::Postgres, &name)
    };
    schema.map_or_else(|| name.clone(), |schema| format!("{schema}.{name}"))
}

/// The sequence that a default takes its values from, as a literal spells it.
fn sequence(default: &str) -> Option<&str> {
    default.strip_prefix("nextval('")?.strip_suffix("'::regclass)")
}

/// A sequence goes on behind the values that are there.
fn go_on(sequence: &str, table: &str, column: &str) -> String {
    format!("SELECT setval({sequence}, greatest(max({column}), 1)) FROM {table} HAVING count(*) > 0;")
}
