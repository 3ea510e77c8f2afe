//! `change-type`: a column gets a type that makes PostgreSQL write the whole table anew.

use super::{POSTGRES, Rule};
use crate::config::Severity;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::What;

pub(super) const RULE: Rule = Rule {
    name: "change-type",
    about: "a change of type writes the whole table anew",
    severity: Severity::Error,
    dialects: POSTGRES,
    squawk: &["changing-column-type"],
    timed: true,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let changes = look.acts().filter_map(|(n, act)| {
        let What::SetType { table, column, ty, using } = &act.what else { return None };
        let old = look.known.column(table, column).map(|known| known.ty.as_str());
        let fine = look.is_new_column(table, column) || !using && old.is_some_and(|old| is_wider(old, ty));
        (!fine).then(|| {
            let was = old.map(|old| format!(", which was `{old}`,")).unwrap_or_default();
            Draft::new(
                (n, act),
                format!("`{table}.{column}`{was} becomes `{ty}`: that writes the table and its indexes anew"),
            )
            .note("nobody can read or write the table while that lasts")
            .help("run `db-migrations generate change-type`: it writes the steps with a second column")
        })
    });
    changes.collect()
}

const TIMES: &[&str] = &["timestamp", "timestamptz", "time", "timetz", "interval"];

/// Whether every value of a type is one of the other, byte for byte: then only the catalogue changes.
fn is_wider(old: &str, new: &str) -> bool {
    let ((old, old_size), (new, new_size)) = (parts(old), parts(new));
    let grows = match (old_size, new_size) {
        (_, None) => true,
        // six digits are what there is without a size
        (None, Some(size)) => size.trim() == "6" && TIMES.contains(&usual(&old)),
        (Some(old), Some(new)) => {
            let limits =
                |size: &str| -> Vec<u32> { size.split(',').filter_map(|n| n.trim().parse().ok()).collect() };
            let (old, new) = (limits(old), limits(new));
            old.first() <= new.first() && old.get(1).unwrap_or(&0) == new.get(1).unwrap_or(&0)
        }
    };
    let (from, to) = (usual(&old), usual(&new));
    let sized = ["varchar", "numeric", "varbit", "timestamp", "timestamptz", "time", "timetz", "interval"];
    match (from, to) {
        (from, to) if from == to => grows && (old_size == new_size || sized.contains(&from)),
        ("varchar", "text") | ("cidr", "inet") => true,
        ("text", "varchar") => new_size.is_none(),
        _ => false,
    }
}

/// The name of a type without its size, and the size.
fn parts(ty: &str) -> (String, Option<&str>) {
    let Some((before, rest)) = ty.split_once('(') else { return (ty.to_owned(), None) };
    let (size, after) = rest.split_once(')').unwrap_or((rest, ""));
    (format!("{}{after}", before.trim_end()), Some(size))
}

/// The one name of types with several.
fn usual(ty: &str) -> &str {
    match ty {
        "character varying" => "varchar",
        "decimal" => "numeric",
        "bit varying" => "varbit",
        "int" | "int4" | "serial" | "serial4" => "integer",
        "int8" | "bigserial" | "serial8" => "bigint",
        "int2" | "smallserial" | "serial2" => "smallint",
        "bool" => "boolean",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        "time without time zone" => "time",
        "time with time zone" => "timetz",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::is_wider;

    #[test]
    fn what_changes_only_the_catalogue() {
        for (old, new) in [
            ("varchar(20)", "varchar(30)"),
            ("varchar(20)", "character varying"),
            ("character varying(20)", "text"),
            ("text", "varchar"),
            ("numeric(10,2)", "numeric(12,2)"),
            ("numeric(10,2)", "decimal"),
            ("timestamp(3) with time zone", "timestamptz"),
            ("int", "integer"),
            ("cidr", "inet"),
            ("timestamp", "timestamp(6)"),
            ("bigserial", "bigint"),
            ("serial", "int4"),
        ] {
            assert!(is_wider(old, new), "{old} {new}");
        }
        for (old, new) in [
            ("varchar(20)", "varchar(10)"),
            ("text", "varchar(10)"),
            ("int", "bigint"),
            ("char(3)", "text"),
            ("char(3)", "char(4)"),
            ("numeric(10,2)", "numeric(12,3)"),
            ("timestamp", "timestamptz"),
            ("timestamp", "timestamp(3)"),
            ("numeric", "numeric(6)"),
            ("serial", "bigint"),
            ("json", "jsonb"),
            ("inet", "cidr"),
        ] {
            assert!(!is_wider(old, new), "{old} {new}");
        }
    }
}
