//! Statements that fail while rows are not as a contract step needs them: it drops nothing that is not elsewhere, too.
//!
//! A catch-up step may have seen other rows than there are: row level security hides some, a trigger was off. What
//! is looked for is a condition over a row; nothing here knows where it comes from.

use super::facts::Columns;
use super::names::{made, of_new};
use crate::dialect::Dialect;
use crate::diff::unquoted;

/// The longest message that MySQL signals.
const LONGEST: usize = 128;

/// Fails with a message where a row meets a condition. `table` is as statements spell it.
pub(super) fn no_row(dialect: Dialect, table: &str, condition: &str, says: &str, hint: &str) -> Vec<String> {
    let found = format!("EXISTS (SELECT 1 FROM {table} WHERE {condition})");
    let (text, hint) = (says.replace('\'', "''"), hint.replace('\'', "''"));
    match dialect {
        Dialect::Postgres => vec![format!(
            "DO $look$
DECLARE
    was text := current_setting('row_security');
BEGIN
    PERFORM set_config('row_security', 'off', true);
    IF {found} THEN
        RAISE EXCEPTION USING MESSAGE = '{text}',
            HINT = '{hint}';
    END IF;
    PERFORM set_config('row_security', was, true);
END
$look$;"
        )],
        Dialect::MariaDb => {
            vec![format!("BEGIN NOT ATOMIC\n{}END;", signal(&found, says))]
        }
        Dialect::MySql => {
            let name = made(dialect, &["look", &unquoted(table)]);
            vec![
                format!("DROP PROCEDURE IF EXISTS {name};"),
                format!("CREATE PROCEDURE {name}()\nBEGIN\n{}END;", signal(&found, says)),
                format!("CALL {name}();"),
                format!("DROP PROCEDURE {name};"),
            ]
        }
        Dialect::Sqlite => vec![
            format!(
                "CREATE TEMP TABLE zz_look (found integer CONSTRAINT \"{}\" CHECK (found = 0));",
                says.replace('"', "\"\"")
            ),
            format!("INSERT INTO temp.zz_look SELECT 1 WHERE {found};"),
            "DROP TABLE temp.zz_look;".to_owned(),
        ],
    }
}

fn signal(found: &str, text: &str) -> String {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!(
        "    IF {found} THEN\n        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{}';\n    END IF;\n",
        text[..end].replace('\'', "''")
    )
}

/// Fails where the new column of a row is not what the old one means.
pub(super) fn apart(columns: &Columns<'_>, table: &str, condition: &str) -> Vec<String> {
    let (from, to) = (unquoted(columns.from), unquoted(&columns.to));
    let says = format!("rows in which \"{to}\" is not what \"{from}\" means: nothing is dropped");
    let hint = format!("look which rows: SELECT * FROM {table} WHERE {condition}");
    no_row(columns.dialect, table, condition, &says, &hint)
}

/// Fails where a row has no value.
pub(super) fn empty(dialect: Dialect, table: &str, column: &str) -> Vec<String> {
    let says = format!("rows have no \"{}\": it cannot become NOT NULL", unquoted(column));
    let hint = format!("give them one: UPDATE {table} SET {column} = … WHERE {column} IS NULL");
    no_row(dialect, table, &format!("{column} IS NULL"), &says, &hint)
}

/// Which rows of a change of type are apart: those that have not been filled; where both expressions speak of the two
/// columns only, and the database compares what it has stored, those that follow neither from the one nor from the other.
pub(super) fn unlike(columns: &Columns<'_>) -> String {
    let (from, to) = (columns.from, columns.to.as_str());
    let (forward, backward) = (columns.forward(), columns.backward());
    let others: Vec<String> =
        columns.all.iter().filter(|name| *name != from && *name != to).cloned().collect();
    let only_both = [&forward, &backward].iter().all(|text| of_new(columns.dialect, text, &others) == **text);
    match columns.dialect {
        Dialect::Postgres if only_both => {
            let differs = |column: &str, value: &str, kind: &str| {
                let kind = kind.split(" COLLATE ").next().unwrap_or(kind);
                format!("record_image_ne(ROW({column}), ROW(CAST({value} AS {kind})))")
            };
            format!(
                "{}\n            AND {}",
                differs(to, &forward, &columns.new.kind),
                differs(from, &backward, &columns.old.kind)
            )
        }
        Dialect::Sqlite if only_both => in_rows(columns),
        _ => format!("{to} IS NULL AND {from} IS NOT NULL AND {forward} IS NOT NULL"),
    }
}

/// On SQLite, which compares by the types of the columns: neither follows from the other.
pub(super) fn in_rows(columns: &Columns<'_>) -> String {
    let (from, to) = (columns.from, &columns.to);
    let (forward, backward) = (columns.forward(), columns.backward());
    format!("{to} COLLATE BINARY IS NOT {forward} AND {from} COLLATE BINARY IS NOT {backward}")
}
