//! What must be known of the table before steps can be written, and what speaks against them.
//!
//! Read from the texts by which a database describes a table; nothing here asks a database.

use super::Change;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::diff::{clauses, unquoted, words};
use crate::schema::{Kind, Object, Schema};
use crate::sql::{Part, table_parts, table_text};

/// A column that is there, by its table's name and its own, both as the schema spells them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) table: &'a str,
    pub(super) column: &'a str,
}

impl<'a> Target<'a> {
    /// These names.
    pub(super) const fn new(table: &'a str, column: &'a str) -> Self {
        Self { table, column }
    }

    /// The parts of its table.
    pub(super) fn parts(&self, dialect: Dialect, schema: &Schema) -> Option<Vec<Part>> {
        table_parts(dialect, &schema.find(Kind::Table, self.table)?.definition)
    }

    /// The part that is the column.
    pub(super) fn part(&self, dialect: Dialect, schema: &Schema) -> Option<Part> {
        let parts = self.parts(dialect, schema)?;
        parts.into_iter().find(|part| name_of(dialect, part).as_deref() == Some(self.column))
    }
}

/// The spelled name of a part that is a column.
pub(super) fn name_of(dialect: Dialect, part: &Part) -> Option<String> {
    part.name.starts_with("column ").then(|| clauses(dialect, &part.source))?.map(|it| it.name.to_owned())
}

/// What the text of a column says.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a clause of the text")]
pub(super) struct Shape {
    /// Its type, with character set and collation.
    pub(super) kind: String,
    /// The first word of its type, in upper case.
    pub(super) word: String,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
    /// It is computed from others.
    pub(super) generated: bool,
    /// It counts by itself.
    pub(super) counts: bool,
    /// It is the key by itself.
    pub(super) primary: bool,
    /// It changes whenever the row does.
    pub(super) on_update: bool,
}

impl Shape {
    pub(super) fn new(dialect: Dialect, source: &str) -> Self {
        let words = words(dialect, source);
        let outer: Vec<_> = words.iter().skip(1).filter(|word| word.depth == 0 || word.text == "(").collect();
        let has = |text: &str| outer.iter().any(|word| word.is(text));
        let pair = |a: &str, b: &str| outer.windows(2).any(|two| two[0].is(a) && two[1].is(b));
        let mut kind = clauses(dialect, source).map_or_else(String::new, |it| it.kind.to_owned());
        if let Some(at) = outer.iter().position(|word| word.is("CHARACTER"))
            && let (Some(set), Some(name)) = (outer.get(at + 1), outer.get(at + 2))
            && set.is("SET")
        {
            kind.push_str(" CHARACTER SET ");
            kind.push_str(name.text);
        }
        if let Some(at) = outer.iter().position(|word| word.is("COLLATE")) {
            let names = outer[at + 1..].iter().enumerate();
            let names = names
                .take_while(|(place, word)| *place == 0 || word.text == "." || outer[at + place].text == ".");
            let name: String = names.map(|(_, word)| word.text).collect();
            kind.push_str(" COLLATE ");
            kind.push_str(&name);
        }
        Self {
            word: outer.first().map(|word| word.text.to_ascii_uppercase()).unwrap_or_default(),
            kind,
            not_null: pair("NOT", "NULL"),
            has_default: has("DEFAULT"),
            generated: pair("ALWAYS", "AS") && !has("IDENTITY")
                || outer.windows(2).any(|two| two[0].is("AS") && two[1].text == "("),
            counts: has("IDENTITY")
                || has("AUTO_INCREMENT")
                || has("AUTOINCREMENT")
                || source.contains("nextval("),
            primary: has("PRIMARY"),
            on_update: pair("ON", "UPDATE"),
        }
    }

    /// Whether two values that compare as equal can differ: in case, in blanks at their end.
    pub(super) fn is_text(&self) -> bool {
        let texts = ["CHAR", "TEXT", "BLOB", "BINARY", "ENUM", "SET", "JSON", "CLOB"];
        texts.iter().any(|text| self.word.contains(text)) || self.word.is_empty()
    }
}

