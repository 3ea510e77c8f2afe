//! Cases of `lex`.

use proptest::prelude::*;

use super::*;

/// The significant tokens as text.
fn texts(dialect: Dialect, text: &str) -> Vec<&str> {
    let tokens = tokens(dialect, text).unwrap();
    tokens.iter().filter(|token| token.kind.is_significant()).map(|token| &text[token.span.clone()]).collect()
}

fn kinds(dialect: Dialect, text: &str) -> Vec<TokenKind> {
    tokens(dialect, text).unwrap().into_iter().map(|token| token.kind).collect()
}

#[test]
fn postgres_quotes() {
    for (text, expected) in [
        ("'a''b'c", vec!["'a''b'", "c"]),
        (r"'a\'b", vec![r"'a\'", "b"]),
        (r"E'a\'b' c", vec![r"E'a\'b'", "c"]),
        (r"fe'a\'b", vec!["fe", r"'a\'", "b"]),
        (r#"U&'\0061' U&"d""x" u&1"#, vec![r"U&'\0061'", r#"U&"d""x""#, "u", "&", "1"]),
        ("$$a;'$$ b", vec!["$$a;'$$", "b"]),
        ("$a$ $b$ $$ $a$ c", vec!["$a$ $b$ $$ $a$", "c"]),
        ("$x$a$$x$", vec!["$x$a$$x$"]),
        ("a$$b $1$$c$$", vec!["a$$b", "$1", "$$c$$"]),
        ("$é$;$é$", vec!["$é$;$é$"]),
        ("\"a\"\"b\";", vec!["\"a\"\"b\"", ";"]),
        ("a[1]`b", vec!["a", "[", "1", "]", "`", "b"]),
        ("X'1f' b'1' n'x'", vec!["X'1f'", "b'1'", "n'x'"]),
    ] {
        assert_eq!(texts(Dialect::Postgres, text), expected, "{text}");
    }
}

#[test]
fn a_literal_goes_on_after_a_line_break_by_the_rules_of_its_first_part() {
    let text = "E'a' -- note\n  '\\'b';";
    assert_eq!(texts(Dialect::Postgres, text), ["E'a'", "'\\'b'", ";"]);
    for same_rules_do_not_hold in ["E'a' '\\' b", "E'a' /*\n*/ '\\' b", "E'a'\n, '\\' b", "'a'\n'\\' b"] {
        assert!(
            texts(Dialect::Postgres, same_rules_do_not_hold).contains(&"'\\'"),
            "{same_rules_do_not_hold}"
        );
    }
    assert_eq!(texts(Dialect::Postgres, "E'a'\n'b'\n'\\'c'").len(), 3);
}

#[test]
fn comments_end_where_the_database_ends_them() {
    assert_eq!(texts(Dialect::Postgres, "a /* x /* y */ ; */ b"), ["a", "b"]);
    assert_eq!(texts(Dialect::Sqlite, "a /* x /* y */ ; b"), ["a", ";", "b"]);
    assert_eq!(texts(Dialect::Postgres, "a /**/ b /*/*/*/ */ */ */ c"), ["a", "b", "c"]);
    assert_eq!(texts(Dialect::Postgres, "-- a\rDROP TABLE t;"), ["DROP", "TABLE", "t", ";"]);
    assert_eq!(texts(Dialect::Sqlite, "-- a\rDROP TABLE t;"), [] as [&str; 0]);
    assert_eq!(texts(Dialect::Postgres, "1+--x\n2*/*;*/3"), ["1", "+", "2", "*", "3"]);
    assert_eq!(texts(Dialect::MySql, "5--1 # x;\n-- y;\n--"), ["5", "-", "-", "1"]);
}

#[test]
fn sqlite_names_and_parameters() {
    for (text, expected) in [
        (r"[a;b] `c``;` 'd\' e", vec!["[a;b]", "`c``;`", r"'d\'", "e"]),
        ("$$a 'x' ;", vec!["$$a", "'x'", ";"]),
        ("?1 :a @b #c $d::e(';) f", vec!["?1", ":a", "@b", "#c", "$d::e(';)", "f"]),
        ("x'00' ax'1'", vec!["x'00'", "ax", "'1'"]),
        ("a\u{feff}b \u{feff}c", vec!["a\u{feff}b", "c"]),
        ("E'\\';", vec!["E", "'\\'", ";"]),
    ] {
        assert_eq!(texts(Dialect::Sqlite, text), expected, "{text}");
    }
}

#[test]
fn mysql_quotes_and_executable_comments() {
    assert_eq!(texts(Dialect::MySql, r#"'a\'b' "c\"" `d\`"#), [r"'a\'b'", r#""c\"""#, r"`d\`"]);
    assert_eq!(texts(Dialect::MySql, "/*!40101 SET x*/; /* y */"), ["/*!40101", "SET", "x", "*/", ";"]);
    assert_eq!(texts(Dialect::MariaDb, "/*M!100 a*/ 2*/*c*/3"), ["/*M!100", "a", "*/", "2", "*", "3"]);
    assert_eq!(tokens(Dialect::MySql, "a /*!1 b").unwrap_err().span, 2..6);
}

#[test]
fn a_delimiter_ends_whatever_it_stands_in() {
    let text = "DELIMITER $$ x\na$$b 'c$$' 1$$;";
    assert_eq!(texts(Dialect::MySql, text), ["a", "$$", "b", "'c$$'", "1", "$$", ";"]);
    assert_eq!(kinds(Dialect::MySql, text)[..2], [TokenKind::ClientCommand, TokenKind::Whitespace]);
    assert_eq!(texts(Dialect::MySql, "a DELIMITER $$\na$$b"), ["a", "DELIMITER", "$$", "a$$b"]);
    assert_eq!(texts(Dialect::Sqlite, "DELIMITER 1")[0], "DELIMITER");
}

#[test]
fn numbers_and_operators() {
    let postgres = |text| texts(Dialect::Postgres, text);
    assert_eq!(postgres("1.5e-3-.5 t.a 0x1e-5"), ["1.5e-3", "-", ".5", "t", ".", "a", "0x1e", "-", "5"]);
    assert_eq!(
        postgres("a=-1 b@-1 c::text d->>'e'"),
        ["a", "=", "-", "1", "b", "@-", "1", "c", "::", "text", "d", "->>", "'e'"]
    );
    assert_eq!(postgres(r"1E'\''"), ["1", r"E'\''"]);
    assert_eq!(texts(Dialect::Sqlite, "a>-1||b->>'c'"), ["a", ">", "-", "1", "||", "b", "->>", "'c'"]);
    assert_eq!(kinds(Dialect::Sqlite, "\0é"), [TokenKind::Other, TokenKind::Word]);
}

#[test]
fn what_is_not_closed_is_named_with_its_opening() {
    use Unterminated as U;
    for (dialect, text, what, span) in [
        (Dialect::Postgres, "a 'b", U::String, 2..3),
        (Dialect::Postgres, r"E'\'", U::String, 0..2),
        (Dialect::Postgres, "\"b", U::QuotedName, 0..1),
        (Dialect::Postgres, "/* /* */", U::BlockComment, 0..2),
        (Dialect::Postgres, "/*/", U::BlockComment, 0..2),
        (Dialect::Postgres, "a $x$ $X$", U::DollarQuote, 2..5),
        (Dialect::Sqlite, "a; /* DROP TABLE t;", U::BlockComment, 3..5),
        (Dialect::Sqlite, "[a", U::QuotedName, 0..1),
        (Dialect::Sqlite, "$a(b c)", U::Parameter, 0..4),
        (Dialect::MySql, r"'\'", U::String, 0..1),
    ] {
        assert_eq!(tokens(dialect, text), Err(LexError { what, span }), "{text}");
    }
    assert_eq!(tokens(Dialect::Sqlite, "/*").unwrap_err().to_string(), "unterminated block comment");
}

#[test]
fn long_runs_stay_linear() {
    let runs = ["+-", "$a", "'a'\n", "E'\\'' \n", "(/**/", "$a::", "1e+", "-- \r", "::", "\u{feff}"];
    for (dialect, run) in runs.iter().flat_map(|run| Dialect::ALL.map(|dialect| (dialect, run))) {
        let text = run.repeat(50_000);
        assert!(tokens(dialect, &text).is_ok_and(|tokens| !tokens.is_empty()), "{dialect} {run}");
    }
}

fn any_dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(Dialect::ALL.to_vec())
}

proptest! {
    #[test]
    fn tokens_join_to_the_text(
        dialect in any_dialect(),
        text in prop_oneof![any::<String>(), "[a'\"`$\\[\\]();/*#é \n\r.1eE!?:@-]{0,40}", "DELIMITER [a$é/;-]{1,3}\n[a'`$();/*#é \n.1!-]{0,40}"],
    ) {
        if let Ok(tokens) = tokens(dialect, &text) {
            let mut at = 0;
            for token in tokens {
                prop_assert_eq!(token.span.start, at);
                prop_assert!(token.span.end > at && text.is_char_boundary(token.span.end));
                at = token.span.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
