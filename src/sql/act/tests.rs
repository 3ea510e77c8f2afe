//! Statements in a short form.

use super::*;

fn read(dialect: Dialect, text: &str) -> Vec<What> {
    acts(dialect, text).unwrap().into_iter().flat_map(|reading| reading.acts).map(|act| act.what).collect()
}

/// A short form for comparison.
fn short(dialect: Dialect, text: &str) -> String {
    let words = read(dialect, text).into_iter().map(|what| match what {
        What::CreateTable { table, columns, references, .. } => {
            format!("table {table} {} {}", columns.len(), references.len())
        }
        What::CreateIndex { name, table, concurrently, again, .. } => {
            format!("index {} {table} {concurrently} {again}", name.unwrap_or_default())
        }
        What::DropIndex { index, table, .. } => {
            format!("-index {index} {}", table.map(|table| table.to_string()).unwrap_or_default())
        }
        What::DropTable { table, cascade, .. } => format!("-table {table} {cascade}"),
        What::Drop { noun, object, .. } => format!("-{noun} {object}"),
        What::RenameTable { from, to } => format!("{from}>{to}"),
        What::AddColumn { table, column, .. } => format!("+{table}.{} {}", column.name, column.ty),
        What::DropColumn { table, column, .. } => format!("-{table}.{column}"),
        What::RenameColumn { table, from, to } => format!("{table}.{from}>{to}"),
        What::SetType { table, column, ty, using } => format!("{table}.{column}:{ty} {using}"),
        What::Redefine { table, old, column } => format!("{table}.{old}:={} {}", column.ty, column.not_null),
        What::SetNotNull { table, column } => format!("{table}.{column}!"),
        What::AddConstraint { table, constraint } => {
            format!("{table}+{:?} {} {}", constraint.kind, constraint.not_valid, constraint.using_index)
        }
        What::Validate { table, name } => format!("{table}?{name}"),
        What::AlterTable { table, words, .. } => format!("{table}~{words}"),
        What::Rows(rows) => {
            format!("{:?} {} {} {}", rows.verb, rows.table, rows.filtered, rows.sets.join("+"))
        }
        What::AddEnumValue { ty, .. } => format!("{ty}+="),
        What::Create { noun, .. } => format!("+{noun}"),
        What::Other => "other".to_owned(),
    });
    words.collect::<Vec<_>>().join("; ")
}

#[test]
fn statements_of_postgres() {
    for (text, expected) in [
        (
            "CREATE TABLE IF NOT EXISTS s.\"T\" (a int, b int REFERENCES u, FOREIGN KEY (a) REFERENCES v (x))",
            "table s.T 2 2",
        ),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY t USING btree (a)", "index i t true true"),
        ("CREATE INDEX ON t (a)", "index  t false false"),
        ("DROP TABLE IF EXISTS a, b CASCADE", "-table a true; -table b true"),
        ("DROP INDEX CONCURRENTLY i", "-index i "),
        (
            "ALTER TABLE IF EXISTS ONLY s.t ADD COLUMN IF NOT EXISTS a numeric(10, 2), DROP b, RENAME TO x",
            "+s.t.a numeric(10,2); -s.t.b; s.t>s.x",
        ),
        ("ALTER TABLE t RENAME a TO b", "t.a>b"),
        (
            "ALTER TABLE t ALTER a TYPE varchar(20), ALTER COLUMN b SET DATA TYPE text USING b::text",
            "t.a:varchar(20) false; t.b:text true",
        ),
        ("ALTER TABLE t ALTER a SET NOT NULL, ALTER b SET DEFAULT 1", "t.a!; t~alter b set default 1"),
        (
            "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID, ADD UNIQUE (a), ADD CONSTRAINT p PRIMARY KEY USING INDEX i",
            "t+Check true false; t+Unique false false; t+Primary false true",
        ),
        ("ALTER TABLE t VALIDATE CONSTRAINT c", "t?c"),
        ("ALTER TABLE t DROP CONSTRAINT c", "t~drop constraint c"),
        ("ALTER TYPE s.e ADD VALUE IF NOT EXISTS 'x'", "s.e+="),
        ("UPDATE t SET a = (SELECT 1 WHERE true), (b, c) = (1, 2)", "Update t false a+b+c"),
        ("WITH x AS (SELECT 1 WHERE true) DELETE FROM t WHERE a IN (SELECT * FROM x)", "Delete t true "),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "other"),
        ("CREATE FUNCTION f() RETURNS void AS $$ DELETE FROM t $$ LANGUAGE sql", "+FUNCTION"),
        ("TRUNCATE a, b CASCADE", "Truncate a false ; Truncate b false "),
        ("SELECT 1", "other"),
    ] {
        assert_eq!(short(Dialect::Postgres, text), expected, "{text}");
    }
}

