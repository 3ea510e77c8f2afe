//! The committed expected schema: a text, and how it says which lock it was made from.
//!
//! A snapshot is a cache of *replay(lock)*. Its header lists the ordered entries and their digest;
//! while the digest is the lock's, the definitions below are what the lock means. Versions in the
//! header are information only. Blocks are introduced by `-- kind: name` before their first
//! statement; the format is described in `docs/schema-check.md`.

use std::borrow::Cow;
use std::fmt::Write;

use sha2::{Digest as _, Sha256};

use crate::catalogue::Catalogue;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::id::{Checksum, MigrationId};
use crate::lock::Lock;
use crate::schema::{Kind, Object, Schema};
use crate::sql;

/// What of a lock decides its schema: ids in order, skips, and the text that this dialect runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// (id, skipped), in order.
    pub entries: Vec<(MigrationId, bool)>,
    /// Over the entries and their texts.
    pub digest: Option<Checksum>,
}

impl Fingerprint {
    /// The fingerprint of a lock on a database of this dialect.
    pub fn of(lock: &Lock, catalogue: &Catalogue, dialect: Dialect) -> Self {
        let mut hasher = Sha256::new();
        let mut entries = Vec::with_capacity(lock.entries.len());
        for (id, entry) in &lock.entries {
            hasher.update(id.as_str());
            hasher.update(if entry.skip { " true " } else { " false " });
            match (catalogue.get(id), entry.checksum) {
                (Some(migration), _) => match migration.up.choose(dialect) {
                    Some(script) => hasher.update(script.hash.hex()),
                    None => hasher.update("none"),
                },
                (None, Some(checksum)) => hasher.update(checksum.hex()),
                (None, None) => hasher.update("absent"),
            }
            hasher.update("\n");
            entries.push((id.clone(), entry.skip));
        }
        Self { entries, digest: Some(Checksum::from_bytes(hasher.finalize().into())) }
    }

    /// What happened between this (older) fingerprint and a newer one, one line each.
    pub fn changes(&self, newer: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let old: std::collections::HashMap<&MigrationId, bool> =
            self.entries.iter().map(|(id, s)| (id, *s)).collect();
        let new: std::collections::HashMap<&MigrationId, bool> =
            newer.entries.iter().map(|(id, s)| (id, *s)).collect();
        lines.extend(
            self.entries
                .iter()
                .filter(|(id, _)| !new.contains_key(id))
                .map(|(id, _)| format!("`{id}` is gone")),
        );
        lines.extend(
            newer
                .entries
                .iter()
                .filter(|(id, _)| !old.contains_key(id))
                .map(|(id, _)| format!("`{id}` came")),
        );
        for (id, skip) in &newer.entries {
            if old.get(id).is_some_and(|was| was != skip) {
                lines.push(format!("`{id}` is {} now", if *skip { "skipped" } else { "no longer skipped" }));
            }
        }
        let common = |list: &'_ [(MigrationId, bool)],
                      other: &std::collections::HashMap<&MigrationId, bool>| {
            list.iter().map(|(id, _)| id.clone()).filter(|id| other.contains_key(id)).collect::<Vec<_>>()
        };
        let (before, after) = (common(&self.entries, &new), common(&newer.entries, &old));
        if let Some((was, _)) = before.iter().zip(&after).find(|(a, b)| a != b) {
            lines.push(format!("the order changed from `{was}` on"));
        }
        if lines.is_empty() && self.digest != newer.digest {
            lines.push("the text of a migration changed".to_owned());
        }
        lines
    }
}

/// How far a snapshot can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is what a replay made.
    Replay,
    /// It is what a database had; the reason why no replay could be made.
    Unproved(String),
}

/// A snapshot as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its database.
    pub dialect: Dialect,
    /// The lock that it was made from.
    pub fingerprint: Fingerprint,
    /// How it was made.
    pub proof: Proof,
    /// The server that made it: `PostgreSQL 15.20`.
    pub server: String,
    /// The schema.
    pub schema: Schema,
}

const TITLE: &str =
    "-- The schema that the locked migrations make of an empty database. Commit this file; do not edit it.";

impl Snapshot {
    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = format!(
            "{TITLE}\n-- Written by `db-migrations`; `db-migrations schema snapshot` makes it anew.\n--\n"
        );
        let _ = writeln!(text, "-- dialect: {}", self.dialect);
        let _ = writeln!(text, "-- server: {}", self.server);
        let _ = writeln!(text, "-- tool: db-migrations {}", env!("CARGO_PKG_VERSION"));
        match &self.proof {
            Proof::Replay => text.push_str("-- proof: replay\n"),
            Proof::Unproved(reason) => {
                let _ = writeln!(text, "-- proof: none, {}", one_line(reason));
            }
        }
        if let Some(digest) = self.fingerprint.digest {
            let _ = writeln!(text, "-- digest: {digest}");
        }
        for (id, skip) in &self.fingerprint.entries {
            let _ = writeln!(text, "-- {} {id}", if *skip { "skip" } else { "run" });
        }
        text.push('\n');
        text.push_str(&render_schema(&self.schema, self.dialect));
        text
    }

    /// Reads a snapshot's text.
    pub fn parse(path: &str, text: &str) -> Result<Self, Diagnostic> {
        Unread::open(path, text)?.read()
    }
}

