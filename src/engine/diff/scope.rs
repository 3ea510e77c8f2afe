//! What may change: by pattern, by schema, by the module that it belongs to.

use crate::diagnostic::Diagnostic;
use crate::drift::schema_of;
use crate::schema::{Kind, Object};

use crate::engine::failure::{Failure, Kind as FailureKind};

use super::Request;

/// Patterns and schemas of a request.
pub(super) struct Scope {
    wanted: Vec<glob::Pattern>,
    unwanted: Vec<glob::Pattern>,
    schemas: Vec<String>,
}

impl Scope {
    /// Those of a request; `ignored` are the patterns of `schema-check.ignore`.
    pub(super) fn of(request: &Request<'_>, ignored: &[String]) -> Result<Self, Failure> {
        let pattern = |text: &str| {
            glob::Pattern::new(text).map_err(|error| {
                let fault = Diagnostic::new(format!("`{text}` is no pattern")).cause(error);
                Failure::new(FailureKind::Usage, fault)
            })
        };
        let (out, in_): (Vec<&String>, Vec<&String>) =
            request.filter.iter().partition(|text| text.starts_with('!'));
        let out = out.into_iter().map(|text| &text[1..]).chain(ignored.iter().map(String::as_str));
        Ok(Self {
            wanted: in_.into_iter().map(|text| pattern(text)).collect::<Result<_, _>>()?,
            unwanted: out.map(pattern).collect::<Result<_, _>>()?,
            schemas: request.schemas.clone(),
        })
    }

    /// Whether an object may change.
    pub(super) fn holds(&self, object: &Object) -> bool {
        let text = format!("{} {}", object.kind, object.name);
        let matches = |pattern: &glob::Pattern| pattern.matches(&text) || pattern.matches(&object.name);
        let of_schema = || self.schemas.iter().any(|name| *name == schema_of(object));
        (self.wanted.is_empty() || self.wanted.iter().any(matches))
            && !self.unwanted.iter().any(matches)
            && (self.schemas.is_empty() || of_schema())
    }
}

/// An object for people: `table users`.
pub(super) fn shown(key: &(Kind, String)) -> String {
    format!("{} `{}`", key.0, key.1)
}
