//! Stored programs by chance: correct by construction, which the server confirms, and cut where they
//! were put together.

use std::fmt::Write;

use db_migrations::dialect::Dialect;
use db_migrations::sql::split;
use proptest::prelude::*;

use crate::support::database::Db;

fn expression() -> BoxedStrategy<String> {
    let leaf =
        ["1", "';'", "'\\';'", "\"END\"", "@end", "@`case`", "(SELECT 1 AS end)", "CURRENT_USER()", "5--1"];
    let nested =
        prop::sample::select(leaf.to_vec()).prop_map(str::to_owned).prop_recursive(2, 6, 3, |inner| {
            let forms = [
                "IF(%, %, %)",
                "CASE WHEN % THEN % ELSE % END",
                "CASE % WHEN % THEN % END",
                "REPEAT(%, 3)",
                "(% + %)",
                "(% /* ; */)",
                "(% # it's;\n)",
            ];
            filled(&forms, "%", inner)
        });
    nested.boxed()
}

fn statement() -> BoxedStrategy<String> {
    let leaf = [
        "SET @a = %",
        "DO %",
        "INSERT INTO t VALUES (%, %)",
        "DROP TEMPORARY TABLE IF EXISTS u",
        "CREATE TEMPORARY TABLE IF NOT EXISTS u (end INT DEFAULT 1)",
        "DELETE FROM t WHERE a = % OR t.end",
        "SELECT % INTO @a FOR UPDATE",
        "UPDATE t SET end = %, a = end",
    ];
    let nested = filled(&leaf, "%", expression()).prop_recursive(4, 24, 4, |inner| {
        let forms = [
            "BEGIN END",
            "BEGIN ~; ~; END",
            "one: BEGIN ~; LEAVE one; END one",
            "IF % THEN ~; END IF",
            "IF % THEN ~; ~; ELSEIF % THEN ~; ELSE ~; END IF",
            "CASE % WHEN % THEN ~; ELSE ~; END CASE",
            "CASE WHEN % THEN ~; WHEN % THEN ~; END CASE",
            "LOOP ~; END LOOP",
            "`two`: LOOP ~; ITERATE two; END LOOP `two`",
            "WHILE % DO ~; ~; END WHILE",
            "REPEAT ~; UNTIL % END REPEAT",
            "FOR i IN 1..3 DO ~; END FOR",
            "FOR r IN (SELECT a FROM t FOR UPDATE) DO ~; END FOR",
            "BEGIN DECLARE end INT DEFAULT %; DECLARE EXIT HANDLER FOR SQLEXCEPTION, NOT FOUND ~; ~; END",
            "BEGIN DECLARE x CONDITION FOR 1051; DECLARE CONTINUE HANDLER FOR x, SQLSTATE '23000' ~; ~; END",
        ];
        let inner = inner.prop_map(|text| with_own_labels(&text)).boxed();
        let statements = filled(&forms, "~", inner);
        statements.prop_flat_map(|form| filled(&[&form], "%", expression())).boxed()
    });
    nested.boxed()
}

/// Labels of nested blocks must differ.
fn with_own_labels(text: &str) -> String {
    text.replace("one", "one_").replace("two", "two_")
}

/// One of these forms, with something in the place of each mark.
fn filled(forms: &[&str], mark: &'static str, inner: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let forms: Vec<String> = forms.iter().map(|form| (*form).to_owned()).collect();
    let parts = prop::collection::vec(inner, 6);
    let text = (prop::sample::select(forms), parts).prop_map(move |(form, parts)| {
        let mut pieces = form.split(mark);
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for (piece, part) in pieces.zip(parts) {
            write!(text, "{part}{piece}").unwrap();
        }
        text
    });
    text.boxed()
}

fn program() -> BoxedStrategy<String> {
    let forms = [
        "CREATE PROCEDURE p?() ~",
        "CREATE OR REPLACE DEFINER=root@localhost PROCEDURE p?(a INT, b ENUM('(')) COMMENT 'IF' MODIFIES SQL DATA ~",
        "CREATE FUNCTION p?() RETURNS INT DETERMINISTIC BEGIN ~; RETURN 1; END",
        "CREATE FUNCTION p?(a SET('x')) RETURNS VARCHAR(9) CHARACTER SET utf8mb4 IF a THEN RETURN 1; ELSE ~; END IF",
        "CREATE TRIGGER p? BEFORE INSERT ON t FOR EACH ROW ~",
        "CREATE TRIGGER p? AFTER UPDATE ON t FOR EACH ROW FOLLOWS `last` ~",
        "CREATE DEFINER = CURRENT_USER EVENT p? ON SCHEDULE AT '2035-01-01 00:00:00' COMMENT 'DO' DO ~",
        "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER p? BEFORE DELETE ON t FOR EACH ROW ~ */",
        "CREATE FUNCTION p?() RETURNS TEXT RETURN (SELECT CASE 1 WHEN 2 THEN 3 END)",
        "SELECT CASE end WHEN 1 THEN IF(a, 1, 2) END FROM t",
        "DROP PROCEDURE IF EXISTS nothing",
    ];
    filled(&forms, "~", statement())
}

const TABLE: &str = "CREATE TABLE t (a INT, end INT)";
const TRIGGER: &str = "CREATE TRIGGER last AFTER UPDATE ON t FOR EACH ROW SET @a = 1";

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn programs_are_cut_where_they_were_joined(programs in prop::collection::vec(program(), 1..8)) {
        let mut statements = vec![TABLE.to_owned(), TRIGGER.to_owned()];
        let numbered = programs.iter().enumerate().map(|(number, text)| text.replace('?', &number.to_string()));
        statements.extend(numbered);
        for separator in [";\n", " ; -- it's;\n", "/* ' */;# ;\n"] {
            let text = statements.join(separator);
            let found = split(Dialect::MariaDb, &text).unwrap();
            let found: Vec<_> = found.into_iter().map(|statement| &text[statement.span]).collect();
            prop_assert_eq!(&found, &statements);
        }
        if let Some(database) = Db::mariadb() {
            database.execute(&statements.join(";\n"));
        }
    }
}
