//! Marks in a store: whose mark goes before whose, whatever they are kept in.
//!
//! A mark by hand stays until a person takes it away. One of a run gives way to the next run, since the guard
//! of the database lets one at a time through. Each takes away its own mark only.

use std::time::Duration;

use jiff::Timestamp;

use super::{Mark, Owner, Put, State, Switch};
use crate::diagnostic::Diagnostic;

/// So often it is tried again where the mark changed in between.
const TRIES: u32 = 8;

/// Where one text is kept.
pub trait Store: Send {
    /// The text; `None` where there is none.
    fn read(&mut self) -> Result<Option<String>, Diagnostic>;
    /// Replaces the text that was read by another, which lives so long; `None` takes it away. Whether it was still there.
    fn swap(
        &mut self,
        read: Option<&str>,
        text: Option<&str>,
        lives: Option<Duration>,
    ) -> Result<bool, Diagnostic>;
    /// Whether what has lived so long vanishes by itself; else clocks are compared.
    fn forgets(&self) -> bool;
    /// Where it is, in words.
    fn place(&self) -> String;
}

/// Maintenance mode by a mark in a store.
#[derive(Debug)]
pub struct Marked<S> {
    store: S,
}

impl<S: Store> Marked<S> {
    /// By a mark in this one.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    fn state_of(&self, text: Option<&str>) -> State {
        match text.map(Mark::of_text) {
            None => State::Off,
            Some(mark) if !self.store.forgets() && mark.is_stale(Timestamp::now()) => State::Stale(mark),
            Some(mark) => State::On(mark),
        }
    }

    /// Puts a mark in the place of none, a stale one, its own, or one that gives way.
    fn put(&mut self, mark: &Mark, gives_way: impl Fn(&Mark) -> bool) -> Result<Put, Diagnostic> {
        for _ in 0..TRIES {
            let read = self.store.read()?;
            let (mut mark, mut is_taken_over) = (mark.beating(), false);
            if let State::On(found) = self.state_of(read.as_deref()) {
                if found.token != mark.token && !gives_way(&found) {
                    return Ok(Put::Left(found));
                }
                if mark.owner == Owner::Run && found.owner == Owner::Run && found.kept {
                    // what it left behind is still there: a failure of this one mends nothing
                    (mark.since, mark.kept, is_taken_over) = (found.since, true, true);
                }
            }
            if self.store.swap(read.as_deref(), Some(&mark.text()), mark.lives())? {
                return Ok(if is_taken_over { Put::TakenOver(mark) } else { Put::Done(mark) });
            }
        }
        Err(self.restless())
    }

    fn restless(&self) -> Diagnostic {
        Diagnostic::new(format!("{} changed again and again", self.store.place()))
            .help("`db-migrations maintenance status` says who has it")
    }
}

impl<S: Store> Switch for Marked<S> {
    fn on(&mut self, mark: &Mark) -> Result<Put, Diagnostic> {
        self.put(mark, |found| match mark.owner {
            Owner::Hand => true,
            Owner::Run => found.owner == Owner::Run,
            Owner::Command => false,
        })
    }

    fn beat(&mut self, mark: &Mark) -> Result<(), Diagnostic> {
        self.put(mark, |_| false).map(|_| ())
    }

    fn keep(&mut self, mark: &Mark) -> Result<(), Diagnostic> {
        let kept = Mark { kept: true, ..mark.clone() };
        self.put(&kept, |found| found.owner != Owner::Hand).map(|_| ())
    }

    fn off(&mut self, mark: Option<&Mark>) -> Result<bool, Diagnostic> {
        for _ in 0..TRIES {
            let Some(read) = self.store.read()? else { return Ok(false) };
            if mark.is_some_and(|mark| Mark::of_text(&read).token != mark.token) {
                return Ok(false);
            }
            if self.store.swap(Some(&read), None, None)? {
                return Ok(true);
            }
        }
        Err(self.restless())
    }

    fn state(&mut self) -> Result<State, Diagnostic> {
        let read = self.store.read()?;
        Ok(self.state_of(read.as_deref()))
    }

