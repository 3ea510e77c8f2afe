//! Cases of `split`.

use proptest::prelude::*;
use squawk_syntax::SourceFile;
use squawk_syntax::ast::AstNode;

use super::*;

fn texts(dialect: Dialect, text: &str) -> Vec<&str> {
    split(dialect, text).unwrap().into_iter().map(|statement| &text[statement.span]).collect()
}

/// What PostgreSQL's grammar, as squawk has it, makes of the text.
fn squawk(text: &str) -> Vec<String> {
    let statements = SourceFile::parse(text).tree().stmts();
    let texts = statements.map(|statement| statement.syntax().to_string());
    let texts = texts.map(|text| text.trim_end().trim_end_matches(';').trim_end().to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

const TRICKY: &[(&str, usize)] = &[
    ("", 0),
    ("-- nothing\n;; /* x; */ ;", 0),
    ("SELECT 1", 1),
    ("SELECT ';', E'\\';', /* ; /* ; */ ; */ $$;$$, -- ;\n $a$;$$;$a$, \";\"; SELECT 2;", 2),
    ("CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b); SELECT 1;", 2),
    (
        "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC
           SELECT 1; SELECT CASE WHEN a > 1 THEN 2 ELSE 3 END; END; SELECT 2;",
        2,
    ),
    ("CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1 AS end; END;\nSELECT 2", 2),
    ("CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC END; SELECT 1", 2),
    ("CREATE FUNCTION h() RETURNS trigger AS $f$ BEGIN RETURN new; END; $f$ LANGUAGE plpgsql; SELECT 1;", 2),
    ("BEGIN; SELECT CASE WHEN true THEN 1 END; END; SELECT 1;", 4),
    ("DO $$ BEGIN PERFORM 1; END $$; CREATE TYPE begin AS (atomic int); SELECT begin atomic FROM t;", 3),
    ("SELECT $1$$;$$; SELECT 2", 2),
];

#[test]
fn postgres_statements_as_the_grammar_has_them() {
    for (text, count) in TRICKY {
        let ours = texts(Dialect::Postgres, text);
        assert_eq!(ours.len(), *count, "{text}");
        assert_eq!(ours, squawk(text), "{text}");
    }
}

#[test]
fn sqlite_trigger_bodies() {
    for (text, expected) in [
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END; SELECT 3",
            2,
        ),
        ("create temp trigger \"end\" insert on [begin] begin delete from `end`; end; select 1;", 2),
        ("CREATE TEMPORARY TRIGGER begin UPDATE OF begin, end ON end BEGIN SELECT end FROM x; END", 1),
        ("EXPLAIN CREATE TRIGGER IF NOT EXISTS t INSERT ON a /* BEGIN */ BEGIN SELECT 1; END; SELECT 1;", 2),
        ("CREATE TABLE trigger (begin, end); SELECT end FROM trigger; COMMIT;", 3),
        ("BEGIN; SELECT 1; END;", 3),
        ("SELECT (1; SELECT 2)", 2),
        ("-- a\rDROP TABLE t;\nSELECT 1;", 1),
        ("CREATE TRIGGER t INSERT ON a; SELECT 1", 2),
    ] {
        assert_eq!(texts(Dialect::Sqlite, text).len(), expected, "{text}");
    }
}

#[test]
fn an_open_body_is_named_with_its_beginning() {
    for (dialect, text, span) in [
        (Dialect::Sqlite, "CREATE TRIGGER t INSERT ON a BEGIN SELECT 1;", 29..34),
        (Dialect::Postgres, "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;", 26..32),
    ] {
        assert_eq!(split(dialect, text), Err(LexError { what: Unterminated::Body, span }), "{text}");
    }
}

#[test]
fn places() {
    let text = "\n;-- é\nSELECT 1 -- x\n;\n/* y */ SELECT\n2 ; -- end\n";
    let statements = split(Dialect::Sqlite, text).unwrap();
    let [first, second] = statements.as_slice() else { panic!("{statements:?}") };
    assert_eq!(
        (&text[first.leading.clone()], &text[first.span.clone()], first.line),
        ("-- é\n", "SELECT 1", 3)
    );
    assert_eq!((&text[second.leading.clone()], second.line), ("\n/* y */ ", 5));
}

/// Pieces that open, close and end things.
fn scripts() -> impl Strategy<Value = String> {
    let pieces = [
        ";",
        "; ",
        "'",
        "''",
        "\"",
        "`",
        "[",
        "]",
        "(",
        ")",
        "--",
        "\n",
        "\r",
        "/*",
        "*/",
        "$$",
        "$a$",
        "E'",
        "\\",
        "CREATE ",
        "TRIGGER ",
        "FUNCTION ",
        "BEGIN ",
        "ATOMIC ",
        ";END",
        "CASE ",
        " x ",
        "é",
        "1",
        ".",
        "-",
        "$a(",
        ":",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn splitting_never_panics(text in any::<String>(), script in scripts()) {
        for dialect in Dialect::ALL {
            let _ = (split(dialect, &text), split(dialect, &script));
        }
    }

    #[test]
    fn joined_statements_split_again_into_the_same(text in scripts()) {
        for dialect in [Dialect::Postgres, Dialect::Sqlite] {
            if split(dialect, &text).is_ok() {
                let once = texts(dialect, &text);
                let joined = once.join(";\n");
                prop_assert_eq!(&once, &texts(dialect, &joined));
            }
        }
    }
}
