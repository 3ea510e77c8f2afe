//! `schema` and `schema-check`: what is declared, and what the schema is compared with.

use std::time::Duration;

use super::Reader;
use crate::config::wire;
use crate::config::{SchemaCheck, SchemaCheckMode, SchemaCommand, SchemaSource, SchemaText};
use crate::diagnostic::Diagnostic;

/// What an ORM prints may have to be compiled first.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(5);

impl Reader<'_> {
    pub(super) fn schema(&mut self, wire: wire::Schema) -> SchemaText {
        let timeout = self.seconds(wire.command_timeout, "command-timeout").unwrap_or(COMMAND_TIMEOUT);
        let path = wire.path.and_then(|text| self.named(Some(vec![text])).pop());
        let Some(command) = wire.command else { return path.map_or(SchemaText::Usual, SchemaText::Path) };
        let span = wire::span(&self.source.text, command.referenced);
        if path.is_some() {
            let fault = Diagnostic::new("`schema.path` and `schema.command` do not go together");
            self.fault(fault.help("leave one of them out"), span.clone());
        }
        if command.value.is_empty() {
            let fault = Diagnostic::new("`schema.command` names no program");
            self.fault(fault.help("write `[PROGRAM, ARGUMENT…]`, or leave it out"), span.clone());
        }
        let words = self.texts(Some(command.value));
        SchemaText::Command(SchemaCommand { words, timeout, span })
    }

    pub(super) fn schema_check(&mut self, wire: wire::SchemaCheck) -> SchemaCheck {
        let modes = [
            ("superset", SchemaCheckMode::Superset),
            ("strict", SchemaCheckMode::Strict),
            ("off", SchemaCheckMode::Off),
            ("false", SchemaCheckMode::Off),
        ];
        let sources = [
            ("replay", SchemaSource::Replay),
            ("declared", SchemaSource::Declared),
            ("off", SchemaSource::Off),
            ("false", SchemaSource::Off),
        ];
        SchemaCheck {
            mode: self.word(wire.mode, "mode", &modes).unwrap_or_default(),
            source: self.word(wire.source, "source", &sources).unwrap_or_default(),
            ignore: self.texts(wire.ignore),
            filter: self.texts(wire.filter),
        }
    }
}
