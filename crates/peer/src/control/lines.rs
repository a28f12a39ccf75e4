//! Reads lines with a bound. Unlike an agent's, a line that is too long ends the conversation: somebody asked for
//! something, and would wait for an answer for ever.

use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// A reader of lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    /// What came so far of a line that is not whole; kept here so that waiting may be given up and begun again.
    partial: Vec<u8>,
    limit: usize,
}

/// Why there is no next line.
#[derive(Debug)]
pub(super) enum LineError {
    /// It is longer than the limit.
    TooLong,
    /// The connection broke.
    Io(io::Error),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self { reader: BufReader::new(reader), partial: Vec::new(), limit }
    }

    /// The next line without its line break; `None` at the end. A last line without a line break counts.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        loop {
            let chunk = self.reader.fill_buf().await.map_err(LineError::Io)?;
            if chunk.is_empty() {
                let last = std::mem::take(&mut self.partial);
                return Ok((!last.is_empty()).then_some(last));
            }
            let (bytes, ended) = match chunk.iter().position(|byte| *byte == b'\n') {
                Some(at) => (&chunk[..at], true),
                None => (chunk, false),
            };
            if self.partial.len() + bytes.len() > self.limit {
                return Err(LineError::TooLong);
            }
            self.partial.extend_from_slice(bytes);
            let used = bytes.len() + usize::from(ended);
            self.reader.consume(used);
            if ended {
                let mut line = std::mem::take(&mut self.partial);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
        }
    }
}
