//! A cursor over the code units of a pattern, and the look ahead at its groups that numbers and names need.

/// Where the parser stands in a pattern.
#[derive(Debug)]
pub(super) struct Scanner {
    units: Vec<u16>,
    position: usize,
}

impl Scanner {
    pub(super) fn new(pattern: &str) -> Self {
        Self { units: pattern.encode_utf16().collect(), position: 0 }
    }

    pub(super) fn peek(&self) -> Option<u16> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u16> {
        self.units.get(self.position + ahead).copied()
    }

    pub(super) fn next(&mut self) -> Option<u16> {
        let unit = self.peek()?;
        self.position += 1;
        Some(unit)
    }

    /// Steps over `text` if the pattern goes on with it.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = text.encode_utf16().enumerate().all(|(ahead, unit)| self.peek_at(ahead) == Some(unit));
        if found {
            self.position += text.encode_utf16().count();
        }
        found
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn back_to(&mut self, position: usize) {
        self.position = position;
    }

    /// Exactly `count` hexadecimal digits; stays in place when there are fewer.
    pub(super) fn hex(&mut self, count: usize) -> Option<u16> {
        let mut value = 0;
        for ahead in 0..count {
            value = value * 16 + digit(self.peek_at(ahead)?, 16)?;
        }
        self.position += count;
        u16::try_from(value).ok()
    }

    /// All decimal digits here, at least one; a number past `i32::MAX` is that (V8 counts so).
    pub(super) fn decimal(&mut self) -> Option<u32> {
        const MOST: u32 = i32::MAX.unsigned_abs();
        let mut value = digit(self.peek()?, 10)?;
        self.position += 1;
        while let Some(next) = self.peek().and_then(|unit| digit(unit, 10)) {
            value = value.saturating_mul(10).saturating_add(next).min(MOST);
            self.position += 1;
        }
        Some(value)
    }

    /// How many groups capture, and whether any has a name, in the whole pattern.
    pub(super) fn groups(&self) -> (usize, bool) {
        let at = |index: usize| self.units.get(index).copied().unwrap_or(0);
        let (mut index, mut in_class, mut captures, mut named) = (0, false, 0, false);
        while index < self.units.len() {
            match at(index) {
                ESCAPE => index += 1,
                OPEN_CLASS => in_class = true,
                CLOSE_CLASS => in_class = false,
                OPEN_GROUP if !in_class => {
                    if at(index + 1) != QUESTION {
                        captures += 1;
                    } else if at(index + 2) == LESS && at(index + 3) != EQUALS && at(index + 3) != BANG {
                        captures += 1;
                        named = true;
                    }
                }
                _ => {}
            }
            index += 1;
        }
        (captures, named)
    }
}

const ESCAPE: u16 = b'\\' as u16;
const OPEN_CLASS: u16 = b'[' as u16;
const CLOSE_CLASS: u16 = b']' as u16;
const OPEN_GROUP: u16 = b'(' as u16;
const QUESTION: u16 = b'?' as u16;
const LESS: u16 = b'<' as u16;
const EQUALS: u16 = b'=' as u16;
const BANG: u16 = b'!' as u16;

/// The value of a digit of that radix.
pub(super) fn digit(unit: u16, radix: u32) -> Option<u32> {
    char::from_u32(u32::from(unit))?.to_digit(radix)
}

/// The unit as an ASCII character; U+FFFF, which no syntax uses, for any other.
pub(super) fn ascii(unit: u16) -> char {
    u8::try_from(unit).ok().filter(u8::is_ascii).map_or('\u{FFFF}', char::from)
}
