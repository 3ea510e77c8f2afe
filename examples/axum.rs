//! A small shop that answers 503 while its database is being migrated.
//!
//! ```text
//! cargo run --example axum --features tower -- 127.0.0.1:8080 maintenance.flag
//! ```
//!
//! In another terminal, with `maintenance: { file: maintenance.flag }` in `db-migrations.yml`:
//! `db-migrations migrate`, or `db-migrations maintenance on`. With `redis://…` in the place of the file it
//! looks at the key `db-migrations:maintenance` of that server.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use db_migrations::maintenance::{self, MaintenanceLayer, Watch, Watcher};
use tokio::net::TcpListener;

/// Shown to people while maintenance mode is on.
const PAGE: &str = include_str!("maintenance.html");

/// Looks at a file, or at a Redis server, four times a second.
fn watcher(place: &str) -> Result<Watcher, Box<dyn std::error::Error>> {
    let watcher = if place.starts_with("redis") || place.starts_with("unix:") {
        Watch::of(maintenance::redis(place, "db-migrations:maintenance")?)
    } else {
        Watch::of(maintenance::file(place))
    };
    Ok(watcher.every(Duration::from_millis(250)))
}

/// The shop. Its health check goes on, so that nobody restarts it meanwhile.
fn shop(watch: Watch) -> Router {
    let maintenance = MaintenanceLayer::new(watch).page("text/html; charset=utf-8", PAGE).except("/health");
    Router::new()
        .route("/", get(|| async { "welcome\n" }))
        .route("/health", get(|| async { "alive\n" }))
        .layer(maintenance)
}

/// Serves it until the process ends; `listening` is told the address.
pub(crate) async fn serve(
    address: &str,
    place: &str,
    listening: impl FnOnce(std::net::SocketAddr),
) -> Result<(), Box<dyn std::error::Error>> {
    let watch = watcher(place)?.start()?;
    let listener = TcpListener::bind(address).await?;
    listening(listener.local_addr()?);
    axum::serve(listener, shop(watch)).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it says where it listens")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let place = arguments.next().unwrap_or_else(|| "maintenance.flag".to_owned());
    serve(&address, &place, |address| println!("listening on http://{address}")).await
}
