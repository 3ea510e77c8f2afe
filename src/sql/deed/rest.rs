//! Statements that neither create, alter nor drop: rights, settings, files, transactions.

use super::super::cursor::Piece;
use super::super::lex::TokenKind;
use super::create::is_text;
use super::walk::{Walk, said};
use super::{Class, Deed, Effect, Kind, Reader, Weight};
use crate::dialect::Dialect;

/// Reads, or leaves everything as it is.
const HARMLESS: &[&str] = &[
    "ANALYZE",
    "REINDEX",
    "CHECKPOINT",
    "NOTIFY",
    "LISTEN",
    "UNLISTEN",
    "DISCARD",
    "LOCK",
    "UNLOCK",
    "DECLARE",
    "FETCH",
    "MOVE",
    "CLOSE",
    "SHOW",
    "DESCRIBE",
    "DESC",
    "OPTIMIZE",
    "CHECK",
    "CHECKSUM",
    "DEALLOCATE",
    "HELP",
    "SIGNAL",
    "VALUES",
    "TABLE",
    "WITH",
    "ANALYSE",
];

/// Acts on the whole server.
const SERVER: &[&str] = &[
    "USE", "FLUSH", "KILL", "SHUTDOWN", "PURGE", "CHANGE", "STOP", "CLONE", "BACKUP", "CACHE", "RESTART",
    "REPAIR",
];

