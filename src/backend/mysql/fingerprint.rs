//! The fingerprint of what a statement changes: by it a crash, and a failure, are judged.
//!
//! It is the SHA-256 over the definitions of the objects that the statement names, as `SHOW CREATE`
//! spells them, without counters; where no name is certain, over the whole schema. A statement that
//! changes no definition must be one that may run twice (`sql::commits` says which are not).

use sha2::{Digest, Sha256};

use super::{MySql, quote_name, text};
use crate::database::{DatabaseError, Read};
use crate::id::Checksum;
use crate::snapshot::render_schema;
use crate::sql::{self, Commits, ObjectKind, ObjectName};

impl MySql {
    /// The fingerprint of what a statement changes; `None` where none can tell its outcome.
    pub(super) async fn fingerprint(&mut self, commits: &Commits) -> Result<Option<Checksum>, DatabaseError> {
        match commits {
            Commits::No | Commits::Repeatable | Commits::Opaque => Ok(None),
            Commits::Changing(objects) => self.of_objects(objects).await.map(Some),
            Commits::Somewhere => {
                let schema = self.introspect().await?;
                let text = render_schema(&schema, self.server.dialect);
                Ok(Some(Checksum::of(text.as_bytes())))
            }
        }
    }

    async fn of_objects(&mut self, objects: &[ObjectName]) -> Result<Checksum, DatabaseError> {
        let mut hasher = Sha256::new();
        for object in objects {
            let definition = self.definition(object).await?;
            hasher.update(format!("{:?} {}:{}:", object.kind, object.parts.join("."), definition.len()));
            hasher.update(definition);
        }
        Ok(Checksum::from_bytes(hasher.finalize().into()))
    }

    /// What the server shows of an object; of one that is absent, or that it will not show, the error's
    /// number.
    async fn definition(&mut self, object: &ObjectName) -> Result<String, DatabaseError> {
        let (word, column) = match object.kind {
            ObjectKind::Table => ("TABLE", 1),
            ObjectKind::Sequence => ("SEQUENCE", 1),
            ObjectKind::Trigger => ("TRIGGER", 2),
            ObjectKind::Procedure => ("PROCEDURE", 2),
            ObjectKind::Function => ("FUNCTION", 2),
            ObjectKind::Event => ("EVENT", 3),
        };
        let name: Vec<String> = object.parts.iter().map(|part| quote_name(part)).collect();
        match self.fetch(format!("SHOW CREATE {word} {}", name.join("."))).await {
            Ok(rows) => {
                let definition = rows.first().map_or(Ok(None), |row| text(row, column))?.unwrap_or_default();
                Ok(sql::without_auto_increment(self.server.dialect, &definition))
            }
            Err(DatabaseError::Sql(error)) => Ok(format!("error {}", error.number.unwrap_or_default())),
            Err(other) => Err(other),
        }
    }
}
