//! Every number of this crate that a person could run into, with its unit and its reason.

use std::time::Duration;

/// Largest WebSocket frame taken, in bytes.
pub const WS_FRAME_BYTES: usize = 1024 * 1024;
/// Largest WebSocket message taken, in bytes.
pub const WS_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that may wait inside the WebSocket before sending stops taking more.
pub const WS_WRITE_BYTES: usize = 1024 * 1024;
/// Messages between the actor and the socket's task.
pub const SOCKET_QUEUE: usize = 64;

/// Largest HTTP body read, in bytes.
pub const HTTP_BODY_BYTES: usize = 4 * 1024 * 1024;
/// How long one call to OrgX may take: its first answer after a deploy may need most of this.
pub const ORGX_CALL: Duration = Duration::from_secs(30);
/// How long one call to a local agent may take.
pub const AGENT_CALL: Duration = Duration::from_secs(20);
/// How long a local server may take to say who it is. One that is still starting may never answer.
pub const AGENT_PROBE: Duration = Duration::from_secs(2);

/// How often presence is told. PROTOCOL: contract B2.
pub const PRESENCE_EVERY: Duration = Duration::from_secs(20);
/// How often the license heartbeat goes. PROTOCOL: contract B1.
pub const LICENSE_EVERY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// When a license heartbeat that got no answer is tried again.
pub const LICENSE_RETRY: Duration = Duration::from_secs(10 * 60);
/// When a fetch of the skill rules that failed is tried again.
pub const RULES_RETRY: Duration = Duration::from_secs(60);
/// How long a run's matching waits for rules that are being fetched. Steps flow meanwhile.
pub const RULES_WAIT: Duration = Duration::from_secs(10);
/// Actions that wait for the rules, per run; past it the oldest go unmatched, and the log says so.
pub const RULES_BACKLOG: usize = 1_000;
/// How long looking at a task's folder may take: a network disk that is gone answers never.
pub const FOLDER_CHECK: Duration = Duration::from_secs(5);
/// How long taking back a run may take: an OpenCode that has to be started first takes up to [`MANAGED_START`].
pub const UNDO_WITHIN: Duration = Duration::from_secs(90);
/// Subagents' sessions of a session that a task goes on with, when all of them have to be given rules.
pub const SUBAGENTS: usize = 200;
/// Filters that git's settings may name for a folder; with more its working tree is not looked at.
pub const TREE_FILTERS: usize = 100;
/// How long git may take to say what a folder's working tree looks like; a run's start waits no longer for it. A cold
/// tree of 100,000 files takes about a second.
pub const TREE_LOOK: Duration = Duration::from_secs(2);
/// How much of git's answer is read: about 10,000 names of changed files. With more the count stops there.
pub const TREE_BYTES: u64 = 1024 * 1024;
/// When the end of a run that could not be written to the journal is tried again.
pub const JOURNAL_RETRY: Duration = Duration::from_secs(2);
/// How often the agents are looked at.
pub const DETECT_EVERY: Duration = Duration::from_secs(60);

/// Longest NDJSON or SSE line taken from an agent, in bytes; a longer one is skipped.
pub const LINE_BYTES: usize = 1024 * 1024;
/// Agent events waiting in one run; an NDJSON reader then waits, an SSE feed lets go and reads the state again.
pub const RUN_EVENTS: usize = 1_024;
/// An SSE feed that is silent for this long is dead: OpenCode sends a heartbeat every 10 s.
pub const FEED_SILENCE: Duration = Duration::from_secs(30);
/// How often a running session's state is asked for, in case an event never came.
pub const STATE_EVERY: Duration = Duration::from_secs(20);
/// First wait before a lost SSE feed is opened again; doubles up to [`FEED_BACKOFF_CAP`].
pub const FEED_BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// Longest wait before a lost SSE feed is opened again.
pub const FEED_BACKOFF_CAP: Duration = Duration::from_secs(5);
/// A feed that cannot be opened for this long has lost its server.
pub const FEED_LOST: Duration = Duration::from_secs(20);
/// So long after a run was held its session is looked at again, and stopped again: an abort between a prompt and the
/// work stops nothing. What the person does in it later is theirs.
pub const HOLD_SETTLES: Duration = Duration::from_secs(10);
/// Below this many percent of a battery that is being used the computer may sleep in the middle of a run: what is left
/// is for shutting down in order.
pub const BATTERY_LOW_PERCENT: u8 = 10;
/// How often the battery is looked at while the computer is kept awake.
pub const BATTERY_EVERY: Duration = Duration::from_secs(60);
/// Model answers in a row that end without a reason. OpenCode asks again at once, for ever.
pub const RUNAWAY_ANSWERS: u32 = 10;

