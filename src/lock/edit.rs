//! Changing a lock's text so that it says another lock, and nothing else changes.
//!
//! An entry is its lines with the comment lines directly above; blank lines and other comments
//! (its *lead*) stay where they are. New entries are one canonical line each; one that `replaces` entries that
//! go takes over the lines of the first, and the comments of all.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::id::MigrationId;
use crate::migration::Former;

use super::read::{FieldSite, ValueSite};
use super::text::{Document, HEADER, Site, byte_order_mark};
use super::{Entry, Lock};

/// The text for `wanted`.
pub(super) fn edit(document: &Document, wanted: &Lock) -> String {
    let text = document.text();
    let newline = newline(text);
    let mut leads = Leads::new(document, wanted);
    let mut out = String::with_capacity(text.len() + 128 * wanted.entries.len());
    let mark = byte_order_mark(text);
    out.push_str(mark);
    out.push_str(&leads.header);
    if text[mark.len()..].trim().is_empty() && !wanted.entries.is_empty() {
        out.push_str(&HEADER.replace('\n', newline));
        out.push_str(newline);
    }
    for (id, entry) in &wanted.entries {
        if out.len() > mark.len() && !out.ends_with('\n') {
            out.push_str(newline);
        }
        let source = source(document, wanted, id, entry);
        if let Some((from, site, old)) = source {
            out.push_str(&leads.take(from));
            let comments = comments_of_others(document, wanted, from, entry);
            push_changed(&mut out, text, site, (from, old), (id, entry), comments);
        } else {
            out.push_str(&line(id, entry));
            out.push_str(newline);
        }
    }
    out.push_str(&leads.tail);
    out
}

/// Where the lines of an entry come from: its own, or those of one that it replaces and that goes.
fn source<'a>(
    document: &'a Document,
    wanted: &Lock,
    id: &'a MigrationId,
    entry: &'a Entry,
) -> Option<(&'a MigrationId, &'a Site, &'a Entry)> {
    let of = |id: &'a MigrationId| Some((id, document.sites.get(id)?, document.lock().entries.get(id)?));
    let gone = |old: &&MigrationId| !wanted.entries.contains_key(*old);
    of(id).or_else(|| entry.former_names().filter(gone).find_map(of))
}

/// The comment lines of what goes and an entry stands for, but for those of the one whose lines it takes over.
fn comments_of_others(document: &Document, wanted: &Lock, from: &MigrationId, entry: &Entry) -> String {
    let text = document.text();
    let gone = |old: &&MigrationId| *old != from && !wanted.entries.contains_key(*old);
    let sites = entry.former_names().filter(gone).filter_map(|old| document.sites.get(old));
    sites.map(|site| &text[site.lines.start..line_start(text, site)]).collect()
}

fn line_start(text: &str, site: &Site) -> usize {
    text[..site.key.start].rfind('\n').map_or(site.lines.start, |at| at + 1).max(site.lines.start)
}

/// The line ends of a text, as its first line has them.
pub(super) fn newline(text: &str) -> &'static str {
    if text.find('\n').is_some_and(|at| text[..at].ends_with('\r')) { "\r\n" } else { "\n" }
}

/// What stands between the entries: each text goes before the next entry that stays.
struct Leads<'a> {
    header: String,
    by_id: HashMap<&'a MigrationId, String>,
    tail: String,
}

impl<'a> Leads<'a> {
    fn new(document: &'a Document, wanted: &'a Lock) -> Self {
        let text = document.text();
        let mut taken_over = HashSet::new();
        for (id, entry) in wanted.entries.iter().filter(|(_, entry)| !entry.replaces.is_empty()) {
            taken_over.extend(source(document, wanted, id, entry).map(|(from, ..)| from));
        }
        let mut leads = Self { header: String::new(), by_id: HashMap::new(), tail: String::new() };
        let mut pending = String::new();
        for (i, id) in document.lock().entries.keys().enumerate() {
            let Some(site) = document.sites.get(id) else { continue };
            let lead: String = site.lead.iter().map(|range| &text[range.clone()]).collect();
            if i == 0 {
                leads.header = lead;
            } else {
                pending.push_str(&lead);
            }
            if wanted.entries.contains_key(id) || taken_over.contains(id) {
                leads.by_id.insert(id, std::mem::take(&mut pending));
            }
        }
        pending.push_str(&text[document.tail..]);
        if document.lock().entries.is_empty() {
            std::mem::swap(&mut leads.header, &mut pending);
        }
        leads.tail = pending;
        leads
    }

    fn take(&mut self, id: &MigrationId) -> String {
        self.by_id.remove(id).unwrap_or_default()
    }
}

/// One entry as we write it.
pub(super) fn line(id: &MigrationId, entry: &Entry) -> String {
    format!("{}: {}", scalar(id.as_str()), flow(entry))
}

fn flow(entry: &Entry) -> String {
    let fields: Vec<String> =
        fields(entry).into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{{ {} }}", fields.join(", "))
}

/// A former migration: its name, or the list of its names.
fn former(former: &Former) -> String {
    let names: Vec<String> = former.names().map(|id| scalar(id.as_str())).collect();
    if former.has_older_names() { format!("[{}]", names.join(", ")) } else { names.concat() }
}

