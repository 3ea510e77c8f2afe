//! The steps on MariaDB and MySQL, where each statement stands for itself.
//!
//! Nothing takes a trigger and a column away at one moment. So the new column takes over: while the triggers are
//! still there, it gets all that the old one had, and the old one lets go of it; then the triggers go, and the
//! old one last. Texts are compared byte by byte: two that are equal in their collation are a change, too.

use super::facts::{Columns, Renamed, Shape, Target, key, name_of};
use super::names::{made, of_new};
use super::{Side, Step, Steps, guards};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::diff::{quoted, unquoted};
use crate::schema::Schema;
use crate::sql::Part;

const WAITS: Option<&str> = Some("lock_wait_timeout = 5");

/// So many rows are one transaction of the fill step.
const ROWS: u32 = 1000;

fn short(statements: Vec<String>) -> Side {
    Side { session: WAITS, ..Side::of(statements) }
}

fn part(dialect: Dialect, before: &Schema, target: &Target<'_>) -> Result<Part, Box<Diagnostic>> {
    let unreadable = || Box::new(Diagnostic::new(format!("`{}` cannot be read from its text", target.table)));
    target.part(dialect, before).ok_or_else(unreadable)
}

/// The text of a column with another name and type.
fn retyped(dialect: Dialect, source: &str, name: &str, kind: &str) -> String {
    let shape = crate::diff::clauses(dialect, source);
    let (old_name, old_kind) = shape.map_or(("", ""), |it| (it.name, it.kind));
    let rest = source.get(old_name.len()..).unwrap_or_default().trim_start();
    let rest = rest.strip_prefix(old_kind).unwrap_or(rest);
    format!("{name} {kind}{rest}")
}

/// The plain change of a type.
pub(super) fn plain_type(
    dialect: Dialect,
    before: &Schema,
    target: &Target<'_>,
    to: &str,
    kind: &str,
) -> Result<Vec<String>, Box<Diagnostic>> {
    let source = part(dialect, before, target)?.source;
    let whole = retyped(dialect, &source, to, kind);
    Ok(vec![format!(
        "ALTER TABLE {} CHANGE COLUMN {} {whole};",
        quoted(dialect, target.table),
        target.column
    )])
}

/// The plain `NOT NULL`.
pub(super) fn plain_not_null(
    dialect: Dialect,
    before: &Schema,
    target: &Target<'_>,
) -> Result<Vec<String>, Box<Diagnostic>> {
    let whole = with_not_null(dialect, &part(dialect, before, target)?.source);
    Ok(vec![format!("ALTER TABLE {} MODIFY COLUMN {whole};", quoted(dialect, target.table))])
}

/// The text of a column that may be null, as one that may not.
fn with_not_null(dialect: Dialect, source: &str) -> String {
    let kind = Shape::new(dialect, source).kind;
    let name = crate::diff::clauses(dialect, source).map_or("", |it| it.name);
    let words = crate::diff::words(dialect, source);
    let null = words.windows(2).find(|two| two[0].is_outer(&["DEFAULT"]) && two[1].is("NULL"));
    let null = null.map(|two| two[0].span.start..two[1].span.end);
    let source = null.map_or_else(
        || source.to_owned(),
        |span| format!("{}{}", &source[..span.start], &source[span.end..]),
    );
    let bare = words.iter().find(|word| word.is_outer(&["NULL"])).is_some();
    let source = if bare { source.replacen(" NULL", "", 1) } else { source };
    let clauses: Vec<&str> = kind.split(" CHARACTER SET ").collect();
    let head = format!("{name} {}", clauses[0].split(" COLLATE ").next().unwrap_or_default());
    match source.strip_prefix(&head) {
        // the character set stands before it
        Some(_) => {
            let end = words
                .iter()
                .find(|word| word.is_outer(&["DEFAULT", "COMMENT", "CHECK", "ON", "INVISIBLE"]))
                .map_or(source.len(), |word| word.span.start.min(source.len()));
            format!("{} NOT NULL {}", source[..end].trim_end(), source[end..].trim_start())
                .trim_end()
                .to_owned()
        }
        None => format!("{source} NOT NULL"),
    }
}

