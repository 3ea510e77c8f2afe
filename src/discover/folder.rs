//! Safe reading of folders that other people wrote.
//!
//! A package's migrations are data from a registry: its folder must lie inside the package (no
//! absolute path, no `..`, no symbolic link out of it), only regular files are opened (a FIFO would
//! hang us, a device could do worse), each of at most 32 MiB, and their text is UTF-8 without NUL.
//! Names are listed first and texts read only when a reader wants them; both are ordered by the bytes
//! of the names, so that no file system's order reaches the result.

use std::fs::FileType;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use fs_err as fs;
use unicode_normalization::UnicodeNormalization;

use super::faults::Faults;
use crate::diagnostic::{Diagnostic, Frame};
use crate::migration::normalise;

/// The largest file that is read.
pub(super) const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Only two levels are read; the others are looked at to find SQL that nobody would read.
const MAX_DEPTH: usize = 8;

/// The names in a folder, hidden ones left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// The folder as it is shown.
    pub(super) shown: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// Names of the regular files, by bytes.
    pub(super) files: Vec<String>,
    /// The sub-folders, by the bytes of their names.
    pub(super) folders: Vec<(String, Self)>,
}

impl Listing {
    /// Whether a file that ends in `.sql` is here or below.
    pub(super) fn holds_sql(&self) -> bool {
        self.files.iter().any(|name| is_sql(name))
            || self.folders.iter().any(|(_, folder)| folder.holds_sql())
    }

    /// The text of one of its files, normalised; and as it stands, where that is something else.
    pub(super) fn text(&self, name: &str) -> Result<(String, Option<String>), Diagnostic> {
        let raw = read_raw(&self.path.join(name), &join(&self.shown, name))?;
        let text = normalise(&raw);
        let raw = (raw != text).then_some(raw);
        Ok((text, raw))
    }
}

/// Whether the name is that of an SQL file; `.SQL` counts, so that it is not silently left out.
pub(super) fn is_sql(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// A path below a shown one.
pub(super) fn join(shown: &str, name: &str) -> String {
    match (shown, name) {
        ("" | ".", name) => name.to_owned(),
        (shown, ".") => shown.to_owned(),
        (shown, name) => format!("{shown}/{name}"),
    }
}

/// Why a declared path cannot be used, if it cannot.
pub(super) fn unfit(declared: &str) -> Option<&'static str> {
    if declared.is_empty() {
        return Some("it is empty");
    }
    let bad = Path::new(declared).components().find_map(|component| match component {
        Component::ParentDir => Some("it contains `..`"),
        Component::RootDir | Component::Prefix(_) => Some("it is absolute"),
        Component::CurDir | Component::Normal(_) => None,
    });
    bad.or(declared.contains('\0').then_some("it contains NUL"))
}

/// Lists `declared` under the package folder `root`; `None` when there is no such folder.
pub(super) fn list(
    root: &Path,
    shown_root: &str,
    declared: &str,
    faults: &mut Faults,
) -> Result<Option<Listing>, Diagnostic> {
    let shown = join(shown_root, declared.trim_end_matches('/'));
    if let Some(why) = unfit(declared) {
        let fault = Diagnostic::new(format!("the path `{declared}` of migrations is refused: {why}"));
        return Err(fault.help("a module's migrations lie inside its own folder; name a relative path"));
    }
    let path = root.join(declared);
    if !path.is_dir() {
        return Ok(None);
    }
    let root = fs::canonicalize(root).map_err(|error| unreadable(&shown, &error))?;
    let path = fs::canonicalize(&path).map_err(|error| unreadable(&shown, &error))?;
    if !path.starts_with(&root) {
        return Err(outside(&shown));
    }
    list_folder(&root, path, shown, 0, faults).map(Some)
}

fn list_folder(
    root: &Path,
    path: PathBuf,
    shown: String,
    depth: usize,
    faults: &mut Faults,
) -> Result<Listing, Diagnostic> {
    let mut listing = Listing { shown, path, ..Listing::default() };
    for entry in fs::read_dir(&listing.path).map_err(|error| unreadable(&listing.shown, &error))? {
        let entry = entry.map_err(|error| unreadable(&listing.shown, &error))?;
        let name = match entry.file_name().into_string() {
            Ok(name) => name,
            Err(name) => {
                let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
                if is_sql(&name.to_string_lossy()) || !is_file {
                    let name = join(&listing.shown, &name.to_string_lossy());
                    let fault = Diagnostic::new(format!("the name of `{name}` is not UTF-8"));
                    faults.error(fault.help("rename it"));
                }
                continue;
            }
        };
        if !name.starts_with('.') {
            add(root, &mut listing, name, entry.file_type().ok(), depth, faults);
        }
    }
    listing.files.sort_unstable();
    listing.folders.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    twins(&listing, faults);
    Ok(listing)
}

