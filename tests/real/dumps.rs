//! Our dump beside those of the databases' own tools: what either makes of an empty database is the same.

use std::collections::BTreeSet;
use std::process::Command;

use db_migrations::drift::between;
use db_migrations::snapshot::render_schema;

use crate::law::{dialect, introspect};
use crate::schemas;
use crate::support::database::Db;
use crate::support::project::Project;

/// What a tool's dump says and ours does not, by its words. What it needs only to load itself is left out:
/// its settings, what it drops before, and our own tables.
fn words_of_its_own(theirs: &str, ours: &str) -> BTreeSet<String> {
    let words = |text: &str| -> BTreeSet<String> {
        let no_word = |c: char| !c.is_alphanumeric() && c != '_';
        text.split(no_word).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let settings = ["--", "SET ", "\\", "/*!", "/*M!", "DROP TABLE IF EXISTS "];
    let kept = theirs.lines().filter(|line| !settings.iter().any(|start| line.starts_with(start)));
    let kept = kept.collect::<Vec<_>>().join("\n");
    let kept: Vec<_> = kept.split(";\n").filter(|statement| !statement.contains("db_migrations")).collect();
    words(&kept.join("\n")).difference(&words(ours)).cloned().collect()
}

/// Loads both dumps; of its own the other may have these words.
fn the_same(db: Option<Db>, own: &[&str]) {
    let Some(db) = db else { return };
    let schema = introspect(&db);
    let ours = render_schema(&schema, dialect(&db));
    let theirs = their_dump(&db);
    for text in [&ours, &theirs] {
        let copy = db.another();
        copy.load(text);
        let drift = between(dialect(&db), &schema, &introspect(&copy));
        assert!(drift.is_empty() && drift.notes.is_empty(), "{drift:?}\n{text}");
    }
    let mut words = words_of_its_own(&theirs, &ours);
    words.retain(|word| !own.contains(&word.as_str()) && !MADE_UP.iter().any(|end| word.ends_with(end)));
    assert!(words.is_empty(), "docs/schema-check.md does not speak of {words:?}");
}

/// What a sequence says by default.
const SEQUENCE: [&str; 8] = ["cache", "increment", "maxvalue", "minvalue", "no", "start", "column", "value"];

/// The comment of an extension comes with it.
const EXTENSIONS: &str =
    "cryptographic data functions generate identifiers pairs sets storing universally uuids";

/// The sequence of an identity column, the indexes of a partition.
const MADE_UP: [&str; 3] = ["_seq", "_idx", "_pkey"];

/// The schema by the tool of the database; of SQLite by its shell. That of PostgreSQL empties the search
/// path, so that a function of M1 that an index calls does not find `uuid_nil` and nothing loads.
fn their_dump(db: &Db) -> String {
    let Some(path) = db.path() else {
        return db.dump_schema().replace("SELECT pg_catalog.set_config('search_path', '', false);", "");
    };
    let output = Command::new("sqlite3").arg(path).arg(".schema --nosys").output();
    let Ok(output) = output else { return db.dump_schema() };
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn m1() {
    let extensions = EXTENSIONS.split(' ');
    let own: Vec<_> = SEQUENCE.into_iter().chain(extensions).chain(["attach"]).collect();
    the_same(schemas::m1(), &own);
}

#[test]
fn m2() {
    the_same(schemas::m2(), &SEQUENCE);
}

#[test]
fn m3() {
    the_same(schemas::m3(), &[]);
}

#[test]
fn mariadb() {
    the_same(schemas::hammerwork(), &[]);
    the_same(schemas::torrust_mariadb(), &[]);
}

/// What no schema of the others has, in the words of `pg_dump`: either named on stderr, or in the page.
#[test]
fn what_is_rare_is_named_or_known() {
    let Some(db) = Db::postgres() else { return };
    db.execute(RARE);
    let project = Project::with_config("cargo: off\n");
    let dump = project.run(&db, &["schema", "dump"]).ok();
    let words = words_of_its_own(&their_dump(&db), &format!("{}{}", dump.stdout, dump.stderr));
    let known = "_ by ddl_command_end leftarg libc locale rightarg add alter asciiword cache cluster column compression dependencies dictionary english_stem execute external increment
        mapping maxvalue minvalue n_distinct no on only parser pg_catalog pglz provider simple statistics storage template with word 300 500 5";
    let unknown: Vec<_> =
        words.iter().filter(|word| !known.split_whitespace().any(|known| known == *word)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for word in ["cluster", "compression", "n_distinct", "storage"] {
        assert!(words.contains(word), "the page says that `{word}` is not shown");
    }
}

const RARE: &str = "
CREATE COLLATION posix (provider = libc, locale = 'C');
CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME odd_seq START 7) PRIMARY KEY, a text, b int, c text COMPRESSION pglz);
ALTER TABLE t ALTER COLUMN a SET STORAGE EXTERNAL, ALTER COLUMN b SET STATISTICS 500, ALTER COLUMN b SET (n_distinct = 5);
ALTER TABLE t REPLICA IDENTITY FULL;
CREATE INDEX ti ON t (b);
ALTER TABLE t CLUSTER ON ti;
CREATE INDEX te ON t ((b + 1));
ALTER INDEX te ALTER COLUMN 1 SET STATISTICS 300;
CREATE STATISTICS st (dependencies) ON a, b FROM t;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
ALTER TABLE t ENABLE ALWAYS TRIGGER tr;
CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;
ALTER TABLE t DISABLE RULE r;
CREATE TABLE p (x int) INHERITS (t);
CREATE UNLOGGED TABLE u (a int) WITH (fillfactor = 70);
CREATE TYPE comp AS (x int, y text);
CREATE TABLE typed OF comp;
CREATE FUNCTION ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION ev();
CREATE TEXT SEARCH DICTIONARY dic (TEMPLATE = simple);
CREATE FUNCTION eqf(comp, comp) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1.x = $2.x';
CREATE OPERATOR === (LEFTARG = comp, RIGHTARG = comp, FUNCTION = eqf);
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER srv FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE ft (a int) SERVER srv;
CREATE AGGREGATE ag(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE SEQUENCE sq;
CREATE VIEW v WITH (security_barrier) AS SELECT id, b FROM t;
ALTER VIEW v ALTER COLUMN b SET DEFAULT 4;
CREATE POLICY pol ON t USING (b > 1);
ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE t ADD CONSTRAINT ck CHECK (b > 0) NO INHERIT NOT VALID;
COMMENT ON INDEX ti IS 'i';
";
