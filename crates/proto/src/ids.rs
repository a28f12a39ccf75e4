//! Identifiers as types, so that a run id is never mistaken for a dispatch key.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it came; bounds are checked where it enters (see [`crate::message`]).
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// OrgX's name for one run (`run_id`).
    RunId
}
id! {
    /// OrgX's name for one dispatch (`idempotency_key`): one key is one run, for ever.
    DispatchKey
}
id! {
    /// The agent's name for the session that a run lives in.
    SessionHandle
}
id! {
    /// The agent's name for something that it asks.
    AskId
}
id! {
    /// OrgX's name for something that it asks a person for us.
    DecisionId
}
id! {
    /// Which driver a task is for: `opencode`, `claude_code`, `codex`.
    DriverId
}

impl Default for DriverId {
    fn default() -> Self {
        Self::opencode()
    }
}

impl DriverId {
    /// The OpenCode driver.
    pub fn opencode() -> Self {
        Self::new("opencode")
    }

    /// The Claude Code driver.
    pub fn claude_code() -> Self {
        Self::new("claude_code")
    }
}
