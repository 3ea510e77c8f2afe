//! MariaDB and MySQL: connecting, and a guard that lives on the connection that does the work.
//!
//! The guard is `GET_LOCK` with a positive limit, its result checked. It is refused where a cluster
//! makes it local to one node. The server frees it when the connection ends, and a killed client's
//! connection ends with its statement: until then another run waits. What both dialects differ in is
//! asked of `flavour`.

mod catch_up;
mod confine;
mod dynamic;
mod fingerprint;
mod flavour;
mod history;
mod introspect;
mod journal;
mod login;
mod message;
mod rows;
mod session;
mod sessions;
mod settings;
mod sizes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use secrecy::ExposeSecret;

use super::address::is_loopback;
use super::login::{Account, Logins, logins};
use super::{Limits, Options, Tables, address, error, lines};
use crate::database::{
    Attempt, BoxFuture, Connect, Contents, Database, DatabaseError, FOREIGN_TABLES, ForeignRows,
    ForeignTable, Holder, Read, Scratch, Server, Stranger, TableSize, Written,
};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::fault::fault_point;
use crate::history::History;
use crate::id::Checksum;
use crate::schema::Schema;
use crate::secret::Secrets;
use crate::sql;

use login::login;
use sessions::Opened;
use settings::Baseline;

/// Makes connections to one database.
pub struct Connector {
    options: MySqlConnectOptions,
    scratch: Option<MySqlConnectOptions>,
    tables: Tables,
    address: String,
    dialect: Dialect,
    limits: Limits,
    opened: Opened,
    /// That of scratch databases, where they have their own.
    scratch_address: Option<String>,
    warnings: Vec<String>,
    secrets: Secrets,
}

/// Errors that say that the account lacks a right: to a database, a table, a column, a routine, to the
/// server; to act for another account, to make functions while the binary log is on.
pub(super) const LACKS_RIGHT: [u16; 11] = [1044, 1045, 1142, 1143, 1227, 1290, 1370, 1410, 1419, 1449, 1698];

/// Errors that rows which are not there can cause: a foreign key without its parent, a NULL where a
/// query found nothing, no row to fetch, something that the SQL itself raises. An empty database makes
/// no others by itself.
pub(super) const MISSES_ROWS: [u16; 5] = [1048, 1216, 1329, 1452, 1644];

/// Errors that another session caused: a lock that was not to be had in time, a deadlock.
pub(super) const TRANSIENT: [u16; 2] = [1205, 1213];

/// The server's own databases.
const SYSTEM: [&str; 4] = ["mysql", "sys", "information_schema", "performance_schema"];

impl Connector {
    pub(super) fn new(options: &Options, dialect: Dialect) -> Result<Self, Diagnostic> {
        let base = &options.tables.names()[0];
        let tables = Tables::new(None, base)
            .map_err(|error| Diagnostic::new(format!("`database.history-table`: {error}")))?;
        let mut secrets = Secrets::default();
        let Logins { main, scratch, warnings } =
            logins(options, |url, password| login(dialect, url, password, &options.tls, &mut secrets))?;
        if main.get_database().is_none_or(str::is_empty) {
            return Err(Diagnostic::new(format!(
                "`{}` names no database",
                address(options.url.expose_secret())
            ))
            .help(format!("write `{dialect}://USER@HOST/DATABASE`")));
        }
        if let Some(system) =
            main.get_database().filter(|name| SYSTEM.iter().any(|own| own.eq_ignore_ascii_case(name)))
        {
            return Err(Diagnostic::new(format!("`{system}` is the server's own database"))
                .help("name the application's database in the URL"));
        }
        Ok(Self {
            options: main,
            scratch,
            tables,
            address: address(options.url.expose_secret()),
            dialect,
            limits: options.limits,
            opened: Opened::default(),
            scratch_address: options.scratch_url.as_ref().map(|url| address(url.expose_secret())),
            warnings,
            secrets,
        })
    }

    /// Where these options lead, for people.
    fn address_of(&self, options: &MySqlConnectOptions) -> &str {
        let is_main = options.account() == self.options.account();
        self.scratch_address.as_deref().filter(|_| !is_main).unwrap_or(&self.address)
    }

