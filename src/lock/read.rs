//! The lock's YAML, read strictly from parser events.
//!
//! Serde cannot see anchors, aliases, tags, quoting and flow style, so `granit-parser`'s events are
//! read instead. What a person could write and a machine could misread is refused: the lock is
//! consent, and must say one thing only. Positions of all parts are kept for the edits of `edit`.

mod formers;

use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use crate::diagnostic::{Diagnostic, Frame, nearest};
use crate::id::{Checksum, MigrationId, is_deceptive};

use super::Entry;
use super::text::{byte_order_mark, line_start};

/// Where an entry's value stands.
#[derive(Clone, Debug)]
pub(super) enum ValueSite {
    /// Nothing after the colon; the offset after it.
    Null(usize),
    /// `{ … }`.
    Flow(Range<usize>),
    /// Lines below, indented.
    Block,
}

/// Where a field of an entry stands.
#[derive(Clone, Debug)]
pub(super) struct FieldSite {
    pub(super) name: &'static str,
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

/// One entry as it was read.
#[derive(Clone, Debug)]
pub(super) struct RawEntry {
    pub(super) id: MigrationId,
    pub(super) entry: Entry,
    pub(super) key: Range<usize>,
    pub(super) value: ValueSite,
    pub(super) fields: Vec<FieldSite>,
    /// The byte after its last one.
    pub(super) end: usize,
}

pub(super) const FIELDS: [&str; 6] = ["skip", "same-as", "checksum", "replaces", "reviewed", "kind"];

/// The format that this tool writes; a newer one announces itself by `lock-version: 2`.
const VERSION: u32 = 1;

/// A list of ids in an entry is three levels deep; faults up to here are named for what they are.
const MAX_DEPTH: usize = 16;

const ONE_LINE: &str = "one line per migration: `namespace::name: { skip: false, checksum: … }`";

type Node<'a> = (Event<'a>, Range<usize>);

/// Reads all entries, or says everything that is wrong.
pub(super) fn entries(path: &str, text: &Arc<str>) -> Result<Vec<RawEntry>, Vec<Diagnostic>> {
    let mut reader = Reader { path, text, faults: Vec::new(), events: Vec::new(), at: 0 };
    if let Some(fault) = reader.marker().or_else(|| reader.unseen()) {
        return Err(vec![fault]);
    }
    if let Err(fault) = reader.scan() {
        return Err(vec![fault]);
    }
    let entries = reader.document();
    if reader.faults.is_empty() { Ok(entries) } else { Err(reader.faults) }
}

