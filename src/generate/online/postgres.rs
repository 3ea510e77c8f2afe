//! The steps on PostgreSQL.
//!
//! A renamed column is kept: the new name is a copy until the contract step drops the copy and renames the column,
//! with all that hangs on it, in one short transaction. A new type needs a new column, which takes over.
//! Values are compared byte by byte: two that are equal but not the same are a change, too.

use super::facts::{Columns, Renamed, Target};
use super::names::{made, of_new};
use super::{Side, Step, Steps, guards, others};
use crate::dialect::Dialect;
use crate::diff::{qualified, unquoted};
use crate::schema::{Kind, Object, Schema};
use crate::sql::Part;

const DIALECT: Dialect = Dialect::Postgres;
const WAITS: Option<&str> = Some("lock_timeout = 5s");

/// What row level security would hide is an error.
const SEES: Option<&str> = Some("row_security = off");

/// So many pages of 8 kB are one transaction of the fill step.
const PAGES: u32 = 200;

/// A short statement that needs the whole table for a moment.
fn short(statements: Vec<String>) -> Side {
    Side { session: WAITS, ..Side::of(statements) }
}

/// The plain change of a type.
pub(super) fn plain_type(target: &Target<'_>, to: &str, kind: &str, using: Option<&str>) -> Vec<String> {
    let Target { table, column } = target;
    let using = using.map_or_else(|| format!("CAST({column} AS {kind})"), str::to_owned);
    vec![
        format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind} USING ({using});"),
        format!("ALTER TABLE {table} RENAME COLUMN {column} TO {to};"),
    ]
}

/// Names of the trigger and its function; the trigger fires behind others, which go by their names.
struct Trigger {
    name: String,
    function: String,
}

impl Trigger {
    fn new(table: &str, words: &[&str]) -> Self {
        let (schema, base) = qualified(table);
        let words: Vec<String> = std::iter::once(base).chain(words.iter().copied()).map(unquoted).collect();
        let words: Vec<&str> = ["zz_sync"].into_iter().chain(words.iter().map(String::as_str)).collect();
        let name = made(DIALECT, &words);
        let function = schema.map_or_else(|| name.clone(), |schema| format!("{schema}.{name}"));
        Self { name, function }
    }

    fn create(&self, table: &str, body: &str) -> Vec<String> {
        vec![
            format!(
                "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $sync$\nBEGIN\n{body}    RETURN NEW;\nEND\n$sync$;",
                self.function
            ),
            format!(
                "CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON {table}\n    FOR EACH ROW EXECUTE FUNCTION {}();",
                self.name, self.function
            ),
        ]
    }

    fn drop(&self, table: &str) -> Vec<String> {
        vec![format!("DROP TRIGGER {} ON {table};", self.name), format!("DROP FUNCTION {}();", self.function)]
    }
}

fn body(columns: &Columns<'_>) -> String {
    let (from, to) = (columns.from, &columns.to);
    let forward = of_new(DIALECT, &columns.forward(), &columns.all);
    let backward = of_new(DIALECT, &columns.backward(), &columns.all);
    let follows = if columns.is_rename() {
        "ELSE".to_owned()
    } else {
        format!("ELSIF record_image_ne(ROW(NEW.{from}), ROW(OLD.{from})) OR NEW.{to} IS NULL THEN")
    };
    format!(
        "    IF TG_OP = 'INSERT' THEN
        IF NEW.{to} IS NULL THEN
            NEW.{to} := {forward};
        ELSE
            NEW.{from} := {backward};
        END IF;
    ELSIF record_image_ne(ROW(NEW.{to}), ROW(OLD.{to})) THEN
        NEW.{from} := {backward};
    {follows}
        NEW.{to} := {forward};
    END IF;
"
    )
}

/// An update of all rows, a part of the table in each transaction.
fn in_parts(table: &str, set: &str, condition: &str) -> String {
    let name = table.replace('\'', "''");
    format!(
        "DO $fill$
DECLARE
    page int8 := 0;
    pages int8 := pg_relation_size('{name}') / current_setting('block_size')::int8;
BEGIN
    WHILE page <= pages LOOP
        UPDATE {table} SET {set}
        WHERE ctid >= format('(%s,0)', page)::tid AND ctid < format('(%s,0)', page + {PAGES})::tid
            AND {condition};
        COMMIT;
        page := page + {PAGES};
    END LOOP;
END
$fill$;"
    )
}

