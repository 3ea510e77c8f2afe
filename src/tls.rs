//! How a connection is encrypted, and how much of the server is verified, as words and values.
//!
//! The words are those of PostgreSQL's `sslmode`; MySQL's mean the same. Which mode holds where none is
//! chosen, and reading the files, belong to the databases: nothing here knows a host or a file.

/// How much is verified, from nothing to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Plaintext.
    Disable,
    /// Encrypted where the server offers it, else plaintext.
    Prefer,
    /// Encrypted, whoever the server is.
    Require,
    /// The server's certificate is one of a known authority, whatever name is in it.
    VerifyCa,
    /// The certificate is for the host that was asked for, too.
    VerifyFull,
}

impl Mode {
    /// The words of configuration and URLs.
    pub const WORDS: [(&'static str, Self); 12] = [
        ("disable", Self::Disable),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
        ("allow", Self::Prefer),
        ("disabled", Self::Disable),
        ("preferred", Self::Prefer),
        ("required", Self::Require),
        ("verify-identity", Self::VerifyFull),
        ("verify_ca", Self::VerifyCa),
        ("verify_identity", Self::VerifyFull),
    ];

    /// The mode of a word, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        let known = Self::WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        known.map(|(_, mode)| *mode)
    }

    /// Its first word.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, mode)| *mode == self).map_or("", |(word, _)| word)
    }

    /// What somebody between us and the server can do with it.
    pub fn weakness(self) -> Option<&'static str> {
        match self {
            Self::Disable => Some("nothing is encrypted: whoever is on the way reads and changes all"),
            Self::Prefer => Some("it may be plaintext, and anybody on the way can pose as the server"),
            Self::Require => Some("encrypted, but not verified: anybody on the way can pose as the server"),
            Self::VerifyCa => Some(
                "the host name is not verified: any server with a certificate of a known authority will do",
            ),
            Self::VerifyFull => None,
        }
    }
}

/// What is said about it in one place: a URL, the configuration, the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How much is verified.
    pub mode: Option<Mode>,
    /// The authorities' certificates.
    pub ca: Option<Pem>,
    /// Our own certificate.
    pub cert: Option<Pem>,
    /// Its key.
    pub key: Option<Pem>,
}

/// A file with certificates or a key, or these themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pem {
    /// The path, or the PEM.
    pub text: String,
    /// What says so: a parameter, a key of the configuration, a variable.
    pub setting: &'static str,
}

impl Pem {
    /// Whether it is no path.
    pub fn is_inline(&self) -> bool {
        self.text.trim_start().starts_with("-----BEGIN")
    }
}

impl Settings {
    /// What another place says, where this one says nothing.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let either = |this: Option<Pem>, other: &Option<Pem>| this.or_else(|| other.clone());
        Self {
            mode: self.mode.or(other.mode),
            ca: either(self.ca, &other.ca),
            cert: either(self.cert, &other.cert),
            key: either(self.key, &other.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mode;

    #[test]
    fn both_families_of_words_are_known() {
        assert_eq!(Mode::from_word("VERIFY_IDENTITY"), Some(Mode::VerifyFull));
        assert_eq!(Mode::from_word("verify-full"), Some(Mode::VerifyFull));
        assert_eq!(Mode::from_word("REQUIRED"), Some(Mode::Require));
        assert_eq!(Mode::from_word("verify"), None);
        for (word, mode) in Mode::WORDS {
            assert_eq!(Mode::from_word(word), Some(mode));
            assert_eq!(mode.weakness().is_none(), mode == Mode::VerifyFull);
        }
        assert_eq!(Mode::VerifyFull.word(), "verify-full");
    }
}
