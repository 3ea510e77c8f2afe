//! What nobody may see: passwords, and texts that may hold one.
//!
//! Two ways, since neither finds all. [`Secrets`] knows passwords and takes them out of a text, in every
//! spelling; [`masked`] knows none, and hides what stands where URLs of databases have theirs. A text
//! of a driver goes through the first, everything that is printed goes through the second.

use std::ops::Range;

use secrecy::{ExposeSecret, SecretString};

/// What stands in the place of a password.
const STARS: &str = "***";

/// Schemes whose URLs hold passwords.
///
/// `redis:` alone is a key of the configuration.
const SCHEMES: [&str; 6] = ["postgres:", "postgresql:", "mariadb:", "mysql:", "redis://", "rediss://"];

/// Passwords that are known.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Adds a password: what is shorter than three characters is in every text.
    pub fn add(&mut self, password: &str) {
        if password.chars().count() < 3 {
            return;
        }
        let keep = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c);
        let encoded = |keep: &dyn Fn(char) -> bool| -> String {
            let percent = |text: String, byte: u8| text + &format!("%{byte:02X}");
            password.chars().fold(String::new(), |text, c| {
                if keep(c) { text + &c.to_string() } else { c.to_string().bytes().fold(text, percent) }
            })
        };
        let all = encoded(&|c| c.is_ascii_alphanumeric());
        let forms = [password.to_owned(), encoded(&keep), all.to_lowercase(), all];
        for form in
            forms.into_iter().chain([url::form_urlencoded::byte_serialize(password.as_bytes()).collect()])
        {
            if self.0.iter().all(|known| known.expose_secret() != form) {
                self.0.push(form.into());
            }
        }
        // the longest first: one may be within another
        self.0.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// The text without them.
    pub fn scrub(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, form| text.replace(form.expose_secret(), STARS))
    }
}

/// A text without the passwords of the URLs in it.
pub fn masked(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "\"'`<>".contains(c);
    passwords(text, &ends).into_iter().rev().fold(text.to_owned(), |mut text, range| {
        text.replace_range(range, STARS);
        text
    })
}

/// A source with as many stars in the place of each password, so that spans stay right. A URL there may
/// hold what no URL should, so it goes on to the last `@` of its line.
pub fn masked_source(text: &str) -> String {
    passwords(text, &|c| c == '\n').into_iter().fold(text.to_owned(), |mut text, range| {
        let stars = "*".repeat(range.len());
        text.replace_range(range, &stars);
        text
    })
}

/// Where passwords stand; a URL is over where `ends` says.
fn passwords(text: &str, ends: &dyn Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, scheme)) = SCHEMES
        .iter()
        .filter_map(|scheme| Some((at + text[at..].find(scheme)?, scheme)))
        .min_by_key(|(start, scheme)| (*start, scheme.len()))
    {
        let start = start + scheme.len();
        let end = text[start..].find(ends).map_or(text.len(), |length| start + length);
        let url = &text[start..end];
        if is_path(url) {
            at = start;
            continue;
        }
        let shift = |range: Range<usize>| start + range.start..start + range.end;
        found.extend(of_user(url).map(shift));
        found.extend(of_parameters(url).into_iter().map(shift));
        at = end.max(start);
    }
    found.retain(|range| !is_harmless(&text[range.clone()]));
    found.sort_by_key(|range| range.start);
    found.dedup_by(|next, before| {
        let overlaps = next.start < before.end;
        if overlaps {
            before.end = before.end.max(next.end);
        }
        overlaps
    });
    found
}

/// Of code, as in `sqlx_postgres::connection`, behind the first colon.
fn is_path(url: &str) -> bool {
    url.starts_with(':') && !url.contains('@') && !url.contains("password=")
}

