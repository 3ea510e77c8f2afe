//! What cannot be told to the application does not begin.

use crate::common::Place;
use crate::support::database::Db;
use crate::support::project::Project;

#[test]
fn where_it_cannot_be_switched_on_nothing_runs() {
    let place = Place::file();
    let absent = format!("{}/absent/down", place.name());
    for (way, cause) in [
        (format!("file: \"{absent}\""), "cannot be"),
        (
            "redis: { url: \"redis://u:s3cret-word@127.0.0.1:1/0\" }".to_owned(),
            "the Redis server at 127.0.0.1:1 cannot be used",
        ),
        ("redis: { url: \"${NO_SUCH_REDIS}\" }".to_owned(), "needs the variable `NO_SUCH_REDIS`"),
    ] {
        let db = Db::sqlite();
        let project = Project::with_config(&format!("cargo: off\nmaintenance: {{ {way} }}\n"))
            .file("migrations/20240101000000_a.sql", "CREATE TABLE a (id int);\n");
        project.run(&db, &["status"]).ok();
        let output = project.run(&db, &["migrate"]).exits(7);
        output.says("so nothing has run").says(cause).says("--no-maintenance").does_not_say("s3cret-word");
        assert!(db.is_empty() && !project.exists("migrations-lock.yml"));
        project.run(&db, &["migrate", "--no-maintenance"]).ok();
        // nothing is to be switched then: who cannot be asked stops nobody
        project.run(&db, &["migrate"]).ok().says("nothing to do").does_not_say("s3cret-word");
    }
}
