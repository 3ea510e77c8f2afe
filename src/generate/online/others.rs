//! What else in the database knows a table or a column by its name, and would break when that is gone.
//!
//! Bodies of triggers, functions and views are read as words: what names the table and the column may mean something
//! else, which a person can tell. No database follows a rename in a body that it keeps as a text.

use super::facts::{Columns, Renamed, Target, mentioning};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::diff::{qualified, unquoted, words};
use crate::schema::{Kind, Object, Schema};

const BODIES: [Kind; 3] = [Kind::Trigger, Kind::Function, Kind::Procedure];

/// Whatever of a schema names a column in its body.
pub(super) fn bodies(columns: &Columns<'_>) -> Vec<Diagnostic> {
    let (dialect, table, from) = (columns.dialect, columns.table, unquoted(columns.from));
    match dialect {
        Dialect::MariaDb | Dialect::MySql => {
            let all = BODIES
                .into_iter()
                .flat_map(|kind| mentioning(dialect, columns.before, kind, table, Some(&from)));
            let all = all.filter(|object| names(dialect, object, &from) > 0);
            let fault = |object: &Object| {
                let fault = format!("the {} `{}` may name `{from}` of `{table}`", object.kind, object.name);
                Diagnostic::new(fault)
                    .note("the database keeps its text as it is: it would fail from the contract step on")
                    .help("drop it in a migration before, and make it again behind the contract step")
            };
            all.map(fault).collect()
        }
        Dialect::Postgres => {
            let triggers = of_table(dialect, columns.before, table)
                .filter(|trigger| is_of_column(dialect, trigger, &from));
            let fault = |trigger: &Object| {
                let fault = format!("the trigger `{}` waits for an update of `{from}`", trigger.name);
                let help = format!(
                    "make it one of every update, `WHEN (OLD.{from} IS DISTINCT FROM NEW.{from})`, in a migration before"
                );
                Diagnostic::new(fault)
                    .note("`UPDATE OF` goes by what a statement names: it would not fire for new code")
                    .help(help)
            };
            triggers.map(fault).collect()
        }
        Dialect::Sqlite => with_default(columns).into_iter().collect(),
    }
}

/// SQLite writes a row before a trigger can: an insert of new code has the old column's default for a moment.
fn with_default(columns: &Columns<'_>) -> Option<Diagnostic> {
    let (dialect, from) = (columns.dialect, unquoted(columns.from));
    let target = Target::new(columns.table, columns.from);
    let own = target.part(dialect, columns.before)?;
    let clauses = words(dialect, &own.source);
    let default = clauses.windows(2).find(|two| two[0].is_outer(&["DEFAULT"]))?;
    if default[1].is("NULL") {
        return None;
    }
    let others = columns.all.iter().filter(|name| *name != columns.from).map(|name| unquoted(name));
    let others: Vec<String> = others.collect();
    let of_several = |source: &str| {
        let words = words(dialect, source);
        let named = |name: &str| words.iter().any(|word| word.name().eq_ignore_ascii_case(name));
        words.iter().any(|word| word.is("CHECK")) && named(&from) && others.iter().any(|other| named(other))
    };
    let is_unique = |source: &str| {
        let words = words(dialect, source);
        words.iter().any(|word| word.is("UNIQUE")) && words.iter().any(|word| word.name() == from)
    };
    let parts = target.parts(dialect, columns.before).unwrap_or_default();
    let parts = parts.iter().filter(|part| part.name == own.name || !part.name.starts_with("column "));
    let indexes = columns.indexes().into_iter().map(|index| index.definition.as_str());
    let sources: Vec<&str> = parts.map(|part| part.source.as_str()).chain(indexes).collect();
    sources.into_iter().any(|source| is_unique(source) || of_several(source)).then(|| {
        Diagnostic::new(format!("`{from}` of `{}` has a default, and must be unique or fit other columns", columns.table))
            .note("an insert of new code would have the default for a moment, and fail")
            .help("take the default away in a migration before, or give it to the new column behind the contract step")
    })
}

