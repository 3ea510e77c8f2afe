//! Real servers that speak TLS on an address of this machine which is not loopback, and somebody on
//! the way who takes the TLS away.
//!
//! Each is one test's own, since its certificate is changed while it runs. Who comes by that address
//! needs a password; the tests themselves come by the socket.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::certificates::{Authority, Pair};
use super::server::{Watched, missing};
use super::{block_on, mariadb, postgres};

/// The user that comes by the network.
pub(crate) const USER: &str = "shop";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MariaDb,
}

/// A server that runs until this is dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) at: SocketAddr,
    /// Of [`USER`].
    pub(crate) password: String,
    /// Signs the good certificate; also that of its clients.
    pub(crate) authority: Authority,
    /// A folder for files of the test: the authority's certificate is `ca.pem`.
    pub(crate) files: tempfile::TempDir,
    /// Its administrator, by the socket.
    pub(crate) admin: String,
    watched: Watched,
}

/// A server of each kind that is installed, with a good certificate, or without TLS.
pub(crate) fn servers(tls: bool) -> Vec<Server> {
    let Some(address) = address() else {
        missing("no address but loopback");
        return Vec::new();
    };
    [Kind::Postgres, Kind::MariaDb].into_iter().filter_map(|kind| Server::start(kind, address, tls)).collect()
}

/// An address of this machine that is not loopback; nothing is sent.
fn address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