fn is_partitioned(schema: &Schema, table: &str) -> bool {
    schema.find(Kind::Table, table).is_some_and(|object| object.definition.contains(" PARTITION BY "))
}

/// The step that fills, and the one that catches up.
fn fills(schema: &Schema, table: &str, set: &str, condition: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    if !is_partitioned(schema, table) {
        let up = Side { session: SEES, ..Side::alone(vec![in_parts(table, set, condition)]) };
        let title = format!("fill: copy what is there, {PAGES} pages of the table in each transaction");
        steps.push(Step::expand("fill", title, up, Side::default()));
    }
    let mut last = Step::catch_up(format!("UPDATE {table} SET {set} WHERE {condition};"));
    last.up.session = SEES;
    steps.push(last);
    steps
}

/// An index on the new column, beside the one on the old.
struct Twin {
    name: String,
    /// Its name with the schema.
    path: String,
    create: String,
    /// The index, or the constraint with its kind, that it is the twin of.
    of: Of,
}

enum Of {
    Index(String),
    Constraint(String, &'static str),
}

fn twin_names(table: &str, base: &str, column: &str) -> (String, String) {
    let name = made(DIALECT, &[&unquoted(base), &unquoted(column)]);
    let path = qualified(table).0.map_or_else(|| name.clone(), |schema| format!("{schema}.{name}"));
    (name, path)
}

fn twins(columns: &Columns<'_>) -> Vec<Twin> {
    let table = columns.table;
    let concurrently = if is_partitioned(columns.before, table) { "" } else { " CONCURRENTLY IF NOT EXISTS" };
    let indexes = columns.indexes().into_iter().map(|index: &Object| {
        let base = qualified(&index.name).1;
        let (name, path) = twin_names(table, base, &columns.to);
        let create = index.definition.replacen(
            &format!(" INDEX {base} "),
            &format!(" INDEX{concurrently} {name} "),
            1,
        );
        Twin { name, path, create, of: Of::Index(index.name.clone()) }
    });
    let constraints = columns.changed_parts().into_iter().filter_map(|(_, part): (Part, Part)| {
        let (base, what) = part.source.strip_prefix("CONSTRAINT ")?.split_once(' ')?;
        let waits = what.contains(" DEFERRABLE");
        // what is unique at the end of a transaction only is so by the column that is there, or made by the last step
        if waits && !columns.is_rename() {
            return None;
        }
        let kind =
            ["UNIQUE", "PRIMARY KEY"].into_iter().find(|kind| what.starts_with(&format!("{kind} (")))?;
        let list = &what[kind.len() + 1..];
        let list = &list[..=list.find(')')?];
        let (name, path) = twin_names(table, base, &columns.to);
        let unique = if waits { "" } else { " UNIQUE" };
        let create = format!("CREATE{unique} INDEX{concurrently} {name} ON {table} {list};");
        Some(Twin { name, path, create, of: Of::Constraint(base.to_owned(), kind) })
    });
    indexes.chain(constraints).collect()
}

fn twin_steps(columns: &Columns<'_>, twins: &[Twin]) -> Vec<Step> {
    let partitioned = is_partitioned(columns.before, columns.table);
    let step = |twin: &Twin| {
        let (title, drop) = (
            format!("an index on `{}` for the new code", columns.to),
            format!("DROP INDEX IF EXISTS {};", twin.path),
        );
        let create = twin.create.clone();
        if partitioned {
            return Step::expand("index", title, Side::of(vec![create]), Side::of(vec![drop]));
        }
        // one that was cut off is there, and not valid
        let drop = drop.replacen(" INDEX ", " INDEX CONCURRENTLY ", 1);
        Step::expand("index", title, Side::alone(vec![drop.clone(), create]), Side::alone(vec![drop]))
    };
    twins.iter().map(step).collect()
}

/// Refuses to drop a copy on which others have put something.
fn guard(columns: &Columns<'_>, twins: &[Twin]) -> String {
    let table = columns.table.replace('\'', "''");
    let column = unquoted(&columns.to).replace('\'', "''");
    let ours: Vec<String> =
        twins.iter().map(|twin| format!("'{}'", unquoted(&twin.name).replace('\'', "''"))).collect();
    let ours = if ours.is_empty() { "''".to_owned() } else { ours.join(", ") };
    format!(
        "DO $guard$
DECLARE
    other text;
BEGIN
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) INTO other
    FROM pg_depend d
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        LEFT JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = '{table}'::regclass AND a.attname = '{column}'
        AND coalesce(c.relname, '') NOT IN ({ours})
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% stands on the copy, which is dropped here', other
            USING HINT = 'drop it before this migration, and make it again behind it';
    END IF;
END
$guard$;"
    )
}

