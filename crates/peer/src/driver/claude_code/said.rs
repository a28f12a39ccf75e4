//! What `claude` says for people: the end of it, made safe.

use crate::driver::opencode::without_colours;
use crate::limits;
use orgx_proto::redact::Redacted;

/// Its last word.
#[derive(Debug, Default)]
pub(super) struct Said(Option<Redacted>);

impl Said {
    pub(super) fn take(&mut self, line: &[u8]) {
        let line = without_colours(&String::from_utf8_lossy(line));
        let line: String =
            line.trim().trim_start_matches("Error: ").chars().take(limits::CLAUDE_REASON_CHARS).collect();
        if !line.is_empty() {
            self.0 = Some(Redacted::without_paths(&line));
        }
    }

    pub(super) fn last(&self) -> Option<&Redacted> {
        self.0.as_ref()
    }
}
