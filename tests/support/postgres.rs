//! One throwaway PostgreSQL server per test process.
//!
//! It listens on a Unix socket in its own folder only, and nothing of it is left when this process
//! ends.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
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
    let arguments: Vec<OsString> =
        std::iter::once(bin.clone().into()).chain(settings().map(OsString::from)).collect();
    let watched = Watched::start("postgres", "INT", SCRIPT, &arguments);
    let folder = watched.folder.clone();
    let url = format!("postgres://postgres@localhost/postgres?host={}", folder.display());
    let data = watched.wait(|| data_folder(&url));
    assert_eq!(Path::new(&data), folder.join("data"), "the server is not ours");
    Server { url, bin: Some(bin), folder: Some(folder), _watched: Some(watched) }
}

/// Makes a server and becomes it.
const SCRIPT: &str = r#"
folder=$1; bin=$2; shift 2
"$bin/initdb" -N -A trust -U postgres -E UTF8 --locale=C.UTF-8 -D "$folder/data" &&
    exec "$bin/postgres" -D "$folder/data" -k "$folder" "$@"
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