/// Of `//user:password@host`, behind the scheme.
fn of_user(url: &str) -> Option<Range<usize>> {
    if url.starts_with(char::is_whitespace) {
        return None;
    }
    let from = url.len() - url.trim_start_matches('/').len();
    let colon = from + url[from..].find(':')? + 1;
    if let Some(at) = url[colon..].rfind('@') {
        return Some(colon..colon + at);
    }
    // a port is no password; what was cut off may be one
    let end =
        url[colon..].find(['/', '?', '#', '"', '\'', ' ', ',', '}']).map_or(url.len(), |end| colon + end);
    let is_port = url[colon..end].bytes().all(|byte| byte.is_ascii_digit());
    let is_user = !url[from..colon].contains(['[', '?', '/', '@']);
    (is_user && !is_port).then_some(colon..end)
}

/// Of `?password=…`.
fn of_parameters(url: &str) -> Vec<Range<usize>> {
    let lower = url.to_ascii_lowercase();
    let values = lower.match_indices("password=").map(|(at, name)| {
        let start = at + name.len();
        let end = url[start..].find(['&', '"', '\'', ' ', '}']).map_or(url.len(), |length| start + length);
        start..end
    });
    values.filter(|range| !range.is_empty()).collect()
}

/// A variable, a word of a help text, or hidden before.
fn is_harmless(password: &str) -> bool {
    let variable = password.starts_with("${") && password.find('}') == Some(password.len() - 1);
    variable || password.is_empty() || password == "PASSWORD" || password.bytes().all(|byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::{Secrets, masked, masked_source};

    #[test]
    fn urls_lose_their_passwords() {
        for (text, shown) in [
            ("postgres://u:s3cret@h/d", "postgres://u:***@h/d"),
            ("at `mysql://u:p@ss:w@h:3/d` now", "at `mysql://u:***@h:3/d` now"),
            ("postgres:u:s3cret@h", "postgres:u:***@h"),
            ("postgres::s3cret@h", "postgres::***@h"),
            ("sqlx_postgres::tls postgres://u:s3cret@h", "sqlx_postgres::tls postgres://u:***@h"),
            ("\"postgresql://u:s3cret\"", "\"postgresql://u:***\""),
            ("postgres://h/d?user=u&password=s3cret&x=1", "postgres://h/d?user=u&password=***&x=1"),
            ("postgres://u:a@h mysql://u:b@h", "postgres://u:***@h mysql://u:***@h"),
            ("redis: { url: redis://:s3cret@h/1 }", "redis: { url: redis://:***@h/1 }"),
            ("rediss://u:s3cret@h:6379", "rediss://u:***@h:6379"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn what_holds_none_stays() {
        for text in [
            "postgres://u@h:5432/d",
            "postgres://h:5432/d?sslmode=require",
            "redis://h:6379/0",
            "postgres://[::1]:5432/d",
            "write `postgres://USER:PASSWORD@HOST/DATABASE`",
            "url: postgres://u:${PASSWORD}@h/d",
            "unexpected response from SSLRequest: 0x48 (sqlx_postgres::connection::tls)",
            "mysql: the server speaks it, mail me@example.com",
            "cannot connect to postgres://u@h/d: no entry for user@host",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn a_source_keeps_its_length() {
        let text = "database: { url: \"postgres://u:pä ss@h/d\", urk: 1 }\nnext: 1\n";
        let hidden = masked_source(text);
        assert_eq!(hidden.len(), text.len());
        assert_eq!(hidden, "database: { url: \"postgres://u:******@h/d\", urk: 1 }\nnext: 1\n");
    }

    #[test]
    fn every_spelling_of_a_known_password_is_scrubbed() {
        let mut secrets = Secrets::default();
        secrets.add("a/b c%ä");
        for spelling in ["a/b c%ä", "a%2Fb%20c%25%C3%A4", "a%2fb%20c%25%c3%a4", "a%2Fb+c%25%C3%A4"] {
            assert_eq!(secrets.scrub(&format!("<{spelling}>")), "<***>", "{spelling}");
        }
        assert_eq!(format!("{secrets:?}").matches("a/b").count(), 0);
    }
}