    async fn open(&self, options: &MySqlConnectOptions, scratch: bool) -> Result<MySql, DatabaseError> {
        let unreachable = |error| super::unreachable(error, self.address_of(options), &self.secrets);
        let mut connection = options.connect().await.map_err(unreachable)?;
        fault_point!("connection.made");
        let answer = sqlx::raw_sql(
            "SELECT VERSION(), @@global.read_only, DATABASE(), @@global.sql_mode, @@max_allowed_packet, CAST(CONNECTION_ID() AS CHAR)",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(unreachable)?;
        let said: String = answer.try_get_unchecked(0).map_err(error)?;
        let (dialect, version) = flavour::of(&said);
        if dialect != self.dialect {
            return Err(DatabaseError::Unfit(flavour::other_server(dialect, &said)));
        }
        let settings = settings::own(dialect, self.limits, scratch);
        sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut connection).await.map_err(error)?;
        fault_point!("connection.set");
        // only the account that makes scratch databases may be without one
        let database = answer.try_get_unchecked::<Option<String>, _>(2).map_err(error)?.unwrap_or_default();
        let tables = self.tables.clone().quoted(&database, '`');
        let server = Server {
            dialect,
            version,
            address: self.address.clone(),
            read_only: read_only(answer.try_get_unchecked::<Option<String>, _>(1).map_err(error)?.as_deref()),
        };
        self.opened.connection(answer.try_get_unchecked(5).map_err(error)?);
        let mode: Option<String> = answer.try_get_unchecked(3).map_err(error)?;
        let packet: Option<String> = answer.try_get_unchecked(4).map_err(error)?;
        Ok(MySql {
            times: None,
            locked_out: None,
            odd_mode: mode.is_some_and(|mode| flavour::is_odd(&mode)),
            packet: packet.and_then(|bytes| bytes.parse().ok()).unwrap_or(usize::MAX),
            connection,
            server,
            guard_name: guard_name(&database, &self.tables),
            database,
            tables,
            scratch,
            baseline: None,
            owed: Vec::new(),
            open: None,
            ready: false,
            layout: None,
            run: None,
            prepared: BTreeMap::new(),
        })
    }
}

/// A replica, as a rule; who may write there all the same (`SUPER`, `READ ONLY ADMIN`) would write what is lost.
fn read_only(setting: Option<&str>) -> Option<&'static str> {
    let is_on = matches!(setting, Some("1" | "ON"));
    is_on.then_some(
        "the server is read-only (`read_only` is on, as on a replica): name the primary in the database URL",
    )
}

/// The name is the server's, not the database's, and has at most 64 characters.
fn guard_name(database: &str, tables: &Tables) -> String {
    // a scratch database is one project's only, whatever its tables are called there
    let [base, ..] = if database.starts_with(confine::SCRATCH) { Default::default() } else { tables.names() };
    let digest = Checksum::of(format!("db-migrations:{database}.{base}").as_bytes()).to_string();
    format!("db-migrations:{}", &digest[..32])
}

impl Connect for Connector {
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Database>, DatabaseError>> {
        Box::pin(async move { Ok(Box::new(self.open(&self.options, false).await?) as Box<dyn Database>) })
    }

    fn scratch(&self) -> BoxFuture<'_, Result<Scratch, DatabaseError>> {
        Box::pin(confine::scratch(self))
    }

    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn is_local(&self) -> bool {
        self.options.get_socket().is_some() || is_loopback(self.options.get_host())
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn end_sessions(&self) -> BoxFuture<'_, bool> {
        Box::pin(self.opened.end(&self.options))
    }

    fn blockers(&self) -> BoxFuture<'_, Vec<Holder>> {
        Box::pin(async move { self.opened.blockers(&self.options).await.unwrap_or_default() })
    }

    fn contents(&self) -> BoxFuture<'_, Result<Contents, DatabaseError>> {
        Box::pin(async move {
            let mut mysql = self.open(&self.options, false).await?;
            let objects = mysql.objects().await?;
            mysql.close_quietly().await;
            let objects = objects.into_iter().map(|(kind, name)| format!("{} {name}", kind.to_lowercase()));
            Ok(Contents { address: self.address.clone(), objects: objects.collect() })
        })
    }

    /// Object by object: the database itself keeps its character set and its grants.
    fn clear(&self) -> BoxFuture<'_, Result<(), DatabaseError>> {
        Box::pin(async move {
            let mut mysql = self.open(&self.options, false).await?;
            if !mysql.try_guard().await? {
                return Err(DatabaseError::Unfit("a run is going on".to_owned()));
            }
            mysql.execute("SET SESSION foreign_key_checks = 0").await?;
            for (kind, name) in mysql.objects().await? {
                mysql.execute(format!("DROP {kind} IF EXISTS {}", quote_name(&name))).await?;
            }
            mysql.close_quietly().await;
            Ok(())
        })
    }
}

