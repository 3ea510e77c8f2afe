//! Which objects count: glob patterns over `kind name`.
//!
//! A pattern with `!` before it takes objects away; where there is one without, only what fits one of
//! those is left. Several lists must all agree.

use glob::Pattern;

use super::schema_of;
use crate::schema::{Object, Schema};

/// Which objects count.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    lists: Vec<List>,
    schemas: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct List {
    wanted: Vec<Pattern>,
    unwanted: Vec<Pattern>,
}

impl List {
    fn has(&self, text: &str) -> bool {
        (self.wanted.is_empty() || self.wanted.iter().any(|pattern| pattern.matches(text)))
            && !self.unwanted.iter().any(|pattern| pattern.matches(text))
    }
}

impl Filter {
    /// The same, and this list must agree; the error is the text that is no pattern.
    pub fn and(mut self, patterns: &[String]) -> Result<Self, &str> {
        let mut list = List::default();
        for text in patterns {
            let (bare, list) = match text.strip_prefix('!') {
                Some(bare) => (bare, &mut list.unwanted),
                None => (text.as_str(), &mut list.wanted),
            };
            list.push(Pattern::new(bare.trim()).map_err(|_| text.as_str())?);
        }
        if !patterns.is_empty() {
            self.lists.push(list);
        }
        Ok(self)
    }

    /// The same, and only what is in one of these schemas.
    #[must_use]
    pub fn in_schemas(mut self, schemas: &[String]) -> Self {
        self.schemas.extend(schemas.iter().cloned());
        self
    }

    /// Whether an object counts.
    pub fn has(&self, object: &Object) -> bool {
        let bare = |name: String| name.trim_matches('"').replace("\"\"", "\"");
        (self.schemas.is_empty() || self.schemas.contains(&bare(schema_of(object))))
            && self.lists.iter().all(|list| list.has(&format!("{} {}", object.kind, object.name)))
    }

    /// Whether there are objects, and none counts.
    pub fn has_none_of(&self, schemas: &[&Schema]) -> bool {
        let mut objects = schemas.iter().flat_map(|schema| &schema.objects).peekable();
        objects.peek().is_some() && !objects.any(|object| self.has(object))
    }

    /// The schema without what does not count.
    pub fn of(&self, schema: &Schema) -> Schema {
        let kept: Vec<usize> =
            (0..schema.objects.len()).filter(|at| self.has(&schema.objects[*at])).collect();
        let place = |at: &usize| kept.binary_search(at).ok();
        Schema {
            needs: schema.needs.iter().filter_map(|(a, b)| Some((place(a)?, place(b)?))).collect(),
            objects: kept.iter().map(|at| schema.objects[*at].clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Kind;

    fn object(kind: Kind, name: &str) -> Object {
        Object { kind, name: name.to_owned(), definition: String::new() }
    }

    fn has(patterns: &[&str], kind: Kind, name: &str) -> bool {
        let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
        Filter::default().and(&patterns).unwrap().has(&object(kind, name))
    }

    #[test]
    fn patterns_choose_and_take_away() {
        assert!(has(&[], Kind::Table, "public.a"));
        assert!(has(&["table *"], Kind::Table, "public.a"));
        assert!(!has(&["table *"], Kind::View, "public.a"));
        assert!(has(&["!view *"], Kind::Table, "public.a"));
        assert!(!has(&["!view *"], Kind::View, "public.a"));
        assert!(!has(&["table *", "!* public.a"], Kind::Table, "public.a"));
        assert!(has(&["table *", "view *"], Kind::View, "v"));
        let bad = ["a[".to_owned()];
        assert_eq!(Filter::default().and(&bad).unwrap_err(), "a[");
    }

    #[test]
    fn lists_must_all_agree_and_schemas_are_unquoted() {
        let (first, second) = (["table *".to_owned()], ["!* b".to_owned()]);
        let filter = Filter::default().and(&first).unwrap().and(&second).unwrap();
        assert!(filter.has(&object(Kind::Table, "a")) && !filter.has(&object(Kind::Table, "b")));
        let filter = Filter::default().in_schemas(&["Odd one".to_owned(), "public".to_owned()]);
        assert!(
            filter.has(&object(Kind::Table, "\"Odd one\".t")) && filter.has(&object(Kind::Table, "public.t"))
        );
        assert!(filter.has(&object(Kind::Schema, "\"Odd one\"")) && !filter.has(&object(Kind::Table, "x.t")));
    }

    #[test]
    fn what_is_left_keeps_its_dependencies() {
        let objects = ["a", "b", "c"].map(|name| object(Kind::Table, name)).to_vec();
        let schema = Schema { objects, needs: vec![(1, 0), (2, 0)] };
        let left = Filter::default().and(&["!* b".to_owned()]).unwrap().of(&schema);
        assert_eq!((left.objects.len(), left.needs), (2, vec![(1, 0)]));
    }
}