/// The fields that an entry needs, as text. `skip` is always said.
fn fields(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut fields = vec![("skip", entry.skip.to_string())];
    if let Some(same_as) = &entry.same_as {
        fields.push(("same-as", scalar(same_as.as_str())));
    }
    if !entry.replaces.is_empty() {
        let formers: Vec<String> = entry.replaces.iter().map(former).collect();
        fields.push(("replaces", format!("[{}]", formers.join(", "))));
    }
    if let Some(reviewed) = entry.reviewed {
        fields.push(("reviewed", reviewed.to_string()));
    }
    if let Some(checksum) = entry.checksum {
        fields.push(("checksum", checksum.to_string()));
    }
    fields
}

/// A YAML scalar: bare where that is safe in flow and block style, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '\\' | ':' | '+');
    let safe = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(bare)
        && !text.ends_with(':')
        && text.matches(':').count() == 2;
    if safe {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Copies the entry's lines, with the fields that differ changed in place.
fn push_changed(
    out: &mut String,
    text: &str,
    site: &Site,
    (old_id, old): (&MigrationId, &Entry),
    (new_id, new): (&MigrationId, &Entry),
    comments: String,
) {
    if old == new && old_id == new_id && comments.is_empty() {
        out.push_str(&text[site.lines.clone()]);
        return;
    }
    let mut edits = if old == new { Vec::new() } else { edits(text, site, old, new) };
    if !comments.is_empty() {
        let at = line_start(text, site);
        edits.push((at..at, comments));
    }
    if old_id != new_id {
        edits.push((site.key.clone(), scalar(new_id.as_str())));
    }
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut at = site.lines.start;
    for (range, replacement) in edits {
        out.push_str(&text[at..range.start]);
        out.push_str(&replacement);
        at = range.end;
    }
    out.push_str(&text[at..site.lines.end]);
}

type Edit = (Range<usize>, String);

fn edits(text: &str, site: &Site, old: &Entry, new: &Entry) -> Vec<Edit> {
    if let ValueSite::Null(at) = site.value {
        return vec![(at..at, format!(" {}", flow(new)))];
    }
    if site.fields.is_empty()
        && let ValueSite::Flow(span) = &site.value
    {
        return vec![(span.clone(), flow(new))];
    }
    let (before, after) = (fields(old), fields(new));
    let value_of = |list: &[(&'static str, String)], name: &str| {
        list.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone())
    };
    // without its first field, and with others that come or go, the commas cannot stay where they are
    let goes = |field: &&FieldSite| field.name != "kind" && value_of(&after, field.name).is_none();
    let comes = after.iter().any(|(name, _)| {
        site.fields.iter().all(|field| field.name != *name) && (*name != "skip" || new.skip)
    });
    if let (ValueSite::Flow(span), Some(true)) = (&site.value, site.fields.first().map(|first| goes(&first)))
        && (comes || site.fields.iter().filter(goes).count() > 1)
    {
        return vec![(span.clone(), flow(new))];
    }
    let mut edits = Vec::new();
    for (i, field) in site.fields.iter().enumerate() {
        match value_of(&after, field.name) {
            Some(value) if value_of(&before, field.name).as_ref() != Some(&value) => {
                edits.push((field.value.clone(), value));
            }
            Some(_) => {}
            None if field.name == "kind" => {}
            None => edits.push((removal(text, site, i), String::new())),
        }
    }
    let added: Vec<(&str, String)> = after
        .into_iter()
        .filter(|(name, _)| site.fields.iter().all(|field| field.name != *name))
        .filter(|(name, _)| *name != "skip" || new.skip)
        .collect();
    edits.extend(additions(text, site, &added));
    edits
}

/// The bytes that go with field `i`: in block style its line, in flow style its comma, too.
fn removal(text: &str, site: &Site, i: usize) -> Range<usize> {
    let field = &site.fields[i];
    match site.value {
        ValueSite::Block => line_around(text, field),
        _ if i > 0 => site.fields[i - 1].value.end..field.value.end,
        _ => field.key.start..site.fields.get(1).map_or(field.value.end, |next| next.key.start),
    }
}

fn line_around(text: &str, field: &FieldSite) -> Range<usize> {
    let start = text[..field.key.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[field.value.end..].find('\n').map_or(text.len(), |at| field.value.end + at + 1);
    start..end
}

fn additions(text: &str, site: &Site, added: &[(&str, String)]) -> Vec<Edit> {
    let Some(last) = site.fields.last().filter(|_| !added.is_empty()) else { return Vec::new() };
    if let ValueSite::Block = site.value {
        let line = line_around(text, last);
        let line_start = text[..last.key.start].rfind('\n').map_or(0, |at| at + 1);
        let indent = &text[line_start..last.key.start];
        let newline = newline(text);
        let (before, after) = if text[..line.end].ends_with('\n') { ("", newline) } else { (newline, "") };
        let text_of = |(name, value): &(&str, String)| format!("{before}{indent}{name}: {value}{after}");
        let lines = added.iter().map(text_of).collect::<Vec<_>>().concat();
        vec![(line.end..line.end, lines)]
    } else {
        let field = |(name, value): &(&str, String)| format!(", {name}: {value}");
        let fields = added.iter().map(field).collect::<Vec<_>>().concat();
        vec![(last.value.end..last.value.end, fields)]
    }
}
