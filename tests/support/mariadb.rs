//! One throwaway MariaDB server per test process, and private ones that a test may kill.
//!
//! They listen on a Unix socket in their own folder only, and nothing of them is left when this
//! process ends. A server that a URL names is used as it is.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use url::Url;

use super::block_on;
use super::server::{Watched, missing};

/// A URL here replaces the throwaway server; its user must be allowed to create databases.
const URL: &str = "DB_MIGRATIONS_TEST_MARIADB_URL";

/// A running server.
pub(crate) struct Server {
    /// Its administrator, in a database that always exists.
    pub(crate) url: String,
    /// Everything that it has on disk, if we have started it.
    pub(crate) folder: Option<PathBuf>,
    /// Never dropped: it ends when this process does.
    _watched: Option<Watched>,
}

impl Server {
    /// Its socket, if we have started it.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join("socket"))
    }

    /// A client program that is told how to reach it; the database comes behind its options.
    pub(crate) fn client(&self, name: &str) -> Command {
        let url = Url::parse(&self.url).unwrap();
        let mut command = Command::new(program(name));
        command.arg("--no-defaults").arg(format!("--user={}", url.username()));
        if let Some((_, socket)) = url.query_pairs().find(|(key, _)| key == "socket") {
            return with_arguments(command, [format!("--socket={socket}")]);
        }
        let host = url.host_str().map(|host| format!("--host={host}"));
        let port = url.port().map(|port| format!("--port={port}"));
        let password = url.password().map(|password| format!("--password={password}"));
        with_arguments(command, [host, port, password].into_iter().flatten())
    }
}

fn with_arguments(mut command: Command, arguments: impl IntoIterator<Item = String>) -> Command {
    command.args(arguments);
    command
}

/// A program that came with the server.
pub(crate) fn program(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| name.into())
}

/// The server of this process; `None` where no MariaDB is installed, which is said.
pub(crate) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            if let Ok(url) = std::env::var(URL) {
                return Some(Server { url, folder: None, _watched: None });
            }
            let (url, watched) = start(&["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF"])?;
            Some(Server { url, folder: Some(watched.folder.clone()), _watched: Some(watched) })
        })
        .as_ref()
}

/// A server for one test, which may be killed: what was committed is kept then.
pub(crate) struct Private {
    url: String,
    watched: Watched,
}

impl Private {
    /// `None` where no MariaDB is installed.
    pub(crate) fn start() -> Option<Self> {
        let (url, watched) = start(&["--innodb-flush-log-at-trx-commit=1"])?;
        Some(Self { url, watched })
    }

    /// The URL of a database of it, which need not exist.
    pub(crate) fn url(&self, database: &str) -> String {
        with_database(&self.url, database)
    }

    /// Everything that it has on disk.
    pub(crate) fn folder(&self) -> &Path {
        &self.watched.folder
    }

    pub(crate) fn pid(&self) -> u32 {
        std::fs::read_to_string(self.watched.folder.join("pid")).unwrap().trim().parse().unwrap()
    }

    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill9(&self) {
        let pid = self.pid().to_string();
        let killed = Command::new("sh").args(["-c", "kill -9 \"$1\"", "kill", &pid]).status().unwrap();
        assert!(killed.success());
        let start = Instant::now();
        while UnixStream::connect(self.watched.folder.join("socket")).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(10), "the server is still there");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts it again on the same data after it was killed, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.watched.run();
        self.watched.wait(|| data_folder(&self.url));
    }
}

/// The same server, another database.
pub(super) fn with_database(url: &str, database: &str) -> String {
    let mut url = Url::parse(url).unwrap();
    url.set_path(database);
    url.into()
}

/// How a test connects: without any of the settings that sqlx makes on its own.
pub(crate) async fn connect(url: &str) -> Result<MySqlConnection, sqlx::Error> {
    let options: MySqlConnectOptions = url.parse()?;
    // sqlx fails to speak TLS over a socket
    let options = if url.contains("socket=") { options.ssl_mode(MySqlSslMode::Disabled) } else { options };
    let options = options.pipes_as_concat(false).no_engine_substitution(false).timezone(None);
    let mut connection = options.connect().await?;
    // sqlx asks for IGNORE_SPACE when it connects, and what is made then remembers it
    sqlx::raw_sql("SET sql_mode = DEFAULT").execute(&mut connection).await?;
    Ok(connection)
}

/// Runs statements on the server.
pub(crate) fn execute(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    block_on(async {
        let mut connection = connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        connection.close().await
    })
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/bin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin"];
    let folders = std::env::split_paths(&path).chain(usual.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

pub(super) fn start(settings: &[&str]) -> Option<(String, Watched)> {
    let (Some(server), Some(install)) = (find("mariadbd"), find("mariadb-install-db")) else {
        missing(&format!("no MariaDB (install mariadb-server, or set {URL})"));
        return None;
    };
    let mut arguments: Vec<OsString> = vec![install.into(), server.into()];
    arguments.extend(SETTINGS.iter().chain(settings).map(OsString::from));
    let watched = Watched::start("mysql", "TERM", SCRIPT, &arguments);
    let folder = &watched.folder;
    let url = format!("mariadb://root@localhost/mysql?socket={}", folder.join("socket").display());
    let data = watched.wait(|| data_folder(&url));
    assert_eq!(Path::new(&data), folder.join("data"), "the server is not ours");
    Some((url, watched))
}

/// Makes a server, unless that was done before, and becomes it. One that starts empties its folder of
/// temporary files, so each has its own.
const SCRIPT: &str = r#"
folder=$1; install=$2; server=$3; shift 3
if [ ! -d "$folder/data" ]; then
    "$install" --no-defaults --auth-root-authentication-method=normal --skip-test-db \
        --skip-name-resolve --datadir="$folder/data" --tmpdir="$folder" "$@" || exit
fi
exec "$server" --no-defaults --datadir="$folder/data" --socket="$folder/socket" \
    --pid-file="$folder/pid" --tmpdir="$folder" --innodb-fast-shutdown=2 "$@"
"#;

const SETTINGS: &[&str] = &[
    "--skip-networking",
    "--skip-name-resolve",
    "--max-connections=300",
    "--event-scheduler=OFF",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--innodb-buffer-pool-load-at-startup=OFF",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
];

fn data_folder(url: &str) -> Result<String, sqlx::Error> {
    block_on(async {
        let mut connection = connect(url).await?;
        let folder = sqlx::query_scalar("SELECT TRIM(TRAILING '/' FROM @@datadir)");
        let folder = folder.fetch_one(&mut connection).await;
        connection.close().await?;
        folder
    })
}

/// Runs a client program to its end and gives what it wrote.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
