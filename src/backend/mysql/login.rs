//! From a URL to the driver's options: who logs in, with which password, how encrypted.
//!
//! The URL goes first, then what our own options say, then `MYSQL_PWD` as the servers' own clients read
//! it. Nothing is left that the driver would set by itself: a migration must find the server's settings.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::backend::address::{self, address};
use crate::backend::login::{Account, Login, hide};
use crate::backend::tls::Tls;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::secret::Secrets;
use crate::tls::{Mode, Settings};

/// Parameters that the driver gets as they are.
const KNOWN: [&str; 6] =
    ["charset", "collation", "socket", "statement-cache-capacity", "timezone", "time-zone"];

impl Account for MySqlConnectOptions {
    fn account(&self) -> (&str, u16, &str) {
        (self.get_host(), self.get_port(), self.get_username())
    }
}

/// What a URL and the settings beside it mean; `password` is for a URL without one.
pub(super) fn login(
    dialect: Dialect,
    text: &SecretString,
    password: Option<&SecretString>,
    settings: &Settings,
    secrets: &mut Secrets,
) -> Result<Login<MySqlConnectOptions>, Diagnostic> {
    let text = text.expose_secret();
    let fault = |error: String| {
        let title = dialect.facts().title;
        Diagnostic::new(format!("`{}` is no {title} URL", address(text))).cause(error).help(format!(
            "write `{dialect}://USER:PASSWORD@HOST/DATABASE`; special characters of a password as %XX"
        ))
    };
    let parts = address::parts(text, &KNOWN).map_err(fault)?;
    let options = MySqlConnectOptions::from_str(&parts.url).map_err(|error| fault(error.to_string()))?;
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    let options = plain(options).host(&host);
    let options = match parts.password.or_else(|| password.cloned()).or_else(|| variable("MYSQL_PWD")) {
        Some(password) => {
            let names = [options.get_username(), &host, options.get_database().unwrap_or_default()];
            hide(secrets, &password, names);
            options.password(password.expose_secret())
        }
        None => options,
    };
    let host = options.get_socket().is_none().then_some(host.as_str());
    let tls = Tls::decide(&parts.tls.or(settings), host)?;
    let warnings = tls.warning.iter().cloned().collect();
    Ok(Login { options: encrypted(options, tls), warnings })
}

fn plain(options: MySqlConnectOptions) -> MySqlConnectOptions {
    options
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .statement_cache_capacity(0)
        .disable_statement_logging()
}

fn encrypted(options: MySqlConnectOptions, tls: Tls) -> MySqlConnectOptions {
    let options = options.ssl_mode(match tls.mode {
        Mode::Disable => MySqlSslMode::Disabled,
        Mode::Prefer => MySqlSslMode::Preferred,
        Mode::Require => MySqlSslMode::Required,
        Mode::VerifyCa => MySqlSslMode::VerifyCa,
        Mode::VerifyFull => MySqlSslMode::VerifyIdentity,
    });
    let options = match tls.ca {
        Some(ca) => options.ssl_ca_from_pem(ca),
        None => options,
    };
    match tls.client {
        Some((cert, key)) => options.ssl_client_cert_from_pem(cert).ssl_client_key_from_pem(key),
        None => options,
    }
}

fn variable(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(SecretString::from)
}
