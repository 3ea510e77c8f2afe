//! A migrated database, a project with more migrations for it, and the oracle: what is true of the database
//! before and after an undisturbed run.

use std::collections::BTreeMap;

use crate::support::database::Db;
use crate::support::project::{Output, Project, Running};

/// How the new migrations run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In one transaction.
    Whole,
    /// Statement by statement.
    Apart,
    /// First in a transaction, then statement by statement (PostgreSQL, SQLite); rehearsed (MariaDB).
    Split,
    /// A procedure that commits by itself (PostgreSQL), where a person decides after a kill.
    Called,
    /// On an empty database, in one transaction where the database can.
    First,
    /// The contract phase of a deploy, with rows to be caught up before.
    Contract,
}

/// One arrangement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) mode: Mode,
    pub(crate) count: usize,
}

/// What is true of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Schema, rows, and which migrations count as run.
    pub(crate) essence: String,
    /// All rows of our own tables.
    pub(crate) own: String,
}

/// What an undisturbed run does.
pub(crate) struct Undisturbed {
    pub(crate) after: String,
    pub(crate) files: Vec<(String, String)>,
    /// Moments in the order in which they were reached, with how often.
    pub(crate) reached: BTreeMap<String, usize>,
}

/// A scene whose base has run once, to be set again and again.
pub(crate) struct Stage {
    scene: Scene,
    files: Vec<(String, String)>,
    base: Base,
}

/// What the base made.
enum Base {
    Nothing,
    Script(String),
    File(Vec<u8>),
}

impl Scene {
    /// Runs the base, and remembers what it made.
    pub(crate) fn stage(self, db: &Db) -> Stage {
        // a replay makes a scratch database each time, which takes longer than all the rest
        let replays = self.count == 1 && matches!(self.mode, Mode::Whole | Mode::First);
        let rehearsal = if self.mode == Mode::Split { "try" } else { "off" };
        let check = if replays { "" } else { "schema-check: { source: off }\n" };
        let phase = if self.mode == Mode::Contract { "contract" } else { "all" };
        let project = Project::with_config(&format!(
            "cargo: off\npolicy: {{ allow-split: true, rehearsal: {rehearsal}, phase: {phase} }}\n{check}"
        ));
        project.write(
            "migrations/20240101000000_base.sql",
            "CREATE TABLE users (id integer PRIMARY KEY, name varchar(200) NOT NULL);\n\
             INSERT INTO users VALUES (1, 'ann');\nCREATE TABLE posts (id integer PRIMARY KEY);\n",
        );
        if self.mode == Mode::First {
            return Stage { scene: self, files: project.tree(), base: Base::Nothing };
        }
        let db = db.another();
        if self.mode == Mode::Contract {
            project.write(
                "migrations/20240101000001_fill.sql",
                "-- db-migrations: catch-up\nUPDATE users SET name = 'new' WHERE name = 'old';\n",
            );
        }
        project.run(&db, &["migrate"]).ok();
        if self.mode == Mode::Contract {
            db.execute("INSERT INTO users VALUES (2, 'old')");
        }
        let base = match db.path() {
            Some(path) => Base::File(std::fs::read(path).unwrap()),
            None => Base::Script(db.dump()),
        };
        Stage { scene: self, files: project.tree(), base }
    }
    fn migration(self, db: &Db, n: usize) -> String {
        let mode = match self.mode {
            Mode::Split if n < self.count && !db.is_mariadb() => Mode::Whole,
            Mode::Split => Mode::Apart,
            Mode::Called if !db.is_postgres() => Mode::Whole,
            mode => mode,
        };
        match (mode, db.dialect()) {
            (Mode::Contract, _) => format!(
                "-- db-migrations: contract-of app::20240101000001_fill\nCREATE TABLE t{n} (id integer PRIMARY KEY);\n\
                 ALTER TABLE posts ADD COLUMN c{n} integer;\n"
            ),
            (Mode::Called | Mode::Split, _) => format!(
                "-- db-migrations: no-transaction\nCREATE PROCEDURE p{n}() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;\nCALL p{n}();\n"
            ),
            // data only: what changes the schema there is never one transaction
            (Mode::Whole, "mariadb") => format!(
                "INSERT INTO posts VALUES ({n});\nUPDATE users SET name = CONCAT(name, '{n}') WHERE id = 1;\n"
            ),
            (Mode::Apart | Mode::First, "mariadb") => format!(
                "CREATE TABLE t{n} (id integer PRIMARY KEY, name varchar(20));\nINSERT INTO t{n} VALUES (1, 'a');\n\
                 ALTER TABLE users ADD c{n} int;\n"
            ),
            (Mode::Whole | Mode::First, _) => format!(
                "CREATE TABLE t{n} (id integer PRIMARY KEY, name text);\nINSERT INTO t{n} VALUES (1, 'a');\n\
                 UPDATE users SET name = name || '{n}' WHERE id = 1;\n"
            ),
            (Mode::Apart, "postgres") => format!(
                "-- db-migrations: no-transaction\nCREATE TABLE t{n} (id integer PRIMARY KEY, name text);\n\
                 CREATE INDEX CONCURRENTLY t{n}_name ON t{n} (name);\nINSERT INTO t{n} VALUES (1, 'a');\n"
            ),
            (Mode::Apart, _) => format!(
                "-- db-migrations: no-transaction\nCREATE TABLE t{n} (id integer PRIMARY KEY, name text);\nVACUUM;\n\
                 INSERT INTO t{n} VALUES (1, 'a');\n"
            ),
        }
    }
}

