//! Puts the pieces of each name together: a migration with its texts by direction and dialect.
//!
//! Directives of all variants are united; what does not fit together (two texts for one dialect, a
//! down without an up, variants of different phases) is an error. In a crate from a registry, whose
//! files nobody here can mend, a lone down is only left out with a warning: real ones have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::faults::Faults;
use super::format::{Direction, Piece};
use crate::diagnostic::{Diagnostic, Frame};
use crate::dialect::Dialect;
use crate::id::{MigrationId, Namespace};
use crate::migration::{Migration, Phase, Script, Scripts};
use crate::sql::{self, Directives};

/// The module whose pieces are merged.
pub(super) struct Merger<'a> {
    pub(super) namespace: &'a Namespace,
    /// The foreign key mode of texts that say nothing of it.
    pub(super) foreign_keys: Option<bool>,
    /// Session settings of texts that do not make them themselves.
    pub(super) session: BTreeMap<String, String>,
    /// Whether the files come from a registry or git.
    pub(super) external: bool,
    pub(super) faults: &'a mut Faults,
}

impl Merger<'_> {
    /// The migrations, ordered by version, then name.
    pub(super) fn merge(mut self, pieces: Vec<Piece>) -> Vec<Migration> {
        let mut names: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
        for piece in pieces {
            names.entry(piece.name.clone()).or_default().push(piece);
        }
        let migrations = names.into_iter().filter_map(|(name, pieces)| self.migration(&name, pieces));
        let mut migrations: Vec<Migration> = migrations.collect();
        migrations.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.id.cmp(&b.id)));
        warn_of_equal_versions(&migrations, self.faults);
        migrations
    }

    fn migration(&mut self, name: &str, pieces: Vec<Piece>) -> Option<Migration> {
        let version = pieces.first()?.version.clone();
        let path = pieces.first()?.script.path.clone();
        let id = MigrationId::new(self.namespace, name).map_err(|error| {
            Diagnostic::new(format!("`{path}` has a name that cannot be an id"))
                .cause(error)
                .help("rename it")
        });
        let mut migration = Migration::new(self.faults.keep(id)?, version, Scripts::default());
        let mut first_up: Option<Arc<str>> = None;
        for mut piece in pieces {
            let directives = self.directives(&piece)?;
            piece.script.no_transaction |= directives.no_transaction;
            piece.script.foreign_keys = directives.foreign_keys.or(self.foreign_keys);
            piece.script.session.clone_from(&self.session);
            piece.script.session.extend(directives.session.clone());
            if piece.direction == Direction::Up {
                piece.script.replaces.clone_from(&directives.replaces);
                self.unite(&mut migration, directives, &piece.script, first_up.as_ref());
                first_up.get_or_insert(piece.script.path.clone());
            }
            self.put(&mut migration, piece);
        }
        self.check_downs(&mut migration);
        (!migration.up.is_empty()).then_some(migration)
    }

    /// What the leading comments say: that of the file and that of the section.
    fn directives(&mut self, piece: &Piece) -> Option<Directives> {
        let mut read = |script: &Script| {
            let directives = sql::directives(piece.dialect, &script.text).map_err(|error| {
                let mut frame = Frame::new(script.path.as_ref(), script.text.clone(), error.span.clone());
                frame.lines_before = script.lines_before;
                let fault = Diagnostic::new(error.to_string()).frame(frame);
                match error.help() {
                    Some(help) => fault.help(help),
                    None => fault,
                }
            });
            self.faults.keep(directives)
        };
        let mut directives = read(&piece.script)?;
        if let Some(preamble) = &piece.preamble {
            let of_file = read(preamble)?;
            directives.no_transaction |= of_file.no_transaction;
            directives.foreign_keys = directives.foreign_keys.or(of_file.foreign_keys);
            for (name, value) in of_file.session {
                directives.session.entry(name).or_insert(value);
            }
            directives.depends_on.extend(of_file.depends_on);
            directives.replaces.extend(of_file.replaces);
            directives.contract_of.extend(of_file.contract_of);
            directives.catch_up |= of_file.catch_up;
            directives.allow.extend(of_file.allow);
            if of_file.phase != Phase::default() {
                directives.phase = of_file.phase;
            }
        }
        Some(directives)
    }

    fn unite(
        &mut self,
        migration: &mut Migration,
        directives: Directives,
        script: &Script,
        first: Option<&Arc<str>>,
    ) {
        match first {
            Some(first) if migration.phase != directives.phase => {
                let fault = format!("`{first}` and `{}` are one migration of different phases", script.path);
                self.faults.error(Diagnostic::new(fault).help("write the same `phase` directive into both"));
            }
            _ => migration.phase = directives.phase,
        }
        add_new(&mut migration.depends_on, directives.depends_on);
        add_new(&mut migration.replaces, directives.replaces);
        add_new(&mut migration.contract_of, directives.contract_of);
        migration.catch_up |= directives.catch_up;
        add_new(&mut migration.allow, directives.allow);
    }

    fn put(&mut self, migration: &mut Migration, piece: Piece) {
        let scripts = match piece.direction {
            Direction::Up => &mut migration.up,
            Direction::Down => &mut migration.down,
        };
        let path = piece.script.path.clone();
        let earlier = match piece.dialect {
            Some(dialect) => scripts.variants.insert(dialect, piece.script),
            None => scripts.plain.replace(piece.script),
        };
        if let Some(earlier) = earlier {
            let fault = format!("`{}` and `{path}` are the same text of `{}`", earlier.path, migration.id);
            self.faults.error(Diagnostic::new(fault).help("remove or rename one of them"));
        }
    }

    /// Takes out the texts that undo what no text does.
    fn check_downs(&mut self, migration: &mut Migration) {
        let mut lone = Vec::new();
        if migration.up.is_empty() {
            lone.extend(migration.down.plain.take());
        }
        for dialect in Dialect::ALL {
            if migration.up.choose(dialect).is_none() {
                lone.extend(migration.down.variants.remove(&dialect));
            }
        }
        for down in lone {
            let fault = Diagnostic::new(format!("`{}` undoes what no file does", down.path));
            if self.external {
                self.faults.warn(fault.note("it is left out"));
            } else {
                self.faults.error(fault.help("add the up script, or remove this one"));
            }
        }
    }
}

