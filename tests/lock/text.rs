//! The lock's text: what is refused, and what survives an edit.

use db_migrations::lock::{Document, Entry};

use crate::support::id;

const SUM: &str = "5f0c000000000000000000000000000000000000000000000000000000000000";

fn refusal(text: &str) -> String {
    let faults = Document::parse("migrations-lock.yml", text).expect_err(text);
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn refusals_name_the_place() {
    for (text, wanted) in [
        ("a::1: &x { skip: false }\n", "anchors are not allowed in the lock (migrations-lock.yml:1:"),
        ("a::1: { skip: true }\nb::1: *x\n", "not valid YAML"),
        ("a::1: &x { skip: true }\nb::1: *x\n", "aliases are not allowed"),
        ("a::1: !t { skip: true }\n", "tags are not allowed in the lock (migrations-lock.yml:1:"),
        ("a::1: { skip: !!bool true }\n", "tags are not allowed"),
        ("a::1: { <<: { skip: true } }\n", "merge keys are not allowed"),
        ("a::1: { skip: true }\n---\nb::1: { skip: true }\n", "several documents (migrations-lock.yml:2:1)"),
        ("{ a::1: { skip: true } }\n", "one `{…}`"),
        ("- a::1\n", "the lock is a map"),
        ("a::1: { skpi: true }\n", "unknown key `skpi` (migrations-lock.yml:1:9)"),
        ("a::1: { skip: \"true\" }\n", "bare word `true` or `false` (migrations-lock.yml:1:15)"),
        ("a::1: { skip: yes }\n", "bare word"),
        ("a::1: { skip: True }\n", "bare word"),
        ("a::1: { skip: true, skip: false }\n", "stands twice in one entry"),
        (
            "a::1: { skip: true }\na::1: { skip: false }\n",
            "stands twice in the lock, with different values (migrations-lock.yml:2:1)",
        ),
        ("a: { skip: true }\n", "no migration's id"),
        ("a::1: true\n", "an entry is a map"),
        ("a::1: [x]\nb::1: {}\n", "an entry is a map (migrations-lock.yml:1:7)"),
        ("a::1: { checksum: 12 }\n", "64 lower-case"),
        ("a::1: { same-as: x }\n", "`same-as` names a migration"),
        ("a::1: { kind: rust }\n", "kind `rust`"),
        ("lock-version: 2\na::1: { skip: true }\n", "format version 2, newer"),
        (
            "a::1: {}\n<<<<<<< HEAD\nb::1: {}\n=======\nc::1: {}\n>>>>>>> x\n",
            "git conflict markers (migrations-lock.yml:2:1)",
        ),
        ("a::1: { skip: true\n", "not valid YAML"),
        ("? [a]\n: { skip: true }\n", "a key is a migration's id"),
    ] {
        let message = refusal(text);
        assert!(message.contains(wanted), "{text:?}: {message}");
    }
}

#[test]
fn every_fault_is_reported_at_once() {
    assert_eq!(refusal("a::1: { skip: no }\nb: {}\nc::1: { x: 1 }\n").lines().count(), 3);
}

#[test]
fn accepted_spellings() {
    for (text, entries) in [
        ("", 0),
        ("# nothing yet\n", 0),
        ("---\n", 0),
        ("\u{feff}a::1: {}\n", 1),
        ("a::1:\nb::1:\n  skip: true\n  checksum: x\n", 0),
        ("\"a::1\": { \"skip\": true }\n'b::2': {kind: sql}\n", 2),
        ("a::1: { skip: true }\na::1: { skip: true }\n", 1),
        ("a::1: { skip: true, replaces: [b::1, b::2] }\n", 1),
        ("a::1: { skip: true, replaces: [b::1, [b::2, b::3]] }\n", 1),
        ("lock-version: 1\na::1: {}\n", 1),
    ] {
        match Document::parse("l", text) {
            Ok(document) => assert_eq!(document.lock().entries.len(), entries, "{text:?}"),
            Err(faults) => assert_eq!(entries, 0, "{text:?}: {faults:?}"),
        }
    }
}

const BY_HAND: &str = "\
# Our order. Ask Ann before you touch it.

users::1_a: { skip: false, checksum: 5f0c000000000000000000000000000000000000000000000000000000000000 }
# the vendor's index locks the table for an hour
blog::1_b:   {skip:   true}   # see #12

# --- shop ---

# needs users
shop::1_c:
    skip: true   # for now
    # by hand
    reviewed: true
\"odd::1\": {}
last::1:
# the end
";

#[test]
fn an_edit_changes_only_what_it_must() {
    let document = Document::parse("l", BY_HAND).unwrap();
    assert_eq!(document.edit(document.lock()).unwrap(), BY_HAND);
}

#[test]
fn fields_are_changed_in_place() {
    let document = Document::parse("l", BY_HAND).unwrap();
    let mut wanted = document.lock().clone();
    for entry in wanted.entries.values_mut() {
        entry.checksum = Some(SUM.parse().unwrap());
    }
    wanted.entries["blog::1_b"].skip = false;
    wanted.entries["shop::1_c"].reviewed = None;
    let text = document.edit(&wanted).unwrap();
    assert_eq!(
        text,
        format!(
            "\
# Our order. Ask Ann before you touch it.

users::1_a: {{ skip: false, checksum: {SUM} }}
# the vendor's index locks the table for an hour
blog::1_b:   {{skip:   false, checksum: {SUM}}}   # see #12

# --- shop ---

# needs users
shop::1_c:
    skip: true   # for now
    # by hand
    checksum: {SUM}
\"odd::1\": {{ skip: false, checksum: {SUM} }}
last::1: {{ skip: false, checksum: {SUM} }}
# the end
"
        )
    );
}

#[test]
fn new_lines_go_before_the_trailing_comment_and_removed_ones_take_only_their_own_comment() {
    let document = Document::parse("l", BY_HAND).unwrap();
    let mut wanted = document.lock().clone();
    wanted.entries.shift_remove("shop::1_c");
    wanted.entries.insert(id("new::1"), Entry::default());
    let text = document.edit(&wanted).unwrap();
    assert!(
        text.contains("# --- shop ---\n\n\"odd::1\": {}\nlast::1:\nnew::1: { skip: false }\n# the end\n"),
        "{text}"
    );
    assert!(!text.contains("needs users"));
}

#[test]
fn a_moved_entry_takes_its_comment_along() {
    let document = Document::parse("l", BY_HAND).unwrap();
    let mut wanted = document.lock().clone();
    let at = wanted.entries.get_index_of("blog::1_b").unwrap();
    wanted.entries.move_index(at, 0);
    let text = document.edit(&wanted).unwrap();
    let head = "# Our order. Ask Ann before you touch it.\n\n# the vendor's index locks the table for an hour\nblog::1_b:";
    assert!(text.starts_with(head), "{text}");
}

#[test]
fn a_rename_keeps_place_and_comment() {
    let document = Document::parse("l", BY_HAND).unwrap();
    let mut wanted = document.lock().clone();
    wanted.rename(&id("blog::1_b"), &id("blog::1_better"));
    let text = document.edit(&wanted).unwrap();
    let line = |text: &str| text.lines().position(|line| line.starts_with("blog::1_b"));
    assert_eq!(line(&text), line(BY_HAND));
    assert_eq!(text.replace("blog::1_better:", "blog::1_b:").replace(", replaces: [blog::1_b]", ""), BY_HAND);
}

#[test]
fn line_endings_and_a_missing_last_one_are_kept() {
    let document = Document::parse("l", "# x\r\na::1: {}\r\nb::1: {}").unwrap();
    let mut wanted = document.lock().clone();
    wanted.entries.insert(id("c::1"), Entry::default());
    assert_eq!(document.edit(&wanted).unwrap(), "# x\r\na::1: {}\r\nb::1: {}\r\nc::1: { skip: false }\r\n");
}

#[test]
fn odd_names_are_quoted_and_come_back() {
    let document = Document::parse("l", "").unwrap();
    let mut wanted = document.lock().clone();
    for name in [
        "a::1 create things",
        "a::ünïcode",
        "a::-x",
        "a::x:",
        "a::#x",
        "a::{x}",
        "a::*y",
        "n::true",
        r"A\B::V1",
    ] {
        let entry = Entry { replaces: vec![id(name).into()], same_as: Some(id(name)), ..Entry::default() };
        wanted.entries.insert(id(name), entry);
    }
    let text = document.edit(&wanted).unwrap();
    assert!(text.contains("\"a::1 create things\": {"), "{text}");
    assert!(text.contains("A\\B::V1: {"), "{text}");
}

#[test]
fn comments_of_a_dropped_duplicate_line_stay() {
    let text = "a::1: {}\n\n# c\n\na::1: {}\nb::1: {}\n";
    let document = Document::parse("l", text).unwrap();
    assert_eq!(document.findings().len(), 1);
    let edited = document.edit(document.lock()).unwrap();
    assert_eq!(edited, "a::1: {}\n\n# c\n\nb::1: {}\n");
}

#[test]
fn a_first_field_that_goes_while_others_come_or_go() {
    let sum = "0".repeat(64);
    for (before, after) in [
        ("{ reviewed: true }".to_owned(), format!("{{ skip: false, checksum: {sum} }}")),
        (
            "{ reviewed: true, same-as: x::1, skip: true }".to_owned(),
            format!("{{ skip: true, checksum: {sum} }}"),
        ),
        (
            format!("{{ reviewed: true, same-as: x::1, checksum: {sum} }}"),
            format!("{{ skip: false, checksum: {sum} }}"),
        ),
    ] {
        let document = Document::parse("l", &format!("a::1: {before} # why\n")).unwrap();
        let mut wanted = document.lock().clone();
        let entry = &mut wanted.entries[0];
        (entry.reviewed, entry.same_as, entry.checksum) = (None, None, sum.parse().ok());
        assert_eq!(document.edit(&wanted).unwrap(), format!("a::1: {after} # why\n"));
    }
}

#[test]
fn edits_of_flow_fields_at_every_place() {
    for (before, after) in [
        ("{ same-as: x::1, skip: true }", "{ skip: true }"),
        ("{ skip: true, same-as: x::1 }", "{ skip: true }"),
        ("{ skip: true, same-as: x::1, reviewed: true }", "{ skip: true, reviewed: true }"),
        ("{ same-as: x::1 }", "{  }"),
    ] {
        let document = Document::parse("l", &format!("a::1: {before}\n")).unwrap();
        let mut wanted = document.lock().clone();
        wanted.entries[0].same_as = None;
        assert_eq!(document.edit(&wanted).unwrap(), format!("a::1: {after}\n"));
    }
}
