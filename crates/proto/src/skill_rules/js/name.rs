//! Group names: identifiers, which may be spelled with `\u` escapes.

use std::sync::LazyLock;

use regex::Regex;

use super::PatternError;
use super::scan::{Scanner, ascii};

const BAD_NAME: PatternError = PatternError::Invalid("the name of a group is not an identifier");

/// The name up to and with the closing `>`; the `<` was just read.
pub(super) fn parse(scanner: &mut Scanner) -> Result<String, PatternError> {
    let mut name = String::new();
    loop {
        let unit = scanner.next().ok_or(BAD_NAME)?;
        let c = match ascii(unit) {
            '>' if name.is_empty() => return Err(BAD_NAME),
            '>' => return Ok(name),
            '\\' => escaped(scanner)?,
            _ => with_low_half(scanner, unit)?,
        };
        if !is_identifier_part(c, name.is_empty()) {
            return Err(BAD_NAME);
        }
        name.push(c);
    }
}

fn escaped(scanner: &mut Scanner) -> Result<char, PatternError> {
    if !scanner.eat("u") {
        return Err(BAD_NAME);
    }
    if scanner.eat("{") {
        let mut digits = String::new();
        while let Some(c) = scanner.next().map(ascii).filter(|c| *c != '}') {
            digits.push(c);
        }
        let all_hex = digits.chars().all(|c| c.is_ascii_hexdigit());
        let value = u32::from_str_radix(&digits, 16).ok().filter(|_| all_hex);
        return value.and_then(char::from_u32).ok_or(BAD_NAME);
    }
    let unit = scanner.hex(4).ok_or(BAD_NAME)?;
    if !is_high_half(unit) {
        return char::from_u32(u32::from(unit)).ok_or(BAD_NAME);
    }
    let low = if scanner.eat("\\u") { scanner.hex(4) } else { None };
    low.and_then(|low| pair(unit, low)).ok_or(BAD_NAME)
}

fn with_low_half(scanner: &mut Scanner, unit: u16) -> Result<char, PatternError> {
    if is_high_half(unit) {
        let low = scanner.next().ok_or(BAD_NAME)?;
        return pair(unit, low).ok_or(BAD_NAME);
    }
    char::from_u32(u32::from(unit)).ok_or(BAD_NAME)
}

fn is_high_half(unit: u16) -> bool {
    (0xD800..0xDC00).contains(&unit)
}

fn pair(high: u16, low: u16) -> Option<char> {
    char::decode_utf16([high, low]).next()?.ok()
}

fn is_identifier_part(c: char, first: bool) -> bool {
    static START: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{ID_Start}$").ok());
    static CONTINUE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\p{ID_Continue}$").ok());
    if c.is_ascii() {
        return c.is_ascii_alphabetic() || c == '$' || c == '_' || (!first && c.is_ascii_digit());
    }
    if !first && matches!(c, '\u{200C}' | '\u{200D}') {
        return true;
    }
    let class = if first { &START } else { &CONTINUE };
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
}
