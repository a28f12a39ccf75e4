//! Connecting in the browser, with a link that is printed: it may be opened on another computer.

use super::{Ended, host, kept_in, untouched};
use crate::show::{say, say_words};
use crate::signals::Stop;
use orgx_peer::credentials::{Credentials, KeyPlace};
use orgx_peer::sign_in::{self, CheckError, PairError, Paired, Pairing, PairingClient};
use orgx_peer::{Clock, Paths};
use secrecy::SecretString;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};
use url::Url;

pub(super) async fn connect(
    paths: &Paths,
    credentials: &Credentials,
    origin: &Url,
    place: KeyPlace,
) -> Result<(SecretString, Option<String>), Ended> {
    let who = PairingClient::of_this_computer(paths).map_err(Ended::failed)?;
    let mut pairing = Pairing::start(origin, who, Clock::default()).await.map_err(told)?;
    say("Open this page, sign in to OrgX there, and press Connect:");
    say("");
    // Whole, whatever its length: it is to be copied.
    say(&format!("  {}", pairing.connect_url()));
    say("");
    say_words(&format!("The page is on {}, and its code is {}.", pairing.host(), pairing.code()));
    let paired = match waited(&mut pairing).await {
        Some(Ok(paired)) => paired,
        Some(Err(error)) => return Err(told(error)),
        None => {
            pairing.cancel("cancelled by the person").await;
            return Err(Ended::failed("cancelled. Nothing was changed"));
        }
    };
    let Paired { key, workspace_name, .. } = paired;
    // First it is kept, then OrgX may forget its own copy.
    if let Err(error) = credentials.store(origin, &key, place).await {
        pairing.cancel("the key could not be kept").await;
        return Err(Ended::failed(untouched(&error)));
    }
    pairing.ack().await;
    say_words(&format!("Signed in to {}; {}.", host(origin), kept_in(credentials, &key, place)));
    if let Err(error @ (CheckError::Forbidden | CheckError::Rejected)) = sign_in::check(origin, &key).await {
        say_words(&error.to_string());
    }
    Ok((key, workspace_name))
}

fn told(error: PairError) -> Ended {
    let paste = if error.wants_a_key() { " (`orgx-peer login --key-stdin`)" } else { "" };
    Ended::failed(format!("{}{paste}", error.to_string().trim_end_matches('.')))
}

/// What came of it, with the time that is left on a terminal; `None` when the person wants no more.
async fn waited(pairing: &mut Pairing) -> Option<Result<Paired, PairError>> {
    let lasts = Duration::from_millis(u64::try_from(pairing.lasts_ms()).unwrap_or_default());
    let ends = Instant::now() + lasts;
    let mut stop = Stop::listen();
    let shows = std::io::stdout().is_terminal();
    if !shows {
        say(&format!("It lapses in {}.", left(lasts)));
    }
    let countdown = async {
        if !shows {
            return std::future::pending().await;
        }
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            second.tick().await;
            line(&format!(
                "Waiting for you; the code lapses in {}. Ctrl-C cancels. ",
                left(ends - Instant::now())
            ));
        }
    };
    let result = tokio::select! {
        result = pairing.wait() => Some(result),
        () = stop.asked() => None,
        () = countdown => None,
    };
    if shows {
        line("");
    }
    result
}

/// `9:41`.
fn left(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Writes over the line that stands there.
fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading.
    let _unread = write!(out, "\r\x1b[2K{text}").and_then(|()| out.flush());
}
