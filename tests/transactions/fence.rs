//! Every body on the real database with the lexer left out, so that only the fence stands there: behind
//! each failure everything is as before, or it is said that it is not. And the lexer, counted.

use db_migrations::database::Session;

use crate::cases::{self, Case, Class, Seen, all};
use crate::support::block_on;
use crate::support::database::Db;
use crate::support::measured::measured;
use crate::world::{connect, run, session};

/// One line per thing that is there: equal lists mean equal databases.
pub(crate) fn everything(db: &Db) -> Vec<String> {
    if db.is_sqlite() || db.is_mariadb() {
        return db.dump().lines().map(str::to_owned).collect();
    }
    let own = "nspname !~ '^pg_' AND nspname <> 'information_schema'";
    db.query(&format!(
        "SELECT line FROM (
           SELECT 'relation ' || c.oid::regclass::text || c.relkind::text || coalesce(pg_get_viewdef(c.oid), '') AS line FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE {own}
           UNION ALL SELECT 'routine ' || p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE {own}
           UNION ALL SELECT 'type ' || t.oid::regtype::text FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE {own}
           UNION ALL SELECT 'column ' || attrelid::regclass::text || attname FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE {own}
           UNION ALL SELECT 'rule ' || pg_get_ruledef(oid) FROM pg_rewrite WHERE oid > 16384
           UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger
           UNION ALL SELECT 'event ' || evtname FROM pg_event_trigger
           UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE {own}
           UNION ALL SELECT 'comment ' || description FROM pg_description WHERE objoid > 16384
           UNION ALL SELECT 'rows ' || table_to_xml(c.oid, true, false, '')::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND {own}
           UNION ALL SELECT 'extension ' || extname FROM pg_extension
         ) AS l ORDER BY line"
    ))
}

