//! Names of things: namespaces, migration ids, versions, checksums.
//!
//! A migration's identity is `namespace::name` and never a bare version: two modules may both own
//! version `1`. What a version *means* (a number, a text, dotted parts) is said by the format that
//! read it; here it only knows how to compare. No file, no YAML, no SQL is known here.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Why a text is not a namespace or a migration name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing stands where a name must stand.
    #[error("a name must not be empty")]
    Empty,
    /// The character cannot stand in a name.
    #[error("a name must not contain {0:?}")]
    Character(char),
    /// The character cannot stand at the start of a name.
    #[error("a name must not begin with {0:?}")]
    First(char),
    /// The text has no `::` between namespace and name.
    #[error("an id is `namespace::name`")]
    NoSeparator,
    /// Longer than every database's key column can hold.
    #[error("a name must not be longer than {MAX_PART} bytes")]
    TooLong,
}

/// The longest namespace or name, in bytes.
pub const MAX_PART: usize = 250;

fn check_part(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_PART {
        return Err(IdError::TooLong);
    }
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')) {
        return Ok(()); // nearly all of them
    }
    match text.chars().find(|c| c.is_control() || is_deceptive(*c) || matches!(c, '"' | '`')) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(()),
    }
}

/// Characters that make a text look like another one: bidirectional controls, other line ends than
/// `\n`, and what has no width.
pub fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// The name under which a module's migrations are known, usually its package name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// Takes any printable text without `::`, spaces at the ends, quotes or control characters.
    pub fn new(text: &str) -> Result<Self, IdError> {
        check_part(text)?;
        if text.contains("::") || text.starts_with(':') || text.ends_with(':') {
            return Err(IdError::Character(':'));
        }
        if text.contains(char::is_whitespace) {
            return Err(IdError::Character(' '));
        }
        Ok(Self(text.into()))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `namespace::name`: the identity of a migration, in the lock, the history and every message.
///
/// ```
/// use db_migrations::id::MigrationId;
/// let id: MigrationId = "users::20180101115739_create_users".parse()?;
/// assert_eq!((id.namespace(), id.name()), ("users", "20180101115739_create_users"));
/// # Ok::<(), db_migrations::id::IdError>(())
/// ```
#[derive(Clone)]
pub struct MigrationId {
    text: Arc<str>,
    separator: usize,
}

impl MigrationId {
    /// Joins a namespace and a name (the stem of the file, or the folder's name).
    pub fn new(namespace: &Namespace, name: &str) -> Result<Self, IdError> {
        check_part(name)?;
        if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
            return Err(IdError::Character(' '));
        }
        Ok(Self { text: format!("{namespace}::{name}").into(), separator: namespace.as_str().len() })
    }

    /// The module's part.
    pub fn namespace(&self) -> &str {
        &self.text[..self.separator]
    }

    /// The migration's part.
    pub fn name(&self) -> &str {
        &self.text[self.separator + 2..]
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::str::FromStr for MigrationId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (namespace, name) = text.split_once("::").ok_or(IdError::NoSeparator)?;
        Self::new(&Namespace::new(namespace)?, name)
    }
}

impl PartialEq for MigrationId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for MigrationId {}

impl PartialOrd for MigrationId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MigrationId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::hash::Hash for MigrationId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl std::borrow::Borrow<str> for MigrationId {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for MigrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for MigrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What orders the migrations of one module, as the module's format reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// A digit string of any length, compared as a number (sqlx, dbmate, goose, golang-migrate).
    Number(String),
    /// Dotted numeric parts (Flyway `1.2`, refinery).
    Parts(Vec<String>),
    /// A text compared as text (diesel: what stands before the first `_`, without dashes).
    Text(String),
}

impl Version {
    /// Reads a digit string; `None` when it holds anything else or nothing.
    pub fn number(digits: &str) -> Option<Self> {
        is_digits(digits).then(|| Self::Number(digits.to_owned()))
    }

    /// Reads numeric parts separated by `.` or `_`.
    pub fn parts(text: &str) -> Option<Self> {
        let parts: Vec<String> = text.split(['.', '_']).map(str::to_owned).collect();
        parts.iter().all(|part| is_digits(part)).then_some(Self::Parts(parts))
    }

