//! The edits of the lock's text: what was wanted is said, all else stays byte for byte.

use db_migrations::id::{Checksum, MigrationId};
use db_migrations::lock::{Document, Entry, Lock};

/// The first bytes are the edits (up to a NUL), the rest is the lock's text.
pub fn lock_edit(data: &[u8]) {
    let Some(at) = data.iter().position(|byte| *byte == 0) else { return };
    let (edits, Ok(text)) = (&data[..at], std::str::from_utf8(&data[at + 1..])) else { return };
    let Ok(document) = Document::parse("migrations-lock.yml", text) else { return };
    comments(&document);
    fields(&document, edits);
    let mut wanted = document.lock().clone();
    for edit in edits.chunks_exact(3).take(16) {
        change(&mut wanted, edit);
    }
    let edited = document.edit(&wanted).expect("any lock can be edited into any other");
    let again = Document::parse("migrations-lock.yml", &edited).expect("it was proved");
    assert!(again.lock().same(&wanted));
    assert_eq!(again.edit(&wanted).unwrap(), edited, "a second edit changes nothing");
}

/// One change of the whole lock: of an entry's fields, its place or its name, a new or a removed one.
fn change(lock: &mut Lock, edit: &[u8]) {
    let (what, at, value) = (edit[0], usize::from(edit[1]), edit[2]);
    let id: MigrationId = format!("new::{value}_x").parse().unwrap();
    let count = lock.entries.len();
    if count == 0 || what % 8 == 0 {
        lock.entries.entry(id).or_default().skip = at % 2 == 0;
        return;
    }
    let at = at % count;
    let own = lock.entries.get_index(at).unwrap().0.clone();
    match what % 8 {
        1 => lock.entries.move_index(at, usize::from(value) % count),
        2 => _ = lock.entries.shift_remove_index(at),
        3 if !lock.entries.contains_key(&id) => lock.rename(&own, &id),
        _ => change_fields(&mut lock.entries[at], what, value),
    }
}

fn change_fields(entry: &mut Entry, what: u8, value: u8) {
    let id: MigrationId = format!("old::{value}_y").parse().unwrap();
    match what % 5 {
        0 => entry.skip = !entry.skip,
        1 => entry.checksum = (value != 0).then(|| Checksum::of(&[value])),
        2 => entry.same_as = (value != 0).then_some(id),
        3 if value == 0 => entry.replaces.clear(),
        3 => entry.replaces.push(id.into()),
        _ => entry.reviewed = [None, Some(true), Some(false)][usize::from(value) % 3],
    }
}

/// A change of one entry's fields leaves the texts of all others where and as they are.
fn fields(document: &Document, edits: &[u8]) {
    let [what, at, value, ..] = *edits else { return };
    let count = document.lock().entries.len();
    if count == 0 || !document.findings().is_empty() {
        return;
    }
    let at = usize::from(at) % count;
    let mut wanted = document.lock().clone();
    change_fields(&mut wanted.entries[at], what, value);
    let edited = document.edit(&wanted).expect("fields can be changed");
    let start = |at: usize| {
        let (id, _) = document.lock().entries.get_index(at)?;
        Some(document.frame(id).unwrap().span.start)
    };
    let text = document.text();
    let before = &text[..start(at).unwrap()];
    assert!(edited.starts_with(before), "what stands before an entry stays: {edited}");
    if let Some(next) = start(at + 1) {
        assert!(edited.ends_with(&text[next..]), "what stands after an entry stays: {edited}");
    }
}

/// A comment is put above an entry and taken away again.
fn comments(document: &Document) {
    let Some((id, _)) = document.lock().entries.last() else { return };
    if document.text().contains("# fuzz:") || !document.findings().is_empty() {
        return;
    }
    let text = document.comment(id, "# fuzz: seen");
    let with = Document::parse("migrations-lock.yml", &text).expect("a comment changes no meaning");
    assert!(with.lock().same(document.lock()));
    assert_eq!(with.uncomment(id, "# fuzz:"), document.text());
}