/// Puts an entry where it belongs. What cannot be a migration (a socket, a link to nowhere) only
/// matters when it is named like one.
fn add(
    root: &Path,
    listing: &mut Listing,
    name: String,
    kind: Option<FileType>,
    depth: usize,
    faults: &mut Faults,
) {
    let shown = join(&listing.shown, &name);
    let path = listing.path.join(&name);
    // the listing itself says what most entries are: only links cost a look
    let (path, kind) = match kind.filter(|kind| !kind.is_symlink()) {
        Some(kind) => (path, kind),
        None => match resolve(root, &path, &shown) {
            Ok(path) => match fs::symlink_metadata(&path) {
                Ok(metadata) => (path, metadata.file_type()),
                Err(_) => return,
            },
            Err(fault) if is_sql(&name) || path.is_dir() => return faults.error(fault),
            Err(_) => return,
        },
    };
    if kind.is_file() {
        listing.files.push(name);
    } else if kind.is_dir() {
        if depth < MAX_DEPTH {
            match list_folder(root, path, shown, depth + 1, faults) {
                Ok(folder) => listing.folders.push((name, folder)),
                Err(fault) => faults.error(fault),
            }
        }
    } else if is_sql(&name) {
        faults.error(not_regular(&shown));
    }
}

/// The entry itself, or what a link inside the package points to.
fn resolve(root: &Path, path: &Path, shown: &str) -> Result<PathBuf, Diagnostic> {
    let metadata = fs::symlink_metadata(path).map_err(|error| unreadable(shown, &error))?;
    if !metadata.is_symlink() {
        return Ok(path.to_owned());
    }
    let target = fs::canonicalize(path).map_err(|error| unreadable(shown, &error))?;
    if !target.starts_with(root) {
        return Err(outside(shown));
    }
    if path.starts_with(&target) {
        return Err(Diagnostic::new(format!("`{shown}` is a link to a folder that holds it")));
    }
    Ok(target)
}

/// Two names that one file on another machine's disk would be: there upper and lower case, or the
/// ways to write an accent, are the same.
fn twins(listing: &Listing, faults: &mut Faults) {
    let sql = listing.files.iter().filter(|name| is_sql(name));
    let folders = listing.folders.iter().filter(|(_, folder)| folder.holds_sql()).map(|(name, _)| name);
    let mut names: Vec<_> = sql.chain(folders).map(|name| (folded(name), name)).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        if let [(a, first), (b, second)] = pair
            && a == b
        {
            let shown = &listing.shown;
            let what = if first.to_lowercase() == second.to_lowercase() {
                "upper and lower case"
            } else {
                "how an accent is written"
            };
            let fault = format!("`{first}` and `{second}` in `{shown}` differ only in {what}");
            faults.error(Diagnostic::new(fault).help("rename one: on some disks they are one file"));
        }
    }
}

/// What is left of a name on a disk that does not tell such names apart.
pub(super) fn folded(name: &str) -> String {
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        name.nfc().collect::<String>().to_lowercase().nfc().collect()
    }
}

/// The normalised text of a file of a package, which a link may not lead out of it.
pub(super) fn read_own(root: &Path, name: &str, shown: &str) -> Result<String, Diagnostic> {
    let real = fs::canonicalize(root).map_err(|error| unreadable(shown, &error))?;
    let path = resolve(&real, &root.join(name), shown)?;
    if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
        return Err(not_regular(shown));
    }
    read_raw(&path, shown).map(|text| normalise(&text))
}

/// The same of a file that may not be there, by its path below the root.
pub(super) fn read_inside(root: &Path, path: &str, shown: &str) -> Result<Option<String>, Diagnostic> {
    if let Some(why) = unfit(path) {
        let fault = Diagnostic::new(format!("the path `{path}` is refused: {why}"));
        return Err(fault.help("a module's files lie inside its own folder; name a relative path"));
    }
    let whole = root.join(path);
    if fs::symlink_metadata(&whole).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let root = fs::canonicalize(root).map_err(|error| unreadable(shown, &error))?;
    let real = fs::canonicalize(&whole).map_err(|error| unreadable(shown, &error))?;
    if !real.starts_with(&root) {
        return Err(outside(shown));
    }
    if !real.is_file() {
        return Err(not_regular(shown));
    }
    read_raw(&real, shown).map(|text| Some(normalise(&text)))
}

