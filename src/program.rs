//! Programs that people name in the configuration: run without a shell, with nothing on their standard
//! input and a time limit.
//!
//! What they print is read by threads of its own, up to a limit: a child of the program may hold its
//! pipes open for ever. Nothing here knows what the output means, or whether it is a secret.

use std::io::{Error, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// A program that has ended, or was ended.
pub(crate) struct Ended {
    /// How; `None` if it took too long.
    pub(crate) status: Option<ExitStatus>,
    stdout: Option<Receiver<Vec<u8>>>,
    stderr: Option<Receiver<Vec<u8>>>,
}

/// Why a program has no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unrun {
    /// It did not begin.
    #[error("cannot be run")]
    Begin(#[source] Error),
    /// Nobody knows what became of it.
    #[error("cannot be waited for")]
    Wait(#[source] Error),
}

/// What is ended when the time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The program, which may ask at the terminal.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command line asks for passwords"))]
    Itself,
    /// All that it has started, too: it is in a process group of its own, and no interrupt of a terminal reaches it.
    Group,
}

/// Runs a program with its arguments in a folder, with these variables beside those of the environment;
/// `most` bytes of what it prints are read.
pub(crate) fn run(
    words: &[String],
    variables: &[(&str, &str)],
    folder: &Path,
    (limit, ends): (Duration, Ends),
    most: u64,
) -> Result<Ended, Unrun> {
    let program = words.first().map_or("", String::as_str);
    let mut command = Command::new(program);
    #[cfg(unix)]
    if ends == Ends::Group {
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
    }
    let mut child = command
        .args(&words[1.min(words.len())..])
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Unrun::Begin)?;
    let stdout = child.stdout.take().map(|pipe| drain(pipe, most));
    let stderr = child.stderr.take().map(|pipe| drain(pipe, most));
    let status = end_of(&mut child, limit, ends).map_err(Unrun::Wait)?;
    Ok(Ended { status, stdout, stderr })
}

impl Ended {
    /// What it printed: until that is enough, or for a second after its end at most.
    pub(crate) fn stdout(&self, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        collect(self.stdout.as_ref(), is_enough)
    }

    /// What it said on its standard error.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&collect(self.stderr.as_ref(), |_| false)).into_owned()
    }
}

fn drain(pipe: impl Read + Send + 'static, most: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = pipe.take(most);
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut chunk) {
            if sender.send(chunk[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn collect(pipe: Option<&Receiver<Vec<u8>>>, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let start = Instant::now();
    let mut bytes = Vec::new();
    while let Some(pipe) = pipe
        && !is_enough(&bytes)
    {
        match pipe.recv_timeout(Duration::from_secs(1).saturating_sub(start.elapsed())) {
            Ok(chunk) => bytes.extend(chunk),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    bytes
}

/// Waits for the end; `None` if it was ended since it took too long.
fn end_of(child: &mut Child, limit: Duration, ends: Ends) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            end(child, ends)?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn end(child: &mut Child, ends: Ends) -> std::io::Result<()> {
    #[cfg(unix)]
    if ends == Ends::Group
        && let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw)
    {
        return Ok(rustix::process::kill_process_group(group, rustix::process::Signal::KILL)?);
    }
    let _ = ends;
    child.kill()
}
