//! From what the server shows to a definition that loads anywhere and says nothing but the schema.

use std::fmt::Write;

use super::DIALECT;
use super::listing::{Entry, Listing};
use super::show::Shown;
use crate::schema::Kind;
use crate::sql;

/// The definition; nothing if its text cannot be read by the rules that hold for the rest of a dump.
///
/// A body keeps the mode (and an event the time zone) under which it was made: where that is not the
/// session's, statements around it set it and put back what was there, by a user variable, since
/// what loads the text need not be the session that it was read in.
pub(super) fn definition(entry: &Entry, shown: &Shown, listing: &Listing) -> Option<String> {
    if !is_readable(shown) {
        return None;
    }
    let mut text = sql::without_definer(DIALECT, &shown.text);
    if entry.kind == Kind::Table {
        text = sql::without_auto_increment(DIALECT, &text);
    }
    if matches!(entry.kind, Kind::Table | Kind::View) {
        text = sql::without_database(DIALECT, &text, &listing.database);
    }
    if entry.starts_implicitly {
        text = sql::without_starts(DIALECT, &text);
    }
    let text = sql::significant(DIALECT, &text);
    let settings = [
        ("sql_mode", shown.sql_mode.as_ref().filter(|mode| **mode != listing.sql_mode)),
        ("time_zone", shown.time_zone.as_ref().filter(|zone| **zone != listing.time_zone)),
    ];
    let (mut before, mut behind) = (String::new(), String::new());
    for (setting, value) in settings.into_iter().filter_map(|(setting, value)| Some((setting, value?))) {
        let _ = writeln!(before, "SET @db_migrations_{setting} = @@{setting}, {setting} = '{value}';");
        let _ = write!(behind, "\nSET {setting} = @db_migrations_{setting};");
    }
    Some(format!("{before}{text};{behind}"))
}

/// Whether strings and names end where they end under the default mode: a backslash before a quote
/// does not escape it under these modes.
fn is_readable(shown: &Shown) -> bool {
    let is_set =
        |mode: &str| shown.sql_mode.as_ref().is_some_and(|modes| modes.split(',').any(|set| set == mode));
    let hides = |mode: &str, sign: &str| is_set(mode) && shown.text.contains(sign);
    !hides("NO_BACKSLASH_ESCAPES", "\\") && !hides("ANSI_QUOTES", "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defined(kind: Kind, text: &str, sql_mode: Option<&str>, time_zone: Option<&str>) -> Option<String> {
        let entry = Entry { kind, name: "x".to_owned(), table: None, starts_implicitly: kind == Kind::Event };
        let listing = Listing {
            database: "db".to_owned(),
            sql_mode: "STRICT".to_owned(),
            time_zone: "SYSTEM".to_owned(),
            ..Listing::default()
        };
        let own = |text: Option<&str>| text.map(str::to_owned);
        let shown = Shown { text: text.to_owned(), sql_mode: own(sql_mode), time_zone: own(time_zone) };
        definition(&entry, &shown, &listing)
    }

    #[test]
    fn only_the_schema_is_left() {
        for (kind, text, expected) in [
            (
                Kind::Table,
                "CREATE TABLE `t` (\n  `a` int DEFAULT nextval(`db`.`s`)\n) ENGINE=InnoDB AUTO_INCREMENT=3",
                "CREATE TABLE `t` (\n  `a` int DEFAULT nextval(`s`)\n) ENGINE=InnoDB;",
            ),
            (
                Kind::Function,
                "CREATE DEFINER=`a`@`b` FUNCTION f() RETURN 1 -- x\n",
                "CREATE FUNCTION f() RETURN 1;",
            ),
            (
                Kind::Event,
                "CREATE DEFINER=`a`@`b` EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2024' DO x",
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO x;",
            ),
        ] {
            assert_eq!(defined(kind, text, Some("STRICT"), Some("SYSTEM")).unwrap(), expected);
        }
    }

    #[test]
    fn stored_settings_stand_around() {
        assert_eq!(
            defined(Kind::Event, "CREATE EVENT e DO x", Some("ANSI_QUOTES"), Some("+03:00")).unwrap(),
            "SET @db_migrations_sql_mode = @@sql_mode, sql_mode = 'ANSI_QUOTES';\n\
             SET @db_migrations_time_zone = @@time_zone, time_zone = '+03:00';\n\
             CREATE EVENT e DO x;\n\
             SET sql_mode = @db_migrations_sql_mode;\n\
             SET time_zone = @db_migrations_time_zone;"
        );
    }

    #[test]
    fn texts_of_other_rules_are_not_read() {
        let is_read = |text, mode| defined(Kind::Function, text, Some(mode), None).is_some();
        assert!(is_read("RETURN 'a\\''", "ANSI_QUOTES"));
        assert!(!is_read("RETURN \"a\\\"", "STRICT,ANSI_QUOTES"));
        assert!(is_read("RETURN 'a'", "NO_BACKSLASH_ESCAPES"));
        assert!(!is_read("RETURN 'a\\'", "NO_BACKSLASH_ESCAPES"));
    }
}
