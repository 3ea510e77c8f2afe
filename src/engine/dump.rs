//! `dump-schema`: what is in a database, as the text of a first migration, and the proof that it makes the same.

use std::collections::BTreeMap;

use crate::database::{Attempt, Connect, Database};
use crate::diagnostic::Diagnostic;
use crate::event::{Event, Sink};
use crate::schema::{Object, Schema};
use crate::snapshot::render_schema;

use super::failure::{Failure, Kind};
use super::rehearse::{Unproved, load};
use super::replay::scratch_run;

/// A schema as a text.
#[derive(Clone, Debug)]
pub struct Dumped {
    /// The text.
    pub sql: String,
    /// How many objects it makes.
    pub objects: usize,
    /// What is in the database and not in the text, since its kind is not supported.
    pub not_covered: Vec<String>,
    /// Why it could not be tried on an empty database.
    pub unproved: Option<String>,
}

/// Reads the schema, and tries its text on a scratch database. One that makes something else is refused.
pub async fn dump_schema(connect: &dyn Connect, sink: &mut dyn Sink) -> Result<Dumped, Failure> {
    let mut database = connect.connect().await?;
    sink.tell(Event::Connected(database.server().clone()));
    let schema = database.introspect().await?;
    let not_covered = database.not_covered().await?;
    database.close().await;
    if schema.is_empty() {
        let fault = Diagnostic::new("there is nothing in this database");
        return Err(Failure::new(
            Kind::Refused,
            fault.help("`db-migrations generate NAME` makes an empty migration"),
        ));
    }
    let unproved = match connect.scratch().await {
        Err(error) => Some(format!("no scratch database: {error}")),
        Ok(scratch) => {
            let made = made(scratch.database, &schema).await;
            scratch.discard.await;
            match made {
                Ok(made) if made == schema => None,
                Ok(made) => return Err(differs(&schema, &made)),
                Err(Unproved::Why(reason)) => return Err(does_not_load(&reason)),
                Err(Unproved::Failed(stop)) => return Err(stop.failure),
            }
        }
    };
    let sql = render_schema(&schema, connect.dialect());
    Ok(Dumped { sql, objects: schema.objects.len(), not_covered, unproved })
}

/// What the text makes of an empty database.
async fn made(database: Box<dyn Database>, schema: &Schema) -> Result<Schema, Unproved> {
    let Attempt::Held(mut guard) = database.guard().await? else {
        return Err(Unproved::Why("the scratch database is in use".to_owned()));
    };
    load(&mut *guard, &scratch_run("dump-schema"), schema).await?;
    let made = guard.introspect().await?;
    guard.free().await?.close().await;
    Ok(made)
}

fn does_not_load(reason: &str) -> Failure {
    let fault =
        Diagnostic::new("the schema does not load into an empty database, so it is no first migration")
            .cause(reason);
    Failure::new(Kind::Refused, fault.help("`db-migrations schema dump` prints it as it is"))
}

/// Names what the text does not make as it is.
fn differs(wanted: &Schema, made: &Schema) -> Failure {
    let key = |object: &Object| (object.kind, object.name.clone());
    let there: BTreeMap<_, &Object> = made.objects.iter().map(|object| (key(object), object)).collect();
    let wrong =
        wanted.objects.iter().filter(|object| there.get(&key(object)).is_none_or(|other| other != object));
    let mut fault = Diagnostic::new("the schema makes something else in an empty database");
    fault
        .notes
        .extend(wrong.take(10).map(|object| format!("{} {} is not the same", object.kind, object.name)));
    Failure::new(Kind::Refused, fault.help("`db-migrations schema dump` prints it as it is"))
}