fn read_raw(path: &Path, shown: &str) -> Result<String, Diagnostic> {
    // the listing has seen that it is a regular file: one look at the open file is enough
    let file = fs::File::open(path).map_err(|error| unreadable(shown, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(shown, &error))?;
    if !metadata.is_file() {
        return Err(not_regular(shown));
    }
    if metadata.len() > MAX_BYTES {
        let fault = format!("`{shown}` has {} bytes; {MAX_BYTES} are allowed", metadata.len());
        return Err(Diagnostic::new(fault).help("load large data outside of migrations"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|error| unreadable(shown, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(shown, &error))?;
    match text.find('\0') {
        Some(at) => Err(nul(shown, &text, at)),
        None => Ok(text),
    }
}

fn not_utf8(shown: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let at = error.utf8_error().valid_up_to();
    let byte = error.as_bytes().get(at).copied().unwrap_or_default();
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
    Diagnostic::new(format!("`{shown}` is not UTF-8: byte 0x{byte:02x} at offset {at}"))
        .frame(Frame::new(shown, text, at..end))
        .help("save the file as UTF-8")
}

fn nul(shown: &str, text: &str, at: usize) -> Diagnostic {
    Diagnostic::new(format!("`{shown}` contains NUL at offset {at}"))
        .frame(Frame::new(shown, text, at..at + 1))
        .help("no database takes NUL in SQL text; is the file UTF-16?")
}

fn unreadable(shown: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(format!("cannot read `{shown}`")).cause(error)
}

fn not_regular(shown: &str) -> Diagnostic {
    Diagnostic::new(format!("`{shown}` is not a regular file")).help("remove what stands there, or rename it")
}

fn outside(shown: &str) -> Diagnostic {
    Diagnostic::new(format!("`{shown}` is a link that leads out of its package"))
        .help("a module's migrations lie inside its own folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(root: &Path, declared: &str) -> (Result<Option<Listing>, Diagnostic>, Vec<Diagnostic>) {
        let mut faults = Faults::default();
        let listing = list(root, "x", declared, &mut faults);
        (listing, faults.errors)
    }

    fn write(root: &Path, name: &str, bytes: &[u8]) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn names_are_listed_in_the_order_of_their_bytes() {
        let root = tempfile::tempdir().unwrap();
        for name in ["m/b.sql", "m/B.txt", "m/a.sql", "m/.hidden.sql", "m/z/1.sql", "m/é.sql"] {
            write(root.path(), name, b"");
        }
        let (listing, errors) = listed(root.path(), "m");
        let listing = listing.unwrap().unwrap();
        assert_eq!(listing.files, ["B.txt", "a.sql", "b.sql", "é.sql"]);
        assert_eq!((listing.folders[0].0.as_str(), listing.folders[0].1.shown.as_str()), ("z", "x/m/z"));
        assert!(errors.is_empty());
        assert!(listed(root.path(), "none").0.unwrap().is_none());
    }

    #[test]
    fn paths_out_of_the_package_are_refused() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("package");
        write(outer.path(), "secret/1.sql", b"");
        write(&root, "real/1.sql", b"");
        for path in ["..", "../secret", "real/../../secret", "/etc", ""] {
            assert!(listed(&root, path).0.is_err(), "{path}");
        }
        std::os::unix::fs::symlink(outer.path().join("secret"), root.join("out")).unwrap();
        std::os::unix::fs::symlink("real", root.join("in")).unwrap();
        assert!(listed(&root, "out").0.unwrap_err().message.contains("leads out of its package"));
        assert_eq!(listed(&root, "in").0.unwrap().unwrap().files, ["1.sql"]);
    }

    #[test]
    fn links_and_special_files_are_not_opened() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("package");
        write(outer.path(), "secret.sql", b"");
        write(&root, "m/1.sql", b"");
        std::os::unix::fs::symlink("../../secret.sql", root.join("m/2.sql")).unwrap();
        std::os::unix::fs::symlink("1.sql", root.join("m/3.sql")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("m/README")).unwrap();
        std::os::unix::fs::symlink(".", root.join("m/loop")).unwrap();
        std::os::unix::net::UnixListener::bind(root.join("m/4.sql")).unwrap();
        let (listing, errors) = listed(&root, "m");
        assert_eq!(listing.unwrap().unwrap().files, ["1.sql", "3.sql"]);
        let mut messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        messages.sort_unstable();
        let wanted = [
            "`x/m/2.sql` is a link that leads out of its package",
            "`x/m/4.sql` is not a regular file",
            "`x/m/loop` is a link to a folder that holds it",
        ];
        assert_eq!(messages, wanted);
    }

    #[test]
    fn names_that_differ_in_case_only_are_refused() {
        let root = tempfile::tempdir().unwrap();
        for name in ["m/1_Ab.sql", "m/1_aB.sql", "m/README", "m/readme"] {
            write(root.path(), name, b"");
        }
        let (_, errors) = listed(root.path(), "m");
        assert_eq!(errors.len(), 1, "{errors:?}");
    }

    #[test]
    fn texts_are_utf8_without_nul_and_not_too_long() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a", b"\xef\xbb\xbfx\r\ny");
        write(root.path(), "b", b"ab\xe4cd");
        write(root.path(), "c", b"a\0");
        let read = |name: &str| read_own(root.path(), name, name);
        assert_eq!(read("a").unwrap(), "x\ny");
        let fault = read("b").unwrap_err();
        assert_eq!(fault.message, "`b` is not UTF-8: byte 0xe4 at offset 2");
        assert_eq!(fault.frames[0].line_column(), (1, 3));
        assert!(read("c").unwrap_err().message.contains("NUL at offset 1"));
        fs_err::File::create(root.path().join("d")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(read("d").unwrap_err().message.contains("are allowed"));
        assert!(read("e").is_err());
    }
}
