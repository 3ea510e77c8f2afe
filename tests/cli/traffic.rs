//! Code that writes and reads while migrations run: what it was told, and what is there in the end.
//!
//! Each row counts its updates (`version`), and its value follows from that count. So whoever reads a row can tell
//! whether value and count belong together, and in the end each row has exactly as many updates as were
//! acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};

use crate::common::until;
use crate::support::database::Db;
use crate::support::{block_on, mariadb};

/// How many rows all writers share.
pub(crate) const SHARED: i64 = 12;

/// The words of one generation of code.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    /// The value of a row whose count is `{}`.
    pub(crate) value: &'static str,
}

impl Words {
    fn value(&self, count: &str) -> String {
        self.value.replace("{}", count)
    }

    fn insert(&self, id: i64) -> String {
        let Self { table, column, .. } = self;
        format!("INSERT INTO {table} (id, {column}, version) VALUES ({id}, {}, 0)", self.value("0"))
    }

    fn update(&self) -> String {
        let Self { table, column, .. } = self;
        // the count comes last: MariaDB assigns from the left to the right
        format!(
            "UPDATE {table} SET {column} = {}, version = version + 1 WHERE id = ",
            self.value("(version + 1)")
        )
    }

    /// How many rows of this id hold what belongs to their count.
    fn check(&self, is_mariadb: bool) -> String {
        let Self { table, column, .. } = self;
        let (exactly, value) = (if is_mariadb { "BINARY " } else { "" }, self.value("version"));
        format!("SELECT count(*) FROM {table} WHERE {exactly}{column} = {value} AND id = ")
    }
}

/// What a writer was told.
#[derive(Default)]
struct Told {
    /// Acknowledged updates by row; a row that was inserted is there, too.
    updates: BTreeMap<i64, i64>,
    reads: u64,
    /// Deadlocks and time limits: what an application tries again.
    again: Vec<String>,
    failed: Vec<String>,
}

/// Writers of one generation of code, at work until they are stopped.
pub(crate) struct Writers {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Told>>,
}

enum Client {
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

impl Client {
    async fn connect(url: &str) -> Result<Self, sqlx::Error> {
        if url.starts_with("postgres") {
            return Ok(Self::Postgres(PgConnection::connect(url).await?));
        }
        Ok(Self::MariaDb(mariadb::connect(url).await?))
    }

    /// Prepared once, as an application's statements are, with the id of a row behind it.
    async fn execute(&mut self, sql: &str, id: i64) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Self::Postgres(client) => {
                let sql = AssertSqlSafe(format!("{sql}$1"));
                sqlx::query(sql).bind(id).execute(client).await?.rows_affected()
            }
            Self::MariaDb(client) => {
                let sql = AssertSqlSafe(format!("{sql}?"));
                sqlx::query(sql).bind(id).execute(client).await?.rows_affected()
            }
        })
    }

    async fn count(&mut self, sql: &str, id: i64) -> Result<i64, sqlx::Error> {
        match self {
            Self::Postgres(client) => {
                sqlx::query_scalar(AssertSqlSafe(format!("{sql}$1"))).bind(id).fetch_one(client).await
            }
            Self::MariaDb(client) => {
                sqlx::query_scalar(AssertSqlSafe(format!("{sql}?"))).bind(id).fetch_one(client).await
            }
        }
    }

    async fn plain(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Postgres(client) => _ = sql.execute(client).await?,
            Self::MariaDb(client) => _ = sql.execute(client).await?,
        }
        Ok(())
    }
}

/// Whether an application tries it again, as it must without any migration: a deadlock, a time limit.
fn is_ordinary(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let text = error.to_string();
    code.is_some_and(|code| code == "40P01" || code == "40001")
        || text.contains("1205")
        || text.contains("1213")
}

static NEXT: AtomicI64 = AtomicI64::new(1_000_000);

impl Writers {
    /// Starts some, each with a connection of its own.
    pub(crate) fn start(db: &Db, words: Words, many: usize) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..many).map(|n| {
            let (url, stop, done) = (db.url().to_owned(), Arc::clone(&stop), Arc::clone(&done));
            std::thread::spawn(move || block_on(work(&url, words, n, &stop, &done)))
        });
        let threads = threads.collect();
        Self { stop, done, threads }
    }

    /// Waits until they have done so much more.
    pub(crate) fn go_on(&self, more: u64) {
        let wanted = self.done.load(Ordering::Relaxed) + more;
        until("writers at work", || self.done.load(Ordering::Relaxed) >= wanted || self.has_ended());
    }

    /// Whether one of them has given up.
    pub(crate) fn has_ended(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Stops them, and adds what they were told.
    pub(crate) fn stop(self, total: &mut Total) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let told = thread.join().unwrap();
            for (id, updates) in told.updates {
                *total.updates.entry(id).or_default() += updates;
            }
            total.reads += told.reads;
            total.again.extend(told.again);
            total.failed.extend(told.failed);
        }
    }
}

