//! A module's declared schema: the texts that say what its tables must be, read when somebody asks.
//!
//! One file, or a folder of them in the order of their names. A text is for one dialect when its name or
//! its folder says so, as for migrations. They are read as safely as migrations are: inside of the
//! package, regular files of a limited size, UTF-8. What they mean is not known here.

use std::collections::BTreeMap;
use std::path::Path;

use super::Source;
use super::faults::Faults;
use super::folder::{self, Listing, is_sql, join};
use super::variant::{is_diesel, split_name};
use crate::diagnostic::{Diagnostic, Frame};
use crate::dialect::Dialect;
use crate::migration::{Script, Scripts};

/// The name, without its ending, under which a declared schema is looked for.
const USUAL: &str = "schema";

/// Where a module may declare its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaPath {
    /// In `schema.sql` or `schema/` beside its migrations, if that is there.
    Usual,
    /// There, as somebody has said.
    Named {
        /// The file or the folder, inside of the package.
        path: String,
        /// Where it is said.
        frame: Option<Box<Frame>>,
    },
}

/// The texts for a dialect in which a module declares its schema; `None` where it declares none.
pub fn schema_texts(source: &Source, dialect: Dialect) -> Result<Option<Vec<Script>>, Vec<Diagnostic>> {
    let Some(place) = &source.schema else { return Ok(None) };
    let mut faults = Faults::default();
    let texts = match place {
        SchemaPath::Usual => usual(source, dialect, &mut faults),
        SchemaPath::Named { path, frame } => {
            let found = named(source, path, dialect, &mut faults);
            let framed = |fault| frame.iter().map(|frame| Frame::clone(frame)).fold(fault, Diagnostic::frame);
            found.map_err(framed)
        }
    };
    let texts = faults.keep(texts).flatten();
    if faults.errors.is_empty() { Ok(texts) } else { Err(faults.errors) }
}