#[test]
fn statements_of_mariadb() {
    for (text, expected) in [
        (
            "ALTER TABLE `t` ADD `a` int(11) UNSIGNED NOT NULL AFTER `b`, ALGORITHM=INPLACE, LOCK=NONE",
            "+t.a int(11) unsigned",
        ),
        ("ALTER TABLE t ADD (a int, b int), ADD KEY k (a)", "+t.a int; +t.b int; index k t false false"),
        (
            "ALTER TABLE t MODIFY COLUMN a bigint NOT NULL, CHANGE b c int, CHANGE d d text",
            "t.a:=bigint true; t.b>c; t.d:=text false",
        ),
        ("ALTER TABLE t RENAME u", "t>u"),
        ("RENAME TABLE a TO b, s.c TO s.d", "a>b; s.c>s.d"),
        (
            "ALTER TABLE t DROP PRIMARY KEY, DROP KEY k, DROP `primary`",
            "t~drop primary key; -index k t; -t.primary",
        ),
        ("CREATE TABLE t (id int, KEY k (id), UNIQUE KEY u (id), key int)", "table t 2 0"),
        ("DROP INDEX i ON t", "-index i t"),
        ("UPDATE a JOIN b ON a.x = b.x SET a.y = 1", "Update a true y"),
        ("CREATE DEFINER=`a`@`b` TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a = 1", "+TRIGGER"),
    ] {
        assert_eq!(short(Dialect::MariaDb, text), expected, "{text}");
    }
    let read = acts(Dialect::MySql, "ALTER TABLE t ADD a int, ALGORITHM = INSTANT, LOCK DEFAULT").unwrap();
    assert_eq!((read[0].algorithm.as_deref(), read[0].lock.as_deref()), (Some("instant"), Some("default")));
}

#[test]
fn columns() {
    let column = |text: &str| match read(Dialect::Postgres, &format!("ALTER TABLE t ADD {text}")).remove(0) {
        What::AddColumn { column, .. } => column,
        other => panic!("{other:?}"),
    };
    let plain = column("a text DEFAULT 'x'::character varying NOT NULL");
    assert!(plain.not_null && !plain.computed_default, "{plain:?}");
    assert_eq!(plain.ty, "text");
    for (text, computed) in [
        ("a int DEFAULT 1", false),
        ("a int DEFAULT -1.5", false),
        ("a bool DEFAULT NULL", false),
        ("a jsonb DEFAULT '{}'::jsonb", false),
        ("a uuid DEFAULT gen_random_uuid()", true),
        ("a timestamptz DEFAULT now() NOT NULL", true),
        ("a timestamptz DEFAULT CURRENT_TIMESTAMP", true),
    ] {
        let column = column(text);
        assert!(column.default.is_some());
        assert_eq!(column.computed_default, computed, "{text}");
    }
    assert!(column("a bigserial").counts);
    assert!(column("a int GENERATED BY DEFAULT AS IDENTITY").counts);
    assert!(column("a int GENERATED ALWAYS AS (b * 2) STORED").stored);
    assert!(column("a int REFERENCES u (id) ON DELETE SET NULL").references.is_some());
    assert!(!column("a int REFERENCES u (id) ON DELETE SET NULL").not_null);
    let checked = column("a int CHECK (a IS NOT NULL OR b IS NOT NULL) UNIQUE");
    assert!(checked.check && checked.unique && !checked.not_null, "{checked:?}");
}