impl Stage {
    /// A project whose base has run, and whose new migrations have not.
    pub(crate) fn set(&self, db: &Db) -> Project {
        let project = Project::new();
        for (path, text) in &self.files {
            project.write(path, text);
        }
        for n in 1..=self.scene.count {
            project.write(&format!("migrations/2024010200000{n}_more.sql"), self.scene.migration(db, n));
        }
        if db.is_postgres() {
            db.execute("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public");
        }
        match &self.base {
            Base::Nothing => {}
            Base::Script(script) => db.load(script),
            Base::File(bytes) => std::fs::write(db.path().unwrap(), bytes).unwrap(),
        }
        project
    }

    /// Runs it once without any fault.
    pub(crate) fn undisturbed(&self, db: &Db) -> Undisturbed {
        let db = db.another();
        let project = self.set(&db);
        let log = project.join("target/reached");
        std::fs::create_dir_all(project.join("target")).unwrap();
        let mut command = project.command(&["migrate"]);
        command.env("DATABASE_URL", db.url()).env("DB_MIGRATIONS_FAULT_LOG", &log);
        Output::of(&mut command, &["migrate"]).ok();
        let mut reached = BTreeMap::new();
        for name in std::fs::read_to_string(&log).unwrap().lines() {
            *reached.entry(name.to_owned()).or_default() += 1;
        }
        Undisturbed { after: state(&db).essence, files: files(&project), reached }
    }
}

/// Another database, where it costs little; else the same.
pub(crate) fn fresh(db: &Db) -> Option<Db> {
    (!db.is_postgres()).then(|| db.another())
}

/// The command, with a fault.
pub(crate) fn start(project: &Project, db: &Db, fault: &str) -> Running {
    std::fs::create_dir_all(project.join("target")).unwrap();
    let mut command = project.command(&["migrate"]);
    command.env("DATABASE_URL", db.url()).env("DB_MIGRATIONS_FAULT", fault);
    command.env("DB_MIGRATIONS_FAULT_LOG", project.join("target/reached"));
    Running::start(command, &format!("migrate # {fault}"))
}

/// Whether this moment has been reached so often.
pub(crate) fn has_reached(project: &Project, name: &str, times: usize) -> bool {
    let log = std::fs::read_to_string(project.join("target/reached")).unwrap_or_default();
    log.lines().filter(|line| *line == name).count() >= times
}

/// A server notices a dead client when it reads from it the next time.
pub(crate) fn settle(db: &Db) {
    let connected = match db.dialect() {
        "sqlite" => return,
        "postgres" => {
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        }
        _ => {
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()"
        }
    };
    while db.count(connected) > 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Everything that is in the database.
pub(crate) fn state(db: &Db) -> State {
    if db.path().is_some_and(|path| !path.exists()) {
        return State { essence: String::new(), own: String::new() };
    }
    let tables = db.query(tables(db));
    let (own, others): (Vec<_>, Vec<_>) = tables.iter().partition(|name| name.starts_with("db_migrations"));
    let mut essence = db.query(schema(db));
    for table in others {
        essence.extend(rows(db, table).into_iter().map(|row| format!("{table}: {row}")));
    }
    let mut all = Vec::new();
    for table in own {
        all.extend(rows(db, table).into_iter().map(|row| format!("{table}: {row}")));
        if table == "db_migrations" {
            essence.extend(db.query(
                "SELECT concat_ws(' ', position, id, kind, checksum) FROM db_migrations ORDER BY position",
            ));
        }
    }
    all.sort();
    State { essence: essence.join("\n"), own: all.join("\n") }
}

fn tables(db: &Db) -> &'static str {
    match db.dialect() {
        "sqlite" => "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        "postgres" => {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        }
        _ => "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1",
    }
}

