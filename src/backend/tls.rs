//! How much of a server is verified where: everything, unless it is on this machine or somebody says so.
//!
//! The files that the settings name are read before anything connects, so that a wrong one is an error
//! of its own and never a reason to verify less. What a refused handshake means is said here, too. The
//! driver's own default would be to encrypt where it can and to verify nothing.

use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::lockfile;
use crate::tls::{Mode, Pem, Settings};

/// How large a certificate or key may be.
const MOST: u64 = 1024 * 1024;

/// What holds for one server.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) mode: Mode,
    /// PEM.
    pub(super) ca: Option<Vec<u8>>,
    /// Our certificate and its key, as PEM.
    pub(super) client: Option<(Vec<u8>, Vec<u8>)>,
    /// What is not verified, where somebody chose that for a server elsewhere.
    pub(super) warning: Option<String>,
}

impl Tls {
    /// What the settings mean for a host; `None` is a socket of this machine.
    pub(super) fn decide(settings: &Settings, host: Option<&str>) -> Result<Self, Diagnostic> {
        let near = host.is_none_or(super::address::is_loopback);
        let ca = match &settings.ca {
            // `system` is what PostgreSQL's own library calls the system's authorities
            Some(ca) if ca.text != "system" => Some(read(ca, "CERTIFICATE")?),
            _ => None,
        };
        let mode = match settings.mode {
            // who names an authority wants it asked, as with PostgreSQL's own library
            Some(Mode::Require) if ca.is_some() => Mode::VerifyCa,
            Some(mode) => mode,
            None if host.is_none() => Mode::Disable,
            None if near => Mode::Prefer,
            None => Mode::VerifyFull,
        };
        let client = match (&settings.cert, &settings.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((read(cert, "CERTIFICATE")?, read(key, "PRIVATE KEY")?)),
            _ => {
                let fault = Diagnostic::new("`sslcert` and `sslkey` go together: one of them is missing");
                return Err(fault.help("name both files, or none"));
            }
        };
        let weakness = mode.weakness().filter(|_| !near);
        let warning = weakness.zip(host).map(|(weakness, host)| {
            format!("`sslmode={}` for {host}: {weakness}; `sslmode=verify-full` verifies all", mode.word())
        });
        Ok(Self { mode, ca, client, warning })
    }
}

/// A PEM file, or the PEM itself.
fn read(pem: &Pem, what: &str) -> Result<Vec<u8>, Diagnostic> {
    let Pem { text, setting } = pem;
    let inline = pem.is_inline();
    let shown = if inline { "its value".to_owned() } else { format!("`{text}`") };
    let bytes = if inline {
        text.as_bytes().to_vec()
    } else {
        lockfile::read_named(Path::new(text), MOST).map_err(|error| {
            Diagnostic::new(format!("`{setting}`: {shown} cannot be read"))
                .cause(error)
                .help(format!("`{setting}` names a PEM file"))
        })?
    };
    let pem = String::from_utf8_lossy(&bytes);
    let headers =
        pem.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    let headers: Vec<&str> = headers.collect();
    if headers.contains(&"ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(Diagnostic::new(format!("`{setting}`: {shown} is protected by a password"))
            .help("use a key without one, which only its user may read"));
    }
    if !headers.iter().any(|header| header.ends_with(what)) {
        let what = what.to_lowercase();
        return Err(Diagnostic::new(format!("`{setting}`: {shown} holds no {what} in PEM form"))
            .help("it begins with `-----BEGIN …-----`; `openssl x509 -inform DER` converts another form"));
    }
    Ok(bytes)
}

/// What a handshake that failed means, and the ways out; `None` if it is about something else.
pub(super) fn refusal(message: &str) -> Option<(String, &'static str)> {
    let named = "name its authority by `sslrootcert=FILE`, or the server's own certificate if that is its own \
                 authority; `sslmode=require` verifies nothing";
    let certificate = "the server's certificate is refused";
    let (what, help) = if message.contains("UnknownIssuer") {
        (format!("{certificate}: its authority is unknown (or it is self-signed)"), named)
    } else if message.contains("CaUsedAsEndEntity") {
        (format!("{certificate}: it is self-signed, an authority's certificate used as a server's"), named)
    } else if message.contains("certificate expired") {
        (
            format!("{certificate}: it has expired"),
            "renew it on the server, and look at this machine's clock; `sslmode=require` verifies nothing",
        )
    } else if message.contains("certificate not valid yet") {
        (
            format!("{certificate}: it is not valid yet"),
            "look at the clocks of both machines; `sslmode=require` verifies nothing",
        )
    } else if message.contains("certificate not valid for") || message.contains("NotValidForName") {
        (
            format!("{certificate}: it is for another host"),
            "connect by a name that its subjectAltName has (a CN does not count); `sslmode=verify-ca` does not \
             verify the name",
        )
    } else if message.contains("invalid peer certificate") {
        (certificate.to_owned(), named)
    } else if message.contains("server does not support TLS") {
        (
            "the server speaks no TLS, or somebody on the way pretends so".to_owned(),
            "switch TLS on in the server; `sslmode=disable` sends all in plaintext",
        )
    } else if message.contains("CertificateRequired") || message.contains("certificate required") {
        (
            "the server wants a certificate of ours".to_owned(),
            "name it and its key by `sslcert=FILE` and `sslkey=FILE`",
        )
    } else {
        return None;
    };
    let told =
        match message.trim_start_matches("error occurred while attempting to establish a TLS connection: ") {
            "server does not support TLS" => what,
            reason => format!("{what} ({reason})"),
        };
    Some((told, help))
}
