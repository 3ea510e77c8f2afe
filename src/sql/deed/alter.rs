//! `ALTER …`, `DROP …`, `RENAME …`.

use super::create::as_kind;
use super::walk::{Walk, said};
use super::{Class, Deed, Effect, Kind, Object, Reader, Weight};

/// The thing's word, how it is named, what it is.
const THINGS: &[(&str, &str, Kind)] = &[
    ("TABLE", "table", Kind::Relation),
    ("VIEW", "view", Kind::Relation),
    ("INDEX", "index", Kind::Index),
    ("SEQUENCE", "sequence", Kind::Sequence),
    ("FUNCTION", "function", Kind::Function),
    ("PROCEDURE", "function", Kind::Function),
    ("ROUTINE", "function", Kind::Function),
    ("AGGREGATE", "aggregate", Kind::Other),
    ("TYPE", "type", Kind::Type),
    ("DOMAIN", "type", Kind::Type),
    ("TRIGGER", "trigger", Kind::Trigger),
    ("RULE", "rule", Kind::Trigger),
    ("SCHEMA", "schema", Kind::Schema),
    ("EXTENSION", "extension", Kind::Other),
    ("COLLATION", "collation", Kind::Other),
    ("OPERATOR", "operator", Kind::Other),
    ("CAST", "cast", Kind::Other),
    ("STATISTICS", "statistics", Kind::Other),
    ("TEXT", "text search", Kind::Other),
    ("CONVERSION", "conversion", Kind::Other),
];

/// The thing's word, its class, how it is named.
const HEAVY: &[(&str, Class, &str)] = &[
    ("ROLE", Class::Privileges, "role"),
    ("USER", Class::Privileges, "user"),
    ("GROUP", Class::Privileges, "role"),
    ("POLICY", Class::Privileges, "policy"),
    ("DEFAULT", Class::Privileges, "default privileges"),
    ("OWNED", Class::Privileges, "everything owned by"),
    ("SYSTEM", Class::Settings, "system"),
    ("DATABASE", Class::Settings, "database"),
    ("TABLESPACE", Class::Settings, "tablespace"),
    ("INSTANCE", Class::Settings, "instance"),
    ("RESOURCE", Class::Settings, "resource group"),
    ("LOGFILE", Class::Settings, "logfile group"),
    ("PUBLICATION", Class::Program, "publication"),
    ("SUBSCRIPTION", Class::Program, "subscription"),
    ("SERVER", Class::Program, "server"),
    ("FOREIGN", Class::Program, "foreign"),
    ("LANGUAGE", Class::Program, "language"),
    ("EVENT", Class::Opaque, "event"),
    ("LARGE", Class::Data, "large object"),
    ("PACKAGE", Class::Opaque, "package"),
    ("TRANSFORM", Class::Program, "transform"),
    ("ACCESS", Class::Program, "access method"),
];

fn thing(walk: &mut Walk<'_>) -> Option<(&'static str, Kind)> {
    walk.skip_any(&["MATERIALIZED", "ONLINE", "OFFLINE", "IGNORE", "PROCEDURAL", "TEMPORARY"]);
    if walk.rest.first().is_some_and(|piece| piece.is("FOREIGN"))
        && walk.rest.get(1).is_some_and(|next| next.is("TABLE"))
    {
        walk.next();
    }
    let word = walk.peek()?;
    let (_, noun, kind) = THINGS.iter().find(|(known, ..)| word.is(known))?;
    walk.next();
    Some((noun, *kind))
}

impl Reader {
    fn heavy(&mut self, at: usize, verb: &'static str, mut walk: Walk<'_>) -> bool {
        let Some(word) = walk.next() else { return false };
        let Some((_, class, noun)) = HEAVY.iter().find(|(known, ..)| word.is(known)) else { return false };
        walk.skip_conditions();
        self.push(at, Deed::new(*class, verb, noun, said(walk.rest, 4)).always());
        true
    }

