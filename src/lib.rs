//! One ordered whole of the database migrations of an application and of every crate and plugin
//! that it depends on.

pub mod catalogue;
pub mod diagnostic;
pub mod dialect;
pub mod history;
pub mod id;
pub mod lock;
pub mod migration;
pub mod module;
pub mod schema;
