//! Events of MariaDB and MySQL, put to sleep.

use crate::dialect::Dialect;
use crate::sql::cursor::Cursor;

/// The same definition of an event, as one that never fires; `None` where it is no event that would.
pub fn asleep(dialect: Dialect, definition: &str) -> Option<String> {
    let mut cursor = Cursor::new(dialect, definition);
    cursor.find(|piece| piece.is("EVENT"))?;
    let word = cursor.find(|piece| piece.is_any(&["ENABLE", "DISABLE", "DO"]))?;
    let end = word.at + word.text.len();
    word.is("ENABLE").then(|| format!("{}DISABLE{}", &definition[..word.at], &definition[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_would_fire() {
        let of = |text| asleep(Dialect::MariaDb, text);
        assert_eq!(
            of("CREATE EVENT `enable` ON SCHEDULE EVERY 1 DAY ENABLE DO SELECT 'ENABLE'").as_deref(),
            Some("CREATE EVENT `enable` ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 'ENABLE'")
        );
        assert_eq!(of("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1"), None);
        assert_eq!(of("CREATE TABLE enable (a INT)"), None);
    }
}
