//! Character classes: `[...]`, with the ranges that Annex B lets be no ranges.

use super::scan::{Scanner, ascii};
use super::{PatternError, UnitSet, escape};

/// One member of a class: a unit, which can begin or end a range, or a class escape, which cannot.
enum Member {
    Unit(u16),
    Set(UnitSet),
}

/// The class whose `[` was just read.
pub(super) fn parse(scanner: &mut Scanner, named: bool) -> Result<UnitSet, PatternError> {
    let negated = scanner.eat("^");
    let mut ranges = Vec::new();
    let mut add = |member: Member| match member {
        Member::Unit(unit) => ranges.push((unit, unit)),
        Member::Set(set) => ranges.extend_from_slice(set.ranges()),
    };
    let mut found = Vec::new();
    while !scanner.eat("]") {
        let first = member(scanner, named)?;
        let is_range = scanner.peek().map(ascii) == Some('-') && scanner.peek_at(1).map(ascii) != Some(']');
        if !is_range {
            add(first);
            continue;
        }
        let dash = scanner.next().unwrap_or_default();
        let last = member(scanner, named)?;
        match (first, last) {
            (Member::Unit(low), Member::Unit(high)) if low > high => {
                return Err(PatternError::Invalid("a range in a class is out of order"));
            }
            (Member::Unit(low), Member::Unit(high)) => found.push((low, high)),
            (first, last) => {
                add(first);
                add(Member::Unit(dash));
                add(last);
            }
        }
    }
    ranges.append(&mut found);
    let set = UnitSet::of(&ranges);
    Ok(if negated { set.complement() } else { set })
}

fn member(scanner: &mut Scanner, named: bool) -> Result<Member, PatternError> {
    const BACKSPACE: u16 = 0x08;
    let unit = scanner.next().ok_or(PatternError::Invalid("a class is not closed"))?;
    if ascii(unit) != '\\' {
        return Ok(Member::Unit(unit));
    }
    if let Some(set) = scanner.peek().and_then(escape::class) {
        scanner.next();
        return Ok(Member::Set(set));
    }
    if scanner.eat("b") {
        return Ok(Member::Unit(BACKSPACE));
    }
    escape::unit(scanner, true, named).map(Member::Unit)
}
