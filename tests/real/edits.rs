//! What people change in a schema, tried on whatever a database holds.
//!
//! Each edit has many candidates, for tables that are most depended on first; the database says which
//! of them make sense.

use std::cmp::Reverse;
use std::collections::HashMap;

use db_migrations::dialect::Dialect;
use db_migrations::diff::rename::Rename;
use db_migrations::schema::{Kind, Object, Schema};
use db_migrations::snapshot::render_schema;

use crate::tables::{Column, Table, bare, other_type, replace_word, table, without};

/// How a schema is changed.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// By a statement in the database.
    Sql(String),
    /// In the declared text, which is given whole.
    Text(String),
    /// The same, where something has another name.
    Renamed(Rename, String),
}

/// An edit and its candidates.
pub(crate) type Edit = (&'static str, Vec<Change>);

/// A schema that can be edited.
pub(crate) struct Editor<'a> {
    dialect: Dialect,
    schema: &'a Schema,
    tables: Vec<Table<'a>>,
}

impl<'a> Editor<'a> {
    pub(crate) fn new(dialect: Dialect, schema: &'a Schema) -> Self {
        let mut tables: Vec<_> =
            (0..schema.objects.len()).filter_map(|at| table(dialect, schema, at)).collect();
        let needed = |at: usize| schema.needs.iter().filter(|need| need.1 == at).count();
        tables.sort_by_key(|table| Reverse((needed(table.at), table.object.definition.len())));
        Self { dialect, schema, tables }
    }

    pub(crate) fn tables(&self) -> usize {
        self.tables.len()
    }

    /// All of them.
    pub(crate) fn edits(&self) -> Vec<Edit> {
        vec![
            ("add a table", self.each(Self::added_tables)),
            ("drop a table", self.each(Self::dropped_tables)),
            ("rename a column", self.each(Self::renamed_columns)),
            ("rename a table", self.each(Self::renamed_table)),
            ("retype a column", self.retyped()),
            ("nullability", self.each(Self::nullability)),
            ("default", self.each(Self::defaults)),
            ("add an index", self.each(Self::added_index)),
            ("drop an index", self.dropped_indexes()),
            ("add a foreign key", self.each(Self::added_foreign_keys)),
            ("drop a foreign key", self.dropped_foreign_keys()),
            ("drop a column", self.each(Self::dropped_columns)),
            ("enum value", self.enum_values()),
            ("view", self.views()),
        ]
    }

    fn each(&self, candidates: impl Fn(&Self, &Table<'_>) -> Vec<Change>) -> Vec<Change> {
        // one of each table first
        let all: Vec<Vec<_>> = self.tables.iter().map(|table| candidates(self, table)).collect();
        let longest = all.iter().map(Vec::len).max().unwrap_or_default();
        (0..longest).flat_map(|at| all.iter().filter_map(move |of| of.get(at).cloned())).collect()
    }

    fn text(&self, change: impl Fn(usize, &Object) -> Option<String>) -> Change {
        let mut objects = self.schema.objects.clone();
        let mut at = 0;
        objects.retain_mut(|object| {
            let definition = change(at, object);
            at += 1;
            object.definition = definition.unwrap_or_default();
            !object.definition.is_empty()
        });
        Change::Text(render_schema(&Schema::new(objects), self.dialect))
    }

    fn with_definition(&self, table: &Table<'_>, definition: &str) -> Change {
        self.text(|at, object| {
            Some(if at == table.at { definition.to_owned() } else { object.definition.clone() })
        })
    }

    fn with_column(&self, table: &Table<'_>, column: &Column, rest: &str) -> Change {
        let source = format!("{} {rest}", column.name);
        self.with_definition(table, &table.object.definition.replacen(&column.source, &source, 1))
    }

    fn without_part(&self, table: &Table<'_>, source: &str) -> Option<Change> {
        Some(self.with_definition(table, &without(&table.object.definition, source)?))
    }

    fn added_tables(&self, table: &Table<'_>) -> Vec<Change> {
        let (name, id, more) = match self.dialect {
            Dialect::Postgres => (
                "public.added_rows",
                "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                "made timestamptz NOT NULL DEFAULT now(), tags text[] DEFAULT '{}'",
            ),
            Dialect::Sqlite => (
                "added_rows",
                "id INTEGER PRIMARY KEY AUTOINCREMENT",
                "made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP",
            ),
            _ => (
                "added_rows",
                "id bigint AUTO_INCREMENT PRIMARY KEY",
                "made datetime NOT NULL DEFAULT current_timestamp()",
            ),
        };
        let change = |column: &Column| {
            let kind = self.kind(column);
            Change::Sql(format!(
                "CREATE TABLE {name} ({id}, parent {kind}, state varchar(20) DEFAULT 'new' CHECK (state <> ''), {more},
                 CONSTRAINT added_parent FOREIGN KEY (parent) REFERENCES {} ({}) ON DELETE CASCADE);
                 CREATE INDEX added_rows_state ON {name} (state, made DESC);",
                table.name, column.name
            ))
        };
        table.columns.iter().take(2).map(change).collect()
    }

