//! A folder with a project in it, and the built program that runs there.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::database::Db;

/// What is passed on to the program and to Cargo; everything else is as on a bare machine.
const PASSED: [&str; 7] =
    ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "TMPDIR", "LLVM_PROFILE_FILE"];

/// A temporary folder, gone when this is dropped.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// An empty one with a configuration, so that nothing above it is taken for the project.
    pub(crate) fn with_config(config: &str) -> Self {
        Self::new().file("db-migrations.yml", config)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file, with its folders.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The same, for chains.
    pub(crate) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.write(path, text);
        self
    }

    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.join(path).exists()
    }

    /// Removes a file or a folder.
    pub(crate) fn remove(&self, path: &str) {
        let path = self.join(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// Replaces the only occurrence of a text in a file.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(old).count(), 1, "`{old}` must be once in {path}:\n{text}");
        self.write(path, text.replacen(old, new, 1));
    }

    /// The lock.
    #[track_caller]
    pub(crate) fn lock(&self) -> String {
        self.read("migrations-lock.yml")
    }

    /// Everything in the folder but `target`, sorted: path and text. Equal trees mean that nothing was written.
    pub(crate) fn tree(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                let name = path.strip_prefix(self.path()).unwrap().display().to_string();
                if path.is_dir() {
                    folders.extend((name != "target").then_some(path));
                } else {
                    files.push((name, String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()));
                }
            }
        }
        files.sort();
        files
    }

    /// The program, about to run here; standard input is empty.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_db-migrations"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("CARGO_TARGET_DIR", self.join("target"))
            .env("USER", "tester")
            .env("HOSTNAME", "testhost")
            .env("RUST_BACKTRACE", "0")
            .env("COLUMNS", "100");
        command
    }

    /// Runs it on a database.
    pub(crate) fn run(&self, database: &Db, args: &[&str]) -> Output {
        self.run_at(database.url(), args)
    }

    /// Runs it with some `DATABASE_URL`.
    pub(crate) fn run_at(&self, url: &str, args: &[&str]) -> Output {
        Output::of(self.command(args).env("DATABASE_URL", url), args)
    }

    /// Runs it without any database.
    pub(crate) fn run_alone(&self, args: &[&str]) -> Output {
        Output::of(&mut self.command(args), args)
    }

    /// Starts it on a database, with both outputs piped.
    pub(crate) fn spawn(&self, database: &Db, args: &[&str]) -> Running {
        self.spawn_at(database.url(), args)
    }

    /// Starts it with some `DATABASE_URL`, with both outputs piped.
    pub(crate) fn spawn_at(&self, url: &str, args: &[&str]) -> Running {
        let mut command = self.command(args);
        command.env("DATABASE_URL", url);
        Running::start(command, &args.join(" "))
    }
}

/// A started program; killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    line: String,
}

impl Running {
    /// Starts a command, with both outputs piped; the line is what is shown of it.
    pub(crate) fn start(mut command: Command, line: &str) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap(), line: line.to_owned() }
    }

    /// Reads standard error up to a line with this text, and answers with what was read.
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        use std::io::Read;
        let stderr = self.child.stderr.as_mut().unwrap();
        let (mut seen, mut byte) = (Vec::new(), [0]);
        while !(byte[0] == b'\n' && String::from_utf8_lossy(&seen).contains(text)) {
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        String::from_utf8_lossy(&seen).into_owned()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Output {
        use std::io::Read;
        let mut stdout = self.child.stdout.take().unwrap();
        let mut stderr = self.child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).map(|_| text)
        });
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).unwrap();
        let stderr = reader.join().unwrap().unwrap();
        let status = self.child.wait().unwrap();
        let line = std::mem::take(&mut self.line);
        Output::new(line, &std::process::Output { status, stdout: text, stderr })
    }

    /// Kill -9, then waits.
    pub(crate) fn kill(mut self) -> Output {
        let _ = self.child.kill();
        self.wait()
    }

    /// Sends a signal by name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a run said, and how it ended.
#[derive(Clone)]
pub(crate) struct Output {
    line: String,
    /// `-1` when a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn of(command: &mut Command, args: &[&str]) -> Self {
        Self::new(args.join(" "), &command.output().unwrap())
    }

    fn new(line: String, output: &std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
        Self {
            line,
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// It must have ended so.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// It must have gone well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    /// It must have said this, on either stream.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "it does not say `{text}`:\n{self}"
        );
        self
    }

    /// It must not have said this.
    #[track_caller]
    pub(crate) fn does_not_say(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "it says `{text}`:\n{self}");
        self
    }

    /// The document of `--format json`.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// All of it for a snapshot: what differs from run to run is replaced by words.
    pub(crate) fn transcript(&self, project: &Project, database: Option<&Db>) -> String {
        let mut text = self.to_string();
        if let Some(database) = database {
            text = text.replace(database.url(), "[url]");
        }
        let folder = project.path().display().to_string();
        mask(&text.replace(&folder, "[project]"))
    }
}

/// Replaces durations, dates, and the hex digits of run ids and checksums.
fn mask(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        result.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let word = &rest[..end];
        let after = &rest[end..];
        let digits = word.bytes().all(|b| b.is_ascii_digit());
        if digits && after.starts_with(" ms") {
            result.push('N');
        } else if let Some(length) = date(rest) {
            result.push_str("[time]");
            rest = &rest[length..];
            continue;
        } else if matches!(word.len(), 32 | 64) && word.bytes().all(|b| b.is_ascii_hexdigit()) {
            result.push_str("[hex]");
        } else {
            result.push_str(word);
        }
        rest = after;
    }
    result + rest
}

/// The length of a date with a time of day at the start.
fn date(text: &str) -> Option<usize> {
    let head = text.as_bytes().get(..19)?;
    let shape = b"0000-00-00 00:00:00";
    let fits = head.iter().zip(shape).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        b' ' => matches!(byte, b' ' | b'T'),
        other => byte == other,
    });
    let tail = &text[19..];
    let more = tail.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | ':' | 'Z'));
    fits.then(|| 19 + more.unwrap_or(tail.len()))
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ db-migrations {}", self.line)?;
        f.write_str(&self.stdout)?;
        if !self.stderr.is_empty() {
            write!(f, "--- stderr\n{}", self.stderr)?;
        }
        writeln!(f, "--- exit {}", self.code)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