    pub(super) fn drop(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        if walk.eat(&["PREPARE"]) {
            return true;
        }
        let Some((noun, kind)) = thing(&mut walk) else { return self.heavy(at, "drops", walk) };
        walk.skip_conditions();
        let cascades = walk.has(&["CASCADE"]);
        let mut ahead = walk;
        let objects = ahead.objects(kind);
        if objects.is_empty() {
            self.push(at, Deed::new(Class::Drops, "drops", noun, said(walk.rest, 4)).always());
            return true;
        }
        let table = if ahead.eat(&["ON"]) { ahead.object(Kind::Relation) } else { None };
        for object in objects {
            self.dropped(at, noun, object, table.clone(), cascades);
        }
        true
    }

    /// What holds rows, or takes others with it, is lost whosever it is.
    fn dropped(
        &mut self,
        at: usize,
        noun: &'static str,
        object: Object,
        table: Option<Object>,
        cascades: bool,
    ) {
        let heavy =
            cascades || matches!(noun, "table" | "schema" | "sequence" | "extension" | "cast" | "operator");
        let weight = if heavy { Weight::Always } else { Weight::UnlessOwn };
        let shown = match &table {
            Some(table) => format!("{object} on {table}"),
            None => object.to_string(),
        };
        let deed = Deed::new(Class::Drops, "drops", noun, shown)
            .weighs(weight, table.unwrap_or_else(|| object.clone()));
        self.push(at, deed.effect(Effect::Ends(object)));
    }

    pub(super) fn alter(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        self.definer(&mut walk);
        let Some((noun, kind)) = thing(&mut walk) else { return self.heavy(at, "alters", walk) };
        walk.skip_conditions();
        let Some(object) = walk.object(kind) else { return false };
        walk.eat_sign("*");
        if kind == Kind::Relation {
            self.alter_table(at, noun, &object, walk);
            return true;
        }
        // `ALTER TRIGGER g ON t RENAME TO h`
        let table = if walk.eat(&["ON"]) { walk.object(Kind::Relation) } else { None };
        let mut deed = Deed::new(Class::Alters, "alters", noun, object.to_string())
            .weighs(Weight::UnlessOwn, table.unwrap_or_else(|| object.clone()));
        deed.effect = renamed(walk, &object);
        self.push(at, deed);
        self.owner(at, noun, &object, walk);
        self.security(at, walk);
        if kind == Kind::Type && (walk.has(&["DROP", "ATTRIBUTE"]) || walk.has(&["ALTER", "ATTRIBUTE"])) {
            self.push(
                at,
                Deed::new(Class::Drops, "changes the attributes of", "type", object.to_string()).always(),
            );
        }
        true
    }

    fn owner(&mut self, at: usize, noun: &'static str, object: &Object, walk: Walk<'_>) {
        if walk.has(&["OWNER", "TO"]) {
            let deed = Deed::new(Class::Privileges, "gives to another owner", noun, object.to_string());
            self.push(at, deed.weighs(Weight::Always, object.clone()));
        }
    }

    fn alter_table(&mut self, at: usize, noun: &'static str, table: &Object, walk: Walk<'_>) {
        let mut deed = Deed::new(Class::Alters, "alters", noun, table.to_string());
        deed.effect = renamed(walk, table);
        self.push(at, deed.weighs(Weight::UnlessOwn, table.clone()));
        self.owner(at, noun, table, walk);
        for clause in walk.clauses() {
            self.clause(at, table, clause);
        }
    }