/// A connection, with or without guard and transaction.
pub(super) struct MySql {
    connection: MySqlConnection,
    /// How long each statement took since this was set; each is a message of its own then.
    times: Option<Vec<Duration>>,
    server: Server,
    database: String,
    tables: Tables,
    guard_name: String,
    /// The key of sqlx's lock, where that is held, too.
    locked_out: Option<i64>,
    /// Whether the database is a throwaway one: nothing is remembered of what runs there.
    scratch: bool,
    /// The server's `sql_mode` changes how definitions are printed.
    odd_mode: bool,
    /// How many bytes a message may have.
    packet: usize,
    /// The settings of the session before the first migration that changes any.
    baseline: Option<Baseline>,
    /// Rows of the journal that go with the next message: a crash before it is decided by the schema.
    owed: Vec<String>,
    /// The id of the open transaction.
    open: Option<String>,
    /// Our tables are there.
    ready: bool,
    /// The oldest layout that they can have, as they were last read.
    layout: Option<u32>,
    /// The run whose row is written.
    run: Option<String>,
    /// What was prepared in this session: name → text.
    prepared: BTreeMap<String, String>,
}

impl MySql {
    async fn execute(&mut self, sql: impl Into<String>) -> Result<(), DatabaseError> {
        sqlx::raw_sql(AssertSqlSafe(sql.into()))
            .execute(&mut self.connection)
            .await
            .map(|_| ())
            .map_err(error)
    }

