//! From a URL to the driver's options: who logs in, with which password, how encrypted.
//!
//! The URL goes first, then what our own options say, then the variables and files of PostgreSQL's own
//! clients. The driver gets all of it spelled out and finds nothing by itself.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::passfile;
use crate::backend::address::{self, address, unknown_mode};
use crate::backend::login::{Account, Login, hide};
use crate::backend::tls::Tls;
use crate::diagnostic::Diagnostic;
use crate::secret::Secrets;
use crate::tls::{Mode, Pem, Settings};

/// Parameters that the driver gets as they are.
const KNOWN: [&str; 8] =
    ["application_name", "dbname", "host", "hostaddr", "options", "port", "statement-cache-capacity", "user"];

impl Account for PgConnectOptions {
    fn account(&self) -> (&str, u16, &str) {
        (self.get_host(), self.get_port(), self.get_username())
    }
}

/// What a URL and the settings beside it mean; `password` is for a URL without one.
pub(super) fn login(
    text: &SecretString,
    password: Option<&SecretString>,
    settings: &Settings,
    secrets: &mut Secrets,
) -> Result<Login<PgConnectOptions>, Diagnostic> {
    let text = text.expose_secret();
    let fault = |error: String| {
        Diagnostic::new(format!("`{}` is no PostgreSQL URL", address(text)))
            .cause(error)
            .help("write `postgres://USER:PASSWORD@HOST/DATABASE`; special characters of a password as %XX")
    };
    let parts = address::parts(text, &KNOWN).map_err(fault)?;
    // an empty password keeps the driver from looking for one
    let separator = if parts.url.contains('?') { '&' } else { '?' };
    let options = PgConnectOptions::from_str(&format!("{}{separator}password=", parts.url))
        .map_err(|error| fault(error.to_string()))?;
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    let options = options
        .host(&host)
        .application_name("db-migrations")
        .extra_float_digits(None)
        .disable_statement_logging();
    let mut warnings = Vec::new();
    let password = match parts.password.or_else(|| password.cloned()).or_else(|| variable("PGPASSWORD")) {
        Some(password) => Some(password),
        None => of_file(&options).unwrap_or_else(|warning| {
            warnings.push(warning);
            None
        }),
    };
    let options = match password {
        Some(password) => {
            let names = [options.get_username(), &host, options.get_database().unwrap_or_default()];
            hide(secrets, &password, names);
            options.password(password.expose_secret())
        }
        None => options,
    };
    let host = (!is_socket(&options)).then_some(host.as_str());
    let settings = parts.tls.or(settings).or(&of_environment()?);
    let tls = Tls::decide(&settings, host)?;
    warnings.extend(tls.warning.clone());
    // a socket of PostgreSQL has no TLS
    let mode = if host.is_none() { Mode::Disable } else { tls.mode };
    Ok(Login { options: encrypted(options, mode, tls), warnings })
}

/// Whether the server is reached by a socket of this machine.
pub(super) fn is_socket(options: &PgConnectOptions) -> bool {
    options.get_socket().is_some() || options.get_host().starts_with('/')
}

fn encrypted(options: PgConnectOptions, mode: Mode, tls: Tls) -> PgConnectOptions {
    let options = options.ssl_mode(match mode {
        Mode::Disable => PgSslMode::Disable,
        Mode::Prefer => PgSslMode::Prefer,
        Mode::Require => PgSslMode::Require,
        Mode::VerifyCa => PgSslMode::VerifyCa,
        Mode::VerifyFull => PgSslMode::VerifyFull,
    });
    // an empty one replaces what the driver took from the environment
    let options = options.ssl_root_cert_from_pem(tls.ca.unwrap_or_default());
    match tls.client {
        Some((cert, key)) => options.ssl_client_cert_from_pem(cert).ssl_client_key_from_pem(key),
        None => options,
    }
}

fn of_file(options: &PgConnectOptions) -> Result<Option<SecretString>, String> {
    passfile::password(&passfile::Login {
        host: if is_socket(options) { "localhost" } else { options.get_host() },
        port: options.get_port(),
        database: options.get_database().unwrap_or(options.get_username()),
        user: options.get_username(),
    })
}

fn variable(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}

/// What the variables of PostgreSQL's own clients say.
fn of_environment() -> Result<Settings, Diagnostic> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let pem = |setting| variable(setting).map(|text| Pem { text, setting });
    let mode = match variable("PGSSLMODE") {
        None => None,
        Some(word) => Some(Mode::from_word(&word).ok_or_else(|| {
            Diagnostic::new("the variable `PGSSLMODE` is wrong")
                .cause(unknown_mode(&word))
                .help("mend or unset it")
        })?),
    };
    Ok(Settings { mode, ca: pem("PGSSLROOTCERT"), cert: pem("PGSSLCERT"), key: pem("PGSSLKEY") })
}