/// A snapshot of which only the header was read: it says whether the rest is worth reading.
#[derive(Clone, Debug)]
pub struct Unread {
    path: String,
    text: String,
    header: Header,
}

impl Unread {
    /// Reads the header of a snapshot's text.
    pub fn open(path: &str, text: &str) -> Result<Self, Diagnostic> {
        let text = crate::migration::normalise(text);
        let header = Header::read(&text).map_err(|what| no_snapshot(path, &what))?;
        Ok(Self { path: path.to_owned(), text, header })
    }

    /// Its database.
    pub fn dialect(&self) -> Dialect {
        self.header.dialect
    }

    /// The lock that it was made from.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint { entries: self.header.entries.clone(), digest: Some(self.header.digest) }
    }

    /// Reads the definitions, too.
    pub fn read(self) -> Result<Snapshot, Diagnostic> {
        let schema =
            parse_schema(&self.text, self.header.dialect).map_err(|what| no_snapshot(&self.path, &what))?;
        let fingerprint = self.fingerprint();
        let Header { dialect, server, proof, .. } = self.header;
        Ok(Snapshot { dialect, fingerprint, proof, server, schema })
    }
}

fn no_snapshot(path: &str, what: &str) -> Diagnostic {
    Diagnostic::new(format!("`{path}` is not a snapshot: {what}"))
        .help("run `db-migrations schema snapshot` to make it anew")
}

/// The definitions of a schema as SQL that loads into an empty database: what `schema dump` prints.
pub fn render_schema(schema: &Schema, dialect: Dialect) -> String {
    let mut text = String::new();
    if schema.is_empty() {
        return text;
    }
    let facts = dialect.facts();
    if !facts.dump_prologue.is_empty() {
        let _ = writeln!(text, "{}\n", facts.dump_prologue);
    }
    for object in &schema.objects {
        let definition = for_client(dialect, &object.definition);
        let _ = writeln!(text, "-- {}: {}\n{definition}\n", object.kind, one_line(&object.name));
    }
    if !facts.dump_epilogue.is_empty() {
        let _ = writeln!(text, "{}", facts.dump_epilogue);
    }
    while text.ends_with("\n\n") {
        text.pop();
    }
    text
}

/// A definition as the database's client can read it: a body that holds semicolons stands between
/// `DELIMITER` lines, without the settings before and behind it.
fn for_client(dialect: Dialect, definition: &str) -> Cow<'_, str> {
    let Some(delimiter) = dialect.facts().body_delimiter else { return definition.into() };
    let is_setting = |line: &&str| line.starts_with("SET ") && line.trim_end().ends_with(';');
    let before: usize = definition.split_inclusive('\n').take_while(is_setting).map(str::len).sum();
    let behind: usize =
        definition[before..].rsplit('\n').take_while(is_setting).map(|line| line.len() + 1).sum();
    let (statement, behind) = definition[before..].split_at(definition.len() - before - behind);
    let statement = statement.strip_suffix(';').unwrap_or(statement);
    let is_semicolon = |token: &sql::Token| token.kind == sql::TokenKind::Semicolon;
    if !sql::tokens(dialect, statement).is_ok_and(|tokens| tokens.iter().any(is_semicolon)) {
        return definition.into();
    }
    let before = &definition[..before];
    format!("{before}DELIMITER {delimiter}\n{statement}{delimiter}\nDELIMITER ;{behind}").into()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[derive(Clone, Debug)]
struct Header {
    dialect: Dialect,
    server: String,
    proof: Proof,
    digest: Checksum,
    entries: Vec<(MigrationId, bool)>,
}

impl Header {
    fn read(text: &str) -> Result<Self, String> {
        let mut dialect = None;
        let mut digest = None;
        let mut header = Self {
            dialect: Dialect::Sqlite,
            server: String::new(),
            proof: Proof::Replay,
            digest: Checksum::of(b""),
            entries: Vec::new(),
        };
        for line in text.lines().take_while(|line| line.starts_with("--")) {
            let line = line[2..].trim();
            if let Some(name) = line.strip_prefix("dialect: ") {
                dialect = Dialect::from_alias(name);
            } else if let Some(server) = line.strip_prefix("server: ") {
                server.clone_into(&mut header.server);
            } else if let Some(reason) = line.strip_prefix("proof: none, ") {
                header.proof = Proof::Unproved(reason.to_owned());
            } else if let Some(hex) = line.strip_prefix("digest: ") {
                digest = hex.parse().ok();
            } else if let Some(id) = line.strip_prefix("run ") {
                header.entries.push((id.parse().map_err(|error| format!("{error}"))?, false));
            } else if let Some(id) = line.strip_prefix("skip ") {
                header.entries.push((id.parse().map_err(|error| format!("{error}"))?, true));
            }
        }
        header.dialect = dialect.ok_or("its header names no dialect")?;
        header.digest = digest.ok_or("its header has no digest")?;
        Ok(header)
    }
}

