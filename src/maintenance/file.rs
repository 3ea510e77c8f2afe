//! A mark in a file: whole at every moment, since a new one is renamed into its place.
//!
//! Two that write at the same moment may overtake each other; the next beat mends that. What the text means,
//! this does not know.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Store;
use crate::diagnostic::Diagnostic;
use crate::lockfile;

/// A mark is a line.
const MOST: u64 = 64 * 1024;

/// A file that holds the mark.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
}

impl FileStore {
    /// This one; its folder must be there.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    fn fault(&self, what: &str, error: impl std::fmt::Display) -> Diagnostic {
        Diagnostic::new(format!("the marker `{}` cannot be {what}", self.path.display())).cause(error)
    }
}

impl Store for FileStore {
    fn read(&mut self) -> Result<Option<String>, Diagnostic> {
        match lockfile::read_named(&self.path, MOST) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self
                .fault("read", error)
                .help("maintenance mode is switched by a plain file that this user can read and write")),
        }
    }

    fn swap(
        &mut self,
        read: Option<&str>,
        text: Option<&str>,
        _: Option<Duration>,
    ) -> Result<bool, Diagnostic> {
        if self.read()?.as_deref() != read {
            return Ok(false);
        }
        match text {
            Some(text) => write(&self.path, text).map_err(|error| {
                self.fault("written", error).help("its folder must be there, and writable")
            })?,
            None => match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(self.fault("removed", error).help("remove it by hand"));
                }
                _ => {}
            },
        }
        Ok(true)
    }

    fn forgets(&self) -> bool {
        false
    }

    fn place(&self) -> String {
        format!("the file `{}`", self.path.display())
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".db-migrations-").tempfile_in(folder)?;
    // the application that looks at it may be another user
    lockfile::readable(file.as_file())?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("down");
        let mut store = FileStore::at(path.clone());
        assert_eq!(store.read(), Ok(None));
        assert_eq!(store.swap(None, Some("a"), None), Ok(true));
        assert_eq!(store.swap(None, Some("b"), None), Ok(false));
        assert_eq!(store.swap(Some("a"), Some("b"), None), Ok(true));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "b");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        assert_eq!(store.swap(Some("b"), None, None), Ok(true));
        assert!(!path.exists());
        std::fs::create_dir(&path).unwrap();
        assert!(store.read().unwrap_err().message.contains("cannot be read"));
    }
}
