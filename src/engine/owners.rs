//! Which module made which object: learnt by looking at a scratch database whenever the module changes.
//!
//! What is new since the last look belongs to the module that has just run. An object that got another
//! name stays whose it was: the migrations' own words say so, or a definition that is the same but for its
//! name; what is named after a renamed table follows it.

use std::collections::{BTreeMap, HashSet};

use crate::id::Namespace;
use crate::schema::{Kind, Object, Schema};
use crate::sql;

/// Which module made which object, by kind and name.
pub type Owners = BTreeMap<(Kind, String), Namespace>;

/// Learns what `module` has made of `before`; `renames` is what its texts say.
pub(super) fn learn(
    owners: &mut Owners,
    before: &Schema,
    after: &Schema,
    module: &Namespace,
    renames: &[(sql::Object, sql::Object)],
) {
    let there: There<'_> = after.objects.iter().map(|object| (object.kind, object.name.as_str())).collect();
    for (old, new) in at_once(renames) {
        let gone =
            owners.keys().filter(|(kind, name)| !there.contains(&(*kind, name)) && means(&old, *kind, name));
        let heir =
            |(kind, name): &(Kind, String)| Some((name.clone(), heir(owners, after, *kind, name, &new)?));
        let pairs: Vec<(String, String)> = gone.filter_map(heir).collect();
        for (from, to) in pairs {
            hand_on(owners, &there, &from, &to);
        }
    }
    let gone: Vec<&Object> =
        before.objects.iter().filter(|object| !there.contains(&(object.kind, &object.name))).collect();
    for object in after.objects.iter().filter(|_| !gone.is_empty()) {
        let is_twin = |old: &&&Object| old.kind == object.kind && without_name(old) == without_name(object);
        let twin = (!owners.contains_key(&key(object))).then(|| gone.iter().find(is_twin)).flatten();
        if let Some(twin) = twin {
            hand_on(owners, &there, &twin.name, &object.name);
        }
    }
    owners.retain(|(kind, name), _| there.contains(&(*kind, name)));
    for object in &after.objects {
        owners.entry(key(object)).or_insert_with(|| module.clone());
    }
}

type There<'a> = HashSet<(Kind, &'a str)>;

/// Renames one after the other as single ones.
fn at_once(renames: &[(sql::Object, sql::Object)]) -> Vec<(sql::Object, sql::Object)> {
    let mut all: Vec<(sql::Object, sql::Object)> = Vec::new();
    for (old, new) in renames {
        match all.iter_mut().find(|(_, to)| to.name == old.name && to.kind == old.kind) {
            Some((_, to)) => to.clone_from(new),
            None => all.push((old.clone(), new.clone())),
        }
    }
    all
}

fn key(object: &Object) -> (Kind, String) {
    (object.kind, object.name.clone())
}

/// The new object of that name, if it is nobody's yet.
fn heir(owners: &Owners, after: &Schema, kind: Kind, old: &str, new: &sql::Object) -> Option<String> {
    let schema = new.schema.clone().or_else(|| split(old).0);
    let new = sql::Object { schema, ..new.clone() };
    let mut objects = after.objects.iter().filter(|object| !owners.contains_key(&key(object)));
    objects.find(|object| object.kind == kind && means(&new, kind, &object.name)).map(|o| o.name.clone())
}

/// Who had the old name has the new one, and what is named after it.
fn hand_on(owners: &mut Owners, there: &There<'_>, from: &str, to: &str) {
    let moved: Vec<_> = owners
        .keys()
        .filter(|(kind, name)| !there.contains(&(*kind, name)))
        .filter_map(|(kind, name)| Some(((*kind, name.clone()), (*kind, replaced(name, from, to)?))))
        .filter(|(_, new)| there.contains(&(new.0, &new.1)) && !owners.contains_key(new))
        .collect();
    for (old, new) in moved {
        if let Some(owner) = owners.remove(&old) {
            owners.insert(new, owner);
        }
    }
}

/// A name in which another one stands as a whole word.
fn replaced(name: &str, from: &str, to: &str) -> Option<String> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"');
    let (at, _) = name
        .match_indices(from)
        .find(|(at, _)| !name[..*at].ends_with(part) && !name[at + from.len()..].starts_with(part))?;
    Some(format!("{}{to}{}", &name[..at], &name[at + from.len()..]))
}

/// Whether the words of a statement mean this object.
fn means(words: &sql::Object, kind: Kind, name: &str) -> bool {
    let fits = match words.kind {
        sql::Kind::Relation => matches!(
            kind,
            Kind::Table
                | Kind::VirtualTable
                | Kind::View
                | Kind::MaterializedView
                | Kind::Sequence
                | Kind::Index
        ),
        sql::Kind::Index => kind == Kind::Index,
        sql::Kind::Sequence => kind == Kind::Sequence,
        sql::Kind::Function => matches!(kind, Kind::Function | Kind::Procedure | Kind::Aggregate),
        sql::Kind::Trigger => kind == Kind::Trigger,
        sql::Kind::Type => matches!(kind, Kind::Enum | Kind::Composite | Kind::Range | Kind::Domain),
        sql::Kind::Schema => kind == Kind::Schema,
        sql::Kind::Other => true,
    };
    let (schema, bare) = split(name);
    let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
    fits && same(&bare, &words.name)
        && match (&schema, &words.schema) {
            (Some(is), Some(said)) => same(is, said),
            _ => true,
        }
}

