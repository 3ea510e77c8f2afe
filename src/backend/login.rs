//! What the logins of both servers share: to which account a password goes, and which of them are secrets.
//!
//! What a URL says and how a driver is told is each server's own.

use secrecy::{ExposeSecret, SecretString};

use super::Options;
use crate::diagnostic::Diagnostic;
use crate::secret::Secrets;

/// A driver's options, as far as they say whose password is asked for, and where.
pub(super) trait Account {
    /// Host, port and user.
    fn account(&self) -> (&str, u16, &str);
}

/// A server and how to log in there.
pub(super) struct Login<O> {
    pub(super) options: O,
    pub(super) warnings: Vec<String>,
}

/// How the database is reached, and how scratch databases are, where that is another way.
pub(super) struct Logins<O> {
    pub(super) main: O,
    pub(super) scratch: Option<O>,
    pub(super) warnings: Vec<String>,
}

/// Both logins; a password that stands in no URL goes to no other account than its own.
pub(super) fn logins<O: Account>(
    options: &Options,
    mut login: impl FnMut(&SecretString, Option<&SecretString>) -> Result<Login<O>, Diagnostic>,
) -> Result<Logins<O>, Diagnostic> {
    let password = options.password.as_ref();
    let Login { options: main, mut warnings } = login(&options.url, password)?;
    let mut scratch = None;
    if let Some(url) = &options.scratch_url {
        let other = login(url, None)?;
        let is_same = other.options.account() == main.account();
        let found = if is_same { login(url, password)? } else { other };
        warnings.extend(found.warnings);
        scratch = Some(found.options);
    }
    Ok(Logins { main, scratch, warnings })
}

/// Keeps a password out of all that is shown, unless it is a name that is shown anyway.
pub(super) fn hide(secrets: &mut Secrets, password: &SecretString, names: [&str; 3]) {
    if !names.contains(&password.expose_secret()) {
        secrets.add(password.expose_secret());
    }
}
