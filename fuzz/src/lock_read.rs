//! The lock's reader: refused with a line, or read as what it says.

use db_migrations::lock::{Document, Lock};

use super::common::told_with_place;

/// Any text is refused with its line, or is read; what was read is written as the same lock, and the
/// text is left as it is when nothing is to change.
pub fn lock_read(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let document = match Document::parse("migrations-lock.yml", text) {
        Ok(document) => document,
        Err(faults) => return told_with_place(&faults),
    };
    let lock = document.lock();
    let written = canonical(lock);
    let again = Document::parse("migrations-lock.yml", &written).expect("what we write is read");
    assert!(again.lock().same(lock), "parse(emit(l)) is not l: {written}");
    assert!(again.findings().is_empty());
    let kept = document.edit(lock).expect("nothing to change");
    if document.findings().is_empty() {
        assert_eq!(kept, text, "a text that says what it should is left alone");
    }
    for id in lock.entries.keys() {
        let frame = document.frame(id).expect("every entry has its place");
        assert!(frame.span.end <= text.len() && frame.line_column().0 >= 1);
    }
}

/// The lock as we write it into an empty file.
pub(crate) fn canonical(lock: &Lock) -> String {
    Document::parse("migrations-lock.yml", "").unwrap().edit(lock).expect("any lock can be written")
}
