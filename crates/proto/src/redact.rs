//! What a secret looks like, and the one text type that logs, errors and the outbox accept.
//!
//! A [`Redacted`] has passed through here: secrets are replaced, control and direction characters are gone, and its
//! length is bounded. It cannot be made in any other way.

use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// Longest text kept unless the caller bounds it tighter, in characters.
pub const CHARS: usize = 500;
/// What stands where a secret stood.
pub const MASK: &str = "[redacted]";

/// Text from outside, made safe to show and to write down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Redacted(String);

impl Redacted {
    /// Masks secrets, strips control characters, cuts to [`CHARS`].
    pub fn new(text: &str) -> Self {
        Self::cut(text, CHARS)
    }

    /// As [`Redacted::new`], cut to `chars` characters, the last of which is then an ellipsis.
    pub fn cut(text: &str, chars: usize) -> Self {
        let masked = mask(&head(text, chars));
        let long = masked.chars().nth(chars).is_some() || text.chars().nth(looked_at(chars)).is_some();
        if !long {
            return Self(masked);
        }
        let mut kept: String = masked.chars().take(chars.saturating_sub(1)).collect();
        kept.push('…');
        Self(kept)
    }

    /// As [`Redacted::cut`], for what may have several lines: where one ends stays to be seen. Two commands would read
    /// as one without it.
    pub fn line(text: &str, chars: usize) -> Self {
        let seen = text.trim_end().replace("\r\n", "\n").replace(['\n', '\r'], " ⏎ ").replace('\t', " ");
        Self::cut(&seen, chars)
    }

    /// As [`Redacted::new`], and without local paths: for what OrgX is told of an agent's own words.
    pub fn without_paths(text: &str) -> Self {
        // Before secrets are looked for: what stands on both sides of what is left out may be one.
        let mut text = head(text, CHARS);
        while text.contains("file://") {
            text = text.replace("file://", "");
        }
        let text = Self::new(&text).0;
        let text = QUOTED_PATH.replace_all(&text, "${1}[path]${2}");
        Self::new(&PATH.replace_all(&text, "${1}[path]"))
    }

    /// The safe text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The safe text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Redacted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What of a text is looked at to keep so many characters: a secret must not hide behind the cut, nor a huge text cost
/// much.
fn looked_at(chars: usize) -> usize {
    chars.saturating_add(400)
}

/// The beginning of a text that is looked at, without what hides.
fn head(text: &str, chars: usize) -> String {
    text.chars().take(looked_at(chars)).filter(|c| !is_hidden(*c)).collect()
}

/// Control characters and those that change the direction of text: line breaks would forge log lines, and
/// direction marks would make a text read as something else.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[expect(clippy::expect_used, reason = "constant patterns, compiled in a test")]
static SECRETS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", MASK),
        (r"(?i)\b(bearer|basic)([ .]+)[A-Za-z0-9._~+/=-]{4,}", "${1}${2}[redacted]"),
        // Ours wherever it stands: a line break that is left out may join it to a word.
        (r"oxk[_-][A-Za-z0-9_-]{3,}", MASK),
        (r"\b(?:ghp|gho|ghu|ghs|ghr|npm|pat|hf|github_pat|xox[abprs])[_-][A-Za-z0-9_-]{3,}", MASK),
        (r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{8,}", MASK),
        (r"\bglpat-[A-Za-z0-9_-]{8,}", MASK),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}", MASK),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", MASK),
        (r"([a-z][a-z0-9+.-]*://)[^\s/@]+@", "${1}[redacted]@"),
        (
            r#"(?i)\b([a-z0-9_-]*(?:api[_-]?key|auth[_-]?token|token|secret|passwd|password|passphrase|credential)s?)("?\s*[=:]\s*"?)[^\s"'&,;]{3,}"#,
            "${1}${2}[redacted]",
        ),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).expect("a constant pattern"), with))
    .collect()
});

/// Two or more steps from a root or a drive, after something that can stand before a path. A URL does not match.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(^|[\s'"`(=:,\[])(?:(?:~?/[^\s/'"`:,)\]]+){2,}/?|[A-Za-z]:\\[^\s'"`,)\]]+)"#)
        .expect("a constant pattern")
});