/// The schema and the bare name, unquoted: `public`, `users` of `public.users`; arguments are left out.
fn split(name: &str) -> (Option<String>, String) {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in name.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            '(' if !quoted => break,
            c => parts.last_mut().into_iter().for_each(|part| part.push(c)),
        }
    }
    let bare = parts.pop().unwrap_or_default();
    (parts.pop(), bare)
}

/// A definition that says nothing of its own name.
fn without_name(object: &Object) -> String {
    let bare = object.name.rsplit('.').next().unwrap_or(&object.name);
    object.definition.replacen(bare, "?", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    fn schema(objects: &[(Kind, &str, &str)]) -> Schema {
        let object = |(kind, name, definition): &(Kind, &str, &str)| Object {
            kind: *kind,
            name: (*name).to_owned(),
            definition: (*definition).to_owned(),
        };
        Schema::new(objects.iter().map(object).collect())
    }

    fn run(owners: &mut Owners, before: &Schema, after: &Schema, module: &str, text: &str) {
        let renames: Vec<_> = sql::deeds(Dialect::Postgres, text)
            .into_iter()
            .filter_map(|deed| match deed.effect {
                Some(sql::Effect::Renames(old, new)) => Some((old, new)),
                _ => None,
            })
            .collect();
        learn(owners, before, after, &Namespace::new(module).unwrap(), &renames);
    }

    fn told(owners: &Owners) -> Vec<String> {
        owners.iter().map(|((kind, name), owner)| format!("{kind} {name}: {owner}")).collect()
    }

    #[test]
    fn what_is_new_belongs_to_who_ran() {
        let mut owners = Owners::new();
        let a = schema(&[(Kind::Table, "public.a", "A")]);
        run(&mut owners, &Schema::default(), &a, "one", "");
        let b = schema(&[
            (Kind::Table, "public.a", "A changed"),
            (Kind::Table, "public.b", "B"),
            (Kind::Index, "public.a_idx", "index on a"),
        ]);
        run(&mut owners, &a, &b, "two", "");
        assert_eq!(told(&owners), ["table public.a: one", "table public.b: two", "index public.a_idx: two"]);
        run(&mut owners, &b, &schema(&[]), "two", "");
        assert!(owners.is_empty(), "what went is nobody's");
        run(&mut owners, &schema(&[]), &a, "two", "");
        assert_eq!(told(&owners), ["table public.a: two"]);
    }

    #[test]
    fn a_renamed_table_stays_whose_it_was_with_what_is_named_after_it() {
        let mut owners = Owners::new();
        let a = schema(&[
            (Kind::Table, "public.users", "T"),
            (Kind::Trigger, "t on public.users", "tr"),
            (Kind::Comment, "table public.users", "c"),
            (Kind::Table, "public.users_old", "U"),
        ]);
        run(&mut owners, &Schema::default(), &a, "one", "");
        let b = schema(&[
            (Kind::Table, "public.\"Accounts\"", "T with a column"),
            (Kind::Trigger, "t on public.\"Accounts\"", "tr"),
            (Kind::Comment, "table public.\"Accounts\"", "c"),
            (Kind::Table, "public.users_old", "U"),
            (Kind::Table, "public.fresh", "F"),
        ]);
        let text = "ALTER TABLE users RENAME TO tmp; ALTER TABLE tmp RENAME TO \"Accounts\"; ALTER TABLE \"Accounts\" ADD x int;";
        run(&mut owners, &a, &b, "two", text);
        assert_eq!(
            told(&owners),
            [
                "table public.\"Accounts\": one",
                "table public.fresh: two",
                "table public.users_old: one",
                "trigger t on public.\"Accounts\": one",
                "comment table public.\"Accounts\": one",
            ]
        );
    }

    #[test]
    fn without_words_the_same_definition_tells_a_rename() {
        let mut owners = Owners::new();
        let a = schema(&[(Kind::Enum, "public.mood", "CREATE TYPE public.mood AS ENUM ('a')")]);
        run(&mut owners, &Schema::default(), &a, "one", "");
        let b = schema(&[(Kind::Enum, "public.humour", "CREATE TYPE public.humour AS ENUM ('a')")]);
        run(&mut owners, &a, &b, "two", "DO $$ BEGIN EXECUTE 'x'; END $$");
        assert_eq!(told(&owners), ["enum public.humour: one"]);
    }
}
