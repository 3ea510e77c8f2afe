//! Cases of `directive`.

use super::*;

fn of(text: &str) -> Directives {
    let plain = directives(None, text).unwrap();
    for dialect in Dialect::ALL {
        assert_eq!(directives(Some(dialect), text).unwrap(), plain, "{dialect}");
    }
    plain
}

fn id(text: &str) -> MigrationId {
    text.parse().unwrap()
}

#[test]
fn every_directive() {
    let text = "\u{feff}/* licence\n*/\n-- A comment\n--\tdb-migrations:no-transaction\n\
                -- db-migrations: depends-on a::1 b::2, c::3 \r\n;\n\
                -- db-migrations: depends-on d::4\n-- db-migrations: replaces e::5 e::6b|e::6\n\
                -- db-migrations: phase contract\n-- db-migrations: phase contract\n\
                -- db-migrations: allow some-rule small, and new\n\
                -- db-migrations: contract-of f::6 f::7\n-- db-migrations: foreign-keys off\n\
                -- db-migrations: session SQL_MODE = ANSI_QUOTES, STRICT_ALL_TABLES\n";
    let found = directives(Some(Dialect::Postgres), text).unwrap();
    assert_eq!(
        found,
        Directives {
            no_transaction: true,
            depends_on: ["a::1", "b::2", "c::3", "d::4"].map(id).to_vec(),
            replaces: vec![id("e::5").into(), Former::new(id("e::6b"), vec![id("e::6")])],
            phase: Phase::Contract,
            contract_of: vec![id("f::6"), id("f::7")],
            catch_up: false,
            allow: vec![Allow { rule: "some-rule".to_owned(), reason: "small, and new".to_owned() }],
            foreign_keys: Some(false),
            session: [("sql_mode".to_owned(), "ANSI_QUOTES, STRICT_ALL_TABLES".to_owned())].into(),
        }
    );
    assert_eq!(of(&text.replace(";\n", "")), found);
}

#[test]
fn what_takes_away_the_old_side_is_of_the_contract_phase() {
    let contract = of("-- db-migrations: contract-of a::1");
    assert_eq!((contract.phase, contract.contract_of), (Phase::Contract, vec![id("a::1")]));
    assert!(of("-- db-migrations: phase expand\n-- db-migrations: catch-up\n").catch_up);
    for (text, message, marked) in [
        (
            "-- db-migrations: phase expand\n-- db-migrations: contract-of a::1\n",
            "`contract-of` does not go with `phase expand`",
            49..60,
        ),
        (
            "-- db-migrations: catch-up\n-- db-migrations: contract-of a::1\n",
            "`catch-up` does not go with `phase contract`",
            18..26,
        ),
    ] {
        let error = directives(None, text).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.span.clone()), (message, marked.clone()));
        assert!(error.help().is_some() && text[marked].starts_with('c'));
    }
}

#[test]
fn what_is_no_directive() {
    for text in [
        "",
        "-- see db-migrations: it is a tool\nSELECT 1;",
        "-- db-migrations is a tool",
        "SELECT '-- db-migrations: x';",
        " -- no-transaction",
        "SELECT 1; -- no-transaction",
        "SELECT '",
        "/* db-migrations: x",
    ] {
        assert_eq!(of(text), Directives::default(), "{text}");
    }
}

#[test]
fn sqlx_says_no_transaction_at_the_very_beginning() {
    assert!(of("-- no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a);").no_transaction);
    assert!(of("\u{feff}-- no-transaction").no_transaction);
}

