//! Paths that lead out of a package, said by whoever may say a path.

use std::os::unix::fs::symlink;

use crate::confined::confined;
use crate::support::project::Project;

const OUT: [&str; 6] = ["..", "../../secret", "sql/../../../secret", "/etc", "./../x", "sql/.."];

/// A project with a plugin, a secret beside it, and a link to that in both.
fn project() -> (Project, Project) {
    let outer =
        Project::new().file("secret/1_s.sql", "-- a secret\n").file("secret/s.sql", "SELECT 'a secret';\n");
    let project = Project::with_config("cargo: off\nmodules: { paths: [plugins/*] }\n")
        .file("migrations/1_a.sql", "")
        .file("plugins/p/migrations/1_p.sql", "");
    symlink(outer.join("secret"), project.join("plugins/p/link")).unwrap();
    symlink(outer.join("secret"), project.join("link")).unwrap();
    (project, outer)
}

#[track_caller]
fn refused(project: &Project, path: &str) {
    let output = confined(project, &["lock"]).exits(2).does_not_say("a secret");
    assert!(output.stderr.contains("refused") || output.stderr.contains("leads out"), "{path}: {output}");
    assert!(!project.exists("migrations-lock.yml"));
}

#[test]
fn of_a_description_of_a_plugin() {
    for path in OUT.into_iter().chain(["link"]) {
        let (project, _outer) = project();
        project.write("plugins/p/module.yml", format!("path: {path}\n"));
        refused(&project, path);
    }
}

#[test]
fn of_metadata_in_a_manifest() {
    for path in OUT.into_iter().chain(["link"]) {
        let (project, _outer) = project();
        let manifest =
            format!("[package]\nname = \"p\"\n[package.metadata.db-migrations]\npath = \"{path}\"\n");
        project.write("plugins/p/Cargo.toml", manifest);
        refused(&project, path);
    }
}

#[test]
fn of_the_configuration() {
    for path in OUT.into_iter().chain(["link"]) {
        for text in [
            format!("path: {path}\n"),
            format!("checks: {path}\n"),
            format!("modules: {{ paths: [plugins/*], enable: {{ p: {{ path: {path} }} }} }}\n"),
        ] {
            let (project, _outer) = project();
            project.write("db-migrations.yml", format!("cargo: off\n{text}"));
            refused(&project, &text);
        }
    }
}