/// Whether two values are not the same.
fn differ(a: &str, b: &str, is_text: bool) -> String {
    if is_text { format!("NOT (BINARY {a} <=> BINARY {b})") } else { format!("NOT ({a} <=> {b})") }
}

struct Triggers {
    insert: String,
    update: String,
}

impl Triggers {
    fn new(dialect: Dialect, table: &str, words: &[&str]) -> Self {
        let words: Vec<String> = words.iter().map(|word| unquoted(word)).collect();
        let name = |end: &str| {
            let all: Vec<&str> =
                ["sync", table].into_iter().chain(words.iter().map(String::as_str)).chain([end]).collect();
            made(dialect, &all)
        };
        Self { insert: name("i"), update: name("u") }
    }

    fn create(&self, table: &str, insert: &str, update: &str) -> Vec<String> {
        let one = |name: &str, event: &str, body: &str| {
            format!("CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW\nBEGIN\n{body}END;")
        };
        // a row that is inserted in between is filled later; one that is updated would look as if it were
        vec![one(&self.update, "UPDATE", update), one(&self.insert, "INSERT", insert)]
    }

    fn drop(&self) -> Vec<String> {
        vec![format!("DROP TRIGGER {};", self.insert), format!("DROP TRIGGER {};", self.update)]
    }
}

fn bodies(columns: &Columns<'_>) -> (String, String) {
    let (dialect, from, to) = (columns.dialect, columns.from, &columns.to);
    let forward = of_new(dialect, &columns.forward(), &columns.all);
    let backward = of_new(dialect, &columns.backward(), &columns.all);
    let insert = format!(
        "    IF NEW.{to} IS NULL THEN\n        SET NEW.{to} = {forward};\n    ELSE\n        SET NEW.{from} = {backward};\n    END IF;\n"
    );
    let changed = differ(&format!("NEW.{to}"), &format!("OLD.{to}"), columns.new.is_text());
    let follows = if columns.is_rename() {
        "ELSE".to_owned()
    } else {
        let changed = differ(&format!("NEW.{from}"), &format!("OLD.{from}"), columns.old.is_text());
        format!("ELSEIF {changed} OR NEW.{to} IS NULL THEN")
    };
    let update = format!(
        "    IF {changed} THEN\n        SET NEW.{from} = {backward};\n    {follows}\n        SET NEW.{to} = {forward};\n    END IF;\n"
    );
    (insert, update)
}

/// What is to be known of a table for an update of all its rows.
struct Rows {
    table: String,
    /// The only column of its key.
    key: Option<String>,
    /// `c = c` for what changes whenever the row does.
    still: String,
}

impl Rows {
    fn new(dialect: Dialect, before: &Schema, target: &Target<'_>) -> Self {
        let parts = target.parts(dialect, before).unwrap_or_default();
        let columns: Vec<(String, Part, Shape)> = parts
            .iter()
            .filter_map(|part| {
                Some((name_of(dialect, part)?, part.clone(), Shape::new(dialect, &part.source)))
            })
            .collect();
        let key = match &key(dialect, &parts, &columns)[..] {
            [only] => Some(only.clone()),
            _ => None,
        };
        let moving = columns.iter().filter(|(name, _, shape)| shape.on_update && name != target.column);
        let still: Vec<String> = moving.map(|(name, ..)| format!(", {name} = {name}")).collect();
        Self { table: quoted(dialect, target.table), key, still: still.concat() }
    }
}

/// The step that fills, and the one that catches up.
fn fills(dialect: Dialect, rows: &Rows, set: &str, condition: &str) -> Vec<Step> {
    let (table, still) = (&rows.table, &rows.still);
    let mut steps = Vec::new();
    if let (Some(key), Dialect::MariaDb) = (&rows.key, dialect) {
        let text = format!(
            "BEGIN NOT ATOMIC
    DECLARE low, high TYPE OF {table}.{key};
    SELECT MIN({key}) INTO low FROM {table};
    WHILE low IS NOT NULL DO
        SET high = (SELECT {key} FROM {table} WHERE {key} > low ORDER BY {key} LIMIT 1 OFFSET {});
        UPDATE {table} SET {set}{still}
            WHERE {key} >= low AND (high IS NULL OR {key} < high) AND {condition};
        COMMIT;
        SET low = high;
    END WHILE;
END;",
            ROWS - 1
        );
        let title = format!("fill: copy what is there, {ROWS} rows in each transaction");
        steps.push(Step::expand("fill", title, Side::alone(vec![text]), Side::default()));
    }
    steps.push(Step::catch_up(format!("UPDATE {table} SET {set}{still} WHERE {condition};")));
    steps
}