impl Server {
    fn start(kind: Kind, address: IpAddr, tls: bool) -> Option<Self> {
        let port = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
        let authority = Authority::new("the authority of the tests");
        let files = tempfile::TempDir::new().unwrap();
        fs::set_permissions(files.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(files.path().join("ca.pem"), &authority.cert).unwrap();
        let good = authority.server(&address.to_string(), |_| ());
        let at = SocketAddr::new(address, port);
        let (admin, watched) = match kind {
            Kind::Postgres => start_postgres(at)?,
            Kind::MariaDb => {
                write_pair(&files.path().join("server"), &good);
                start_mariadb(at, tls.then(|| files.path().to_owned()))?
            }
        };
        let password = super::random();
        let server = Self { kind, at, password, authority, files, admin, watched };
        server.execute(&match kind {
            Kind::Postgres => format!(
                "CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{0}'; CREATE ROLE certified LOGIN PASSWORD '{0}'; \
                 CREATE DATABASE {USER} OWNER {USER}",
                server.password
            ),
            Kind::MariaDb => format!(
                "CREATE USER {USER}@'%' IDENTIFIED BY '{0}'; GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION; \
                 CREATE USER certified@'%' IDENTIFIED BY '{0}' REQUIRE X509; GRANT ALL ON *.* TO certified@'%'; \
                 CREATE DATABASE {USER} CHARACTER SET utf8mb4",
                server.password
            ),
        });
        if tls && kind == Kind::Postgres {
            server.install(&good);
        }
        Some(server)
    }

    /// Shows this certificate to whoever connects from now on.
    pub(crate) fn install(&self, pair: &Pair) {
        if self.kind == Kind::MariaDb {
            write_pair(&self.files.path().join("server"), pair);
            return self.execute("FLUSH SSL");
        }
        let stem = self.watched.folder.join(super::random());
        write_pair(&stem, pair);
        let owner = fs::metadata(&self.watched.folder).unwrap();
        let [cert, key, ca] = ["crt", "key", "ca"].map(|extension| stem.with_extension(extension));
        fs::write(&ca, &self.authority.cert).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        for file in [&cert, &key, &ca] {
            chown(file, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        for (name, file) in [("ssl_cert_file", &cert), ("ssl_key_file", &key), ("ssl_ca_file", &ca)] {
            self.execute(&format!("ALTER SYSTEM SET {name} = '{}'", file.display()));
        }
        self.execute("ALTER SYSTEM SET ssl = on");
        self.execute("SELECT pg_reload_conf()");
        // a process that was started behind the change has it
        let start = Instant::now();
        while self.one("SHOW ssl_cert_file") != cert.display().to_string() {
            assert!(start.elapsed() < Duration::from_secs(30), "the certificate is not taken");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The URL of a user by the network, with parameters (`?…`).
    pub(crate) fn url(&self, user: &str, parameters: &str) -> String {
        self.url_at(self.at, user, parameters)
    }

    /// The same by way of somebody else.
    pub(crate) fn url_at(&self, at: SocketAddr, user: &str, parameters: &str) -> String {
        let scheme = match self.kind {
            Kind::Postgres => "postgres",
            Kind::MariaDb => "mariadb",
        };
        format!("{scheme}://{user}:{}@{at}/{USER}{parameters}", self.password)
    }

    /// A file of the test's, to be named in a parameter.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// The authority's certificate.
    pub(crate) fn ca(&self) -> String {
        self.files.path().join("ca.pem").display().to_string()
    }

    /// Runs statements as the administrator.
    pub(crate) fn execute(&self, sql: &str) {
        match self.kind {
            Kind::MariaDb => mariadb::execute(&self.admin, sql).unwrap(),
            Kind::Postgres => block_on(async {
                let mut connection = PgConnection::connect(&self.admin).await.unwrap();
                for sql in sql.split("; ") {
                    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
            }),
        }
    }

    fn one(&self, sql: &'static str) -> String {
        block_on(async {
            let mut connection = PgConnection::connect(&self.admin).await.unwrap();
            let value = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            value
        })
    }

    /// All rows of a table of the user's database, as text.
    pub(crate) fn rows(&self, table: &str) -> String {
        let sql = match self.kind {
            Kind::Postgres => format!("SELECT coalesce(string_agg(t::text, chr(10)), '') FROM {table} t"),
            Kind::MariaDb => return self.dump(table),
        };
        let admin = self.admin.replace("/postgres?", &format!("/{USER}?"));
        block_on(async {
            let mut connection = PgConnection::connect(&admin).await.unwrap();
            let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            rows
        })
    }

    fn dump(&self, table: &str) -> String {
        let mut client = std::process::Command::new(mariadb::program("mariadb-dump"));
        let socket = format!("--socket={}", self.watched.folder.join("socket").display());
        mariadb::output(client.args(["--no-defaults", "--user=root", &socket, USER, table]))
    }

    /// Somebody on the way who tells clients that this server speaks no TLS.
    pub(crate) fn strip(&self) -> SocketAddr {
        let listener = TcpListener::bind((self.at.ip(), 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let (kind, server) = (self.kind, self.at);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else { return };
                thread::spawn(move || strip(kind, client, server));
            }
        });
        at
    }
}

fn strip(kind: Kind, mut client: TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    match kind {
        Kind::Postgres => {
            let mut request = [0; 8];
            client.read_exact(&mut request)?;
            if request == [0, 0, 0, 8, 4, 210, 22, 47] {
                client.write_all(b"N")?;
            } else {
                server.write_all(&request)?;
            }
        }
        Kind::MariaDb => {
            let mut head = [0; 4];
            server.read_exact(&mut head)?;
            let mut greeting = vec![0; usize::from(head[0]) + usize::from(head[1]) * 256];
            server.read_exact(&mut greeting)?;
            // protocol, version, connection, nonce, filler, then the capabilities; that of TLS is 0x0800
            let version = greeting[1..].iter().position(|byte| *byte == 0).unwrap();
            greeting[1 + version + 1 + 4 + 8 + 1 + 1] &= !0x08;
            client.write_all(&head)?;
            client.write_all(&greeting)?;
        }
    }
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Both)
    });
    let _ = std::io::copy(&mut client, &mut server);
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
    Ok(())
}

fn write_pair(stem: &std::path::Path, pair: &Pair) {
    fs::write(stem.with_extension("crt"), &pair.cert).unwrap();
    fs::write(stem.with_extension("key"), &pair.key).unwrap();
}

fn start_postgres(at: SocketAddr) -> Option<(String, Watched)> {
    let Some(bin) = postgres::find_bin() else {
        missing("no PostgreSQL that speaks TLS (install postgresql)");
        return None;
    };
    let (address, port) = (at.ip().to_string(), at.port().to_string());
    let mut arguments: Vec<OsString> = [bin.into(), address.into(), port.clone().into()].into();
    arguments
        .extend(postgres::settings().map(OsString::from).filter(|setting| setting != "listen_addresses="));
    // the option that stood before it
    arguments.remove(3);
    let watched = Watched::start("postgres", "INT", POSTGRES, &arguments);
    let admin = format!("postgres://postgres@localhost:{port}/postgres?host={}", watched.folder.display());
    watched.wait(|| postgres::data_folder(&admin));
    Some((admin, watched))
}

/// Makes a server and becomes it.
const POSTGRES: &str = r#"
folder=$1; bin=$2; address=$3; port=$4; shift 4
"$bin/initdb" -N -A trust -U postgres -E UTF8 --locale=C.UTF-8 -D "$folder/data" || exit
cat >"$folder/data/pg_hba.conf" <<'HBA'
local all all trust
hostssl all certified all scram-sha-256 clientcert=verify-full
host all shop all scram-sha-256
HBA
exec "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses="$address" -c port="$port" "$@"
"#;

fn start_mariadb(at: SocketAddr, certificates: Option<PathBuf>) -> Option<(String, Watched)> {
    let mut settings = vec![
        "--skip-networking=0".to_owned(),
        format!("--bind-address={}", at.ip()),
        format!("--port={}", at.port()),
    ];
    match certificates {
        None => settings.push("--skip-ssl".to_owned()),
        Some(folder) => settings.extend(
            [("cert", "server.crt"), ("key", "server.key"), ("ca", "ca.pem")]
                .map(|(name, file)| format!("--ssl-{name}={}", folder.join(file).display())),
        ),
    }
    mariadb::start(&settings.iter().map(String::as_str).collect::<Vec<_>>())
}