fn schema(db: &Db) -> &'static str {
    match db.dialect() {
        "sqlite" => {
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'db\\_migrations%' ESCAPE '\\' ORDER BY name"
        }
        "postgres" => {
            "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable) FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name NOT LIKE 'db\\_migrations%' \
             UNION ALL SELECT concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready) FROM pg_index i \
             JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'db\\_migrations%' ORDER BY 1"
        }
        _ => {
            "SELECT CONCAT_WS(' ', TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE) FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT LIKE 'db\\_migrations%' \
             UNION ALL SELECT CONCAT_WS(' ', TABLE_NAME, INDEX_NAME, COLUMN_NAME) FROM information_schema.STATISTICS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT LIKE 'db\\_migrations%' ORDER BY 1"
        }
    }
}

fn rows(db: &Db, table: &str) -> Vec<String> {
    if db.is_postgres() {
        return db.query(&format!("SELECT t::text FROM {table} t ORDER BY 1"));
    }
    let columns = if db.is_sqlite() {
        db.query(&format!("SELECT group_concat(name, ', ') FROM pragma_table_info('{table}')"))
    } else {
        db.query(&format!(
            "SELECT GROUP_CONCAT(CONCAT('`', COLUMN_NAME, '`')) FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'"
        ))
    };
    db.query(&format!("SELECT concat_ws('|', {}) FROM {table} ORDER BY 1", columns[0]))
}

/// What was printed must be so.
#[track_caller]
pub(crate) fn is_true(output: &Output, before: &State, now: &State, after: &str) {
    let unchanged = now.essence == before.essence;
    let complete = now.essence == after;
    for claim in ["everything was rolled back", "nothing of this run stayed", "nothing was touched"] {
        assert!(
            unchanged || !(output.stderr.contains(claim)),
            "it says `{claim}`:\n{output}\n{}",
            now.essence
        );
    }
    match output.code {
        0 => assert!(complete, "it says that it is done:\n{output}\n{}", now.essence),
        2 | 3 | 5 | 6 | 7 | 130 => {
            assert!(unchanged, "it says that nothing stayed:\n{output}\n{}", now.essence);
        }
        // how far a migration outside of a transaction came is not known to who interrupts it
        4 if output.stderr.contains("statements that it has finished stay") => {}
        4 if output.stderr.contains("may go on at the server, or have ended") => {}
        4 => assert!(!unchanged, "it says that something stayed:\n{output}\n{}", now.essence),
        // a bug says nothing, a kill cannot, and an unknown outcome may be either
        8 | 70 | -1 => {}
        _ => panic!("no fault may end so:\n{output}"),
    }
}

/// The next plain run completes, and leaves what an undisturbed one does.
#[track_caller]
pub(crate) fn recovers(project: &Project, db: &Db, undisturbed: &Undisturbed, first: &str) {
    let output = project.run(db, &["migrate"]);
    assert_eq!(output.code, 0, "after {first}\nthe next run fails:\n{output}");
    assert_eq!(state(db).essence, undisturbed.after, "after {first}\nthe next run:\n{output}");
    assert_eq!(db.count("SELECT count(*) FROM db_migrations_step"), 0, "after {first}\n{output}");
    assert_eq!(files(project), undisturbed.files, "after {first}\n{output}");
}

/// The project's files, without what a killed write leaves behind, and without how the snapshot was proved: a
/// replay that failed proves nothing.
fn files(project: &Project) -> Vec<(String, String)> {
    let files = project.tree().into_iter().filter(|(name, _)| !name.starts_with(".db-migrations-"));
    let unproved = |text: String| {
        text.lines().filter(|line| !line.starts_with("-- proof:")).collect::<Vec<_>>().join("\n")
    };
    files.map(|(name, text)| (name, unproved(text))).collect()
}