    async fn fetch(&mut self, sql: impl Into<String>) -> Result<Vec<MySqlRow>, DatabaseError> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).fetch_all(&mut self.connection).await.map_err(error)
    }

    /// The first column of the first row, as text.
    async fn one(&mut self, sql: impl Into<String>) -> Result<Option<String>, DatabaseError> {
        let rows = self.fetch(sql).await?;
        rows.first().map_or(Ok(None), |row| text(row, 0))
    }

    /// Before definitions are read: a `sql_mode` that prints them as everywhere.
    async fn plainly(&mut self) -> Result<(), DatabaseError> {
        let plain = "SET @db_migrations_mode = @@SESSION.sql_mode, SESSION sql_mode = ''";
        if self.odd_mode { self.execute(plain).await } else { Ok(()) }
    }

    /// Behind it: the one from before.
    async fn usually(&mut self) -> Result<(), DatabaseError> {
        if self.odd_mode { self.execute("SET SESSION sql_mode = @db_migrations_mode").await } else { Ok(()) }
    }

    /// A query of `information_schema` that does not wait for a table which a statement at work has to
    /// itself (MariaDB opens tables for it): who only looks must not wait for that.
    fn unwaiting(&self, sql: &str) -> String {
        match self.server.dialect {
            Dialect::MariaDb => format!("SET STATEMENT lock_wait_timeout = 0 FOR {sql}"),
            _ => sql.to_owned(),
        }
    }

    async fn close_quietly(self) {
        let _ = self.connection.close().await;
    }

    /// Everything in the database: the word for `DROP`, and the name.
    async fn objects(&mut self) -> Result<Vec<(String, String)>, DatabaseError> {
        let rows = self.fetch(OBJECTS).await?;
        rows.iter()
            .map(|row| Ok((text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default())))
            .collect()
    }

    /// One try; waits a second at most, so that the server hands it over in turn.
    async fn try_guard(&mut self) -> Result<bool, DatabaseError> {
        if let Some(cluster) = flavour::cluster(&self.variables(flavour::CLUSTER).await?) {
            return Err(DatabaseError::Unfit(cluster));
        }
        match self.one(format!("SELECT GET_LOCK('{}', 1)", self.guard_name)).await?.as_deref() {
            Some("1") => Ok(true),
            Some("0") => Ok(false),
            _ => Err(DatabaseError::Unfit("the server gives no lock: `GET_LOCK` answered NULL".to_owned())),
        }
    }

    /// Whether the guard is still ours; taken again where a migration has freed it.
    async fn keep_guard(&mut self) -> Result<(), DatabaseError> {
        let name = &self.guard_name;
        let held = format!("SELECT IS_USED_LOCK('{name}') <=> CONNECTION_ID() OR GET_LOCK('{name}', 1)");
        if self.scratch || self.one(held).await?.as_deref() == Some("1") {
            return Ok(());
        }
        Err(DatabaseError::Unfit("the migration freed the guard, and another run took it".to_owned()))
    }

    /// Global settings by pattern.
    async fn variables(&mut self, names: &[&str]) -> Result<BTreeMap<String, String>, DatabaseError> {
        let list: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        let rows =
            self.fetch(format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})", list.join(", "))).await?;
        rows.iter()
            .map(|row| Ok((text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default())))
            .collect()
    }

    async fn find_holder(&mut self) -> Result<Option<Holder>, DatabaseError> {
        let rows = self
            .fetch(format!(
                "SELECT CAST(IS_USED_LOCK('{}') AS CHAR), p.USER, p.HOST, \
                 DATE_FORMAT(UTC_TIMESTAMP() - INTERVAL p.TIME SECOND, '%Y-%m-%dT%H:%i:%sZ'), LEFT(p.INFO, 200) \
                 FROM (SELECT 1) one LEFT JOIN information_schema.PROCESSLIST p ON p.ID = IS_USED_LOCK('{}')",
                self.guard_name, self.guard_name
            ))
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let Some(id) = text(row, 0)? else { return Ok(None) };
        let who = match (text(row, 1)?, text(row, 2)?) {
            (Some(user), Some(host)) => format!("connection {id} of user {user} from {host}"),
            _ => {
                format!("connection {id} (a right to see other users' connections, PROCESS, would tell more)")
            }
        };
        Ok(Some(Holder {
            who,
            since: text(row, 3)?,
            query: text(row, 4)?.filter(|query| !query.is_empty()),
            remedy: Some(format!("KILL {id};")),
        }))
    }

    /// Who may stand in the way of a statement that waited in vain for a table: open transactions.
    async fn blockers(&mut self) -> Option<String> {
        let rows = self.fetch(BLOCKERS).await.ok()?;
        let line = |row: &MySqlRow| {
            let cell = |i| text(row, i).ok().flatten().unwrap_or_default();
            format!("connection {} of user {}, open for {} s: `KILL {};`", cell(0), cell(1), cell(2), cell(0))
        };
        let found: Vec<String> = rows.iter().map(line).collect();
        (!found.is_empty()).then(|| format!("open transactions: {}", found.join("; ")))
    }
}

/// Tables of other engines than the usual one, and the engine of tables that name none.
const ENGINES: &str = "SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
     AND TABLE_TYPE = 'BASE TABLE' AND ENGINE <> 'InnoDB' UNION ALL SELECT '', @@default_storage_engine";

const BLOCKERS: &str = "SELECT t.trx_mysql_thread_id, p.USER, TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) \
     FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id \
     WHERE p.ID <> CONNECTION_ID() ORDER BY t.trx_started LIMIT 5";

/// Views before tables; a partitioned table's events and triggers go with it.
const OBJECTS: &str = "SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() \
     UNION ALL SELECT CASE TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END, TABLE_NAME \
     FROM (SELECT * FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_TYPE <> 'VIEW') t \
     UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()";

/// A cell of the text protocol, whatever its type.
fn text(row: &MySqlRow, column: usize) -> Result<Option<String>, DatabaseError> {
    row.try_get_unchecked(column).map_err(error)
}

