//! Locks that are refused: with the line, and the way out.

use crate::common::{LOCK, base};
use crate::support::database::each_database;
use crate::support::project::Project;

const SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn refused(lock: &str) -> (Project, crate::support::project::Output) {
    let project = base().file(LOCK, lock);
    let output = project.run_alone(&["lock"]).exits(2);
    assert_eq!(project.lock(), lock, "a refused lock is not touched");
    (project, output)
}

#[test]
fn conflict_markers() {
    let lock = format!(
        "# the order\n\napp::1_a: {{ skip: false, checksum: {SUM} }}\n<<<<<<< HEAD\napp::2_b: {{ skip: false }}\n\
         =======\napp::2_c: {{ skip: false }}\n>>>>>>> theirs\n"
    );
    let (project, output) = refused(&lock);
    insta::assert_snapshot!(output.transcript(&project, None));
    each_database(|db| {
        for command in ["migrate", "status", "plan"] {
            project.run(db, &[command]).exits(2).says("conflict markers").says("migrations-lock.yml:4");
        }
        assert!(db.is_empty());
    });
}

#[test]
fn unknown_keys() {
    let (project, output) = refused("app::1_a: { skpi: true }\n");
    insta::assert_snapshot!(output.transcript(&project, None));
}

#[test]
fn all_faults_at_once() {
    let (project, output) = refused(
        "app::1_a: { skip: yes }\nno_namespace: { skip: false }\napp::2_b: &anchor { skip: false }\napp::3_c: *anchor\n",
    );
    insta::assert_snapshot!(output.transcript(&project, None));
}

#[test]
fn a_newer_format() {
    let (project, output) = refused("lock-version: 3\nmodules:\n  - everything: new\n");
    insta::assert_snapshot!(output.transcript(&project, None));
}

#[test]
fn other_refusals_name_their_line() {
    for (lock, line, words) in [
        ("{ app::1_a: { skip: false } }\n", 1, ""),
        ("app::1_a: { skip: 'true' }\n", 1, "skip"),
        ("app::1_a: { skip: true, skip: false }\n", 1, "skip"),
        ("app::1_a: { checksum: abc }\n", 1, "checksum"),
        ("app::1_a: { kind: rust }\n", 1, "rust"),
        ("---\napp::1_a: {}\n---\napp::2_b: {}\n", 3, ""),
        ("app::1_a: !!map { skip: false }\n", 1, ""),
        ("app::1_a: {}\n<<: { skip: true }\n", 2, ""),
        ("# x\napp::1_a: { skip: false\n", 2, "YAML"),
        ("- app::1_a\n", 1, ""),
        ("app::1_a: { skip: true, same-as: nonsense }\n", 1, "same-as"),
    ] {
        let (_, output) = refused(lock);
        let place = format!("{LOCK}:{line}");
        assert!(output.stderr.contains(&place) && output.stderr.contains(words), "{lock}{output}");
        assert!(output.stderr.contains("help"), "{output}");
    }
}

#[test]
fn an_absent_an_empty_and_a_commented_lock_are_empty() {
    for lock in ["", "# only a remark\n", "\n\n"] {
        let project = base().file(LOCK, lock);
        project.run_alone(&["lock"]).ok();
        assert!(project.lock().starts_with(lock.trim_start()), "{}", project.lock());
        project.run_alone(&["lock", "--check"]).ok();
    }
}

#[test]
fn a_symlink_and_a_folder_are_refused() {
    let project = base().file("elsewhere.yml", "");
    std::os::unix::fs::symlink(project.join("elsewhere.yml"), project.join(LOCK)).unwrap();
    project.run_alone(&["lock"]).exits(2).says("is a symlink");
    project.remove(LOCK);
    std::fs::create_dir(project.join(LOCK)).unwrap();
    project.run_alone(&["lock"]).exits(2).says("no regular file");
}

#[test]
fn a_truncated_lock_does_not_pass_unseen() {
    each_database(|db| {
        let project = base();
        project.run(&db.another(), &["migrate"]).ok();
        let lock = project.lock();
        let cut =
            lock.lines().take(lock.lines().count() - 1).fold(String::new(), |all, line| all + line + "\n");
        project.write(LOCK, cut);
        project.run(db, &["migrate", "--locked"]).exits(7);
        project.remove("migrations/20240102000000_posts.sql");
        project.run(db, &["migrate", "--locked"]).exits(7).says("`app::20240102000000_posts` is gone");
        assert!(db.is_empty());
    });
}
