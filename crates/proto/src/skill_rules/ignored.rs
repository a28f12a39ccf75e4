//! The rules that are not used, and why, in words for people; a bounded list whatever OrgX sends.

use super::limits;

/// A rule that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredRule {
    /// The skill it belongs to; empty when the answer does not say.
    pub skill_id: String,
    /// Its position in server order: among all rules of the answer for [`super::parse`], among the rules
    /// handed over for [`super::RuleSet`].
    pub index: usize,
    /// What is wrong, as a sentence; shows at most [`limits::SHOWN_CHARS`] characters of the pattern.
    pub reason: String,
}

/// Collects ignored rules; the first [`limits::NAMED`] are named, the last entry counts the others.
#[derive(Debug, Default)]
pub(super) struct IgnoredList {
    named: Vec<IgnoredRule>,
    rest: usize,
    first_of_rest: usize,
}

impl IgnoredList {
    /// Adds one; `reason` is only asked for when it is going to be kept.
    pub(super) fn push(&mut self, skill_id: &str, index: usize, reason: impl FnOnce() -> String) {
        self.push_many(skill_id, index, 1, reason);
    }

    /// Adds `count` rules beginning at `index` that share one reason: named as one entry.
    pub(super) fn push_many(
        &mut self,
        skill_id: &str,
        index: usize,
        count: usize,
        reason: impl FnOnce() -> String,
    ) {
        if self.named.len() < limits::NAMED {
            self.named.push(IgnoredRule {
                skill_id: visible(skill_id, limits::ID_CHARS),
                index,
                reason: reason(),
            });
            return;
        }
        if self.rest == 0 {
            self.first_of_rest = index;
        }
        self.rest += count;
    }

    pub(super) fn finish(mut self) -> Vec<IgnoredRule> {
        if self.rest > 0 {
            let reason = format!("{} more rules are ignored for reasons like those above.", self.rest);
            self.named.push(IgnoredRule { skill_id: String::new(), index: self.first_of_rest, reason });
        }
        self.named
    }
}

/// Text from outside, fit for a sentence: no control characters, at most [`limits::SHOWN_CHARS`] characters.
pub(super) fn shown(text: &str) -> String {
    visible(text, limits::SHOWN_CHARS)
}

fn visible(text: &str, most: usize) -> String {
    let mut rest = text.chars().filter(|c| !is_invisible(*c));
    let mut shown: String = rest.by_ref().take(most).collect();
    if rest.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Control characters, and those that turn the direction of the text around them or end a line.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}