/// A key on the new column, beside the one on the old.
struct Twin {
    of: String,
    name: String,
    add: String,
}

fn twins(columns: &Columns<'_>) -> Vec<Twin> {
    let dialect = columns.dialect;
    let keys = columns.changed_parts().into_iter().filter(|(_, part)| part.name.starts_with("index "));
    let twin = |(_, part): (Part, Part)| {
        let of = quoted(dialect, &unquoted_name(dialect, &part)?);
        let name = made(dialect, &[&unquoted(&of), &unquoted(&columns.to)]);
        let add = format!("ADD {}", part.source.replacen(&of, &name, 1));
        Some(Twin { of, name, add })
    };
    keys.filter_map(twin).collect()
}

/// The name of a key as its text has it.
fn unquoted_name(dialect: Dialect, part: &Part) -> Option<String> {
    let words = crate::diff::words(dialect, &part.source);
    let at = words.iter().position(|word| word.is_any(&["KEY", "INDEX"]))?;
    words.get(at + 1).map(crate::diff::Word::name)
}

/// The steps of a column.
pub(super) fn column(columns: &Columns<'_>) -> Steps {
    let dialect = columns.dialect;
    let table = quoted(dialect, columns.table);
    let (from, to) = (columns.from, columns.to.as_str());
    let triggers = Triggers::new(dialect, columns.table, &[from, to]);
    let (insert, update) = bodies(columns);
    // a server that cannot do it says so at once, where it would lock otherwise
    let lock = if is_lockless(columns) { ", LOCK=NONE" } else { "" };
    let mut up = vec![format!("ALTER TABLE {table} ADD COLUMN {to} {} NULL{lock};", columns.new.kind)];
    up.extend(triggers.create(&table, &insert, &update));
    let mut down = triggers.drop();
    down.push(format!("ALTER TABLE {table} DROP COLUMN {to};"));
    let title = format!("a column {to} beside {from}, and triggers that keep both the same");
    let mut steps = vec![Step::expand("expand", title, short(up), short(down))];
    let (set, condition) = if columns.is_rename() {
        (format!("{to} = {from}"), differ(to, from, columns.new.is_text()))
    } else {
        // the trigger makes the new value: a value that is given would count, and make the old one again
        (format!("{from} = {from}"), format!("{to} IS NULL AND {from} IS NOT NULL"))
    };
    let rows = Rows::new(dialect, columns.before, &Target::new(columns.table, from));
    let mut filling = fills(dialect, &rows, &set, &condition);
    let catch_up = filling.pop();
    steps.extend(filling);
    let twins = twins(columns);
    if !twins.is_empty() {
        steps.push(keys(&table, to, &twins));
    }
    steps.extend(catch_up);
    steps.push(take_over(columns, &triggers, &twins, &rows));
    Steps { steps, limits: limits(columns, &rows) }
}

/// Whether a column or a plain key can be added while others write.
fn is_lockless(columns: &Columns<'_>) -> bool {
    !["fulltext ", "spatial ", "vector "].iter().any(|word| columns.has_part(word))
}

fn keys(table: &str, to: &str, twins: &[Twin]) -> Step {
    let adds: Vec<&str> = twins.iter().map(|twin| twin.add.as_str()).collect();
    let drops: Vec<String> = twins.iter().map(|twin| format!("DROP KEY {}", twin.name)).collect();
    let up = vec![format!("ALTER TABLE {table}\n    {};", adds.join(",\n    "))];
    let down = vec![format!("ALTER TABLE {table} {};", drops.join(", "))];
    Step::expand("keys", format!("keys on {to} for the new code"), short(up), short(down))
}

