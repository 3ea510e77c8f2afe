//! `checks/*.sql`: queries of a module that must return no row after a run.
//!
//! They speak of the whole database, so only the application, plugins and crates that opted in by
//! their own metadata have them; a crate that the configuration enabled never meant its folder so.

use std::path::Path;

use super::faults::Faults;
use super::folder::{self, Listing, is_sql, join};
use super::variant::split_name;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::module::CheckQuery;

/// Reads a module's checks; without such a folder there are none.
pub(super) fn read(root: &Path, shown: &str, path: &str, faults: &mut Faults) -> Vec<CheckQuery> {
    let listing = folder::list(root, shown, path, faults);
    let Some(Some(listing)) = faults.keep(listing) else { return Vec::new() };
    let mut checks = of_folder(&listing, None, faults);
    for (name, folder) in &listing.folders {
        match Dialect::from_alias(name) {
            Some(dialect) => checks.extend(of_folder(folder, Some(dialect), faults)),
            None if folder.holds_sql() && name != "archive" => {
                let fault = Diagnostic::new(format!("unexpected folder `{}` with SQL files", folder.shown));
                faults.error(fault.help("sub-folders of checks are named for a dialect"));
            }
            None => {}
        }
    }
    checks
}

fn of_folder(listing: &Listing, dialect: Option<Dialect>, faults: &mut Faults) -> Vec<CheckQuery> {
    let check = |name: &String| {
        let (text, _) = faults.keep(listing.text(name))?;
        let dialect = dialect.or(split_name(name).1);
        Some(CheckQuery { path: join(&listing.shown, name), text, dialect })
    };
    listing.files.iter().filter(|name| is_sql(name)).filter_map(check).collect()
}
