//! What the proof of `diff` finds: each wrong script is refused, with what is wrong.

use db_migrations::backend;
use db_migrations::database::Connect;
use db_migrations::diff::Style;
use db_migrations::drift::Filter;
use db_migrations::engine::Failure;
use db_migrations::engine::diff::{Base, Proof, Request, Sides, ToProve, Way, prove, way};
use db_migrations::event::Silence;
use db_migrations::id::Namespace;
use db_migrations::migration::Script;
use db_migrations::schema::Schema;

use crate::common::bare;
use crate::support::block_on;
use crate::support::connect::connect_to;
use crate::support::database::{Db, each_database};

const BEFORE: &str = "CREATE TABLE users (id integer PRIMARY KEY, name varchar(20));";
const AFTER: &str = "CREATE TABLE users (id integer PRIMARY KEY, name varchar(20), born date);";

fn schema(db: &Db, text: &str) -> Schema {
    let db = db.another();
    db.execute(text);
    block_on(async {
        let mut database = connect_to(db.url()).connect().await.unwrap();
        let schema = database.introspect().await.unwrap();
        database.close().await;
        schema
    })
}

fn request(connect: &dyn Connect) -> Request<'_> {
    Request {
        base: Base::Lock,
        scratch: connect,
        module: Namespace::new("app").unwrap(),
        only_own: false,
        filter: Filter::default(),
        allow_drop: true,
        style: Style::default(),
    }
}

/// The way from one to the other, and what the proof says of its scripts as they are changed.
fn proved(
    db: &Db,
    before: &str,
    after: &str,
    change: impl Fn(&mut String, &mut String),
) -> Result<(Proof, Way), Failure> {
    let connect = connect_to(db.url());
    let request = request(&*connect);
    let dialect = backend::dialect_of(db.url(), &[]).unwrap();
    let (from, to) = (schema(db, before), schema(db, after));
    let sides = Sides {
        dialect,
        from,
        to,
        is_idle: false,
        texts: Vec::new(),
        left_out: Vec::new(),
        unmanaged: Vec::new(),
        not_generated: Vec::new(),
        warnings: Vec::new(),
    };
    let way = block_on(way(&sides, Vec::new(), &request))?;
    let files: Vec<ToProve> = way
        .changes
        .iter()
        .map(|one| {
            let (mut up, mut down) = (one.up.text(), one.down.text());
            change(&mut up, &mut down);
            ToProve { up: Script::new(up, "1_a.up.sql"), down: Script::new(down, "1_a.down.sql") }
        })
        .collect();
    block_on(prove(&sides, &way, &files, &request, &mut Silence)).map(|proof| (proof, way))
}

#[track_caller]
fn refused(db: &Db, change: impl Fn(&mut String, &mut String)) -> String {
    match proved(db, BEFORE, AFTER, change) {
        Ok((proof, _)) => panic!("it is proved: {proof:?}"),
        Err(failure) => format!("{:?}", failure.diagnostics),
    }
}

#[test]
fn what_is_right_is_proved() {
    each_database(|db| {
        let (proof, way) = proved(db, BEFORE, AFTER, |_, _| {}).unwrap();
        assert_eq!((proof.rows, proof.tables, way.changes.len()), (2, 1, 1), "{proof:?}");
        assert!(proof.refused.is_empty() && proof.full.is_empty() && proof.empty.is_empty(), "{proof:?}");
    });
}

#[test]
fn what_makes_something_else_is_refused() {
    each_database(|db| {
        let said = refused(db, |up, _| up.push_str("\nCREATE TABLE more (id integer PRIMARY KEY);\n"));
        assert!(
            said.contains("the migration does not make what is declared") && said.contains("more"),
            "{said}"
        );
        let said = refused(db, |_, down| down.push_str("\nCREATE TABLE more (id integer PRIMARY KEY);\n"));
        assert!(said.contains("the down script does not bring back what there was"), "{said}");
    });
}

#[test]
fn what_fails_is_shown_with_its_place() {
    each_database(|db| {
        let said = refused(db, |up, _| up.push_str("\nALTER TABLE nowhere ADD COLUMN x integer;\n"));
        assert!(said.contains("1_a.up.sql") && said.contains("nowhere"), "{said}");
        assert!(said.contains("Frame {"), "{said}");
        let said = refused(db, |_, down| down.push_str("\nDROP TABLE nowhere;\n"));
        assert!(said.contains("`1_a.down.sql` fails"), "{said}");
        let said = refused(db, |up, _| up.push_str("\nSELECT 'never closed;\n"));
        assert!(said.contains("never closed") && said.contains("unterminated"), "{said}");
    });
}

#[test]
fn rows_that_change_are_refused() {
    each_database(|db| {
        let said = refused(db, |up, _| up.push_str("\nUPDATE users SET name = 'x';\n"));
        assert!(said.contains("the rows of `") && said.contains("are not the same after up"), "{said}");
        let said = refused(db, |up, _| up.push_str("\nDELETE FROM users;\n"));
        assert!(said.contains("are not the same after up"), "{said}");
        let said = refused(db, |_, down| down.push_str("\nDELETE FROM users;\n"));
        assert!(said.contains("are not the same after down"), "{said}");
    });
}

#[test]
fn a_statement_that_fails_with_rows_is_a_doubt() {
    each_database(|db| {
        let unique = |up: &mut String, _: &mut String| {
            up.push_str("\nINSERT INTO users (id, name) SELECT id, name FROM users;\n");
        };
        let (proof, _) = proved(db, BEFORE, AFTER, unique).unwrap();
        assert_eq!((proof.rows, proof.empty.len()), (0, 1), "{proof:?}");
        assert!(proof.empty[0].table.ends_with("users") && !proof.empty[0].why.is_empty(), "{proof:?}");
    });
}

#[test]
fn what_is_not_read_is_named() {
    let Some(db) = Db::postgres() else { return };
    let users = "CREATE TABLE users (id integer PRIMARY KEY, a integer, b integer);\n";
    let statistics = "CREATE STATISTICS related ON a, b FROM users;\n";
    let project = bare()
        .file("migrations/20240101000000_before.sql", users)
        .file("schema.sql", format!("{users}{statistics}"));
    project.run_alone(&["lock"]).ok();
    let output = project.run(&db, &["diff"]).exits(1);
    let output = output.says("public.related is declared: write its statement by hand");
    let up = output.stdout.lines().find_map(|line| line.strip_prefix("wrote ")).unwrap();
    let text = project.read(up);
    assert!(text.contains("not generated: ") && text.contains("public.related"), "{text}");
    // by hand
    project.write(up, format!("{text}{statistics}"));
    project.run_alone(&["lock"]).ok();
    project.run(&db, &["diff"]).ok().says("nothing to do");
}