struct Reader<'a> {
    path: &'a str,
    text: &'a Arc<str>,
    faults: Vec<Diagnostic>,
    events: Vec<Node<'a>>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn fault(&mut self, span: Range<usize>, message: impl Into<String>, help: &str) {
        let frame = Frame::new(self.path, Arc::clone(self.text), span);
        self.faults.push(Diagnostic::new(message).frame(frame).help(help));
    }

    /// A line that git left behind, or that ends the document before the text ends.
    fn marker(&self) -> Option<Diagnostic> {
        let mut offset = byte_order_mark(self.text).len();
        for line in self.text[offset..].split_inclusive('\n') {
            let marker = ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().find(|m| line.starts_with(**m));
            if let Some(marker) = marker {
                let frame = Frame::new(self.path, Arc::clone(self.text), offset..offset + marker.len());
                return Some(
                    Diagnostic::new("the lock has git conflict markers")
                        .frame(frame.label("left by a merge"))
                        .help("run `db-migrations lock resolve`: it joins both sides"),
                );
            }
            if line.trim_end() == "..." || line.starts_with("... ") {
                let frame = Frame::new(self.path, Arc::clone(self.text), offset..offset + 3);
                return Some(
                    Diagnostic::new("the lock ends before its text does")
                        .frame(frame.label("ends the document"))
                        .help("remove the `...` line"),
                );
            }
            offset += line.len();
        }
        None
    }

    /// A character that people do not see, or that ends a line for some readers and not for others.
    fn unseen(&self) -> Option<Diagnostic> {
        let top = byte_order_mark(self.text).len();
        let mut rest = self.text[top..].char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            let seen = match c {
                '\n' | '\t' | '\u{ad}' | '\u{200c}' | '\u{200d}' => true,
                '\r' => rest.peek().is_some_and(|(_, next)| *next == '\n'),
                c => !(c.is_control() || is_deceptive(c)),
            };
            if !seen {
                let frame = Frame::new(self.path, Arc::clone(self.text), top + at..top + at + c.len_utf8());
                let message = format!("the lock holds {c:?}, which people do not see");
                return Some(Diagnostic::new(message).frame(frame).help("remove the character"));
            }
        }
        None
    }

    fn scan(&mut self) -> Result<(), Diagnostic> {
        let skipped = byte_order_mark(self.text).len();
        let source: &'a str = &self.text[skipped..];
        let options = granit_parser::options! { emit_comments: false };
        self.events.reserve(source.len() / 16);
        let mut depth = 0usize;
        for result in Parser::new_from_str_with_options(source, options) {
            match result {
                Ok((event, span)) => {
                    let start = span.start.byte_offset().unwrap_or_default() + skipped;
                    let end = span.end.byte_offset().unwrap_or_default() + skipped;
                    match event {
                        Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                        Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    if depth > MAX_DEPTH {
                        let frame = Frame::new(self.path, Arc::clone(self.text), start..end.max(start));
                        return Err(Diagnostic::new("the lock is nested too deeply")
                            .frame(frame)
                            .help(ONE_LINE));
                    }
                    self.events.push((event, start..end.max(start)));
                }
                Err(error) => {
                    let at = error.marker().byte_offset().unwrap_or_default() + skipped;
                    let frame = Frame::new(self.path, Arc::clone(self.text), at..at);
                    return Err(Diagnostic::new("the lock is not valid YAML")
                        .frame(frame.label(error.kind().to_string()))
                        .help(ONE_LINE));
                }
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Node<'a>> {
        let node = self.events.get(self.at).cloned();
        self.at += 1;
        node
    }

    fn document(&mut self) -> Vec<RawEntry> {
        let mut entries = Vec::new();
        let mut documents = 0;
        while let Some((event, span)) = self.next() {
            match event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents == 2 {
                        self.fault(span, "the lock holds several documents", "remove the `---` line");
                    }
                }
                Event::MappingStart(style, anchor, tag) => {
                    self.plain_node(anchor, tag.is_some(), &span);
                    if style == StructureStyle::Flow {
                        self.fault(
                            span,
                            "the whole lock is one `{…}`",
                            "write one line per migration, without braces around all of them",
                        );
                        return entries;
                    }
                    entries.extend(self.top_map());
                }
                // only what is absent: behind a written `null` no entry could stand
                Event::Scalar(value, ScalarStyle::Plain, 0, None) if is_null(&value) && span.is_empty() => {}
                _ => {
                    self.fault(
                        span,
                        "the lock is a map of migrations",
                        "one line per migration: `namespace::name: { skip: false }`",
                    );
                    return entries;
                }
            }
        }
        entries
    }

    fn top_map(&mut self) -> Vec<RawEntry> {
        let mut entries = Vec::new();
        let mut first = true;
        while let Some((event, span)) = self.next() {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let plain = self.before_on_its_line(&span).is_empty() && self.has_its_colon(&span);
            let Some(key) = self.key(event, &span, plain) else {
                self.skip_value();
                continue;
            };
            if key == "lock-version" {
                self.version(first);
            } else if let Some(entry) = self.entry(&key, span) {
                entries.push(entry);
            }
            first = false;
        }
        entries
    }

    /// The text of a key; refuses what is not a bare or quoted word. A key that is not `plain` stands behind
    /// a `?` or is indented where it should not be: no line could be added next to it or taken away.
    fn key(&mut self, event: Event<'a>, span: &Range<usize>, plain: bool) -> Option<String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_node(anchor, tag.is_some(), span);
                if !plain && anchor == 0 && tag.is_none() {
                    let help = "write it without a `?`, an id at the very start of its line";
                    self.fault(span.clone(), "a key is written as `key: value`", help);
                }
                if text == "<<" && style == ScalarStyle::Plain {
                    self.fault(span.clone(), "merge keys are not allowed in the lock", "write the entry out");
                    return None;
                }
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    self.fault(span.clone(), "a key is written on one line", "write `namespace::name:`");
                    return None;
                }
                Some(text.into_owned())
            }
            Event::Alias(_) => {
                self.alias(span);
                None
            }
            _ => {
                self.fault(span.clone(), "a key is a migration's id", "write `namespace::name:`");
                self.at -= 1;
                self.skip_value();
                None
            }
        }
    }

    /// What stands before a key on its line.
    fn before_on_its_line(&self, key: &Range<usize>) -> &str {
        &self.text[line_start(self.text, key.start)..key.start]
    }

    fn has_its_colon(&self, key: &Range<usize>) -> bool {
        self.text[key.end..].trim_start_matches([' ', '\t']).starts_with(':')
    }

    /// Whether a field's key stands there without a `?`; the key or value before it ends at `before`.
    fn is_plain_field(&self, style: StructureStyle, before: usize, key: &Range<usize>) -> bool {
        match style {
            StructureStyle::Block => {
                self.before_on_its_line(key).trim().is_empty() && self.has_its_colon(key)
            }
            StructureStyle::Flow => {
                let between = self.text.get(before..key.start).unwrap_or_default();
                let marked = |line: &str| line.split('#').next().is_some_and(|text| text.contains('?'));
                !between.lines().any(marked)
            }
        }
    }

    fn alias(&mut self, span: &Range<usize>) {
        self.fault(span.clone(), "aliases are not allowed in the lock", "write the value out");
    }

    fn plain_node(&mut self, anchor: usize, tagged: bool, span: &Range<usize>) {
        if anchor != 0 {
            self.fault(span.clone(), "anchors are not allowed in the lock", "remove the `&name`");
        }
        if tagged {
            self.fault(span.clone(), "tags are not allowed in the lock", "remove the `!tag`");
        }
    }

    /// Passes over one value with all it holds.
    fn skip_value(&mut self) -> usize {
        let mut depth = 0usize;
        let mut end = 0;
        while let Some((event, span)) = self.next() {
            end = span.end;
            match event {
                Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
                Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        end
    }

    fn version(&mut self, first: bool) {
        let Some((event, span)) = self.next() else { return };
        let Event::Scalar(value, ..) = event else {
            self.fault(span, "`lock-version` is a number", "remove the line");
            return;
        };
        match value.parse::<u32>() {
            Ok(version) if version <= VERSION && first => {}
            Ok(version) if version > VERSION => self.fault(
                span,
                format!(
                    "this lock has format version {version}, newer than this db-migrations reads ({VERSION})"
                ),
                "update db-migrations",
            ),
            _ => self.fault(span, "`lock-version` is a number and the first key", "remove the line"),
        }
    }

    fn entry(&mut self, key: &str, key_span: Range<usize>) -> Option<RawEntry> {
        let id = match key.parse::<MigrationId>() {
            Ok(id) => Some(id),
            Err(error) => {
                self.fault(
                    key_span.clone(),
                    format!("this is no migration's id: {error}"),
                    "write `namespace::name:`",
                );
                None
            }
        };
        let (event, span) = self.next()?;
        let mut entry = Entry::default();
        let mut fields = Vec::new();
        let mut end = span.end.max(key_span.end);
        let value = match event {
            Event::MappingStart(style, anchor, tag) => {
                self.plain_node(anchor, tag.is_some(), &span);
                let close = self.fields(style, &mut entry, &mut fields);
                match style {
                    StructureStyle::Flow => {
                        end = close;
                        ValueSite::Flow(span.start..close)
                    }
                    StructureStyle::Block => {
                        end = fields.iter().map(|field| field.value.end).max().unwrap_or(end);
                        ValueSite::Block
                    }
                }
            }
            Event::Scalar(value, ScalarStyle::Plain, 0, None) if is_null(&value) => {
                if span.is_empty() {
                    let colon =
                        self.text[key_span.end..].find(':').map_or(key_span.end, |at| key_span.end + at + 1);
                    end = colon;
                    ValueSite::Null(colon)
                } else {
                    ValueSite::Flow(span)
                }
            }
            Event::Alias(_) => {
                self.alias(&span);
                return None;
            }
            Event::SequenceStart(..) => {
                self.at -= 1;
                self.skip_value();
                self.fault(span, "an entry is a map", "write `{ skip: false }`");
                return None;
            }
            _ => {
                self.fault(span, "an entry is a map", "write `{ skip: false }`");
                return None;
            }
        };
        Some(RawEntry { id: id?, entry, key: key_span, value, fields, end })
    }

    /// Reads `key: value` pairs up to the end of the map; returns where that end is.
    fn fields(&mut self, style: StructureStyle, entry: &mut Entry, fields: &mut Vec<FieldSite>) -> usize {
        let mut before = self.at.checked_sub(1).map_or(0, |at| self.events[at].1.end);
        while let Some((event, span)) = self.next() {
            if matches!(event, Event::MappingEnd) {
                return span.end;
            }
            let plain = self.is_plain_field(style, before, &span);
            let Some(name) = self.key(event, &span, plain) else {
                before = self.skip_value();
                continue;
            };
            if fields.iter().any(|field| field.name == name) {
                self.fault(span.clone(), format!("`{name}` stands twice in one entry"), "remove one of them");
            }
            let value = self.field(&name, &span, entry);
            before = value.end;
            if let Some(name) = FIELDS.into_iter().find(|known| *known == name) {
                fields.push(FieldSite { name, key: span, value });
            }
        }
        self.text.len()
    }

    fn field(&mut self, name: &str, key: &Range<usize>, entry: &mut Entry) -> Range<usize> {
        let Some((event, span)) = self.next() else { return key.clone() };
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                self.plain_node(anchor, tag.is_some(), &span);
                self.scalar(name, key, &value, style, &span, entry);
                span
            }
            Event::Alias(_) => {
                self.alias(&span);
                span
            }
            Event::SequenceStart(_, anchor, tag) if name == "replaces" => {
                self.plain_node(anchor, tag.is_some(), &span);
                let end = self.formers(&mut entry.replaces);
                span.start..end
            }
            _ => {
                self.at -= 1;
                let end = self.skip_value();
                if FIELDS.contains(&name) {
                    self.fault(span.clone(), format!("`{name}` has the wrong type"), "see docs/lock.md");
                } else {
                    self.unknown_key(name, key);
                }
                span.start..end
            }
        }
    }

    fn unknown_key(&mut self, name: &str, span: &Range<usize>) {
        let help = match nearest(name, FIELDS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("an entry has the keys {}", FIELDS.map(|key| format!("`{key}`")).join(", ")),
        };
        self.fault(span.clone(), format!("unknown key `{name}`"), &help);
    }

    fn scalar(
        &mut self,
        name: &str,
        key: &Range<usize>,
        value: &str,
        style: ScalarStyle,
        span: &Range<usize>,
        entry: &mut Entry,
    ) {
        match name {
            "skip" => match bare_bool(value, style) {
                Some(skip) => entry.skip = skip,
                None => self.fault(
                    span.clone(),
                    "`skip` is the bare word `true` or `false`",
                    "write `skip: true` or `skip: false`",
                ),
            },
            "reviewed" => match bare_bool(value, style) {
                Some(reviewed) => entry.reviewed = Some(reviewed),
                None => self.fault(
                    span.clone(),
                    "`reviewed` is the bare word `true` or `false`",
                    "write `reviewed: true`",
                ),
            },
            "same-as" => match value.parse() {
                Ok(id) => entry.same_as = Some(id),
                Err(error) => self.fault(
                    span.clone(),
                    format!("`same-as` names a migration: {error}"),
                    "write `namespace::name`",
                ),
            },
            "checksum" => match value.parse::<Checksum>() {
                Ok(checksum) => entry.checksum = Some(checksum),
                Err(error) => self.fault(
                    span.clone(),
                    error.to_string(),
                    "remove the `checksum` and run `db-migrations lock`",
                ),
            },
            "kind" if value == "sql" => {}
            "kind" => self.fault(
                span.clone(),
                format!("migrations of kind `{value}` are not known to this db-migrations"),
                "update db-migrations, or write `kind: sql`",
            ),
            "replaces" => {
                self.fault(span.clone(), "`replaces` is a list of ids", "write `[namespace::name]`");
            }
            _ => self.unknown_key(name, key),
        }
    }
}

/// An absent value arrives as `~`, too.
fn is_null(value: &str) -> bool {
    matches!(value, "" | "~" | "null")
}

fn bare_bool(value: &str, style: ScalarStyle) -> Option<bool> {
    match (style, value) {
        (ScalarStyle::Plain, "true") => Some(true),
        (ScalarStyle::Plain, "false") => Some(false),
        _ => None,
    }
}
