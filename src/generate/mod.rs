//! The names and first lines of a new migration, as values: writing them is the caller's. `online` makes the texts
//! of changes that old and new code live through. Nothing here knows a file system or a clock.

pub mod online;

use crate::id::MigrationId;
use crate::module::Format;

/// One file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its path below the module's folder.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// `Add users' table` → `add_users_table`; `None` when nothing usable is left.
pub fn slug(name: &str) -> Option<String> {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if c != '\'' && !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    let slug = slug.trim_end_matches('_').to_owned();
    (!slug.is_empty() && slug.len() <= 200).then_some(slug)
}

/// The files of a new migration. `stamp` is `YYYYMMDDhhmmss`, `next` the next number of a module
/// that counts; `pair` asks for a down script where the format has it apart.
pub fn files(
    format: Format,
    stamp: &str,
    next: Option<&str>,
    slug: &str,
    depends_on: &[MigrationId],
    pair: bool,
) -> Vec<NewFile> {
    let version = next.unwrap_or(stamp);
    let head = if depends_on.is_empty() {
        String::new()
    } else {
        let ids: Vec<&str> = depends_on.iter().map(MigrationId::as_str).collect();
        format!("-- db-migrations: depends-on {}\n\n", ids.join(" "))
    };
    let file = |path: String, text: String| NewFile { path, text };
    let pair = pair || format == Format::GolangMigrate;
    match format {
        Format::Native | Format::GolangMigrate if pair => vec![
            file(format!("{version}_{slug}.up.sql"), head),
            file(format!("{version}_{slug}.down.sql"), String::new()),
        ],
        Format::Native | Format::GolangMigrate => vec![file(format!("{version}_{slug}.sql"), head)],
        Format::Refinery | Format::Flyway => vec![file(format!("V{version}__{slug}.sql"), head)],
        Format::Diesel => vec![
            file(format!("{version}_{slug}/up.sql"), head),
            file(format!("{version}_{slug}/down.sql"), String::new()),
        ],
        Format::Dbmate => {
            vec![file(format!("{version}_{slug}.sql"), format!("{head}-- migrate:up\n\n-- migrate:down\n"))]
        }
        Format::Goose => {
            vec![file(format!("{version}_{slug}.sql"), format!("{head}-- +goose Up\n\n-- +goose Down\n"))]
        }
    }
}

/// The same files with a text that applies: behind the heading of its section, where the format has sections.
pub fn filled(mut files: Vec<NewFile>, body: &str) -> Vec<NewFile> {
    if let Some(file) = files.first_mut() {
        let heading = ["-- migrate:up\n", "-- +goose Up\n"];
        let ends = heading.into_iter().filter_map(|mark| file.text.find(mark).map(|at| at + mark.len()));
        let at = ends.min().unwrap_or(file.text.len());
        file.text.insert_str(at, body);
    }
    files
}

/// The same files with both texts, and where each stands: the number of its file, and of the lines before it.
pub struct Both {
    /// The files.
    pub files: Vec<NewFile>,
    /// Of what applies.
    pub up: (usize, usize),
    /// Of what undoes; `None` where the format has no place for it.
    pub down: Option<(usize, usize)>,
}

