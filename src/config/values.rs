//! From the shape to values: variables, names, defaults. Collects every fault.

mod lint;
mod maintenance;
mod schema;

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde_saphyr::Spanned;

use super::wire::{self, Text};
use super::{
    Adopt, Cargo, Config, Database, Enable, Mirror, Modules, Named, Password, Phases, Policy, Reaction,
    Rehearsal, Review, Source,
};
use crate::diagnostic::{Diagnostic, Frame, nearest};
use crate::dialect::Dialect;
use crate::id::Namespace;
use crate::module::Format;
use crate::secret;
use crate::sql;
use crate::tls;
use crate::tool::Tool;

/// What fits into PostgreSQL's milliseconds of 31 bits, rounded down.
const MOST_SECONDS: u32 = 2_000_000;

const MOST_RETRIES: u32 = 1000;

pub(super) struct Reader<'a> {
    source: Source,
    variables: &'a dyn Fn(&str) -> Option<String>,
    /// Those that were used outside of URLs.
    used: Vec<Named>,
    pub(super) faults: Vec<Diagnostic>,
}

/// Why a text with variables has no value.
enum Unexpanded {
    Unset(String),
    Unclosed,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: Source, variables: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { source, variables, used: Vec::new(), faults: Vec::new() }
    }

    pub(super) fn config(&mut self, wire: wire::Config) -> Config {
        let zero = Config::default();
        let (file, review) = self.lock(wire.lock);
        let config = Config {
            source: self.source.clone(),
            variables: Vec::new(),
            application: self.optional(wire.application),
            namespace: self.namespace(wire.namespace),
            path: self.optional(wire.path),
            format: self.format(wire.format),
            lock: self.or(file, zero.lock),
            review,
            snapshot: self.or(wire.snapshot, zero.snapshot),
            checks: self.or(wire.checks, zero.checks),
            session: self.session(wire.session),
            database: self.database(wire.database.unwrap_or_default()),
            dialects: self.dialects(wire.dialects.unwrap_or_default()),
            cargo: self.cargo(wire.cargo),
            modules: self.modules(wire.modules.unwrap_or_default()),
            schema: self.schema(wire.schema.unwrap_or_default()),
            schema_check: self.schema_check(wire.schema_check.unwrap_or_default()),
            policy: self.policy(wire.policy.unwrap_or_default()),
            adopt: self.adopt(wire.adopt.unwrap_or_default()),
            mirror: self.mirror(wire.mirror, wire.mirror_table),
            lint: self.lint(wire.lint.unwrap_or_default()),
            maintenance: self.maintenance(wire.maintenance.unwrap_or_default()),
        };
        Config { variables: std::mem::take(&mut self.used), ..config }
    }

    fn database(&mut self, wire: wire::Database) -> Database {
        let zero = Database::default();
        let unset = wire.url.as_ref().and_then(|text| match self.expand(&text.value) {
            Err(Unexpanded::Unset(name)) => Some(name),
            _ => None,
        });
        let holds = |text: &Option<Text>| {
            text.as_ref().is_some_and(|text| secret::masked_source(&text.value) != text.value)
        };
        let is_password_written = holds(&wire.url) || holds(&wire.scratch_url);
        Database {
            url_variable: unset,
            is_password_written,
            url: self.url(wire.url).map(Into::into),
            scratch_url: self.url(wire.scratch_url).map(Into::into),
            password: self.password(wire.password_file, wire.password_command),
            tls: self.tls(wire.tls.unwrap_or_default()),
            history_table: self.or(wire.history_table, zero.history_table),
            history_schema: self.or(wire.history_schema, zero.history_schema),
            guard_wait: self.seconds(wire.guard_wait, "guard-wait").unwrap_or(zero.guard_wait),
            lock_timeout: self.seconds(wire.lock_timeout, "lock-timeout").unwrap_or(zero.lock_timeout),
            statement_timeout: self
                .seconds(wire.statement_timeout, "statement-timeout")
                .unwrap_or(zero.statement_timeout),
            lock_retries: self
                .whole(wire.lock_retries, "lock-retries", "number", MOST_RETRIES)
                .unwrap_or(zero.lock_retries),
        }
    }

    fn seconds(&mut self, text: Option<Text>, key: &str) -> Option<Duration> {
        let seconds = self.whole(text, key, "number of seconds", MOST_SECONDS)?;
        Some(Duration::from_secs(seconds.into()))
    }

    fn whole(&mut self, text: Option<Text>, key: &str, what: &str, most: u32) -> Option<u32> {
        let text = text?;
        let span = self.span(&text);
        let value = self.text(&text)?;
        let is_whole = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse().ok().filter(|number| is_whole && *number <= most);
        if number.is_none() {
            let fault = Diagnostic::new(format!("`{key}`: {value:?} is not a whole {what} from 0 to {most}"));
            self.fault(fault.help(format!("write it without a unit: `{key}: 10`")), span);
        }
        number
    }

    fn password(&mut self, file: Option<Text>, command: Option<Spanned<Vec<Text>>>) -> Option<Password> {
        let span = file.as_ref().map(|text| self.span(text));
        let file = self.optional(file);
        if let (Some(span), true) = (span, command.is_some()) {
            let fault = Diagnostic::new("`password-file` and `password-command` do not go together");
            self.fault(fault.help("leave one of them out"), span);
        }
        if let Some(empty) = command.as_ref().filter(|words| words.value.is_empty()) {
            let span = wire::span(&self.source.text, empty.referenced);
            let fault = Diagnostic::new("`password-command` names no program");
            self.fault(fault.help("write `[PROGRAM, ARGUMENT…]`, or leave it out"), span);
        }
        let command = command.map(|words| self.texts(Some(words.value)));
        file.map(Password::File).or(command.filter(|words| !words.is_empty()).map(Password::Command))
    }

    fn tls(&mut self, wire: wire::Tls) -> tls::Settings {
        tls::Settings {
            mode: self.word(wire.mode, "mode", &tls::Mode::WORDS),
            ca: self.pem(wire.ca, "database.tls.ca"),
            cert: self.pem(wire.cert, "database.tls.cert"),
            key: self.pem(wire.key, "database.tls.key"),
        }
    }

    fn pem(&mut self, text: Option<Text>, setting: &'static str) -> Option<tls::Pem> {
        self.optional(text).map(|text| tls::Pem { text, setting })
    }

    fn cargo(&mut self, wire: Option<wire::Cargo>) -> Cargo {
        match wire {
            None => Cargo::default(),
            Some(wire::Cargo::Off) => Cargo { off: true, ..Cargo::default() },
            Some(wire::Cargo::On(table)) => Cargo {
                off: false,
                features: self.texts(table.features),
                all_features: table.all_features.unwrap_or(false),
                default_features: table.default_features.unwrap_or(true),
            },
        }
    }

    fn modules(&mut self, wire: wire::Modules) -> Modules {
        let mut modules = Modules::default();
        for (name, entry) in wire.enable.unwrap_or_default().0 {
            let span = self.span(&name);
            let entry = self.enable(entry.unwrap_or_default(), span);
            modules.enable.insert(name.value, entry);
        }
        modules.disable = self.named(wire.disable);
        modules.paths = self.named(wire.paths);
        let both: Vec<_> = modules
            .disable
            .iter()
            .filter(|named| modules.enable.contains_key(&named.name))
            .cloned()
            .collect();
        for named in both {
            let message = format!("`{}` is enabled and disabled", named.name);
            self.fault(Diagnostic::new(message).help("name it in one of the two lists"), named.span);
        }
        modules
    }

    fn enable(&mut self, wire: wire::Enable, span: Range<usize>) -> Enable {
        let depends_on = wire.depends_on.unwrap_or_default();
        Enable {
            path: self.optional(wire.path),
            format: self.format(wire.format),
            version: self.optional(wire.version),
            namespace: self.namespace(wire.namespace),
            depends_on: depends_on.into_iter().filter_map(|text| self.namespace(Some(text))).collect(),
            foreign_keys: self.foreign_keys(wire.foreign_keys),
            session: self.session(wire.session),
            mirror: self.mirror(wire.mirror, wire.mirror_table),
            span,
        }
    }

    fn adopt(&mut self, wire: Vec<wire::Adopt>) -> Vec<Adopt> {
        let tools = Tool::ALL.map(|tool| (tool.name(), tool));
        let mut adopt = Vec::new();
        for wire in wire {
            let tool = self.word(Some(wire.from), "from", &tools);
            let (table, schema) = (self.optional(wire.table), self.optional(wire.schema));
            let module = self.optional(Some(wire.module));
            adopt.extend(tool.zip(module).map(|(tool, module)| Adopt { tool, module, table, schema }));
        }
        adopt
    }

    fn mirror(&mut self, wire: Option<Text>, table: Option<Text>) -> Option<Mirror> {
        let tools: Vec<(&str, Tool)> = Tool::ALL
            .into_iter()
            .filter(|tool| tool.can_be_mirrored())
            .map(|tool| (tool.name(), tool))
            .collect();
        let table_span = table.as_ref().map(|text| self.span(text));
        let tool = self.word(wire, "mirror", &tools);
        let table = self.optional(table);
        if let Some(span) = table_span {
            if tool.is_none() {
                self.fault(
                    Diagnostic::new("`mirror-table` means nothing without `mirror`")
                        .help("name the tool: `mirror: …`, or remove it"),
                    span,
                );
            } else if table.as_ref().is_some_and(String::is_empty) {
                self.fault(
                    Diagnostic::new("`mirror-table` is empty").help("name the table, or remove the key"),
                    span,
                );
            }
        }
        tool.map(|tool| Mirror { tool, table })
    }

    /// The file of the lock, and whose migrations need a review.
    fn lock(&mut self, wire: Option<Spanned<wire::Lock>>) -> (Option<Text>, Review) {
        let Some(Spanned { value, referenced, defined }) = wire else { return (None, Review::default()) };
        match value {
            wire::Lock::File(value) => (Some(Spanned { value, referenced, defined }), Review::default()),
            wire::Lock::Table(table) => {
                // `off` is a boolean to some writers of YAML
                let words = [&Review::WORDS[..], &[("false", Review::Off)]].concat();
                (table.file, self.word(table.review, "review", &words).unwrap_or_default())
            }
        }
    }

    fn policy(&mut self, wire: wire::Policy) -> Policy {
        let words = [("allow", Reaction::Allow), ("warn", Reaction::Warn), ("deny", Reaction::Deny)];
        // `off` is a boolean to some writers of YAML
        let rehearsals = [&Rehearsal::WORDS[..], &[("false", Rehearsal::Off)]].concat();
        Policy {
            out_of_order: self.word(wire.out_of_order, "out-of-order", &words).unwrap_or_default(),
            unknown_executed: self
                .word(wire.unknown_executed, "unknown-executed", &words)
                .unwrap_or_default(),
            allow_split: wire.allow_split.unwrap_or(false),
            rehearsal: self.word(wire.rehearsal, "rehearsal", &rehearsals).unwrap_or_default(),
            phase: self.word(wire.phase, "phase", &Phases::WORDS).unwrap_or_default(),
        }
    }

    fn session(&mut self, wire: Option<BTreeMap<String, Text>>) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::new();
        for (name, text) in wire.unwrap_or_default() {
            let span = self.span(&text);
            if !sql::is_setting(&name) {
                self.fault(
                    Diagnostic::new(format!("{name:?} is not the name of a setting"))
                        .help("letters, digits and `_`, with `.` between them"),
                    span,
                );
            } else if let Some(value) = self.text(&text) {
                settings.insert(name.to_ascii_lowercase(), value);
            }
        }
        settings
    }

    fn foreign_keys(&mut self, text: Option<Text>) -> Option<bool> {
        self.word(text, "foreign-keys", &[("on", true), ("off", false), ("true", true), ("false", false)])
    }

    fn format(&mut self, text: Option<Text>) -> Option<Format> {
        let mut words: Vec<_> = Format::ALL.into_iter().map(|format| (format.name(), format)).collect();
        words.push(("sqlx", Format::Native));
        self.word(text, "format", &words)
    }

    fn dialects(&mut self, texts: Vec<Text>) -> Vec<Dialect> {
        let aliases = |dialect: Dialect| dialect.facts().aliases.iter().map(move |alias| (*alias, dialect));
        let words: Vec<_> = Dialect::ALL.into_iter().flat_map(aliases).collect();
        let mut dialects = Vec::new();
        for text in texts {
            let dialect = self.word(Some(text), "dialect", &words);
            dialects.extend(dialect.filter(|dialect| !dialects.contains(dialect)));
        }
        dialects
    }

    /// A word of a closed list.
    fn word<T: Copy>(&mut self, text: Option<Text>, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = text?;
        let span = self.span(&text);
        let word = self.text(&text)?;
        if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
            return Some(*value);
        }
        let known = words.iter().map(|(known, _)| *known).filter(|known| !matches!(*known, "true" | "false"));
        let help = match nearest(&word, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                format!("one of {}", known.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))
            }
        };
        self.fault(Diagnostic::new(format!("unknown {what} `{word}`")).help(help), span);
        None
    }

    fn namespace(&mut self, text: Option<Text>) -> Option<Namespace> {
        let text = text?;
        let span = self.span(&text);
        let text = self.text(&text)?;
        match Namespace::new(&text) {
            Ok(namespace) => Some(namespace),
            Err(error) => {
                self.fault(
                    Diagnostic::new(format!("{text:?} is no namespace"))
                        .cause(error)
                        .help("name it like a package"),
                    span,
                );
                None
            }
        }
    }

    fn named(&mut self, texts: Option<Vec<Text>>) -> Vec<Named> {
        let named = |text: Text| {
            let span = self.span(&text);
            Some(Named { name: self.text(&text)?, span })
        };
        texts.unwrap_or_default().into_iter().filter_map(named).collect()
    }

    fn texts(&mut self, texts: Option<Vec<Text>>) -> Vec<String> {
        texts.unwrap_or_default().into_iter().filter_map(|text| self.text(&text)).collect()
    }

    fn or(&mut self, text: Option<Text>, default: String) -> String {
        self.optional(text).unwrap_or(default)
    }

    fn optional(&mut self, text: Option<Text>) -> Option<String> {
        text.and_then(|text| self.text(&text))
    }

    /// A URL whose variable is not set is no URL: the file is committed, the variable is not.
    fn url(&mut self, text: Option<Text>) -> Option<String> {
        let text = text?;
        match self.expand(&text.value) {
            Err(Unexpanded::Unset(_)) => None,
            _ => self.value(&text),
        }
    }

    /// The value of a text that is no URL: its variables are remembered.
    fn text(&mut self, text: &Text) -> Option<String> {
        let value = self.value(text)?;
        if let Some(name) = variable(&text.value) {
            self.used.push(Named { name: name.to_owned(), span: self.span(text) });
        }
        Some(value)
    }

    fn value(&mut self, text: &Text) -> Option<String> {
        let fault = match self.expand(&text.value) {
            Ok(value) => return Some(value),
            Err(Unexpanded::Unset(name)) => Diagnostic::new(format!("the variable `{name}` is not set"))
                .help(format!("set it in the environment or in `.env`; `$${{{name}}}` is the text itself")),
            Err(Unexpanded::Unclosed) => Diagnostic::new("`${` is never closed")
                .help("write `${NAME}` for a variable, `$${` for the text itself"),
        };
        let span = self.span(text);
        self.fault(fault, span);
        None
    }

    fn expand(&self, text: &str) -> Result<String, Unexpanded> {
        let mut value = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if let Some(literal) = rest[..at].strip_suffix('$') {
                value.push_str(literal);
                value.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            value.push_str(&rest[..at]);
            let (name, after) = rest[at + 2..].split_once('}').ok_or(Unexpanded::Unclosed)?;
            value.push_str(&(self.variables)(name).ok_or_else(|| Unexpanded::Unset(name.to_owned()))?);
            rest = after;
        }
        value.push_str(rest);
        Ok(value)
    }

    fn span(&self, text: &Text) -> Range<usize> {
        wire::span(&self.source.text, text.referenced)
    }

    fn fault(&mut self, diagnostic: Diagnostic, span: Range<usize>) {
        let frame = Frame::new(self.source.path.clone(), self.source.text.clone(), span);
        // it may hold the value that is wrong
        let message = secret::masked_source(&diagnostic.message);
        self.faults.push(Diagnostic { message, ..diagnostic }.frame(frame));
    }
}

/// The first variable in a text.
fn variable(text: &str) -> Option<&str> {
    let (at, _) = text.match_indices("${").find(|(at, _)| !text[..*at].ends_with('$'))?;
    text[at + 2..].split('}').next()
}
