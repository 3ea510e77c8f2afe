//! `CREATE …`.

use super::super::cursor::Piece;
use super::super::lex::TokenKind;
use super::walk::{Walk, said};
use super::{Class, Deed, Effect, Kind, Object, Reader, Weight};

/// What may stand between `CREATE` and the thing.
const MODIFIERS: &[&str] = &[
    "GLOBAL",
    "LOCAL",
    "UNLOGGED",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "VECTOR",
    "RECURSIVE",
    "TRUSTED",
    "PROCEDURAL",
    "CONSTRAINT",
    "DEFAULT",
    "AGGREGATE",
    "ONLINE",
    "OFFLINE",
    "VIRTUAL",
    "TEMP",
    "TEMPORARY",
    "MATERIALIZED",
    "FOREIGN",
    "IGNORE",
    "SYSTEM",
];

/// Things of which it is enough to know that they are new.
const PLAIN: &[(&str, &str)] = &[
    ("AGGREGATE", "aggregate"),
    ("CAST", "cast"),
    ("COLLATION", "collation"),
    ("CONVERSION", "conversion"),
    ("OPERATOR", "operator"),
    ("STATISTICS", "statistics"),
    ("TEXT", "text search"),
];

/// Things that reach beyond the schema, or that nobody expects of a module.
const HEAVY: &[(&str, Class, &str)] = &[
    ("ROLE", Class::Privileges, "role"),
    ("USER", Class::Privileges, "user"),
    ("GROUP", Class::Privileges, "role"),
    ("POLICY", Class::Privileges, "policy"),
    ("PUBLICATION", Class::Program, "publication"),
    ("SUBSCRIPTION", Class::Program, "subscription"),
    ("SERVER", Class::Program, "server"),
    ("DATA", Class::Program, "foreign data wrapper"),
    ("TRANSFORM", Class::Program, "transform"),
    ("ACCESS", Class::Program, "access method"),
    ("DATABASE", Class::Settings, "database"),
    ("TABLESPACE", Class::Settings, "tablespace"),
    ("RESOURCE", Class::Settings, "resource group"),
    ("LOGFILE", Class::Settings, "logfile group"),
    ("PACKAGE", Class::Opaque, "package"),
];

/// Extensions behind which files, programs or other servers are.
const REACHING: &[&str] = &[
    "dblink",
    "file_fdw",
    "adminpack",
    "http",
    "pg_net",
    "pg_cron",
    "postgres_fdw",
    "mysql_fdw",
    "pg_background",
    "plsh",
    "plv8",
    "pg_execute_server_program",
];

impl Reader {
    pub(super) fn create(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        let whole = walk;
        let replaces = walk.eat(&["OR", "REPLACE"]);
        let foreign = walk.next_is("FOREIGN");
        self.definer(&mut walk);
        while walk.eat_any(MODIFIERS).is_some() {
            self.definer(&mut walk);
        }
        let Some(thing) = walk.next() else { return false };
        let word = thing.text.to_ascii_uppercase();
        if foreign && word == "TABLE" {
            self.push(at, Deed::new(Class::Program, "reaches another server", "", "").always());
        }
        match word.as_str() {
            "TABLE" => self.create_table(at, walk, replaces),
            "VIEW" => self.create_view(at, walk, replaces),
            "INDEX" => self.create_index(at, walk, replaces),
            "SEQUENCE" => self.create_named(at, walk, ("sequence", Kind::Sequence), replaces),
            "TYPE" | "DOMAIN" => self.create_named(at, walk, ("type", Kind::Type), replaces),
            "FUNCTION" | "PROCEDURE" => self.create_routine(at, walk, whole, replaces),
            "TRIGGER" | "RULE" => self.create_trigger(at, walk),
            "EVENT" => self.create_event(at, walk),
            "SCHEMA" => self.create_schema(at, walk),
            "EXTENSION" => self.create_extension(at, walk),
            "LANGUAGE" => {
                let name = walk.object(Kind::Other).map(|name| name.name).unwrap_or_default();
                let deed = Deed::new(Class::Program, "creates", "language", name.clone());
                self.push(at, if name == "plpgsql" { deed } else { deed.always() });
                true
            }
            _ => self.create_other(at, &word, walk),
        }
    }

    fn create_other(&mut self, at: usize, word: &str, mut walk: Walk<'_>) -> bool {
        if let Some((_, class, noun)) = HEAVY.iter().find(|(known, ..)| *known == word) {
            walk.skip_conditions();
            self.push(at, Deed::new(*class, "creates", noun, said(walk.rest, 3)).always());
            return true;
        }
        let Some((_, noun)) = PLAIN.iter().find(|(known, _)| *known == word) else { return false };
        self.push(at, Deed::new(Class::Creates, "creates", noun, said(walk.rest, 2)));
        true
    }

