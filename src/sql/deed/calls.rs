//! Functions that are called: those that are known to reach far, and those of others.

use super::super::cursor::{Cursor, Piece};
use super::super::lex::TokenKind;
use super::walk::Walk;
use super::{Class, Deed, Kind, Object, Reader, Weight};

/// Reach files, programs or other servers.
const PROGRAMS: &[&str] = &[
    "lo_export",
    "lo_import",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_file_write",
    "pg_file_unlink",
    "pg_file_rename",
    "pg_ls_dir",
    "dblink",
    "dblink_exec",
    "dblink_open",
    "dblink_connect",
    "dblink_connect_u",
    "dblink_send_query",
    "load_extension",
    "readfile",
    "writefile",
    "load_file",
    "sys_exec",
    "sys_eval",
    "sys_set",
    "fts3_tokenizer",
    "edit",
];

/// Run a text that is given to them.
const RUN_TEXT: &[&str] = &[
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "cursor_to_xml",
    "ts_stat",
    "ts_rewrite",
    "crosstab",
    "connectby",
    "schedule",
    "schedule_in_database",
];

/// Act on the whole server.
const SERVER: &[&str] = &[
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_promote",
    "pg_switch_wal",
    "pg_create_restore_point",
    "pg_drop_replication_slot",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_logical_emit_message",
];

/// What stands before a parenthesis without being called, and what is called without doing anything else than
/// to compute (or to draw from a sequence).
const HARMLESS: &[&str] = &[
    // words
    "in",
    "exists",
    "and",
    "or",
    "not",
    "values",
    "as",
    "from",
    "join",
    "on",
    "where",
    "any",
    "all",
    "some",
    "over",
    "filter",
    "cast",
    "case",
    "when",
    "then",
    "else",
    "using",
    "union",
    "except",
    "intersect",
    "select",
    "like",
    "ilike",
    "between",
    "interval",
    "row",
    "array",
    "lateral",
    "having",
    "by",
    "distinct",
    "returning",
    "group",
    "is",
    "if",
    "within",
    "partition",
    "key",
    "index",
    "into",
    "limit",
    "set",
    "end",
    // types
    "varchar",
    "character",
    "varying",
    "char",
    "numeric",
    "decimal",
    "bit",
    "varbit",
    "timestamp",
    "timestamptz",
    "time",
    "float",
    "int",
    "bigint",
    "vector",
    "enum",
    "double",
    "binary",
    "varbinary",
    "text",
    "bpchar",
    // functions
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "now",
    "date",
    "clock_timestamp",
    "nextval",
    "currval",
    "lastval",
    "pg_get_serial_sequence",
    "lower",
    "upper",
    "length",
    "substr",
    "substring",
    "trim",
    "ltrim",
    "rtrim",
    "replace",
    "concat",
    "concat_ws",
    "format",
    "round",
    "abs",
    "ceil",
    "floor",
    "mod",
    "power",
    "random",
    "gen_random_uuid",
    "uuid_generate_v4",
    "to_timestamp",
    "to_char",
    "to_date",
    "extract",
    "date_trunc",
    "date_part",
    "age",
    "strftime",
    "datetime",
    "julianday",
    "unixepoch",
    "ifnull",
    "iif",
    "json_object",
    "json_array",
    "json_extract",
    "json_build_object",
    "jsonb_build_object",
    "jsonb_set",
    "to_json",
    "to_jsonb",
    "json_agg",
    "jsonb_agg",
    "array_agg",
    "string_agg",
    "group_concat",
    "unnest",
    "generate_series",
    "row_number",
    "rank",
    "dense_rank",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "md5",
    "sha256",
    "encode",
    "decode",
    "hex",
    "hextoraw",
    "quote",
    "typeof",
    "pg_typeof",
    "to_regclass",
    "current_setting",
    "version",
    "database",
    "current_schema",
    "current_database",
    "uuid",
    "unhex",
    "char_length",
    "octet_length",
    "position",
    "strpos",
    "instr",
    "split_part",
    "regexp_replace",
    "regexp_matches",
    "left",
    "right",
    "lpad",
    "rpad",
    "sqlite_version",
    "last_insert_id",
    "row_count",
    "unix_timestamp",
    "from_unixtime",
    "sleep",
    "pg_sleep",
    "changes",
    "last_insert_rowid",
    "total_changes",
    "pg_advisory_xact_lock",
    "pg_advisory_lock",
    "pg_advisory_unlock",
    "has_table_privilege",
    "create_hypertable",
    "obj_description",
    "col_description",
    "array_length",
    "json_valid",
    "raise",
];

