//! What a module says about itself: `[package.metadata.db-migrations]` or `module.yml`.
//!
//! Both have the same five keys, all optional: `path`, `namespace`, `format`, `depends-on`, `schema`. Both come
//! here as a JSON object (Cargo hands the metadata over as one), so that there is one reader; the
//! code frame is found by looking for the word in the file.

use serde_json::{Map, Value};

use super::faults::{Faults, list};
use crate::diagnostic::{Diagnostic, Frame, nearest};
use crate::id::Namespace;
use crate::module::Format;

const KEYS: [&str; 5] = ["path", "namespace", "format", "depends-on", "schema"];

/// A module's own word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) path: Option<String>,
    pub(super) namespace: Option<Namespace>,
    pub(super) format: Option<Format>,
    pub(super) depends_on: Vec<Namespace>,
    /// Where its declared schema stands.
    pub(super) schema: Option<String>,
}

/// The file that speaks, for messages.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The file as it is shown.
    pub(super) path: &'a str,
    /// Its text, empty when it could not be read again.
    pub(super) text: &'a str,
    /// Where the section begins.
    pub(super) start: usize,
}

impl<'a> Place<'a> {
    /// A manifest; what is searched begins at our table.
    pub(super) fn manifest(path: &'a str, text: &'a str) -> Self {
        Self { path, text, start: text.find("metadata.db-migrations").unwrap_or(0) }
    }

    fn fault(&self, diagnostic: Diagnostic, word: &str) -> Diagnostic {
        if self.text.is_empty() {
            return diagnostic.note(format!("in `{}`", self.path));
        }
        let found = self.text[self.start..].find(word).map(|at| self.start + at);
        let span = found.map_or(self.start..self.start, |at| at..at + word.len());
        diagnostic.frame(Frame::new(self.path, self.text, span))
    }
}

/// Reads `module.yml`.
pub(super) fn from_yaml(path: &str, text: &str, faults: &mut Faults) -> Option<Declared> {
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let map: Result<Option<Map<String, Value>>, _> = serde_saphyr::from_str_with_options(text, options);
    match map {
        Ok(map) => read(&map.unwrap_or_default(), Place { path, text, start: 0 }, faults),
        Err(error) => {
            let at = error.location().and_then(|location| location.span().byte_offset());
            let at = at.and_then(|at| usize::try_from(at).ok()).unwrap_or(0).min(text.len());
            let fault = Diagnostic::new(format!("cannot read `{path}`")).cause(error);
            faults.error(fault.frame(Frame::new(path, text, at..at)));
            None
        }
    }
}

/// Reads `[package.metadata.db-migrations]`.
pub(super) fn from_metadata(value: &Value, place: Place<'_>, faults: &mut Faults) -> Option<Declared> {
    if let Value::Object(map) = value {
        read(map, place, faults)
    } else {
        let fault = Diagnostic::new("`package.metadata.db-migrations` is not a table");
        faults.error(place.fault(fault, "db-migrations"));
        None
    }
}

fn read(map: &Map<String, Value>, place: Place<'_>, faults: &mut Faults) -> Option<Declared> {
    let before = faults.errors.len();
    for key in map.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        let fault = Diagnostic::new(format!("unknown key `{key}`"));
        let help = match nearest(key, KEYS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys here: {}", list(KEYS)),
        };
        faults.error(place.fault(fault.help(help), key));
    }
    let mut text = |key: &str| match map.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            faults.error(place.fault(Diagnostic::new(format!("`{key}` is not a text")), key));
            None
        }
    };
    let (path, namespace, format) = (text("path"), text("namespace"), text("format"));
    let schema = text("schema");
    let depends_on = texts(map, "depends-on", place, faults);
    let declared = Declared {
        path,
        namespace: namespace.and_then(|text| to_namespace(&text, place, faults)),
        format: format.and_then(|text| to_format(&text, place, faults)),
        depends_on: depends_on.iter().filter_map(|text| to_namespace(text, place, faults)).collect(),
        schema,
    };
    (faults.errors.len() == before).then_some(declared)
}

fn texts(map: &Map<String, Value>, key: &str, place: Place<'_>, faults: &mut Faults) -> Vec<String> {
    let items = match map.get(key) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    items.unwrap_or_else(|| {
        faults.error(place.fault(Diagnostic::new(format!("`{key}` is not a list of namespaces")), key));
        Vec::new()
    })
}

fn to_namespace(text: &str, place: Place<'_>, faults: &mut Faults) -> Option<Namespace> {
    let fault = |error| place.fault(Diagnostic::new(format!("{text:?} is no namespace")).cause(error), text);
    faults.keep(Namespace::new(text).map_err(fault))
}

fn to_format(text: &str, place: Place<'_>, faults: &mut Faults) -> Option<Format> {
    let names = || Format::ALL.into_iter().map(Format::name).chain(["sqlx"]);
    let unknown = || {
        let fault = Diagnostic::new(format!("unknown format `{text}`"));
        let fault = match nearest(text, names()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!("one of {}", list(names()))),
        };
        place.fault(fault, text)
    };
    faults.keep(Format::from_name(text).ok_or_else(unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fault = (String, (usize, usize));

    fn yaml(text: &str) -> (Option<Declared>, Vec<Fault>) {
        let mut faults = Faults::default();
        let declared = from_yaml("module.yml", text, &mut faults);
        let tell = |fault: Diagnostic| (fault.message.clone(), fault.frames[0].line_column());
        (declared, faults.errors.into_iter().map(tell).collect())
    }

    #[test]
    fn five_keys() {
        let (declared, _) =
            yaml("path: sql\nnamespace: users\nformat: sqlx\ndepends-on: [core]\nschema: s.sql\n");
        let declared = declared.unwrap();
        assert_eq!(declared.schema.as_deref(), Some("s.sql"));
        assert_eq!((declared.path.as_deref(), declared.format), (Some("sql"), Some(Format::Native)));
        assert_eq!(declared.depends_on, [Namespace::new("core").unwrap()]);
        assert_eq!(yaml("").0, Some(Declared::default()));
        assert_eq!(yaml("# nothing\npath:\n").0, Some(Declared::default()));
    }

    #[test]
    fn every_fault_with_its_place() {
        let (declared, faults) = yaml("pth: x\nformat: dieseel\ndepends-on: a b\nnamespace: 'a b'\n");
        assert_eq!(declared, None);
        let wanted = [
            ("unknown key `pth`", (1, 1)),
            ("`depends-on` is not a list of namespaces", (3, 1)),
            ("\"a b\" is no namespace", (3, 13)),
            ("unknown format `dieseel`", (2, 9)),
        ];
        assert_eq!(faults, wanted.map(|(message, at)| (message.to_owned(), at)));
        assert_eq!(yaml("a: [\n").1.len(), 1);
        assert_eq!(yaml("- a\n").1.len(), 1);
    }

    #[test]
    fn metadata_is_found_in_the_manifest() {
        let text = "[package]\npath = 1\n[package.metadata.db-migrations]\npath = 1\n";
        let mut faults = Faults::default();
        let place = Place::manifest("Cargo.toml", text);
        assert_eq!(from_metadata(&serde_json::json!({ "path": 1 }), place, &mut faults), None);
        assert_eq!(faults.errors[0].frames[0].line_column(), (4, 1));
        assert_eq!(from_metadata(&serde_json::json!(1), place, &mut faults), None);
    }
}
