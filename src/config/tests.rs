//! The configuration: what is read, what is refused, what an edit leaves alone.

use secrecy::ExposeSecret;

use super::*;

fn variables(name: &str) -> Option<String> {
    (name == "HOME_OF_X").then(|| "value".to_owned())
}

fn read(text: &str) -> Result<Config, Vec<Diagnostic>> {
    parse("db-migrations.yml", text, &variables)
}

/// Message, what is marked, help.
fn faults(text: &str) -> Vec<(String, String, String)> {
    let tell = |fault: Diagnostic| {
        let frame = &fault.frames[0];
        (fault.message.clone(), frame.source[frame.span.clone()].to_owned(), fault.help.join("; "))
    };
    read(text).unwrap_err().into_iter().map(tell).collect()
}

#[test]
fn nothing_is_the_zero_config() {
    for text in ["", "# only a comment\n", "\n", "modules:\n", "cargo:\nmodules: { enable: }\n"] {
        let config = read(text).unwrap_or_else(|faults| panic!("{text:?}: {faults:?}"));
        assert_eq!(config.lock, "migrations-lock.yml");
        assert!(config.modules.enable.is_empty() && config.cargo.default_features && !config.cargo.off);
    }
}

#[test]
fn every_key() {
    let config = read(EVERY_KEY).unwrap();
    assert_eq!(config.application.as_deref(), Some("my-app"));
    assert_eq!(config.namespace.as_ref().map(Namespace::as_str), Some("app"));
    assert_eq!(config.format, Some(Format::Native));
    assert_eq!(config.database.url.as_ref().map(ExposeSecret::expose_secret), Some("sqlite:value"));
    assert!(config.database.scratch_url.is_none(), "an unset variable in a URL is no URL");
    assert_eq!(config.database.guard_wait, Duration::from_secs(5));
    assert_eq!(config.dialects, [Dialect::Sqlite, Dialect::Postgres]);
    assert_eq!(
        (config.cargo.features.as_slice(), config.cargo.default_features),
        (&["a".to_owned()][..], false)
    );
    let entry = &config.modules.enable["some-crate"];
    assert_eq!((entry.format, entry.foreign_keys), (Some(Format::Native), Some(false)));
    assert_eq!(entry.version.as_deref(), Some("=1.2.3"));
    assert_eq!(entry.depends_on[0].as_str(), "other");
    assert_eq!(&EVERY_KEY[entry.span.clone()], "some-crate");
    assert!(config.modules.enable.contains_key("empty"));
    assert_eq!(config.modules.disable[0].name, "crate-a");
    assert_eq!(config.modules.paths[0].name, "plugins/*");
    assert_eq!(config.schema_check.mode, SchemaCheckMode::Strict);
    assert_eq!(config.schema_check.ignore, ["table public.tmp_*"]);
    assert_eq!(config.schema_check.filter, ["!view *"]);
    assert!(
        matches!(&config.schema, SchemaText::Path(path) if path.name == "db/schema.sql"),
        "{:?}",
        config.schema
    );
    let command = read("schema: { command: [a, b c], command-timeout: 7 }\n").unwrap().schema;
    let SchemaText::Command(command) = command else { panic!("{command:?}") };
    assert_eq!(
        (command.words.as_slice(), command.timeout),
        (&["a".to_owned(), "b c".to_owned()][..], Duration::from_secs(7))
    );
    assert_eq!(read("schema:\n").unwrap().schema, SchemaText::Usual);
    assert_eq!((config.policy.out_of_order, config.policy.allow_split), (Reaction::Deny, true));
    assert!(!format!("{config:?}").contains("sqlite:value\""), "the URL holds a password");
}

const EVERY_KEY: &str = r#"
application: my-app
namespace: app
path: migrations
format: native
lock: migrations-lock.yml
snapshot: migrations-schema
checks: checks
database:
  url: sqlite:${HOME_OF_X}
  scratch-url: ${UNSET}
  history-table: db_migrations
  history-schema: public
  guard-wait: 5
dialects: [sqlite, postgresql, pg]
cargo: { features: [a], all-features: false, default-features: false }
modules:
  enable:
    some-crate: { path: migrations, format: sqlx, version: "=1.2.3", namespace: x, depends-on: [other], foreign-keys: off }
    empty:
  disable: [crate-a]
  paths: ["plugins/*"]
schema-check: { mode: strict, source: replay, ignore: ["table public.tmp_*"], filter: ["!view *"] }
schema: { path: db/schema.sql, command-timeout: 7 }
policy: { out-of-order: deny, allow-split: true }
"#;

#[test]
fn cargo_can_be_off() {
    assert!(read("cargo: off\n").unwrap().cargo.off);
    assert!(read("cargo: false\n").unwrap().cargo.off);
    assert!(read("cargo: maybe\n").is_err());
}

#[test]
fn faults_of_shape_are_marked() {
    let cases = [
        ("locks: x\n", "unknown key `locks`", "locks", "did you mean `lock`?"),
        ("modules:\n  enable:\n    ä: { pth: y }\n", "unknown key `pth`", "pth", "did you mean `path`?"),
        ("cargo: { feature: [a] }\n", "unknown key `feature`", "feature", "did you mean `features`?"),
        ("lock: a\nlock: b\n", "duplicate key `lock`", "lock", "keep one of the two"),
    ];
    for (text, message, marked, help) in cases {
        assert_eq!(faults(text), [(message.to_owned(), marked.to_owned(), help.to_owned())], "{text}");
    }
    for text in [
        "lock: [\n",
        "lock: [a]\n",
        "- a\n",
        "a: b: c\n",
        "modules:\n\tpaths: []\n",
        "database: { guard-wait: x }\n",
    ] {
        assert_eq!(read(text).unwrap_err().len(), 1, "{text}");
    }
}

