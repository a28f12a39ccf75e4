//! Recursive descent over a pattern: alternatives, terms, groups and quantifiers.

use std::collections::HashMap;

use super::scan::{Scanner, ascii, digit};
use super::{Assert, Node, PatternError, UnitSet, class, escape, name};
use crate::skill_rules::limits;

const NOTHING_TO_REPEAT: PatternError = PatternError::Invalid("nothing to repeat");
const NO_SUCH_NAME: PatternError = PatternError::Invalid("\\k names a group that does not exist");

/// The tree of a pattern.
pub(crate) fn parse(pattern: &str) -> Result<Node, PatternError> {
    let scanner = Scanner::new(pattern);
    let (captures, named) = scanner.groups();
    let mut parser =
        Parser { scanner, captures, named, opened: 0, depth: 0, names: HashMap::new(), pending: Vec::new() };
    let mut node = parser.alternatives()?;
    if parser.scanner.peek().is_some() {
        return Err(PatternError::Invalid("a closing parenthesis has no opening one"));
    }
    parser.resolve_names(&mut node)?;
    Ok(node)
}

struct Parser {
    scanner: Scanner,
    /// Groups that capture, in the whole pattern: `\2` is a back-reference only where there are two.
    captures: usize,
    /// Whether any group has a name: only then is `\k` a back-reference.
    named: bool,
    opened: usize,
    depth: usize,
    names: HashMap<String, usize>,
    /// The names that `\k<name>` asked for, one for each [`Node::BackRef`] numbered past `captures`.
    pending: Vec<String>,
}

/// A term, and whether a quantifier may follow it.
struct Term {
    node: Node,
    repeatable: bool,
}

impl Parser {
    fn alternatives(&mut self) -> Result<Node, PatternError> {
        let mut branches = vec![self.sequence()?];
        while self.scanner.eat("|") {
            branches.push(self.sequence()?);
        }
        Ok(one_or(branches, Node::Alt))
    }

    fn sequence(&mut self) -> Result<Node, PatternError> {
        let mut parts = Vec::new();
        while let Some(unit) = self.scanner.peek() {
            if matches!(ascii(unit), '|' | ')') {
                break;
            }
            let term = self.term()?;
            parts.push(self.quantified(term)?);
        }
        Ok(if parts.is_empty() { Node::Empty } else { one_or(parts, Node::Concat) })
    }

    fn term(&mut self) -> Result<Term, PatternError> {
        let at = self.scanner.position();
        let unit = self.scanner.next().unwrap_or_default();
        let atom = |node| Ok(Term { node, repeatable: true });
        let assertion = |assert| Ok(Term { node: Node::Assert(assert), repeatable: false });
        match ascii(unit) {
            '^' => assertion(Assert::Start),
            '$' => assertion(Assert::End),
            '.' => atom(Node::Class(UnitSet::dot())),
            '[' => atom(Node::Class(class::parse(&mut self.scanner, self.named)?)),
            '(' => self.group(),
            '*' | '+' | '?' => Err(NOTHING_TO_REPEAT),
            '{' => {
                self.scanner.back_to(at);
                if self.counts()?.is_some() {
                    return Err(NOTHING_TO_REPEAT);
                }
                self.scanner.next();
                atom(Node::Unit(unit))
            }
            '\\' if self.scanner.eat("b") => assertion(Assert::WordBoundary),
            '\\' if self.scanner.eat("B") => assertion(Assert::NotWordBoundary),
            '\\' => atom(self.atom_escape()?),
            _ => atom(Node::Unit(unit)),
        }
    }

    /// A term that begins with a backslash, which was just read.
    fn atom_escape(&mut self) -> Result<Node, PatternError> {
        if let Some(set) = self.scanner.peek().and_then(escape::class) {
            self.scanner.next();
            return Ok(Node::Class(set));
        }
        if self.named && self.scanner.eat("k") {
            if !self.scanner.eat("<") {
                return Err(PatternError::Invalid("\\k must name a group"));
            }
            self.pending.push(name::parse(&mut self.scanner)?);
            return Ok(Node::BackRef(self.captures + self.pending.len()));
        }
        let at = self.scanner.position();
        if self.scanner.peek().is_some_and(|unit| digit(unit, 10).is_some_and(|value| value > 0)) {
            let number = self.scanner.decimal().and_then(|number| usize::try_from(number).ok());
            if let Some(number) = number.filter(|number| *number <= self.captures) {
                return Ok(Node::BackRef(number));
            }
            self.scanner.back_to(at);
        }
        escape::unit(&mut self.scanner, false, self.named).map(Node::Unit)
    }

