//! The escapes that mean one code unit, alike inside and outside a class, and those that mean a class.

use super::scan::{Scanner, ascii, digit};
use super::{PatternError, UnitSet};

/// The class of `\d \D \s \S \w \W`, by the letter after the backslash.
pub(super) fn class(letter: u16) -> Option<UnitSet> {
    Some(match ascii(letter) {
        'd' => UnitSet::digit(),
        'D' => UnitSet::digit().complement(),
        's' => UnitSet::space(),
        'S' => UnitSet::space().complement(),
        'w' => UnitSet::word(),
        'W' => UnitSet::word().complement(),
        _ => return None,
    })
}

/// The unit of an escape whose backslash was just read. `in_class` and `named` tell two rare rules apart: a
/// class takes `\c1` and `\c_`, and `\k` is no identity escape where groups have names.
pub(super) fn unit(scanner: &mut Scanner, in_class: bool, named: bool) -> Result<u16, PatternError> {
    let letter = scanner.next().ok_or(PatternError::Invalid("it ends with a backslash"))?;
    Ok(match ascii(letter) {
        't' => 0x09,
        'n' => 0x0A,
        'v' => 0x0B,
        'f' => 0x0C,
        'r' => 0x0D,
        'x' => scanner.hex(2).unwrap_or(letter),
        'u' => scanner.hex(4).unwrap_or(letter),
        'c' => control(scanner, in_class),
        '0'..='7' => octal(scanner, letter),
        'k' if named => return Err(PatternError::Invalid("\\k must name a group")),
        _ => letter,
    })
}

/// `\cX`; when no letter follows it is a backslash, and the `c` is read again.
fn control(scanner: &mut Scanner, in_class: bool) -> u16 {
    const LOW_BITS: u16 = 0x1F;
    match scanner.peek() {
        Some(unit) if is_control_letter(ascii(unit), in_class) => {
            scanner.next();
            unit & LOW_BITS
        }
        _ => {
            scanner.back_to(scanner.position() - 1);
            u16::from(b'\\')
        }
    }
}

fn is_control_letter(letter: char, in_class: bool) -> bool {
    letter.is_ascii_alphabetic() || (in_class && (letter.is_ascii_digit() || letter == '_'))
}

/// Up to three octal digits, of a value up to 255.
fn octal(scanner: &mut Scanner, first: u16) -> u16 {
    const MOST_BEFORE_THIRD: u32 = 31;
    let mut value = digit(first, 8).unwrap_or_default();
    for place in 2..=3 {
        let Some(next) = scanner.peek().and_then(|unit| digit(unit, 8)) else { break };
        if place == 3 && value > MOST_BEFORE_THIRD {
            break;
        }
        value = value * 8 + next;
        scanner.next();
    }
    u16::try_from(value).unwrap_or_default()
}
