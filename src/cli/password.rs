//! Passwords that stand elsewhere: in a file, or in what a command prints.
//!
//! The first line counts. A command is run without a shell and with a time limit, and nothing that it
//! has printed as a password is ever shown, whatever it says on its standard error.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::diagnostic::Diagnostic;
use crate::lockfile;
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
    let program = words.first().map_or("", String::as_str);
    let fault = |what: String| {
        Diagnostic::new(format!("`database.password-command`: `{program}` {what}"))
            .help("try the command by hand; the password is the first line of its standard output")
    };
    let mut child = Command::new(program)
        .args(&words[1.min(words.len())..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| fault("cannot be run".to_owned()).cause(error))?;
    let stdout = child.stdout.take().map(drain);
    let stderr = child.stderr.take().map(drain);
    let status = end_of(&mut child).map_err(|error| fault("cannot be waited for".to_owned()).cause(error))?;
    let has_password = |text: &str| text.contains('\n') && first_line(text).is_some();
    let is_success = status.is_some_and(|status| status.success());
    let printed = collect(stdout.as_ref(), |text| is_success && has_password(text));
    let what = match status {
        None => format!("took longer than {} s, and was ended", LIMIT.as_secs()),
        Some(status) if !status.success() => format!("failed ({status})"),
        Some(_) => match first_line(&printed) {
            Some(password) => return Ok(password),
            None => "printed no password".to_owned(),
        },
    };
    let said = collect(stderr.as_ref(), |_| false);
    let mut secrets = Secrets::default();
    printed.split_whitespace().chain(printed.lines()).for_each(|text| secrets.add(text));
    let said: String = secrets.scrub(said.trim()).chars().take(SHOWN).collect();
    let fault = fault(what);
    Err(if said.is_empty() { fault } else { fault.note(format!("it said: {said}")) })
}

fn first_line(text: &str) -> Option<SecretString> {
    text.lines().next().filter(|line| !line.is_empty()).map(SecretString::from)
}

/// Reads a pipe in a thread of its own: a child of the command may hold it open for ever.
fn drain(pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = pipe.take(MOST);
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut chunk) {
            if sender.send(chunk[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// What a pipe holds after the end of the command: until it is enough, or for a second at most.
fn collect(pipe: Option<&mpsc::Receiver<Vec<u8>>>, is_enough: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    let mut bytes = Vec::new();
    let mut text = String::new();
    while let Some(pipe) = pipe
        && !is_enough(&text)
        && let Ok(chunk) = pipe.recv_timeout(Duration::from_secs(1).saturating_sub(start.elapsed()))
    {
        bytes.extend(chunk);
        text = String::from_utf8_lossy(&bytes).into_owned();
    }
    text
}

/// Waits for the end; `None` if it was ended since it took too long.
fn end_of(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}
