//! The text that rules look at: cut to a bound, and spelled so that engines for Unicode scalars see UTF-16
//! units.
//!
//! JavaScript without the `u` flag sees "😀" as two code units: `^..$` matches it, `^.$` does not, and
//! `\uD83D` matches its half. Here every character outside the BMP is written as two characters of a private
//! plane, one for each surrogate, in the text and in the pattern alike. So the engines agree with JavaScript
//! without approximating. A private-plane character of the text itself is outside the BMP too, and is
//! rewritten: nothing collides.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::limits;

const SURROGATES: u32 = 0xD800;
const PRIVATE_PLANE: u32 = 0xF_0000;

/// The beginning of `text` that rules look at: at most [`limits::TEXT_BYTES`] bytes, ending between two
/// characters.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::TEXT_BYTES)]
}

/// A text as the engines want it, cut to its bound.
#[derive(Debug)]
pub(super) struct Text<'a> {
    units: Cow<'a, str>,
    utf16: OnceCell<Vec<u16>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { units: as_units(cut(text)), utf16: OnceCell::new() }
    }

    /// One character for each UTF-16 code unit.
    pub(super) fn units(&self) -> &str {
        &self.units
    }

    /// The UTF-16 code units; made when first asked for.
    pub(super) fn utf16(&self) -> &[u16] {
        self.utf16.get_or_init(|| self.units.chars().map(char_as_unit).collect())
    }
}

/// `text` with one character for each UTF-16 code unit; borrowed when it is so already, as it mostly is.
fn as_units(text: &str) -> Cow<'_, str> {
    const FIRST_BYTE_OF_FOUR: u8 = 0xF0;
    if text.bytes().all(|byte| byte < FIRST_BYTE_OF_FOUR) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.encode_utf16().map(unit_as_char).collect())
}

/// The character that stands for a code unit: itself, or one of the private plane for a surrogate.
pub(super) fn unit_as_char(unit: u16) -> char {
    let unit = u32::from(unit);
    char::from_u32(unit)
        .or_else(|| char::from_u32(unit - SURROGATES + PRIVATE_PLANE))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn char_as_unit(c: char) -> u16 {
    let c = u32::from(c);
    u16::try_from(c).unwrap_or_else(|_| (c - PRIVATE_PLANE + SURROGATES) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = format!("x{}", "é".repeat(limits::TEXT_BYTES));
        assert_eq!(cut(&long).len(), limits::TEXT_BYTES - 1);
        assert_eq!(cut(&"a".repeat(limits::TEXT_BYTES + 1)).len(), limits::TEXT_BYTES);
    }

    #[test]
    fn only_characters_outside_the_bmp_are_rewritten() {
        assert!(matches!(as_units("aé€\u{FFFD}"), Cow::Borrowed(_)));
        assert_eq!(as_units("a😀"), "a\u{F003D}\u{F0600}");
        assert_eq!(Text::new("a😀").utf16(), [0x61, 0xD83D, 0xDE00]);
        assert_eq!(as_units("\u{F003D}").chars().count(), 2, "a private-plane character of the text itself");
    }
}
