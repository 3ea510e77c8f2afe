//! What is asked of git, through its program.
//!
//! Only the index of a merge, the settings of a merge driver, and what is committed, and its name. What the texts mean is not known here.

use std::path::Path;
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

/// Sets a value in the repository's own configuration.
pub fn set(folder: &Path, key: &str, value: &str) -> Result<(), Diagnostic> {
    let output = git(folder, &["config", "--local", key, value])?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Diagnostic::new(format!("git could not set `{key}`")).cause(said.trim()))
}
