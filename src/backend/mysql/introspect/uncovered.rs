//! What is in the database and not in the schema that we read.

use sqlx::MySqlConnection;

use super::{listing, read};

/// The objects that [`introspect`](super::introspect) does not read, as `kind name`, sorted: packages,
/// events that run once, and what the server lists but does not show to this session.
pub(crate) async fn not_covered(connection: &mut MySqlConnection) -> Result<Vec<String>, sqlx::Error> {
    let mut listing = listing::list(connection).await?;
    let mut names = std::mem::take(&mut listing.others);
    let blocks = read(connection, &listing).await?;
    let unread = blocks.iter().filter(|(_, object)| object.is_none());
    names.extend(unread.map(|(entry, _)| format!("{} {}", entry.kind, entry.name)));
    names.sort_unstable();
    Ok(names)
}