/// The steps of a column.
pub(super) fn column(columns: &Columns<'_>) -> Steps {
    let (table, from, to) = (columns.table, columns.from, columns.to.as_str());
    let trigger = Trigger::new(table, &[from, to]);
    let twins = twins(columns);
    let mut up = vec![format!("ALTER TABLE {table} ADD COLUMN {to} {};", columns.new.kind)];
    up.extend(trigger.create(table, &body(columns)));
    let mut down = trigger.drop(table);
    down.push(format!("ALTER TABLE {table} DROP COLUMN {to};"));
    let title = format!("a column `{to}` beside `{from}`, and a trigger that keeps both the same");
    let mut steps = vec![Step::expand("expand", title, short(up), short(down))];
    let (set, condition) = if columns.is_rename() {
        (format!("{to} = {from}"), apart(columns))
    } else {
        // the trigger makes the new value: a value that is given would count, and make the old one again
        (format!("{from} = {from}"), format!("{to} IS NULL AND {from} IS NOT NULL"))
    };
    let mut filling = fills(columns.before, table, &set, &condition);
    let catch_up = filling.pop();
    steps.extend(filling);
    steps.extend(twin_steps(columns, &twins));
    steps.extend(catch_up);
    if columns.is_rename() {
        steps.push(swap(columns, &trigger, &twins));
    } else {
        steps.extend(take_over(columns, &trigger, &twins));
    }
    Steps { steps, limits: limits(columns) }
}

/// The rows in which both are not the same.
fn apart(columns: &Columns<'_>) -> String {
    if columns.is_rename() {
        return format!("record_image_ne(ROW({}), ROW({}))", columns.to, columns.from);
    }
    guards::unlike(columns)
}

/// The copy goes, and the column gets its name.
fn swap(columns: &Columns<'_>, trigger: &Trigger, twins: &[Twin]) -> Step {
    let (table, from, to) = (columns.table, columns.from, &columns.to);
    let mut up = vec![guard(columns, twins)];
    up.extend(guards::apart(columns, table, &apart(columns)));
    up.extend(trigger.drop(table));
    up.push(format!("ALTER TABLE {table} DROP COLUMN {to};"));
    up.push(format!("ALTER TABLE {table} RENAME COLUMN {from} TO {to};"));
    let mut down = vec![
        format!("ALTER TABLE {table} RENAME COLUMN {to} TO {from};"),
        format!("ALTER TABLE {table} ADD COLUMN {to} {};", columns.new.kind),
        format!("UPDATE {table} SET {to} = {from};"),
    ];
    down.extend(trigger.create(table, &body(columns)));
    let title = format!("the copy goes, and `{from}` becomes `{to}`, with all that hangs on it");
    Step::contract("contract", title, short(up), short(down))
}

/// The new column takes over what hangs on the old one, which goes.
fn take_over(columns: &Columns<'_>, trigger: &Trigger, twins: &[Twin]) -> Vec<Step> {
    let (table, from, to) = (columns.table, columns.from, &columns.to);
    let check = made(DIALECT, &["zz", &unquoted(to), "not_null"]);
    let mut steps = Vec::new();
    if columns.old.not_null {
        steps.extend(checked(table, to, &check));
    }
    let mut up = guards::apart(columns, table, &apart(columns));
    up.extend(trigger.drop(table));
    up.push(format!("ALTER TABLE {table} DROP COLUMN {from};"));
    if columns.old.not_null {
        up.push(format!(
            "ALTER TABLE {table}\n    ALTER COLUMN {to} SET NOT NULL,\n    DROP CONSTRAINT {check};"
        ));
    }
    up.extend(twins.iter().map(|twin| match &twin.of {
        Of::Index(name) => format!("ALTER INDEX {} RENAME TO {};", twin.path, qualified(name).1),
        Of::Constraint(name, kind) => {
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {};", twin.name)
        }
    }));
    let mut down = vec![
        format!("ALTER TABLE {table} ADD COLUMN {from} {};", columns.old.kind),
        format!("UPDATE {table} SET {from} = {};", columns.backward()),
    ];
    down.extend(trigger.create(table, &body(columns)));
    let title = format!("`{from}` goes, and `{to}` takes over what hung on it");
    steps.push(Step::contract("contract", title, short(up), short(down)));
    steps
}

