//! The one migration that a person means by a short form of its id.
//!
//! The forms, from the most exact on: the id, the name, the version or the slug, and a prefix of id, name or
//! slug. All but the id may stand behind `namespace::`. The first form that fits anything decides; if it
//! fits several, they are named and nothing is guessed.

use crate::diagnostic::{Diagnostic, nearest};
use crate::id::MigrationId;

/// So many are named in an error.
const FEW: usize = 5;

/// Finds it among `ids`.
///
/// ```
/// use db_migrations::{id::MigrationId, lock::find};
/// let ids: Vec<MigrationId> = vec!["app::20240101_users".parse()?, "shop::20240102_orders".parse()?];
/// assert_eq!(find(&ids, "orders").unwrap(), &ids[1]);
/// assert_eq!(find(&ids, "app::2024").unwrap(), &ids[0]);
/// assert!(find(&ids, "2024").is_err());
/// # Ok::<(), db_migrations::id::IdError>(())
/// ```
pub fn find<'a>(
    ids: impl IntoIterator<Item = &'a MigrationId>,
    text: &str,
) -> Result<&'a MigrationId, Diagnostic> {
    let ids: Vec<&MigrationId> = ids.into_iter().collect();
    let (namespace, short) = match text.split_once("::") {
        Some((namespace, short)) => (Some(namespace), short),
        None => (None, text),
    };
    let within = |id: &MigrationId| namespace.is_none_or(|namespace| id.namespace() == namespace);
    for form in FORMS {
        let found: Vec<&MigrationId> =
            ids.iter().copied().filter(|id| !short.is_empty() && within(id) && form(id, short)).collect();
        match found[..] {
            [] => {}
            [id] => return Ok(id),
            _ => return Err(ambiguous(text, &found)),
        }
    }
    let mut diagnostic = Diagnostic::new(format!("no migration is called `{text}`"));
    let names = ids.iter().flat_map(|id| [id.as_str(), id.name(), slug(id)]);
    diagnostic.help.extend(nearest(text, names).map(|near| format!("did you mean `{near}`?")));
    Err(diagnostic.help("`db-migrations list` shows all of them"))
}

const FORMS: [fn(&MigrationId, &str) -> bool; 3] = [
    |id, short| id.name() == short,
    |id, short| version(id) == short || slug(id) == short,
    |id, short| id.name().starts_with(short) || version(id).starts_with(short) || slug(id).starts_with(short),
];

fn ambiguous(text: &str, found: &[&MigrationId]) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(format!("`{text}` fits {} migrations", found.len()));
    diagnostic.notes.extend(found.iter().take(FEW).map(|id| format!("`{id}`")));
    diagnostic.notes.extend((found.len() > FEW).then(|| format!("and {} more", found.len() - FEW)));
    diagnostic.help("say more of the id")
}

/// What stands before the first `_`, without the letter of Flyway's names.
fn version(id: &MigrationId) -> &str {
    let version = id.name().split('_').next().unwrap_or_default();
    match version.strip_prefix(['V', 'v']) {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_digit()) => digits,
        _ => version,
    }
}

/// What stands behind it.
fn slug(id: &MigrationId) -> &str {
    id.name().split_once('_').map_or("", |(_, slug)| slug.trim_start_matches('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Vec<MigrationId> {
        [
            "app::20240101_users",
            "app::20240102_users_name",
            "shop::V1__init",
            "blog::20240101_users",
            "app::1",
        ]
        .map(|id| id.parse().unwrap())
        .to_vec()
    }

    #[test]
    fn the_most_exact_form_decides() {
        let ids = ids();
        for (text, wanted) in [
            ("app::20240101_users", Some(0)),
            ("blog::users", Some(3)),
            ("app::users", Some(0)),
            ("users_name", Some(1)),
            ("20240102", Some(1)),
            ("init", Some(2)),
            ("shop::1", Some(2)),
            ("V1", Some(2)),
            ("app::1", Some(4)),
            ("ini", Some(2)),
            ("users", None),
            ("20240101", None),
            ("2024", None),
            ("", None),
            ("app::", None),
            ("nobody::init", None),
        ] {
            assert_eq!(find(&ids, text).ok(), wanted.map(|i: usize| &ids[i]), "{text}");
        }
    }

    #[test]
    fn near_names_and_candidates_are_told() {
        let ids = ids();
        let fault = find(&ids, "inti").unwrap_err();
        assert!(fault.help[0].contains("`init`"), "{fault:?}");
        let fault = find(&ids, "users").unwrap_err();
        assert_eq!(fault.notes, ["`app::20240101_users`", "`blog::20240101_users`"]);
    }
}
