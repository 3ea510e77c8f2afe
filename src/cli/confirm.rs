//! Asking a person, on a terminal only.

use std::io::IsTerminal;

use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind};

/// Asks; `command` names who asks, `declined` what is said after a no.
pub(super) fn confirm(command: &str, prompt: &str, declined: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            FailureKind::Usage,
            Diagnostic::new(format!("{command} asks first, and nobody is at a terminal"))
                .help("look at the list, then add `--yes`"),
        ));
    }
    let sure = dialoguer::Confirm::new().with_prompt(prompt).default(false).interact().unwrap_or(false);
    if sure { Ok(()) } else { Err(Failure::new(FailureKind::Declined, Diagnostic::new(declined))) }
}
