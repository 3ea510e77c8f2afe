//! What rows can make of a changed table: where a statement fails, or what must be filled in.
//!
//! Nothing is known of the rows, so whatever could stand in the way is said.

use super::alter::Changed;
use super::table::{Column, Generation, Item, ItemKind};
use crate::diff::text::unquoted;

/// One line each.
pub(super) fn hints(changed: &Changed<'_>) -> Vec<String> {
    let Changed { from, to, come, again, .. } = changed;
    let table = &from.object.name;
    let mut hints = Vec::new();
    for (item, column) in to.columns().filter(|(item, _)| come.contains(&item.part)) {
        let before = from.column(&column.key);
        let mut reasons = obstacles(before, (item, column));
        if again.contains(&column.key) && column.generation == Generation::None {
            reasons = vec!["is made again, without its values: fill it"];
        }
        let charset = to.charset(column).filter(|charset| charset != "utf8mb4");
        if charset.is_some() && before.is_some_and(|(_, before)| from.charset(before) != charset) {
            reasons.push("of another character set now: fails where a value does not fit, or changes it if `sql_mode` is not strict");
        }
        hints.extend(
            reasons.into_iter().map(|reason| format!("{table}.{}: {reason}", unquoted(&item.spelled))),
        );
    }
    let is_condition = |item: &&Item| match item.kind {
        ItemKind::Key { .. } => item.form.starts_with("unique") || item.form.starts_with("primary"),
        ItemKind::Check | ItemKind::Foreign(_) | ItemKind::Period => true,
        _ => false,
    };
    let is_new = |item: &&Item| from.item(&item.part).is_none_or(|before| before.form != item.form);
    let conditions =
        to.items.iter().filter(|item| come.contains(&item.part)).filter(is_condition).filter(is_new);
    hints.extend(
        conditions.map(|item| format!("{table}: {}: fails where rows do not keep to it", item.source)),
    );
    if from.options.partitions != to.options.partitions && to.options.partitions.is_some() {
        hints.push(format!("{table}: other partitions: fails where a row has no place in them"));
    }
    if from.options.versioned && !to.options.versioned {
        hints.push(format!("{table}: without system versioning its history is gone"));
    }
    hints
}

/// Why rows may not take to what a column becomes.
fn obstacles(before: Option<(&Item, &Column)>, now: (&Item, &Column)) -> Vec<&'static str> {
    let ((item, column), mut reasons) = (now, Vec::new());
    let is_computed = column.generation != Generation::None;
    match before {
        None if column.not_null && !column.has_default && !is_computed => reasons
            .push("NOT NULL without a default: rows that are there get the empty value of its type; fill it"),
        Some((_, before)) if column.not_null && !before.not_null => {
            reasons.push("NOT NULL now: fails where it is null in a row; fill it before");
        }
        _ => {}
    }
    if before.is_some_and(|(_, before)| !column.ty.takes(&before.ty)) {
        reasons.push("of another type now: fails where a value does not fit, or changes it if `sql_mode` is not strict");
    }
    if column.checked && before.is_none_or(|(before, _)| before.form != item.form) {
        reasons.push("CHECK: fails where rows do not keep to it");
    }
    reasons
}