const TRANSACTION: &[&str] =
    &["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "XA"];

/// Pragmas that last no longer than the connection, or only tell something.
const PRAGMAS: &[&str] = &[
    "foreign_keys",
    "defer_foreign_keys",
    "foreign_key_check",
    "foreign_key_list",
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "synchronous",
    "cache_size",
    "temp_store",
    "busy_timeout",
    "optimize",
    "recursive_triggers",
    "legacy_alter_table",
    "mmap_size",
    "case_sensitive_like",
    "ignore_check_constraints",
    "wal_checkpoint",
    "wal_autocheckpoint",
    "locking_mode",
    "threads",
    "analysis_limit",
    "cell_size_check",
    "automatic_index",
    "read_uncommitted",
];

impl Reader {
    /// Whether the statement was understood.
    pub(super) fn other(&mut self, first: &Piece<'_>, walk: Walk<'_>) -> bool {
        let at = first.at;
        let whole = || said(walk.rest, 8);
        match first.text.to_ascii_uppercase().as_str() {
            "SELECT" | "(" => self.select(at, walk),
            "GRANT" => self.push(at, Deed::new(Class::Privileges, "grants", "", whole()).always()),
            "REVOKE" => self.push(at, Deed::new(Class::Privileges, "revokes", "", whole()).always()),
            "REASSIGN" => self.push(at, Deed::new(Class::Privileges, "reassigns", "", whole()).always()),
            "SECURITY" => self.push(at, Deed::new(Class::Privileges, "labels", "", whole()).always()),
            "SET" => return self.set(at, walk),
            "RESET" if self.is_mysql() => self.server(at, walk, "RESET"),
            "COMMENT" => return self.comment(at, walk),
            "COPY" => return self.copy(at, walk),
            "CLUSTER" => self.rewrites(at, walk, "clusters", "table"),
            "REFRESH" => self.rewrites(at, walk, "refreshes", "view"),
            "LOAD" | "IMPORT" | "ATTACH" | "DETACH" | "INSTALL" | "UNINSTALL" => {
                let words = format!("{} {}", first.text.to_ascii_uppercase(), said(walk.rest, 3));
                self.push(
                    at,
                    Deed::new(Class::Program, "reaches outside of the database:", "", words).always(),
                );
                self.loaded(at, walk);
            }
            "DO" if self.dialect == Dialect::Postgres => {
                self.push(at, Deed::new(Class::Opaque, "runs a block of code", "", "").always());
                for text in walk.rest.iter().filter(|piece| is_text(piece)) {
                    self.text(text);
                }
                return self.in_a_language(at, walk);
            }
            "CALL" | "EXECUTE" | "PREPARE" => {
                self.dynamic_statement(first, walk);
            }
            "BEGIN" if walk.next_is("NOT") => self.block(at, walk),
            "IF" | "WHILE" | "LOOP" | "REPEAT" | "FOR" | "CASE" if self.is_mysql() => self.block(at, walk),
            "VACUUM" if walk.has(&["INTO"]) => {
                self.push(at, Deed::new(Class::Program, "writes a file", "", "").always());
            }
            "RESET" | "DO" | "VACUUM" => {}
            "PRAGMA" => return self.pragma(at, walk),
            "EXPLAIN" => return !walk.has(&["ANALYZE"]),
            word if HARMLESS.contains(&word) => {}
            word if TRANSACTION.contains(&word) => {
                let deed =
                    Deed::new(Class::Transaction, "takes the transaction into its own hands:", "", word);
                self.push(at, deed.always());
            }
            word if SERVER.contains(&word) => self.server(at, walk, word),
            _ => return false,
        }
        true
    }

    fn server(&mut self, at: usize, walk: Walk<'_>, word: &str) {
        let words = format!("{word} {}", said(walk.rest, 3));
        self.push(at, Deed::new(Class::Settings, "acts on the whole server:", "", words).always());
    }

    fn block(&mut self, at: usize, walk: Walk<'_>) {
        self.push(at, Deed::new(Class::Opaque, "runs a block of code", "", "").always());
        self.body(walk.rest);
    }

    /// A `DO` block in a language with which more can be done than SQL.
    fn in_a_language(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        let language = walk.find(&["LANGUAGE"]).then(|| walk.object(Kind::Other)).flatten();
        if language.is_some_and(|language| language.name != "plpgsql") {
            self.push(at, Deed::new(Class::Program, "runs a program", "", "").always());
        }
        true
    }

    fn dynamic_statement(&mut self, first: &Piece<'_>, walk: Walk<'_>) {
        let mut pieces = vec![*first];
        pieces.extend(walk.rest);
        self.dynamic(&pieces);
    }

    /// `SELECT … INTO t` makes a table on PostgreSQL.
    fn select(&mut self, at: usize, mut walk: Walk<'_>) {
        if self.dialect == Dialect::Postgres && !self.later && walk.find(&["INTO"]) {
            walk.skip_any(&["TEMPORARY", "TEMP", "UNLOGGED", "TABLE"]);
            if let Some(table) = walk.object(Kind::Relation) {
                let deed = Deed::new(Class::Creates, "creates", "table", table.to_string());
                self.push(at, deed.effect(Effect::Makes(table)));
            }
        }
    }

    fn set(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        if self.is_mysql() {
            if walk.eat(&["STATEMENT"]) {
                return walk.find(&["FOR"]) && self.head(walk.rest);
            }
            if walk.next_is("ROLE") || walk.has(&["DEFAULT", "ROLE"]) || walk.has(&["PASSWORD"]) {
                self.push(at, Deed::new(Class::Privileges, "sets", "", said(walk.rest, 4)).always());
            }
            let wide = |piece: &&Piece<'_>| {
                let text = piece.text.to_ascii_lowercase();
                piece.kind != TokenKind::Text
                    && (piece.is_any(&["GLOBAL", "PERSIST", "PERSIST_ONLY"]) || text.contains("@@global"))
            };
            if walk.rest.iter().any(|piece| wide(&piece)) {
                self.push(
                    at,
                    Deed::new(Class::Settings, "sets for the whole server:", "", said(walk.rest, 5)).always(),
                );
            }
            return true;
        }
        let stands = walk.eat_any(&["SESSION", "LOCAL"]);
        let role = walk.next_is("ROLE")
            || walk.next_is("SESSION_AUTHORIZATION")
            || (stands == Some("SESSION") && walk.next_is("AUTHORIZATION"))
            || walk.eat(&["SESSION", "AUTHORIZATION"]);
        if role {
            self.push(
                at,
                Deed::new(Class::Privileges, "takes another role:", "", said(walk.rest, 3)).always(),
            );
        } else if walk.next_is("SESSION_REPLICATION_ROLE") {
            self.push(
                at,
                Deed::new(Class::Settings, "switches triggers and foreign keys off", "", "").always(),
            );
        }
        self.dialect == Dialect::Postgres
    }

    fn comment(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        if !walk.eat(&["ON"]) {
            return false;
        }
        let what = walk.next();
        let mut deed = Deed::new(Class::Alters, "comments on", "", said(walk.rest, 3));
        if what.is_some_and(|what| what.is_any(&["TABLE", "VIEW"])) {
            let table = walk.object(Kind::Relation);
            deed = table.map_or(deed.clone(), |table| deed.weighs(Weight::IfOthers, table));
        }
        self.push(at, deed);
        true
    }

    /// `CLUSTER [VERBOSE] t USING i`, `CLUSTER i ON t`, `REFRESH MATERIALIZED VIEW v`: the rows stay the same.
    fn rewrites(&mut self, at: usize, mut walk: Walk<'_>, verb: &'static str, noun: &'static str) {
        walk.skip_any(&["MATERIALIZED", "VIEW", "VERBOSE"]);
        if walk.eat_sign("(") {
            while walk.next().is_some_and(|piece| piece.text != ")") {}
        }
        walk.skip_conditions();
        let mut object = walk.object(Kind::Relation);
        if walk.eat(&["ON"]) {
            object = walk.object(Kind::Relation);
        }
        if let Some(object) = object {
            let deed = Deed::new(Class::Alters, verb, noun, object.to_string());
            self.push(at, deed.weighs(Weight::UnlessOwn, object));
        }
    }

    /// `COPY t FROM …`: rows, and maybe a file or a program.
    fn copy(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        if walk.peek().is_none_or(|piece| piece.kind == TokenKind::OpenParen) {
            walk.next();
        } else if let Some(table) = walk.object(Kind::Relation) {
            let mut ahead = walk;
            if ahead.find(&["FROM"]) {
                let name = table.to_string();
                self.push(
                    at,
                    Deed::new(Class::Data, "copies into", "", name).weighs(Weight::UnlessOwn, table),
                );
            }
        }
        if !walk.find(&["FROM", "TO"]) {
            return false;
        }
        if walk.next_is("PROGRAM") {
            self.push(at, Deed::new(Class::Program, "runs a program:", "", said(walk.rest, 2)).always());
        } else if !walk.next_is("STDIN") && !walk.next_is("STDOUT") {
            self.push(
                at,
                Deed::new(Class::Program, "reads or writes a file:", "", said(walk.rest, 1)).always(),
            );
        }
        true
    }

    /// `LOAD DATA INFILE … INTO TABLE t`.
    fn loaded(&mut self, at: usize, mut walk: Walk<'_>) {
        let loads = walk.find(&["INTO"]) && walk.eat(&["TABLE"]);
        if let Some(table) = walk.object(Kind::Relation).filter(|_| loads) {
            let name = table.to_string();
            let deed = Deed::new(Class::Data, "loads into", "", name);
            self.push(at, deed.weighs(Weight::UnlessOwn, table));
        }
    }

    fn pragma(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        let Some(name) = walk.object(Kind::Other) else { return false };
        let sets = walk.peek().is_some_and(|piece| matches!(piece.text, "=" | "("));
        if sets && !PRAGMAS.contains(&name.name.to_ascii_lowercase().as_str()) {
            let words = format!("{} {}", name.name, said(walk.rest, 2));
            self.push(at, Deed::new(Class::Settings, "sets what stays:", "", words).always());
        }
        true
    }
}
