//! The checksums by which tools know the text that ran.
//!
//! They hash the file as it was on the machine that ran it, so other line ends and a byte order mark are
//! tried, too.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha384};
use siphasher::sip::SipHasher13;

/// What proves a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The tool keeps none.
    None,
    /// SHA-384 of the file, in hex (sqlx).
    Sha384(String),
    /// SipHash-1-3 of name, version and text, in decimal (refinery).
    Sip(String),
    /// CRC-32 of the lines without their ends (Flyway).
    Crc(i32),
}

/// How the file was spelt when it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As we have it.
    Same,
    /// With these differences, which mean nothing.
    Other(&'static str),
}

impl Proof {
    /// Which spelling of a normalised text it proves; name and version are those of the tool's row.
    pub fn spelling(&self, text: &str, name: &str, version: &str) -> Option<Spelling> {
        let proves = |text: &str| match self {
            Self::None => true,
            Self::Sha384(wanted) => hex(&Sha384::digest(text.as_bytes())) == *wanted,
            Self::Sip(wanted) => sip(text, name, version).any(|sum| sum.to_string() == *wanted),
            Self::Crc(wanted) => crc(text) == *wanted,
        };
        let crlf = text.replace('\n', "\r\n");
        let spellings = [
            (Spelling::Same, text.to_owned()),
            (Spelling::Other("CRLF line ends"), crlf.clone()),
            (Spelling::Other("a byte order mark"), format!("\u{feff}{text}")),
            (Spelling::Other("CRLF line ends and a byte order mark"), format!("\u{feff}{crlf}")),
        ];
        spellings.into_iter().find(|(_, text)| proves(text)).map(|(spelling, _)| spelling)
    }

    /// What it is, for a person.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "checksum",
            Self::Sha384(_) => "SHA-384",
            Self::Sip(_) => "SipHash",
            Self::Crc(_) => "CRC-32",
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// refinery hashes the version in the width of its type: 4 bytes, or 8 with `int8-versions`.
pub(super) fn sip(text: &str, name: &str, version: &str) -> impl Iterator<Item = u64> {
    let number: Option<i64> = version.parse().ok();
    let narrow =
        number.and_then(|number| i32::try_from(number).ok()).map(|number| number.to_le_bytes().to_vec());
    let wide = number.map(|number| number.to_le_bytes().to_vec());
    let sum = |version: Vec<u8>| {
        let mut hasher = SipHasher13::new();
        name.hash(&mut hasher);
        hasher.write(&version);
        text.hash(&mut hasher);
        hasher.finish()
    };
    narrow.into_iter().chain(wide).map(sum).collect::<Vec<_>>().into_iter()
}

/// Each line without its end, whichever it is; without a byte order mark.
fn crc(text: &str) -> i32 {
    let mut hasher = crc32fast::Hasher::new();
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    text.lines().for_each(|line| hasher.update(line.as_bytes()));
    hasher.finalize().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "CREATE TABLE t (\n  id INT\n);\n";

    #[test]
    fn sqlx_checksums_are_known_in_every_spelling() {
        let sum = |text: &str| Proof::Sha384(hex(&Sha384::digest(text.as_bytes())));
        assert!(matches!(sum(TEXT), Proof::Sha384(hex) if hex.starts_with("abb92dafab889bb6")));
        assert_eq!(sum(TEXT).spelling(TEXT, "", ""), Some(Spelling::Same));
        let crlf = sum(&TEXT.replace('\n', "\r\n"));
        assert_eq!(crlf.spelling(TEXT, "", ""), Some(Spelling::Other("CRLF line ends")));
        assert_eq!(sum("x").spelling(TEXT, "", ""), None);
    }

    #[test]
    fn flyway_sums_lines_only() {
        assert_eq!(crc(TEXT), -1_540_334_349);
        assert_eq!(crc(&TEXT.replace('\n', "\r\n")), crc(TEXT));
        assert_eq!(crc(TEXT.trim_end()), crc(TEXT));
    }

    #[test]
    fn refinery_sums_name_version_and_text() {
        let sums: Vec<u64> = sip(TEXT, "initial", "1").collect();
        assert_eq!(sums.len(), 2);
        for sum in &sums {
            assert!(Proof::Sip(sum.to_string()).spelling(TEXT, "initial", "1").is_some());
            assert!(Proof::Sip(sum.to_string()).spelling(TEXT, "other", "1").is_none());
        }
        assert_eq!(sip(TEXT, "initial", "20240101000000").count(), 1);
    }

    /// Read from the tables of refinery 0.10, without and with its feature `int8-versions`.
    #[test]
    fn refinery_itself_has_these_sums() {
        let users = "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'Zoë');\n";
        let sizes = "-- Größen\nCREATE TABLE sizes (id integer PRIMARY KEY, label varchar(40));\nINSERT INTO sizes VALUES (1, '36½');";
        let sums = |text, name, version| sip(text, name, version).collect::<Vec<_>>();
        assert_eq!(sums(users, "users", "1"), [11_213_835_684_982_709_058, 13_497_597_873_812_578_473]);
        let narrow_and_wide = [5_091_899_342_014_607_839, 15_722_838_694_531_619_198];
        assert_eq!(sums(sizes, "größen_и_цены", "2"), narrow_and_wide);
    }
}
