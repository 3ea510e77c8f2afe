//! What the fuzzers found, in words; each was mended.

use db_migrations::config::{self, enable_in_text};
use db_migrations::lock::Document;
use db_migrations::report::human::{Weight, render};

use crate::support::project::Project;

fn parse(text: &str) -> Document {
    Document::parse("migrations-lock.yml", text).unwrap()
}

#[test]
fn a_byte_order_mark_stays_at_the_top_of_the_lock() {
    let text = "\u{feff}a::1: {}\nb::2: {}\n";
    let document = parse(text);
    let mut wanted = document.lock().clone();
    wanted.entries.move_index(0, 1);
    assert_eq!(document.edit(&wanted).unwrap(), "\u{feff}b::2: {}\na::1: {}\n");
    wanted.entries.shift_remove_index(1);
    assert_eq!(document.edit(&wanted).unwrap(), "\u{feff}b::2: {}\n");
    let first = document.lock().entries.keys().next().unwrap();
    let noted = document.comment(first, "# note");
    assert_eq!(noted, "\u{feff}# note\na::1: {}\nb::2: {}\n");
    assert_eq!(parse(&noted).uncomment(first, "# note"), text);
    let written = parse("\u{feff}").edit(document.lock()).unwrap();
    assert!(written.starts_with("\u{feff}# Execution order"), "{written}");
}

#[test]
fn a_line_separator_does_not_reach_the_terminal() {
    let faults = Document::parse("migrations-lock.yml", "<<<<<<< a\u{2028}b\u{61c}\n").unwrap_err();
    let shown = render(&faults[0], Weight::Error, false);
    assert!(!shown.contains(['\u{2028}', '\u{61c}']), "{shown}");
}

#[test]
fn the_lock_holds_nothing_that_people_do_not_see() {
    for c in ['\u{1b}', '\0', '\u{7f}', '\u{85}', '\u{202e}', '\u{2028}', '\u{200b}', '\u{feff}', '\r'] {
        for text in [format!("a::1: {{}} # {c}x\n"), format!("a::1: {{}}\n#{c}x\nb::2: {{}}\n")] {
            let faults = Document::parse("migrations-lock.yml", &text).unwrap_err();
            assert!(faults[0].message.contains("people do not see"), "{text:?}: {faults:?}");
            assert_eq!(faults[0].frames[0].span.len(), c.len_utf8());
        }
    }
    parse("a::1: {} # Grüße, 日本語, می‌خواهم 👩\u{200d}🚀\r\n\tb::2: {}\n".replace("\tb", "b").as_str());
}

#[test]
fn every_fault_of_the_configuration_names_a_way_out() {
    for text in [
        "lock: [\n",
        "lock: a\nlock: b\n",
        "mirror-table: x\n",
        "session: { 'a b': c }\n",
        "namespace: a b\n",
    ] {
        for fault in config::parse("db-migrations.yml", text, &|_| None).unwrap_err() {
            assert!(!fault.help.is_empty(), "{fault:?}");
        }
    }
}

#[test]
fn a_lock_behind_which_no_entry_could_stand() {
    for text in ["null", "~\n", "--- null\n", "a::1: {}\n...\n", "---\n... # x\n"] {
        let faults = Document::parse("migrations-lock.yml", text).unwrap_err();
        assert!(!faults[0].frames.is_empty(), "{text:?}: {faults:?}");
    }
    for text in ["", "---\n", "# nothing\n---\n# yet\n"] {
        let wanted = parse("a::1: {}\n").lock().clone();
        assert!(parse(&parse(text).edit(&wanted).unwrap()).lock().same(&wanted), "{text:?}");
    }
}

#[test]
fn a_crate_is_not_enabled_into_a_text_that_cannot_be_read_then() {
    // the tag hides the first `modules` from a map of values, not from the configuration's reader
    let text = "!x: modules: #{\n";
    let edited = enable_in_text(text, "job", "{ path: sql }");
    assert!(edited.is_err() || config::parse("db-migrations.yml", &edited.unwrap(), &|_| None).is_ok());
}

#[test]
fn a_comment_above_the_first_line_of_a_lock_can_be_taken_away() {
    let document = parse("a::1: {}\n");
    let first = document.lock().entries.keys().next().unwrap();
    let noted = parse(&document.comment(first, "# seen"));
    assert_eq!(noted.text(), "# seen\na::1: {}\n");
    assert_eq!(noted.uncomment(first, "# seen"), document.text());
    assert_eq!(noted.uncomment(first, "# other"), noted.text());
}

#[test]
fn an_entry_begins_where_its_line_begins() {
    for text in [
        " a::1: {}\n",
        "\u{feff} a::1: {}\n",
        "--- a::1: {}\n",
        "? a::1\n",
        "? # why\n  a::1\n: {}\n",
        "?\ta::1: {}\nb::2: {}\n",
    ] {
        // nothing could be added next to it, or it would say something else
        let faults = Document::parse("migrations-lock.yml", text).unwrap_err();
        assert!(!faults[0].frames.is_empty() && !faults[0].help.is_empty(), "{text:?}: {faults:?}");
    }
    parse("a::1 : {}\n\"a::2\": {}\n'a::3' :\na::4:\n");
}

#[test]
fn a_field_stands_behind_no_question_mark() {
    for text in [
        "a::1: { ? same-as: b::2 }\n",
        "a::1: { # why?\n  ?\n  same-as: b::2 }\n",
        "a::1: { skip: true, ? same-as: b::2 }\n",
        "a::1:\n  ? skip\n  : true\n",
        "a::1:\n  ?\n    skip\n  : true\n",
    ] {
        let faults = Document::parse("migrations-lock.yml", text).unwrap_err();
        assert_eq!(faults[0].message, "a key is written as `key: value`", "{text:?}");
    }
    for text in ["a::1: { # why?\n  skip: true, # ? or not\n  same-as: 'b::2?' }\n", "a::1: {skip : true}\n"]
    {
        let mut wanted = parse(text).lock().clone();
        wanted.entries[0].same_as = None;
        assert!(parse(&parse(text).edit(&wanted).unwrap()).lock().same(&wanted), "{text:?}");
    }
}

#[test]
fn a_conflict_behind_a_byte_order_mark_is_one() {
    for text in ["\u{feff}=======a::1: {}\n", "\u{feff}<<<<<<< ours\na::1: {}\n", "\u{feff}...\n"] {
        let faults = Document::parse("migrations-lock.yml", text).unwrap_err();
        assert_eq!(faults[0].frames[0].span.start, "\u{feff}".len(), "{text:?}");
    }
}

#[test]
fn a_folder_whose_name_is_not_utf8_is_not_passed_over() {
    use std::os::unix::ffi::OsStrExt;
    let project = Project::with_config("cargo: off\n");
    let folder = project.join("migrations").join(std::ffi::OsStr::from_bytes(b"sql\xff"));
    if std::fs::create_dir_all(&folder).is_err() {
        return println!("skipped: this disk takes no such name");
    }
    std::fs::write(folder.join("1_a.sql"), "").unwrap();
    project.run_alone(&["lock"]).exits(2).says("is not UTF-8").says("rename it");
}
