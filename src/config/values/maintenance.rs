//! `maintenance`: one way to switch it, and what is said meanwhile.

use std::time::Duration;

use serde_saphyr::Spanned;

use super::{Reader, Unexpanded};
use crate::config::wire::{self, Text};
use crate::config::{Maintenance, MaintenanceWay, OnFailure};
use crate::diagnostic::Diagnostic;

/// Most programs only touch a file or call a load balancer.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

const KEY: &str = "db-migrations:maintenance";

impl Reader<'_> {
    pub(super) fn maintenance(&mut self, wire: wire::Maintenance) -> Maintenance {
        let used = self.used.len();
        let maintenance = self.maintenance_of(wire);
        self.used.truncate(used); // a bundle holds nothing of it
        maintenance
    }

    fn maintenance_of(&mut self, wire: wire::Maintenance) -> Maintenance {
        let zero = Maintenance::default();
        let heartbeat_span = wire.heartbeat.as_ref().map(|text| self.span(text));
        let heartbeat = self.seconds(wire.heartbeat, "heartbeat").unwrap_or(zero.heartbeat);
        if let (Some(span), true) = (heartbeat_span, heartbeat.is_zero()) {
            let fault = Diagnostic::new("`heartbeat`: what never beats is never alive");
            self.fault(fault.help("write at least `heartbeat: 1`, or leave it out"), span);
        }
        Maintenance {
            way: self.way(wire.file, wire.redis, wire.command),
            on_failure: self.word(wire.on_failure, "on-failure", &OnFailure::WORDS).unwrap_or_default(),
            heartbeat,
            retry_after: self.seconds(wire.retry_after, "retry-after"),
            message: self.optional(wire.message),
        }
    }

    fn way(
        &mut self,
        file: Option<Text>,
        redis: Option<Spanned<wire::Redis>>,
        command: Option<Spanned<wire::MaintenanceCommand>>,
    ) -> Option<MaintenanceWay> {
        let spans = [
            file.as_ref().map(|text| self.span(text)),
            redis.as_ref().map(|redis| wire::span(&self.source.text, redis.referenced)),
            command.as_ref().map(|command| wire::span(&self.source.text, command.referenced)),
        ];
        if let Some(second) = spans.into_iter().flatten().nth(1) {
            let fault = Diagnostic::new("`maintenance` is switched in one way only");
            self.fault(fault.help("keep one of `file`, `redis` and `command`"), second);
        }
        let file = self.optional(file).map(MaintenanceWay::File);
        let redis = redis.and_then(|redis| self.redis(redis));
        let command = command.and_then(|command| self.command(command));
        file.or(redis).or(command)
    }

    fn redis(&mut self, wire: Spanned<wire::Redis>) -> Option<MaintenanceWay> {
        let span = wire::span(&self.source.text, wire.referenced);
        let wire::Redis { url, key } = wire.value;
        let Some(url) = url else {
            let fault = Diagnostic::new("`maintenance.redis` names no server");
            self.fault(fault.help("write `redis: { url: \"${REDIS_URL}\" }`"), span);
            return None;
        };
        let variable = match self.expand(&url.value) {
            Err(Unexpanded::Unset(name)) => Some(name),
            _ => None,
        };
        let key = self.or(key, KEY.to_owned());
        Some(MaintenanceWay::Redis { url: self.url(Some(url)).map(Into::into), variable, key })
    }

    fn command(&mut self, wire: Spanned<wire::MaintenanceCommand>) -> Option<MaintenanceWay> {
        let span = wire::span(&self.source.text, wire.referenced);
        let wire::MaintenanceCommand { on, off, timeout } = wire.value;
        let timeout = self.seconds(timeout, "timeout").unwrap_or(COMMAND_TIMEOUT);
        let is_named = |words: &Option<Vec<Text>>| words.as_ref().is_some_and(|words| !words.is_empty());
        if !is_named(&on) || !is_named(&off) {
            let fault = Diagnostic::new("`maintenance.command` needs two programs: `on` and `off`");
            self.fault(fault.help("write `on: [PROGRAM, ARGUMENT…]` and `off: [PROGRAM, ARGUMENT…]`"), span);
            return None;
        }
        Some(MaintenanceWay::Command { on: self.texts(on), off: self.texts(off), timeout })
    }
}
