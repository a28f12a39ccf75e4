//! Every number of this crate that a person could run into, with its unit and its reason.
//! (Skill rules have their own, in [`crate::skill_rules::limits`].)

use std::time::Duration;

/// Longest `run_id`, `idempotency_key` or driver id taken from a dispatch, in bytes.
pub const ID_BYTES: usize = 256;
/// Longest folder path taken from a dispatch, in bytes: what Linux itself takes (`PATH_MAX`).
pub const PATH_BYTES: usize = 4096;
/// Levels of nesting taken in JSON: serde_json's own bound, checked before anything is built.
pub const JSON_DEPTH: usize = 127;
/// Longest model or agent name taken from a dispatch, in bytes; a longer one is no name, and is ignored.
pub const NAME_BYTES: usize = 128;
/// Permission rules taken from a dispatch; one with more is refused, since to leave some out would widen it.
pub const PERMISSION_RULES: usize = 100;
/// Longest kind of permission in such a rule, in bytes; likewise.
pub const PERMISSION_BYTES: usize = 64;
/// Longest pattern in such a rule, in bytes; likewise.
pub const PATTERN_BYTES: usize = 512;
/// Permission rules that a session is given at most, after they were narrowed by the person's own; past it, what the
/// dispatch asks about or denies is simply denied.
pub const SESSION_RULES: usize = 1_000;
/// Used when a dispatch names no usable `timeout_seconds`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// The longest `timeout_seconds` that is honoured: a week. A longer one is cut to it.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// First wait after a lost socket; each further one doubles. PROTOCOL: contract A2.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// The longest wait before its jitter. PROTOCOL: contract A2.
pub const BACKOFF_CAP: Duration = Duration::from_secs(30);
/// Jitter either way, in percent, applied after the cap. PROTOCOL: contract A2.
pub const BACKOFF_JITTER_PERCENT: u32 = 20;
/// How long to wait when OrgX said no in a way that a retry will hardly change (401, 403, the close codes that
/// mean "do not come back", a plain 1000): rare enough to be polite, often enough to heal by itself.
pub const SLOW_RETRY: Duration = Duration::from_secs(5 * 60);
/// The longest `Retry-After` that is honoured; a longer one is cut to it.
pub const RETRY_AFTER_CAP: Duration = Duration::from_secs(60 * 60);
/// A socket that is not open after this long is given up.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that lasted this long resets the backoff; a shorter one does not, so that a server which closes
/// right after the handshake makes no hot loop.
pub const CONNECTION_LASTED: Duration = Duration::from_secs(10);
/// How often a ping goes out on an open socket.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// A socket that has said nothing for this long after a ping is dead. With [`PING_EVERY`]: found within 45 s.
pub const PONG_WITHIN: Duration = Duration::from_secs(20);
/// How often the clocks are looked at for a sleep of the computer: a woken one reconnects within this time.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Time that passed while no timer ran; more of it is a sleep of the computer.
pub const SLEPT: Duration = Duration::from_secs(5);
/// A look that comes this much late means a sleep, too, where timers run on meanwhile: no busy computer is as late.
pub const LATE: Duration = Duration::from_secs(30);

/// While frames are unconfirmed, one barrier ping goes out at most this often. PROTOCOL: design, promise 2.
pub const BARRIER_EVERY: Duration = Duration::from_millis(200);
/// Frames kept while offline; past it the oldest steps go.
pub const QUEUE_FRAMES: usize = 10_000;
/// Bytes kept while offline; past it the oldest steps go.
pub const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// Tries of a receipt that OrgX refuses with a plain 4xx, before it is shown as refused.
pub const RECEIPT_REFUSALS: u32 = 5;

