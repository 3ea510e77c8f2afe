//! What a test measured, for people: `docs/reliability.py` puts it into the table of `docs/reliability.md`.

use std::io::Write;
use std::path::Path;

/// Notes a result under the name of its test, as `file::name`.
pub(crate) fn measured(test: &str, result: &str) {
    // not by `println`: the harness would swallow it
    let _ = writeln!(std::io::stderr(), "measured {test}: {result}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("measured");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(test.replace("::", ".")), result).unwrap();
}
