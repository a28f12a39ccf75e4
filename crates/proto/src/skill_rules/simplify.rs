//! Parts that can never match, or only the empty string, are taken out of a tree, as are counts that no text
//! reaches.
//!
//! Each step keeps the meaning exactly. What is left is easier to run: neither engine likes `(?:)*` or
//! `(?![])`.

use std::convert::Infallible;

use super::js::{Node, UnitSet};
use super::limits;

/// The same pattern without parts that do nothing.
pub(super) fn simplify(node: Node) -> Node {
    let Ok(node) = node.map_children(|_, child| Ok::<_, Infallible>(simplify(child)));
    match node {
        Node::Concat(parts) => concat(parts),
        Node::Alt(branches) => alternatives(branches),
        Node::Group { body, .. } if *body == Node::Empty || is_never(&body) => *body,
        Node::Look { negative, body, .. } if *body == Node::Empty => empty_if(!negative),
        Node::Look { negative, body, .. } if is_never(&body) => empty_if(negative),
        Node::Repeat { body, min, max, greedy } => repeat(body, min, max, greedy),
        other => other,
    }
}

fn concat(mut parts: Vec<Node>) -> Node {
    if parts.iter().any(is_never) {
        return never();
    }
    parts.retain(|part| *part != Node::Empty);
    if parts.is_empty() { Node::Empty } else { Node::Concat(parts) }
}

fn alternatives(mut branches: Vec<Node>) -> Node {
    branches.retain(|branch| !is_never(branch));
    if branches.is_empty() {
        return never();
    }
    if branches.iter().all(|branch| *branch == Node::Empty) { Node::Empty } else { Node::Alt(branches) }
}

fn repeat(body: Box<Node>, min: u32, max: Option<u32>, greedy: bool) -> Node {
    let more_than_any_text = |count: u32| count as usize > limits::TEXT_BYTES;
    let takes_nothing = matches!(*body, Node::Empty | Node::Look { .. });
    if max == Some(0) || (min == 0 && (takes_nothing || is_never(&body))) {
        return Node::Empty;
    }
    if takes_nothing || is_never(&body) {
        return *body;
    }
    if more_than_any_text(min) && !body.can_be_empty() {
        return never();
    }
    Node::Repeat { body, min, max: max.filter(|max| !more_than_any_text(*max)), greedy }
}

fn empty_if(condition: bool) -> Node {
    if condition { Node::Empty } else { never() }
}

fn never() -> Node {
    Node::Class(UnitSet::default())
}

fn is_never(node: &Node) -> bool {
    matches!(node, Node::Class(set) if set.ranges().is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::js;
    use super::*;

    #[test]
    fn what_does_nothing_is_taken_out() {
        for (pattern, same_as) in [
            ("a(?:)b()*", "ab"),
            ("a|[]|b[]", "a"),
            ("(?![])a", "a"),
            ("(?!)a", "[]"),
            ("(?=)|(?:)", ""),
            ("(?=a)*b", "b"),
            ("(?=a)+", "(?=a)"),
            ("a{0}b{0}", ""),
            ("[]*a", "a"),
            ("[]+a", "[]"),
            ("a{1,99999999999}", "a+"),
            ("a{99999}", "[]"),
        ] {
            let tree = |pattern: &str| bare(simplify(js::parse(pattern).unwrap()));
            assert_eq!(tree(pattern), tree(same_as), "{pattern}");
        }
    }

    /// Without lists of one.
    fn bare(node: Node) -> Node {
        match node {
            Node::Concat(mut parts) | Node::Alt(mut parts) if parts.len() == 1 => parts.remove(0),
            other => other,
        }
    }
}
