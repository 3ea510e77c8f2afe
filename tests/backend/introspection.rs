//! Introspection: what is dumped loads, and dumps the same again.

use db_migrations::schema::Kind;
use db_migrations::snapshot::render_schema;
use db_migrations::sql::split;

use crate::support::block_on;
use crate::support::database::{Db, each_database};
use crate::world::connect;

fn dump(db: &Db) -> (String, db_migrations::schema::Schema) {
    block_on(async {
        let connect = connect(db);
        let mut database = connect.connect().await.unwrap();
        let schema = database.introspect().await.unwrap();
        database.close().await;
        (render_schema(&schema, connect.dialect()), schema)
    })
}

/// A dump as the server itself takes it: `DELIMITER` is the client's.
fn plain(db: &Db, dump: &str) -> String {
    let dialect = connect(db).dialect();
    let statements = split(dialect, dump).unwrap();
    statements.iter().map(|statement| format!("{};\n", &dump[statement.span.clone()])).collect()
}

#[test]
fn a_dump_loads_and_dumps_the_same() {
    each_database(|db| {
        let nasty = match db.dialect() {
            "sqlite" => include_str!("../cases/introspect/sqlite.sql"),
            "mariadb" => include_str!("../cases/introspect/mariadb.sql"),
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

#[test]
fn own_and_other_tools_tables_are_left_out() {
    each_database(|db| {
        db.execute("CREATE TABLE db_migrations (id INT); CREATE TABLE _sqlx_migrations (id INT); CREATE TABLE mine (id INT)");
        let (_, schema) = dump(db);
        let names: Vec<&str> = schema.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, [if db.is_postgres() { "public.mine" } else { "mine" }]);
    });
}
