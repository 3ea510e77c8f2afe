//! Introspection: what is dumped loads, and dumps the same again.

use db_migrations::id::Checksum;
use db_migrations::schema::Kind;
use db_migrations::snapshot::{Fingerprint, Proof, Snapshot, render_schema};
use db_migrations::sql::split;

use crate::support::block_on;
use crate::support::database::{Db, each_database};
use crate::world::{connect, connect_to, run, session};

const MARIADB: &str = include_str!("../cases/introspect/mariadb.sql");

fn dump(db: &Db) -> (String, db_migrations::schema::Schema) {
    block_on(async {
        let connect = connect(db);
        let mut database = connect.connect().await.unwrap();
        let schema = database.introspect().await.unwrap();
        database.close().await;
        (render_schema(&schema, connect.dialect()), schema)
    })
}

fn db_name(db: &Db) -> String {
    db.query("SELECT database()").remove(0)
}

/// A dump as the server itself takes it: `DELIMITER` is the client's.
fn plain(db: &Db, dump: &str) -> String {
    let dialect = connect(db).dialect();
    let statements = split(dialect, dump).unwrap();
    let texts = statements.iter().map(|statement| format!("{};\n", &dump[statement.span.clone()]));
    texts.collect::<Vec<_>>().concat()
}

#[test]
fn a_dump_loads_and_dumps_the_same() {
    each_database(|db| {
        let nasty = match db.dialect() {
            "sqlite" => include_str!("../cases/introspect/sqlite.sql"),
            "mariadb" => MARIADB,
            _ => include_str!("../cases/introspect/postgres.sql"),
        };
        db.execute(nasty);
        let (first, schema) = dump(db);
        let again = db.another();
        again.execute(&plain(db, &first));
        let (second, _) = dump(&again);
        assert_eq!(first, second);
        // indexes are a part of their table there
        let own = if db.is_mariadb() { Kind::Event } else { Kind::Index };
        for kind in [Kind::Table, own, Kind::View, Kind::Trigger] {
            assert!(schema.count(kind) > 1, "{kind}");
        }
    });
}

/// Its own client takes the dump as it is, with what only the client understands.
#[test]
fn the_client_of_mariadb_loads_a_dump() {
    let Some(db) = Db::mariadb() else { return };
    db.execute(MARIADB);
    let (first, schema) = dump(&db);
    for kind in [Kind::Sequence, Kind::Function, Kind::Procedure] {
        assert!(schema.count(kind) > 1, "{kind}");
    }
    assert!(!first.contains("DEFINER=`root`") && !first.contains(&db_name(&db)), "{first}");
    let loaded = db.another();
    loaded.load(&first);
    assert_eq!(dump(&loaded), (first, schema));
}

#[test]
fn rows_and_open_transactions_of_mariadb_change_no_dump() {
    let Some(db) = Db::mariadb() else { return };
    db.execute(MARIADB);
    let (first, _) = dump(&db);
    db.execute("INSERT INTO `with space; and ``tick``` VALUES (), (); SELECT nextval(numbers)");
    assert_eq!(dump(&db).0, first, "the next number is no part of the schema");
    // the introspection itself must not end the transaction that it is asked in
    let kept = block_on(async {
        let connect = connect(&db);
        let mut session = session(&*connect).await;
        let delete = "DELETE FROM `with space; and ``tick```;";
        run(&mut session, connect.dialect(), delete, 1).await.unwrap();
        let schema = session.introspect().await.unwrap();
        session.rollback().await.unwrap();
        render_schema(&schema, connect.dialect())
    });
    assert_eq!(kept, first);
    assert_eq!(db.count("SELECT count(*) FROM `with space; and ``tick```"), 2);
}

#[test]
fn what_is_not_read_of_mariadb_is_named() {
    let Some(db) = Db::mariadb() else { return };
    db.execute(MARIADB);
    let not_covered = |url: &str| {
        block_on(async {
            let mut database = connect_to(url).connect().await.unwrap();
            let names = database.not_covered().await.unwrap();
            let schema = database.introspect().await.unwrap();
            database.close().await;
            (names, schema)
        })
    };
    let (names, by_root) = not_covered(db.url());
    let unread = [
        "event once",
        "function calm",
        "package body pack",
        "package pack",
        "view broken",
        "view broken_too",
    ];
    assert_eq!(names, unread);

    // who may see less is told what of it is missing
    let reader = format!("reader_{}", crate::support::random());
    db.execute(&format!("CREATE USER {reader}; GRANT SELECT, EXECUTE ON {}.* TO {reader}", db_name(&db)));
    let (names, by_reader) = not_covered(&db.url_as(&reader));
    db.execute(&format!("DROP USER {reader}"));
    for kind in [Kind::Table, Kind::Sequence] {
        assert_eq!(by_reader.count(kind), by_root.count(kind), "{kind}");
    }
    for name in ["view base", "function words"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
    }
}

#[test]
fn a_snapshot_of_mariadb_is_read_as_it_was_written() {
    let Some(db) = Db::mariadb() else { return };
    db.execute(MARIADB);
    let (_, schema) = dump(&db);
    let snapshot = Snapshot {
        dialect: connect(&db).dialect(),
        fingerprint: Fingerprint { entries: Vec::new(), digest: Some(Checksum::of(b"")) },
        proof: Proof::Replay,
        server: "MariaDB".to_owned(),
        schema,
    };
    assert_eq!(Snapshot::parse("x.sql", &snapshot.render()).unwrap(), snapshot);
}

#[test]
fn own_and_other_tools_tables_are_left_out() {
    each_database(|db| {
        db.execute("CREATE TABLE db_migrations (id INT); CREATE TABLE _sqlx_migrations (id INT); CREATE TABLE mine (id INT)");
        let (_, schema) = dump(db);
        let names: Vec<&str> = schema.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, [if db.is_postgres() { "public.mine" } else { "mine" }]);
    });
}
