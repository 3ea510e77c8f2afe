//! Trying a transaction again in whose way another session was: after a lock that was not to be had in time, a
//! deadlock or a serialization failure.
//!
//! All of it is rolled back first, since a part that is kept would keep its locks. The waits grow, and differ
//! from run to run, so that two that met do not meet again.

use std::time::Duration;

use crate::event::{Event, Sink};

use super::failure::Failure;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// How often it was tried, and how often it may be.
pub(super) struct Retries {
    done: u32,
    most: u32,
}

impl Retries {
    pub(super) const fn new(most: u32) -> Self {
        Self { done: 0, most }
    }

    /// Waits before the next try; the failure where there is none any more.
    pub(super) async fn wait(&mut self, mut failure: Failure, sink: &mut dyn Sink) -> Result<(), Failure> {
        if self.done == self.most {
            if let Some(diagnostic) = failure.diagnostics.first_mut().filter(|_| self.done > 0) {
                diagnostic.notes.push(format!("it was tried {} times", self.done + 1));
            }
            return Err(failure);
        }
        self.done += 1;
        let wait = backoff(self.done, &crate::run_id::random());
        let why = failure.diagnostics.first().map(|diagnostic| match diagnostic.causes.first() {
            Some(cause) => format!("{}: {cause}", diagnostic.message),
            None => diagnostic.message.clone(),
        });
        let why = why.unwrap_or_default();
        sink.tell(Event::TriedAgain { why, wait, number: self.done, most: self.most });
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// What is told of a run that is tried again: what was said before it began the first time is not said again.
pub(super) struct Repeated<'a> {
    sink: &'a mut dyn Sink,
    began: bool,
}

impl<'a> Repeated<'a> {
    pub(super) fn of(sink: &'a mut dyn Sink) -> Self {
        Self { sink, began: false }
    }
}

impl Sink for Repeated<'_> {
    fn tell(&mut self, event: Event) {
        self.began |= matches!(event, Event::RunStarted { .. });
        if self.began || matches!(event, Event::GuardWaited { .. }) {
            self.sink.tell(event);
        }
    }
}

/// Twice as long each time, to a limit, and up to half of that more by chance.
fn backoff(number: u32, random: &str) -> Duration {
    let wait = FIRST.saturating_mul(1 << (number - 1).min(10)).min(LONGEST);
    let chance = random.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default();
    wait + wait / 2 * chance / 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit() {
        let waits: Vec<u128> = (1..=6).map(|number| backoff(number, "0000").as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(backoff(1, "ffff").as_millis(), 750);
        assert!(backoff(u32::MAX, "8000") < Duration::from_secs(8));
    }
}
