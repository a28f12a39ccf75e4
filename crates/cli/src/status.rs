//! `orgx-peer status`: how the running peer is doing.

mod render;

use crate::args::StatusOptions;
use crate::find::{Found, Refusal, find};
use crate::home;
use crate::show::when::Now;
use crate::show::{Style, say, say_json};
use crate::signals::Stop;
use orgx_peer::PeerSnapshot;
use render::render;
use serde_json::json;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

/// How often running times move on a terminal.
const SECOND: Duration = Duration::from_secs(1);

pub(crate) async fn status(options: &StatusOptions) -> ExitCode {
    let Found { peer, hello } = match find(&options.peer).await {
        Ok(found) => found,
        Err(refusal) => return refusal.end(options.json),
    };
    let style = Style::of_stdout();
    let home = home();
    let redraw = options.watch && !options.json && std::io::stdout().is_terminal();
    // To the top, and nothing below; in one piece with the page, so that it does not flicker.
    let clear = if redraw { "\x1b[H\x1b[2J" } else { "" };
    let show = |now: &PeerSnapshot| match (options.json, options.watch) {
        (true, false) => say_json(&json!({ "peer": hello, "snapshot": now })),
        (true, true) => say(&json!({ "peer": hello, "snapshot": now }).to_string()),
        (false, _) => say(&format!("{clear}{}", render(&hello, now, &Now::here(), home.as_deref(), style))),
    };
    if !options.watch {
        show(&peer.snapshot());
        return ExitCode::SUCCESS;
    }
    let mut watch = peer.watch();
    let mut stop = Stop::listen();
    loop {
        let heard = show(&watch.borrow_and_update().clone());
        if !heard {
            return ExitCode::SUCCESS;
        }
        tokio::select! {
            changed = watch.changed() => if changed.is_err() {
                return Refusal::stopped().end(options.json);
            },
            () = tokio::time::sleep(SECOND), if redraw => {}
            () = stop.asked() => return ExitCode::SUCCESS,
        }
        if !options.json && !redraw {
            say("");
        }
    }
}
