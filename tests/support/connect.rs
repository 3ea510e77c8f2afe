//! The library's own connections to a test database.

use std::time::Duration;

use db_migrations::backend::{Limits, Options, Tables, connector};
use db_migrations::database::Connect;

/// With the default tables, and no limit that a slow machine could reach.
pub(crate) fn connect_to(url: &str) -> Box<dyn Connect> {
    connector(&Options {
        url: url.to_owned().into(),
        scratch_url: None,
        password: None,
        tls: db_migrations::tls::Settings::default(),
        tables: Tables::new(Some("public"), "db_migrations").unwrap(),
        create: true,
        limits: Limits { lock: Duration::from_secs(30), statement: Duration::ZERO },
        dialects: Vec::new(),
    })
    .unwrap()
}
