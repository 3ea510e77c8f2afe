//! The run of a library's user is dropped at every point where it waits: its connection is closed, no guard is
//! left, and the database is as before or as after.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use db_migrations::config::{self, Rehearsal};
use db_migrations::engine::{Aim, CheckMode, LockMode, Project, Request, migrate};
use db_migrations::event::Silence;
use db_migrations::plan::Goal;

use crate::scene::{Mode, Scene, fresh, settle, state};
use crate::support::block_on;
use crate::support::connect::connect_to;
use crate::support::database::Db;
use crate::support::measured::measured;

/// A future that is given up after so many polls.
struct GivenUp<'a, T> {
    run: Pin<Box<dyn Future<Output = T> + 'a>>,
    left: usize,
}

impl<T> Future for GivenUp<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        match self.run.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            // a poll that changed nothing is no other point: it is woken only when something did
            Poll::Pending => {
                if self.left == 0 {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}

/// Runs a migrate that is dropped after so many polls; whether it came to its end.
fn dropped_after(root: &std::path::Path, url: &str, polls: usize) -> bool {
    let text = std::fs::read_to_string(root.join("db-migrations.yml")).unwrap();
    let config = config::parse("db-migrations.yml", &text, &|_| None).unwrap();
    let connect = connect_to(url);
    let mut project = Project::open(root, config).unwrap();
    let request = Request {
        connect: &*connect,
        aim: Aim { goal: Goal::Latest, ..Aim::default() },
        agreed: None,
        mode: LockMode::Update,
        dry_run: false,
        allow_split: true,
        rehearsal: Rehearsal::Off,
        compensate: false,
        timed: false,
        guard_wait: Duration::from_mins(1),
        lock_retries: 0,
        check: CheckMode::Fail,
        reason: None,
        user: "test".to_owned(),
        maintenance: None,
    };
    let mut sink = Silence;
    let run = Box::pin(migrate(&mut project, &request, &mut sink));
    match block_on(GivenUp { run, left: polls }) {
        None => false,
        Some(Ok(_)) => true,
        Some(Err(failure)) => panic!("{:?}", failure.diagnostics),
    }
}

fn each_wait(db: Option<Db>) {
    let Some(db) = db else { return };
    let mut drops = 0;
    for mode in [Mode::Whole, Mode::Apart] {
        let stage = Scene { mode, count: 1 }.stage(&db);
        let undisturbed = stage.undisturbed(&db);
        for polls in 1.. {
            let fresh = fresh(&db);
            let db = fresh.as_ref().unwrap_or(&db);
            let project = stage.set(db);
            let before = state(db);
            let ended = dropped_after(project.path(), db.url(), polls);
            settle(db);
            let now = state(db);
            if mode == Mode::Whole {
                let whole = now == before || now.essence == undisturbed.after;
                assert!(
                    whole,
                    "a third state after {polls} polls on {}:\n{}\n{}",
                    db.dialect(),
                    now.essence,
                    now.own
                );
            }
            // no guard is left: it is taken at once
            let output = project.run(db, &["migrate", "--guard-wait", "0"]);
            assert_eq!(output.code, 0, "after {polls} polls on {}: {output}", db.dialect());
            assert_eq!(state(db).essence, undisturbed.after, "after {polls} polls: {output}");
            if ended {
                break;
            }
            drops += 1;
        }
    }
    measured(&format!("dropped::on_{}", db.dialect()), &format!("dropped at {drops} points, 0 bad"));
}

#[test]
fn on_sqlite() {
    each_wait(Some(Db::sqlite()));
}

#[test]
fn on_postgres() {
    each_wait(Db::postgres());
}

#[test]
fn on_mariadb() {
    each_wait(Db::mariadb());
}
