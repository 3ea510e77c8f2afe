//! One throwaway Redis server per test process.
//!
//! It listens on a Unix socket in its own folder only, keeps nothing on disk, and is gone when this process ends.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::server::{Watched, missing};

/// A URL here replaces the throwaway server.
const URL: &str = "DB_MIGRATIONS_TEST_REDIS_URL";

/// A running server.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Never dropped: it ends when this process does.
    _watched: Option<Watched>,
}

/// The server of this process; `None` where no Redis is installed, which is said.
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            if let Ok(url) = std::env::var(URL) {
                return Some(Server { url, _watched: None });
            }
            let (url, watched) = start()?;
            Some(Server { url, _watched: Some(watched) })
        })
        .as_ref()
}

fn start() -> Option<(String, Watched)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/bin", "/usr/local/bin"].map(PathBuf::from));
    let program = ["redis-server", "valkey-server"];
    let mut programs = folders.flat_map(|folder| program.map(|name| folder.join(name)));
    let Some(program) = programs.find(|program| program.is_file()) else {
        missing(&format!("no Redis (install redis-server, or set {URL})"));
        return None;
    };
    let watched = Watched::start("redis", "TERM", SCRIPT, &[program.into_os_string()]);
    let url = format!("unix://{}", watched.folder.join("socket").display());
    watched.wait(|| ask(&url, &["PING"]).map_err(sqlx::Error::Io));
    Some((url, watched))
}

const SCRIPT: &str = r#"
folder=$1; program=$2
exec "$program" --port 0 --unixsocket "$folder/socket" --unixsocketperm 700 --dir "$folder" \
    --save '' --appendonly no --daemonize no
"#;

/// Sends a command, and answers with the first line or the text of the answer; `None` where it is nothing.
pub(crate) fn ask(url: &str, words: &[&str]) -> std::io::Result<Option<String>> {
    let failed = |error: redis::RedisError| std::io::Error::other(error.to_string());
    let mut connection =
        redis::Client::open(url).and_then(|client| client.get_connection()).map_err(failed)?;
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query(&mut connection).map_err(failed)
}