/// The new column takes over what hangs on the old one; then the triggers go, and the old one.
fn take_over(columns: &Columns<'_>, triggers: &Triggers, twins: &[Twin], rows: &Rows) -> Step {
    let (table, from, to) = (&rows.table, columns.from, &columns.to);
    let changed = columns.changed_parts();
    let foreign: Vec<&(Part, Part)> =
        changed.iter().filter(|(old, _)| old.text.contains("foreign key")).collect();
    let constraint = |part: &Part| {
        crate::diff::words(columns.dialect, &part.source)
            .get(1)
            .map_or_else(String::new, |word| word.text.to_owned())
    };
    let mut clauses: Vec<String> =
        foreign.iter().map(|(old, _)| format!("DROP FOREIGN KEY {}", constraint(old))).collect();
    for twin in twins {
        clauses.push(format!("DROP KEY {}", twin.of));
        clauses.push(format!("RENAME KEY {} TO {}", twin.name, twin.of));
    }
    for (old, new) in
        changed.iter().filter(|(old, _)| old.name.starts_with("constraint ") && old.text.contains("check("))
    {
        clauses.push(format!("DROP CONSTRAINT {}", constraint(old)));
        clauses.push(format!("ADD {}", new.source));
    }
    clauses.push(format!("MODIFY COLUMN {from} {} NULL", columns.old.kind));
    let whole = columns.after_part();
    clauses.extend(whole.map(|part| format!("MODIFY COLUMN {}", part.source)));
    let condition =
        if columns.is_rename() { differ(to, from, columns.new.is_text()) } else { guards::unlike(columns) };
    let mut up = guards::apart(columns, table, &condition);
    up.push(format!("ALTER TABLE {table}\n    {};", clauses.join(",\n    ")));
    up.extend(foreign.iter().map(|(_, new)| format!("ALTER TABLE {table} ADD {};", new.source)));
    up.extend(triggers.drop());
    up.push(format!("ALTER TABLE {table} DROP COLUMN {from};"));
    let (insert, update) = bodies(columns);
    let mut down = vec![format!("ALTER TABLE {table} ADD COLUMN {from} {} NULL;", columns.old.kind)];
    let still = if columns.new.on_update { format!(", {to} = {to}") } else { String::new() };
    let set = format!("UPDATE {table} SET {from} = {}{}{still}", columns.backward(), rows.still);
    if columns.is_rename() {
        down.extend(triggers.create(table, &insert, &update));
        down.push(format!("{set};"));
    } else {
        // the triggers would make the new value of it again
        down.push(format!("{set};"));
        down.extend(triggers.create(table, &insert, &update));
        down.push(format!("{set} WHERE {from} IS NULL AND {to} IS NOT NULL;"));
    }
    let title = format!("{to} takes over what hung on {from}, which goes");
    Step::contract("contract", title, short(up), short(down))
}

fn limits(columns: &Columns<'_>, rows: &Rows) -> Vec<String> {
    let mut limits = vec![
        format!(
            "an insert that gives {} no value, or NULL, has the value of {}, its default included",
            columns.to, columns.from
        ),
        "where one statement changes both columns, the new one counts".to_owned(),
        "from the contract step on, the old column is no longer kept the same: no old code may run then"
            .to_owned(),
        "a new `NOT NULL` rebuilds the table, while others read and write".to_owned(),
    ];
    limits.extend(columns.of_type());
    if rows.key.is_some() && columns.dialect == Dialect::MariaDb {
        limits.push("a fill step that is killed half-way can run again as it is: `db-migrations repair --restart` says so".to_owned());
    }
    if rows.key.is_none() || columns.dialect != Dialect::MariaDb {
        limits.push("the rows are copied in one transaction, which holds all of them: their key is not one column, or this is MySQL".to_owned());
    }
    if !is_lockless(columns) {
        limits.push(
            "the table has a FULLTEXT or SPATIAL key: the server may lock it for as long as it adds a column"
                .to_owned(),
        );
    }
    if columns.changed_parts().iter().any(|(old, _)| old.text.contains("foreign key")) {
        limits.push("a foreign key is made anew in the contract step: the server copies the table for it, and nobody writes meanwhile".to_owned());
    }
    limits
}

