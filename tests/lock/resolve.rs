//! Two locks with a common ancestor: nothing that a person wrote is lost.

use db_migrations::id::MigrationId;
use db_migrations::lock::Document;
use db_migrations::lock::resolve::{Choice, Side, Sides, marked, resolve, unmarked};
use proptest::prelude::*;

fn document(text: &str) -> Document {
    Document::parse("lock", text).unwrap()
}

fn join(base: &str, ours: &str, theirs: &str) -> Result<String, Vec<String>> {
    let (base, ours, theirs) = (document(base), document(ours), document(theirs));
    let sides = Sides { base: Some(&base), ours: &ours, theirs: &theirs };
    resolve(&sides, &Choice::default(), &|_| None)
        .map_err(|faults| faults.into_iter().map(|fault| fault.message).collect())
}

/// `a b:skip c#why` as a lock.
fn lock(words: &str) -> String {
    let line = |word: &str| {
        let (word, comment) =
            word.split_once('#').map_or((word, None), |(word, comment)| (word, Some(comment)));
        let (name, skip) = word.split_once(':').map_or((word, false), |(name, _)| (name, true));
        let comment = comment.map(|comment| format!("# {comment}\n")).unwrap_or_default();
        format!("{comment}app::1_{name}: {{ skip: {skip} }}\n")
    };
    format!("# the order\n\n{}", words.split_whitespace().map(line).collect::<String>())
}

#[test]
fn each_side_keeps_what_it_did() {
    for (base, ours, theirs, joined) in [
        ("a b", "a b c", "a b d", "a b c d"),
        ("a b", "a b c", "a b c", "a b c"),
        ("a b c", "c a b", "a b c d", "c a b d"),
        ("a b c", "a b:skip c", "c a b", "c a b:skip"),
        ("a b c", "a c", "a b c d", "a c d"),
        ("a b c", "a b#why c", "a:skip b c", "a:skip b#why c"),
        ("a b c d", "b a c d", "a b d c", "b a d c"),
        ("", "a b", "c", "a b c"),
    ] {
        assert_eq!(
            join(&lock(base), &lock(ours), &lock(theirs)),
            Ok(lock(joined)),
            "{base} | {ours} | {theirs}"
        );
    }
}

#[test]
fn a_review_of_one_sides_text_is_none_of_the_others() {
    let line = |digit: &str, reviewed: &str| {
        format!("app::1_a: {{ skip: false,{reviewed} checksum: {} }}\n", digit.repeat(64))
    };
    let (plain, reviewed) = (line("0", ""), line("0", " reviewed: true,"));
    assert_eq!(join(&plain, &reviewed, &plain), Ok(reviewed.clone()));
    assert_eq!(join(&plain, &reviewed, &line("1", "")), Ok(line("1", "")));
    assert_eq!(join(&plain, &line("1", ""), &reviewed), Ok(line("1", "")));
    let both = line("1", " reviewed: true,");
    assert_eq!(join(&plain, &reviewed, &both), Ok(both.clone()));
}

#[test]
fn what_contradicts_is_shown_and_decided_by_a_person() {
    let (base, ours, theirs) = (lock("a b c"), lock("c a b"), lock("b a c"));
    assert!(join(&base, &ours, &theirs).is_ok(), "two moves that go together");
    let (base, ours, theirs) = (lock("a b"), lock("a"), lock("a b:skip"));
    assert_eq!(
        join(&base, &ours, &theirs).unwrap_err(),
        ["`app::1_b` was changed by theirs and removed by ours"]
    );
    let (base, ours, theirs) = (document(&base), document(&ours), document(&theirs));
    let sides = Sides { base: Some(&base), ours: &ours, theirs: &theirs };
    let prefer = |side| Choice { prefer: Some(side), ..Choice::default() };
    assert_eq!(resolve(&sides, &prefer(Side::Ours), &|_| None).unwrap(), lock("a"));
    assert_eq!(resolve(&sides, &prefer(Side::Theirs), &|_| None).unwrap(), lock("a b:skip"));
}

#[test]
fn markers_are_read_and_written() {
    let (ours, theirs) = (lock("a b c"), lock("a b d"));
    let sides = unmarked(&marked(&ours, &theirs)).unwrap();
    assert_eq!((sides.base, sides.ours, sides.theirs), (None, ours, theirs));
    let text = "x\n<<<<<<< HEAD\no\n||||||| base\nb\n=======\nt\n>>>>>>> other\n";
    let sides = unmarked(text).unwrap();
    assert_eq!((sides.base.as_deref(), &*sides.ours, &*sides.theirs), (Some("x\nb\n"), "x\no\n", "x\nt\n"));
    assert_eq!(unmarked("a\n=======\nb\n"), None);
    assert_eq!(unmarked("<<<<<<< HEAD\na\n"), None);
}

