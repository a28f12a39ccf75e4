//! Who may post: whoever knows the secret. HMAC-SHA256 over the bytes as they came. PROTOCOL: contract F1.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;

/// The header that is looked at first.
pub(crate) const HEADER: &str = "x-hub-signature-256";
/// The one that is looked at when that is absent.
pub(super) const OTHER_HEADER: &str = "x-signature";

const PREFIX: &str = "sha256=";
/// Hex digits of a digest.
const DIGITS: usize = 64;

/// What a post of these bytes is signed with: `sha256=` and lowercase hex.
pub(crate) fn sign(secret: &[u8], bytes: &[u8]) -> String {
    let digest = mac(secret, bytes).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
    digest.iter().fold(PREFIX.to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// Is this the signature of these bytes? Takes as long for a wrong one as for the right one.
pub(super) fn is_signed(secret: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
    let Some(digest) = signature.strip_prefix(PREFIX.as_bytes()).and_then(digest) else { return false };
    mac(secret, bytes).is_some_and(|mac| mac.verify_slice(&digest).is_ok())
}

/// A key of any length will do.
fn mac(secret: &[u8], bytes: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(bytes);
    Some(mac)
}

/// Exactly 64 lowercase hex digits.
fn digest(hex: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if hex.len() != DIGITS {
        return None;
    }
    hex.chunks(2).map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was computed by another program: `printf BODY | openssl dgst -sha256 -hmac SECRET`.
    const VECTORS: [(&str, &[u8], &str); 4] = [
        (
            "key",
            b"The quick brown fox jumps over the lazy dog",
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
        ),
        (
            "hush",
            b"{\"session_id\":\"ses_x\"}",
            "ba29de995001cfd2862f7fcddeaddb082785cdd52bc30cdfabd7148ddb683fea",
        ),
        (
            "a secret that is longer than one block of the hash, which has sixty-four bytes",
            b"",
            "34ed0eecee1ba70db39c9afcae952ea707a8c6e70c4d451dc8369a2d51877534",
        ),
        (
            "hush",
            b"{\"session_id\":\"\xff\xfe\"}",
            "4a361ca61cd77c6998ebae6e7e1cd0719e2d31e3434f1288192b46d895c28eeb",
        ),
    ];

    #[test]
    fn what_another_program_signed_is_signed() {
        for (secret, body, hex) in VECTORS {
            let signature = format!("sha256={hex}");
            assert_eq!(sign(secret.as_bytes(), body), signature);
            assert!(is_signed(secret.as_bytes(), body, signature.as_bytes()));
        }
    }

    #[test]
    fn anything_else_is_not() {
        let (secret, body, hex) = VECTORS[1];
        let (secret, right) = (secret.as_bytes(), format!("sha256={hex}"));
        let mut flipped = right.clone().into_bytes();
        *flipped.last_mut().expect("a digit") ^= 1;
        let upper = format!("sha256={}", hex.to_uppercase());
        for wrong in [
            hex.as_bytes(),
            b"",
            b"sha256=",
            &flipped,
            upper.as_bytes(),
            format!("SHA256={hex}").as_bytes(),
            format!("sha1={hex}").as_bytes(),
            format!("{right} ").as_bytes(),
            format!("{right}00").as_bytes(),
            &right.as_bytes()[..right.len() - 2],
            "sha256=é".as_bytes(),
        ] {
            assert!(!is_signed(secret, body, wrong), "{}", String::from_utf8_lossy(wrong));
        }
        assert!(!is_signed(b"another", body, right.as_bytes()));
        let mut changed = body.to_vec();
        changed.push(b' ');
        assert!(!is_signed(secret, &changed, right.as_bytes()));
    }
}
