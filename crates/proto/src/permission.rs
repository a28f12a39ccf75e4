//! What a dispatch may take away from an agent, and never give it. Design, promise 5.
//!
//! PROTOCOL: OpenCode 1.18 reads the rules of the agent (built in, then the person's), then those of the session; of
//! several that fit, the last holds, and where none fits the person is asked. So a session's `allow` would widen what
//! the person set. Subagents get, after their own rules, the `deny` rules of their parent's session and all of its
//! rules for just [`OUTSIDE`], whatever these do: a denial is the only rule for it that a session is given.
//!
//! Promises, for every kind and pattern: with the rules of [`narrow`] after the person's own, nothing is allowed or
//! asked that the person's alone, or the dispatch's, would not allow or ask. In a subagent nothing is allowed or asked
//! that the dispatch would have asked about or denied. Where two patterns meet in a way that no pattern can say, the
//! stricter rule holds for more than it had to.

mod wildcard;

use crate::agent::{PermissionRule, RuleAction};
use crate::limits;
use wildcard::{Meet, covers, matches, meet, overlap};

/// What OpenCode asks when an agent would leave its folder.
const OUTSIDE: &str = "external_directory";

/// What OpenCode does by these rules; `None`: no rule fits.
pub fn decide(rules: &[PermissionRule], permission: &str, pattern: &str) -> Option<RuleAction> {
    let fits =
        |rule: &&PermissionRule| matches(&rule.permission, permission) && matches(&rule.pattern, pattern);
    rules.iter().rev().find(fits).map(|rule| rule.action)
}

/// The rules for a session that hold a dispatch to what the person allows, and the person's agent to what the dispatch
/// leaves it.
pub fn narrow(person: &[PermissionRule], dispatch: &[PermissionRule]) -> Vec<PermissionRule> {
    let mut rules: Vec<PermissionRule> = Vec::new();
    for wanted in dispatch {
        match wanted.action {
            RuleAction::Deny => rules.push(wanted.clone()),
            // For subagents, who are not told of an `ask`.
            RuleAction::Ask => {
                rules.push(with(wanted, RuleAction::Deny));
                give(&mut rules, within(person, wanted));
            }
            // Gives back what an earlier rule of the dispatch took, up to what the person allows.
            RuleAction::Allow => {
                if rules.iter().any(|rule| touches(rule, wanted)) {
                    give(&mut rules, within(person, wanted));
                }
            }
        }
        if rules.len() > limits::SESSION_RULES {
            return denials(dispatch);
        }
    }
    rules
}

/// The rules for a session when the person's own are not known, or are too many: all that the dispatch asks about or
/// denies is denied, which can widen nothing.
pub fn denials(dispatch: &[PermissionRule]) -> Vec<PermissionRule> {
    let narrows = dispatch.iter().filter(|rule| rule.action != RuleAction::Allow);
    narrows.map(|rule| with(rule, RuleAction::Deny)).collect()
}

/// Those of a session's rules that its subagents get too.
pub fn of_subagents(session: &[PermissionRule]) -> Vec<PermissionRule> {
    session.iter().filter(|rule| rule.action == RuleAction::Deny).cloned().collect()
}

/// The rule of the setting "ask before commands".
pub fn ask_before_commands() -> PermissionRule {
    PermissionRule { permission: "bash".into(), pattern: "*".into(), action: RuleAction::Ask }
}

/// The person's rules inside of `wanted`, none of them wider than it.
fn within(person: &[PermissionRule], wanted: &PermissionRule) -> Vec<PermissionRule> {
    // Where the person has no rule they are asked.
    let mut block = vec![with(wanted, wanted.action.max(RuleAction::Ask))];
    for rule in person {
        let action = wanted.action.max(rule.action);
        match (meet(&wanted.permission, &rule.permission), meet(&wanted.pattern, &rule.pattern)) {
            (Meet::Nowhere, _) | (_, Meet::Nowhere) => {}
            (Meet::In(permission), Meet::In(pattern)) => {
                let (permission, pattern) = (permission.to_owned(), pattern.to_owned());
                let met = PermissionRule { permission, pattern, action };
                if (&met.permission, &met.pattern) == (&wanted.permission, &wanted.pattern) {
                    // It holds for all of it: what came before does not count.
                    block.clear();
                }
                block.push(met);
            }
            _ => {
                let strictest = block.iter().map(|rule| rule.action).fold(action, RuleAction::max);
                block.push(with(wanted, strictest));
            }
        }
    }
    block
}

/// Puts a block after the rules; of just [`OUTSIDE`] only what denies, as a subagent's own denial would be undone by more.
fn give(rules: &mut Vec<PermissionRule>, block: Vec<PermissionRule>) {
    for rule in block {
        if rule.permission != OUTSIDE || rule.action == RuleAction::Deny {
            rules.push(rule);
            continue;
        }
        let says_so = |last: &PermissionRule| {
            last.action == rule.action
                && covers(&last.permission, &rule.permission)
                && covers(&last.pattern, &rule.pattern)
        };
        if !rules.iter().rev().find(|last| touches(last, &rule)).is_some_and(says_so) {
            rules.push(with(&rule, RuleAction::Deny));
        }
    }
}

fn touches(one: &PermissionRule, two: &PermissionRule) -> bool {
    overlap(&one.permission, &two.permission) && overlap(&one.pattern, &two.pattern)
}

fn with(rule: &PermissionRule, action: RuleAction) -> PermissionRule {
    PermissionRule { action, ..rule.clone() }
}

#[cfg(test)]
mod tests;
