//! The renames that comments of a declared text mean for two schemas.

use crate::dialect::Dialect;
use crate::schema::Schema;

use super::rename::{Rename, parse, was};
use super::text::quoted;

/// What the comments of a text say, as far as the old names are there and the new ones are declared: a
/// comment may stand there for long after its rename was done.
pub fn said(dialect: Dialect, from: &Schema, to: &Schema, text: &str) -> Vec<Rename> {
    let mut renames = Vec::new();
    for (table, was) in was(dialect, text) {
        let path =
            |names: &[String]| names.iter().map(|name| quoted(dialect, name)).collect::<Vec<_>>().join(".");
        let (new, mut old) = (path(&table), path(&table));
        if let Some(name) = &was.table {
            let mut before = table.clone();
            before.pop();
            before.push(name.clone());
            let before = path(&before);
            if let Ok(rename) = parse(dialect, from, to, &format!("{before}={new}")) {
                renames.push(rename);
                old = before;
            }
        }
        renames.extend(was.columns.iter().filter_map(|(column, before)| {
            let (column, before) = (quoted(dialect, column), quoted(dialect, before));
            parse(dialect, from, to, &format!("{old}.{before}={new}.{column}")).ok()
        }));
    }
    renames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Kind, Object};

    #[test]
    fn comments_count_while_the_old_names_are_there() {
        let schema = |name: &str, text: &str| {
            Schema::new(vec![Object {
                kind: Kind::Table,
                name: name.to_owned(),
                definition: text.to_owned(),
            }])
        };
        let text = "-- was: users\nCREATE TABLE accounts (\n    id INT, -- was: nr\n    \"of\" INT -- was: since\n);\n";
        let from = schema("users", "CREATE TABLE users (nr INT, of INT);");
        let to = schema("accounts", "CREATE TABLE accounts (id INT, \"of\" INT);");
        let table = Rename::Table { from: "users".to_owned(), to: "accounts".to_owned() };
        let column =
            Rename::Column { table: "accounts".to_owned(), from: "nr".to_owned(), to: "id".to_owned() };
        assert_eq!(said(Dialect::Sqlite, &from, &to, text), [table, column]);
        assert_eq!(said(Dialect::Sqlite, &to, &to, text), []);
    }
}
