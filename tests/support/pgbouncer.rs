//! A throwaway PgBouncer in transaction mode in front of the throwaway PostgreSQL server.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::block_on;
use super::database::Db;
use super::postgres;
use super::server::{Watched, missing};

/// A running pooler, until this is dropped.
pub(crate) struct Pooler {
    watched: Watched,
}

impl Pooler {
    /// Starts one with so many server connections for each database; `None` where none is installed, which is said.
    pub(crate) fn start(size: usize) -> Option<Self> {
        let server = postgres::server()?;
        let Some(folder) = &server.folder else { return None };
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let Some(program) = program.into_iter().map(PathBuf::from).find(|path| path.is_file()) else {
            missing("no PgBouncer (install pgbouncer)");
            return None;
        };
        let settings = format!(
            "[databases]\n* = host={} user=postgres\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = {size}\nmax_client_conn = 500\nserver_idle_timeout = 1\n",
            folder.display()
        );
        let arguments = [program.into_os_string(), settings.into()];
        let watched = Watched::start("postgres", "INT", SCRIPT, &arguments);
        let url = format!("postgres://postgres@localhost:6432/postgres?host={}", watched.folder.display());
        // without what sqlx asks for and PgBouncer does not know
        let options: PgConnectOptions = url.parse().unwrap();
        let options = options.extra_float_digits(None);
        watched.wait(|| block_on(async { options.connect().await?.close().await }));
        Some(Self { watched })
    }

    /// The URL of a database through the pooler.
    pub(crate) fn url(&self, db: &Db) -> String {
        let url = url::Url::parse(db.url()).unwrap();
        format!("postgres://postgres@localhost:6432{}?host={}", url.path(), self.watched.folder.display())
    }
}

const SCRIPT: &str = r#"
folder=$1; program=$2
printf '%s' "$3" > "$folder/pgbouncer.ini"
echo "unix_socket_dir = $folder" >> "$folder/pgbouncer.ini"
exec "$program" "$folder/pgbouncer.ini"
"#;
