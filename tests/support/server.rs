//! Throwaway database servers: a folder of their own, and a small shell that watches over them.
//!
//! The shell holds the read end of a pipe whose write end is ours: each line starts the server, and
//! when the pipe is closed it ends the server and removes the folder. So nothing is left when this
//! process ends, however it ends. What kind of server it is, this does not know.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that runs, or is about to, until this is dropped.
pub(super) struct Watched {
    /// Everything that it has on disk.
    pub(super) folder: PathBuf,
    shell: Child,
}

impl Watched {
    /// Starts a server: the script is run with the folder and then the arguments as its parameters,
    /// as the folder's user, and becomes the server in the end. The signal is one that ends it.
    pub(super) fn start(user: &str, signal: &str, script: &str, arguments: &[OsString]) -> Self {
        let folder = make_folder();
        let shell = User::for_folder(&folder, user)
            .command("sh", &folder)
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(&folder)
            .args([signal, script])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut watched = Self { folder, shell };
        watched.run();
        watched
    }

    /// Runs the script once more, as soon as the server of before has ended.
    pub(super) fn run(&mut self) {
        self.shell.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Waits until the server answers.
    pub(super) fn wait<T>(&self, ask: impl Fn() -> Result<T, sqlx::Error>) -> T {
        let start = Instant::now();
        loop {
            match ask() {
                Ok(answer) => return answer,
                Err(error) if start.elapsed() > Duration::from_secs(30) => {
                    let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    panic!("the server does not answer: {error}\n{log}");
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

const WATCHDOG: &str = r#"
folder=$1; signal=$2; script=$3; shift 3
trap '' HUP INT TERM
while read -r _; do
    wait
    sh -c "$script" script "$folder" "$@" >>"$folder/log" 2>&1 &
done
# again and again, since it may still be starting; MariaDB can miss a signal then for good
rounds=0
while kill "-$signal" $! 2>/dev/null; do
    sleep 0.05
    rounds=$((rounds + 1))
    if [ $rounds -gt 400 ]; then signal=KILL; fi
done
cd /; rm -rf "$folder"
"#;

/// What to do where a server is not installed: say so, or fail where it must be there.
pub(super) fn missing(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what}");
    // not by `eprintln`: the harness would swallow it
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// Runs as an ordinary user: servers refuse root.
struct User(Option<(u32, u32)>);

impl User {
    /// The owner of a folder that this process made, or the server's own user if that is root.
    fn for_folder(folder: &Path, name: &str) -> Self {
        if fs::metadata(folder).unwrap().uid() != 0 {
            return Self(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let ids = passwd.lines().find_map(|line| {
            let mut fields = line.strip_prefix(name)?.strip_prefix(':')?.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        let Some((uid, gid)) = ids else { panic!("tests run as root need the user `{name}`") };
        chown(folder, Some(uid), Some(gid)).unwrap();
        Self(Some((uid, gid)))
    }

    fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// A short path, since those of Unix sockets are limited; in memory where there is such a place.
fn make_folder() -> PathBuf {
    let name = format!("dbm-{}", super::random());
    for parent in [PathBuf::from("/dev/shm"), std::env::temp_dir(), PathBuf::from("/tmp")] {
        let folder = parent.join(&name);
        if fs::create_dir(&folder).is_ok() {
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
            return folder;
        }
    }
    panic!("no place for a temporary folder");
}
