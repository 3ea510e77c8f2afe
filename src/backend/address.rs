//! URLs of servers: what is in one that is ours to decide, and how it is shown.
//!
//! Password and encryption are decided by us, so they are read here and the driver never looks for
//! them itself: it would fall back to no encryption and write lines of a password file into a log.
//! Parameters that the driver does not know are not passed on, for the same reason.
#![cfg_attr(
    not(any(feature = "mysql", feature = "postgres")),
    expect(dead_code, reason = "without servers URLs are only shown")
)]

use secrecy::SecretString;
use url::Url;

use crate::tls::{Mode, Pem, Settings};

/// Parameters whose values are shown.
const SHOWN: [&str; 25] = [
    "application_name",
    "cache",
    "charset",
    "collation",
    "dbname",
    "host",
    "hostaddr",
    "immutable",
    "mode",
    "options",
    "port",
    "socket",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslca",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
    "vfs",
];

/// What of a URL is not the driver's to decide.
pub(super) struct Parts {
    /// The rest, for the driver.
    pub(super) url: String,
    pub(super) password: Option<SecretString>,
    pub(super) tls: Settings,
}

/// Takes a URL apart; `known` are the parameters that the driver gets.
pub(super) fn parts(text: &str, known: &[&str]) -> Result<Parts, String> {
    let mut url = Url::parse(text).map_err(|error| error.to_string())?;
    if is_torn(&url) {
        return Err("an `@` stands behind the host: is it of a password with special characters?".to_owned());
    }
    let mut password = url.password().map(decoded);
    let mut tls = Settings::default();
    let pem = |text, setting| Some(Pem { text, setting });
    let mut passed = Vec::new();
    for (key, value) in url.query_pairs() {
        let value = value.into_owned();
        match &*key {
            "sslmode" | "ssl-mode" => {
                let mode = Mode::from_word(&value).ok_or_else(|| unknown_mode(&value))?;
                tls.mode = Some(mode);
            }
            "sslrootcert" | "ssl-root-cert" | "sslca" | "ssl-ca" => tls.ca = pem(value, "sslrootcert"),
            "sslcert" | "ssl-cert" => tls.cert = pem(value, "sslcert"),
            "sslkey" | "ssl-key" => tls.key = pem(value, "sslkey"),
            "password" => password = Some(value),
            key if known.contains(&key) || key.starts_with("options[") => {
                passed.push((key.to_owned(), value));
            }
            key if says_of_tls(key) => return Err(format!("unknown parameter `{key}`")),
            _ => {}
        }
    }
    let _ = url.set_password(None);
    url.set_query(None);
    if !passed.is_empty() {
        url.query_pairs_mut().extend_pairs(passed);
    }
    let password = password.filter(|password| !password.is_empty()).map(SecretString::from);
    Ok(Parts { url: url.into(), password, tls })
}

/// What is wrong with a mode.
pub(super) fn unknown_mode(word: &str) -> String {
    let known: Vec<String> = Mode::WORDS[..5].iter().map(|(word, _)| format!("`{word}`")).collect();
    format!("`sslmode={word}` is none of {}", known.join(", "))
}

/// Parameters that would make a connection safer, if they were known: they are not passed over.
fn says_of_tls(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["ssl", "tls", "usessl", "requiressl"].iter().any(|start| key.starts_with(start))
}

/// A special character of the password has ended the host before its time.
fn is_torn(url: &Url) -> bool {
    let in_key = url.query_pairs().any(|(key, _)| key.contains('@'));
    url.path().contains('@') || url.fragment().is_some() || in_key
}

/// `%XX` as characters.
fn decoded(text: &str) -> String {
    let value = text.replace('+', "%2B").replace('&', "%26");
    let pair = format!("p={value}");
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

/// Whether a host is this machine by its name.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a URL holds a password.
pub fn holds_password(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        let is_password = |key: &str, value: &str| key == "password" && !value.is_empty();
        url.password().is_some() || url.query_pairs().any(|(key, value)| is_password(&key, &value))
    })
}

/// Whether it is that of a server, and holds none.
pub fn lacks_password(url: &str) -> bool {
    let is_server = url.split_once("://").is_some_and(|(scheme, _)| scheme != "sqlite");
    is_server && !holds_password(url)
}

/// The URL without its password, for people.
pub fn address(url: &str) -> String {
    match Url::parse(url) {
        // `postgres:user:secret@host`: nothing in it can be told apart
        Ok(parsed) if parsed.cannot_be_a_base() => format!("{}:…", parsed.scheme()),
        Ok(mut parsed) if parsed.scheme() == "sqlite" || !is_torn(&parsed) => {
            if parsed.password().is_some() {
                let _ = parsed.set_password(Some("***"));
            }
            if parsed.query_pairs().any(|(key, _)| !is_shown(&key)) {
                let pairs: Vec<(String, String)> = parsed.query_pairs().into_owned().collect();
                let mask = |(key, value): (String, String)| {
                    if is_shown(&key) { (key, value) } else { (key, "***".to_owned()) }
                };
                parsed.query_pairs_mut().clear().extend_pairs(pairs.into_iter().map(mask));
            }
            parsed.to_string()
        }
        _ => match url.split_once("://") {
            Some((scheme, rest)) => match rest.rsplit_once('@') {
                Some((_, host)) => format!("{scheme}://…@{host}"),
                None => format!("{scheme}://…"),
            },
            None => "the database".to_owned(),
        },
    }
}

fn is_shown(key: &str) -> bool {
    SHOWN.contains(&key) || key.starts_with("options[")
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::{address, decoded, is_loopback, parts};
    use crate::tls::Mode;

    #[test]
    fn a_url_comes_apart() {
        let parts =
            parts("postgres://u:s%2Fc%2B+r@h:1/d?sslmode=REQUIRE&ssl-ca=c.pem&user=w&schema=x", &["user"])
                .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parts.url, "postgres://u@h:1/d?user=w", "what is not known is not passed on");
        assert_eq!(
            parts.password.map(|password| password.expose_secret().to_owned()).as_deref(),
            Some("s/c++r")
        );
        assert_eq!(
            (parts.tls.mode, parts.tls.ca.map(|ca| ca.text).as_deref()),
            (Some(Mode::Require), Some("c.pem"))
        );
        assert_eq!(decoded("a%26&b"), "a&&b");
    }

    #[test]
    fn what_would_be_passed_over_in_silence_is_refused() {
        for url in [
            "postgres://h/d?sslmode=full",
            "postgres://h/d?sslcrl=x",
            "mysql://h/d?useSSL=true",
            "postgres://u:12/34@h/d",
            "postgres://u:12#34@h/d",
            "postgres://u:12?34@h/d",
        ] {
            assert!(parts(url, &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn addresses_hold_no_secret() {
        for (url, shown) in [
            ("postgres://u:s3cret@h/d", "postgres://u:***@h/d"),
            ("postgres://u:12/s3cret@h/d", "postgres://…@h/d"),
            ("postgres://u:s3cret", "postgres://…"),
            ("postgres:u:s3cret@h", "postgres:…"),
            ("postgres://h/d?passwrd=s3cret&port=1", "postgres://h/d?passwrd=***&port=1"),
        ] {
            assert_eq!(address(url), shown);
        }
    }

    #[test]
    fn loopback_is_known_by_its_name() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "192.0.2.2", "::2", "2130706433", "db"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
