//! What the reader of deeds makes of real migrations: it understands all of them, and few must be looked at.

use crate::m1;
use crate::m2;
use crate::m3;
use crate::support::crates::cargo_project;

/// (migrations that are told, those that must be looked at); nothing may be unknown.
#[track_caller]
fn told(fixture: &str, dialect: &str, modules: &str) -> (usize, usize) {
    let config = format!("dialects: [{dialect}]\nschema-check: {{ mode: off }}\n{modules}");
    let project = cargo_project(fixture, &config);
    let document = project.run_alone(&["lock", "--format", "json"]).ok().json();
    let accounts = document["external"].as_array().unwrap();
    for account in accounts {
        let unknown = account["deeds"].as_array().unwrap().iter().find(|deed| deed["class"] == "unknown");
        assert_eq!(unknown, None, "{}", account["id"]);
    }
    (accounts.len(), accounts.iter().filter(|account| account["destructive"] == true).count())
}

#[test]
fn few_must_be_looked_at() {
    assert_eq!(told("m1", "postgres", &m1::enabling(&m1::CRATES)), (32, 5));
    assert_eq!(told("m2", "postgres", m2::CONFIG), (37, 1));
    // one crate goes on with the tables of another
    assert_eq!(told("m3", "sqlite", &m1::enabling(&m3::CRATES)), (20, 8));
}

#[test]
fn a_history_of_years_is_understood() {
    assert_eq!(told("zksync", "postgres", &m1::enabling(&["zksync_dal"])), (259, 37));
}
