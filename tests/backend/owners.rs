//! Whose each object is: learnt by the lock's replay, and by loading what is declared.

use db_migrations::config;
use db_migrations::engine::{Owners, Project, declared, owned};
use db_migrations::event::Silence;
use db_migrations::lock::merge;

use crate::support::block_on;
use crate::support::database::{Db, each_database};
use crate::support::project::Project as Folder;
use crate::world::connect;

/// Two plugins and an application whose migrations take turns.
fn folder(db: &Db) -> Folder {
    let trigger = match db.dialect() {
        "sqlite" => "CREATE TRIGGER tr AFTER INSERT ON users BEGIN DELETE FROM users WHERE id < 0; END;",
        "mariadb" => "CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW SET new.name = 'x';",
        _ => {
            "CREATE TRIGGER tr BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();\
             COMMENT ON TABLE users IS 'all'; CREATE TYPE mood AS ENUM ('a');"
        }
    };
    let users = format!("CREATE TABLE users (id integer PRIMARY KEY, name varchar(20));\n{trigger}\n");
    let more = "ALTER TABLE users ADD COLUMN mail varchar(20);\nCREATE TABLE notes (id integer PRIMARY KEY);\n\
                CREATE INDEX users_mail ON users (mail);\n";
    let rename = "ALTER TABLE users RENAME TO members;\nALTER TABLE members ADD COLUMN age integer;\n";
    Folder::with_config("cargo: off\nmodules: { paths: [\"plugins/*\"] }\n")
        .file("plugins/accounts/migrations/20240101000000_users.sql", users)
        .file("plugins/accounts/migrations/20240104000000_rename.sql", rename)
        .file("plugins/blog/migrations/20240102000000_more.sql", more)
        .file("migrations/20240103000000_own.sql", "CREATE TABLE own (id integer);\nDROP TABLE notes;\n")
        .file("migrations/20240105000000_notes.sql", "CREATE TABLE notes (id integer);\n")
}

fn open(folder: &Folder) -> Project {
    let text = folder.read("db-migrations.yml");
    let config = config::parse("db-migrations.yml", &text, &|_| None).unwrap();
    Project::open(folder.path(), config).unwrap_or_else(|failure| panic!("{:?}", failure.diagnostics))
}

/// `members: accounts`, without schemas and quotes.
fn told(owners: &Owners) -> Vec<String> {
    let name = |name: &str| name.replace("public.", "").replace('"', "");
    owners.iter().map(|((kind, object), owner)| format!("{kind} {}: {owner}", name(object))).collect()
}

#[test]
fn whoever_made_it_owns_it_under_any_name() {
    each_database(|db| {
        let folder = folder(db);
        let project = open(&folder);
        let merged = merge(project.document.lock(), &project.catalogue, None).unwrap();
        let connect = connect(db);
        let made = block_on(owned(&project, &merged, &*connect, &mut Silence)).unwrap();
        let told = told(&made.owners);
        let mut wanted = vec!["table members: accounts", "table notes: app", "table own: app"];
        match db.dialect() {
            "sqlite" => wanted.extend(["index users_mail: blog", "trigger tr: accounts"]),
            "mariadb" => wanted.push("trigger tr: accounts"),
            _ => {
                wanted.insert(0, "enum mood: accounts");
                wanted.extend([
                    "index users_mail: blog",
                    "trigger members.tr: accounts",
                    "comment table members: accounts",
                ]);
            }
        }
        assert_eq!(told, wanted);
        assert_eq!(made.schema.objects.len(), made.owners.len());
        assert!(made.left_out.is_empty() && db.is_empty());
    });
}

#[test]
fn a_text_makes_its_module_the_owner() {
    each_database(|db| {
        let folder = folder(db)
            .file("schema.sql", "CREATE TABLE own (id integer);\nCREATE INDEX mine ON members (age);\n");
        let project = open(&folder);
        let merged = merge(project.document.lock(), &project.catalogue, None).unwrap();
        let connect = connect(db);
        let made = block_on(declared(&project, &merged, &*connect, &mut Silence)).unwrap();
        let told = told(&made.owners);
        assert!(told.contains(&"table members: accounts".to_owned()), "{told:?}");
        assert!(told.contains(&"table notes: blog".to_owned()), "{told:?}");
        assert!(told.contains(&"table own: app".to_owned()), "{told:?}");
        assert!(db.is_mariadb() || told.contains(&"index mine: app".to_owned()), "{told:?}");
        assert_eq!(made.texts.len(), 1);
        assert_eq!(&*made.texts[0].path, "schema.sql");
    });
}