    /// The type of a column, with what MariaDB says of its texts.
    fn kind(&self, column: &Column) -> String {
        let ends = [
            " NOT NULL",
            " DEFAULT",
            " GENERATED",
            " PRIMARY",
            " UNIQUE",
            " CHECK",
            " REFERENCES",
            " COMMENT",
            " AUTO_INCREMENT",
            " NULL",
            " CONSTRAINT",
            " ON ",
        ];
        let upper = column.rest.to_ascii_uppercase();
        let end = ends.iter().filter_map(|end| upper.find(end)).min();
        column.rest[..end.unwrap_or(column.rest.len())].to_owned()
    }

    fn dropped_tables(&self, table: &Table<'_>) -> Vec<Change> {
        if self.dialect == Dialect::Postgres {
            return vec![Change::Sql(format!("DROP TABLE {} CASCADE", table.name))];
        }
        // with what needs it
        let mut gone = vec![table.at];
        while let Some(more) =
            self.schema.needs.iter().find(|need| gone.contains(&need.1) && !gone.contains(&need.0))
        {
            gone.push(more.0);
        }
        let refers = |source: &str| {
            let names = [format!("REFERENCES {}", table.name), format!("REFERENCES {}", table.object.name)];
            names.iter().any(|name| source.contains(name))
        };
        let change = |at: usize, object: &Object| {
            let mut definition = object.definition.clone();
            let parts = self.tables.iter().filter(|table| table.at == at).flat_map(|table| &table.others);
            for (_, source) in parts.filter(|(_, source)| refers(source)) {
                definition = without(&definition, source)?;
            }
            (!gone.contains(&at)).then_some(definition)
        };
        vec![self.text(change)]
    }

    /// A name that one table has: wherever the text says it, it is meant, or the database minds.
    fn renamed_columns(&self, table: &Table<'_>) -> Vec<Change> {
        let mut owners: HashMap<String, usize> = HashMap::new();
        for column in self.tables.iter().flat_map(|table| &table.columns) {
            *owners.entry(bare(&column.name).to_ascii_lowercase()).or_default() += 1;
        }
        let once = |column: &&Column| owners[&bare(&column.name).to_ascii_lowercase()] == 1;
        let change = |column: &Column| {
            let name = bare(&column.name);
            let to = format!("{name}_now");
            let rename = Rename::Column {
                table: table.object.name.clone(),
                from: column.name.clone(),
                to: column.name.replace(name, &to),
            };
            Change::Renamed(rename, replace_word(&self.whole(), name, &to))
        };
        table.columns.iter().filter(once).map(change).collect()
    }

    fn whole(&self) -> String {
        render_schema(self.schema, self.dialect)
    }

