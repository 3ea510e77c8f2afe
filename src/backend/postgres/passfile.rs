//! The password file of PostgreSQL's own clients: `PGPASSFILE`, else `~/.pgpass`.
//!
//! Read here and not by the driver: that writes lines which it does not understand into its log, with
//! the password in them, and says nothing where the file's rights are too wide.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// Whose password is looked for.
pub(super) struct Login<'a> {
    /// `localhost` for a socket.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The password, or why the file does not count.
pub(super) fn password(login: &Login<'_>) -> Result<Option<SecretString>, String> {
    let Some(path) = path() else { return Ok(None) };
    if !path.is_file() {
        return Ok(None);
    }
    if is_open(&path) {
        return Err(format!(
            "`{}` is passed over, since others may read it: `chmod 600` makes it count",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("`{}` is passed over: {error}", path.display()))?;
    Ok(find(&text, login).map(SecretString::from))
}

fn path() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("PGPASSFILE").or_else(|| match variable("APPDATA") {
        Some(folder) if cfg!(windows) => Some(folder.join("postgresql").join("pgpass.conf")),
        _ => variable("HOME").map(|home| home.join(".pgpass")),
    })
}

/// Whether others than its owner may read it.
#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

/// The first line that fits: `host:port:database:user:password`, `*` fits all, `\` escapes.
fn find(text: &str, login: &Login<'_>) -> Option<String> {
    let port = login.port.to_string();
    let wanted = [login.host, &port, login.database, login.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        for wanted in wanted {
            let (field, after) = field(rest)?;
            if field != "*" && unescaped(field) != wanted {
                return None;
            }
            rest = after;
        }
        Some(unescaped(rest)).filter(|password| !password.is_empty())
    })
}

/// What stands before the next colon, and behind it.
fn field(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let colon = text.find(|c| {
        let ends = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((&text[..colon], &text[colon + 1..]))
}

fn unescaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        value.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::{Login, find};

    #[test]
    fn the_first_line_that_fits_counts() {
        let login = Login { host: "db", port: 5432, database: "shop", user: "a:b" };
        let text = "# db:5432:shop:a\\:b:comment\nbroken\ndb:5433:*:*:other port\ndb:*:shop:a\\:b:p\\:w\\\\d\n*:*:*:*:late";
        assert_eq!(find(text, &login).as_deref(), Some("p:w\\d"));
        let other = Login { user: "c", ..login };
        assert_eq!(find(text, &other).as_deref(), Some("late"));
        assert_eq!(find("broken\n", &other), None);
    }
}
