//! One throwaway PostgreSQL server per test process.
//!
//! It listens on a Unix socket in its own folder only, and nothing of it is left when this process
//! ends.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sqlx::{Connection, PgConnection};

use super::block_on;
use super::server::{Watched, missing};

/// A URL here replaces the throwaway server; its role must be allowed to create databases.
const URL: &str = "DB_MIGRATIONS_TEST_POSTGRES_URL";

/// A running server.
pub(crate) struct Server {
    /// Its administrator, in a database that always exists.
    pub(crate) url: String,
    bin: Option<PathBuf>,
    /// Everything that it has on disk, if we have started it.
    pub(crate) folder: Option<PathBuf>,
    /// Never dropped: it ends when this process does.
    _watched: Option<Watched>,
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
                return Some(Server { url, bin, folder: None, _watched: None });
            }
            let Some(bin) = bin else {
                missing(&format!("no PostgreSQL (install postgresql, or set {URL})"));
                return None;
            };
            Some(start(bin))
        })
        .as_ref()
}

/// The newest installed server's programs.
pub(super) fn find_bin() -> Option<PathBuf> {
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

fn start(bin: PathBuf) -> Server {
    let (url, watched) = start_with(&bin, settings());
    Server { url, bin: Some(bin), folder: Some(watched.folder.clone()), _watched: Some(watched) }
}

fn start_with(bin: &Path, settings: impl Iterator<Item = &'static str>) -> (String, Watched) {
    let arguments: Vec<OsString> = std::iter::once(bin.into()).chain(settings.map(OsString::from)).collect();
    let watched = Watched::start("postgres", "INT", SCRIPT, &arguments);
    let url = format!("postgres://postgres@localhost/postgres?host={}", watched.folder.display());
    let data = watched.wait(|| data_folder(&url));
    assert_eq!(Path::new(&data), watched.folder.join("data"), "the server is not ours");
    (url, watched)
}

/// A server for one test, which may be killed: what was committed is kept then.
pub(crate) struct Private {
    url: String,
    watched: Watched,
}

impl Private {
    /// `None` where no PostgreSQL is installed.
    pub(crate) fn start() -> Option<Self> {
        let Some(bin) = find_bin() else {
            missing("no PostgreSQL (install postgresql)");
            return None;
        };
        let durable =
            |setting| if setting == "synchronous_commit=off" { "synchronous_commit=on" } else { setting };
        let (url, watched) = start_with(&bin, settings().map(durable));
        Some(Self { url, watched })
    }

    /// Its administrator, in a database of it.
    pub(crate) fn url(&self, database: &str) -> String {
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_path(database);
        url.into()
    }

    /// A replica of it, which answers and takes no change.
    pub(crate) fn replica(&self) -> Self {
        let bin = find_bin().unwrap();
        let arguments = [bin.into_os_string(), self.watched.folder.clone().into_os_string()];
        let watched = Watched::start("postgres", "INT", REPLICA, &arguments);
        let url = format!("postgres://postgres@localhost/postgres?host={}", watched.folder.display());
        watched.wait(|| data_folder(&url));
        Self { url, watched }
    }

    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill9(&self) {
        let pid = fs::read_to_string(self.watched.folder.join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        assert!(Command::new("sh").args(["-c", "kill -9 \"$1\"", "kill", pid]).status().unwrap().success());
    }

    /// Starts it again on the same data, as soon as what is left of it has ended.
    pub(crate) fn restart(&mut self) {
        loop {
            self.watched.run();
            for _ in 0..100 {
                if data_folder(&self.url).is_ok() {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

/// Makes a server and becomes it.
const SCRIPT: &str = r#"
folder=$1; bin=$2; shift 2
[ -e "$folder/data" ] || "$bin/initdb" -N -A trust -U postgres -E UTF8 --locale=C.UTF-8 -D "$folder/data" &&
    exec "$bin/postgres" -D "$folder/data" -k "$folder" "$@"
"#;

/// Copies a running server and becomes its replica. The primary's folder is its own user's, as this is.
const REPLICA: &str = r#"
folder=$1; bin=$2; primary=$3
"$bin/pg_basebackup" -h "$primary" -U postgres -D "$folder/data" -R -X stream -c fast &&
    exec "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=200 \
        -c max_locks_per_transaction=128
"#;

pub(super) fn settings() -> impl Iterator<Item = &'static str> {
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

pub(super) fn data_folder(url: &str) -> Result<String, sqlx::Error> {
    block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let folder = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection).await;
        connection.close().await?;
        folder
    })
}