#[test]
fn errors_say_what_and_where() {
    for (text, message, marked) in [
        ("-- db-migrations:", "a directive is missing after `db-migrations:`", "db-migrations:"),
        ("-- db-migrations: Phase expand", "unknown directive `Phase`", "Phase"),
        ("-- db-migrations: depends-on", "`depends-on` needs the id of a migration", "depends-on"),
        (
            "-- db-migrations: allow",
            "`allow` needs the name of a rule, and why it does not count here",
            "allow",
        ),
        (
            "-- db-migrations: replaces a::b, c",
            "`c` is not the id of a migration: an id is `namespace::name`",
            "c",
        ),
        ("-- db-migrations: phase now", "`phase` takes `expand` or `contract`, not `now`", "now"),
        ("-- db-migrations: phase", "`phase` needs `expand` or `contract`", "phase"),
        ("-- db-migrations: foreign-keys on off", "`foreign-keys` takes `on` or `off`, not `off`", "off"),
        (
            "-- db-migrations: no-transaction please",
            "`no-transaction` takes no argument, not `please`",
            "please",
        ),
        (
            "/* db-migrations: phase expand */",
            "a directive must be a line comment",
            "db-migrations: phase expand */",
        ),
        (
            "-- db-migrations: phase expand\n-- db-migrations: phase contract",
            "`phase` is said twice, with different arguments",
            "phase",
        ),
    ] {
        for dialect in [None, Some(Dialect::Postgres), Some(Dialect::Sqlite)] {
            let error = directives(dialect, text).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(&text[error.span], marked, "{text}");
        }
    }
}

#[test]
fn too_late_is_an_error_where_the_dialect_is_known() {
    let text = "SELECT 1;\n-- db-migrations: phase contract \n";
    let error = directives(Some(Dialect::Sqlite), text).unwrap_err();
    assert_eq!(error.kind, DirectiveErrorKind::Misplaced);
    assert_eq!(&text[error.span.clone()], "db-migrations: phase contract");
    assert_eq!(error.help().as_deref(), Some("move the line to the top of the file"));
    assert_eq!(directives(None, text), Ok(Directives::default()));
}

#[test]
fn a_plain_text_is_read_as_far_as_all_dialects_agree() {
    let late = "-- db-migrations: no-transaction\n";
    for before in ["/* a /* b */ ", "/*!1 x */", "/*M!1 x */", "-- a\rSELECT 1;\n", "# a\n", "x "] {
        assert!(!directives(None, &format!("{before}{late}")).unwrap().no_transaction, "{before}");
    }
    for before in ["/* a */", "-- a\r\n", "\n\t", "--\n"] {
        assert!(directives(None, &format!("{before}{late}")).unwrap().no_transaction, "{before}");
    }
}

#[test]
fn help_names_the_nearest_word() {
    let help = |text| directives(None, text).unwrap_err().help();
    assert_eq!(help("-- db-migrations: depend-on a::b").as_deref(), Some("did you mean `depends-on`?"));
    assert!(help("-- db-migrations: frobnicate").is_some_and(|help| help.starts_with("known directives:")));
}

#[test]
fn delimiter_lines_hide_nothing() {
    let text = "-- db-migrations: phase contract\nDELIMITER //\n-- db-migrations: allow x it is small\n\
                CREATE TRIGGER t // -- db-migrations: allow y\nDELIMITER ;\nSELECT 1;";
    let misplaced = directives(Some(Dialect::MySql), text).unwrap_err();
    assert_eq!(
        (misplaced.kind, &text[misplaced.span]),
        (DirectiveErrorKind::Misplaced, "db-migrations: allow y")
    );
    let found = directives(Some(Dialect::MySql), &text.replace("allow y", "")).unwrap_err();
    assert_eq!(found.kind, DirectiveErrorKind::Misplaced);
    let found = directives(Some(Dialect::MariaDb), &text.replace(" -- db-migrations: allow y", "")).unwrap();
    assert_eq!(
        (found.phase, found.allow),
        (Phase::Contract, vec![Allow { rule: "x".to_owned(), reason: "it is small".to_owned() }])
    );
    let unfounded = directives(None, "-- db-migrations: allow x").unwrap_err();
    assert_eq!(unfounded.to_string(), "`allow` needs the name of a rule, and why it does not count here");
    let text = "DELIMITER '\nSELECT 1 '\n-- db-migrations: allow y";
    assert!(directives(Some(Dialect::MySql), text).is_err());
}