fn parse_schema(text: &str, dialect: Dialect) -> Result<Schema, String> {
    let text = text.trim_end();
    let text = text.strip_suffix(dialect.facts().dump_epilogue).unwrap_or(text);
    let mut objects: Vec<Object> = Vec::new();
    let mut end = 0;
    for sql::Statement { span, .. } in sql::split(dialect, text).map_err(|error| error.to_string())? {
        let label = text[end..span.start].lines().rev().find_map(label);
        end = span.end;
        if let Some((kind, name)) = label {
            objects.push(Object { kind, name: name.to_owned(), definition: String::new() });
        }
        if let Some(Object { definition, .. }) = objects.last_mut() {
            let line_break = if definition.is_empty() { "" } else { "\n" };
            let _ = write!(definition, "{line_break}{};", &text[span]);
        }
    }
    Ok(Schema::new(objects))
}

fn label(line: &str) -> Option<(Kind, &str)> {
    let (kind, name) = line.strip_prefix("-- ")?.split_once(": ")?;
    Some((Kind::from_name(kind)?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: Kind, name: &str, definition: &str) -> Object {
        Object { kind, name: name.to_owned(), definition: definition.to_owned() }
    }

    fn schema() -> Schema {
        let objects = vec![
            object(Kind::Table, "a: b", "CREATE TABLE `a: b` (\n  `x` int(11) DEFAULT ';' -- in\n);"),
            object(
                Kind::Procedure,
                "p",
                "CREATE PROCEDURE `p`()\nBEGIN\n  -- table: x\n  SELECT ';;'; # ;;\nEND;",
            ),
            object(
                Kind::Procedure,
                "q",
                "SET @db_migrations_sql_mode = @@sql_mode, sql_mode = 'ANSI_QUOTES';\n\
                 CREATE PROCEDURE \"q\"()\nBEGIN\nSET @a = 1;\nEND;\nSET sql_mode = @db_migrations_sql_mode;",
            ),
            object(
                Kind::Trigger,
                "t",
                "SET @db_migrations_sql_mode = @@sql_mode, sql_mode = '';\n\
                 CREATE TRIGGER t BEFORE INSERT ON u FOR EACH ROW\nSET NEW.a = 1;\n\
                 SET sql_mode = @db_migrations_sql_mode;",
            ),
            object(Kind::Event, "e", "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; END;"),
        ];
        Schema::new(objects)
    }

    #[test]
    fn bodies_of_mysql_stand_between_delimiter_lines() {
        let text = render_schema(&schema(), Dialect::MariaDb);
        assert!(
            text.starts_with(
                "SET NAMES utf8mb4;\nSET foreign_key_checks = 0;\n\n-- table: a: b\nCREATE TABLE"
            )
        );
        assert!(text.contains("-- procedure: p\nDELIMITER ;;\nCREATE PROCEDURE `p`()\nBEGIN"));
        assert!(text.contains("END;;\nDELIMITER ;\nSET sql_mode = @db_migrations_sql_mode;\n\n-- trigger"));
        assert!(text.ends_with("END;;\nDELIMITER ;\n\nSET foreign_key_checks = 1;\n"));
        assert_eq!(text.matches("DELIMITER ;;").count(), 3);
        assert_eq!(render_schema(&schema(), Dialect::MySql), text);
        assert!(!render_schema(&schema(), Dialect::Postgres).contains("DELIMITER"));
        assert_eq!(render_schema(&Schema::default(), Dialect::MariaDb), "");
    }

    #[test]
    fn a_schema_is_read_as_it_was_written() {
        for dialect in [Dialect::MariaDb, Dialect::MySql] {
            let text = render_schema(&schema(), dialect);
            assert_eq!(parse_schema(&text, dialect).unwrap(), schema());
        }
        let several = "CREATE TABLE t (a int);\nALTER TABLE t ENABLE ROW LEVEL SECURITY;";
        for dialect in Dialect::ALL {
            let schema = Schema::new(vec![object(Kind::Table, "t", several)]);
            assert_eq!(parse_schema(&render_schema(&schema, dialect), dialect).unwrap(), schema);
        }
    }
}