/// Patterns of a permission that are shown; the rest are counted.
pub const ASK_PATTERNS: usize = 16;
/// Longest of them, in characters.
pub const ASK_PATTERN_CHARS: usize = 300;

/// Longest command line of a permission that is shown, in characters.
pub const ASK_COMMAND_CHARS: usize = 4_000;
/// Longest file name of a permission that is shown, in characters.
pub const ASK_FILE_CHARS: usize = 500;
/// Longest question, or description of a choice, in characters.
pub const ASK_TEXT_CHARS: usize = 1_000;
/// Longest label of a choice, or head of a question, in characters: OpenCode wants five words.
pub const ASK_LABEL_CHARS: usize = 200;
/// Patterns of a permission kept whole, to know the same again; more of them become a digest.
pub const ASK_PATTERNS_KEPT: usize = 64;
/// Longest of them, in characters.
pub const ASK_PATTERN_KEPT: usize = 4_000;

/// Largest OpenCode state file read, in bytes.
pub const STATE_FILE_BYTES: u64 = 64 * 1024;
/// How long our own `opencode serve` may take to say where it listens.
pub const MANAGED_START: Duration = Duration::from_secs(60);
/// What our own `opencode serve` may say on its terminal before that is cleared, in bytes; looked at every second.
pub const MANAGED_OUTPUT_BYTES: u64 = 64 * 1024;
/// How often what it says is copied, made safe, into the log that people see.
pub const AGENT_LOG_EVERY: Duration = Duration::from_secs(1);
/// What is copied of it at once, in bytes: a flood is left out, and the log says how much of it.
pub const AGENT_LOG_BURST: u64 = 64 * 1024;
/// Largest log of OpenCode's server, in bytes; past it a new one is begun, and one old one kept.
pub const AGENT_LOG_BYTES: u64 = 128 * 1024;
/// Our own `opencode serve` may end by itself this often within [`MANAGED_CRASH_WINDOW`]; then it is left alone.
pub const MANAGED_CRASHES: usize = 3;
/// How long such an end counts.
pub const MANAGED_CRASH_WINDOW: Duration = Duration::from_secs(10 * 60);
/// First wait before our own `opencode serve` is started again that ended by itself; doubles with each time.
pub const MANAGED_BACKOFF: Duration = Duration::from_secs(1);
/// How long `opencode run` may take to end when it is told to, before it is killed.
pub const CLI_STOP: Duration = Duration::from_secs(3);
/// How long the last words of an `opencode run` that has ended are waited for: a program that the agent left running
/// may hold its terminal.
pub const CLI_LAST_WORDS: Duration = Duration::from_secs(1);
/// How much of the end of what `opencode run` says on its terminal is kept, in lines.
pub const CLI_SAID_LINES: usize = 5;
/// Longest line taken from its terminal, in bytes.
pub const CLI_SAID_BYTES: usize = 8 * 1024;
/// Longest line taken from `claude`, in bytes: it quotes whole files when it has read or written one.
pub const CLAUDE_LINE_BYTES: usize = 8 * 1024 * 1024;
/// Longest reason taken from `claude`, in characters. PROTOCOL: contract E2.
pub const CLAUDE_REASON_CHARS: usize = 300;
/// How often Claude Code is asked for its version and sign-in, which takes a program of its own.
pub const CLAUDE_DETECT_EVERY: Duration = Duration::from_secs(10 * 60);
/// Our own `opencode serve` ends after this long without a run.
pub const MANAGED_IDLE: Duration = Duration::from_secs(10 * 60);
/// How long our own `opencode serve` may take to end by itself before it is killed.
pub const MANAGED_STOP: Duration = Duration::from_secs(3);

