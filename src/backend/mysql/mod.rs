//! MariaDB and MySQL: so far only the reading of a schema.

mod introspect;

use sqlx::MySqlConnection;

use crate::schema::Schema;

/// The schema of the connection's database, without the tables named in `leave_out`.
#[doc(hidden)]
pub async fn introspect(connection: &mut MySqlConnection, leave_out: &[&str]) -> Result<Schema, sqlx::Error> {
    introspect::introspect(connection, leave_out).await
}

/// Objects that introspection does not read.
#[doc(hidden)]
pub async fn not_covered(connection: &mut MySqlConnection) -> Result<Vec<String>, sqlx::Error> {
    introspect::not_covered(connection).await
}