#[test]
fn line_ends_stay_those_of_our_side() {
    let crlf = |text: String| text.replace('\n', "\r\n");
    let joined = join(&crlf(lock("a")), &crlf(lock("a b")), &lock("a c")).unwrap();
    assert_eq!(joined, crlf(lock("a b c")));
}

/// An entry: its name, whether it is skipped, whether it has a comment.
type Line = (u8, bool, bool);

/// A base, and for each side what it removed, moved, skipped, commented and added.
fn sides() -> impl Strategy<Value = (Vec<Line>, Vec<Line>, Vec<Line>)> {
    let base: Vec<Line> = (0..8).map(|name| (name, false, false)).collect();
    let side = |new: std::ops::Range<u8>| {
        let changes = proptest::collection::vec((0..5u8, 0..8usize, 0..8usize), 0..4);
        (changes, proptest::collection::vec(new, 0..3)).prop_map(move |(changes, added)| {
            let mut lines: Vec<Line> = (0..8).map(|name| (name, false, false)).collect();
            for (what, from, to) in changes {
                let from = from % lines.len();
                match what {
                    0 if lines.len() > 4 => drop(lines.remove(from)),
                    1 | 2 => {
                        let line = lines.remove(from);
                        lines.insert(to.min(lines.len()), line);
                    }
                    3 => lines[from].1 = true,
                    _ => lines[from].2 = true,
                }
            }
            for name in added {
                if lines.iter().all(|line| line.0 != name) {
                    lines.push((name, false, false));
                }
            }
            lines
        })
    };
    (Just(base), side(20..24), side(22..26))
}

fn text(side: &str, lines: &[Line]) -> String {
    let words = lines.iter().map(|(name, skip, comment)| {
        let skip = if *skip { ":skip" } else { "" };
        let comment = if *comment { format!("#{side}{name}") } else { String::new() };
        format!("n{name}{skip}{comment}")
    });
    lock(&words.collect::<Vec<_>>().join(" "))
}

proptest! {
    #[test]
    fn nothing_is_lost((base, ours, theirs) in sides()) {
        let joined = join(&text("b", &base), &text("o", &ours), &text("t", &theirs));
        let Ok(joined) = joined else { return Ok(()) }; // contradictions are told, not guessed
        let result = document(&joined);
        let at = |name: u8| {
            let id: MigrationId = format!("app::1_n{name}").parse().unwrap();
            result.lock().entries.get_full(&id).map(|(at, _, entry)| (at, entry.skip))
        };
        for (side, lines, other) in [("o", &ours, &theirs), ("t", &theirs, &ours)] {
            for (name, skip, comment) in lines {
                let removed = base.iter().any(|line| line.0 == *name) && other.iter().all(|line| line.0 != *name);
                prop_assert!(at(*name).is_some() || removed, "n{name} is lost");
                let Some((_, skipped)) = at(*name) else {
                    prop_assert!(!skip && !comment, "what was changed is not removed unasked");
                    continue;
                };
                prop_assert!(skipped || !skip, "a skip of n{name} is lost");
                let line = format!("# {side}{name}\n");
                prop_assert!(!comment || joined.contains(&line), "the comment {line} is lost");
            }
            // an order that the other side did not turn round is kept
            for (i, (first, ..)) in lines.iter().enumerate() {
                for (second, ..) in &lines[i + 1..] {
                    let (Some((a, _)), Some((b, _))) = (at(*first), at(*second)) else { continue };
                    let place = |name: &u8| other.iter().position(|line| line.0 == *name);
                    let turned = place(first).zip(place(second)).is_some_and(|(x, y)| x > y);
                    prop_assert!(a < b || turned, "n{first} stood before n{second} in {side}\n{joined}");
                }
            }
        }
    }

    #[test]
    fn both_ways_round_say_the_same_where_only_one_side_changed((base, ours, _) in sides()) {
        let (base, ours) = (text("b", &base), text("o", &ours));
        prop_assert_eq!(join(&base, &ours, &base), Ok(ours.clone()));
        prop_assert_eq!(join(&base, &base, &ours), Ok(ours));
    }
}
