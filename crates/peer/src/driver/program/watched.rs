//! A program that is being followed: what it says on both pipes, until it is over, and its end when it is told to.

use super::{Pipes, Process};
use crate::limits;
use tokio::time::{Instant, sleep_until};

/// Something that a program said.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::driver) enum Piece {
    /// A line on its standard output.
    Line(Vec<u8>),
    /// A line for people, on its standard error.
    Word(Vec<u8>),
    /// A line on its standard output that was too long to take.
    TooLong,
}

/// One program, from its first word to its last.
#[derive(Debug)]
pub(in crate::driver) struct Watched {
    pipes: Pipes,
    kill_at: Option<Instant>,
    /// It has ended; what it still had to say is waited for until then.
    last_words: Option<Instant>,
}

impl Watched {
    /// `line_bytes`: the longest line that is taken from its standard output.
    pub(in crate::driver) fn new(process: &mut Process, line_bytes: usize) -> Self {
        Self { pipes: Pipes::of(process, line_bytes), kill_at: None, last_words: None }
    }

    /// What it says next; `None` once it is over. Nothing is lost when this is dropped before it is there.
    pub(in crate::driver) async fn next(&mut self, process: &mut Process) -> Option<Piece> {
        while !(self.pipes.is_over() && self.last_words.is_some()) {
            tokio::select! {
                piece = self.pipes.next(), if !self.pipes.is_over() => if piece.is_some() {
                    return piece;
                },
                () = process.over(), if self.last_words.is_none() => {
                    self.last_words = Some(Instant::now() + limits::CLI_LAST_WORDS);
                    // What it left behind was begun for this run, and may hold its terminal.
                    process.kill();
                }
                () = until(self.last_words) => return None,
                () = until(self.kill_at) => {
                    process.kill();
                    self.kill_at = None;
                }
            }
        }
        None
    }

    /// Lets it be asked to end, and killed with its group when it does not. Once is enough.
    pub(in crate::driver) fn stop(&mut self, process: &mut Process) {
        if self.kill_at.is_none() && self.last_words.is_none() && !process.was_told() {
            process.terminate();
            self.kill_at = Some(Instant::now() + limits::CLI_STOP);
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
