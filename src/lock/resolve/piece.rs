//! A lock's text taken apart, and the pieces of three texts joined: what a person wrote is not lost.
//!
//! A piece is an entry's lines, the comment above it, and what stands between it and the entry before.
//! All pieces have LF line ends; the result gets those of our side.

use std::collections::HashMap;
use std::ops::Range;

use crate::id::MigrationId;

use super::super::text::{Document, Site};

/// The text of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// Blank lines and comments above that are not its own.
    pub(super) lead: String,
    /// Its own comment.
    pub(super) comment: String,
    /// Its lines.
    pub(super) lines: String,
    /// The comments within its lines.
    pub(super) remarks: Vec<String>,
}

/// A document taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    pub(super) header: String,
    pub(super) entries: HashMap<MigrationId, Piece>,
    pub(super) tail: String,
}

impl Pieces {
    /// Takes a document apart; what stands above an entry that is not `kept` stays above the next one.
    pub(super) fn of(document: &Document, kept: impl Fn(&MigrationId) -> bool) -> Self {
        let text = document.text();
        let mut pieces = Self::default();
        let mut lead = String::new();
        for (i, id) in document.lock().entries.keys().enumerate() {
            let Some(site) = document.sites.get(id) else { continue };
            let above: String = site.lead.iter().map(|range| plain(&text[range.clone()])).collect();
            if i == 0 {
                above.trim_start_matches('\u{feff}').clone_into(&mut pieces.header);
            } else {
                lead.push_str(&above);
            }
            let mut piece = Piece::of(text, site);
            if kept(id) {
                piece.lead = std::mem::take(&mut lead);
            }
            pieces.entries.insert(id.clone(), piece);
        }
        lead.push_str(&plain(&text[document.tail..]));
        if document.lock().entries.is_empty() {
            lead.trim_start_matches('\u{feff}').clone_into(&mut pieces.header);
        } else {
            pieces.tail = lead;
        }
        pieces
    }
}

fn plain(text: &str) -> String {
    let mut text = text.replace("\r\n", "\n");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

impl Piece {
    fn of(text: &str, site: &Site) -> Self {
        let key_line = text[..site.key.start].rfind('\n').map_or(0, |at| at + 1).max(site.lines.start);
        Self {
            lead: String::new(),
            comment: plain(&text[site.lines.start..key_line]),
            lines: plain(text[key_line..site.lines.end].trim_start_matches('\u{feff}')),
            remarks: remarks(text, site, key_line..site.lines.end),
        }
    }

    /// Whether a person or a command changed what it says, or what is said about it.
    pub(super) fn same_words(&self, other: &Self) -> bool {
        self.comment == other.comment && self.remarks == other.remarks
    }
}

/// The comments within an entry's lines: each `#` that begins a word and stands in no key or value.
fn remarks(text: &str, site: &Site, lines: Range<usize>) -> Vec<String> {
    let within = |at: usize| {
        let spans = site.fields.iter().flat_map(|field| [&field.key, &field.value]);
        spans.chain([&site.key]).any(|span| span.contains(&at))
    };
    let mut remarks = Vec::new();
    let mut start = lines.start;
    for line in text[lines].split_inclusive('\n') {
        let begins = |at: usize| at == 0 || line[..at].ends_with(char::is_whitespace);
        let found = line.match_indices('#').find(|(at, _)| begins(*at) && !within(start + at));
        remarks.extend(found.map(|(at, _)| line[at..].trim_end().to_owned()));
        start += line.len();
    }
    remarks
}

/// Joins the pieces of an entry that both sides have.
pub(super) fn join(base: Option<&Piece>, ours: &Piece, theirs: &Piece) -> Piece {
    let text = |of: fn(&Piece) -> &String| words(base.map(|piece| of(piece).as_str()), of(ours), of(theirs));
    let (kept, other) = match base {
        Some(base) if base.lines == ours.lines => (theirs, ours),
        _ => (ours, theirs),
    };
    let mut comment = text(|piece| &piece.comment);
    let known =
        |remark: &&String| kept.remarks.contains(remark) || base.is_some_and(|b| b.remarks.contains(remark));
    for remark in other.remarks.iter().filter(|remark| !known(remark)) {
        comment.push_str(remark);
        comment.push('\n');
    }
    Piece {
        lead: text(|piece| &piece.lead),
        comment,
        lines: kept.lines.clone(),
        remarks: kept.remarks.clone(),
    }
}

/// Joins two texts of comments and blank lines: a change of one side wins, changes of both are kept.
pub(super) fn words(base: Option<&str>, ours: &str, theirs: &str) -> String {
    if ours == theirs || base == Some(theirs) {
        return ours.to_owned();
    }
    if base == Some(ours) {
        return theirs.to_owned();
    }
    let known = |line: &&str| ours.lines().chain(base.unwrap_or_default().lines()).any(|have| have == *line);
    let added: Vec<&str> =
        theirs.lines().filter(|line| !line.trim().is_empty()).filter(|line| !known(line)).collect();
    let mut joined = ours.to_owned();
    for line in &added {
        joined.push_str(line);
        joined.push('\n');
    }
    let apart = theirs.ends_with("\n\n") || theirs == "\n" || ours.ends_with("\n\n") || ours == "\n";
    if apart && !added.is_empty() {
        joined.push('\n');
    }
    joined
}
