//! Files that are too large, never end, or are no files: each stands where the program looks, none is
//! waited for, and none is read into memory.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::confined::{confined, project};
use crate::support::project::{Output, Project};

/// Every place from which a text is read, with its words for "too large".
const PLACES: [(&str, &str); 6] = [
    ("migrations/1_a.sql", "33554432 are allowed"),
    ("checks/a.sql", "33554432 are allowed"),
    ("plugins/p/module.yml", "33554432 are allowed"),
    ("migrations-lock.yml", "more than the 64 MiB that are read"),
    ("db-migrations.yml", "more than the 64 MiB that are read"),
    ("migrations-schema.sqlite.sql", "more than the 64 MiB that are read"),
];

/// A project in which the file is missing, and its folder is there.
fn without(place: &str) -> Project {
    let project = Project::with_config(
        "cargo: off\ndialects: [sqlite]\nmodules: { paths: [plugins/*] }\ndatabase: { url: sqlite://app.db }\n",
    )
    .file("migrations/1_a.sql", "CREATE TABLE a (id int);\n")
    .file("checks/a.sql", "SELECT 1 WHERE false;\n")
    .file("plugins/p/module.yml", "namespace: p\n")
    .file("plugins/p/migrations/1_p.sql", "CREATE TABLE p (id int);\n");
    project.run_alone(&["lock"]).ok();
    project.remove(place);
    project
}

/// It says no, and why.
#[track_caller]
fn refused(project: &Project, place: &str) -> Output {
    let output = confined(project, &["migrate", "--locked"]);
    assert!([2, 7].contains(&output.code), "{place}: {output}");
    assert!(output.stderr.contains(place), "{place} is not named: {output}");
    assert!(!project.exists("app.db"), "something ran: {output}");
    output
}

#[test]
fn files_of_a_gibibyte() {
    for (place, words) in PLACES {
        let project = without(place);
        File::create(project.join(place)).unwrap().set_len(1 << 30).unwrap();
        refused(&project, place).says(words);
    }
}

#[test]
fn a_bundle_that_never_ends() {
    confined(&project(), &["status", "--bundle", "/dev/zero"]).exits(2).says("more than the 256 MiB");
}

#[test]
fn fifos() {
    for (place, _) in PLACES {
        let project = without(place);
        assert!(Command::new("mkfifo").arg(project.join(place)).status().unwrap().success());
        refused(&project, place).says("regular file");
    }
}

#[test]
fn a_fifo_in_the_place_of_dotenv() {
    let project = project();
    assert!(Command::new("mkfifo").arg(project.join(".env")).status().unwrap().success());
    confined(&project, &["migrate"]).ok();
}

#[test]
fn sockets() {
    for (place, _) in PLACES {
        let project = without(place);
        let _socket = UnixListener::bind(project.join(place)).unwrap();
        refused(&project, place).says("regular file");
    }
}

#[test]
fn links_to_devices() {
    for (place, _) in PLACES {
        let project = without(place);
        symlink("/dev/zero", project.join(place)).unwrap();
        refused(&project, place).says("link");
    }
}

#[test]
fn links_that_lead_out() {
    for (place, _) in PLACES {
        let project = without(place);
        let outside = Project::new().file("secret", "-- a secret\n");
        symlink(outside.join("secret"), project.join(place)).unwrap();
        refused(&project, place).says("link").does_not_say("a secret");
    }
}

#[test]
fn links_in_circles() {
    for (place, _) in PLACES {
        let project = without(place);
        let other = project.join("plugins/circle");
        symlink(project.join(place), &other).unwrap();
        symlink(&other, project.join(place)).unwrap();
        refused(&project, place);
    }
    let project = project();
    symlink("..", project.join("migrations/up")).unwrap();
    confined(&project, &["lock"]).exits(2).says("link");
}

#[test]
fn folders_in_the_place_of_files() {
    for (place, _) in PLACES.into_iter().filter(|(place, _)| !place.contains('/')) {
        let project = without(place);
        std::fs::create_dir(project.join(place)).unwrap();
        refused(&project, place).says("no regular file");
    }
}
