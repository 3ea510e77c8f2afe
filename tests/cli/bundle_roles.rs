//! Looking before the night: from a bundle, as a role that may only read (PostgreSQL, MariaDB).

use crate::bundle::{FILE, moved};
use crate::common::{POSTS, TAGS, USERS, add_tags, base};
use crate::support::database::Db;
use crate::support::project::{Output, Project};

/// Somebody who may read what is in one database, gone with this value.
struct Reader<'a> {
    db: &'a Db,
    name: String,
}

impl<'a> Reader<'a> {
    fn new(db: &'a Db) -> Self {
        let name = format!("reader_{}", &crate::support::random()[..8]);
        db.execute(&if db.is_mariadb() {
            let own = db.query("SELECT database()").remove(0);
            format!("CREATE USER {name}@localhost; GRANT SELECT ON `{own}`.* TO {name}@localhost")
        } else {
            format!(
                "CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
                 GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"
            )
        });
        Self { db, name }
    }

    fn looks(&self, place: &Project, args: &[&str]) -> Output {
        place.run_at(&self.db.url_as(&self.name), &[args, &["--bundle", FILE]].concat())
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let name = &self.name;
            self.db.execute(&if self.db.is_mariadb() {
                format!("DROP USER {name}@localhost")
            } else {
                format!("DROP OWNED BY {name}; DROP ROLE {name}")
            });
        }
    }
}

fn each_server(test: impl Fn(&Db)) {
    for db in [Db::postgres(), Db::mariadb()].into_iter().flatten() {
        test(&db);
    }
}

const PLAN: [&str; 2] = ["plan", "--locked"];
const STATUS: [&str; 1] = ["status"];

#[test]
fn it_looks_at_an_empty_database() {
    each_server(|db| {
        let project = base();
        project.run(&db.another(), &["migrate"]).ok();
        let (place, reader) = (moved(&project), Reader::new(db));
        reader.looks(&place, &PLAN).ok().says(USERS).says(POSTS);
        reader.looks(&place, &STATUS).ok().says("2 pending");
        assert!(db.is_empty());
    });
}

#[test]
fn it_sees_what_would_run_and_writes_nothing() {
    each_server(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let (old, reader) = (moved(&project), Reader::new(db));
        add_tags(&project);
        project.run(&db.another(), &["migrate"]).ok();
        let new = moved(&project);
        let (before, trees) = (db.dump(), [old.tree(), new.tree()]);
        reader.looks(&old, &PLAN).ok().says("nothing would run");
        reader.looks(&old, &STATUS).ok().says("2 applied");
        reader.looks(&new, &PLAN).ok().says(TAGS).does_not_say(POSTS);
        reader.looks(&new, &STATUS).ok().says("2 applied").says("1 pending");
        for args in [&["schema", "check"][..], &["lock", "--check"], &["migrate", "--dry-run"]] {
            reader.looks(&old, args).ok();
        }
        assert_eq!((db.dump(), [old.tree(), new.tree()]), (before, trees));
    });
}

#[test]
fn it_sees_that_a_run_would_be_refused() {
    each_server(|db| {
        let project = base();
        project.run(db, &["migrate"]).ok();
        let reader = Reader::new(db);
        project.write("db-migrations.yml", "cargo: off\npolicy: { out-of-order: deny }\n");
        add_tags(&project);
        project.run_alone(&["lock"]).ok();
        project.run_alone(&["lock", "move", TAGS, "--before", USERS]).ok();
        project.run(&db.another(), &["schema", "snapshot"]).ok();
        let (place, before) = (moved(&project), db.dump());
        reader.looks(&place, &PLAN).exits(1).says(TAGS).says("out-of-order");
        reader.looks(&place, &STATUS).ok().says("late");
        assert_eq!(db.dump(), before);
    });
}