/// Runs at once, unless configured otherwise.
pub const CONCURRENT_RUNS: usize = 2;
/// Dispatches waiting for their turn; one more is refused as recoverable.
pub const QUEUED_DISPATCHES: usize = 5_000;
/// Text of waiting dispatches in bytes; one more is refused as recoverable.
pub const QUEUED_BYTES: usize = 64 * 1024 * 1024;
/// The longest that the person is waited for. Design, settled details.
pub const ASK_WITHIN: Duration = Duration::from_secs(30 * 60);
/// So long before a task's time is up nobody is waited for any more: what comes of a no is still in time.
pub const ASK_BEFORE_END: Duration = Duration::from_secs(60);
/// Things that one run's agent may ask at a time: nobody reads more. One more is declined, and a step says so.
pub const OPEN_ASKS: usize = 32;
/// Questions that an agent may ask at once. More are declined with a word, and a step says so.
pub const ASKED_QUESTIONS: usize = 16;
/// Choices that a question may have.
pub const ASKED_CHOICES: usize = 32;
/// Things that the person allows for one run; past it the oldest is asked about again.
pub const ALLOWED_FOR_RUN: usize = 256;
/// Longest answer or reason of the person's own, in characters; a longer one is refused, and asked for again.
pub const ANSWER_CHARS: usize = 4_000;
/// How long an agent may take from "start" to a session that can be prompted: a cold OpenCode takes 3 to 10 s,
/// a first start after an update longer.
pub const START_WITHIN: Duration = Duration::from_secs(90);
/// How long an agent that was asked to stop may take before its run is ended without it.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);
/// A run that a peer before us began is looked at for this long, however late it is: it may have ended in time.
pub const RESUME_GRACE: Duration = Duration::from_secs(30);
/// Spent dispatch keys kept in memory, oldest ended first to go.
pub const KEPT_RUNS: usize = 10_000;

/// Longest step summary on the wire, in characters.
pub const SUMMARY_CHARS: usize = 500;
/// Longest evidence reference on the wire and in the outbox, in characters.
pub const REF_CHARS: usize = 256;
/// Longest failure reason on the wire, in characters. PROTOCOL: contract C9.
pub const REASON_CHARS: usize = 500;
/// Longest tool name in the outbox, in characters. PROTOCOL: contract D2.
pub const TOOL_NAME_CHARS: usize = 48;

/// Questions of all runs that are asked at OrgX at a time, with remote attention on; more stay on this computer.
pub const REMOTE_ITEMS: usize = 100;
/// So long after OrgX refused v3 the next connection offers it again.
pub const V3_AGAIN: Duration = Duration::from_secs(10 * 60);
/// How often OrgX is asked whether somebody answered there. PROTOCOL: anchors 0.7.
pub const REMOTE_POLL_EVERY: Duration = Duration::from_secs(2);
/// The longest that one question is asked after. PROTOCOL: anchors 0.7.
pub const REMOTE_POLL_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Calls about remote attention that are under way at once.
pub const REMOTE_CALLS: usize = 8;
/// How often one word on an answer (`answer_received`, `resumed`) is posted until OrgX takes it; it goes over the socket,
/// too. With the backoff: for a minute and a half.
pub const REMOTE_POSTS: u32 = 8;
/// Such words kept for posting, oldest first to go.
pub const REMOTE_WAITING_POSTS: usize = 1_000;
/// Decisions of OrgX and keys of its answers that are remembered after they are over, oldest first to go: a late or a
/// repeated answer is then known for what it is.
pub const REMOTE_KEPT: usize = 1_000;
/// Answers that came before the question's own id did: kept until that comes.
pub const REMOTE_EARLY: usize = 64;
/// Longest text of a person's answer or note taken from OrgX, in bytes.
pub const REMOTE_ANSWER_BYTES: usize = 8 * 1024;
/// Options or answers taken of one answer from OrgX.
pub const REMOTE_ANSWERS: usize = 64;
/// Longest command, file, address or question that is shown at OrgX, in characters.
pub const REMOTE_TEXT_CHARS: usize = 500;
/// Options of one question that are shown at OrgX.
pub const REMOTE_OPTIONS: usize = 32;

/// Longest summary of a session that is kept, in characters: what a person reads, not a transcript.
pub const LIFECYCLE_SUMMARY_CHARS: usize = 4_000;
/// Longest title of a session that is kept, in characters.
pub const LIFECYCLE_TITLE_CHARS: usize = 200;
