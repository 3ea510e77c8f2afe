//! How differences of schemas are shown: a unified diff by object, JSON, annotations of a code host.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::{Format, Global};
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::drift::{Drift, Policy, Section, Sides, sections, unified};
use crate::engine::{Failure, FailureKind};
use crate::report::human::{self, Weight};
use crate::schema::Schema;

/// What is compared, and how it is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Look {
    /// Compare only objects that this glob pattern over `KIND NAME` fits, or with `!` before it does not; may be repeated
    #[arg(long, value_name = "PATTERN")]
    filter: Vec<String>,
    /// Compare only what is in this schema (PostgreSQL); may be repeated
    #[arg(long, value_name = "SCHEMA")]
    schema: Vec<String>,
    /// Also print each difference as an annotation of this host's jobs
    #[arg(long, value_enum, value_name = "HOST")]
    annotations: Option<Host>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Host {
    Github,
}

impl Look {
    /// The policy with what the command line leaves out.
    pub(super) fn narrow(&self, policy: Policy) -> Result<Policy, Failure> {
        let usage = |fault: Diagnostic| Failure::new(FailureKind::Usage, fault);
        if !self.schema.is_empty() && policy.dialect != Dialect::Postgres {
            let title = policy.dialect.facts().title;
            let fault =
                Diagnostic::new(format!("`--schema` means nothing on {title}: it has one schema a database"));
            return Err(usage(fault.help("`--filter` chooses objects by their names")));
        }
        let filter = policy.filter.and(&self.filter).map_err(|text| {
            usage(
                Diagnostic::new(format!("`--filter`: `{text}` is no pattern"))
                    .help("such as `table public.*` or `!view *`"),
            )
        })?;
        Ok(Policy { filter: filter.in_schemas(&self.schema), ..policy })
    }

    /// Says that nothing was compared, where what was chosen is nowhere.
    pub(super) fn warn_if_idle(
        &self,
        context: &Context,
        policy: &Policy,
        (expected, actual): (&Schema, &Schema),
    ) {
        let given = given(context, &self.filter, &self.schema);
        if !given.is_empty() && policy.filter.has_none_of(&[expected, actual]) {
            human::print(&matches_nothing(&given), Weight::Warning);
        }
    }

    /// Prints what differs; answers with the text for a document.
    pub(super) fn show(
        &self,
        global: &Global,
        drift: &Drift,
        (expected, actual): (&Schema, &Schema),
        sides: Sides,
    ) -> Value {
        let sections = sections(drift, expected, actual, sides);
        let text = unified(&sections);
        let annotations = match self.annotations {
            Some(Host::Github) => github(&sections),
            None => String::new(),
        };
        if global.format == Format::Human {
            human::text(&text);
            for note in &drift.notes {
                human::line(&format!("note: {}", note.describe()));
            }
            human::text(&annotations);
        } else {
            annotations.lines().for_each(human::note); // a document stands alone
        }
        json!(text)
    }
}

/// The settings that choose objects, as far as they are given.
pub(in crate::cli) fn given(context: &Context, filter: &[String], schema: &[String]) -> Vec<&'static str> {
    let configured = &context.config.schema_check.filter;
    let all = [("--filter", filter), ("--schema", schema), ("schema-check.filter", &configured[..])];
    all.into_iter().filter(|(_, values)| !values.is_empty()).map(|(name, _)| name).collect()
}

/// What is said where they choose nothing.
pub(in crate::cli) fn matches_nothing(given: &[&str]) -> Diagnostic {
    let named = given.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let verb = if given.len() == 1 { "matches" } else { "together match" };
    Diagnostic::new(format!("{named} {verb} no object")).help(
        "a pattern is over `KIND NAME`, such as `table public.*`; `db-migrations schema dump` names them",
    )
}

/// One line for each difference, as GitHub's runners read it.
fn github(sections: &[Section<'_>]) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut text = String::new();
    for difference in sections.iter().flat_map(|section| &section.differences) {
        let title = format!("schema drift: {} {}", difference.kind, difference.name);
        let _ = writeln!(text, "::error title={}::{}", property(&title), data(&difference.describe()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::{Change, Difference};
    use crate::schema::Kind;

    #[test]
    fn what_would_end_an_annotation_is_escaped() {
        let difference = Difference {
            kind: Kind::Function,
            name: "f(a, b)\n::error::x".to_owned(),
            part: None,
            change: Change::Different,
            expected: Some("100%".to_owned()),
            actual: Some("a\r\nb".to_owned()),
        };
        let section = Section {
            kind: difference.kind,
            name: &difference.name,
            differences: vec![&difference],
            patch: String::new(),
        };
        let wanted = "::error title=schema drift%3A function f(a%2C b)%0A%3A%3Aerror%3A%3Ax::function \
                      `f(a, b)?::error::x` is different%0A  expected: 100%25%0A  actual:   a%0D%0Ab\n";
        assert_eq!(github(&[section]), wanted);
    }
}
