//! `db-migrations.yml`: read or refused, and edited without losing what it said.

use db_migrations::config::{Config, Source, disable_in_text, enable_in_text, parse};
use db_migrations::diagnostic::Diagnostic;

use super::common::{told, told_with_place};

const CRATE: &str = "fuzzed-crate";

/// Any text is a configuration or refused with its place; a crate that is enabled and disabled is so
/// afterwards, and all else says what it said.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let before = match read(text) {
        Ok(config) => config,
        Err(faults) => return told_with_place(&faults),
    };
    let _ = format!("{before:?}");
    match enable_in_text(text, CRATE, "{ path: sql }") {
        Ok(enabled) => {
            let config = read(&enabled).expect("an enabled crate is read");
            assert_eq!(config.modules.enable[CRATE].path.as_deref(), Some("sql"));
            assert_eq!(rest(config), rest(before.clone()), "all else stays: {enabled}");
            edited_again(&enabled, &before);
        }
        Err(fault) => told(&[fault]),
    }
    match disable_in_text(text, CRATE) {
        Ok(disabled) => {
            let config = read(&disabled).expect("a disabled crate is read");
            assert!(config.modules.disable.iter().any(|named| named.name == CRATE));
            assert_eq!(rest(config), rest(before), "all else stays: {disabled}");
        }
        Err(fault) => told(&[fault]),
    }
}

/// What was enabled a moment ago can be disabled, too.
fn edited_again(enabled: &str, before: &Config) {
    let Ok(disabled) = disable_in_text(enabled, CRATE) else { return };
    let config = read(&disabled).expect("a disabled crate is read");
    assert!(!config.modules.enable.contains_key(CRATE));
    assert_eq!(rest(config), rest(before.clone()), "all else stays: {disabled}");
}

fn read(text: &str) -> Result<Config, Vec<Diagnostic>> {
    let variable = |name: &str| (name.len() % 2 == 1).then(|| "value".to_owned());
    parse("db-migrations.yml", text, &variable)
}

/// What a configuration says beside the crate, without places in the text.
fn rest(mut config: Config) -> String {
    config.source = Source::default();
    config.modules.enable.shift_remove(CRATE);
    config.modules.disable.retain(|named| named.name != CRATE);
    let all = format!("{config:?}");
    without_spans(&all)
}

/// `Debug` prints places as `12..34`: they move, and mean nothing here.
fn without_spans(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for (i, part) in text.split("..").enumerate() {
        let part = if i == 0 { part } else { part.trim_start_matches(|c: char| c.is_ascii_digit()) };
        kept.push_str(part.trim_end_matches(|c: char| c.is_ascii_digit()));
    }
    kept
}
