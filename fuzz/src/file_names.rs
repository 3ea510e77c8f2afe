//! Folders of migrations: names and texts as anybody could have written them, in all formats.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use db_migrations::config;
use db_migrations::discover::{Discovery, Request, discover};
use db_migrations::id::MigrationId;
use db_migrations::migration::Script;

use super::common::told;

const FORMATS: [&str; 9] =
    ["", "native", "refinery", "flyway", "diesel", "dbmate", "goose", "golang-migrate", "sqlx"];

/// Files, parted by the byte 0xff; the first line of each is its name. Every SQL file is a text of a
/// migration, or something is said about it.
pub fn file_names(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let root = tempfile::tempdir().expect("a temporary folder");
    let folder = root.path().join("migrations");
    fs::create_dir(&folder).unwrap();
    let mut names = BTreeSet::new();
    for file in rest.split(|byte| *byte == 0xff).take(8) {
        let (name, text) = file.split_at(file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len()));
        names.extend(write(&folder, name, text.get(1..).unwrap_or_default()));
    }
    let format = FORMATS[usize::from(*first) % FORMATS.len()];
    let text =
        if format.is_empty() { "cargo: off\n".to_owned() } else { format!("cargo: off\nformat: {format}\n") };
    let config = config::parse("db-migrations.yml", &text, &|_| None).expect("a good configuration");
    let mut request = Request::new(root.path(), &config);
    request.offline = true;
    match discover(&request) {
        Ok(found) => nothing_is_passed_over(&found, &names),
        Err(faults) => told(&faults),
    }
}

/// Writes a file, if it has a name that stays in the folder; its path as it is shown.
fn write(folder: &Path, name: &[u8], text: &[u8]) -> Option<String> {
    let name = Path::new(OsStr::from_bytes(name));
    let plain = |part| matches!(part, std::path::Component::Normal(_));
    if name.as_os_str().len() > 200 || name.components().count() > 3 || !name.components().all(plain) {
        return None;
    }
    let path = folder.join(name);
    fs::create_dir_all(path.parent()?).ok()?;
    fs::write(&path, text).ok()?;
    Some(format!("migrations/{}", name.components().collect::<std::path::PathBuf>().display()))
}

fn nothing_is_passed_over(found: &Discovery, names: &BTreeSet<String>) {
    let mut read: Vec<String> = Vec::new();
    for module in &found.modules {
        for migration in &module.migrations {
            let id = &migration.id;
            assert_eq!(id.as_str().parse::<MigrationId>().as_ref(), Ok(id), "an id is read as it is written");
            assert!(!migration.up.is_empty());
            let texts = migration.up.iter().chain(migration.down.iter());
            read.extend(texts.map(|script: &Script| script.path.to_string()));
        }
        let versions: Vec<_> = module.migrations.iter().map(|migration| &migration.version).collect();
        assert!(versions.is_sorted(), "migrations stand in the order of their versions");
    }
    let hidden = |name: &str| name.split('/').any(|part| part.starts_with('.') || part == "archive");
    for name in names.iter().filter(|name| name.to_lowercase().ends_with(".sql") && !hidden(name)) {
        let warned = || found.warnings.iter().any(|warning| warning.to_string().contains(name.as_str()));
        assert!(read.contains(name) || warned(), "`{name}` was passed over: {read:?}");
    }
}
