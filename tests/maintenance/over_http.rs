//! The example, asked over HTTP while the program migrates in another process.

use crate::common::{Held, KEY, Place, each_place, failing, get, open_shop, until, waiting};
use crate::support::database::Db;

#[test]
fn it_is_shut_for_as_long_as_the_migration_lasts() {
    let Some(db) = Db::postgres() else { return };
    each_place(|place| {
        let db = db.another();
        let project = waiting(place, ", retry-after: 60");
        let shop = open_shop(place);
        assert_eq!((get(shop, "/").status, get(shop, "/").body.as_str()), (200, "welcome\n"));

        let held = Held::open(&db);
        let run = project.spawn(&db, &["migrate"]);
        until("it is shut", || get(shop, "/").status == 503);
        let answer = get(shop, "/any/page");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("60")));
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(answer.body.contains("Back in a moment"), "{}", answer.body);
        assert_eq!(get(shop, "/health").status, 200);

        // it lives by its beats: twice as long as it would without
        let beat = || place.mark().unwrap()["beat"].clone();
        for _ in 0..2 * db_migrations::maintenance::MISSED {
            let last = beat();
            until("it beats while the statement lasts", || beat() != last);
            assert_eq!(get(shop, "/").status, 503);
        }
        drop(held);
        let output = run.wait().ok().says("maintenance mode is on (the ").says("maintenance mode is off");
        assert_eq!(place.text(), None, "{output}");
        until("it is open", || get(shop, "/").status == 200);
        let document = project.run(&db, &["migrate", "--format", "json"]).ok().json();
        assert_eq!(document.get("maintenance"), None, "nothing was switched");
    });
}

#[test]
fn it_stays_shut_after_a_run_that_left_something_behind() {
    let Some(db) = Db::mariadb() else { return };
    each_place(|place| {
        let db = db.another();
        let project = failing(&place.setting(""));
        let shop = open_shop(place);
        project
            .run(&db, &["migrate"])
            .exits(4)
            .says("maintenance mode stays on")
            .says("`db-migrations maintenance off`");
        let mark = place.mark().unwrap();
        assert_eq!((&mark["kept"], &mark["owner"]), (&true.into(), &"run".into()));
        if let Place::Redis(url) = place {
            assert_eq!(ttl(url), -1, "it has no end");
        }
        until("it is shut", || get(shop, "/").status == 503);
        project.run(&db, &["maintenance", "status"]).exits(1).says("the run did not end well");
        // a second run that fails has mended nothing, though nothing of it stays: still shut, since the first
        let document = project.run(&db, &["migrate", "--format", "json"]).exits(3).json();
        assert_eq!(document["maintenance"], "kept");
        assert_eq!(place.mark().unwrap()["since"], mark["since"]);

        project.write("migrations/20240102000000_bad.sql", "CREATE TABLE better (id int);\n");
        project.run(&db, &["lock", "--accept", "app::20240102000000_bad"]);
        project.run(&db, &["migrate"]).ok().says("maintenance mode is off");
        assert_eq!(place.text(), None);
        until("it is open", || get(shop, "/").status == 200);
    });
}

fn ttl(url: &str) -> i64 {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    redis::cmd("TTL").arg(KEY).query(&mut connection).unwrap()
}

/// What wants it lifted gets it lifted.
#[test]
fn or_is_opened_where_the_configuration_wants_that() {
    let Some(db) = Db::mariadb() else { return };
    let place = Place::file();
    let project = failing(&place.setting(", on-failure: lift"));
    project.run(&db, &["migrate"]).exits(4).says("maintenance mode is off").does_not_say("stays on");
    assert_eq!(place.text(), None);
}
