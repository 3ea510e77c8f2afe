//! Cases of `split` for MariaDB and MySQL. Whole scripts, with the server as the judge, are among
//! the tests of the crate.

use proptest::prelude::*;

use super::*;

const BOTH: [Dialect; 2] = [Dialect::MariaDb, Dialect::MySql];

fn texts(dialect: Dialect, text: &str) -> Vec<&str> {
    split(dialect, text).unwrap().into_iter().map(|statement| &text[statement.span]).collect()
}

/// Bodies that are one statement and hold others.
const BODIES: &[&str] = &[
    "BEGIN END",
    "BEGIN SELECT 1; END",
    "l: BEGIN LEAVE l; END l",
    "`begin`: BEGIN BEGIN SELECT 1; END; m: BEGIN SELECT 2; END m; END",
    "IF a THEN SELECT 1; ELSEIF b THEN SELECT 2; ELSE SELECT 3; END IF",
    "IF CASE WHEN a THEN b ELSE c END THEN SELECT 1; END IF",
    "CASE a WHEN 1 THEN SELECT 1; SELECT 2; ELSE IF b THEN SELECT 3; END IF; END CASE",
    "CASE WHEN CASE a WHEN 1 THEN 2 END = 2 THEN SELECT 1; END CASE",
    "l: LOOP LEAVE l; END LOOP l",
    "WHILE a < 3 DO DO SLEEP(0); SET a = a + 1; END WHILE",
    "REPEAT SET a = REPEAT('x', 3); UNTIL CASE WHEN a THEN 1 END = 1 END REPEAT",
    "FOR i IN 1..3 DO INSERT INTO t VALUES (i); END FOR",
    "FOR r IN (SELECT a FROM t FOR UPDATE) DO SELECT r.a; END FOR",
    "BEGIN SELECT IF(a, b, c), t.end, @case, @begin, `if`, NEW.loop FROM t; END",
    "BEGIN SELECT end, begin FROM t; SELECT CASE WHEN end THEN end ELSE end END; END",
    "BEGIN DROP TABLE IF EXISTS t; CREATE TABLE IF NOT EXISTS t (a INT); INSERT INTO t VALUES (IF(1, 2, 3)); END",
    "BEGIN DECLARE c CURSOR FOR SELECT 1 FOR UPDATE; DECLARE EXIT HANDLER FOR NOT FOUND, SQLSTATE VALUE '23000'
     BEGIN SELECT 1; END; DECLARE CONTINUE HANDLER FOR 1051, x SET y = 1; SELECT 2; END",
    "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION IF a THEN SELECT 1; END IF; SELECT 1; END",
    "BEGIN IF a THEN SELECT 1; ELSE IF b THEN SELECT 2; END IF; END IF; END",
];

const HEADS: &[&str] = &[
    "CREATE PROCEDURE p()",
    "create or replace definer=`a`@`b` procedure if not exists `d`.p(IN a DECIMAL(5, 2), OUT b ENUM('('))
     COMMENT 'IF' NOT DETERMINISTIC LANGUAGE SQL MODIFIES SQL DATA SQL SECURITY INVOKER",
    "CREATE DEFINER = event@localhost FUNCTION f(a INT) RETURNS VARCHAR(3) CHARACTER SET utf8mb4 READS SQL DATA",
    "CREATE AGGREGATE FUNCTION IF NOT EXISTS f(a SET('x', 'y')) RETURNS ENUM('a', 'b') DETERMINISTIC",
    "CREATE DEFINER=CURRENT_USER() TRIGGER t AFTER INSERT ON a FOR EACH ROW",
    "CREATE TRIGGER IF NOT EXISTS t BEFORE UPDATE ON begin FOR EACH ROW FOLLOWS `loop`",
    "CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' + INTERVAL 1 DAY COMMENT 'x' DO",
    "ALTER DEFINER = 'a'@'%' EVENT e ON COMPLETION PRESERVE DO",
];

#[test]
fn bodies_are_part_of_their_statement() {
    for (head, body) in HEADS.iter().flat_map(|head| BODIES.iter().map(move |body| (head, body))) {
        for text in [format!("{head} {body}"), format!("/*!50003 {head} {body} */")] {
            let script = format!("-- first\n{text};\nSELECT 1; {text}");
            for dialect in BOTH {
                assert_eq!(texts(dialect, &script), [&*text, "SELECT 1", &*text], "{script}");
            }
        }
    }
}