#[test]
fn faults_of_values_come_together() {
    let text = "format: dbmat\nlock: ${NOPE}\npath: ${\nnamespace: a b\nschema-check: { source: declard }\n";
    let messages: Vec<_> = faults(text).into_iter().map(|(message, marked, _)| (message, marked)).collect();
    let expected = [
        ("\"a b\" is no namespace", "a b"),
        ("`${` is never closed", "${"),
        ("unknown format `dbmat`", "dbmat"),
        ("the variable `NOPE` is not set", "${NOPE}"),
        ("unknown source `declard`", "declard"),
    ];
    assert_eq!(messages, expected.map(|(message, marked)| (message.to_owned(), marked.to_owned())));
    assert_eq!(faults("format: dbmat\n")[0].2, "did you mean `dbmate`?");
    let both = "modules: { enable: { a: }, disable: [a] }\n";
    assert_eq!(faults(both)[0].0, "`a` is enabled and disabled");
}

#[test]
fn numbers_have_their_limits() {
    for value in ["99999999999", "18446744073709551615", "99999999999999999999", "2000001", "-1", "0.5", "5s"]
    {
        for key in ["lock-timeout", "statement-timeout", "guard-wait"] {
            let wanted = format!("`{key}`: {value:?} is not a whole number of seconds from 0 to 2000000");
            let found = faults(&format!("database: {{ {key}: {value} }}\n"));
            assert_eq!((found[0].0.as_str(), found[0].1.as_str()), (wanted.as_str(), value));
        }
    }
    let retries = "`lock-retries`: \"1001\" is not a whole number from 0 to 1000";
    assert_eq!(faults("database: { lock-retries: 1001 }\n")[0].0, retries);
    let most =
        read("database: { lock-timeout: 2000000, guard-wait: 0, lock-retries: 1000 }\n").unwrap().database;
    assert_eq!(
        (most.lock_timeout.as_secs(), most.guard_wait.as_secs(), most.lock_retries),
        (2_000_000, 0, 1000)
    );
}

#[test]
fn a_command_has_a_program() {
    let (message, marked, _) = faults("database: { password-command: [] }\n").remove(0);
    assert_eq!((message.as_str(), marked.as_str()), ("`password-command` names no program", "["));
}

#[test]
fn a_variable_can_be_escaped() {
    assert_eq!(read("lock: a-$${X}-${HOME_OF_X}-$1\n").unwrap().lock, "a-${X}-value-$1");
}

#[test]
fn enabling_edits_by_line() {
    let cases = [
        ("", "modules:\n  enable:\n    job:\n"),
        ("lock: x # mine\n", "lock: x # mine\nmodules:\n  enable:\n    job:\n"),
        (
            "modules:\n    disable: [job, b] # no\nlock: x\n",
            "modules:\n    disable: [b] # no\n    enable:\n      job:\nlock: x\n",
        ),
        ("modules:\n  enable: {}\n", "modules:\n  enable:\n    job:\n"),
        (
            "modules:\n  # those\n  enable:\n    a: # first\n      path: p\n\n    # last\n  paths: [x]\n",
            "modules:\n  # those\n  enable:\n    a: # first\n      path: p\n    job:\n\n    # last\n  paths: [x]\n",
        ),
        ("modules:\n  enable:\n    job: { path: x }\n    z:\n", "modules:\n  enable:\n    job:\n    z:\n"),
        ("modules:\r\n  disable:\r\n  - job\r\n", "modules:\r\n  disable:\r\n  enable:\r\n    job:\r\n"),
    ];
    for (text, wanted) in cases {
        assert_eq!(enable_in_text(text, "job", "").as_deref(), Ok(wanted), "{text}");
    }
    let edited = enable_in_text("", "job", "{ path: src/migrations, format: refinery }").unwrap();
    assert_eq!(read(&edited).unwrap().modules.enable["job"].format, Some(Format::Refinery));
}

#[test]
fn disabling_edits_by_line() {
    let cases = [
        ("", "modules:\n  disable:\n    - job\n"),
        ("modules:\n  enable:\n    job: { path: x }\n", "modules:\n  enable:\n  disable:\n    - job\n"),
        ("modules:\n  disable: [a]\n", "modules:\n  disable: [a, job]\n"),
        ("modules:\n  disable:\n  - a\nlock: x\n", "modules:\n  disable:\n  - a\n  - job\nlock: x\n"),
    ];
    for (text, wanted) in cases {
        assert_eq!(disable_in_text(text, "job").as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn what_cannot_be_edited_safely_is_refused() {
    for text in [
        "modules: { enable: { a: } }\n",
        "modules:\n  enable: { a: }\n",
        "? modules\n: enable:\n    a:\n",
        "a: |\n  x\n- b\n",
    ] {
        assert!(enable_in_text(text, "job", "").is_err(), "{text}");
    }
}
