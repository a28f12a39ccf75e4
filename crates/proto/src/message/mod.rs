//! The wire: frames of Gateway Protocol v1 and the attention frames of v3, one JSON object per text frame, told apart by `kind`.
//!
//! Strict in what we send, tolerant in what we take: unknown fields and kinds are
//! ignored, and nothing that arrives can be fatal. PROTOCOL: contract A3, A4, A6.

mod attention;
mod inbound;
mod named;
mod outbound;

pub use attention::{Continuation, ContinuationState, Resolution, ResolutionStatus, Resolve};
pub use inbound::{Cancel, Dispatch, Inbound, Task, parse};
pub use named::{Attribution, Scope, is_agent, is_model};
pub use outbound::{
    Completed, Deviation, Failed, Frame, OutcomeKind, Provider, Severity, SourceSubType, Started, Step,
    StepKind,
};