/// What all writers were told.
#[derive(Default)]
pub(crate) struct Total {
    pub(crate) updates: BTreeMap<i64, i64>,
    pub(crate) reads: u64,
    pub(crate) again: Vec<String>,
    pub(crate) failed: Vec<String>,
}

impl Total {
    /// Nothing failed, and nothing that was acknowledged is lost.
    #[track_caller]
    pub(crate) fn holds(&self, db: &Db, words: Words) {
        assert!(self.failed.is_empty(), "{} failed, first {:#?}", self.failed.len(), self.failed.first());
        let rows = db.query(&format!("SELECT concat(id, ' ', version) FROM {} ORDER BY id", words.table));
        let there: BTreeMap<i64, i64> = rows
            .iter()
            .map(|row| row.split_once(' ').unwrap())
            .map(|(id, version)| (id.parse().unwrap(), version.parse().unwrap()))
            .filter(|(id, _)| self.updates.contains_key(id))
            .collect();
        assert_eq!(there, self.updates, "rows and acknowledged updates");
        let check = words.check(db.is_mariadb()).replace(" AND id = ", " AND 1 = 1");
        let all = db.count(&format!("SELECT count(*) FROM {}", words.table));
        assert_eq!(db.count(&check), all, "rows whose value belongs to their count");
    }

    /// For people who look at a test's output.
    pub(crate) fn title(&self) -> String {
        let updates: i64 = self.updates.values().sum();
        format!(
            "{updates} updates of {} rows, {} reads, {} tried again: {:?}",
            self.updates.len(),
            self.reads,
            self.again.len(),
            self.again.first()
        )
    }
}

/// Numbers without a pattern, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % limit
    }
}

async fn work(url: &str, words: Words, n: usize, stop: &AtomicBool, done: &AtomicU64) -> Told {
    let mut told = Told::default();
    let mut client = Client::connect(url).await.unwrap();
    let (update, check) = (words.update(), words.check(!url.starts_with("postgres")));
    let mut own = Vec::new();
    let mut chance = Chance(n as u64 + words.column.len() as u64);
    while !stop.load(Ordering::Relaxed) && told.failed.len() < 3 {
        let shared = chance.below(SHARED) + 1;
        let outcome = match chance.below(5) {
            0 => {
                let id = NEXT.fetch_add(1, Ordering::Relaxed);
                insert(&mut client, words, id, &mut own, &mut told).await
            }
            1 => read(&mut client, &check, shared, &mut told).await,
            2 => write(&mut client, &update, shared, &mut told).await,
            3 => write(&mut client, &update, own.last().copied().unwrap_or(shared), &mut told).await,
            _ => {
                let ids = [shared, own.first().copied().unwrap_or(shared)];
                transaction(&mut client, &update, &check, ids, &mut told).await
            }
        };
        match outcome {
            Ok(()) => _ = done.fetch_add(1, Ordering::Relaxed),
            Err(error) if is_ordinary(&error) => told.again.push(error.to_string()),
            Err(error) => told.failed.push(format!("{} of {}: {error}", words.column, words.table)),
        }
    }
    told
}

async fn insert(
    client: &mut Client,
    words: Words,
    id: i64,
    own: &mut Vec<i64>,
    told: &mut Told,
) -> Result<(), sqlx::Error> {
    client.plain(&words.insert(id)).await?;
    own.push(id);
    told.updates.insert(id, 0);
    Ok(())
}

async fn write(client: &mut Client, update: &str, id: i64, told: &mut Told) -> Result<(), sqlx::Error> {
    let rows = client.execute(update, id).await?;
    if rows != 1 {
        told.failed.push(format!("an update of {id} changed {rows} rows"));
    }
    *told.updates.entry(id).or_default() += 1;
    Ok(())
}

async fn read(client: &mut Client, check: &str, id: i64, told: &mut Told) -> Result<(), sqlx::Error> {
    let rows = client.count(check, id).await?;
    told.reads += 1;
    if rows != 1 {
        told.failed.push(format!("{rows} rows of {id} hold what belongs to their count: {check}"));
    }
    Ok(())
}

/// Two updates and a read that stand or fall together; always in one order, as careful code has it.
async fn transaction(
    client: &mut Client,
    update: &str,
    check: &str,
    ids: [i64; 2],
    told: &mut Told,
) -> Result<(), sqlx::Error> {
    let mut part = Told::default();
    client.plain("BEGIN").await?;
    let outcome = async {
        for id in ids {
            write(client, update, id, &mut part).await?;
            read(client, check, id, &mut part).await?;
        }
        client.plain("COMMIT").await
    }
    .await;
    if let Err(error) = outcome {
        client.plain("ROLLBACK").await?;
        return Err(error);
    }
    for (id, updates) in part.updates {
        *told.updates.entry(id).or_default() += updates;
    }
    told.reads += part.reads;
    told.failed.extend(part.failed);
    Ok(())
}