/// A database with a table, a row, and a history of one run; where making one takes long, the same again.
fn begun(db: Db) -> Db {
    let db = if db.is_postgres() { db } else { db.another() };
    if db.is_postgres() {
        db.execute("DROP EVENT TRIGGER IF EXISTS t; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
    if db.is_mariadb() {
        db.execute("CREATE TABLE kept (id INT PRIMARY KEY) ENGINE = InnoDB; INSERT INTO kept VALUES (1)");
        db.execute("CREATE PROCEDURE commits() COMMIT");
        db.execute("CREATE PROCEDURE rolls_back() ROLLBACK");
        db.execute("CREATE PROCEDURE makes_a_table() CREATE TABLE other (x INT)");
    }
    block_on(async {
        let connect = connect(&db);
        let mut session = session(&*connect).await;
        let made = "CREATE TABLE kept (id INTEGER PRIMARY KEY); INSERT INTO kept VALUES (1)";
        let text = if db.is_mariadb() { "" } else { made };
        run(&mut session, connect.dialect(), text, 1).await.unwrap();
        let (_, guard) = session.commit().await.unwrap();
        guard.free().await.unwrap().close().await;
    });
    db
}

/// A body behind a change of the schema and one of the rows, where both are taken back.
fn embedded(db: &Db, body: &str) -> String {
    let ddl = if db.is_mariadb() { "" } else { "CREATE TABLE made (x INT);\n" };
    format!("{ddl}INSERT INTO kept VALUES (2);\n{body}\n;INSERT INTO kept VALUES (3);")
}

/// How a run with a body in it ended.
struct Outcome {
    /// The migration with the body was taken.
    taken: bool,
    /// It was said that something stayed.
    told: bool,
    error: String,
}

/// One that is good, the body, one that fails; then the rollback.
fn attempt(db: &Db, case: &Case) -> Outcome {
    block_on(async {
        let connect = connect(db);
        let mut session = session(&*connect).await;
        let dialect = connect.dialect();
        run(&mut session, dialect, "INSERT INTO kept VALUES (100)", 2).await.unwrap();
        let mut taken = true;
        let mut outcome = run(&mut session, dialect, &embedded(db, &case.body), 3).await;
        if outcome.is_err() {
            taken = false;
        } else {
            outcome = run(&mut session, dialect, "SELECT * FROM does_not_exist", 4).await;
        }
        let failure = outcome.unwrap_err();
        let error = failure.error.to_string();
        let complete = roll_back(session).await;
        Outcome { taken, told: failure.escaped || !complete, error }
    })
}

/// Whether the rollback says that it is whole.
async fn roll_back(session: Box<dyn Session>) -> bool {
    match session.rollback().await {
        Ok(rolled) => {
            let complete = rolled.left.is_none();
            if let Ok(database) = rolled.guard.free().await {
                database.close().await;
            }
            complete
        }
        // the connection is gone: the server rolls back what was open
        Err(_) => true,
    }
}

/// What is harmless runs, and commits with us.
fn commits(db: &Db, case: &Case) {
    block_on(async {
        let connect = connect(db);
        let mut session = session(&*connect).await;
        let text = embedded(db, &case.body);
        run(&mut session, connect.dialect(), &text, 3)
            .await
            .unwrap_or_else(|failure| panic!("{}: {failure:?}", case.name));
        run(&mut session, connect.dialect(), "SELECT 1", 4).await.unwrap();
        let (_, guard) = session.commit().await.unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        guard.free().await.unwrap().close().await;
    });
    assert_eq!(db.count("SELECT count(*) FROM kept WHERE id IN (2, 3)"), 2, "{}", case.name);
    assert_eq!(db.count("SELECT count(*) FROM db_migrations"), 3, "{}", case.name);
}

/// What the fence did with all the bodies.
#[derive(Debug, Default)]
struct Tally {
    control: usize,
    seen: usize,
    refused: usize,
    told: usize,
    harmless: usize,
}

fn judge(test: &str, db: Db) {
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    let mut db = begun(db);
    let mut before = everything(&db);
    for case in all(cases::dialect(&db)) {
        let seen = case.seen(cases::dialect(&db));
        let fits = match case.class {
            Class::Control => seen == Seen::Control,
            Class::Alone => seen == Seen::Alone,
            Class::Unreadable => seen == Seen::Unreadable,
            Class::Client => seen == Seen::Client,
            Class::Otherwise => seen == Seen::Otherwise,
            Class::Hidden | Class::Fails | Class::Harmless => seen == Seen::Nothing,
        };
        if !fits {
            wrong.push(format!("{}: the lexer sees {seen:?}", case.name));
        }
        if matches!(case.class, Class::Alone | Class::Unreadable | Class::Client) || seen == Seen::Unreadable
        {
            continue;
        }
        tally.control += usize::from(case.class == Class::Control);
        tally.seen += usize::from(case.class == Class::Control && seen == Seen::Control);
        let outcome = attempt(&db, &case);
        let same = everything(&db) == before;
        if !same && !outcome.told {
            wrong.push(format!("{}: something stayed, and nobody says so", case.name));
        }
        let refuses = matches!(case.class, Class::Hidden | Class::Fails);
        if refuses && (outcome.taken || !same) {
            wrong.push(format!("{}: it was not refused", case.name));
        }
        tally.refused += usize::from(refuses);
        tally.told += usize::from(outcome.told);
        if case.class == Class::Harmless && !outcome.taken {
            wrong.push(format!("{}: it does harm: {}", case.name, outcome.error));
        } else if case.class == Class::Harmless {
            tally.harmless += 1;
            commits(&db, &case);
        }
        if !same || case.class == Class::Harmless {
            db = begun(db);
            before = everything(&db);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{}: {tally:?}", db.dialect());
    assert_eq!(tally.seen, tally.control, "the lexer sees all of them");
    let Tally { control, seen, refused, told, harmless } = tally;
    measured(
        &format!("fence::{test}"),
        &format!(
            "{}: {seen} of {control} seen; by the fence alone {refused} refused, {told} told, 0 untold, {harmless} harmless ones commit",
            db.dialect()
        ),
    );
}

#[test]
fn no_body_ends_the_transaction_unseen_on_postgres() {
    let Some(db) = Db::postgres() else { return };
    judge("no_body_ends_the_transaction_unseen_on_postgres", db);
}

#[test]
fn no_body_ends_the_transaction_on_sqlite() {
    judge("no_body_ends_the_transaction_on_sqlite", Db::sqlite());
}

#[test]
fn no_body_ends_the_transaction_on_mariadb() {
    let Some(db) = Db::mariadb() else { return };
    judge("no_body_ends_the_transaction_on_mariadb", db);
}
