//! The part of the configuration that a run uses.
//!
//! Every key is named below, also those that a run does not use: a new one does not compile until
//! somebody has decided whether it belongs into a bundle.

use std::time::Duration;

use indexmap::IndexMap;

use super::wire;
use crate::config::{
    Adopt, Config, Database, Enable, Mirror, Modules, Phases, Policy, Reaction, Rehearsal, Review,
    SchemaCheck, SchemaCheckMode, SchemaSource,
};
use crate::dialect::Dialect;
use crate::id::Namespace;
use crate::tool::Tool;

const MODES: [(&str, SchemaCheckMode); 3] = [
    ("superset", SchemaCheckMode::Superset),
    ("strict", SchemaCheckMode::Strict),
    ("off", SchemaCheckMode::Off),
];
const SOURCES: [(&str, SchemaSource); 3] =
    [("replay", SchemaSource::Replay), ("declared", SchemaSource::Declared), ("off", SchemaSource::Off)];
const REACTIONS: [(&str, Reaction); 3] =
    [("allow", Reaction::Allow), ("warn", Reaction::Warn), ("deny", Reaction::Deny)];

fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> String {
    words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word).to_owned()
}

fn value<T: Copy>(words: &[(&str, T)], word: &str) -> Result<T, String> {
    let known = words.iter().find(|(known, _)| *known == word);
    known.map(|(_, value)| *value).ok_or_else(|| format!("`{word}` is no word that this version knows"))
}

pub(super) fn dialect(name: &str) -> Result<Dialect, String> {
    let known = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name);
    known.ok_or_else(|| format!("`{name}` is no dialect that this version knows"))
}

pub(super) fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::new(text).map_err(|error| format!("{text:?} is no namespace: {error}"))
}

pub(super) fn to_wire(config: &Config) -> wire::Settings {
    // where migrations are found, and what belongs to one machine, is left out
    let Config {
        source: _,
        variables: _,
        application: _,
        namespace: _,
        path: _,
        format: _,
        lock: _, // stands with its text
        review,
        snapshot: _, // the names stand with the texts
        checks: _,
        session: _, // stands at each script
        cargo: _,
        database,
        dialects,
        modules,
        schema: _, // a bundle is compared with its snapshots
        schema_check: SchemaCheck { mode, source, ignore, filter },
        policy: Policy { out_of_order, unknown_executed, allow_split, rehearsal, phase },
        adopt,
        mirror,
        lint: _,        // for whoever writes migrations
        maintenance: _, // belongs to where it is run
    } = config;
    let Database {
        url: _,
        url_variable: _,
        is_password_written: _,
        scratch_url: _,
        password: _,
        tls: _,
        history_table,
        history_schema,
        guard_wait,
        lock_timeout,
        statement_timeout,
        lock_retries,
    } = database;
    let Modules { enable, disable: _, paths: _ } = modules;
    wire::Settings {
        history_table: history_table.clone(),
        history_schema: history_schema.clone(),
        review: (*review != Review::Off).then(|| word(&Review::WORDS, review)),
        guard_wait: guard_wait.as_secs(),
        lock_timeout: lock_timeout.as_secs(),
        statement_timeout: statement_timeout.as_secs(),
        lock_retries: *lock_retries,
        dialects: dialects.iter().map(|dialect| dialect.name().to_owned()).collect(),
        schema_check: wire::SchemaCheck {
            mode: word(&MODES, mode),
            source: word(&SOURCES, source),
            ignore: ignore.clone(),
            filter: filter.clone(),
        },
        policy: wire::Policy {
            out_of_order: word(&REACTIONS, out_of_order),
            unknown_executed: word(&REACTIONS, unknown_executed),
            allow_split: *allow_split,
            rehearsal: word(&Rehearsal::WORDS, rehearsal),
            phase: (*phase != Phases::All).then(|| word(&Phases::WORDS, phase)),
        },
        adopt: adopt.iter().map(adopt_to_wire).collect(),
        mirror: mirror.as_ref().map(mirror_to_wire),
        mirrors: enable.iter().filter_map(|(name, enable)| mirror_of(name, enable)).collect(),
        foreign_keys: enable.iter().filter_map(|(name, enable)| foreign_keys(name, enable)).collect(),
    }
}