/// Two columns that must hold the same: the one that is there, and the one that follows it.
#[derive(Clone, Debug)]
pub(super) struct Columns<'a> {
    pub(super) dialect: Dialect,
    pub(super) before: &'a Schema,
    pub(super) after: &'a Schema,
    pub(super) table: &'a str,
    pub(super) from: &'a str,
    /// As the schema behind the plain change spells it.
    pub(super) to: String,
    pub(super) old: Shape,
    pub(super) new: Shape,
    /// Makes a new value of an old one; nothing where both are the same.
    pub(super) using: Option<String>,
    /// Makes an old value of a new one.
    pub(super) back: Option<String>,
    /// All columns of the table, with both.
    pub(super) all: Vec<String>,
}

impl<'a> Columns<'a> {
    /// Finds both.
    pub(super) fn new(
        dialect: Dialect,
        before: &'a Schema,
        after: &'a Schema,
        target: &Target<'a>,
        change: &Change,
    ) -> Result<Self, Box<Diagnostic>> {
        let unreadable = || {
            let fault =
                Diagnostic::new(format!("the columns of `{}` cannot be read from its text", target.table));
            Box::new(fault.help("a partition has the columns of its table: change that one"))
        };
        let old = target.part(dialect, before).ok_or_else(unreadable)?;
        let known = target.parts(dialect, before).ok_or_else(unreadable)?;
        let parts = target.parts(dialect, after).ok_or_else(unreadable)?;
        let is_new = |part: &&Part| {
            part.name.starts_with("column ") && known.iter().all(|other| other.name != part.name)
        };
        let new = parts.iter().find(is_new).ok_or_else(unreadable)?;
        let to = name_of(dialect, new).ok_or_else(unreadable)?;
        let (using, back) = match change {
            Change::ChangeType { using, back, .. } => {
                let kind = |part: &Part| bare_kind(dialect, &part.source);
                let cast = |expression: &Option<String>, column: &str, kind: &str| {
                    expression.clone().unwrap_or_else(|| cast(dialect, column, kind))
                };
                (Some(cast(using, target.column, &kind(new))), Some(cast(back, &to, &kind(&old))))
            }
            _ => (None, None),
        };
        let mut all: Vec<String> = known.iter().filter_map(|part| name_of(dialect, part)).collect();
        all.push(to.clone());
        Ok(Self {
            dialect,
            before,
            after,
            table: target.table,
            from: target.column,
            old: Shape::new(dialect, &old.source),
            new: Shape::new(dialect, &new.source),
            to,
            using,
            back,
            all,
        })
    }

    /// Whether both are of one type.
    pub(super) const fn is_rename(&self) -> bool {
        self.using.is_none()
    }

    /// An old value as a new one, of columns by their bare names.
    pub(super) fn forward(&self) -> String {
        self.using.as_ref().map_or_else(|| self.from.to_owned(), |text| format!("({text})"))
    }

    /// A new value as an old one.
    pub(super) fn backward(&self) -> String {
        self.back.as_ref().map_or_else(|| self.to.clone(), |text| format!("({text})"))
    }

    /// What both codes must know where the types differ.
    pub(super) fn of_type(&self) -> Vec<String> {
        if self.is_rename() {
            return Vec::new();
        }
        vec![
            format!(
                "what old code writes into {} must be a value for `--using`, and a new one for `--back`: a write for which they fail, fails",
                self.from
            ),
            format!(
                "what {} cannot hold stops the write of new code, or is cut: `--back` may say what old code sees then, as by `least(…)`",
                self.from
            ),
        ]
    }

