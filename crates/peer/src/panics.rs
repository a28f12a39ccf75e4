//! A panic is told by its place alone: what it says may quote a person's text, or a key.

use std::io::Write;
use std::panic::{Location, PanicHookInfo};

/// From now on a panic of this program is logged with its place in the code and never with its message. For programs,
/// to be called once, as early as may be.
pub fn log_panics() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(Location::to_string).unwrap_or_default();
    let words = "something went wrong inside OrgX Peer; this is a bug, please report it with this place";
    if tracing::dispatcher::has_been_set() {
        tracing::error!(place, "{words}");
    } else {
        // A program that logs nothing must not die in silence.
        let _unseen = writeln!(std::io::stderr(), "orgx-peer: {words}: {place}");
    }
}
