//! `needs-privilege`: a statement that the role of an application usually may not run.

use super::{Rule, SERVERS};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::words;

pub(super) const RULE: Rule = Rule {
    name: "needs-privilege",
    about: "a statement needs more rights than an application has",
    severity: Severity::Warn,
    dialects: SERVERS,
    squawk: &[],
    timed: false,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let mut found = Vec::new();
    for n in 0..look.readings.len() {
        let words: Vec<String> = first_words(look, n);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Some(what) = needs(look, &words) {
            let span = look.readings[n].span.clone();
            found.push(
                Draft::at(Some(n), span, format!("{what}, which the role of an application usually may not do"))
                    .help("let whoever runs the server do it once, outside of migrations; on every machine the same"),
            );
        }
    }
    found
}

/// The first words, names without quotes; more are not needed to tell.
fn first_words(look: &Look<'_>, n: usize) -> Vec<String> {
    words(look.dialect, look.text(n)).take(12).collect()
}

/// What PostgreSQL lets whoever may create in a database install.
const TRUSTED: &[&str] = &[
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "pg_trgm",
    "pgcrypto",
    "plpgsql",
    "seg",
    "tablefunc",
    "tcn",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "uuid-ossp",
];

fn needs(look: &Look<'_>, words: &[&str]) -> Option<String> {
    let said = |what: &str| Some(what.to_owned());
    if look.is_postgres()
        && let ["create", "extension", rest @ ..] = words
    {
        let name = rest.iter().find(|word| !matches!(**word, "if" | "not" | "exists"))?;
        return (!TRUSTED.contains(name)).then(|| format!("this installs the extension `{name}`"));
    }
    match words {
        ["grant", ..] => said("this gives rights"),
        ["revoke", ..] => said("this takes rights away"),
        ["create" | "alter" | "drop", "role" | "user", rest @ ..] if rest.first() != Some(&"mapping") => {
            said("this changes a role")
        }
        ["alter", "system", ..] | ["set", "global" | "persist", ..] => {
            said("this changes a setting of the server")
        }
        [
            "create" | "drop" | "alter",
            "database" | "tablespace" | "subscription" | "publication" | "server",
            ..,
        ] => said("this changes the server, not the schema"),
        ["create", "event", "trigger", ..] if look.is_postgres() => said("this makes an event trigger"),
        ["create", "foreign", "data", ..] => said("this makes a foreign data wrapper"),
        ["create", "language", ..] | ["create", "trusted", "language", ..] => said("this makes a language"),
        ["set", "role", ..] | ["set", "session", "authorization", ..] => said("this takes another role"),
        ["load", "data", "infile", ..] => said("this reads a file of the server"),
        ["create", "definer", ..] | ["create", "or", "replace", "definer", ..] => {
            said("this names another definer")
        }
        ["alter", _, _, "owner", "to", ..] | ["alter", _, _, _, "owner", "to", ..] => {
            said("this gives an object away")
        }
        _ => None,
    }
}
