//! `maintenance:` as a value: how an application is told that it must not work on its database now.

use std::time::Duration;

use secrecy::SecretString;

/// `maintenance:`.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// How it is switched; `None`: never.
    pub way: Option<MaintenanceWay>,
    /// What becomes of it after a run that left something behind, or whose outcome nobody knows.
    pub on_failure: OnFailure,
    /// The time between two signs of life.
    pub heartbeat: Duration,
    /// When users may try again.
    pub retry_after: Option<Duration>,
    /// What users are told.
    pub message: Option<String>,
}

/// How it is switched.
#[derive(Clone, Debug)]
pub enum MaintenanceWay {
    /// By a marker file, relative to the configuration.
    File(String),
    /// By a key of a Redis server.
    Redis {
        /// `None` when a variable in it is not set.
        url: Option<SecretString>,
        /// The variable that is not set.
        variable: Option<String>,
        /// The key.
        key: String,
    },
    /// By programs, each with its arguments.
    Command {
        /// Switches it on.
        on: Vec<String>,
        /// Switches it off.
        off: Vec<String>,
        /// How long each may take.
        timeout: Duration,
    },
}

/// `on-failure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It stays on until a person, or the next good run, switches it off.
    #[default]
    Keep,
    /// It is switched off all the same.
    Lift,
}

impl OnFailure {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("keep", Self::Keep), ("lift", Self::Lift)];
}

impl Default for Maintenance {
    fn default() -> Self {
        Self {
            way: None,
            on_failure: OnFailure::default(),
            heartbeat: Duration::from_secs(5),
            retry_after: None,
            message: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::config::{Config, parse};
    use crate::diagnostic::Diagnostic;

    fn read(text: &str) -> Result<Config, Vec<Diagnostic>> {
        parse("db-migrations.yml", text, &|name| (name == "DIR").then(|| "/run".to_owned()))
    }

    #[test]
    fn one_way_and_what_is_said() {
        let config = read(
            "maintenance: { file: \"${DIR}/down\", on-failure: lift, heartbeat: 2, retry-after: 9, message: x }",
        );
        let config = config.unwrap();
        let maintenance = &config.maintenance;
        assert!(matches!(&maintenance.way, Some(MaintenanceWay::File(path)) if path == "/run/down"));
        assert_eq!((maintenance.on_failure, maintenance.heartbeat.as_secs()), (OnFailure::Lift, 2));
        assert_eq!(
            (maintenance.retry_after, maintenance.message.as_deref()),
            (Some(Duration::from_secs(9)), Some("x"))
        );
        assert!(config.variables.is_empty(), "a bundle may be made: it holds nothing of it");

        let config = read("maintenance:\n  command: { on: [a, b], off: [c] }\n").unwrap();
        let Some(MaintenanceWay::Command { on, off, timeout }) = config.maintenance.way else {
            panic!("programs")
        };
        assert_eq!((on.len(), off.len(), timeout.as_secs()), (2, 1, 30));
    }

    #[test]
    fn a_url_whose_variable_is_not_set_is_missed_later() {
        for (text, found, missing) in
            [("redis://h/1", Some("redis://h/1"), None), ("redis://:${PW}@h", None, Some("PW"))]
        {
            let config = read(&format!("maintenance: {{ redis: {{ url: \"{text}\", key: k }} }}")).unwrap();
            let Some(MaintenanceWay::Redis { url, variable, key }) = config.maintenance.way else {
                panic!("{text}")
            };
            assert_eq!(
                (url.as_ref().map(ExposeSecret::expose_secret), variable.as_deref()),
                (found, missing)
            );
            assert_eq!(key, "k");
        }
    }

    #[test]
    fn what_does_not_fit_is_shown() {
        for (text, message, marked) in [
            ("{ file: a, redis: { url: b } }", "`maintenance` is switched in one way only", "{"),
            ("{ redis: { key: b } }", "`maintenance.redis` names no server", "{"),
            ("{ command: { on: [a] } }", "`maintenance.command` needs two programs: `on` and `off`", "{"),
            ("{ heartbeat: 0 }", "`heartbeat`: what never beats is never alive", "0"),
            ("{ on-failure: keeps }", "unknown on-failure `keeps`", "keeps"),
            ("{ fil: a }", "unknown key `fil`", "fil"),
        ] {
            let faults = read(&format!("maintenance: {text}")).unwrap_err();
            let frame = &faults[0].frames[0];
            assert_eq!(faults[0].message, message);
            assert!(frame.source[frame.span.clone()].starts_with(marked), "{text}: {:?}", frame.span);
            assert!(!faults[0].help.is_empty(), "{text}");
        }
    }

    #[test]
    fn no_frame_shows_a_password() {
        let faults = read("maintenance: { redis: { url: redis://u:s3cret@h, kye: x } }").unwrap_err();
        assert!(!format!("{faults:?}").contains("s3cret"), "{faults:?}");
    }
}