/// A check that is there before it is validated, so that nothing is read under a lock.
fn checked(table: &str, column: &str, check: &str) -> Vec<Step> {
    let add = format!("ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID;");
    let drop = format!("ALTER TABLE {table} DROP CONSTRAINT {check};");
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {check};");
    let mut up = guards::empty(DIALECT, table, column);
    up.push(add);
    vec![
        Step::contract(
            "check",
            format!("no row may be without `{column}` from now on"),
            short(up),
            short(vec![drop]),
        ),
        Step::contract(
            "validate",
            "no row is without it, while others read and write",
            Side::alone(vec![validate]),
            Side::default(),
        ),
    ]
}

fn limits(columns: &Columns<'_>) -> Vec<String> {
    let mut limits = vec![
        format!(
            "an insert that gives `{}` no value, or NULL, has the value of `{}`, its default included",
            columns.to, columns.from
        ),
        "where one statement changes both columns, the new one counts".to_owned(),
        format!("put nothing on `{}` before the contract step: no index, no constraint, no view", columns.to),
        "code must name its columns: what a prepared `SELECT *` returns changes in two steps".to_owned(),
    ];
    if !columns.is_rename() && columns.old.has_default {
        limits.push(format!("the default of `{}` is that of `{}`, cast: where `--using` does more, set another one behind the contract step", columns.to, columns.from));
    }
    if columns
        .changed_parts()
        .iter()
        .any(|(_, part)| part.text.contains("unique(") || part.text.contains("primary key("))
        || columns.indexes().iter().any(|index| index.definition.contains(" UNIQUE "))
    {
        limits.push(format!("`{}` and `{}` are unique each: where old code upserts by the one while new code does by the other, one of them can fail with a duplicate, and must try again", columns.from, columns.to));
    }
    limits.extend(columns.of_type());
    if is_partitioned(columns.before, columns.table) {
        limits.push("the table is partitioned: its rows are copied in one transaction, and an index is built under a lock".to_owned());
    }
    for other in others::of_table(DIALECT, columns.before, columns.table) {
        limits.push(format!(
            "the trigger `{}` fires for the copying, too; it fires before ours if its name comes first",
            other.name
        ));
    }
    limits.extend(others::noted(columns.before, columns.from));
    limits
}

/// The steps of a table.
pub(super) fn table(before: &Schema, table: &Renamed<'_>) -> Steps {
    let (from, to) = (table.from, table.to.as_str());
    let rename = crate::diff::rename::Rename::Table { from: from.to_owned(), to: to.to_owned() };
    let statements = |rename| crate::diff::rename::statements(DIALECT, rename);
    let names: Vec<&str> = table.columns.iter().map(|(name, ..)| name.as_str()).collect();
    let secured = table.definition.contains(" ENABLE ROW LEVEL SECURITY;");
    let option = if secured { " WITH (security_invoker = true)" } else { "" };
    let view = format!("CREATE VIEW {from}{option} AS\n    SELECT {} FROM {to};", names.join(", "));
    let view = vec![view, rights(from, to)];
    let drop = format!("DROP VIEW {from};");
    let mut up = statements(&rename);
    up.extend(view.iter().cloned());
    let mut down = vec![drop.clone()];
    down.extend(statements(&rename.reversed()));
    let title = format!("`{from}` becomes `{to}`, and a view of the old name stands for it");
    let gone = format!("the view `{from}` goes");
    let mut limits = vec![
        "through the view one can select, insert (with RETURNING, ON CONFLICT and defaults), update, delete and lock rows".to_owned(),
        "not through the view: TRUNCATE, COPY into it, LOCK TABLE, MERGE before PostgreSQL 17, ctid and xmin, `pg_get_serial_sequence`".to_owned(),
        "indexes, constraints and sequences keep their names".to_owned(),
        "rights on the table and on columns are copied when the step runs: what is granted later, grant on both".to_owned(),
    ];
    limits.extend(others::noted(before, from));
    if secured {
        limits.push(
            "row level security: the view asks as whoever asks it, which PostgreSQL 15 and newer can"
                .to_owned(),
        );
    }
    Steps {
        steps: vec![
            Step::expand("expand", title, short(up), short(down)),
            Step::contract("contract", gone, short(vec![drop]), short(view)),
        ],
        limits,
    }
}

