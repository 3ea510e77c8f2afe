//! The linter over the files of real crates: all of them are read, and nothing but the rules speaks.

use crate::m1;
use crate::m2;
use crate::m3;
use crate::support::crates::cargo_project;

#[test]
fn every_statement_of_real_crates_is_read() {
    let sets = [
        ("m1", m1::enabling(&m1::CRATES), "postgres", 32),
        ("m2", m2::CONFIG.to_owned(), "postgres", 37),
        ("m3", m1::enabling(&m3::CRATES), "sqlite", 31),
    ];
    for (fixture, config, dialect, migrations) in sets {
        let project = cargo_project(fixture, &format!("{config}dialects: [{dialect}]\n"));
        let output = project.run_alone(&["lint", "--all", "--external", "--format", "json"]);
        let document = output.json();
        assert_eq!(document["looked_at"].as_array().map(Vec::len), Some(migrations), "{fixture}");
        let findings = document["findings"].as_array().unwrap();
        assert!(!findings.is_empty(), "{fixture}: {output}");
        for finding in findings {
            assert_ne!(finding["rule"], "unread", "{finding}");
            assert!(finding["place"]["line"].as_u64().is_some_and(|line| line >= 1), "{finding}");
        }
        project.run_alone(&["lint", "--all"]).ok().says("of external modules not looked at");
    }
}
