//! The lock file's text together with what it says.
//!
//! A `Document` is a text that was read; edits go through [`Document::edit`], which changes the
//! text only where the wanted lock differs: comments, blank lines, order and spelling that a person
//! wrote survive. The format, and why each thing is refused, is described in `docs/lock.md`.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Frame};
use crate::id::MigrationId;

use super::Lock;
use super::edit;
use super::finding::{Finding, Rule};
use super::read::{self, FieldSite, RawEntry, ValueSite};

/// What stands at the top of a lock that we write first.
pub const HEADER: &str =
    "# Execution order of all migrations. Commit this file. Reorder lines, or set `skip: true`, by hand.\n";

/// Where an entry stands in the text.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) key: Range<usize>,
    pub(super) value: ValueSite,
    pub(super) fields: Vec<FieldSite>,
    /// Blank lines and comments above that are not its own.
    pub(super) lead: Vec<Range<usize>>,
    /// Its comment lines and its lines, line end included.
    pub(super) lines: Range<usize>,
}

/// A lock's text and its meaning.
#[derive(Clone, Debug)]
pub struct Document {
    path: String,
    text: Arc<str>,
    lock: Lock,
    pub(super) sites: HashMap<MigrationId, Site>,
    /// Where the last entry ends.
    pub(super) tail: usize,
    findings: Vec<Finding>,
}

impl Document {
    /// Reads a lock. An absent file is the empty text.
    ///
    /// ```
    /// use db_migrations::lock::Document;
    /// let document = Document::parse("migrations-lock.yml", "users::1_init: { skip: true }\n").unwrap();
    /// assert!(document.lock().entries[0].skip);
    /// assert!(Document::parse("migrations-lock.yml", "users::1_init: { skip: \"true\" }\n").is_err());
    /// ```
    pub fn parse(path: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let text: Arc<str> = text.into();
        let raw = read::entries(path, &text)?;
        let mut document = Self {
            path: path.to_owned(),
            text: Arc::clone(&text),
            lock: Lock::default(),
            sites: HashMap::with_capacity(raw.len()),
            tail: byte_order_mark(&text).len(),
            findings: Vec::new(),
        };
        let mut faults = Vec::new();
        let mut lead = Vec::new();
        for raw in raw {
            let lines = own_lines(&text, &raw, document.tail);
            lead.push(document.tail..lines.start);
            document.tail = lines.end;
            match document.lock.entries.get(&raw.id) {
                None => document.insert(raw, std::mem::take(&mut lead), lines),
                Some(same) if *same == raw.entry => document.findings.push(Finding::new(
                    Rule::DuplicateLine,
                    &raw.id,
                    format!("`{}` stands twice in the lock, the same both times", raw.id),
                )),
                Some(_) => faults.push(document.contradiction(&raw)),
            }
        }
        if faults.is_empty() { Ok(document) } else { Err(faults) }
    }

    fn insert(&mut self, raw: RawEntry, lead: Vec<Range<usize>>, lines: Range<usize>) {
        let site = Site { key: raw.key, value: raw.value, fields: raw.fields, lead, lines };
        self.sites.insert(raw.id.clone(), site);
        self.lock.entries.insert(raw.id, raw.entry);
    }

    fn contradiction(&self, again: &RawEntry) -> Diagnostic {
        let frame = |span: Range<usize>, label: &str| {
            Frame::new(&self.path, Arc::clone(&self.text), span).label(label)
        };
        let mut fault =
            Diagnostic::new(format!("`{}` stands twice in the lock, with different values", again.id))
                .frame(frame(again.key.clone(), "again here"));
        if let Some(first) = self.sites.get(&again.id) {
            fault = fault.frame(frame(first.key.clone(), "first here"));
        }
        fault.help("keep one of the two lines")
    }

    /// What the text says.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file as it is shown.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The place of an entry's id.
    pub fn frame(&self, id: &MigrationId) -> Option<Frame> {
        let site = self.sites.get(id)?;
        Some(Frame::new(&self.path, Arc::clone(&self.text), site.key.clone()))
    }

    /// The text with a comment line right above an entry.
    pub fn comment(&self, id: &MigrationId, comment: &str) -> String {
        let mut text = self.text().to_owned();
        if let Some(site) = self.sites.get(id) {
            let at = line_start(&text, site.key.start);
            text.insert_str(at, &format!("{comment}{}", edit::newline(self.text())));
        }
        text
    }

    /// The text without those comment lines right above an entry that begin with `start`.
    pub fn uncomment(&self, id: &MigrationId, start: &str) -> String {
        let Some(site) = self.sites.get(id) else { return self.text().to_owned() };
        let text = self.text();
        let ours = |line: &&str| !line.starts_with(start);
        let key = line_start(text, site.key.start);
        let above = comments_above(text, key, byte_order_mark(text).len());
        let kept: String = text[above..key].split_inclusive('\n').filter(ours).collect();
        format!("{}{kept}{}", &text[..above], &text[key..])
    }

    /// What is odd about the text, without being wrong.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Points a finding at its line, if it has one.
    pub fn locate(&self, mut finding: Finding) -> Finding {
        finding.diagnostic.frames.extend(self.frame(&finding.id));
        finding
    }

    /// The text in which `wanted` is said, changed no more than needed. The result was parsed again
    /// and says exactly `wanted`; an error is a bug, and nothing may be written then.
    pub fn edit(&self, wanted: &Lock) -> Result<String, Diagnostic> {
        if self.findings.is_empty() && self.lock.same(wanted) {
            return Ok(self.text().to_owned());
        }
        let text = edit::edit(self, wanted);
        self.proved(text, wanted)
    }

    fn proved(&self, text: String, wanted: &Lock) -> Result<String, Diagnostic> {
        match Self::parse(&self.path, &text) {
            Ok(again) if again.lock.same(wanted) => Ok(text),
            _ => Err(Diagnostic::new("the edited lock does not say what it should; nothing was written")
                .help("this is a bug: please report it with the lock file; `db-migrations lock` after tidying the file by hand helps")),
        }
    }
}

/// What an editor may have put before the text: it belongs to no entry and stays where it is.
pub(super) fn byte_order_mark(text: &str) -> &str {
    &text[..if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }]
}

/// Where the line begins on which a byte stands, without the mark at the top.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(byte_order_mark(text).len(), |at| at + 1)
}

/// Where the comment lines begin that stand right above a line, `before` at the earliest.
fn comments_above(text: &str, line: usize, before: usize) -> usize {
    let mut start = line;
    while start > before {
        let line_start = text[before..start - 1].rfind('\n').map_or(before, |at| before + at + 1);
        if !text[line_start..start].trim_start().starts_with('#') {
            break;
        }
        start = line_start;
    }
    start
}

/// The whole lines of an entry, its contiguous comment lines above included.
fn own_lines(text: &str, raw: &RawEntry, before: usize) -> Range<usize> {
    let end = text[raw.end..].find('\n').map_or(text.len(), |at| raw.end + at + 1);
    let key_line = line_start(text, raw.key.start).max(before);
    let start = comments_above(text, key_line, before);
    // comments at the very top of the file, with no blank line below, are the file's, not the entry's
    let top = byte_order_mark(text).len();
    let is_header = before == top && start == top;
    if is_header { key_line..end } else { start..end }
}