/// Gives the view the table's owner and the rights of others on it.
fn rights(view: &str, table: &str) -> String {
    let (view_text, table_text) = (view.replace('\'', "''"), table.replace('\'', "''"));
    format!(
        "DO $rights$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role, a.privilege_type AS what
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = '{table_text}'::regclass AND a.grantee <> c.relowner
            AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    LOOP
        EXECUTE format('GRANT %s ON {view_text} TO %s', one.what, one.role);
    END LOOP;
    FOR one IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role, a.privilege_type AS what, t.attname AS name
        FROM pg_attribute t, aclexplode(t.attacl) a
        WHERE t.attrelid = '{table_text}'::regclass AND NOT t.attisdropped
            AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
    LOOP
        EXECUTE format('GRANT %s (%I) ON {view_text} TO %s', one.what, one.name, one.role);
    END LOOP;
    SELECT c.relowner::regrole::text AS role INTO one
    FROM pg_class c, pg_class v
    WHERE c.oid = '{table_text}'::regclass AND v.oid = '{view_text}'::regclass AND c.relowner <> v.relowner;
    IF FOUND THEN
        EXECUTE format('ALTER VIEW {view_text} OWNER TO %s', one.role);
    END IF;
END
$rights$;"
    )
}

/// The steps of a column that must have a value.
pub(super) fn not_null(before: &Schema, target: &Target<'_>, fill: Option<&str>) -> Steps {
    let Target { table, column } = *target;
    let check = made(DIALECT, &["zz", &unquoted(column), "not_null"]);
    let trigger = Trigger::new(table, &[column, "fill"]);
    let parts = target.parts(DIALECT, before).unwrap_or_default();
    let all: Vec<String> = parts.iter().filter_map(|part| super::facts::name_of(DIALECT, part)).collect();
    let body = fill.map(|fill| {
        let value = of_new(DIALECT, fill, &all);
        format!("    IF NEW.{column} IS NULL THEN\n        NEW.{column} := ({value});\n    END IF;\n")
    });
    let (mut steps, mut limits) = (Vec::new(), Vec::new());
    if let (Some(body), Some(fill)) = (&body, fill) {
        let title = format!("a trigger gives `{column}` a value where there is none");
        steps.push(Step::expand(
            "expand",
            title,
            short(trigger.create(table, body)),
            short(trigger.drop(table)),
        ));
        steps.extend(fills(before, table, &format!("{column} = ({fill})"), &format!("{column} IS NULL")));
        limits.push("what old code writes as NULL has a value afterwards".to_owned());
    } else {
        steps.push(Step::nothing(super::page::given(column)));
        limits.push(
            "nothing fills rows that have no value: where there are some, the contract fails and says so"
                .to_owned(),
        );
    }
    steps.extend(checked(table, column, &check));
    let set =
        format!("ALTER TABLE {table}\n    ALTER COLUMN {column} SET NOT NULL,\n    DROP CONSTRAINT {check};");
    let unset = format!(
        "ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL,\n    ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL);"
    );
    let (mut up, mut down) = (vec![set], vec![unset]);
    if let Some(body) = &body {
        up.extend(trigger.drop(table));
        down.extend(trigger.create(table, body));
    }
    steps.push(Step::contract(
        "contract",
        format!("`{column}` becomes NOT NULL; nothing is read for it"),
        short(up),
        short(down),
    ));
    Steps { steps, limits }
}