/// A path in quotes may hold spaces.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled in a test")]
static QUOTED_PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(['"`])(?:~?/[^'"`/]+/|[A-Za-z]:\\)[^'"`]*(['"`])"#).expect("a constant pattern")
});

fn mask(text: &str) -> String {
    let mut text = std::borrow::Cow::Borrowed(text);
    for (secret, with) in SECRETS.iter() {
        if secret.is_match(&text) {
            text = std::borrow::Cow::Owned(secret.replace_all(&text, *with).into_owned());
        }
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays_readable() {
        for (text, safe) in [
            ("refused: Bearer oxk_abcdef123", "refused: Bearer [redacted]"),
            ("protocols orgx.v1, bearer.oxk_abc", "protocols orgx.v1, bearer.[redacted]"),
            ("key oxk_live_0123456789 is bad", "key [redacted] is bad"),
            ("bad\noxk_live_0123456789", "bad[redacted]"),
            ("Incorrect API key provided: sk-proj-abcdef0123", "Incorrect API key provided: [redacted]"),
            ("GET https://me:hunter2@host/x", "GET https://[redacted]@host/x"),
            ("OPENAI_API_KEY=abcdef rest", "OPENAI_API_KEY=[redacted] rest"),
            (r#"{"password":"hunter2","a":1}"#, r#"{"password":"[redacted]","a":1}"#),
            ("token ghp_abcdefghij0123", "token [redacted]"),
            ("AKIAIOSFODNN7EXAMPLE", "[redacted]"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "[redacted]"),
            ("nothing here: the token count is 12", "nothing here: the token count is 12"),
            ("a\nline\u{202e}break\u{0}", "alinebreak"),
        ] {
            assert_eq!(Redacted::new(text).as_str(), safe, "{text}");
        }
    }

    #[test]
    fn local_paths_are_left_out_and_addresses_stay() {
        for (text, safe) in [
            ("File not found: /home/me/w/api/x.rs", "File not found: [path]"),
            ("ENOENT '/tmp/a/b' gone", "ENOENT '[path]' gone"),
            ("no '/home/Jane Doe/p/x' here", "no '[path]' here"),
            ("see file:///home/me/x.ts:1", "see [path]:1"),
            ("see fifile://le:///home/me/x.ts:1", "see [path]:1"),
            ("see fi\u{200b}le:///home/me/x.ts:1", "see [path]:1"),
            ("oxfile://k_abcdef0123", "[redacted]"),
            (r"C:\Users\me\x is gone", "[path] is gone"),
            ("at https://api.example.com/v1/chat", "at https://api.example.com/v1/chat"),
            ("and/or, 1/2, /help", "and/or, 1/2, /help"),
        ] {
            assert_eq!(Redacted::without_paths(text).as_str(), safe);
        }
    }

    #[test]
    fn a_long_text_is_cut_with_an_ellipsis() {
        let cut = Redacted::cut(&"é".repeat(900), 10);
        assert_eq!(cut.as_str(), format!("{}…", "é".repeat(9)));
        assert_eq!(Redacted::cut("exact", 5).as_str(), "exact");
        let longer_without_paths = Redacted::without_paths(&r"C:\a ".repeat(100));
        assert_eq!(longer_without_paths.as_str().chars().count(), CHARS);
    }

    proptest! {
        #[test]
        fn a_key_never_gets_through(before in "(?s:.{0,700})", key in "oxk_[A-Za-z0-9_]{8,40}", after in ".{0,80}") {
            let safe = Redacted::new(&format!("{before} {key} {after}"));
            prop_assert!(!safe.as_str().contains(&key));
            prop_assert!(safe.as_str().chars().count() <= CHARS);
            prop_assert!(!safe.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn where_a_line_ends_is_seen() {
        for (text, shown) in [
            ("echo a\nrm -rf b\n", "echo a ⏎ rm -rf b"),
            ("a\r\nb\rc\td", "a ⏎ b ⏎ c d"),
            ("one", "one"),
            ("", ""),
        ] {
            assert_eq!(Redacted::line(text, 100).as_str(), shown);
        }
        assert_eq!(Redacted::line("a\nb", 4).as_str(), "a ⏎…");
    }
}
