//! `copy-alter`: an `ALTER TABLE` that copies the whole table while nobody can write.

use super::{MYSQL, Rule};
use crate::config::Severity;
use crate::dialect::Dialect;
use crate::lint::draft::Draft;
use crate::lint::fix::beside_writers;
use crate::lint::look::Look;
use crate::sql::{ConstraintKind, IndexKind, What};

pub(super) const RULE: Rule = Rule {
    name: "copy-alter",
    about: "an ALTER TABLE copies the table while nobody can write",
    severity: Severity::Error,
    dialects: MYSQL,
    squawk: &[],
    timed: true,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    let unchecked = look.acts().any(|(n, act)| {
        matches!(act.what, What::Other) && {
            let text = look.text(n).to_ascii_lowercase().replace(' ', "");
            text.contains("foreign_key_checks=0") || text.contains("foreign_key_checks=off")
        }
    });
    let mut found = Vec::new();
    for (n, act) in look.acts() {
        let reading = &look.readings[n];
        // with one of these the server refuses what would copy
        let sure =
            reading.algorithm.as_deref().is_some_and(|word| matches!(word, "inplace" | "instant" | "nocopy"))
                || reading.lock.as_deref() == Some("none");
        if sure || act.what.table().is_none_or(|table| look.is_new(table)) {
            continue;
        }
        if let Some(why) = copies(look, &act.what, unchecked) {
            let table = act.what.table().map(ToString::to_string).unwrap_or_default();
            found.push(
                Draft::new((n, act), format!("`{table}` is copied while nobody can write to it: {why}"))
                    .fix(beside_writers(look, n))
                .help("look for a form that takes `ALGORITHM=INPLACE, LOCK=NONE`, or change a copy and swap the names (gh-ost, pt-online-schema-change)"),
            );
        }
    }
    found
}

/// Why a clause makes the server copy the table, as far as its words say.
fn copies(look: &Look<'_>, what: &What, unchecked: bool) -> Option<String> {
    match what {
        What::Redefine { table, old, column } => {
            let Some(known) = look.known.column(table, old) else {
                return Some(format!("`{old}` becomes `{}`, and nothing says what it was", column.ty));
            };
            let stays = is_in_place(look.dialect, &known.ty, &column.ty);
            (!stays).then(|| format!("`{old}` was `{}` and becomes `{}`", known.ty, column.ty))
        }
        What::AddConstraint { constraint, .. } => match constraint.kind {
            ConstraintKind::Foreign if !unchecked => Some("a foreign key is added".to_owned()),
            ConstraintKind::Check => Some("a check is added".to_owned()),
            _ => None,
        },
        What::AddColumn { column, .. } if column.stored => {
            Some(format!("`{}` is computed and stored", column.name))
        }
        What::AddColumn { column, .. } if column.counts => {
            Some(format!("`{}` numbers every row", column.name))
        }
        What::CreateIndex { kind: IndexKind::FullText, .. } => Some("a fulltext index is built".to_owned()),
        What::CreateIndex { kind: IndexKind::Spatial, .. } => Some("a spatial index is built".to_owned()),
        What::AlterTable { words, .. } => by_words(words),
        _ => None,
    }
}

fn by_words(words: &str) -> Option<String> {
    const COPYING: &[(&str, &str)] = &[
        ("convert to character set", "its character set changes"),
        ("convert to charset", "its character set changes"),
        ("drop primary key", "its primary key goes"),
        ("order by", "its rows are sorted"),
        ("partition by", "it is partitioned"),
        ("remove partitioning", "its partitions are joined"),
        ("reorganize partition", "its partitions are cut anew"),
        ("add system versioning", "it gets a history"),
        ("drop system versioning", "it loses its history"),
    ];
    // InnoDB, which nearly all are kept by already, writes itself anew beside writers
    if words.starts_with("engine") && !words.contains("innodb") {
        return Some("another engine keeps it".to_owned());
    }
    let found = COPYING.iter().find(|(start, _)| words.starts_with(start));
    found.map(|(_, why)| (*why).to_owned())
}

/// Whether a column of one type can hold the other's values without a copy.
fn is_in_place(dialect: Dialect, old: &str, new: &str) -> bool {
    let (old, new) = (usual(old), usual(new));
    if old == new {
        return true;
    }
    let sized = |ty: &str| -> Option<(String, u32)> {
        let (name, rest) = ty.split_once('(')?;
        let (size, after) = rest.split_once(')')?;
        Some((format!("{name}{after}"), size.trim().parse().ok()?))
    };
    if let (Some((old_name, old_size)), Some((new_name, new_size))) = (sized(&old), sized(&new)) {
        // MySQL: one byte for the length up to 255 bytes, of up to four bytes each
        let is_small = |size: u32| size <= 63;
        return old_name == new_name
            && matches!(old_name.split(' ').next(), Some("varchar" | "varbinary"))
            && old_size <= new_size
            && (dialect == Dialect::MariaDb || is_small(old_size) == is_small(new_size));
    }
    // values that come behind the others
    let is_list = |ty: &str| ty.starts_with("enum(") || ty.starts_with("set(");
    is_list(&old) && new.starts_with(old.trim_end_matches(')'))
}

/// Types in one spelling: `int(11)` and `integer` are the same.
fn usual(ty: &str) -> String {
    let mut ty = ty.to_owned();
    for (word, is) in [
        ("integer", "int"),
        ("boolean", "tinyint(1)"),
        ("bool", "tinyint(1)"),
        ("numeric", "decimal"),
        ("dec(", "decimal("),
    ] {
        if let Some(rest) = ty.strip_prefix(word) {
            ty = format!("{is}{rest}");
            break;
        }
    }
    for name in ["tinyint", "smallint", "mediumint", "bigint", "int"] {
        let Some(rest) = ty.strip_prefix(name) else { continue };
        let rest = match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((_, after)) => after,
            None => rest,
        };
        return format!("{name}{rest}");
    }
    ty
}

#[cfg(test)]
mod tests {
    use super::is_in_place;
    use crate::dialect::Dialect;

    #[test]
    fn types_that_need_no_copy() {
        for (old, new) in [
            ("int(11)", "int"),
            ("integer", "int(10)"),
            ("varchar(20)", "varchar(60)"),
            ("varchar(100)", "varchar(255)"),
            ("enum('a','b')", "enum('a','b','c')"),
            ("bool", "tinyint(1)"),
        ] {
            assert!(is_in_place(Dialect::MySql, old, new), "{old} {new}");
        }
        for (old, new) in [
            ("int", "bigint"),
            ("int", "int unsigned"),
            ("varchar(60)", "varchar(20)"),
            ("varchar(60)", "varchar(64)"),
            ("enum('a','b')", "enum('b','a')"),
            ("char(3)", "char(4)"),
            ("text", "varchar(20)"),
        ] {
            assert!(!is_in_place(Dialect::MySql, old, new), "{old} {new}");
        }
        assert!(is_in_place(Dialect::MariaDb, "varchar(60)", "varchar(64)"));
    }
}