/// The steps of a table.
pub(super) fn table(table: &Renamed<'_>) -> Steps {
    let dialect = table.dialect;
    let (from, to) = (quoted(dialect, table.from), quoted(dialect, &table.to));
    let empty = made(dialect, &[&table.to, "empty"]);
    let stand_in = made(dialect, &[table.from, "view"]);
    let names: Vec<&str> = table.columns.iter().map(|(name, ..)| name.as_str()).collect();
    let view = |name: &str| {
        format!("CREATE SQL SECURITY INVOKER VIEW {name} AS SELECT {} FROM {to};", names.join(", "))
    };
    let up = vec![
        format!("CREATE TABLE {to} LIKE {from};"),
        view(&stand_in),
        format!("RENAME TABLE {to} TO {empty}, {from} TO {to}, {stand_in} TO {from};"),
        format!("DROP TABLE {empty};"),
    ];
    let down =
        vec![format!("RENAME TABLE {from} TO {stand_in}, {to} TO {from};"), format!("DROP VIEW {stand_in};")];
    let title = format!("{from} becomes {to}, and a view of the old name stands for it: at one moment");
    let gone = format!("the view {from} goes");
    Steps {
        steps: vec![
            Step::expand("expand", title, short(up), short(down)),
            Step::contract("contract", gone, short(vec![format!("DROP VIEW {from};")]), short(vec![view(&from)])),
        ],
        limits: vec![
            "through the view one can select, insert (ON DUPLICATE KEY UPDATE and LAST_INSERT_ID included), update, delete and lock rows".to_owned(),
            "not through the view: TRUNCATE, LOAD DATA into it, INSERT … RETURNING, index hints".to_owned(),
            "an INVISIBLE column is seen through the view: an insert that names no columns must give it a value".to_owned(),
            "the view asks with the rights of whoever asks: rights that were given on this table alone must be given on the new name".to_owned(),
        ],
    }
}

/// The steps of a column that must have a value.
pub(super) fn not_null(
    dialect: Dialect,
    before: &Schema,
    target: &Target<'_>,
    fill: Option<&str>,
) -> Result<Steps, Vec<Diagnostic>> {
    let source = part(dialect, before, target).map_err(|fault| vec![*fault])?.source;
    let rows = Rows::new(dialect, before, target);
    let (table, column) = (&rows.table, target.column);
    let parts = target.parts(dialect, before).unwrap_or_default();
    let all: Vec<String> = parts.iter().filter_map(|part| name_of(dialect, part)).collect();
    let triggers = Triggers::new(dialect, target.table, &[column, "fill"]);
    let (mut steps, mut limits) = (Vec::new(), Vec::new());
    let body = fill.map(|fill| {
        let value = of_new(dialect, fill, &all);
        format!("    IF NEW.{column} IS NULL THEN\n        SET NEW.{column} = ({value});\n    END IF;\n")
    });
    if let (Some(body), Some(fill)) = (&body, fill) {
        let title = format!("triggers give {column} a value where there is none");
        let up = triggers.create(table, body, body);
        steps.push(Step::expand("expand", title, short(up), short(triggers.drop())));
        steps.extend(fills(dialect, &rows, &format!("{column} = ({fill})"), &format!("{column} IS NULL")));
        limits.push("what old code writes as NULL has a value afterwards".to_owned());
    } else {
        steps.push(Step::nothing(super::page::given(column)));
        limits.push("nothing fills rows that have no value: where there are some, the contract step fails and says so".to_owned());
    }
    limits.push("`NOT NULL` rebuilds the table, while others read and write; keep the sql_mode strict, or NULL becomes 0 or ''".to_owned());
    let mut up = guards::empty(dialect, table, column);
    up.push(format!("ALTER TABLE {table} MODIFY COLUMN {};", with_not_null(dialect, &source)));
    let mut down = vec![format!("ALTER TABLE {table} MODIFY COLUMN {source};")];
    if let Some(body) = &body {
        up.extend(triggers.drop());
        down.extend(triggers.create(table, body, body));
    }
    steps.push(Step::contract("contract", format!("{column} becomes NOT NULL"), short(up), short(down)));
    Ok(Steps { steps, limits })
}
