//! Which rules a text can match at all: an index from three bytes to the rules that need them.
//!
//! Each text a rule cannot do without (see [`needle`](super::needle)) is filed under one of its three-byte
//! pieces, the one that fewest others contain. One walk over a text then finds all rules it can match,
//! however many there are.

use std::collections::HashMap;

const GRAM: usize = 3;
const HASH_BITS: u32 = 18;

/// An index over rules numbered from 0.
#[derive(Debug, Default)]
pub(super) struct GramIndex {
    /// Rules that any text can match, as far as is known here.
    always: Vec<usize>,
    filed: HashMap<[u8; GRAM], Vec<usize>>,
    /// One bit for each hash of a gram in `filed`: most grams of a text are dismissed here.
    hashes: Vec<u64>,
    rules: usize,
}

impl GramIndex {
    /// An index of rules by what they need; without needles, or with a short one, a rule is always a
    /// candidate.
    pub(super) fn new(needles: &[Option<Vec<String>>]) -> Self {
        let fit = |texts: &&Vec<String>| texts.iter().all(|text| text.len() >= GRAM);
        let mut uses: HashMap<[u8; GRAM], usize> = HashMap::new();
        for text in needles.iter().filter_map(|texts| texts.as_ref().filter(fit)).flatten() {
            grams(text).for_each(|gram| *uses.entry(gram).or_default() += 1);
        }
        let hashes = if uses.is_empty() { Vec::new() } else { vec![0; 1 << (HASH_BITS - u64::BITS.ilog2())] };
        let mut index = Self { hashes, rules: needles.len(), ..Self::default() };
        for (rule, texts) in needles.iter().enumerate() {
            let Some(texts) = texts.as_ref().filter(fit) else {
                index.always.push(rule);
                continue;
            };
            for text in texts {
                let rarest = grams(text).min_by_key(|gram| uses.get(gram).copied().unwrap_or_default());
                index.file(rarest.unwrap_or_default(), rule);
            }
        }
        index
    }

    fn file(&mut self, gram: [u8; GRAM], rule: usize) {
        let (word, bit) = place(gram);
        if let Some(word) = self.hashes.get_mut(word) {
            *word |= bit;
        }
        self.filed.entry(gram).or_default().push(rule);
    }

    /// The rules that `text` may match, in order.
    pub(super) fn candidates(&self, text: &str) -> Vec<usize> {
        let mut found = self.always.clone();
        if !self.filed.is_empty() {
            let mut is_found = vec![false; self.rules];
            for gram in grams(text) {
                let (word, bit) = place(gram);
                if self.hashes.get(word).is_none_or(|word| word & bit == 0) {
                    continue;
                }
                for &rule in self.filed.get(&gram).into_iter().flatten() {
                    if !std::mem::replace(&mut is_found[rule], true) {
                        found.push(rule);
                    }
                }
            }
            found.sort_unstable();
        }
        found
    }
}

fn grams(text: &str) -> impl Iterator<Item = [u8; GRAM]> {
    text.as_bytes().array_windows().copied()
}

/// Where the bit of a gram is: the word, and the bit in it. Multiplication by an odd constant spreads the
/// bytes.
fn place([a, b, c]: [u8; GRAM]) -> (usize, u64) {
    const SPREAD: u32 = 0x9E37_79B1;
    let hash = u32::from_be_bytes([0, a, b, c]).wrapping_mul(SPREAD) >> (u32::BITS - HASH_BITS);
    (hash as usize / 64, 1 << (hash % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_whose_needles_occur_are_candidates() {
        let needs = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        let index = GramIndex::new(&[
            needs(&["retry_a", "retry_b"]),
            None,
            needs(&["retry_c"]),
            needs(&["ab"]),
            needs(&["größe"]),
        ]);
        assert_eq!(index.candidates(""), [1, 3]);
        assert_eq!(index.candidates("retry_ retry_c"), [1, 2, 3]);
        assert_eq!(index.candidates("retry_b größe retry_a"), [0, 1, 3, 4]);
    }
}
