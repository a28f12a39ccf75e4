//! Cuts a byte stream into lines, with a bound: what NDJSON and SSE have in common.
//!
//! A line longer than the bound is skipped and counted; characters split across chunks are whole in their line.

use crate::limits;

/// Collects chunks, gives out lines.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Longest line taken, in bytes.
    bound: usize,
    partial: Vec<u8>,
    /// Is the current line over the bound, and being skipped?
    skipping: bool,
    skipped: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self::bounded(limits::LINE_BYTES)
    }
}

impl Lines {
    /// Takes lines of up to `bound` bytes.
    pub(crate) fn bounded(bound: usize) -> Self {
        Self { bound, partial: Vec::new(), skipping: false, skipped: 0 }
    }

    /// Takes a chunk; calls `line` for each line that it ends, without its line break.
    pub(crate) fn push(&mut self, mut chunk: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            self.take(&chunk[..end]);
            chunk = &chunk[end + 1..];
            if !self.skipping {
                line(self.partial.strip_suffix(b"\r").unwrap_or(&self.partial));
            }
            self.partial.clear();
            self.skipping = false;
        }
        self.take(chunk);
    }

    /// The stream ended: the last line, when it had no line break.
    pub(crate) fn finish(&mut self, line: impl FnOnce(&[u8])) {
        if !self.partial.is_empty() && !self.skipping {
            line(&self.partial);
        }
        self.partial.clear();
    }

    /// Lines that were too long, so far.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.partial.len() + bytes.len() > self.bound {
            self.skipping = true;
            self.skipped += 1;
            self.partial = Vec::new();
            return;
        }
        self.partial.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> (Vec<String>, u64) {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        let mut keep = |line: &[u8]| out.push(String::from_utf8_lossy(line).into_owned());
        for chunk in chunks {
            lines.push(chunk, &mut keep);
        }
        lines.finish(&mut keep);
        (out, lines.skipped())
    }

    #[test]
    fn lines_are_whole_whatever_the_chunks() {
        let text = "one\r\ntwo é\n\nthree".as_bytes();
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(lines(&[head, tail]).0, ["one", "two é", "", "three"], "cut at {cut}");
        }
    }

    #[test]
    fn a_line_of_the_bound_is_taken_and_a_longer_one_is_skipped_alone() {
        let fits = vec![b'a'; limits::LINE_BYTES];
        let long = vec![b'b'; limits::LINE_BYTES + 1];
        let (out, skipped) = lines(&[&fits, b"\n", &long, b"\n", b"after\n", &long]);
        assert_eq!((out.len(), skipped), (2, 2));
        assert_eq!(out[1], "after");
    }
}