    /// Takes the text as it stands.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// The digits that may be a point in time: 12 or at least 14, beginning with a year of
    /// 1970–2999; right-padded with `0` to 14, to be compared as text. `None` means *sequential*.
    ///
    /// ```
    /// use db_migrations::id::Version;
    /// let time = |digits| Version::number(digits).and_then(|v| v.timestamp());
    /// assert_eq!(time("201801011157"), Some("20180101115700".to_owned()));
    /// assert_eq!(time("001"), None); // a sequence number
    /// assert_eq!(time("1526311559"), None); // seconds since 1970: not a date as digits
    /// ```
    pub fn timestamp(&self) -> Option<String> {
        let digits = match self {
            Self::Number(digits) | Self::Text(digits) => digits,
            Self::Parts(parts) => match parts.as_slice() {
                [single] => single,
                _ => return None,
            },
        };
        let long_enough = digits.len() == 12 || digits.len() >= 14;
        if !long_enough || !is_digits(digits) || !("1970"..="2999").contains(&&digits[..4]) {
            return None;
        }
        Some(format!("{digits:0<14}"))
    }

    /// Equal for versions of two modules that mean the same, whatever their formats: the numeric
    /// parts without leading zeros where the version is numeric, else the text.
    pub fn canonical(&self) -> String {
        match self {
            Self::Number(digits) => trim_zeros(digits).to_owned(),
            Self::Text(text) if is_digits(text) => trim_zeros(text).to_owned(),
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => {
                let mut trimmed: Vec<&str> = parts.iter().map(|part| trim_zeros(part)).collect();
                while trimmed.len() > 1 && trimmed.last() == Some(&"0") {
                    trimmed.pop();
                }
                trimmed.join(".")
            }
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn trim_zeros(digits: &str) -> &str {
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() { "0" } else { trimmed }
}

fn compare_digits(a: &str, b: &str) -> Ordering {
    let (a, b) = (trim_zeros(a), trim_zeros(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => compare_digits(a, b),
            (Self::Parts(a), Self::Parts(b)) => {
                let zero = String::from("0");
                (0..a.len().max(b.len()))
                    .map(|i| compare_digits(a.get(i).unwrap_or(&zero), b.get(i).unwrap_or(&zero)))
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            }
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.canonical().cmp(&other.canonical()),
        }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(text) | Self::Text(text) => f.write_str(text),
            Self::Parts(parts) => f.write_str(&parts.join(".")),
        }
    }
}

/// A SHA-256, shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A hash that was computed piecewise.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digits as bytes, for hashing and writing without a detour through `format!`.
    pub fn hex(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (i, byte) in self.0.iter().enumerate() {
            hex[2 * i] = DIGITS[usize::from(byte >> 4)];
            hex[2 * i + 1] = DIGITS[usize::from(byte & 15)];
        }
        hex
    }

    /// The first 8 digits: enough for a person to tell two apart.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Checksum {
    type Err = NotAChecksum;

    fn from_str(text: &str) -> Result<Self, NotAChecksum> {
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NotAChecksum);
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| NotAChecksum)?;
        }
        Ok(Self(bytes))
    }
}

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a checksum is 64 lower-case hexadecimal digits")]
pub struct NotAChecksum;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_numbers_of_any_length() {
        let v = |d| Version::number(d).unwrap();
        assert!(v("9") < v("10"));
        assert!(v("00018446744073709551616") > v("18446744073709551615"));
        assert_eq!(v("001").cmp(&v("1")), Ordering::Equal);
    }

    #[test]
    fn diesel_versions_compare_as_text() {
        assert!(Version::text("10") < Version::text("9"));
        assert_eq!(Version::text("20240131120000").timestamp().as_deref(), Some("20240131120000"));
    }

    #[test]
    fn parts_are_padded_with_zero() {
        let v = |d| Version::parts(d).unwrap();
        assert_eq!(v("1").cmp(&v("1.0")), Ordering::Equal);
        assert!(v("1_2") < v("1.10"));
        assert_eq!(v("1.0").canonical(), Version::number("001").unwrap().canonical());
    }

    #[test]
    fn what_counts_as_time() {
        for sequential in ["1", "00000000000000", "1526311559", "1526311559000", "20180101", "30000101000000"]
        {
            assert_eq!(Version::number(sequential).unwrap().timestamp(), None, "{sequential}");
        }
        let long = "20240131120000123456";
        assert_eq!(Version::number(long).unwrap().timestamp().as_deref(), Some(long));
        assert!(
            Version::number("20182101000000").unwrap().timestamp().is_some(),
            "month 21 exists in the wild"
        );
    }

    #[test]
    fn ids_refuse_what_could_deceive() {
        for bad in ["", "a", "a::", "::b", "a b::c", "a::\u{202e}b", "a::b\n", "a::\"b\"", "a:::b: "] {
            assert!(bad.parse::<MigrationId>().is_err(), "{bad:?}");
        }
        assert!(r"App\Migrations::Version20180101".parse::<MigrationId>().is_ok());
    }
}