    /// `DEFINER = somebody` and `SECURITY DEFINER`.
    pub(super) fn definer(&mut self, walk: &mut Walk<'_>) {
        while walk.eat_any(&["ALGORITHM", "DEFINER"]).is_some() {
            walk.eat_sign("=");
            let own = walk.next_is("CURRENT_USER");
            let mut account = walk.next();
            if walk.eat_sign("(") {
                walk.eat_sign(")");
            }
            if walk.eat_sign("@") {
                account = walk.next();
            } else if walk.peek().is_some_and(|piece| piece.text.starts_with('@')) {
                walk.next();
            }
            let at = account.map_or(0, |piece| piece.at);
            let is_algorithm =
                account.is_some_and(|piece| piece.is_any(&["UNDEFINED", "MERGE", "TEMPTABLE"]));
            if !own && !is_algorithm {
                self.push(
                    at,
                    Deed::new(Class::Definer, "runs with the rights of another user", "", "").always(),
                );
            }
        }
        if walk.eat(&["SQL", "SECURITY"]) {
            walk.next();
            self.definer(walk);
        }
    }

    /// `SECURITY DEFINER`, wherever in a definition it stands.
    pub(super) fn security(&mut self, at: usize, walk: Walk<'_>) {
        if walk.has(&["SECURITY", "DEFINER"]) {
            let deed = Deed::new(Class::Definer, "runs with its owner's rights", "", "(SECURITY DEFINER)");
            self.push(at, deed.always());
        }
        if walk.has(&["SET", "ROLE"]) || walk.has(&["SET", "SESSION", "AUTHORIZATION"]) {
            self.push(at, Deed::new(Class::Privileges, "takes another role", "", "").always());
        }
    }

    fn create_table(&mut self, at: usize, mut walk: Walk<'_>, replaces: bool) -> bool {
        walk.skip_conditions();
        let Some(table) = walk.object(Kind::Relation) else { return false };
        let name = table.to_string();
        if replaces {
            let deed = Deed::new(Class::Drops, "replaces", "table", name.clone());
            self.push(at, deed.weighs(Weight::Always, table.clone()));
        }
        let deed = Deed::new(Class::Creates, "creates", "table", name.clone());
        self.push(at, deed.effect(Effect::Makes(table)));
        let mut parents = walk;
        if parents.eat(&["PARTITION", "OF"]) || parents.find(&["INHERITS"]) {
            parents.eat_sign("(");
            for parent in parents.objects(Kind::Relation) {
                let deed = Deed::new(Class::Alters, "adds a part to", "table", parent.to_string());
                self.push(at, deed.weighs(Weight::UnlessOwn, parent));
            }
        }
        true
    }

    fn create_view(&mut self, at: usize, mut walk: Walk<'_>, replaces: bool) -> bool {
        walk.skip_conditions();
        let Some(view) = walk.object(Kind::Relation) else { return false };
        let deed = Deed::new(
            Class::Creates,
            if replaces { "replaces" } else { "creates" },
            "view",
            view.to_string(),
        );
        let deed = if replaces { deed.weighs(Weight::IfOthers, view.clone()) } else { deed };
        self.push(at, deed.effect(Effect::MakesView(view)));
        true
    }

    fn create_index(&mut self, at: usize, mut walk: Walk<'_>, replaces: bool) -> bool {
        walk.skip_conditions();
        let mut index = if walk.next_is("ON") { None } else { walk.object(Kind::Index) };
        if !walk.find(&["ON"]) {
            return false;
        }
        walk.skip_conditions();
        let Some(table) = walk.object(Kind::Relation) else { return false };
        let shown = index.as_ref().map_or(String::new(), ToString::to_string);
        let verb = if replaces { "replaces" } else { "creates" };
        // it is in the schema of its table
        if let Some(index) = index.as_mut().filter(|index| index.schema.is_none()) {
            index.schema.clone_from(&table.schema);
        }
        let mut deed =
            Deed::new(Class::Creates, verb, "index", format!("{shown} on {table}").trim().to_owned())
                .weighs(Weight::UnlessOwn, table);
        // on MariaDB and MySQL an index is its table's
        deed.effect = index.filter(|_| !self.is_mysql()).map(Effect::Makes);
        self.push(at, deed);
        true
    }