/// The files of a new migration with what applies and what undoes it; `alone` says which of them run outside of a
/// transaction, in the words of a format that has its own.
pub fn filled_both(
    format: Format,
    mut files: Vec<NewFile>,
    up: &str,
    down: &str,
    alone: (bool, bool),
) -> Both {
    let lines = |text: &str| text.matches('\n').count();
    if files.len() > 1 {
        let place = lines(&files[0].text);
        files[0].text.push_str(up);
        down.clone_into(&mut files[1].text);
        return Both { files, up: (0, place), down: Some((1, 0)) };
    }
    let Some(file) = files.first_mut() else { return Both { files, up: (0, 0), down: None } };
    let (up_mark, down_mark) = match format {
        Format::Dbmate => {
            let option = |alone| if alone { " transaction:false" } else { "" };
            (format!("-- migrate:up{}\n", option(alone.0)), format!("-- migrate:down{}\n", option(alone.1)))
        }
        Format::Goose => {
            let option = if alone.0 || alone.1 { "-- +goose NO TRANSACTION\n" } else { "" };
            (format!("{option}-- +goose Up\n"), "-- +goose Down\n".to_owned())
        }
        _ => {
            let place = lines(&file.text);
            file.text.push_str(up);
            return Both { files, up: (0, place), down: None };
        }
    };
    let end = file.text.find("-- migrate:up").or_else(|| file.text.find("-- +goose Up"));
    let head = file.text[..end.unwrap_or(file.text.len())].to_owned();
    let before = format!("{head}{up_mark}");
    let between = format!("{before}{up}\n{down_mark}");
    file.text = format!("{between}{down}");
    Both { up: (0, lines(&before)), down: Some((0, lines(&between))), files }
}

/// A file's path as a dialect's own: `x.up.sql` → `x.up.sqlite.sql`.
pub fn of_dialect(path: &str, dialect: &str) -> String {
    let stem = path.strip_suffix(".sql").unwrap_or(path);
    format!("{stem}.{dialect}.sql")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_stand_at_their_places() {
        for (format, expected) in [
            (Format::Native, vec!["UP;\n", "DOWN;\n"]),
            (Format::Flyway, vec!["UP;\n"]),
            (Format::Dbmate, vec!["-- migrate:up transaction:false\nUP;\n\n-- migrate:down\nDOWN;\n"]),
            (Format::Goose, vec!["-- +goose NO TRANSACTION\n-- +goose Up\nUP;\n\n-- +goose Down\nDOWN;\n"]),
        ] {
            let files = files(format, "1", None, "x", &[], true);
            let both = filled_both(format, files, "UP;\n", "DOWN;\n", (true, false));
            let texts: Vec<&str> = both.files.iter().map(|file| file.text.as_str()).collect();
            assert_eq!(texts, expected);
            let line = |(file, line): (usize, usize)| both.files[file].text.lines().nth(line).unwrap();
            assert_eq!(line(both.up), "UP;", "{format}");
            assert_eq!(both.down.map(line), (format != Format::Flyway).then_some("DOWN;"), "{format}");
        }
        assert_eq!(of_dialect("1_x.up.sql", "sqlite"), "1_x.up.sqlite.sql");
    }

    #[test]
    fn slugs() {
        assert_eq!(slug("Add users' table!").as_deref(), Some("add_users_table"));
        assert_eq!(slug("../../etc"), Some("etc".to_owned()));
        assert_eq!(slug("--"), None);
    }

    #[test]
    fn a_text_stands_in_the_section_that_applies() {
        let text = |format| filled(files(format, "1", None, "x", &[], false), "SELECT 1;\n")[0].text.clone();
        assert_eq!(text(Format::Native), "SELECT 1;\n");
        assert_eq!(text(Format::Dbmate), "-- migrate:up\nSELECT 1;\n\n-- migrate:down\n");
    }

    #[test]
    fn each_format_has_its_files() {
        let paths = |format, pair| {
            files(format, "20260101000000", None, "x", &[], pair)
                .into_iter()
                .map(|f| f.path)
                .collect::<Vec<_>>()
        };
        assert_eq!(paths(Format::Native, false), ["20260101000000_x.sql"]);
        assert_eq!(paths(Format::Native, true), ["20260101000000_x.up.sql", "20260101000000_x.down.sql"]);
        assert_eq!(paths(Format::Diesel, false), ["20260101000000_x/up.sql", "20260101000000_x/down.sql"]);
        assert_eq!(paths(Format::GolangMigrate, false).len(), 2);
        let depends = ["a::1_x".parse().unwrap()];
        let file = &files(Format::Refinery, "2", Some("7"), "x", &depends, false)[0];
        assert_eq!(
            (file.path.as_str(), file.text.as_str()),
            ("V7__x.sql", "-- db-migrations: depends-on a::1_x\n\n")
        );
    }
}
