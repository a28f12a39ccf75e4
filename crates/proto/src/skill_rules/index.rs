//! Which rules a text can match at all: an index from the texts that rules cannot do without to the rules.
//!
//! One walk over a text finds every such text in it (see [`needle`](super::needle)), however many there are, and
//! with them the few rules that are worth asking.

use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::HashMap;

/// Shorter needles are in nearly every text.
const NEEDLE_BYTES: usize = 2;

/// An index over rules numbered from 0.
#[derive(Debug, Default)]
pub(super) struct NeedleIndex {
    /// Rules that any text can match, as far as is known here.
    always: Vec<usize>,
    finder: Option<AhoCorasick>,
    /// For each needle of `finder`, the rules that need it.
    owners: Vec<Vec<usize>>,
    rules: usize,
}

impl NeedleIndex {
    /// An index of rules by what they need: one of these texts, or, without any or with a short one, nothing.
    pub(super) fn new(needles: &[Option<Vec<String>>]) -> Self {
        let mut index = Self { rules: needles.len(), ..Self::default() };
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        for (rule, texts) in needles.iter().enumerate() {
            let fit = |texts: &&Vec<String>| texts.iter().all(|text| text.len() >= NEEDLE_BYTES);
            let Some(texts) = texts.as_ref().filter(fit) else {
                index.always.push(rule);
                continue;
            };
            for text in texts {
                let number = *numbers.entry(text).or_insert_with(|| {
                    index.owners.push(Vec::new());
                    index.owners.len() - 1
                });
                index.owners[number].push(rule);
            }
        }
        let mut texts = vec![""; index.owners.len()];
        for (text, number) in &numbers {
            texts[*number] = text;
        }
        match AhoCorasick::builder().match_kind(MatchKind::Standard).build(texts) {
            Ok(finder) => index.finder = Some(finder),
            // Too many bytes for it, which the rules' own limits do not allow: then every rule is asked.
            Err(_) => index.always = (0..needles.len()).collect(),
        }
        index
    }

    /// The rules that `text` may match, in order.
    pub(super) fn candidates(&self, text: &str) -> Vec<usize> {
        let mut found = self.always.clone();
        let mut is_found = vec![false; self.rules];
        let needles = self.finder.iter().flat_map(|finder| finder.find_overlapping_iter(text));
        for needle in needles {
            for &rule in self.owners.get(needle.pattern().as_usize()).into_iter().flatten() {
                if !std::mem::replace(&mut is_found[rule], true) {
                    found.push(rule);
                }
            }
        }
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_whose_needles_occur_are_candidates() {
        let needs = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        let index = NeedleIndex::new(&[
            needs(&["retry_a", "retry_b"]),
            None,
            needs(&["retry_c"]),
            needs(&["a"]),
            needs(&["größe"]),
            needs(&["try"]),
        ]);
        assert_eq!(index.candidates(""), [1, 3]);
        assert_eq!(index.candidates("retry_ retry_c"), [1, 2, 3, 5], "needles that overlap are all found");
        assert_eq!(index.candidates("retry_b größe retry_a"), [0, 1, 3, 4, 5]);
        assert_eq!(NeedleIndex::new(&[]).candidates("x"), [0; 0]);
    }
}