/// Longest outbox line, in bytes; a longer one is not written, and counted.
pub const OUTBOX_LINE_BYTES: usize = 64 * 1024;
/// Outbox lines that may wait for a slow disk; past it lines are dropped, counted and told.
pub const OUTBOX_QUEUE: usize = 10_000;

/// What is read of the end of an outbox when it is opened, in bytes: some thousands of lines.
pub const OUTBOX_TAIL_BYTES: u64 = 1024 * 1024;

/// Steps of one run kept in memory, and deviations: the newest of them.
pub const TIMELINE_STEPS: usize = 500;
/// Ended runs whose steps are kept in memory: the newest.
pub const TIMELINE_RUNS: usize = 50;
/// Longest title shown, in characters.
pub const TITLE_CHARS: usize = 200;

/// How long a program may take to say its version.
pub const VERSION_WITHIN: Duration = Duration::from_secs(5);
/// How much of what it says is read, in bytes.
pub const VERSION_BYTES: u64 = 4 * 1024;

/// How long the terminals of a quitting peer may take to be confirmed.
pub const STOP_BARRIER: Duration = Duration::from_secs(3);
/// How long a closing handshake may take.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// How long the outbox may take to write what is left when the peer stops.
pub const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// How long the other side's close frame is waited for when a write fails.
pub const LAST_WORD_WITHIN: Duration = Duration::from_secs(2);
/// Longest prompt of a task of the person's own, in bytes.
pub const LOCAL_PROMPT_BYTES: usize = 256 * 1024;
/// Receipts that are posted at once.
pub const RECEIPTS_AT_ONCE: usize = 8;
/// How long the journal may take to say what runs there were.
pub const LOOK_UP: Duration = Duration::from_secs(5);
/// Runs that are listed at once, at most.
pub const LISTED_RUNS: usize = 1_000;
/// Ended runs shown in a snapshot.
pub const RECENT_RUNS: usize = 50;

/// Largest journal, in bytes: what the queue may hold, and 10,000 runs, many times over.
pub const JOURNAL_BYTES: u64 = 512 * 1024 * 1024;
/// How long a run that is over and owes nothing stays in the journal.
pub const JOURNAL_AGE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How often old runs are taken out of the journal; also at each start.
pub const JOURNAL_TIDY_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a journal that another program holds is waited for.
pub const JOURNAL_BUSY: Duration = Duration::from_millis(500);
/// Free pages (4 KiB each) past which the journal's file is made smaller, if they are half of it.
pub const JOURNAL_FREE_PAGES: i64 = 4_096;
/// Writes that are committed together, at most.
pub const JOURNAL_BATCH: usize = 256;
/// After so long without a write the journal's log is emptied, and erased text with it.
pub const JOURNAL_QUIET: Duration = Duration::from_secs(1);

