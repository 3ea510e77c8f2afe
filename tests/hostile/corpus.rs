//! The fuzz targets on their committed corpus, and on mutations of it that are the same in every run.

use std::path::Path;

use crate::targets;

/// Every file of a target's corpus by name, so that no file system's order decides.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() > 20, "the corpus of {target} is missing");
    files
}

/// A row of numbers that looks random and is always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

/// A few bytes changed, removed, doubled, or replaced by a piece of another file.
fn mutate(numbers: &mut Numbers, bytes: &mut Vec<u8>, other: &[u8]) {
    const TELLING: &[u8] = b"\n\r\t:;'\"`{}[]()#-/*\\$&!<>\0@= \xef\xff\x1b0a";
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let end = (at + numbers.below(12)).min(bytes.len());
        match numbers.below(5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes.insert(at, TELLING[numbers.below(TELLING.len())]),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let from = numbers.below(other.len() + 1);
                let to = (from + numbers.below(40)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
}

/// Runs a target; says on which file it broke.
fn run(target: &str, law: fn(&[u8]), mutations: usize) {
    let files = corpus(target);
    let broken = |what: &str, bytes: &[u8]| {
        let holds = std::panic::catch_unwind(|| law(bytes)).is_ok();
        assert!(holds, "{target} broke on {what}: {:?}", String::from_utf8_lossy(bytes));
    };
    for (name, bytes) in &files {
        broken(name, bytes);
    }
    let mut numbers = Numbers(files.len() as u64);
    for number in 0..mutations {
        let (name, bytes) = &files[numbers.below(files.len())];
        let other = &files[numbers.below(files.len())].1;
        let mut bytes = bytes.clone();
        mutate(&mut numbers, &mut bytes, other);
        broken(&format!("mutation {number} of {name}"), &bytes);
    }
}

#[test]
fn the_lock_is_read_or_refused() {
    run("lock_read", targets::lock_read, 5000);
}

#[test]
fn edits_of_the_lock_say_what_is_wanted_and_keep_the_rest() {
    run("lock_edit", targets::lock_edit, 3000);
}

#[test]
fn directives_are_read_or_refused() {
    run("directives", targets::directives, 5000);
}

#[test]
fn the_splitters_lose_no_token() {
    run("split", targets::split, 1500);
}

#[test]
fn names_of_files_are_read_or_refused() {
    run("file_names", targets::file_names, 700);
}

#[test]
fn the_configuration_is_read_or_refused() {
    run("config", targets::config, 2000);
}
