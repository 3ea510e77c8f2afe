//! What is asked of git, through its program.
//!
//! Only the index of a merge, the settings of a merge driver, what is committed, its name and what has changed since,
//! and moving files. What the texts mean is not known here.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::diagnostic::Diagnostic;

/// A file that a merge has left in conflict: the common ancestor, our side, their side.
pub type Stages = [Option<String>; 3];

fn git(folder: &Path, args: &[&str]) -> Result<Output, Diagnostic> {
    Command::new("git").arg("-C").arg(folder).args(args).output().map_err(|error| {
        Diagnostic::new("`git` cannot be run").cause(error).help("install git, or put it on the PATH")
    })
}

/// The sides of a file below `folder` that is unmerged in the index; `None` where it is not.
pub fn stages(folder: &Path, file: &str) -> Result<Option<Stages>, Diagnostic> {
    let listed = git(folder, &["ls-files", "-u", "--", file])?;
    if !listed.status.success() || listed.stdout.is_empty() {
        return Ok(None);
    }
    let mut stages = Stages::default();
    for (n, stage) in stages.iter_mut().enumerate() {
        let shown = git(folder, &["show", &format!(":{}:./{file}", n + 1)])?;
        if shown.status.success() {
            let side = ["the common ancestor", "our side", "their side"][n];
            *stage = Some(String::from_utf8(shown.stdout).map_err(|_| {
                Diagnostic::new(format!("`{file}` of {side} is not UTF-8"))
                    .help(format!("mend `{file}` by hand, then `git add {file}`"))
            })?);
        }
    }
    Ok(Some(stages))
}

/// A file below `folder` as it is in a revision; `None` where the revision does not have it.
pub fn show(folder: &Path, revision: &str, file: &str) -> Result<Option<String>, Diagnostic> {
    let known = git(
        folder,
        &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")],
    )?;
    if !known.status.success() {
        return Err(Diagnostic::new(format!("git knows no revision `{revision}` here"))
            .help("name a branch, a tag or a commit"));
    }
    let shown = git(folder, &["show", "--end-of-options", &format!("{revision}:./{file}")])?;
    if !shown.status.success() {
        return Ok(None);
    }
    let not_text = |_| Diagnostic::new(format!("`{file}` of `{revision}` is not UTF-8"));
    String::from_utf8(shown.stdout).map(Some).map_err(not_text)
}

/// Whether it is known that the last commit does not have a file below `folder`: in an image without git or
/// repository nothing is known.
pub fn is_uncommitted(folder: &Path, file: &str) -> bool {
    let succeeds = |args: &[&str]| git(folder, args).is_ok_and(|output| output.status.success());
    succeeds(&["rev-parse", "--git-dir"]) && !succeeds(&["cat-file", "-e", &format!("HEAD:./{file}")])
}

/// The revision that is checked out in a folder, shortened; `None` where git or a repository is absent.
pub fn revision(folder: &Path) -> Option<String> {
    let output = git(folder, &["rev-parse", "--short=12", "HEAD"]).ok().filter(|out| out.status.success())?;
    let name = String::from_utf8(output.stdout).ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The files below `folder` that git knows, relative to it; none where there is no git or repository.
pub fn tracked(folder: &Path) -> HashSet<PathBuf> {
    let listed = git(folder, &["ls-files", "-z", "--", "."]).ok().filter(|output| output.status.success());
    let text = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// Moves what git knows below `folder` into another folder there; whether it did.
pub fn move_into(folder: &Path, paths: &[&str], target: &str) -> bool {
    let words = ["mv", "--"].into_iter().chain(paths.iter().copied()).chain([target]);
    git(folder, &words.collect::<Vec<_>>()).is_ok_and(|output| output.status.success())
}

/// Sets a value in the repository's own configuration.
pub fn set(folder: &Path, key: &str, value: &str) -> Result<(), Diagnostic> {
    let output = git(folder, &["config", "--local", key, value])?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Diagnostic::new(format!("git could not set `{key}`")).cause(said.trim()))
}

/// What a command of git prints, without the line break; `None` where it fails.
fn answer(folder: &Path, args: &[&str]) -> Option<String> {
    let output = git(folder, args).ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a folder is in a repository.
pub fn is_repository(folder: &Path) -> bool {
    answer(folder, &["rev-parse", "--is-inside-work-tree"]).is_some_and(|said| said == "true")
}

/// The name of the main branch: what `origin` says, else `main` or `master`, at `origin` before here.
pub fn main_branch(folder: &Path) -> Option<String> {
    let remote = answer(folder, &["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]);
    let known = |name: &&&str| {
        answer(folder, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).is_some()
    };
    let usual = ["origin/main", "origin/master", "main", "master"];
    remote.or_else(|| usual.iter().find(known).map(|name| (*name).to_owned()))
}

/// The commit from which a revision and `HEAD` went apart; `None` where they have none in common, or one of them
/// is not there.
pub fn merge_base(folder: &Path, revision: &str) -> Option<String> {
    answer(folder, &["merge-base", "--end-of-options", revision, "HEAD"]).filter(|base| !base.is_empty())
}

/// The commit of a revision.
pub fn commit(folder: &Path, revision: &str) -> Option<String> {
    answer(
        folder,
        &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")],
    )
}

/// Files below `folder` that are not as a commit has them: changed, new, or not known to git; with `/`.
pub fn changed_since(folder: &Path, commit: &str) -> Result<Vec<String>, Diagnostic> {
    let mut files = Vec::new();
    let changed: &[&str] = &["diff", "--name-only", "--relative", "-z", "--end-of-options", commit];
    let unknown: &[&str] = &["ls-files", "--others", "--exclude-standard", "-z"];
    for args in [changed, unknown] {
        let output = git(folder, args)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Diagnostic::new("git does not say what has changed").cause(said.trim()));
        }
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        files.extend(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned));
    }
    Ok(files)
}

/// The files below `folder` that a commit has; with `/`.
pub fn files_of(folder: &Path, commit: &str) -> Vec<String> {
    let names = answer(folder, &["ls-tree", "-r", "--name-only", "-z", "--end-of-options", commit]);
    let names = names.unwrap_or_default();
    names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Where `folder` stands in its repository: empty at its root, else with a `/` at the end.
pub fn prefix(folder: &Path) -> String {
    answer(folder, &["rev-parse", "--show-prefix"]).unwrap_or_default()
}
