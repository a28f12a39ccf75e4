//! A pattern's tree in the syntax of the `regex` crate, every class and boundary spelled out.
//!
//! The engine sees text as [`text`](super::text) prepares it, so a unit here is a character there.

use std::fmt::Write;

use super::js::{Assert, Node, UnitSet};
use super::text::unit_as_char;

/// Whether [`regex()`] is the pattern itself.
pub(super) fn is_exact(node: &Node) -> bool {
    !matches!(node, Node::Look { .. } | Node::BackRef(_)) && node.children().into_iter().all(is_exact)
}

/// The pattern for the `regex` crate. What the crate cannot say is left open, so that this matches whenever
/// the pattern does: look-arounds hold, and back-references match any text.
pub(super) fn regex(node: &Node) -> String {
    let mut out = String::new();
    write_node(node, &mut out);
    out
}

fn write_node(node: &Node, out: &mut String) {
    match node {
        Node::Empty | Node::Look { .. } => out.push_str("(?:)"),
        Node::BackRef(_) => out.push_str("(?s:.*)"),
        Node::Unit(unit) => write_unit(*unit, out),
        Node::Class(set) => write_class(set, out),
        Node::Assert(assert) => out.push_str(match assert {
            Assert::Start => r"\A",
            Assert::End => r"\z",
            Assert::WordBoundary => r"(?-u:\b)",
            Assert::NotWordBoundary => r"(?-u:\B)",
        }),
        Node::Group { body, .. } => wrap(body, out),
        Node::Concat(parts) => {
            for part in parts {
                if matches!(part, Node::Alt(_)) { wrap(part, out) } else { write_node(part, out) }
            }
        }
        Node::Alt(branches) => {
            for (position, branch) in branches.iter().enumerate() {
                if position > 0 {
                    out.push('|');
                }
                write_node(branch, out);
            }
        }
        Node::Repeat { body, min, max, .. } => {
            wrap(body, out);
            write_quantifier(*min, *max, out);
        }
    }
}

fn wrap(body: &Node, out: &mut String) {
    out.push_str("(?:");
    write_node(body, out);
    out.push(')');
}

fn write_unit(unit: u16, out: &mut String) {
    let c = unit_as_char(unit);
    if c.is_ascii_alphanumeric() || c == '_' {
        out.push(c);
    } else {
        let _infallible = write!(out, "\\x{{{:X}}}", u32::from(c));
    }
}

fn write_class(set: &UnitSet, out: &mut String) {
    if set.ranges().is_empty() {
        out.push_str(r"[^\x{0}-\x{10FFFF}]");
        return;
    }
    out.push('[');
    for &(low, high) in set.ranges() {
        for (first, last) in [(0, 0xD7FF), (0xD800, 0xDFFF), (0xE000, u16::MAX)] {
            let (low, high) = (low.max(first), high.min(last));
            if low <= high {
                write_unit(low, out);
                out.push('-');
                write_unit(high, out);
            }
        }
    }
    out.push(']');
}

/// Greedy or not is all the same here: both match the same texts.
fn write_quantifier(min: u32, max: Option<u32>, out: &mut String) {
    let _infallible = match (min, max) {
        (0, None) => out.write_char('*'),
        (1, None) => out.write_char('+'),
        (0, Some(1)) => out.write_char('?'),
        (min, None) => write!(out, "{{{min},}}"),
        (min, Some(max)) => write!(out, "{{{min},{max}}}"),
    };
}
