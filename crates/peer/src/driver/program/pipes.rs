//! What a program says: lines on one pipe, words for people on the other. Both are always read, and bounded.

use super::{Piece, Process};
use crate::driver::lines::Lines;
use crate::limits;
use std::collections::VecDeque;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdout};

/// Both pipes.
#[derive(Debug)]
pub(super) struct Pipes {
    output: Option<ChildStdout>,
    words: Option<ChildStderr>,
    output_lines: Lines,
    word_lines: Lines,
    ready: VecDeque<Piece>,
}

impl Pipes {
    pub(super) fn of(process: &mut Process, line_bytes: usize) -> Self {
        let (output, words) = process.take_output();
        Self {
            output,
            words,
            output_lines: Lines::bounded(line_bytes),
            word_lines: Lines::bounded(limits::CLI_SAID_BYTES),
            ready: VecDeque::new(),
        }
    }

    /// Has it said everything?
    pub(super) fn is_over(&self) -> bool {
        self.output.is_none() && self.words.is_none() && self.ready.is_empty()
    }

    /// What comes next; `None`: no whole line. Nothing is lost when this is dropped before it is there.
    pub(super) async fn next(&mut self) -> Option<Piece> {
        if let Some(piece) = self.ready.pop_front() {
            return Some(piece);
        }
        let (mut one, mut two) = ([0; 8 * 1024], [0; 8 * 1024]);
        let ready = &mut self.ready;
        tokio::select! {
            read = read(self.output.as_mut(), &mut one) => {
                let skipped = self.output_lines.skipped();
                if read == 0 {
                    self.output = None;
                    self.output_lines.finish(|line| ready.push_back(Piece::Line(line.to_vec())));
                } else {
                    self.output_lines.push(&one[..read], |line| ready.push_back(Piece::Line(line.to_vec())));
                }
                ready.extend((skipped..self.output_lines.skipped()).map(|_| Piece::TooLong));
            }
            read = read(self.words.as_mut(), &mut two) => {
                if read == 0 {
                    self.words = None;
                    self.word_lines.finish(|line| ready.push_back(Piece::Word(line.to_vec())));
                } else {
                    self.word_lines.push(&two[..read], |line| ready.push_back(Piece::Word(line.to_vec())));
                }
            }
        }
        self.ready.pop_front()
    }
}

/// Zero at the end; waits for ever on a pipe that was read to its end before.
async fn read<R: tokio::io::AsyncRead + Unpin>(pipe: Option<&mut R>, into: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(into).await.unwrap_or_default(),
        None => std::future::pending().await,
    }
}