    fn renamed_table(&self, table: &Table<'_>) -> Vec<Change> {
        let from = table.object.name.clone();
        let name = from.rsplit('.').next().unwrap_or(&from).trim_matches('"').to_owned();
        let same = |other: &&Table<'_>| other.object.name.rsplit('.').next() == Some(&name);
        if self.tables.iter().filter(same).count() > 1 {
            return Vec::new();
        }
        let to = from.replace(&name, &format!("{name}_now"));
        let text = replace_word(&self.whole(), &name, &format!("{name}_now"));
        vec![Change::Renamed(Rename::Table { from, to }, text)]
    }

    fn retyped(&self) -> Vec<Change> {
        self.each(|editor, table| {
            let change = |column: &Column| {
                Some(editor.with_column(table, column, &other_type(editor.dialect, &column.rest)?))
            };
            table.columns.iter().filter_map(change).collect()
        })
    }

    fn nullability(&self, table: &Table<'_>) -> Vec<Change> {
        let change = |column: &Column| {
            let rest = &column.rest;
            let rest = if rest.to_ascii_uppercase().contains(" NOT NULL") {
                rest.replacen(" NOT NULL", "", 1).replacen(" not null", "", 1)
            } else if rest.contains(" DEFAULT NULL") {
                rest.replacen(" DEFAULT NULL", " NOT NULL", 1)
            } else {
                format!("{rest} NOT NULL")
            };
            self.with_column(table, column, &rest)
        };
        table.columns.iter().skip(1).map(change).collect()
    }

    fn defaults(&self, table: &Table<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        for column in table.columns.iter().skip(1) {
            let kind = self.kind(column).to_ascii_lowercase();
            let value = match kind.split(['(', ' ']).next().unwrap_or_default() {
                "integer" | "int" | "bigint" | "smallint" | "numeric" | "real" | "double" | "tinyint" => "7",
                "text" | "character" | "varchar" | "char" | "longtext" => "'it''s'",
                "boolean" => "true",
                "timestamp" | "datetime" => "CURRENT_TIMESTAMP",
                _ => continue,
            };
            let has = column.rest.to_ascii_uppercase().contains(" DEFAULT ");
            if self.dialect == Dialect::Sqlite {
                changes.extend(
                    (!has).then(|| {
                        self.with_column(table, column, &format!("{} DEFAULT {value}", column.rest))
                    }),
                );
                continue;
            }
            let alter = format!("ALTER TABLE {} ALTER COLUMN {}", table.name, column.name);
            changes.push(Change::Sql(if has {
                format!("{alter} DROP DEFAULT")
            } else {
                format!("{alter} SET DEFAULT {value}")
            }));
        }
        changes
    }

    fn added_index(&self, table: &Table<'_>) -> Vec<Change> {
        let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let pairs = names.windows(2).map(|pair| {
            Change::Sql(format!(
                "CREATE INDEX added_by_edit ON {} ({}, {} DESC)",
                table.name, pair[0], pair[1]
            ))
        });
        pairs
            .chain([Change::Sql(format!(
                "CREATE UNIQUE INDEX added_by_edit ON {} ({})",
                table.name, names[0]
            ))])
            .collect()
    }

    fn dropped(&self, kind: Kind) -> Vec<Change> {
        let objects = self.schema.objects.iter().enumerate();
        let places = objects.filter(|(_, object)| object.kind == kind).map(|(place, _)| place);
        places.map(|place| self.text(|at, object| (at != place).then(|| object.definition.clone()))).collect()
    }

    fn dropped_indexes(&self) -> Vec<Change> {
        let mut changes = self.dropped(Kind::Index);
        changes.extend(self.each(|editor, table| {
            let indexes = table.others.iter().filter(|(name, _)| name.starts_with("index "));
            indexes.filter_map(|(_, source)| editor.without_part(table, source)).collect()
        }));
        changes
    }

    fn dropped_foreign_keys(&self) -> Vec<Change> {
        let mut changes = self.dropped(Kind::ForeignKey);
        changes.extend(self.each(|editor, table| {
            let keys =
                table.others.iter().filter(|(_, source)| source.to_ascii_uppercase().contains("FOREIGN KEY"));
            keys.filter_map(|(_, source)| editor.without_part(table, source)).collect()
        }));
        changes
    }

