//! A lock that cannot be written whole: the disk is full, the folder is closed, the process is killed.
//! The file is the old one or the new one, and no other file stays where that can be helped.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::support::measured::measured;
use crate::support::project::Project;

const LOCK: &str = "migrations-lock.yml";

/// A project whose lock lacks its last migration; the old lock, and the one that `lock` would write.
fn project() -> (Project, String, String) {
    let project = Project::with_config("cargo: off\n");
    for n in 1..=12 {
        project.write(&format!("migrations/{n}_t.sql"), format!("CREATE TABLE t{n} (id int);\n"));
    }
    project.run_alone(&["lock"]).ok();
    let old = project.lock();
    project.write("migrations/13_t.sql", "CREATE TABLE t13 (id int);\n");
    project.run_alone(&["lock"]).ok();
    let new = project.lock();
    project.write(LOCK, &old);
    (project, old, new)
}

/// `lock`, started by a tool that changes what the process may do.
fn lock_by(project: &Project, tool: &[&str]) -> Output {
    let command = project.command(&["lock"]);
    let mut outer = Command::new(tool[0]);
    outer.args(&tool[1..]).arg(command.get_program()).args(command.get_args());
    outer.current_dir(project.path()).stdin(Stdio::null()).env_clear();
    for (name, value) in command.get_envs() {
        outer.env(name, value.unwrap_or_default());
    }
    outer.output().unwrap()
}

/// The files of ours that a finished write does not leave behind.
fn temporary(project: &Project) -> usize {
    let entries = std::fs::read_dir(project.path()).unwrap();
    entries
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".db-migrations-"))
        .count()
}

#[test]
fn a_disk_that_is_full_at_any_byte() {
    let (project, old, new) = project();
    for limit in (0..new.len()).step_by(new.len() / 40) {
        // the signal is ignored, so that the write fails as on a full disk
        let script = format!("trap '' XFSZ; exec prlimit --fsize={limit} \"$0\" \"$@\"");
        let output = lock_by(&project, &["sh", "-c", &script]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("cannot write"), "{limit}: {said}");
        assert_eq!(project.lock(), old, "at byte {limit}");
        assert_eq!(temporary(&project), 0, "at byte {limit}");
    }
    project.run_alone(&["lock"]).ok();
    assert_eq!(project.lock(), new);
    let full = (0..new.len()).step_by(new.len() / 40).len();
    measured("lock_writes::a_disk_that_is_full_at_any_byte", &format!("full at {full} bytes: the old lock"));
}

#[test]
fn killed_at_any_byte() {
    let (project, old, new) = project();
    for limit in (0..new.len()).step_by(new.len() / 40) {
        let output = lock_by(&project, &["prlimit", &format!("--fsize={limit}")]);
        assert_eq!(output.status.code(), None, "the signal kills it");
        assert_eq!(project.lock(), old, "at byte {limit}");
    }
    // what a killed process left is in nobody's way
    project.run_alone(&["lock"]).ok();
    assert_eq!(project.lock(), new);
    project.run_alone(&["lock", "--check"]).ok();
    let killed = (0..new.len()).step_by(new.len() / 40).len();
    measured("lock_writes::killed_at_any_byte", &format!("killed at {killed} bytes: the old one"));
}

#[test]
fn killed_at_any_time() {
    let (project, old, new) = project();
    let mut written = 0;
    let start = Instant::now();
    project.run_alone(&["lock"]).ok();
    let whole = start.elapsed();
    for kill in 0..60 {
        project.write(LOCK, &old);
        let mut child =
            project.command(&["lock"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * kill / 40);
        let _ = child.kill();
        child.wait().unwrap();
        let lock = project.lock();
        assert!(lock == old || lock == new, "in between: {lock}");
        written += usize::from(lock == new);
    }
    measured(
        "lock_writes::killed_at_any_time",
        &format!("killed at 60 times: the old one or ({written}) the new one"),
    );
    project.run_alone(&["lock"]).ok();
    assert_eq!(project.lock(), new);
}

/// Each system call of the write is the last one, in turn: `strace` kills the process there.
#[test]
fn killed_at_every_system_call_of_the_write() {
    if Command::new("strace").arg("-V").output().is_err() {
        return println!("skipped: there is no strace");
    }
    let (project, old, new) = project();
    let (mut kills, mut were_new) = (0, 0);
    for call in ["openat", "write", "fsync", "rename", "fchmod", "close", "statx", "lseek", "unlink"] {
        for number in 1..200 {
            project.write(LOCK, &old);
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let output = lock_by(&project, &["strace", "-qq", "-f", "-o", "/dev/null", "-e", &inject]);
            let lock = project.lock();
            assert!(lock == old || lock == new, "in between, at {call} {number}: {lock}");
            if output.status.success() {
                break;
            }
            kills += 1;
            were_new += usize::from(lock == new);
        }
    }
    assert!(kills >= 30, "strace cannot kill here: {kills}");
    measured(
        "lock_writes::killed_at_every_system_call_of_the_write",
        &format!("killed at {kills} system calls: the old one or ({were_new}) the new one"),
    );
}

#[test]
fn a_folder_that_is_closed() {
    let (project, old, _) = project();
    let closed = |mode| std::fs::set_permissions(project.path(), PermissionsExt::from_mode(mode)).unwrap();
    closed(0o555);
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let output = if is_root { lock_by(&project, &nobody) } else { lock_by(&project, &["env"]) };
    closed(0o755);
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(127) || output.status.code() == Some(126) {
        return println!("skipped: nobody may run the program here: {said}");
    }
    assert!(!output.status.success() && said.contains("cannot write"), "{said}");
    assert_eq!(project.lock(), old);
    assert_eq!(temporary(&project), 0);
}
