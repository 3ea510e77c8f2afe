//! Where marks are, an application that looks at them, and statements that last until a test lets them go.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::shop;
use crate::support::database::Db;
use crate::support::project::Project;
use crate::support::redis;

/// A place for the mark of one test.
pub(crate) enum Place {
    File(TempDir),
    Redis(String),
}

/// Runs a test with each kind of place that is there.
pub(crate) fn each_place(test: impl Fn(&Place)) {
    test(&Place::file());
    if let Some(place) = Place::redis() {
        test(&place);
    }
}

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(TempDir::new().unwrap())
    }

    /// A database of its own on the server.
    pub(crate) fn redis() -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let server = redis::server()?;
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let mut url = url::Url::parse(&server.url).unwrap();
        if url.scheme() == "unix" {
            url.set_query(Some(&format!("db={number}")));
        } else {
            url.set_path(&number.to_string());
        }
        Some(Self::Redis(url.into()))
    }

    /// As the example takes it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(folder) => folder.path().join("down").display().to_string(),
            Self::Redis(url) => url.clone(),
        }
    }

    /// The line of the configuration, with more keys.
    pub(crate) fn setting(&self, more: &str) -> String {
        let way = match self {
            Self::File(_) => format!("file: \"{}\"", self.name()),
            Self::Redis(url) => format!("redis: {{ url: \"{url}\" }}"),
        };
        format!("maintenance: {{ {way}, heartbeat: 1{more} }}\n")
    }

    /// The text of the mark.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Self::File(_) => std::fs::read_to_string(self.name()).ok(),
            Self::Redis(url) => redis::ask(url, &["GET", KEY]).unwrap(),
        }
    }

    /// The mark.
    pub(crate) fn mark(&self) -> Option<Value> {
        self.text().map(|text| serde_json::from_str(&text).unwrap())
    }
}

pub(crate) const KEY: &str = "db-migrations:maintenance";

/// A project whose only migration so far waits for a [`Held`], on PostgreSQL.
pub(crate) fn waiting(place: &Place, more: &str) -> Project {
    let settings = place.setting(more);
    Project::with_config(&format!(
        "cargo: off\nschema-check: {{ source: off }}\ndatabase: {{ lock-timeout: 0 }}\n{settings}"
    ))
    .file(
        "migrations/20240101000000_slow.sql",
        "CREATE TABLE slow (id int);\nSELECT pg_advisory_xact_lock(4711);\n",
    )
}

/// A project with a quick migration, and then one that the database refuses.
pub(crate) fn failing(settings: &str) -> Project {
    Project::with_config(&format!(
        "cargo: off\nschema-check: {{ source: off }}\npolicy: {{ rehearsal: off, allow-split: true }}\n{settings}"
    ))
    .file("migrations/20240101000000_good.sql", "CREATE TABLE good (id int);\n")
    .file("migrations/20240102000000_bad.sql", "CREATE TABLE good (id int);\n")
}

/// What those migrations wait for.
pub(crate) struct Held {
    runtime: tokio::runtime::Runtime,
    connection: Option<PgConnection>,
}

impl Held {
    pub(crate) fn open(db: &Db) -> Self {
        Self::with(db, "SELECT pg_advisory_lock(4711)")
    }

    pub(crate) fn with(db: &Db, sql: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(async {
            let mut connection = PgConnection::connect(db.url()).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
            connection
        });
        Self { runtime, connection: Some(connection) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = self.runtime.block_on(connection.close());
        }
    }
}

/// Starts the example, in a thread that ends with this process.
pub(crate) fn open_shop(place: &Place) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    let place = place.name();
    std::thread::spawn(move || {
        let served = shop::serve("127.0.0.1:0", &place, move |address| tell.send(address).unwrap());
        crate::support::block_on(served).unwrap();
    });
    told.recv().unwrap()
}

/// What it answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Asks it.
pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Polls until it is so; a generous limit keeps a broken test from hanging.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_mins(2), "it never came so far: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