fn foreign_keys(name: &str, enable: &Enable) -> Option<(String, bool)> {
    // what decides which texts are found and how they run stands at the modules and scripts
    let Enable {
        path: _,
        format: _,
        version: _,
        namespace,
        depends_on: _,
        foreign_keys,
        session: _,
        mirror: _,
        span: _,
    } = enable;
    let namespace = namespace.as_ref().map_or(name, Namespace::as_str);
    foreign_keys.map(|mode| (namespace.to_owned(), mode))
}

fn adopt_to_wire(adopt: &Adopt) -> wire::Adopt {
    let Adopt { tool, module, table, schema } = adopt;
    let from = tool.name().to_owned();
    wire::Adopt { from, module: module.clone(), table: table.clone(), schema: schema.clone() }
}

fn adopt_of_wire(wire: wire::Adopt) -> Result<Adopt, String> {
    let wire::Adopt { from, module, table, schema } = wire;
    Ok(Adopt { tool: tool(&from)?, module, table, schema })
}

fn mirror_to_wire(mirror: &Mirror) -> wire::Mirror {
    wire::Mirror { tool: mirror.tool.name().to_owned(), table: mirror.table.clone() }
}

fn mirror_of_wire(wire: wire::Mirror) -> Result<Mirror, String> {
    Ok(Mirror { tool: tool(&wire.tool)?, table: wire.table })
}

fn mirror_of(name: &str, enable: &Enable) -> Option<(String, wire::Mirror)> {
    let namespace = enable.namespace.as_ref().map_or(name, Namespace::as_str);
    enable.mirror.as_ref().map(|mirror| (namespace.to_owned(), mirror_to_wire(mirror)))
}

fn tool(name: &str) -> Result<Tool, String> {
    Tool::from_name(name).ok_or_else(|| format!("`{name}` is no tool that this version knows"))
}

pub(super) fn of_wire(wire: wire::Settings) -> Result<Config, String> {
    let mut enable: IndexMap<String, Enable> = IndexMap::new();
    for (name, mode) in wire.foreign_keys {
        enable.entry(name).or_default().foreign_keys = Some(mode);
    }
    for (name, mirror) in wire.mirrors {
        enable.entry(name).or_default().mirror = Some(mirror_of_wire(mirror)?);
    }
    for (name, enable) in &mut enable {
        enable.namespace = Some(namespace(name)?);
    }
    Ok(Config {
        database: Database {
            history_table: wire.history_table,
            history_schema: wire.history_schema,
            guard_wait: Duration::from_secs(wire.guard_wait),
            lock_timeout: Duration::from_secs(wire.lock_timeout),
            statement_timeout: Duration::from_secs(wire.statement_timeout),
            lock_retries: wire.lock_retries,
            ..Database::default()
        },
        review: wire.review.map_or(Ok(Review::Off), |word| value(&Review::WORDS, &word))?,
        dialects: wire.dialects.iter().map(|name| dialect(name)).collect::<Result<_, _>>()?,
        modules: Modules { enable, ..Modules::default() },
        adopt: wire.adopt.into_iter().map(adopt_of_wire).collect::<Result<_, _>>()?,
        mirror: wire.mirror.map(mirror_of_wire).transpose()?,
        schema_check: SchemaCheck {
            mode: value(&MODES, &wire.schema_check.mode)?,
            source: value(&SOURCES, &wire.schema_check.source)?,
            ignore: wire.schema_check.ignore,
            filter: wire.schema_check.filter,
        },
        policy: Policy {
            out_of_order: value(&REACTIONS, &wire.policy.out_of_order)?,
            unknown_executed: value(&REACTIONS, &wire.policy.unknown_executed)?,
            allow_split: wire.policy.allow_split,
            rehearsal: value(&Rehearsal::WORDS, &wire.policy.rehearsal)?,
            phase: wire.policy.phase.map_or(Ok(Phases::All), |word| value(&Phases::WORDS, &word))?,
        },
        ..Config::default()
    })
}