    /// The parts of the table before and behind the plain change, as far as they speak of the column: constraints, and
    /// keys where those are parts.
    pub(super) fn changed_parts(&self) -> Vec<(Part, Part)> {
        let target = Target::new(self.table, self.from);
        let before = target.parts(self.dialect, self.before).unwrap_or_default();
        let after = target.parts(self.dialect, self.after).unwrap_or_default();
        let pairs = before.into_iter().filter(|part| part.name != "options").filter_map(|old| {
            let new = after.iter().find(|new| new.name == old.name && new.text != old.text)?;
            Some((old, new.clone()))
        });
        pairs.collect()
    }

    /// The new column as the plain change makes it.
    pub(super) fn after_part(&self) -> Option<Part> {
        Target::new(self.table, &self.to).part(self.dialect, self.after)
    }

    /// The objects of a kind that speak of the column: as they are behind the plain change.
    pub(super) fn changed_objects(&self, kind: Kind) -> Vec<&'a Object> {
        let of_kind = self.after.objects.iter().filter(|object| object.kind == kind);
        of_kind
            .filter(|new| {
                let old = self.before.find(kind, &new.name);
                old.is_some_and(|old| old.definition != new.definition)
            })
            .collect()
    }

    /// What of other tables points at the column.
    fn pointing(&self) -> Vec<String> {
        let own = format!("{}.", self.table);
        let keys = self.changed_objects(Kind::ForeignKey).into_iter();
        let keys = keys.filter(|key| !key.name.starts_with(&own));
        let tables = self.changed_objects(Kind::Table).into_iter().filter(|table| table.name != self.table);
        keys.chain(tables).map(|object| format!("the {} `{}`", object.kind, object.name)).collect()
    }

    /// Whether the table has a part of which the text says this.
    pub(super) fn has_part(&self, word: &str) -> bool {
        let parts = Target::new(self.table, self.from).parts(self.dialect, self.before).unwrap_or_default();
        parts.iter().any(|part| part.name != "options" && part.text.contains(word))
    }

    /// The table's indexes that speak of the column, and that stand as objects of their own.
    pub(super) fn indexes(&self) -> Vec<&'a Object> {
        self.changed_objects(Kind::Index)
    }
}

/// The type of a column without character set and collation.
fn bare_kind(dialect: Dialect, source: &str) -> String {
    clauses(dialect, source).map_or_else(String::new, |it| it.kind.to_owned())
}

/// A cast to a type, as far as the database has one.
fn cast(dialect: Dialect, column: &str, kind: &str) -> String {
    if dialect.facts().body_delimiter.is_some() {
        // an assignment converts by itself, and `CAST` does not know every type
        return column.to_owned();
    }
    if kind.is_empty() { column.to_owned() } else { format!("CAST({column} AS {kind})") }
}

/// Other objects of a kind that name the table and the column.
pub(super) fn mentioning<'a>(
    dialect: Dialect,
    schema: &'a Schema,
    kind: Kind,
    table: &str,
    column: Option<&str>,
) -> Vec<&'a Object> {
    let last = unquoted(crate::diff::qualified(table).1);
    let names = |object: &Object, name: &str| {
        words(dialect, &object.definition).iter().any(|word| word.name().eq_ignore_ascii_case(name))
    };
    let of_kind = schema.objects.iter().filter(|object| object.kind == kind);
    of_kind
        .filter(|object| {
            names(object, &last)
                && column
                    .is_none_or(|column| names(object, &unquoted(column)) || object.definition.contains('*'))
        })
        .collect()
}

/// Whether a column is part of its table's primary key.
pub(super) fn is_key(dialect: Dialect, before: &Schema, target: &Target<'_>) -> bool {
    let parts = target.parts(dialect, before).unwrap_or_default();
    let columns = parts
        .iter()
        .filter_map(|part| Some((name_of(dialect, part)?, part.clone(), Shape::new(dialect, &part.source))));
    let columns: Vec<_> = columns.collect();
    key(dialect, &parts, &columns).iter().any(|name| name == target.column)
}

