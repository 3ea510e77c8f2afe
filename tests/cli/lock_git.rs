//! Locks in real git repositories: branches that meet, by `lock resolve` and by the merge driver.

use std::path::Path;
use std::process::Command;

use crate::common::LOCK;
use crate::support::project::Project;

/// A project in a repository, with three migrations in its lock.
struct Repository {
    project: Project,
    driver: bool,
}

impl Repository {
    fn new(driver: bool) -> Self {
        let project = Project::with_config("cargo: off\ndialects: [sqlite]\n");
        let repository = Self { project, driver };
        repository.git("init -q -b main .");
        for n in 1..=3 {
            repository.add(n);
        }
        if driver {
            repository.project.run_alone(&["lock", "install-merge-driver"]).ok();
            repository.project.run_alone(&["lock", "install-merge-driver"]).ok();
            assert_eq!(repository.project.read(".gitattributes").matches("merge=").count(), 1);
        }
        repository.commit();
        repository
    }

    /// Runs git; whether it ended well.
    fn tries(&self, args: &str) -> bool {
        let program = Path::new(env!("CARGO_BIN_EXE_db-migrations")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("git")
            .args(args.split(' '))
            .current_dir(self.project.path())
            .env("PATH", format!("{}:{path}", program.display()))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_AUTHOR_NAME", "t")
            .env("GIT_AUTHOR_EMAIL", "t@t")
            .env("GIT_COMMITTER_NAME", "t")
            .env("GIT_COMMITTER_EMAIL", "t@t")
            // where a merge has two bases, git takes them by date, and a clock could tick between them
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_EDITOR", "true")
            .output()
            .unwrap();
        output.status.success()
    }

    fn git(&self, args: &str) {
        assert!(self.tries(args), "git {args}");
    }

    fn add(&self, n: u32) {
        self.project.write(&format!("migrations/{n}_t{n}.sql"), format!("CREATE TABLE t{n} (id integer);\n"));
        self.project.run_alone(&["lock"]).ok();
    }

    fn lock(&self, args: &[&str]) {
        self.project.run_alone(&[&["lock"], args].concat()).ok();
    }

    fn commit(&self) {
        self.git("add -A");
        self.git("commit -q -m x");
    }

    /// One change on a branch, another one on main, then back on main.
    fn diverge(&self, theirs: impl Fn(&Self), ours: impl Fn(&Self)) {
        self.git("checkout -q -b other");
        theirs(self);
        self.commit();
        self.git("checkout -q main");
        ours(self);
        self.commit();
    }

    /// Ends a merge (or rebase) that stopped for the lock or the snapshot.
    fn settle(&self, stopped: bool, go_on: &str) {
        if stopped {
            if self.driver {
                // the lock is joined already; the snapshot is made anew by a plain `lock`
                assert!(!self.project.read(LOCK).contains("<<<<<<<"));
            }
            self.project.run_alone(&["lock", "resolve"]).ok();
            self.git("add -A");
            self.git(go_on);
        } else {
            self.project.run_alone(&["lock"]).ok();
            self.git("add -A");
            self.tries("commit -q -m snapshot");
        }
        self.project.run_alone(&["lock", "--check"]).ok();
        self.project.run_alone(&["lock", "resolve"]).ok().says("no conflict is left in");
    }

    fn merge(&self) {
        let stopped = !self.tries("merge -q other");
        self.settle(stopped, "commit -q -m merged");
    }

    /// `1 2:skip 3`, in the order of the lock.
    fn order(&self) -> String {
        let text = self.project.lock();
        let words = text.lines().filter_map(|line| {
            let (id, rest) = line.strip_prefix("app::")?.split_once('_')?;
            Some(if rest.contains("skip: true") { format!("{id}:skip") } else { id.to_owned() })
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

fn each(test: impl Fn(&Repository)) {
    for driver in [false, true] {
        test(&Repository::new(driver));
    }
}

#[test]
fn both_append() {
    each(|git| {
        git.diverge(|git| git.add(5), |git| git.add(4));
        git.merge();
        assert_eq!(git.order(), "1 2 3 4 5");
    });
}

#[test]
fn both_append_the_same() {
    each(|git| {
        let same = |git: &Repository| {
            git.add(4);
            git.add(5);
        };
        git.diverge(same, |git| {
            same(git);
            git.add(6);
        });
        git.merge();
        assert_eq!(git.order(), "1 2 3 4 5 6");
    });
}

#[test]
fn one_moves_while_the_other_appends() {
    each(|git| {
        git.diverge(|git| git.add(4), |git| git.lock(&["move", "t3", "--before", "t1"]));
        git.merge();
        assert_eq!(git.order(), "3 1 2 4");
    });
}

#[test]
fn one_skips_while_the_other_moves() {
    each(|git| {
        git.diverge(
            |git| git.lock(&["skip", "t2", "--reason", "it locks the table for an hour"]),
            |git| git.lock(&["move", "t2", "--after", "t3"]),
        );
        git.merge();
        assert_eq!(git.order(), "1 3 2:skip");
        assert!(git.project.lock().contains("# skip: it locks the table for an hour\napp::2_t2"));
        git.lock(&["unskip", "t2"]);
        assert!(!git.project.lock().contains("an hour"));
    });
}

#[test]
fn prune_beside_append() {
    each(|git| {
        git.diverge(
            |git| git.add(4),
            |git| {
                git.project.remove("migrations/3_t3.sql");
                git.lock(&["--prune"]);
            },
        );
        git.merge();
        assert_eq!(git.order(), "1 2 4");
    });
}

#[test]
fn a_checksum_that_both_sides_locked_anew() {
    let git = Repository::new(false);
    let edit = |text: &'static str| {
        move |git: &Repository| {
            git.project.write("migrations/3_t3.sql", text);
            git.lock(&["--accept", "app::3_t3"]);
        }
    };
    git.diverge(edit("CREATE TABLE t3 (a integer);\n"), edit("CREATE TABLE t3 (b integer);\n"));
    assert!(!git.tries("merge -q other"));
    git.project.run_alone(&["lock", "resolve"]).exits(1).says("both sides changed `checksum`");
    git.project.write("migrations/3_t3.sql", "CREATE TABLE t3 (a integer);\n");
    git.project.run_alone(&["lock", "resolve"]).ok().says("joined both sides").says("git add");
    git.project.run_alone(&["lock", "--check"]).ok();
}

#[test]
fn what_was_joined_and_edited_is_left_alone() {
    let git = Repository::new(false);
    git.diverge(|git| git.add(5), |git| git.add(4));
    assert!(!git.tries("merge -q other"));
    git.project.run_alone(&["lock", "resolve"]).ok().says("joined both sides");
    git.lock(&["move", "t5", "--before", "t4"]);
    git.project.run_alone(&["lock", "resolve"]).ok().says("no conflict is left in");
    assert_eq!(git.order(), "1 2 3 5 4");
    // one side as it was is no work of anybody
    git.git("checkout -q --theirs -- migrations-lock.yml");
    git.project.run_alone(&["lock", "resolve"]).ok().says("joined both sides");
    assert_eq!(git.order(), "1 2 3 4 5");
}

#[test]
fn a_lock_that_one_side_deleted_is_not_an_empty_one() {
    for theirs in [false, true] {
        let git = Repository::new(false);
        let delete = |git: &Repository| git.project.remove(LOCK);
        let add = |git: &Repository| git.add(4);
        if theirs {
            git.diverge(delete, add);
        } else {
            git.diverge(add, delete);
        }
        assert!(!git.tries("merge -q other"));
        let side = if theirs { "theirs" } else { "ours" };
        let output = git.project.run_alone(&["lock", "resolve"]).exits(2);
        output.says(&format!("the lock was deleted in {side}")).says("git checkout --");
        assert_eq!(git.order(), "1 2 3 4");
    }
}

#[test]
fn a_rebase_and_a_cherry_pick() {
    each(|git| {
        git.diverge(|git| git.add(5), |git| git.add(4));
        git.git("checkout -q other");
        let stopped = !git.tries("rebase -q main");
        git.settle(stopped, "rebase --continue");
        assert_eq!(git.order(), "1 2 3 4 5");
        git.git("checkout -q main");
        git.add(6);
        git.commit();
        let stopped = !git.tries("cherry-pick other");
        git.settle(stopped, "commit -q -m picked");
        assert_eq!(git.order(), "1 2 3 4 6 5");
    });
}

#[test]
fn a_criss_cross() {
    each(|git| {
        git.diverge(|git| git.add(5), |git| git.add(4));
        git.git("branch left");
        git.git("branch right other");
        git.merge();
        git.add(6);
        git.commit();
        git.git("checkout -q other");
        let stopped = !git.tries("merge -q left");
        git.settle(stopped, "commit -q -m crossed");
        git.add(7);
        git.commit();
        git.git("checkout -q main");
        // the orders of 4 and 5 differ: each branch had its own first
        if !git.tries("merge -q other") {
            git.project.run_alone(&["lock", "resolve", "--prefer", "ours"]).ok();
            git.git("add -A");
            git.git("commit -q -m crossed");
        }
        git.project.run_alone(&["lock"]).ok();
        assert_eq!(git.order(), "1 2 3 4 5 6 7");
    });
}

/// Git's octopus asks no merge driver: it stops at the last branch, and `lock resolve` joins. The snapshot
/// cannot be joined, so the branches leave it as it was.
#[test]
fn an_octopus() {
    each(|git| {
        let change = |branch: &str, args: &[&str]| {
            git.git(&format!("checkout -q -b {branch} main"));
            git.lock(args);
            git.git("checkout -q HEAD -- migrations-schema.sqlite.sql");
            git.commit();
        };
        change("a", &["skip", "t1", "--reason", "a knows why"]);
        change("b", &["move", "t3", "--before", "t2"]);
        git.git("checkout -q main");
        git.project.write("migrations/4_t4.sql", "CREATE TABLE t4 (id integer);\n");
        git.lock(&[]);
        git.git("checkout -q HEAD -- migrations-schema.sqlite.sql");
        git.commit();
        assert!(!git.tries("merge -q a b"));
        git.project.run_alone(&["lock", "resolve"]).ok().says("joined both sides");
        git.commit();
        git.git("rev-parse --verify -q HEAD^3");
        assert_eq!(git.order(), "1:skip 3 2 4");
        assert!(git.project.lock().contains("# skip: a knows why\n"));
        git.project.run_alone(&["lock", "--check"]).ok();
    });
}

#[test]
fn moving_and_skipping_refuse_what_makes_no_sense() {
    let git = Repository::new(false);
    let lock = git.project.lock();
    for args in [
        &["move", "t1", "--before", "t1"][..],
        &["move", "t1"],
        &["move", "nobody", "--after", "t1"],
        &["skip", "nobody"],
        &["skip"],
        &["resolve", "--prefer", "mine"],
    ] {
        git.project.run_alone(&[&["lock"], args].concat()).exits(2);
    }
    assert_eq!(git.project.lock(), lock);
    let json = git.project.run_alone(&["lock", "skip", "t1", "t3", "--format", "json"]).ok().json();
    assert_eq!(json["outcome"], "written");
    git.lock(&["move", "t3", "t2", "--before", "t1"]);
    assert_eq!(git.order(), "3:skip 2 1:skip");
}
