//! Passwords that stand elsewhere: in a file, or in what a command prints.
//!
//! The first line counts. Nothing that a command has printed as a password is ever shown, whatever it says
//! on its standard error.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;

use crate::diagnostic::Diagnostic;
use crate::lockfile;
use crate::program::{self, Ends, Unrun};
use crate::secret::Secrets;

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(30);

/// How much of a file, and of what a command says, is read, and how much of its standard error is shown.
const MOST: u64 = 64 * 1024;
const SHOWN: usize = 1000;

/// The first line of a file; `setting` is what names it.
pub(super) fn of_file(path: &Path, setting: &str) -> Result<SecretString, Diagnostic> {
    let shown = path.display();
    let unreadable = || {
        Diagnostic::new(format!("`{setting}`: `{shown}` cannot be read"))
            .help("the password is the first line of that file")
    };
    let bytes = lockfile::read_named(path, MOST).map_err(|error| unreadable().cause(error))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable().cause("it is not UTF-8"))?;
    first_line(&text).ok_or_else(|| {
        Diagnostic::new(format!("`{setting}`: the first line of `{shown}` is empty"))
            .help("the password is the first line of that file")
    })
}

/// The first line that a command prints; it runs in the folder of the configuration.
pub(super) fn of_command(words: &[String], folder: &Path) -> Result<SecretString, Diagnostic> {
    // its arguments may be secrets, too
    let name = words.first().map_or("", String::as_str);
    let fault = |what: String| {
        Diagnostic::new(format!("`database.password-command`: `{name}` {what}"))
            .help("try the command by hand; the password is the first line of its standard output")
    };
    let ended = program::run(words, &[], folder, (LIMIT, Ends::Itself), MOST).map_err(|error| {
        let (Unrun::Begin(cause) | Unrun::Wait(cause)) = &error;
        fault(error.to_string()).cause(cause)
    })?;
    let is_success = ended.status.is_some_and(|status| status.success());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let has_password = |bytes: &[u8]| bytes.contains(&b'\n') && first_line(&text(bytes)).is_some();
    let printed = text(&ended.stdout(|bytes| is_success && has_password(bytes)));
    let what = match ended.status {
        None => format!("took longer than {} s, and was ended", LIMIT.as_secs()),
        Some(status) if !status.success() => format!("failed ({status})"),
        Some(_) => match first_line(&printed) {
            Some(password) => return Ok(password),
            None => "printed no password".to_owned(),
        },
    };
    let said = ended.stderr();
    let mut secrets = Secrets::default();
    printed.split_whitespace().chain(printed.lines()).for_each(|text| secrets.add(text));
    let said: String = secrets.scrub(said.trim()).chars().take(SHOWN).collect();
    let fault = fault(what);
    Err(if said.is_empty() { fault } else { fault.note(format!("it said: {said}")) })
}

fn first_line(text: &str) -> Option<SecretString> {
    text.lines().next().filter(|line| !line.is_empty()).map(SecretString::from)
}