/// A name between backticks, which mean the same under every `sql_mode`.
fn quote_name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as a literal that means the same under every `sql_mode` and character set.
fn quote(text: &str) -> String {
    let hex = text.bytes().fold(String::with_capacity(2 * text.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("_utf8mb4 X'{hex}'")
}

impl Read for MySql {
    fn server(&self) -> &Server {
        &self.server
    }

    fn history(&mut self) -> BoxFuture<'_, Result<History, DatabaseError>> {
        Box::pin(async move {
            self.pay().await?;
            history::read(self).await
        })
    }

    fn strangers(&mut self) -> BoxFuture<'_, Result<Vec<Stranger>, DatabaseError>> {
        Box::pin(history::strangers(self))
    }

    fn introspect(&mut self) -> BoxFuture<'_, Result<Schema, DatabaseError>> {
        Box::pin(async move {
            let own = self.tables.names();
            let foreign = FOREIGN_TABLES.iter().map(|(table, _)| *table);
            let left_out: Vec<&str> = own.iter().map(String::as_str).chain(foreign).collect();
            self.plainly().await?;
            let schema = introspect::introspect(&mut self.connection, &left_out).await.map_err(error);
            self.usually().await?;
            schema
        })
    }

    fn not_covered(&mut self) -> BoxFuture<'_, Result<Vec<String>, DatabaseError>> {
        Box::pin(async move {
            self.plainly().await?;
            let names = introspect::not_covered(&mut self.connection).await.map_err(error);
            self.usually().await?;
            names
        })
    }

    fn referenced_tables(&mut self) -> BoxFuture<'_, Result<BTreeSet<String>, DatabaseError>> {
        Box::pin(async { Ok(BTreeSet::new()) })
    }

    fn table_sizes(&mut self) -> BoxFuture<'_, Result<Vec<TableSize>, DatabaseError>> {
        Box::pin(sizes::table_sizes(self))
    }

    fn violations(&mut self) -> BoxFuture<'_, Result<BTreeSet<String>, DatabaseError>> {
        Box::pin(async { Ok(BTreeSet::new()) })
    }

    fn unrecoverable(&mut self) -> BoxFuture<'_, Result<BTreeMap<String, String>, DatabaseError>> {
        Box::pin(async move {
            let rows = self.fetch(self.unwaiting(ENGINES)).await?;
            let mut tables = BTreeMap::new();
            for row in &rows {
                let engine = text(row, 1)?.unwrap_or_default();
                if !sql::recovers(&engine) {
                    tables.insert(text(row, 0)?.unwrap_or_default().to_lowercase(), engine);
                }
            }
            Ok(tables)
        })
    }

    fn holder(&mut self) -> BoxFuture<'_, Result<Option<Holder>, DatabaseError>> {
        Box::pin(self.find_holder())
    }

    fn query<'a>(&'a mut self, sql: &'a str) -> BoxFuture<'a, Result<Vec<String>, DatabaseError>> {
        Box::pin(async move {
            let rows = self.fetch(sql).await?;
            Ok(lines(&rows))
        })
    }

    fn has_table<'a>(
        &'a mut self,
        schema: Option<&'a str>,
        table: &'a str,
    ) -> BoxFuture<'a, Result<bool, DatabaseError>> {
        Box::pin(history::has_table(self, schema, table))
    }

    fn foreign_rows<'a>(
        &'a mut self,
        table: ForeignTable<'a>,
    ) -> BoxFuture<'a, Result<ForeignRows, DatabaseError>> {
        Box::pin(history::foreign_rows(self, table))
    }

    fn written(&self, part: Written<'_>) -> String {
        self.text_of(part)
    }
}

impl Database for MySql {
    fn guard(mut self: Box<Self>) -> BoxFuture<'static, Result<Attempt, DatabaseError>> {
        Box::pin(async move {
            if let Some(why) = self.server.read_only {
                return Err(DatabaseError::Unfit(why.to_owned()));
            }
            if self.try_guard().await? {
                fault_point!("guard.taken");
                return Ok(Attempt::Held(self));
            }
            let holder = self.find_holder().await?;
            Ok(Attempt::Busy(self, holder))
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.close_quietly())
    }
}
