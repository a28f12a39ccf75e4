//! Every decision OrgX Peer makes, without I/O.
//!
//! Nothing here opens a socket, reads a file, asks the time or rolls a die: what happened and `now` come in as
//! values, what to do goes out as values. So every promise of the product can be shown with plain tests, a fake
//! clock and property tests. The I/O around it is `orgx-peer`.
//!
//! - [`message`]: the frames of Gateway Protocol v1, and the attention frames of v3
//! - [`connection`]: when to connect, wait, ping and give up on a socket
//! - [`delivery`]: the queue between the runs and the socket, and its barrier
//! - [`receipt`]: what an answer to a receipt means
//! - [`dispatch`] and [`run`]: which task runs when, and how each run ends exactly once
//! - [`attention`]: what is asked at OrgX, too, and what an answer from there means
//! - [`budget`]: what runs may use, and have used
//! - [`skill_rules`]: the team's rules, compiled once, matched as sets
//! - [`work_graph`]: the outbox record
//! - [`lifecycle`]: sessions that begin and end, in OrgLoop's shape
//! - [`pairing`]: connecting in the browser
//! - [`health`]: facts to one sentence and one action
//! - [`prompt`], [`redact`], [`agent`], [`ids`], [`time`], [`limits`]: the words the others share

pub mod agent;
pub mod attention;
pub mod budget;
pub mod connection;
pub mod delivery;
pub mod dispatch;
pub mod health;
pub mod ids;
pub mod lifecycle;
pub mod limits;
pub mod message;
pub mod pairing;
pub mod permission;
pub mod prompt;
pub mod receipt;
pub mod redact;
pub mod run;
pub mod skill_rules;
pub mod time;
pub mod work_graph;