/// That it is, and cannot be changed so.
pub(super) fn of_key(target: &Target<'_>) -> Diagnostic {
    let fault = format!("`{}` is part of the primary key of `{}`", unquoted(target.column), target.table);
    Diagnostic::new(fault).help("write the steps by hand, or use `ALTER TABLE` while nothing else runs")
}

/// Everything that speaks against a change of a column.
pub(super) fn refusals(columns: &Columns<'_>, change: &Change) -> Vec<Diagnostic> {
    let (dialect, table, from) = (columns.dialect, columns.table, unquoted(columns.from));
    let mut faults = Vec::new();
    let mut refuse = |why: String, help: &str| faults.push(Diagnostic::new(why).help(help.to_owned()));
    let by_hand = "write the steps by hand, or use `ALTER TABLE` while nothing else runs";
    if columns.old.generated {
        refuse(
            format!("`{from}` of `{table}` is generated: nobody writes into it"),
            "add a generated column of the new name, and drop this one once no code reads it",
        );
    }
    let is_type = matches!(change, Change::ChangeType { .. });
    let keeps_old = dialect == Dialect::Postgres && !is_type;
    let parts = columns.changed_parts();
    let in_key = is_key(dialect, columns.before, &Target::new(table, columns.from));
    if in_key && !keeps_old {
        refuse(of_key(&Target::new(table, columns.from)).message, by_hand);
    }
    if columns.old.counts && !keeps_old && !in_key {
        refuse(format!("`{from}` of `{table}` counts by itself"), by_hand);
    }
    for (old, _) in parts.iter().filter(|(old, _)| old.name.starts_with("column ")) {
        let name = unquoted(old.name.trim_start_matches("column "));
        if !keeps_old && dialect != Dialect::Sqlite {
            refuse(format!("`{name}` of `{table}` is made of `{from}`"), by_hand);
        }
    }
    for other in columns.pointing() {
        if !keeps_old && (is_type || dialect != Dialect::Sqlite) {
            refuse(format!("{other} points at `{from}`"), by_hand);
        }
    }
    faults.extend(by_dialect(columns, &parts, keeps_old));
    faults
}

/// The views that may use a column.
pub(super) fn views_of(dialect: Dialect, before: &Schema, target: &Target<'_>) -> Vec<Diagnostic> {
    let (table, column) = (target.table, unquoted(target.column));
    let views = [Kind::View, Kind::MaterializedView].into_iter();
    let views = views.flat_map(|kind| mentioning(dialect, before, kind, table, Some(&column)));
    let fault = |view: &Object| {
        let fault = format!("the view `{}` may use `{column}` of `{table}`", view.name);
        let help = "drop it in a migration before, and make it again behind the contract step";
        Diagnostic::new(fault).help(help)
    };
    views.map(fault).collect()
}

fn by_dialect(columns: &Columns<'_>, parts: &[(Part, Part)], keeps_old: bool) -> Vec<Diagnostic> {
    let (dialect, table, from) = (columns.dialect, columns.table, unquoted(columns.from));
    let mut faults = Vec::new();
    if !keeps_old {
        faults.extend(views_of(dialect, columns.before, &Target::new(table, columns.from)));
    }
    let definition = columns.before.find(Kind::Table, table).map_or("", |object| object.definition.as_str());
    let tail = table_text(dialect, definition).map_or("", |text| text.tail);
    let words_behind = words(dialect, tail);
    if words_behind.iter().any(|word| word.is("PARTITION"))
        && words_behind.iter().any(|word| word.name() == from)
    {
        let fault = format!("`{table}` is partitioned by `{from}`");
        faults.push(
            Diagnostic::new(fault)
                .help("a trigger may not move a row to another partition: make a new table, and copy"),
        );
    }
    let inherits = |object: &&Object| {
        object.kind == Kind::Table && object.definition.contains(&format!("INHERITS ({table}"))
    };
    if let Some(child) = columns.before.objects.iter().find(inherits) {
        let fault = format!("`{}` inherits from `{table}`, and not its triggers", child.name);
        faults.push(Diagnostic::new(fault).help("write the steps by hand, with a trigger on each of them"));
    }
    if dialect.facts().body_delimiter.is_some() {
        for (old, _) in parts.iter().filter(|(old, _)| old.text.contains("foreign key")) {
            let moves = ["on delete set null", "on update cascade", "on update set null"];
            if moves.iter().any(|action| old.text.contains(action)) {
                let fault = format!("what `{}` does to `{from}` fires no trigger on this database", old.name);
                faults.push(
                    Diagnostic::new(fault)
                        .note(old.source.clone())
                        .help("make it a foreign key without this action first"),
                );
            }
        }
    }
    faults
}