fn add_new<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// Two migrations of one version that may meet in one database run in the order of their names.
fn warn_of_equal_versions(migrations: &[Migration], faults: &mut Faults) {
    let meet = |a: &Migration, b: &Migration| {
        Dialect::ALL.iter().any(|dialect| a.up.choose(*dialect).is_some() && b.up.choose(*dialect).is_some())
    };
    for pair in migrations.windows(2) {
        if let [a, b] = pair
            && a.version.cmp(&b.version).is_eq()
            && meet(a, b)
        {
            let warning = format!("`{}` and `{}` have the same version {}", a.id, b.id, a.version);
            faults.warn(Diagnostic::new(warning).note("they run in the order of their names"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::{folder, format, variant};
    use crate::module::Format;

    fn migrations(files: &[(&str, &str)]) -> (Vec<Migration>, Faults) {
        migrations_of(false, files)
    }

    fn migrations_of(external: bool, files: &[(&str, &str)]) -> (Vec<Migration>, Faults) {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join("m").join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let mut faults = Faults::default();
        let listing = folder::list(root.path(), "", "m", &mut faults).unwrap().unwrap();
        let input = variant::gather(&listing, None, &mut faults);
        let format = faults.keep(format::detect(&input)).unwrap_or(Format::Native);
        let pieces = format::read(format, &input, &mut faults);
        let namespace = Namespace::new("x").unwrap();
        let merger = Merger {
            namespace: &namespace,
            foreign_keys: None,
            session: BTreeMap::new(),
            external,
            faults: &mut faults,
        };
        let migrations = merger.merge(pieces);
        (migrations, faults)
    }

    fn messages(faults: &Faults) -> Vec<&str> {
        faults.errors.iter().map(|fault| fault.message.as_str()).collect()
    }

    #[test]
    fn folders_and_suffixes_are_variants_of_one_id() {
        let (migrations, faults) = migrations(&[
            ("1_a.sql", "plain"),
            ("1_a.postgres.up.sql", "pg"),
            ("sqlite/1_a.sql", "lite"),
            ("mysql/2_b.up.sql", "b"),
            ("mysql/2_b.down.sql", "not b"),
            ("README.md", ""),
            ("archive/old.sql", ""),
            ("notes/x.txt", ""),
        ]);
        assert_eq!(messages(&faults), [""; 0]);
        let ids: Vec<_> = migrations.iter().map(|migration| migration.id.as_str()).collect();
        assert_eq!(ids, ["x::1_a", "x::2_b"]);
        assert_eq!(migrations[0].up.choose(Dialect::Sqlite).unwrap().text.as_ref(), "lite");
        assert_eq!(migrations[0].up.choose(Dialect::Postgres).unwrap().text.as_ref(), "pg");
        assert_eq!(migrations[0].up.choose(Dialect::MySql).unwrap().text.as_ref(), "plain");
        assert!(migrations[1].up.choose(Dialect::Sqlite).is_none());
        assert_eq!(
            migrations[1].down.choose(Dialect::MariaDb).unwrap().path.as_ref(),
            "m/mysql/2_b.down.sql"
        );
    }

    #[test]
    fn diesel_folders_have_variants_too() {
        let (migrations, faults) = migrations(&[
            ("postgres/1_a/up.sql", "p"),
            ("sqlite/1_a/up.sql", "s"),
            ("sqlite/1_a/down.sql", ""),
        ]);
        assert_eq!(messages(&faults), [""; 0]);
        assert_eq!((migrations.len(), migrations[0].up.variants.len()), (1, 2));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (_, faults) = migrations(&[
            ("1_a.sql", ""),
            ("1_a.up.sql", ""),
            ("2_b.down.sql", ""),
            ("sqlite/3_c.postgres.sql", ""),
            ("4_d.up.postgres.sql", ""),
            ("4_d.down.sqlite.sql", ""),
            ("more/5_e.sql", ""),
            ("6_f.sql", "-- db-migrations: nonsense\n"),
            ("setup.sql", ""),
        ]);
        let mut found = messages(&faults);
        found.sort_unstable();
        let mut wanted = [
            "`m/1_a.sql` and `m/1_a.up.sql` are the same text of `x::1_a`",
            "`m/2_b.down.sql` undoes what no file does",
            "`m/sqlite/3_c.postgres.sql` is named for postgres, but stands in the folder for sqlite",
            "`m/4_d.down.sqlite.sql` undoes what no file does",
            "unexpected folder `m/more` with SQL files",
            "`m/setup.sql` is not named like a migration of the format native",
        ];
        wanted.sort_unstable();
        found.retain(|message| !message.contains("directive") && !message.contains("nonsense"));
        assert_eq!(found, wanted);
        assert_eq!(faults.errors.len(), wanted.len() + 1, "and the unknown directive");
    }

    #[test]
    fn a_lone_down_of_a_published_crate_is_left_out() {
        let (migrations, faults) = migrations_of(true, &[("1_a.up.sql", ""), ("2_a.down.sql", "")]);
        assert_eq!((migrations.len(), faults.errors.len(), faults.warnings.len()), (1, 0, 1));
    }

    #[test]
    fn directives_are_united() {
        let (migrations, faults) = migrations(&[
            ("1_a.sqlite.sql", "-- db-migrations: depends-on y::1\n-- db-migrations: no-transaction\n"),
            (
                "1_a.postgres.sql",
                "-- db-migrations: depends-on y::1 y::2\n-- db-migrations: phase contract\n",
            ),
        ]);
        let ids: Vec<_> = migrations[0].depends_on.iter().map(MigrationId::as_str).collect();
        assert_eq!(ids, ["y::1", "y::2"]);
        assert!(migrations[0].up.choose(Dialect::Sqlite).unwrap().no_transaction);
        assert!(!migrations[0].up.choose(Dialect::Postgres).unwrap().no_transaction);
        let fault = "`m/1_a.postgres.sql` and `m/1_a.sqlite.sql` are one migration of different phases";
        assert_eq!(messages(&faults), [fault]);
    }

    #[test]
    fn the_preamble_of_a_file_speaks_for_its_sections() {
        let text = "-- db-migrations: no-transaction\n-- migrate:up\na;\n-- migrate:down\nb;\n";
        let (migrations, _) = migrations(&[("1_a.sql", text)]);
        let up = migrations[0].up.plain.as_ref().unwrap();
        assert_eq!((up.text.as_ref(), up.no_transaction, up.lines_before), ("a;\n", true, 2));
    }

    #[test]
    fn one_version_twice_is_a_warning_where_both_run() {
        let (migrations, faults) =
            migrations(&[("1_b.sql", ""), ("01_a.sql", ""), ("2_a.mysql.sql", ""), ("2_b.sqlite.sql", "")]);
        let ids: Vec<_> = migrations.iter().map(|migration| migration.id.name()).collect();
        assert_eq!(ids, ["01_a", "1_b", "2_a", "2_b"]);
        assert_eq!(faults.warnings.len(), 1, "{:?}", faults.warnings);
    }
}
