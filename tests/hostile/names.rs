//! Names that one disk cannot tell apart, and texts in other spellings than plain UTF-8 with LF.

use crate::confined::project;
use crate::support::project::Project;

#[test]
fn names_that_differ_by_case_or_by_the_spelling_of_an_accent() {
    for (first, second, words) in [
        ("1_Users.sql", "1_users.sql", "differ only in upper and lower case"),
        ("1_caf\u{e9}.sql", "1_cafe\u{301}.sql", "differ only in how an accent is written"),
        ("1_CAF\u{c9}.sql", "1_cafe\u{301}.sql", "differ only in"),
        ("1_\u{212b}.sql", "1_\u{e5}.sql", "differ only in"),
        ("1_caf\u{e9}/up.sql", "1_cafe\u{301}/up.sql", "differ only in how an accent is written"),
    ] {
        let project = Project::with_config("cargo: off\n");
        for name in [first, second] {
            project.write(&format!("migrations/{name}"), format!("-- {name}\n"));
        }
        if std::fs::read_dir(project.join("migrations")).unwrap().count() < 2 {
            println!("skipped: this disk does not tell {first} and {second} apart");
            continue;
        }
        project.run_alone(&["lock"]).exits(2).says(words).says("rename one");
        assert!(!project.exists("migrations-lock.yml"));
    }
}

#[test]
fn modules_that_differ_by_case_or_accent() {
    for (first, second) in [("Users", "users"), ("caf\u{e9}", "cafe\u{301}")] {
        let project = Project::with_config("cargo: off\nmodules: { paths: [plugins/*] }\n")
            .file(&format!("plugins/{first}/migrations/1_a.sql"), "")
            .file(&format!("plugins/{second}/migrations/1_a.sql"), "");
        if std::fs::read_dir(project.join("plugins")).unwrap().count() == 2 {
            project.run_alone(&["lock"]).exits(2).says("differ only in");
        }
    }
}

#[test]
fn names_with_what_people_do_not_see() {
    for name in
        ["1_\u{1b}[2J", "1_\u{202e}lqs", "1_a\nb", "1_\u{200b}a", "1_\u{7f}", "1_\u{2028}", "1_\u{e0041}"]
    {
        let project = Project::with_config("cargo: off\n").file(&format!("migrations/{name}.sql"), "");
        let output = project.run_alone(&["lock"]).exits(2).says("cannot be an id");
        crate::terminal::harmless(&output);
    }
    for name in ["\u{1b}[2J", "\u{202e}x", "a\nb"] {
        let project = Project::with_config("cargo: off\nmodules: { paths: [plugins/*] }\n")
            .file(&format!("plugins/{name}/migrations/1_a.sql"), "");
        crate::terminal::harmless(&project.run_alone(&["lock"]).exits(2));
    }
}

/// The same migration, lock and configuration in other bytes: read as the same, or refused by name.
#[test]
fn other_bytes_than_utf8_with_lf() {
    let places = [
        ("migrations/1_a.sql", "-- a\n"),
        ("migrations-lock.yml", "# a\n"),
        ("db-migrations.yml", "cargo: off\n"),
    ];
    for (place, text) in places {
        let lone = text.replace('\n', "\r");
        let bytes: [(&str, Vec<u8>, &[&str]); 6] = [
            ("latin 1", [text.as_bytes(), b"# gr\xfc\xdfe\n"].concat(), &["UTF-8"]),
            (
                "UTF-16",
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                &["NUL", "people do not see", "db-migrations.yml"],
            ),
            (
                "NUL",
                [text.as_bytes(), b"# \0\n"].concat(),
                &["NUL", "people do not see", "db-migrations.yml"],
            ),
            ("BOM", ["\u{feff}", text].concat().into(), &[]),
            ("CRLF", text.replace('\n', "\r\n").into(), &[]),
            (
                "a lone CR",
                [text.as_bytes(), b"# x", lone.as_bytes()].concat(),
                if place == "migrations-lock.yml" { &["people do not see"] } else { &[] },
            ),
        ];
        for (what, bytes, words) in bytes {
            let project = project();
            project.write(place, bytes);
            let output = project.run_alone(&["lock"]);
            assert_eq!(output.code, if words.is_empty() { 0 } else { 2 }, "{what} in {place}: {output}");
            let said = words.is_empty() || words.iter().any(|words| output.stderr.contains(words));
            assert!(
                said && (output.code == 0 || output.stderr.contains(place)),
                "{what} in {place}: {output}"
            );
            crate::terminal::harmless(&output);
        }
    }
}