/// Why a column cannot become `NOT NULL`.
pub(super) fn may_be_set(dialect: Dialect, before: &Schema, target: &Target<'_>) -> Option<Diagnostic> {
    let Some(part) = target.part(dialect, before) else {
        let fault = format!("the columns of `{}` cannot be read from its text", target.table);
        return Some(
            Diagnostic::new(fault).help("a partition has the columns of its table: change that one"),
        );
    };
    let shape = Shape::new(dialect, &part.source);
    let already = format!("`{}` of `{}` is `NOT NULL` already", target.column, target.table);
    if shape.not_null {
        return Some(Diagnostic::new(already));
    }
    let computed = format!("`{}` of `{}` is generated: its expression decides", target.column, target.table);
    shape.generated.then(|| Diagnostic::new(computed).help("make the expression one that is never null"))
}

/// A table before and behind its new name.
#[derive(Clone, Debug)]
pub(super) struct Renamed<'a> {
    pub(super) dialect: Dialect,
    pub(super) from: &'a str,
    pub(super) to: String,
    /// Its columns as they are spelled, and what their texts say.
    pub(super) columns: Vec<(String, Part, Shape)>,
    /// Its text.
    pub(super) definition: &'a str,
    /// The columns of its primary key.
    pub(super) key: Vec<String>,
}

/// Finds it under its new name.
pub(super) fn renamed<'a>(
    dialect: Dialect,
    before: &'a Schema,
    after: &Schema,
    from: &'a str,
) -> Result<Renamed<'a>, Box<Diagnostic>> {
    let unreadable = || {
        let fault = Diagnostic::new(format!("the columns of `{from}` cannot be read from its text"));
        Box::new(fault.help("nothing but SQL names a partition: rename it by `ALTER TABLE`"))
    };
    let object = before.find(Kind::Table, from).ok_or_else(unreadable)?;
    let is_new =
        |object: &&Object| object.kind == Kind::Table && before.find(Kind::Table, &object.name).is_none();
    let to = after.objects.iter().find(is_new).ok_or_else(unreadable)?.name.clone();
    let text =
        Target::new(from, "").parts(dialect, before).or_else(|| Target::new(&to, "").parts(dialect, after));
    let parts = text.ok_or_else(unreadable)?;
    let columns = parts
        .iter()
        .filter_map(|part| Some((name_of(dialect, part)?, part.clone(), Shape::new(dialect, &part.source))));
    let columns: Vec<_> = columns.collect();
    let key = key(dialect, &parts, &columns);
    Ok(Renamed { dialect, from, to, columns, definition: &object.definition, key })
}

/// The columns of a primary key.
pub(super) fn key(dialect: Dialect, parts: &[Part], columns: &[(String, Part, Shape)]) -> Vec<String> {
    if let Some((name, ..)) = columns.iter().find(|(_, _, shape)| shape.primary) {
        return vec![name.clone()];
    }
    let Some(part) =
        parts.iter().find(|part| !part.name.starts_with("column ") && part.text.contains("primary key("))
    else {
        return Vec::new();
    };
    let words = words(dialect, &part.source);
    let inner = words.iter().skip_while(|word| word.text != "(").skip(1).take_while(|word| word.text != ")");
    inner.filter(|word| word.depth == 1 && word.text != ",").map(|word| word.text.to_owned()).collect()
}
