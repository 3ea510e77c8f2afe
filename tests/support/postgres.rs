//! One throwaway PostgreSQL server per test process.
//!
//! It listens on a Unix socket in its own folder only, and a small shell watches over it: that one
//! holds the read end of a pipe whose write end is ours, so it ends the server and removes the
//! folder when this process ends, however it ends.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

use super::block_on;

/// A URL here replaces the throwaway server; its role must be allowed to create databases.
const URL: &str = "DB_MIGRATIONS_TEST_POSTGRES_URL";

/// A running server.
pub(crate) struct Server {
    /// Its administrator, in a database that always exists.
    pub(crate) url: String,
    bin: Option<PathBuf>,
    /// Everything that it has on disk, if we have started it.
    pub(crate) folder: Option<PathBuf>,
    /// Ends the server when its standard input is closed; never waited for, since that happens at our end.
    _watchdog: Option<Child>,
}

impl Server {
    /// A program that came with the server.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.as_ref().map_or_else(|| name.into(), |bin| bin.join(name))
    }
}

/// The server of this process; `None` where no PostgreSQL is installed, which is said.
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let bin = find_bin();
            if let Ok(url) = std::env::var(URL) {
                return Some(Server { url, bin, folder: None, _watchdog: None });
            }
            let missing = format!("no PostgreSQL (install postgresql, or set {URL})");
            let Some(bin) = bin else {
                assert!(std::env::var_os("CI").is_none(), "{missing}");
                // not by `eprintln`: the harness would swallow it
                let _ = writeln!(std::io::stderr(), "skipped: {missing}");
                return None;
            };
            Some(start(bin))
        })
        .as_ref()
}

/// The newest installed server's programs.
fn find_bin() -> Option<PathBuf> {
    let given = std::env::var_os("PG_BIN").map(PathBuf::from);
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    let major = |path: &PathBuf| -> u32 {
        path.parent().and_then(|p| p.file_name()?.to_str()?.parse().ok()).unwrap_or(0)
    };
    debian.sort_by_key(|path| std::cmp::Reverse(major(path)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = given.into_iter().chain(debian).chain(std::env::split_paths(&path).collect::<Vec<_>>());
    candidates.into_iter().find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
}

/// Runs as an ordinary user: PostgreSQL refuses root.
struct User(Option<(u32, u32)>);

impl User {
    /// The owner of a folder that this process made, or `postgres` if that is root.
    fn for_folder(folder: &Path) -> Self {
        if fs::metadata(folder).unwrap().uid() != 0 {
            return Self(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let ids = passwd.lines().find_map(|line| {
            let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        let (uid, gid) = ids.expect("tests run as root need the user `postgres`");
        chown(folder, Some(uid), Some(gid)).unwrap();
        Self(Some((uid, gid)))
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        command
    }
}

fn start(bin: PathBuf) -> Server {
    let folder = make_folder();
    let user = User::for_folder(&folder);
    let data = folder.join("data");
    let watchdog = user
        .command("sh", &folder)
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(&folder)
        .arg(&bin)
        .args(settings())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let url = format!("postgres://postgres@localhost/postgres?host={}", folder.display());
    wait(&url, &data, &folder);
    Server { url, bin: Some(bin), folder: Some(folder), _watchdog: Some(watchdog) }
}

/// Makes a server and runs it until standard input is closed; then nothing of it is left.
const WATCHDOG: &str = r#"
folder=$1; bin=$2; shift 2
trap '' HUP INT TERM
{
    "$bin/initdb" -N -A trust -U postgres -E UTF8 --locale=C.UTF-8 -D "$folder/data" &&
        exec "$bin/postgres" -D "$folder/data" -k "$folder" "$@"
} >"$folder/log" 2>&1 &
read -r _
# again and again, since it may still be starting
while kill -INT $! 2>/dev/null; do sleep 0.05; done
cd /; rm -rf "$folder"
"#;

fn settings() -> impl Iterator<Item = &'static str> {
    [
        "listen_addresses=",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=200",
        "max_locks_per_transaction=128",
        "autovacuum=off",
    ]
    .into_iter()
    .flat_map(|setting| ["-c", setting])
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

/// Waits until the server answers, and makes sure that it is ours.
fn wait(url: &str, data: &Path, folder: &Path) {
    let start = Instant::now();
    loop {
        let answer = block_on(async {
            let mut connection = PgConnection::connect(url).await?;
            let folder =
                sqlx::query_scalar::<_, String>("SHOW data_directory").fetch_one(&mut connection).await;
            connection.close().await?;
            folder
        });
        match answer {
            Ok(directory) => return assert_eq!(Path::new(&directory), data),
            Err(error) if start.elapsed() > Duration::from_secs(30) => {
                let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
                panic!("PostgreSQL does not answer: {error}\n{log}");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
