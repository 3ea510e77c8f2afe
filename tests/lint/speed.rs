//! Work grows with the number of migrations, not with its square.

use db_migrations::config::Lint;
use db_migrations::dialect::Dialect;

use crate::world::{found, migration, module};

#[test]
fn ten_thousand_migrations_are_looked_at() {
    let texts = (0..10_000).map(|n| {
        let text = match n % 4 {
            0 => format!("CREATE TABLE t{n} (id bigint PRIMARY KEY, a int REFERENCES t0 (id));\n"),
            1 => format!("CREATE INDEX ON t{} (a);\n", n - 1),
            2 => format!("ALTER TABLE t{} ADD COLUMN b uuid DEFAULT gen_random_uuid();\n", n - 2),
            _ => format!("ALTER TABLE t{} DROP COLUMN a;\n", n - 3),
        };
        migration("app", n, &text, "x.sql")
    });
    let other = module("other", Vec::new());
    let modules = vec![module("app", texts.collect()), other];
    // each table comes with what is done to it
    let found = found(modules, Dialect::Postgres, &Lint::default(), &|id| id.as_str() >= "app::07500");
    assert!(found.is_empty(), "all of it is new: {}", found.len());
}