    fn dropped_columns(&self, table: &Table<'_>) -> Vec<Change> {
        let columns = table.columns.iter().rev();
        if self.dialect == Dialect::Postgres {
            let drop = |column: &Column| {
                Change::Sql(format!("ALTER TABLE {} DROP COLUMN {} CASCADE", table.name, column.name))
            };
            return columns.map(drop).collect();
        }
        columns.filter_map(|column| self.without_part(table, &column.source)).collect()
    }

    fn added_foreign_keys(&self, table: &Table<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        for other in &self.tables {
            let Some(key) = other.columns.first() else { continue };
            let fits = |column: &&Column| self.kind(column).eq_ignore_ascii_case(&self.kind(key));
            if let Some(column) = table.columns.iter().rev().find(fits) {
                let text = format!(
                    "CONSTRAINT added_key FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE CASCADE",
                    column.name, other.name, key.name
                );
                changes.push(if self.dialect == Dialect::Sqlite {
                    let definition = &table.object.definition;
                    let Some(last) = definition.rfind(')') else { continue };
                    self.with_definition(
                        table,
                        &format!("{}, {text}{}", &definition[..last], &definition[last..]),
                    )
                } else {
                    Change::Sql(format!("ALTER TABLE {} ADD {text}", table.name))
                });
            }
        }
        changes
    }

    fn enum_values(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for object in self.schema.objects.iter().filter(|object| object.kind == Kind::Enum) {
            changes.push(Change::Sql(format!("ALTER TYPE {} ADD VALUE 'added_value'", object.name)));
        }
        // at the beginning, so that all others have another place
        let places = [
            ("AS ENUM (\n    '", "AS ENUM (\n    'added_value',\n    '"),
            ("enum('", "enum('added_value','"),
            ("ARRAY['", "ARRAY['added_value'::text, '"),
            ("IN ('", "IN ('added_value', '"),
            ("in ('", "in ('added_value','"),
        ];
        for (before, after) in places {
            for (place, object) in self.schema.objects.iter().enumerate() {
                if matches!(object.kind, Kind::Enum | Kind::Table) && object.definition.contains(before) {
                    changes.push(self.text(|at, object| {
                        Some(if at == place {
                            object.definition.replacen(before, after, 1)
                        } else {
                            object.definition.clone()
                        })
                    }));
                }
            }
        }
        changes
    }

    /// Views on the table with most columns, one above the other.
    pub(crate) fn views(&self) -> Vec<Change> {
        let mut tables: Vec<_> = self.tables.iter().collect();
        tables.sort_by_key(|table| Reverse(table.columns.len()));
        let change = |table: &Table<'_>| {
            let columns =
                table.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
            let (first, last) = (&table.columns[0].name, &table.columns[table.columns.len() - 1].name);
            let name = if self.dialect == Dialect::Postgres { "public.added_view" } else { "added_view" };
            let mut sql = format!(
                "CREATE VIEW {name} AS SELECT {columns} FROM {};
                 CREATE VIEW {name}_over AS SELECT count({first}) AS n, max({last}) AS top FROM {name};",
                table.name
            );
            if self.dialect == Dialect::Postgres {
                let more = format!(
                    "CREATE MATERIALIZED VIEW {name}_kept AS SELECT * FROM {name}; CREATE INDEX added_kept ON {name}_kept ({last}); COMMENT ON VIEW {name} IS 'added';"
                );
                sql = format!("{}{more}", sql.replace(&format!("max({last})"), "count(*)"));
            }
            Change::Sql(sql)
        };
        tables.into_iter().map(change).collect()
    }

    /// Other types for the columns of the tables on which views have been put.
    pub(crate) fn under_views(&self) -> Vec<Change> {
        let mut tables: Vec<_> = self.tables.iter().collect();
        tables.sort_by_key(|table| Reverse(table.columns.len()));
        let Some(table) = tables.first() else { return Vec::new() };
        let change =
            |column: &Column| Some(self.with_column(table, column, &other_type(self.dialect, &column.rest)?));
        table.columns.iter().filter_map(change).collect()
    }
}
