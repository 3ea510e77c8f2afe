//! One migration that another one stands for.
//!
//! A migration can have had several names: on one database it ran under the first, on another under the
//! second. A base that was made by `squash` stands for many migrations. Both are said by `replaces`, a list
//! of migrations, each with all its names: a database that ran it under any of them has run it. What a
//! database that ran only some of them means is not known here: the plan says it.

use std::fmt;
use std::str::FromStr;

use crate::id::{IdError, MigrationId};

/// What stands between two names of one migration.
const OR: char = '|';

/// A migration that another one stands for, under each name that it had, the newest first.
///
/// ```
/// use db_migrations::migration::Former;
/// let former: Former = "app::2_users|app::2_user".parse()?;
/// assert_eq!(former.id().as_str(), "app::2_users");
/// assert!(former.is_called(&"app::2_user".parse()?));
/// assert_eq!(former.to_string(), "app::2_users|app::2_user");
/// # Ok::<(), db_migrations::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Former {
    newest: MigrationId,
    older: Vec<MigrationId>,
}

impl Former {
    /// One that had these names, the newest first.
    pub fn new(newest: MigrationId, older: Vec<MigrationId>) -> Self {
        Self { newest, older }
    }

    /// Its newest name.
    pub fn id(&self) -> &MigrationId {
        &self.newest
    }

    /// Its names, the newest first.
    pub fn names(&self) -> impl Iterator<Item = &MigrationId> + Clone {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// Whether it had this name.
    pub fn is_called(&self, id: &MigrationId) -> bool {
        self.names().any(|name| name == id)
    }

    /// It was known under this name before.
    pub fn was_called(&mut self, id: MigrationId) {
        if !self.is_called(&id) {
            self.older.push(id);
        }
    }

    /// Whether it had more names than one.
    pub fn has_older_names(&self) -> bool {
        !self.older.is_empty()
    }
}

impl From<MigrationId> for Former {
    fn from(id: MigrationId) -> Self {
        Self::new(id, Vec::new())
    }
}

impl FromStr for Former {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (newest, older) =
            text.split_once(OR).map_or((text, None), |(newest, older)| (newest, Some(older)));
        let older = older.into_iter().flat_map(|older| older.split(OR)).map(str::parse);
        Ok(Self::new(newest.parse()?, older.collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for Former {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.newest)?;
        self.older.iter().try_for_each(|name| write!(f, "{OR}{name}"))
    }
}