impl Reader {
    /// Finds what is called. In what only computes (`strict`), everything that is not known counts.
    pub(super) fn calls(&mut self, pieces: &[Piece<'_>], strict: bool) {
        for (n, piece) in pieces.iter().enumerate() {
            let opens = pieces.get(n + 1).is_some_and(|next| next.kind == TokenKind::OpenParen);
            if !opens || !matches!(piece.kind, TokenKind::Word | TokenKind::QuotedName) {
                continue;
            }
            let qualified = n >= 2 && pieces[n - 1].text == ".";
            let schema = qualified.then(|| pieces[n - 2].unquoted()).filter(|schema| schema != "pg_catalog");
            // `INSERT INTO t (a)`, `REFERENCES t (a)`, `CREATE TABLE t (…)`: names with a list behind
            let start = if qualified { n - 2 } else { n };
            let named = start.checked_sub(1).is_some_and(|before| {
                let before = &pieces[before];
                // `ON f()`, `LIKE f()` in what only computes are calls
                if strict { before.is_any(&["AS", "WITH", "RECURSIVE"]) } else { is_naming(before) }
            });
            let object = Object { kind: Kind::Function, schema, name: piece.unquoted() };
            if !named {
                self.call(piece, object, &pieces[n + 2..], strict && !self.later);
            }
        }
    }

    fn call(&mut self, piece: &Piece<'_>, function: Object, arguments: &[Piece<'_>], strict: bool) {
        let name = function.name.to_ascii_lowercase();
        let of = |names: &[&str]| names.contains(&name.as_str());
        let shown = function.to_string();
        let deed = |class| Deed::new(class, "calls", "function", shown.clone());
        if of(PROGRAMS) {
            self.push(piece.at, deed(Class::Program).always());
        } else if of(RUN_TEXT) {
            self.push(piece.at, deed(Class::Opaque).always());
        } else if of(SERVER) {
            self.push(piece.at, deed(Class::Settings).always());
        } else if name == "set_config" {
            self.set_config(piece.at, arguments);
        } else if name == "setval" && function.schema.is_none() {
            self.set_sequence(piece.at, arguments);
        } else if function.schema.is_some() || piece.kind == TokenKind::QuotedName || !of(HARMLESS) {
            let weight = if strict { Weight::UnlessOwn } else { Weight::IfOthers };
            self.push(piece.at, deed(Class::Opaque).weighs(weight, function));
        }
    }

    /// `set_config('role', …)` is a `SET ROLE`.
    fn set_config(&mut self, at: usize, arguments: &[Piece<'_>]) {
        let literal = arguments.first().filter(|first| first.kind == TokenKind::Text);
        match literal.map(|first| first.unquoted().to_ascii_lowercase()).as_deref() {
            Some("role" | "session_authorization" | "session_replication_role") => {
                self.push(at, Deed::new(Class::Privileges, "takes another role", "", "").always());
            }
            Some(_) => {}
            None => self.push(at, Deed::new(Class::Opaque, "calls", "function", "set_config").always()),
        }
    }

    /// `setval('s', 1)`, `setval(pg_get_serial_sequence('t', 'id'), 1)`; `SETVAL(s, 1)` on MariaDB.
    fn set_sequence(&mut self, at: usize, arguments: &[Piece<'_>]) {
        let mut walk = Walk::new(arguments);
        let of_column = walk.eat(&["PG_GET_SERIAL_SEQUENCE"]) && walk.eat_sign("(");
        let kind = if of_column { Kind::Relation } else { Kind::Sequence };
        let mut sequence = if self.is_mysql() {
            walk.object(kind)
        } else {
            walk.next().and_then(|text| self.named_in(&text, kind))
        };
        if of_column && !(walk.eat_sign(",") && walk.next().is_some() && walk.eat_sign(")")) {
            sequence = None;
        }
        // behind it a type may stand, and no operator
        while walk.eat_any(&["REGCLASS", "TEXT"]).is_some() || walk.eat_sign("::") || walk.eat_sign(":") {}
        let deed = |name: String| Deed::new(Class::Data, "sets", "sequence", name);
        let deed = match sequence.filter(|_| walk.peek().is_some_and(|next| next.text == ",")) {
            Some(table) if of_column => deed(format!("of {table}")).weighs(Weight::UnlessOwn, table),
            Some(sequence) => deed(sequence.to_string()).weighs(Weight::UnlessOwn, sequence),
            None => deed(String::new()).always(),
        };
        self.push(at, deed);
    }

    /// The object whose name a plain text is.
    fn named_in(&self, text: &Piece<'_>, kind: Kind) -> Option<Object> {
        if text.kind != TokenKind::Text || !text.text.starts_with('\'') {
            return None;
        }
        let name = text.unquoted();
        let pieces: Vec<Piece<'_>> = Cursor::new(self.dialect, &name).collect();
        let mut walk = Walk::new(&pieces);
        walk.object(kind).filter(|_| walk.rest.is_empty())
    }

    pub(super) const fn is_mysql(&self) -> bool {
        matches!(self.dialect, crate::dialect::Dialect::MariaDb | crate::dialect::Dialect::MySql)
    }
}

/// Whether a name behind this word is no function's.
fn is_naming(before: &Piece<'_>) -> bool {
    before.is_any(&[
        "INTO",
        "REFERENCES",
        "TABLE",
        "EXISTS",
        "ON",
        "INDEX",
        "VIEW",
        "FUNCTION",
        "PROCEDURE",
        "TYPE",
        "CONSTRAINT",
        "KEY",
        "UNIQUE",
        "UPDATE",
        "AGGREGATE",
        "WITH",
        "RECURSIVE",
        "USING",
        "OPERATOR",
        "COLUMN",
        "ADD",
        "INHERITS",
        "OF",
        "LIKE",
        "ENGINE",
        "DOMAIN",
        "COLLATION",
        "ONLY",
        "INCLUDE",
        "AS",
        "COPY",
        "TABLES",
        "RENAME",
        "TO",
    ])
}