    fn place(&self) -> String {
        self.store.place()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text in memory.
    struct Memory(Option<String>);

    impl Store for Memory {
        fn read(&mut self) -> Result<Option<String>, Diagnostic> {
            Ok(self.0.clone())
        }

        fn swap(
            &mut self,
            read: Option<&str>,
            text: Option<&str>,
            _: Option<Duration>,
        ) -> Result<bool, Diagnostic> {
            assert_eq!(self.0.as_deref(), read);
            self.0 = text.map(str::to_owned);
            Ok(true)
        }

        fn forgets(&self) -> bool {
            false
        }

        fn place(&self) -> String {
            "memory".to_owned()
        }
    }

    fn mark(owner: Owner) -> Mark {
        Mark::new(owner, "ann@host", Duration::from_secs(5))
    }

    /// Whose mark is there.
    fn holder(marked: &mut Marked<Memory>) -> Option<String> {
        match marked.state().unwrap() {
            State::On(mark) => Some(mark.token),
            State::Off | State::Stale(_) => None,
        }
    }

    #[test]
    fn each_takes_away_its_own_mark_only() {
        let mut marked = Marked::new(Memory(None));
        let (first, second) = (mark(Owner::Run), mark(Owner::Run));
        assert!(matches!(marked.on(&first), Ok(Put::Done(_))));
        assert!(matches!(marked.on(&second), Ok(Put::Done(_))), "the next run takes it over");
        marked.beat(&first).unwrap();
        assert_eq!(holder(&mut marked), Some(second.token.clone()), "a beat takes nothing from anybody");
        assert_eq!(marked.off(Some(&first)), Ok(false));
        assert_eq!(marked.off(Some(&second)), Ok(true));
        assert_eq!(marked.off(None), Ok(false));
        marked.beat(&first).unwrap();
        assert_eq!(holder(&mut marked), Some(first.token), "a beat puts a lost mark again");
    }

    #[test]
    fn a_mark_by_hand_goes_before_all() {
        for text in [mark(Owner::Hand).text(), String::new()] {
            let mut marked = Marked::new(Memory(Some(text.clone())));
            for owner in [Owner::Run, Owner::Command] {
                let mark = mark(owner);
                assert!(matches!(marked.on(&mark), Ok(Put::Left(_))));
                marked.beat(&mark).unwrap();
                marked.keep(&mark).unwrap();
                assert_eq!(marked.off(Some(&mark)), Ok(false));
            }
            assert_eq!(marked.store.0.as_ref(), Some(&text));
            assert_eq!(marked.off(None), Ok(true));
        }
    }

    #[test]
    fn what_a_run_has_left_on_is_taken_over_by_the_next_one_alone() {
        let mut marked = Marked::new(Memory(None));
        let failed = Mark { since: "2026-01-01T00:00:00Z".to_owned(), ..mark(Owner::Run) };
        marked.on(&failed).unwrap();
        marked.keep(&failed).unwrap();
        assert!(matches!(marked.on(&mark(Owner::Command)), Ok(Put::Left(_))));
        let next = mark(Owner::Run);
        let Ok(Put::TakenOver(put)) = marked.on(&next) else { panic!("it is taken over") };
        assert_eq!((put.since.as_str(), put.kept), ("2026-01-01T00:00:00Z", true));
        assert_eq!(put.token, next.token);
        assert_eq!(marked.off(Some(&next)), Ok(true));
    }

    #[test]
    fn within_another_command_a_run_leaves_the_mark_on() {
        let mut marked = Marked::new(Memory(None));
        let (outer, inner) = (mark(Owner::Command), mark(Owner::Run));
        marked.on(&outer).unwrap();
        assert!(matches!(marked.on(&inner), Ok(Put::Left(_))));
        assert_eq!(marked.off(Some(&inner)), Ok(false));
        marked.keep(&inner).unwrap();
        assert_eq!(marked.off(Some(&outer)), Ok(false), "what the inner one keeps on stays");
        assert_eq!(holder(&mut marked), Some(inner.token));
    }

    #[test]
    fn a_mark_without_beats_counts_as_gone() {
        let mut marked = Marked::new(Memory(None));
        let dead = Mark { beat: "2026-01-01T00:00:00Z".to_owned(), ..mark(Owner::Command) };
        marked.store.0 = Some(dead.text());
        assert_eq!(marked.state(), Ok(State::Stale(dead)));
        assert!(matches!(marked.on(&mark(Owner::Command)), Ok(Put::Done(_))));
    }
}
