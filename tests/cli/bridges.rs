//! `docs/bridges.md` without Cargo: diesel's layout, and plain SQL.

use crate::common::bare;
use crate::support::database::each_database;
use crate::support::project::Project;

/// The setup that `diesel setup` writes into every project.
const SETUP: &str = "migrations/00000000000000_diesel_initial_setup";

const POSTS: &str = "CREATE TABLE posts (\n    id integer PRIMARY KEY,\n    title varchar(80) NOT NULL\n);\n";

/// What `diff` wrote: the folders of diesel's migrations, with both files in each.
fn folders(project: &Project) -> Vec<String> {
    let tree = project.tree();
    let files = tree.iter().map(|(path, _)| path.as_str());
    let ups: Vec<_> = files.filter_map(|path| path.strip_suffix("/up.sql")).map(str::to_owned).collect();
    assert!(ups.iter().all(|folder| project.exists(&format!("{folder}/down.sql"))), "{ups:?}");
    ups.into_iter().filter(|folder| folder != SETUP).collect()
}

#[test]
fn diesel_gets_its_own_files_and_rows() {
    each_database(|db| {
        let project = bare()
            .file("db-migrations.yml", "cargo: off\nformat: diesel\nmirror: diesel\n")
            .file(&format!("{SETUP}/up.sql"), "-- of diesel\n")
            .file(&format!("{SETUP}/down.sql"), "-- of diesel\n")
            .file("schema.sql", POSTS);
        project.run(db, &["diff", "create posts"]).ok();
        let [first] = &folders(&project)[..] else { panic!("{:?}", folders(&project)) };
        assert!(first.ends_with("_create_posts"), "{first}");
        project.run(db, &["migrate"]).ok();
        db.execute("INSERT INTO posts VALUES (1, 'one')");

        project.write("schema.sql", POSTS.replace("NOT NULL\n", "NOT NULL,\n    body varchar(80)\n"));
        project.run(db, &["diff", "body"]).ok().says("proved on a scratch database with 2 rows in 1 table");
        assert_eq!(folders(&project).len(), 2);
        project.run(db, &["migrate"]).ok();
        assert_eq!(db.query("SELECT title FROM posts WHERE body IS NULL"), ["one"]);
        // diesel's own table says the same: neither `diesel migration run` nor `embed_migrations!` has anything left
        let versions = "SELECT version FROM __diesel_schema_migrations ORDER BY version";
        assert_eq!(db.query(versions).len(), 3);
        project.run(db, &["rollback", "--yes"]).ok();
        assert_eq!(db.query(versions).len(), 2);
        project.run(db, &["migrate"]).ok();
        project.run(db, &["diff"]).ok().says("nothing to do");
    });
}

/// A program may print for the database that is meant.
#[test]
fn a_program_is_told_the_dialect() {
    each_database(|db| {
        let project = bare()
            .file("db-migrations.yml", "cargo: off\nschema: { command: [sh, ddl.sh] }\n")
            .file("ddl.sh", "echo \"CREATE TABLE of_$DB_MIGRATIONS_DIALECT (id integer PRIMARY KEY);\"\n");
        project.run(db, &["diff", "first"]).ok();
        project.run(db, &["migrate"]).ok();
        assert_eq!(db.count(&format!("SELECT COUNT(*) FROM of_{}", db.dialect())), 0);
    });
}