/// Longest line that the control socket takes from a client, in bytes: a task's prompt fits.
pub const CONTROL_LINE_BYTES: usize = 1024 * 1024;
/// Longest line that a program takes from a peer, in bytes: the snapshot of a full queue (5,000 runs) fits.
pub const CONTROL_MIRROR_BYTES: usize = 16 * 1024 * 1024;
/// Programs at once on one control socket: a window, a few terminals and scripts.
pub const CONTROL_CLIENTS: usize = 32;
/// Commands of one client that are under way at once; the rest waits in its own buffer.
pub const CONTROL_COMMANDS: usize = 8;
/// A client that does not read for this long is let go, so that nothing piles up for it.
pub const CONTROL_WRITE: Duration = Duration::from_secs(5);
/// How long a running peer may take to say who it is and how it stands.
pub const CONTROL_ANSWER: Duration = Duration::from_secs(5);
/// How much longer than the first one the other peers on this computer may take to say who they are.
pub const CONTROL_OTHERS: Duration = Duration::from_secs(1);
/// How long clients get to hear the end of a peer that stops.
pub const CONTROL_LAST_WORD: Duration = Duration::from_millis(500);
/// When a connection that the OS would not give us is tried again.
pub const CONTROL_ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How long one look of the doctor's may take.
pub const DOCTOR_CHECK: Duration = Duration::from_secs(5);
/// How long the doctor's look for OpenCode may take: several ports in turn, [`AGENT_PROBE`] for one that hangs.
pub const DOCTOR_AGENT: Duration = Duration::from_secs(15);
/// How long a running peer may take to tell the doctor how it is.
pub const DOCTOR_PEER: Duration = Duration::from_secs(3);
/// How long all of them may take: four that need each other, and a running peer that is asked first.
pub const DOCTOR: Duration = Duration::from_secs(30);
/// A clock that is off by more than this is worth a word: certificates and OrgX's times begin to suffer.
pub const DOCTOR_CLOCK: Duration = Duration::from_secs(5 * 60);
/// Less free space than this, in bytes, is worth a word.
pub const DISK_LOW: u64 = 500_000_000;
/// With less free space than this, in bytes, the journal can soon not be written.
pub const DISK_FULL: u64 = 50_000_000;

/// How long the keychain may take. It may be asking the person to unlock it; who waits longer is told so instead.
pub const KEYCHAIN: Duration = Duration::from_secs(10);
/// How long one question about a pairing may take: the person is waiting, and it is asked again.
pub const PAIRING_POLL: Duration = Duration::from_secs(10);
/// How long OrgX may take to hear that a key was kept, or that a pairing is given up.
pub const PAIRING_LAST_WORD: Duration = Duration::from_secs(5);
/// How often OrgX is told that a key was kept, until it answers.
pub const PAIRING_ACKS: u32 = 3;
/// Workspaces that are listed at most.
pub const WORKSPACES: usize = 100;
/// How long another program may hold `config.toml` while it changes it.
pub const SETTINGS_LOCK: Duration = Duration::from_secs(5);

/// Sessions of OpenCode that are listed at once, the newest: as many as a window or a terminal can be looked through.
pub const LISTED_SESSIONS: usize = 500;
/// Sessions of subagents whose parents are known, the newest: an ask of theirs is their parent's.
pub const KNOWN_SUBAGENTS: usize = 5_000;
/// How long OpenCode's database may take: it is a file, and a disk may hang.
pub const SESSIONS_READ: Duration = Duration::from_secs(5);
/// How long another program may hold OpenCode's database while it is read.
pub const SESSIONS_BUSY: Duration = Duration::from_millis(500);
/// How long a look at the sessions waits for the one before it to end.
pub const SESSIONS_TURN: Duration = Duration::from_secs(5);
/// How long a server may take to say what its sessions do: the first question about a folder opens that folder.
pub const SESSIONS_ASK: Duration = Duration::from_secs(5);
/// Servers that are asked what their sessions do.
pub const SESSIONS_SERVERS: usize = 16;
/// Folders that one server is asked about, those of the newest sessions that it may be working on.
pub const SESSIONS_FOLDERS: usize = 32;

