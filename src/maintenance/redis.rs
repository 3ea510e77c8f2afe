//! A mark in Redis: a key that vanishes by itself when its beats stop.
//!
//! The server's clock alone decides that. The mark is changed by a script, so that nobody overtakes anybody.
//! One connection is kept, and made anew after a failure; nothing of a URL but its address is ever shown.

use std::time::Duration;

use redis::{Client, Connection, RedisResult};

use super::Store;
use crate::diagnostic::Diagnostic;

/// How long the server may take to connect, and to answer.
const LIMIT: Duration = Duration::from_secs(3);

/// Replaces the value if it is the one that was read; an empty one stands for none.
const SWAP: &str = "\
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1";

/// A key of a server.
pub struct RedisStore {
    client: Client,
    key: String,
    connection: Option<Connection>,
}

impl RedisStore {
    /// This key. Nothing is connected yet.
    pub fn at(url: &str, key: &str) -> Result<Self, Diagnostic> {
        let client = Client::open(url).map_err(|error| {
            Diagnostic::new("the URL of the Redis server is not one")
                .cause(error.category())
                .help("write `redis://USER:PASSWORD@HOST:6379/0`, with `rediss:` for TLS, or `unix:///PATH`")
        })?;
        Ok(Self { client, key: key.to_owned(), connection: None })
    }

    fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Asks the server; once more on a new connection, since the old one may be long dead.
    fn ask<T>(
        &mut self,
        question: impl Fn(&mut Connection, &str) -> RedisResult<T>,
    ) -> Result<T, Diagnostic> {
        if let Some(mut connection) = self.connection.take()
            && let Ok(answer) = question(&mut connection, &self.key)
        {
            self.connection = Some(connection);
            return Ok(answer);
        }
        let asked = self.connect().and_then(|mut connection| {
            let answer = question(&mut connection, &self.key)?;
            Ok((connection, answer))
        });
        let (connection, answer) = asked.map_err(|error| {
            Diagnostic::new(format!("the Redis server at {} cannot be used", self.address()))
                .cause(error)
                .help("check `maintenance.redis.url`; its user needs GET, SET, DEL and EVAL on the key")
        })?;
        self.connection = Some(connection);
        Ok(answer)
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(LIMIT)?;
        connection.set_read_timeout(Some(LIMIT))?;
        connection.set_write_timeout(Some(LIMIT))?;
        Ok(connection)
    }
}

impl Store for RedisStore {
    fn read(&mut self) -> Result<Option<String>, Diagnostic> {
        let value: Option<Vec<u8>> =
            self.ask(|connection, key| redis::cmd("GET").arg(key).query(connection))?;
        let text = value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(text.filter(|text| !text.is_empty()))
    }

    fn swap(
        &mut self,
        read: Option<&str>,
        text: Option<&str>,
        lives: Option<Duration>,
    ) -> Result<bool, Diagnostic> {
        let lives = lives.map(|lives| lives.as_millis().to_string()).unwrap_or_default();
        let (read, text) = (read.unwrap_or_default(), text.unwrap_or_default());
        self.ask(|connection, key| {
            redis::cmd("EVAL").arg(SWAP).arg(1).arg(key).arg(read).arg(text).arg(&lives).query(connection)
        })
    }

    fn forgets(&self) -> bool {
        true
    }

    fn place(&self) -> String {
        format!("the Redis key `{}` at {}", self.key, self.address())
    }
}
