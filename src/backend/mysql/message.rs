//! Several statements as one message, whose failing one is known.
//!
//! The server answers statement by statement and stops at the first error, so counting the answers
//! names it. A `CALL` gives more than one answer: it stands last in its message.

use std::time::Instant;

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Either};

use super::MySql;
use crate::database::{Clock, DatabaseError, SqlError};

/// A message is sent when it has grown so long; the server's own limit is 16 MiB by default.
const LONG: usize = 256 * 1024;

/// Statement `n` (from 0) of those that were sent failed.
pub(super) struct Failed {
    pub(super) n: usize,
    /// The last one that was in the same message: up to it the server may go on without us.
    pub(super) last: usize,
    pub(super) error: DatabaseError,
}

impl Failed {
    /// Whether statement `n` may have run, or may still: the answer is lost, or is not that of what was
    /// sent.
    pub(super) fn may_have_run(&self, n: usize) -> bool {
        !matches!(self.error, DatabaseError::Sql(_)) && n <= self.last
    }
}

impl MySql {
    /// Runs statements one after another in as few messages as their length allows.
    pub(super) async fn send<S: AsRef<str>>(&mut self, statements: &[S]) -> Result<(), Failed> {
        if let Some(n) = statements.iter().position(|sql| sql.as_ref().len() >= self.packet) {
            self.send_short(&statements[..n]).await?;
            return Err(Failed { n, last: n, error: too_long(statements[n].as_ref().len(), self.packet) });
        }
        self.send_short(statements).await
    }

    async fn send_short<S: AsRef<str>>(&mut self, statements: &[S]) -> Result<(), Failed> {
        let mut sent = 0;
        while sent < statements.len() {
            let mut message = String::new();
            let mut count = 0;
            for statement in &statements[sent..] {
                if count > 0 && (self.times.is_some() || message.len() + statement.as_ref().len() > LONG) {
                    break;
                }
                message.push_str(if count > 0 { ";\n" } else { "" });
                message.push_str(statement.as_ref());
                count += 1;
            }
            let begin = Instant::now();
            let answers = self.answers(message, count).await;
            self.note_time(begin);
            answers.map_err(|(n, error)| Failed { n: sent + n, last: sent + count - 1, error })?;
            sent += count;
        }
        Ok(())
    }

    /// Sends one message and waits for an answer to each of its statements.
    async fn answers(&mut self, message: String, count: usize) -> Result<(), (usize, DatabaseError)> {
        let mut done = 0;
        let mut stream = sqlx::raw_sql(AssertSqlSafe(message)).fetch_many(&mut self.connection);
        loop {
            match stream.try_next().await {
                Ok(Some(Either::Left(_))) => done += 1,
                Ok(Some(Either::Right(_))) => {}
                Ok(None) if done == count => return Ok(()),
                Ok(None) => {
                    let message = format!("the server ran {done} statements where {count} were read");
                    return Err((count - 1, DatabaseError::Unfit(message)));
                }
                Err(error) => {
                    return Err((done.min(count - 1), super::error(error)));
                }
            }
        }
    }

    /// Runs a statement that may give any number of answers.
    pub(super) async fn send_alone(&mut self, statement: &str) -> Result<(), DatabaseError> {
        let begin = Instant::now();
        let mut stream = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_many(&mut self.connection);
        while stream.try_next().await.map_err(super::error)?.is_some() {}
        drop(stream);
        self.note_time(begin);
        Ok(())
    }

    fn note_time(&mut self, begin: Instant) {
        if let Some(times) = &mut self.times {
            times.push(begin.elapsed());
        }
    }

    /// From here on, how long each statement takes is remembered, if anybody wants to know it.
    pub(super) fn time(&mut self, clock: Option<&Clock>) {
        self.times = clock.map(|_| Vec::new());
    }

    /// Notes the times of statements from `n` on, of which the first was the `first` that was sent.
    pub(super) fn tell_times(&mut self, clock: Option<&Clock>, n: usize, first: usize, count: usize) {
        let times = self.times.take().unwrap_or_default();
        for (n, time) in (n..).zip(times.into_iter().skip(first).take(count)) {
            clock.inspect(|clock| clock.took(n, time));
        }
    }
}

/// The server would end the connection without a word.
fn too_long(length: usize, limit: usize) -> DatabaseError {
    DatabaseError::Sql(SqlError {
        code: Some("08S01".to_owned()),
        number: Some(1153),
        message: format!(
            "the statement has {length} bytes, and the server takes at most {limit} (`max_allowed_packet`)"
        ),
        hint: Some("split the statement, or raise `max_allowed_packet`".to_owned()),
        ..SqlError::default()
    })
}

/// The byte of a statement at which the server points: a syntax error quotes what follows it.
pub(super) fn offset(statement: &str, error: &DatabaseError) -> Option<usize> {
    let DatabaseError::Sql(SqlError { message, .. }) = error else { return None };
    let quoted = message.split_once("right syntax to use near '")?.1;
    let (near, line) = quoted.rsplit_once("' at line ")?;
    let line: usize = line.parse().ok()?;
    let start: usize = statement.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    // what follows may go on into our own statements, and is cut after 80 characters
    let near = near.split(";\n").next().unwrap_or(near);
    if near.is_empty() {
        return None;
    }
    statement.get(start..)?.find(near).map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_is_placed_by_what_it_quotes() {
        let at = |statement: &str, near: &str, line: usize| {
            let message = format!(
                "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version for the right syntax to use near '{near}' at line {line}"
            );
            let error = DatabaseError::Sql(SqlError { message, ..SqlError::default() });
            offset(statement, &error)
        };
        assert_eq!(at("SELECT 'ä' FORM a", "a", 1), Some(17));
        assert_eq!(at("ALTER TABLE t\n  DROP CHECK c", "CHECK c", 2), Some(21));
        assert_eq!(at("ALTER TABLE t\n  DROP CHECK c", "CHECK c;\nSELECT 1", 2), Some(21));
        assert_eq!(at("SELECT", "", 1), None);
    }
}
