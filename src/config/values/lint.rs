//! `lint`: what rules weigh. Which rules there are is known further up.

use super::Reader;
use crate::config::wire;
use crate::config::{Lint, Named, Severity};

const MOST_ROWS: u32 = 1_000_000_000;

impl Reader<'_> {
    pub(super) fn lint(&mut self, wire: wire::Lint) -> Lint {
        // `off` is a boolean to some writers of YAML
        let words = [&Severity::WORDS[..], &[("false", Severity::Off)]].concat();
        let mut rules = Vec::new();
        for (name, text) in wire.rules.unwrap_or_default().0 {
            let span = self.span(&name);
            let severity = self.word(Some(text), "severity", &words);
            rules.extend(severity.map(|severity| (Named { name: name.value, span }, severity)));
        }
        let usual = Lint::default().small_table;
        let small_table = self.whole(wire.small_table, "small-table", "number of rows", MOST_ROWS);
        Lint { rules, small_table: small_table.unwrap_or(usual) }
    }
}