/// Whether one of its texts seems to be there, without a look into it.
pub(super) fn is_there(root: &Path, migrations: &str, place: Option<&SchemaPath>) -> bool {
    match place {
        None => false,
        Some(SchemaPath::Named { .. }) => true,
        Some(SchemaPath::Usual) => {
            let folder = root.join(beside(migrations));
            let holds_sql = |name: &str| is_sql(name) || Dialect::from_alias(name).is_some();
            names(&folder).any(|name| is_usual(&name))
                || names(&folder.join(USUAL)).any(|name| holds_sql(&name))
        }
    }
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

/// Takes the declared schema out of a folder that is the package's own: no migration is meant.
pub(super) fn take_out(listing: &mut Listing, place: Option<&SchemaPath>) {
    let named = match place {
        None => return,
        Some(SchemaPath::Usual) => USUAL,
        Some(SchemaPath::Named { path, .. }) => path.trim_end_matches('/'),
    };
    let stem = named.strip_suffix(".sql").unwrap_or(named);
    listing.files.retain(|name| split_name(name).0.strip_suffix(".sql") != Some(stem));
    listing.folders.retain(|(name, folder)| name != named || is_diesel(folder));
}

fn is_usual(name: &str) -> bool {
    split_name(name).0 == "schema.sql"
}

/// The folder in which the migrations' own folder lies; the package's, where that is the same.
fn beside(migrations: &str) -> String {
    let parent = Path::new(migrations).parent().map(|parent| parent.to_string_lossy().into_owned());
    parent.filter(|parent| !parent.is_empty()).unwrap_or_else(|| ".".to_owned())
}

fn usual(source: &Source, dialect: Dialect, faults: &mut Faults) -> Result<Option<Vec<Script>>, Diagnostic> {
    let stem = join(&beside(&source.path), USUAL);
    let file = file(source, &format!("{stem}.sql"), dialect)?;
    // a folder of that name may hold anything, such as one migration of diesel
    let folder = if source.root.join(&stem).is_dir() {
        folder::list(&source.root, &source.shown, &stem, faults)?
    } else {
        None
    };
    let folder = folder.filter(|folder| folder.holds_sql() && !is_diesel(folder));
    match (file, folder) {
        (Some(file), Some(folder)) => {
            Err(Diagnostic::new(format!("a schema is declared in `{}` and in `{}`", file.path, folder.shown))
                .help("keep one of the two, or name the one that counts: `schema: { path: … }`"))
        }
        (Some(file), None) => Ok(Some(vec![file])),
        (None, Some(folder)) => Ok(of_folder(&folder, dialect, faults)),
        (None, None) => Ok(None),
    }
}

fn named(
    source: &Source,
    path: &str,
    dialect: Dialect,
    faults: &mut Faults,
) -> Result<Option<Vec<Script>>, Diagnostic> {
    if source.root.join(path).is_dir() {
        let listing = folder::list(&source.root, &source.shown, path, faults)?;
        let Some(listing) = listing else { return Ok(None) };
        if !listing.holds_sql() {
            let fault =
                Diagnostic::new(format!("the declared schema `{}` holds no `.sql` file", listing.shown));
            return Err(fault.help("write the schema there, or name another path"));
        }
        return Ok(of_folder(&listing, dialect, faults));
    }
    if let Some(file) = file(source, path, dialect)? {
        return Ok(Some(vec![file]));
    }
    let others = Dialect::ALL.into_iter().any(|other| matches!(file_of(source, path, other), Ok(Some(_))));
    if others {
        return Ok(None);
    }
    let shown = join(&source.shown, path);
    Err(Diagnostic::new(format!("there is no declared schema `{shown}`"))
        .help("write the schema there as SQL, or name another file or folder"))
}

/// The file, or the variant of it that is for the dialect.
fn file(source: &Source, path: &str, dialect: Dialect) -> Result<Option<Script>, Diagnostic> {
    for variant in dialect.variants() {
        if let Some(script) = file_of(source, path, *variant)? {
            return Ok(Some(script));
        }
    }
    text_at(source, path)
}

fn file_of(source: &Source, path: &str, variant: Dialect) -> Result<Option<Script>, Diagnostic> {
    let stem = path.strip_suffix(".sql").unwrap_or(path);
    for alias in variant.facts().aliases {
        if let Some(script) = text_at(source, &format!("{stem}.{alias}.sql"))? {
            return Ok(Some(script));
        }
    }
    Ok(None)
}

fn text_at(source: &Source, path: &str) -> Result<Option<Script>, Diagnostic> {
    let shown = join(&source.shown, path);
    let text = folder::read_inside(&source.root, path, &shown)?;
    Ok(text.map(|text| Script::new(text, shown)))
}

/// The texts of a folder, by the bytes of their paths; `None` where none is for the dialect.
fn of_folder(listing: &Listing, dialect: Dialect, faults: &mut Faults) -> Option<Vec<Script>> {
    let mut found = BTreeMap::new();
    gather(listing, "", None, &mut found, faults);
    let texts: Vec<Script> = found.values().filter_map(|texts| texts.choose(dialect).cloned()).collect();
    (!texts.is_empty()).then_some(texts)
}

fn gather(
    listing: &Listing,
    prefix: &str,
    dialect: Option<Dialect>,
    found: &mut BTreeMap<String, Scripts>,
    faults: &mut Faults,
) {
    for file in listing.files.iter().filter(|name| is_sql(name)) {
        let (name, named) = split_name(file);
        let Some((text, _)) = faults.keep(listing.text(file)) else { continue };
        let script = Script::new(text, join(&listing.shown, file));
        let texts = found.entry(join(prefix, &name)).or_default();
        let twin = match named.or(dialect) {
            Some(dialect) => texts.variants.insert(dialect, script),
            None => texts.plain.replace(script),
        };
        if let Some(twin) = twin {
            let shown = join(&listing.shown, file);
            let fault = format!("`{}` and `{shown}` are the same text of one dialect", twin.path);
            faults.error(Diagnostic::new(fault).help("remove one of the two"));
        }
    }
    for (name, folder) in &listing.folders {
        match Dialect::from_alias(name) {
            Some(variant) if dialect.is_none() => gather(folder, prefix, Some(variant), found, faults),
            _ => gather(folder, &join(prefix, name), dialect, found, faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Consent;

    fn source(root: &Path, schema: SchemaPath) -> Source {
        Source {
            root: root.to_owned(),
            folder: root.join("db/migrations"),
            consent: Consent::Application,
            shown: String::new(),
            path: "db/migrations".to_owned(),
            schema: Some(schema),
        }
    }

    fn write(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, name).unwrap();
        }
    }

    fn paths(root: &Path, schema: SchemaPath, dialect: Dialect) -> Result<Vec<String>, String> {
        match schema_texts(&source(root, schema), dialect) {
            Ok(texts) => Ok(texts.unwrap_or_default().iter().map(|script| script.path.to_string()).collect()),
            Err(faults) => Err(faults[0].message.clone()),
        }
    }

    fn at(path: &str) -> SchemaPath {
        SchemaPath::Named { path: path.to_owned(), frame: None }
    }

    #[test]
    fn a_file_beside_the_migrations_has_variants() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let usual = |dialect| paths(root, SchemaPath::Usual, dialect).unwrap();
        write(root, &["schema.sql"]);
        assert!(usual(Dialect::Sqlite).is_empty(), "not beside the migrations");
        write(root, &["db/schema.sql", "db/schema.pg.sql", "db/schema.mysql.sql"]);
        assert_eq!(usual(Dialect::Sqlite), ["db/schema.sql"]);
        assert_eq!(usual(Dialect::Postgres), ["db/schema.pg.sql"]);
        assert_eq!(usual(Dialect::MariaDb), ["db/schema.mysql.sql"]);
        write(root, &["db/schema/a.sql"]);
        let both = "a schema is declared in `db/schema.sql` and in `db/schema`";
        assert_eq!(paths(root, SchemaPath::Usual, Dialect::Sqlite).unwrap_err(), both);
    }

    #[test]
    fn a_folder_is_read_by_the_names_in_it() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let names = [
            "s/b.sql",
            "s/a/2.sql",
            "s/a/10.sql",
            "s/postgres/b.sql",
            "s/postgres/x/y.sql",
            "s/c.sqlite.sql",
            "s/d.md",
        ];
        write(root, &names);
        let sqlite = ["s/a/10.sql", "s/a/2.sql", "s/b.sql", "s/c.sqlite.sql"];
        assert_eq!(paths(root, at("s"), Dialect::Sqlite).unwrap(), sqlite);
        let postgres = ["s/a/10.sql", "s/a/2.sql", "s/postgres/b.sql", "s/postgres/x/y.sql"];
        assert_eq!(paths(root, at("s/"), Dialect::Postgres).unwrap(), postgres);
        write(root, &["s/b.pg.sql"]);
        assert!(paths(root, at("s"), Dialect::Sqlite).unwrap_err().contains("are the same text"));
    }

    #[test]
    fn what_is_named_must_be_there_and_inside() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("package");
        write(outer.path(), &["secret.sql", "secret/a.sql"]);
        write(&root, &["x.sqlite.sql"]);
        std::os::unix::fs::symlink("../secret.sql", root.join("link.sql")).unwrap();
        std::os::unix::fs::symlink("../secret", root.join("folder")).unwrap();
        for path in ["../secret.sql", "link.sql", "folder", "folder/a.sql", "/etc/passwd", "", "none.sql"] {
            assert!(paths(&root, at(path), Dialect::Sqlite).is_err(), "{path}");
        }
        assert_eq!(paths(&root, at("x.sql"), Dialect::Sqlite).unwrap(), ["x.sqlite.sql"]);
        assert!(
            paths(&root, at("x.sql"), Dialect::Postgres).unwrap().is_empty(),
            "for another database only"
        );
    }
}
