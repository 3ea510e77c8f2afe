//! Crates with a folder that looks like migrations, which nobody has made a module.
//!
//! Only looked at, not read: names are counted, so that a person can see what enabling would bring.

use std::collections::BTreeSet;
use std::path::Path;

use super::faults::Faults;
use super::folder::{self, Listing, is_sql};
use super::format::{self, Input, SqlFile};
use super::graph::Package;
use super::variant::{is_diesel, split_name};
use crate::dialect::Dialect;
use crate::module::Format;

/// Where migrations of a crate usually are.
const USUAL: [&str; 2] = ["migrations", "src/migrations"];

/// A folder that may be a module's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The crate, or the plugin folder.
    pub name: String,
    /// Its version; empty for a folder.
    pub version: String,
    /// Whether it comes from a registry or git.
    pub external: bool,
    /// The folder inside the package: what `path` would be.
    pub folder: String,
    /// The format that it seems to have; `None` when it cannot be told.
    pub format: Option<Format>,
    /// How many migrations there seem to be.
    pub count: usize,
}

/// The candidates of a package.
pub(super) fn of_package(package: &Package) -> Vec<Candidate> {
    in_folder(&package.name, &package.version, &package.root, package.external)
}

/// The candidates in a package's folder.
pub(super) fn in_folder(name: &str, version: &str, root: &Path, external: bool) -> Vec<Candidate> {
    let candidate = |folder: &&str| {
        let listing = folder::list(root, "", folder, &mut Faults::default()).ok()??;
        let count = names(&listing).len();
        (count > 0).then(|| Candidate {
            name: name.to_owned(),
            version: version.to_owned(),
            external,
            folder: (*folder).to_owned(),
            format: format_of(&listing),
            count,
        })
    };
    USUAL.iter().filter_map(candidate).collect()
}

/// The names of the migrations, as far as names of files tell.
fn names(listing: &Listing) -> BTreeSet<String> {
    let files = listing.files.iter().filter(|name| is_sql(name)).map(|name| stem(name));
    let mut names: BTreeSet<String> = files.collect();
    for (name, folder) in &listing.folders {
        if is_diesel(folder) {
            names.insert(name.clone());
        } else if Dialect::from_alias(name).is_some() {
            names.extend(self::names(folder));
        }
    }
    names
}

fn stem(name: &str) -> String {
    let (name, _) = split_name(name);
    let stem = name.strip_suffix(".sql").unwrap_or(&name);
    let stem = stem.strip_suffix(".up").or_else(|| stem.strip_suffix(".down")).unwrap_or(stem);
    stem.to_owned()
}

/// The format as the names and one file of each folder tell it.
fn format_of(listing: &Listing) -> Option<Format> {
    let mut input = Input::default();
    let inner = listing.folders.iter().filter(|(name, _)| Dialect::from_alias(name).is_some());
    for folder in inner.map(|(_, folder)| folder).chain([listing]) {
        if folder.folders.iter().any(|(_, folder)| is_diesel(folder)) {
            return Some(Format::Diesel);
        }
        let mut text =
            folder.files.iter().find(|name| is_sql(name)).map(|name| folder.text(name).unwrap_or_default().0);
        input.files.extend(folder.files.iter().filter(|name| is_sql(name)).map(|name| SqlFile {
            name: split_name(name).0,
            path: name.as_str().into(),
            text: text.get_or_insert_default().as_str().into(),
            raw: None,
            dialect: None,
        }));
    }
    format::detect(&input).ok()
}
