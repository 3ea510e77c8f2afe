//! Reading and writing the committed files: the lock and the snapshots.
//!
//! A write is a temporary file in the same folder, fsync, rename, fsync of the folder: at every
//! moment the file is the old one or the new one. Equal text is not written. A symlink is refused,
//! since the rename would replace the link and not what it points at.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use tempfile::{NamedTempFile, PersistError};

use crate::diagnostic::Diagnostic;
use crate::fault::fault_point;

/// A lock, snapshot or configuration larger than this is not ours.
const LIMIT: u64 = 64 * 1024 * 1024;

/// So much of a bundle is read: it holds the texts of all migrations.
const SHIPPED_LIMIT: u64 = 256 * 1024 * 1024;

/// Whether a write changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The text was the same.
    Unchanged,
    /// The file is new or has another text now.
    Changed,
}

/// The text of a file; `None` when it is absent.
pub fn read(path: &Path) -> Result<Option<String>, Diagnostic> {
    let shown = path.display();
    let metadata = match fs_err::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Diagnostic::new(format!("cannot read `{shown}`")).cause(error)),
    };
    if metadata.is_symlink() {
        return Err(Diagnostic::new(format!("`{shown}` is a symlink"))
            .help("put the file itself there: writing it would replace the link"));
    }
    if !metadata.is_file() {
        return Err(Diagnostic::new(format!("`{shown}` is no regular file"))
            .help("remove what stands there, or name another path in `db-migrations.yml`"));
    }
    let bytes = bytes(path, LIMIT)?;
    String::from_utf8(bytes).map(Some).map_err(|error| {
        Diagnostic::new(format!("`{shown}` is not UTF-8"))
            .note(format!("the first wrong byte is number {}", error.utf8_error().valid_up_to() + 1))
    })
}

/// The bytes of a file that is only read, wherever it comes from: a mounted one is often a link.
pub fn read_shipped(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    bytes(path, SHIPPED_LIMIT)
}

/// The bytes of a file that somebody names: a password, a certificate. A link to one is fine, since
/// secrets are mounted as links. What is no regular file is never opened: a FIFO would be waited for.
pub fn read_named(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let regular = |metadata: &std::fs::Metadata| {
        if metadata.is_file() { Ok(()) } else { Err(std::io::Error::other("it is no regular file")) }
    };
    regular(&std::fs::metadata(path)?)?;
    let file = std::fs::File::open(path)?;
    regular(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!(
            "it has more than the {} KiB that are read",
            limit / 1024
        )));
    }
    Ok(bytes)
}

/// All bytes of a file, if there are no more than the limit; a device never ends.
fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Diagnostic> {
    let shown = path.display();
    let cannot = |error| Diagnostic::new(format!("cannot read `{shown}`")).cause(error);
    let file = fs_err::File::open(path).map_err(cannot)?;
    let length = file.metadata().map_err(cannot)?.len();
    let mut bytes = Vec::new();
    if length <= limit {
        file.take(limit + 1).read_to_end(&mut bytes).map_err(cannot)?;
    }
    if length > limit || bytes.len() as u64 > limit {
        let fault = format!("`{shown}` has more than the {} MiB that are read", limit / 1024 / 1024);
        return Err(Diagnostic::new(fault).help("is it the right file?"));
    }
    Ok(bytes)
}

/// Makes the file hold this text.
pub fn write(path: &Path, text: &str) -> Result<Written, Diagnostic> {
    if read(path)?.as_deref() == Some(text) {
        return Ok(Written::Unchanged);
    }
    replace(path, text)
        .map_err(|error| Diagnostic::new(format!("cannot write `{}`", path.display())).cause(error))?;
    Ok(Written::Changed)
}

/// Makes a file with this text; the error is `AlreadyExists` where there is one, however late it came.
pub fn create(path: &Path, text: &str) -> std::io::Result<()> {
    put(path, text, NamedTempFile::persist_noclobber)
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    put(path, text, NamedTempFile::persist)
}

/// How a whole file gets its name.
type Place<'a> = fn(NamedTempFile, &'a Path) -> Result<File, PersistError>;

fn put<'a>(path: &'a Path, text: &str, place: Place<'a>) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    fault_point!(now "file.begin");
    let mut file = tempfile::Builder::new().prefix(".db-migrations-").tempfile_in(folder)?;
    match fs_err::metadata(path) {
        Ok(old) => file.as_file().set_permissions(old.permissions())?,
        Err(_) => readable(file.as_file())?,
    }
    fault_point!(now "file.made");
    file.write_all(text.as_bytes())?;
    fault_point!(now "file.written");
    file.as_file().sync_all()?;
    fault_point!(now "file.synced");
    place(file, path).map_err(|error| error.error)?;
    fault_point!(now "file.renamed");
    // not every system can sync a folder; the rename is done all the same
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Temporary files are private; a committed file is not.
#[cfg(unix)]
pub(crate) fn readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub(crate) fn readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn only_regular_files_of_a_sane_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "12345").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(read_named(&link, 5).unwrap(), b"12345");
        assert!(read_named(&path, 4).unwrap_err().to_string().contains("more than"));
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for path in [Path::new("/dev/zero"), &fifo, folder.path()] {
            assert_eq!(read_named(path, 5).unwrap_err().to_string(), "it is no regular file");
        }
    }

    #[test]
    fn what_is_there_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.sql");
        create(&path, "a").unwrap();
        assert_eq!(create(&path, "b").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn writes_only_what_differs_and_refuses_symlinks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock.yml");
        assert_eq!(read(&path).unwrap(), None);
        assert_eq!(write(&path, "a").unwrap(), Written::Changed);
        assert_eq!(write(&path, "a").unwrap(), Written::Unchanged);
        assert_eq!(read(&path).unwrap().as_deref(), Some("a"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            let link = folder.path().join("link.yml");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(write(&link, "b").is_err());
            assert_eq!(read(&path).unwrap().as_deref(), Some("a"));
        }
    }
}
