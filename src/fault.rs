//! Places where a test build can be made to die, fail, panic or wait.
//!
//! `fault_point!("name")` marks a moment of a run. In a build with the feature `faults` the variable
//! `DB_MIGRATIONS_FAULT=NAME[#N]:kill|panic|error|sleep` makes the N-th time that this moment is
//! reached end so, and `DB_MIGRATIONS_FAULT_LOG=FILE` notes each moment that is reached. In any other
//! build nothing is left of it; a release build with the feature does not compile. It knows
//! nothing of what stands at its points.

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` is for tests: a release build must not have it");

/// A moment of a run. The error is what the caller makes of an injected [`DatabaseError`]; in plain code
/// (`now`) it is one of input and output.
///
/// [`DatabaseError`]: crate::database::DatabaseError
macro_rules! fault_point {
    (now $name:literal) => {
        #[cfg(feature = "faults")]
        crate::fault::now($name)?;
    };
    (now $name:literal, $error:expr) => {
        #[cfg(feature = "faults")]
        crate::fault::now($name).map_err($error)?;
    };
    ($name:literal) => {
        #[cfg(feature = "faults")]
        Box::pin(crate::fault::reached($name)).await?;
    };
    ($name:literal, $error:expr) => {
        #[cfg(feature = "faults")]
        Box::pin(crate::fault::reached($name)).await.map_err($error)?;
    };
}

pub(crate) use fault_point;

#[cfg(feature = "faults")]
pub(crate) use active::{now, reached};

#[cfg(feature = "faults")]
mod active {
    use std::collections::BTreeMap;
    use std::io::Write;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use crate::database::{DatabaseError, SqlError};

    /// Long enough that only an interrupt ends it.
    const SLEEP: Duration = Duration::from_mins(10);

    /// Plain code cannot be interrupted: long enough for a signal to come meanwhile.
    const PAUSE: Duration = Duration::from_millis(300);

    static REACHED: Mutex<BTreeMap<&str, usize>> = Mutex::new(BTreeMap::new());

    /// What happens at a moment.
    enum Fault {
        Error,
        Sleep,
    }

    pub(crate) async fn reached(name: &'static str) -> Result<(), DatabaseError> {
        match fault(name) {
            None => {}
            Some(Fault::Sleep) => tokio::time::sleep(SLEEP).await,
            Some(Fault::Error) => {
                let message = format!("injected fault at {name}");
                return Err(DatabaseError::Sql(SqlError { message, ..SqlError::default() }));
            }
        }
        Ok(())
    }

    pub(crate) fn now(name: &'static str) -> std::io::Result<()> {
        match fault(name) {
            None => {}
            Some(Fault::Sleep) => std::thread::sleep(PAUSE),
            Some(Fault::Error) => {
                return Err(std::io::Error::other(format!("injected fault at {name}")));
            }
        }
        Ok(())
    }

    /// Counts and notes the moment; dies or panics at once if that is wanted.
    fn fault(name: &'static str) -> Option<Fault> {
        let count = {
            let mut reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
            let count = reached.entry(name).or_default();
            *count += 1;
            *count
        };
        note(name);
        let wanted = std::env::var("DB_MIGRATIONS_FAULT").ok()?;
        let (place, fault) = wanted.rsplit_once(':')?;
        let (place, number) = place.split_once('#').unwrap_or((place, "1"));
        if place != name || number.parse() != Ok(count) {
            return None;
        }
        match fault {
            "kill" => {
                // a shell's `kill` is everywhere, and needs no unsafe call
                let id = std::process::id().to_string();
                let _ = std::process::Command::new("kill").args(["-9", &id]).status();
                std::thread::sleep(SLEEP);
                None
            }
            "panic" => panic!("injected panic at {name}"),
            "error" => Some(Fault::Error),
            "sleep" => Some(Fault::Sleep),
            other => panic!("`{other}` is no fault"),
        }
    }

    fn note(name: &str) {
        let Some(path) = std::env::var_os("DB_MIGRATIONS_FAULT_LOG") else { return };
        let file = std::fs::File::options().append(true).create(true).open(path);
        if let Ok(mut file) = file {
            let _ = writeln!(file, "{name}");
        }
    }
}
