//! How long a wait lasts, and what it says when nothing came.

use std::{fmt, time::Duration};

/// The time every wait of the sandbox lasts: longer than any healthy exchange on a busy machine.
pub const WAIT: Duration = Duration::from_secs(30);

/// What was awaited did not come in time.
#[derive(Debug, Clone)]
pub struct Timeout {
    /// What was awaited, in the words of the one who waited.
    pub what: String,
    /// What had arrived by then, one short line each.
    pub arrived: Vec<String>,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waited {} s for {}", WAIT.as_secs(), self.what)?;
        if self.arrived.is_empty() {
            return write!(f, "; nothing arrived");
        }
        write!(f, "; {} arrived:", self.arrived.len())?;
        for line in &self.arrived {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Timeout {}

/// Cuts a text to what fits in one line of a report.
pub(crate) fn brief(text: &str) -> String {
    const LONGEST: usize = 160;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST).collect();
    short.push('…');
    short
}