/// The port that the lifecycle receiver wants. PROTOCOL: contract F1, OrgLoop's own.
pub const WEBHOOK_PORT: u16 = 4800;
/// Ports that are tried after it when it is taken, before any free one is.
pub const WEBHOOK_PORTS: u16 = 20;
/// Largest body of a post, in bytes: a summary of the largest kind, many times over.
pub const WEBHOOK_BODY_BYTES: usize = 1024 * 1024;
/// Largest head of a request, in bytes.
pub const WEBHOOK_HEAD_BYTES: usize = 16 * 1024;
/// How long a sender may take to say its request's head; an idle connection is closed after it, too.
pub const WEBHOOK_HEAD: Duration = Duration::from_secs(5);
/// How long a request may take from its head to its answer.
pub const WEBHOOK_REQUEST: Duration = Duration::from_secs(10);
/// How much of the body of a request that is refused is read and thrown away, so that its sender sees the answer and
/// not a broken connection, in bytes.
pub const WEBHOOK_DRAIN_BYTES: usize = 4 * 1024 * 1024;
/// How long that may take.
pub const WEBHOOK_DRAIN: Duration = Duration::from_secs(1);
/// Requests that may wait for their answer at once; one more is told to come again.
pub const WEBHOOK_WAITING: usize = 1_000;
/// Connections at once; more wait in the OS's own queue. Never more than a quarter of the files that the OS gives us.
pub const WEBHOOK_CONNECTIONS: usize = 1_100;
/// When a connection that the OS would not give us is tried again.
pub const WEBHOOK_ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How long requests that are under way may take when the receiver stops.
pub const WEBHOOK_STOP: Duration = Duration::from_secs(1);
/// How long a receiver may take to stop in all.
pub const WEBHOOK_CLOSE: Duration = Duration::from_secs(3);
/// When a receiver that could not start is tried again: its store, its port, or another peer that has it.
pub const WEBHOOK_RETRY: Duration = Duration::from_secs(5);
/// Runs of ours whose beginnings and ends may wait for the receiver; past it they are not told.
pub const WEBHOOK_RUNS: usize = 4_096;
/// Session events that may wait to be told to those who watch; past it they see the snapshot and no event.
pub const WEBHOOK_NOTICES: usize = 1_024;
/// How often the sessions that are shown are read anew while posts come in.
pub const WEBHOOK_SHOW_EVERY: Duration = Duration::from_millis(100);
/// Sessions in a snapshot, the newest.
pub const WEBHOOK_SESSIONS: usize = 50;
/// How often processes of open sessions are looked at, where the OS does not tell of their end.
pub const PROCESS_LOOK: Duration = Duration::from_secs(2);

/// Largest store of session events, in bytes.
pub const LIFECYCLE_BYTES: u64 = 256 * 1024 * 1024;
/// Posts that are committed together, at most.
pub const LIFECYCLE_BATCH: usize = 256;
/// Events kept for `orgx-peer lifecycle`, the newest.
pub const LIFECYCLE_EVENTS: i64 = 20_000;
/// Events kept for a sink that does not take them: past it the oldest go, and a warning says how many it misses.
pub const LIFECYCLE_OWED_EVENTS: i64 = 100_000;
/// Sessions remembered, the newest of those that are over and of those that are open: an end that is told again after
/// its session is forgotten counts as new.
pub const LIFECYCLE_SESSIONS: i64 = 20_000;
/// How long events and sessions that are over are kept at most.
pub const LIFECYCLE_AGE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// After so many new events old ones are taken out; also at each start.
pub const LIFECYCLE_TIDY_EVERY: u32 = 1_000;
/// Events that are listed at once, at most.
pub const LIFECYCLE_LISTED: usize = 1_000;

/// Largest buffer file unless configured otherwise, in bytes. PROTOCOL: contract F5.
pub const BUFFER_BYTES: u64 = 50 * 1024 * 1024;
/// Smallest bound of it that can be configured, in bytes: some events fit.
pub const BUFFER_LEAST_BYTES: u64 = 64 * 1024;
/// Events that are written to a buffer file, or read for another receiver, at once.
pub const SINK_BATCH: usize = 256;
/// When a buffer file that could not be written is tried again.
pub const BUFFER_RETRY: Duration = Duration::from_secs(5);
/// How long one post to another receiver may take.
pub const FORWARD_CALL: Duration = Duration::from_secs(10);

/// How long `orgx-peer hook` may take in all: an agent's exit waits for it.
pub const HOOK_WITHIN: Duration = Duration::from_millis(900);