#[test]
fn what_opens_nothing() {
    for (text, count) in [
        (
            "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW SET @a = IF(NEW.b, 1, CASE 1 WHEN 1 THEN 2 END); a",
            2,
        ),
        ("CREATE PROCEDURE p() SELECT IF(1, 2, 3); SELECT 1; BEGIN; COMMIT", 4),
        ("CREATE PROCEDURE p() (SELECT CASE 1 WHEN 1 THEN 2 END); SELECT 1", 2),
        ("CREATE FUNCTION f() RETURNS int RETURN CASE 1 WHEN 1 THEN 2 END; SELECT 1", 2),
        ("CREATE FUNCTION f RETURNS STRING SONAME 'f.so'; SELECT 1", 2),
        ("ALTER PROCEDURE p COMMENT 'BEGIN'; ALTER EVENT e DISABLE; SELECT 1", 3),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DO SLEEP(1); SELECT 1", 2),
        ("CREATE TABLE IF NOT EXISTS t (begin INT, end INT, event INT); DROP TABLE IF EXISTS t; SELECT 1", 3),
        ("BEGIN; BEGIN WORK; SELECT CASE 1 WHEN 1 THEN 2; SELECT end", 4),
        ("CREATE DEFINER=a@b SQL SECURITY INVOKER VIEW v AS SELECT CASE 1 WHEN 1 THEN 2 END; a", 2),
        ("SELECT 5--1; SELECT 2 # ;\n; SELECT 'a\\';', \";\", `;`; /* ; */", 3),
        ("SELECT a.; SELECT @; SELECT 1", 3),
    ] {
        for dialect in BOTH {
            assert_eq!(texts(dialect, text).len(), count, "{text}");
        }
    }
}

#[test]
fn blocks_of_their_own() {
    for text in [
        "BEGIN NOT ATOMIC SELECT 1; IF a THEN SELECT 2; END IF; END",
        "l: BEGIN NOT ATOMIC SELECT 1; END l",
        "IF a THEN SELECT 1; END IF",
        "l: LOOP LEAVE l; END LOOP",
        "FOR i IN 1..3 DO SELECT i; END FOR",
    ] {
        assert_eq!(texts(Dialect::MariaDb, &format!("{text}; {text}")), [text, text]);
    }
}

#[test]
fn delimiters() {
    for (text, expected) in [
        (
            "DELIMITER //\nSELECT 1; SELECT 2//\nSELECT 3;\n//\nDELIMITER ;\nSELECT 4; SELECT 5",
            vec!["SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 5"],
        ),
        ("\t delimiter  $$ -- ignored\nBEGIN NOT ATOMIC x; END$$ y$$", vec!["BEGIN NOT ATOMIC x; END", "y"]),
        ("DELIMITER ;;\na ; b;;c;;\nDELIMITER ;\nd;", vec!["a", "b", "c", "d"]),
        (
            "DELIMITER go\nSELECT 'go', `go` /* go */ # go\ngo -- go\ncargo1go",
            vec!["SELECT 'go', `go`", "car", "1"],
        ),
        ("DELIMITER '$$'\nEND$$DELIMITER ;\n$$ DELIMITER x", vec!["END", "DELIMITER", "DELIMITER x"]),
        (
            "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END",
            vec!["CREATE PROCEDURE p() BEGIN SELECT 1; END"],
        ),
        (
            "DELIMITER $$\n/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x; */$$",
            vec!["/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x; */"],
        ),
        ("DELIMITER -\n1-2--3-", vec!["1", "2", "3"]),
        ("DELIMITER é\naéb;é", vec!["a", "b"]),
        ("a;\nDELIMITER $$\r\nb$$\n;\n;$$\nDELIMITER ;\n", vec!["a", "b"]),
        (
            "SELECT\nDELIMITER //\n; DELIMITER; x.delimiter",
            vec!["SELECT\nDELIMITER //", "DELIMITER", "x.delimiter"],
        ),
    ] {
        for dialect in BOTH {
            assert_eq!(texts(dialect, text), expected, "{text}");
        }
    }
}

#[test]
fn a_delimiter_line_belongs_to_no_statement() {
    let text = "-- a\nDELIMITER //\n-- b\nSELECT 1 //\nDELIMITER ;\n-- c\nSELECT 2;";
    let statements = split(Dialect::MySql, text).unwrap();
    let leading: Vec<_> = statements.iter().map(|s| (&text[s.leading.clone()], s.line)).collect();
    assert_eq!(leading, [("\n-- b\n", 4), ("\n-- c\n", 7)]);
}