    /// A group or look-around whose `(` was just read.
    fn group(&mut self) -> Result<Term, PatternError> {
        let look = |behind, negative| Some((behind, negative));
        let (around, capture) = if !self.scanner.eat("?") {
            (None, Some(self.open(None)?))
        } else if self.scanner.eat(":") {
            (None, None)
        } else if self.scanner.eat("=") {
            (look(false, false), None)
        } else if self.scanner.eat("!") {
            (look(false, true), None)
        } else if self.scanner.eat("<=") {
            (look(true, false), None)
        } else if self.scanner.eat("<!") {
            (look(true, true), None)
        } else if self.scanner.eat("<") {
            let name = name::parse(&mut self.scanner)?;
            (None, Some(self.open(Some(name))?))
        } else {
            return Err(PatternError::Invalid("a group begins in an unknown way"));
        };
        self.depth += 1;
        if self.depth > limits::PATTERN_DEPTH {
            return Err(PatternError::TooDeep);
        }
        let body = Box::new(self.alternatives()?);
        self.depth -= 1;
        if !self.scanner.eat(")") {
            return Err(PatternError::Invalid("a group is not closed"));
        }
        Ok(match around {
            Some((behind, negative)) => {
                Term { node: Node::Look { behind, negative, body }, repeatable: !behind }
            }
            None => Term { node: Node::Group { capture, body }, repeatable: true },
        })
    }

    fn open(&mut self, name: Option<String>) -> Result<usize, PatternError> {
        self.opened += 1;
        if name.and_then(|name| self.names.insert(name, self.opened)).is_some() {
            return Err(PatternError::Invalid("two groups have the same name"));
        }
        Ok(self.opened)
    }

    fn quantified(&mut self, term: Term) -> Result<Node, PatternError> {
        let (min, max) = if self.scanner.eat("*") {
            (0, None)
        } else if self.scanner.eat("+") {
            (1, None)
        } else if self.scanner.eat("?") {
            (0, Some(1))
        } else if let Some(counts) = self.counts()? {
            counts
        } else {
            return Ok(term.node);
        };
        if !term.repeatable {
            return Err(NOTHING_TO_REPEAT);
        }
        let greedy = !self.scanner.eat("?");
        Ok(Node::Repeat { body: Box::new(term.node), min, max, greedy })
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else in braces is literal text, and the parser stays before it.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let at = self.scanner.position();
        let counts = self.read_counts();
        match counts {
            None => self.scanner.back_to(at),
            Some((min, Some(max))) if min > max => {
                return Err(PatternError::Invalid("the numbers of a quantifier are out of order"));
            }
            Some(_) => {}
        }
        Ok(counts)
    }

    fn read_counts(&mut self) -> Option<(u32, Option<u32>)> {
        if !self.scanner.eat("{") {
            return None;
        }
        let min = self.scanner.decimal()?;
        let max = if self.scanner.eat(",") { self.scanner.decimal() } else { Some(min) };
        self.scanner.eat("}").then_some((min, max))
    }

    /// Gives the back-references by name their numbers, now that all names are known.
    fn resolve_names(&self, node: &mut Node) -> Result<(), PatternError> {
        match node {
            Node::BackRef(number) if *number > self.captures => {
                let name = self.pending.get(*number - self.captures - 1).ok_or(NO_SUCH_NAME)?;
                *number = *self.names.get(name).ok_or(NO_SUCH_NAME)?;
                Ok(())
            }
            Node::Look { body, .. } | Node::Group { body, .. } | Node::Repeat { body, .. } => {
                self.resolve_names(body)
            }
            Node::Concat(parts) | Node::Alt(parts) => {
                parts.iter_mut().try_for_each(|part| self.resolve_names(part))
            }
            Node::Empty | Node::Unit(_) | Node::Class(_) | Node::Assert(_) | Node::BackRef(_) => Ok(()),
        }
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(node)) => node,
        (_, last) => {
            nodes.extend(last);
            many(nodes)
        }
    }
}