    fn create_named(
        &mut self,
        at: usize,
        mut walk: Walk<'_>,
        (noun, kind): (&'static str, Kind),
        replaces: bool,
    ) -> bool {
        walk.skip_conditions();
        let Some(object) = walk.object(kind) else { return false };
        let deed = Deed::new(
            Class::Creates,
            if replaces { "replaces" } else { "creates" },
            noun,
            object.to_string(),
        );
        let deed = if replaces { deed.weighs(Weight::IfOthers, object.clone()) } else { deed };
        self.push(at, deed.effect(Effect::Makes(object)));
        true
    }

    fn create_routine(&mut self, at: usize, mut walk: Walk<'_>, whole: Walk<'_>, replaces: bool) -> bool {
        if !self.create_named(at, walk, ("function", Kind::Function), replaces) {
            return false;
        }
        self.security(at, whole);
        walk.skip_conditions();
        walk.object(Kind::Function);
        if walk.has(&["SONAME"]) {
            self.push(at, Deed::new(Class::Program, "loads a library", "", "").always());
        }
        if self.is_mysql() {
            self.later(|reader| reader.body(walk.rest));
            return true;
        }
        let mut language = walk;
        let language =
            if language.find(&["LANGUAGE"]) { language.next().map(|piece| piece.unquoted()) } else { None };
        match language.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("sql" | "plpgsql") => {}
            None if walk.has(&["BEGIN", "ATOMIC"]) || walk.has(&["RETURN"]) => {}
            Some(other) if !matches!(other, "c" | "internal") && !other.ends_with('u') => {
                self.push(at, Deed::new(Class::Opaque, "is written in", "", other).always());
            }
            other => {
                self.push(
                    at,
                    Deed::new(Class::Program, "is written in", "", other.unwrap_or("no named language"))
                        .always(),
                );
            }
        }
        if walk.rest.windows(2).any(|pair| pair.iter().all(is_text)) {
            self.push(at, Deed::new(Class::Opaque, "is written in pieces", "", "").always());
        }
        self.later(|reader| {
            reader.texts_behind(walk.rest, "AS");
            reader.body(walk.rest);
        });
        true
    }

    fn create_trigger(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        walk.skip_conditions();
        let Some(trigger) = walk.object(Kind::Trigger) else { return false };
        // `CREATE RULE r AS ON INSERT TO t`
        let rule = walk.eat(&["AS", "ON"]);
        if !walk.find(if rule { &["TO"] } else { &["ON"] }) {
            return false;
        }
        let Some(table) = walk.object(Kind::Relation) else { return false };
        let noun = if rule { "rule" } else { "trigger" };
        let deed = Deed::new(Class::Creates, "creates", noun, format!("{trigger} on {table}"));
        self.push(at, deed.weighs(Weight::UnlessOwn, table).effect(Effect::Makes(trigger)));
        self.later(|reader| reader.body(walk.rest));
        true
    }

    /// `EVENT` of MariaDB and MySQL, `EVENT TRIGGER` of PostgreSQL.
    fn create_event(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        let noun = if walk.eat(&["TRIGGER"]) { "event trigger" } else { "event" };
        self.push(at, Deed::new(Class::Opaque, "creates", noun, said(walk.rest, 1)).always());
        self.later(|reader| reader.body(walk.rest));
        true
    }

    fn create_schema(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        walk.skip_conditions();
        let schema = if walk.next_is("AUTHORIZATION") { None } else { walk.object(Kind::Schema) };
        let shown = schema.as_ref().map_or(String::new(), ToString::to_string);
        let mut deed = Deed::new(Class::Creates, "creates", "schema", shown);
        deed.effect = schema.map(Effect::Makes);
        self.push(at, deed);
        if walk.eat(&["AUTHORIZATION"]) {
            self.push(at, Deed::new(Class::Privileges, "gives a schema to", "", said(walk.rest, 1)).always());
            walk.next();
        }
        // elements in the same statement
        self.is_mysql() || walk.rest.is_empty()
    }

    fn create_extension(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        walk.skip_conditions();
        let Some(extension) = walk.object(Kind::Other) else { return false };
        let name = extension.name.to_ascii_lowercase();
        let untrusted = name.starts_with("pl") && name.ends_with('u');
        let reaches = untrusted || REACHING.contains(&name.as_str());
        let class = if reaches { Class::Program } else { Class::Creates };
        let deed = Deed::new(class, "creates", "extension", name);
        self.push(at, if reaches { deed.always() } else { deed.effect(Effect::Makes(extension)) });
        true
    }
}

/// Whether a token is a text.
pub(super) fn is_text(piece: &Piece<'_>) -> bool {
    piece.kind == TokenKind::Text
}

/// An object of another kind.
pub(super) fn as_kind(object: &Object, kind: Kind) -> Object {
    Object { kind, ..object.clone() }
}
