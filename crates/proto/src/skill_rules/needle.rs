//! The texts a rule cannot match without: "`max_attempts` or `maxattempts` must occur".
//!
//! Only ever a necessary condition, so leaving one out is safe and inventing one is not.

use super::js::Node;
use super::text::unit_as_char;

/// Alternatives kept; past it, the condition is given up rather than long.
const MOST: usize = 16;
/// Members of a class that are spelled out, as in `[Tt]oken`.
const MOST_IN_CLASS: usize = 4;
/// A longer text than this is no better.
const LONG_ENOUGH: usize = 8;
/// A text this long is not made longer.
const LONGEST: usize = 64;

/// Texts of which every matching text contains at least one; none if there is no such condition.
pub(super) fn needles(node: &Node) -> Option<Vec<String>> {
    let found = Found::of(node);
    better(found.needed, found.exact)
}

/// What is known about the matches of a node.
struct Found {
    /// All of them, when they are few.
    exact: Option<Vec<String>>,
    /// Texts of which one occurs in the whole text whenever the node matches.
    needed: Option<Vec<String>>,
}

impl Found {
    const NOTHING: Self = Self { exact: None, needed: None };

    fn exactly(texts: Vec<String>) -> Self {
        Self { exact: Some(texts), needed: None }
    }

    fn of(node: &Node) -> Self {
        match node {
            Node::Empty | Node::Assert(_) | Node::Look { negative: true, .. } => {
                Self::exactly(vec![String::new()])
            }
            Node::Unit(unit) => Self::exactly(vec![unit_as_char(*unit).to_string()]),
            Node::Class(set) => {
                set.few(MOST_IN_CLASS).filter(|units| !units.is_empty()).map_or(Self::NOTHING, |units| {
                    Self::exactly(units.into_iter().map(|unit| unit_as_char(unit).to_string()).collect())
                })
            }
            Node::Look { negative: false, body, .. } => {
                let inner = Self::of(body);
                Self { exact: Some(vec![String::new()]), needed: better(inner.needed, inner.exact) }
            }
            Node::BackRef(_) => Self::NOTHING,
            Node::Group { body, .. } => Self::of(body),
            Node::Concat(parts) => Self::of_parts(parts),
            Node::Alt(branches) => Self::of_branches(branches),
            Node::Repeat { body, min, max, .. } => Self::of_repeat(Self::of(body), *min, *max),
        }
    }

    fn of_parts(parts: &[Node]) -> Self {
        let (mut run, mut whole, mut needed) = (vec![String::new()], true, None);
        for part in parts {
            let found = Self::of(part);
            needed = better(needed, found.needed);
            match found.exact {
                Some(next) if run.len() * next.len() <= MOST && longest(&run) < LONGEST => {
                    run = run.iter().flat_map(|a| next.iter().map(move |b| format!("{a}{b}"))).collect();
                }
                other => {
                    needed = better(needed, Some(run));
                    run = other.unwrap_or_else(|| vec![String::new()]);
                    whole = false;
                }
            }
        }
        if whole {
            Self { exact: Some(run), needed }
        } else {
            Self { exact: None, needed: better(needed, Some(run)) }
        }
    }

    fn of_branches(branches: &[Node]) -> Self {
        let (mut exact, mut needed) = (Some(Vec::new()), Some(Vec::new()));
        for found in branches.iter().map(Self::of) {
            let one = better(found.needed, found.exact.clone());
            exact = joined(exact, found.exact);
            needed = joined(needed, one);
        }
        Self { exact, needed }
    }

    fn of_repeat(body: Self, min: u32, max: Option<u32>) -> Self {
        match (min, max) {
            (1, Some(1)) => body,
            (0, Some(1)) => Self { exact: joined(body.exact, Some(vec![String::new()])), needed: None },
            (0, _) => Self::NOTHING,
            _ => Self { exact: None, needed: better(body.needed, body.exact) },
        }
    }
}

fn joined(a: Option<Vec<String>>, b: Option<Vec<String>>) -> Option<Vec<String>> {
    let mut all = a?;
    all.extend(b?);
    (all.len() <= MOST).then_some(all)
}

fn longest(texts: &[String]) -> usize {
    texts.iter().map(String::len).max().unwrap_or_default()
}

/// The condition that fewer texts meet: whose shortest alternative is longer, then the one with fewer.
fn better(a: Option<Vec<String>>, b: Option<Vec<String>>) -> Option<Vec<String>> {
    let worth = |texts: &Vec<String>| {
        let shortest = texts.iter().map(String::len).min().unwrap_or_default();
        (shortest.min(LONG_ENOUGH), MOST.saturating_sub(texts.len()))
    };
    [a, b].into_iter().flatten().filter(|texts| worth(texts).0 > 0).max_by_key(worth)
}

#[cfg(test)]
mod tests {
    use super::super::js;
    use super::*;

    #[test]
    fn what_a_pattern_cannot_match_without() {
        for (pattern, expected) in [
            ("max_?attempts", vec!["max_attempts", "maxattempts"]),
            (r"\b[Tt]oken\b", vec!["Token", "token"]),
            ("retry|backoff", vec!["retry", "backoff"]),
            ("retry|[a-z]+", vec![]),
            (r"ab+\d*config.*x", vec!["config"]),
            ("^(?!.*test)", vec![]),
            ("^(?=.*secret)(?!.*test)", vec!["secret"]),
            ("foo(?=bar)baz", vec!["foobaz"]),
            (r"(\w+) = \1", vec![" = "]),
            ("(?:abc)*", vec![]),
            ("(?:abc){2,}", vec!["abc"]),
            ("", vec![]),
        ] {
            let found = needles(&js::parse(pattern).unwrap()).unwrap_or_default();
            assert_eq!(found, expected, "{pattern}");
        }
    }
}