    fn clause(&mut self, at: usize, table: &Object, mut walk: Walk<'_>) {
        let at = walk.peek().map_or(at, |piece| piece.at);
        let Some(first) = walk.next() else { return };
        let lost = |verb: &'static str, noun, what: &str| {
            let name = if what.is_empty() { table.to_string() } else { format!("{table}.{what}") };
            Deed::new(Class::Drops, verb, noun, name).weighs(Weight::Always, table.clone())
        };
        match first.text.to_ascii_uppercase().as_str() {
            "DROP" => {
                const NO_COLUMN: &[&str] = &[
                    "CONSTRAINT",
                    "INDEX",
                    "KEY",
                    "PRIMARY",
                    "FOREIGN",
                    "CHECK",
                    "DEFAULT",
                    "SYSTEM",
                    "EXPRESSION",
                    "IDENTITY",
                ];
                if walk.eat_any(NO_COLUMN).is_some() {
                    return;
                }
                if walk.eat(&["PARTITION"]) {
                    self.push(at, lost("drops a part of", "table", ""));
                    return;
                }
                walk.eat(&["COLUMN"]);
                walk.skip_conditions();
                let column = walk.object(Kind::Other).map(|column| column.name).unwrap_or_default();
                self.push(at, lost("drops", "column", &column));
            }
            "ALTER" => {
                walk.eat(&["COLUMN"]);
                let column = walk.object(Kind::Other).map(|column| column.name).unwrap_or_default();
                if walk.next_is("TYPE") || walk.eat(&["SET", "DATA", "TYPE"]) {
                    self.push(
                        at,
                        Deed { class: Class::Alters, ..lost("changes the type of", "column", &column) },
                    );
                }
            }
            "MODIFY" | "CHANGE" => {
                walk.eat(&["COLUMN"]);
                walk.skip_conditions();
                let column = walk.object(Kind::Other).map(|column| column.name).unwrap_or_default();
                self.push(
                    at,
                    Deed { class: Class::Alters, ..lost("changes the type of", "column", &column) },
                );
            }
            "CONVERT" => self
                .push(at, Deed { class: Class::Alters, ..lost("changes the character set of", "table", "") }),
            "TRUNCATE" => self.push(at, lost("empties a part of", "table", "")),
            "DISCARD" => self.push(at, lost("discards the rows of", "table", "")),
            "EXCHANGE" | "ATTACH" | "DETACH" => {
                if first.is("EXCHANGE") && !walk.find(&["TABLE"])
                    || !first.is("EXCHANGE") && !walk.eat(&["PARTITION"])
                {
                    return;
                }
                if let Some(part) = walk.object(Kind::Relation) {
                    let deed = Deed::new(Class::Alters, "moves rows of", "table", part.to_string());
                    self.push(at, deed.weighs(Weight::UnlessOwn, part));
                }
            }
            "ENABLE" | "DISABLE" | "FORCE" | "NO" if walk.has(&["ROW", "LEVEL", "SECURITY"]) => {
                let deed = Deed::new(
                    Class::Privileges,
                    "switches row level security of",
                    "table",
                    table.to_string(),
                );
                self.push(at, deed.weighs(Weight::Always, table.clone()));
            }
            _ => {}
        }
    }

    /// `RENAME TABLE a TO b, c TO d` and `RENAME USER` (MariaDB, MySQL).
    pub(super) fn rename(&mut self, at: usize, mut walk: Walk<'_>) -> bool {
        if walk.next_is("USER") {
            return self.heavy(at, "renames", walk);
        }
        if walk.eat_any(&["TABLE", "TABLES"]).is_none() {
            return false;
        }
        for mut pair in walk.clauses() {
            pair.skip_conditions();
            let old = pair.object(Kind::Relation);
            let found = pair.find(&["TO"]);
            let (Some(old), Some(new), true) = (old, pair.object(Kind::Relation), found) else {
                return false;
            };
            let deed = Deed::new(Class::Alters, "renames", "table", format!("{old} to {new}"));
            self.push(at, deed.weighs(Weight::UnlessOwn, old.clone()).effect(Effect::Renames(old, new)));
        }
        true
    }
}

/// `RENAME TO`, `RENAME AS` (MariaDB, MySQL), `SET SCHEMA`.
fn renamed(mut walk: Walk<'_>, old: &Object) -> Option<Effect> {
    if walk.eat(&["SET", "SCHEMA"]) {
        let schema = walk.object(Kind::Schema)?.name;
        return Some(Effect::Renames(old.clone(), Object { schema: Some(schema), ..old.clone() }));
    }
    let mut clauses = walk.clauses();
    let clause = clauses.iter_mut().find(|clause| clause.next_is("RENAME"))?;
    clause.next();
    if clause.eat_any(&["COLUMN", "CONSTRAINT", "INDEX", "KEY", "VALUE", "ATTRIBUTE"]).is_some() {
        return None;
    }
    let marked = clause.eat_any(&["TO", "AS"]).is_some();
    let new = clause.object(old.kind)?;
    // `RENAME a TO b` is of a column
    if clause.next_is("TO") || !marked && !clause.rest.is_empty() {
        return None;
    }
    let schema = new.schema.clone().or_else(|| old.schema.clone());
    Some(Effect::Renames(old.clone(), Object { schema, ..as_kind(&new, old.kind) }))
}
