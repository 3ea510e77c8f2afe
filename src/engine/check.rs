//! The schema check: the schema that is against the one that must be, and the modules' own checks.

use crate::config::{Config, SchemaCheckMode};
use crate::database::{DatabaseError, Read, Server};
use crate::diagnostic::{Diagnostic, count};
use crate::drift::{Drift, Filter, Policy, compare};
use crate::review;
use crate::schema::Schema;

use super::failure::{Failure, Kind};
use super::project::Project;

/// What a difference does to a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckMode {
    /// It rolls the run back.
    #[default]
    Fail,
    /// It is said.
    Warn,
    /// Nothing is compared.
    Off,
}

/// What the check said.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The schema is as it must be; what else is there.
    Passed(Drift),
    /// It is not.
    Drifted(Drift),
    /// Nothing was compared; why.
    NotChecked(String),
}

impl Verdict {
    /// The word for the history and for JSON.
    pub fn word(&self) -> String {
        match self {
            Self::Passed(_) => "passed".to_owned(),
            Self::Drifted(drift) => format!("drift: {}", drift.differences.len()),
            Self::NotChecked(why) => format!("not checked: {why}"),
        }
    }
}

/// What counts as drift for a configuration on this database.
pub fn policy(config: &Config, server: &Server, expected_server: Option<&str>) -> Result<Policy, Failure> {
    let check = &config.schema_check;
    let no_pattern = |key: &str, text: &str| {
        Failure::new(Kind::Usage, Diagnostic::new(format!("`schema-check.{key}`: `{text}` is no pattern")))
    };
    let patterns =
        check.ignore.iter().map(|text| glob::Pattern::new(text).map_err(|_| no_pattern("ignore", text)));
    let filter = Filter::default().and(&check.filter).map_err(|text| no_pattern("filter", text))?;
    let major = |title: &str| title.rsplit(' ').next().and_then(|v| v.split('.').next()).map(str::to_owned);
    let lenient_text = expected_server.and_then(major).is_some_and(|expected| expected != server.major());
    Ok(Policy {
        dialect: server.dialect,
        strict: check.mode == SchemaCheckMode::Strict,
        ignore: patterns.collect::<Result<_, _>>()?,
        filter,
        every_schema: false,
        lenient_text,
    })
}

/// Compares the connected database's schema with an expected one.
pub async fn compare_with(
    project: &Project,
    expected: &Schema,
    expected_server: Option<&str>,
    read: &mut (dyn Read + '_),
) -> Result<Verdict, Failure> {
    let actual = read.introspect().await?;
    compare_schemas(project, expected, expected_server, &actual, read.server())
}

/// Compares two schemas; the actual one is this server's.
pub(super) fn compare_schemas(
    project: &Project,
    expected: &Schema,
    expected_server: Option<&str>,
    actual: &Schema,
    server: &Server,
) -> Result<Verdict, Failure> {
    let policy = policy(&project.config, server, expected_server)?;
    let drift = compare(expected, actual, &policy);
    Ok(if drift.is_empty() { Verdict::Passed(drift) } else { Verdict::Drifted(drift) })
}

/// Runs the checks of all modules: each must return no row.
pub(super) async fn queries(
    project: &Project,
    read: &mut (dyn Read + '_),
) -> Result<Vec<Diagnostic>, DatabaseError> {
    let dialect = read.server().dialect;
    let mut failures = Vec::new();
    for module in project.catalogue.modules() {
        for check in
            module.checks.iter().filter(|c| c.dialect.is_none_or(|d| dialect.variants().contains(&d)))
        {
            let beyond = review::beyond_looking(&check.text, dialect, module, &project.catalogue);
            if let Some(first) = beyond.first() {
                let fault = Diagnostic::new(format!("the check `{}` {first}: it was not run", check.path));
                failures.push(fault.help("a check is a query that changes nothing"));
                continue;
            }
            let rows = match read.query(&check.text).await {
                Ok(rows) => rows,
                Err(error @ DatabaseError::Sql(_)) => {
                    failures.push(Diagnostic::new(format!("the check `{}` failed", check.path)).cause(error));
                    return Ok(failures); // the transaction is over
                }
                Err(error) => return Err(error),
            };
            if !rows.is_empty() {
                let mut diagnostic = Diagnostic::new(format!(
                    "the check `{}` returned {} where none must be",
                    check.path,
                    count(rows.len(), "row", "rows")
                ));
                diagnostic.notes.extend(rows.iter().take(5).map(|row| format!("row: {row}")));
                failures.push(diagnostic);
            }
        }
    }
    Ok(failures)
}