/// The triggers of a table.
pub fn of_table<'s>(
    dialect: Dialect,
    schema: &'s Schema,
    table: &'s str,
) -> impl Iterator<Item = &'s Object> {
    let triggers = schema.objects.iter().filter(|object| object.kind == Kind::Trigger);
    triggers.filter(move |object| is_on(dialect, object, table))
}

fn is_on(dialect: Dialect, trigger: &Object, table: &str) -> bool {
    if dialect == Dialect::Postgres {
        return trigger.name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
    }
    let words = words(dialect, &trigger.definition);
    words.windows(2).any(|two| two[0].is("ON") && two[1].name().eq_ignore_ascii_case(table))
}

/// `UPDATE OF …, column, …`
fn is_of_column(dialect: Dialect, trigger: &Object, column: &str) -> bool {
    let words = words(dialect, &trigger.definition);
    let at = words.windows(2).position(|two| two[0].is("UPDATE") && two[1].is("OF"));
    let list = at.into_iter().flat_map(|at| words[at + 2..].iter().take_while(|word| !word.is("ON")));
    list.into_iter().any(|word| word.name() == column)
}

/// How often a text names something.
fn names(dialect: Dialect, object: &Object, name: &str) -> usize {
    let words = words(dialect, &object.definition);
    words.iter().filter(|word| word.name().eq_ignore_ascii_case(name)).count()
}

/// Whatever of MariaDB and MySQL names a table that gets another name: it works until the view of the old name goes.
pub(super) fn of_renamed(before: &Schema, table: &Renamed<'_>) -> Vec<Diagnostic> {
    let dialect = table.dialect;
    if !matches!(dialect, Dialect::MariaDb | Dialect::MySql) {
        return Vec::new();
    }
    let kinds = [Kind::Trigger, Kind::Function, Kind::Procedure, Kind::View];
    let named = before.objects.iter().filter(|object| {
        // a trigger's text names its table once, and follows it
        let allowed = usize::from(object.kind == Kind::Trigger && is_on(dialect, object, table.from));
        kinds.contains(&object.kind) && names(dialect, object, table.from) > allowed
    });
    let fault = |object: &Object| {
        Diagnostic::new(format!("the {} `{}` may name `{}`", object.kind, object.name, table.from))
            .note("it would follow no rename, and fail from the contract step on")
            .help("drop it in a migration before, and make it again behind the contract step")
    };
    named.map(fault).collect()
}

/// The functions and procedures of PostgreSQL whose bodies hold a name, as notes.
pub(super) fn noted(before: &Schema, name: &str) -> Vec<String> {
    let bare = unquoted(qualified(name).1);
    let named = before.objects.iter().filter(|object| {
        matches!(object.kind, Kind::Function | Kind::Procedure)
            && words(Dialect::Postgres, &object.definition).iter().any(|word| word.text.contains(&bare))
    });
    let note = |object: &Object| {
        format!(
            "the {} `{}` may name `{bare}` in its body, which follows no rename: it would fail from the contract step on; let it do without before",
            object.kind, object.name
        )
    };
    named.map(note).collect()
}

/// Why rows cannot be copied: whoever owns the table may not see all of them.
pub(super) fn hidden(before: &Schema, target: &Target<'_>) -> Option<Diagnostic> {
    let table = before.find(Kind::Table, target.table)?;
    table.definition.contains(" FORCE ROW LEVEL SECURITY;").then(|| {
        Diagnostic::new(format!("`{}` forces row level security on its owner", target.table))
            .note("rows that nobody shows cannot be copied")
            .help(format!(
                "`ALTER TABLE {} NO FORCE ROW LEVEL SECURITY` in a migration before, and force it again behind the contract step",
                target.table
            ))
    })
}