#[test]
fn what_is_not_closed() {
    use Unterminated as U;
    for (text, what, span) in [
        ("CREATE PROCEDURE p() BEGIN SELECT 1;", U::Body, 21..26),
        ("CREATE PROCEDURE p() l: LOOP IF a THEN b; END IF;", U::Body, 24..28),
        ("CREATE PROCEDURE p() BEGIN a;\nDELIMITER ;\nEND", U::Body, 21..26),
        ("/*! a; b */", U::BlockComment, 0..3),
        ("DELIMITER //\n/*!1 a // b */", U::BlockComment, 13..17),
        ("a;\nDELIMITER \nb", U::Delimiter, 3..12),
        ("DELIMITER", U::Delimiter, 0..9),
        ("DELIMITER \\\\\n", U::Delimiter, 0..12),
        ("DELIMITER 1234567890123456\n", U::Delimiter, 0..26),
        ("DELIMITER //\n'a//", U::String, 13..14),
    ] {
        for dialect in BOTH {
            assert_eq!(split(dialect, text), Err(LexError { what, span: span.clone() }), "{text}");
        }
    }
}

#[test]
fn long_scripts_stay_linear() {
    let runs = [
        "DELIMITER a\n",
        "DELIMITER $$\n;",
        "BEGIN ",
        "CASE ",
        "IF a THEN ",
        "a;\n   ",
        "x: ",
        "\n\t",
        "END;",
        "/*!1*/",
    ];
    for (start, run) in ["", "DELIMITER $$\n", "BEGIN NOT ATOMIC "].iter().flat_map(|s| runs.map(|r| (s, r)))
    {
        let _ = split(Dialect::MariaDb, &format!("{start}{}", run.repeat(50_000)));
    }
}

fn scripts() -> impl Strategy<Value = String> {
    let pieces = [
        ";",
        "; ",
        "'",
        "`",
        "(",
        ")",
        "-- ",
        "--",
        "#",
        "\n",
        "/*",
        "*/",
        "/*!1 ",
        "//",
        "$$",
        "\\",
        "CREATE ",
        "TRIGGER ",
        "FOR EACH ROW ",
        "PROCEDURE ",
        "FUNCTION ",
        "EVENT ",
        "BEGIN ",
        "NOT ATOMIC ",
        "IF ",
        " THEN ",
        "ELSE ",
        "CASE ",
        "WHEN ",
        "LOOP ",
        "REPEAT ",
        "UNTIL ",
        "WHILE ",
        "FOR ",
        " DO ",
        ";END",
        " END ",
        "RETURN ",
        "HANDLER FOR ",
        ",",
        " x ",
        "x",
        ":",
        "é",
        "1",
        ".",
        "@",
        "=",
        "\nDELIMITER //\n",
        "\nDELIMITER ;\n",
        "DELIMITER",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

/// The statements, with a semicolon as the delimiter; none where a last operator would become a
/// comment at the end of its statement.
fn statements(text: &str) -> Option<Vec<&str>> {
    let found = split(Dialect::MariaDb, text).ok()?.into_iter().map(|statement| &text[statement.span]);
    let found: Vec<_> = found.collect();
    (!found.iter().any(|statement| statement.ends_with("--"))).then_some(found)
}

proptest! {
    #[test]
    fn splitting_never_panics(text in any::<String>(), script in scripts()) {
        for dialect in BOTH {
            let _ = (split(dialect, &text), split(dialect, &script), split(dialect, &format!("DELIMITER x\n{text}")));
        }
    }

    #[test]
    fn joined_statements_split_again_into_the_same(script in scripts()) {
        let text = script.replace("DELIMITER", "x");
        if let Some(once) = statements(&text) {
            for (start, end) in [("", ";\n"), ("DELIMITER ~\n", "~\n")] {
                let joined = format!("{start}{}", once.join(end));
                prop_assert_eq!(&once, &texts(Dialect::MariaDb, &joined));
            }
        }
    }
}

#[test]
fn several_statements_between_two_delimiters_are_several() {
    let text = "DELIMITER //\nINSERT INTO a VALUES (1); INSERT INTO b VALUES (2); //\nCREATE TABLE c (x INT); DROP TABLE d//\n\
        CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END//\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @a = 1; //\n\
        SELECT CASE WHEN 1 THEN 2 END; SELECT 3//\nDELIMITER ;\nSELECT 4;";
    let statements = split(Dialect::MariaDb, text).unwrap();
    let texts: Vec<&str> = statements.iter().map(|statement| &text[statement.span.clone()]).collect();
    assert_eq!(texts.len(), 9, "{texts:?}");
    assert_eq!((texts[0], texts[3]), ("INSERT INTO a VALUES (1)", "DROP TABLE d"));
    assert!(texts[4].ends_with("END") && texts[5].ends_with("= 1"));
}
