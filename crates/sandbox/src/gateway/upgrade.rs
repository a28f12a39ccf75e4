//! From an HTTP request to a WebSocket, by hand, so that each step can be done wrong.

use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, request::Parts};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    faults::{RefusesV3, UpgradeFault},
    handshake::{self, Offer},
    session,
    state::{State, Verdict},
};
use crate::http::{Hold, Reply, empty, header, html, keep, never, parse_status, text};

pub(super) async fn answer(state: Arc<State>, mut request: hyper::Request<Incoming>, hold: Hold) -> Reply {
    let upgrade = hyper::upgrade::on(&mut request);
    let (head, _) = request.into_parts();
    let checked = check(&state, &head);
    // The fault is taken even for a request that is refused anyway: one attempt, one fault.
    let fault = state.faults.next_upgrade();
    match fault {
        UpgradeFault::Refuse { status, headers, body } => {
            let mut reply = text(parse_status(status), body);
            for (name, value) in headers {
                header(&mut reply, &name, &value);
            }
            return reply;
        }
        UpgradeFault::Hang => return never().await,
        UpgradeFault::Html => return html(),
        UpgradeFault::Pass
        | UpgradeFault::NoSubprotocol
        | UpgradeFault::WrongSubprotocol
        | UpgradeFault::WrongAccept => {}
    }
    let offer = match checked {
        Ok(offer) => offer,
        Err(problem) => {
            state.violation(format!("upgrade: {problem}"));
            return text(StatusCode::BAD_REQUEST, problem);
        }
    };
    match state.verdict(&offer.key) {
        Verdict::Accepted => {}
        Verdict::Unknown => return text(StatusCode::UNAUTHORIZED, "this key is not accepted"),
        Verdict::Forbidden => return text(StatusCode::FORBIDDEN, "this key lacks gateway:drive"),
    }
    let refused = state.refuses(&offer.protocol);
    let (offer, fault) = match refused {
        _ if fault != UpgradeFault::Pass => (offer, fault),
        Some(RefusesV3::Status400) => return text(StatusCode::BAD_REQUEST, "this subprotocol is not spoken"),
        Some(RefusesV3::SelectsNothing) => (offer, UpgradeFault::NoSubprotocol),
        Some(RefusesV3::SelectsV1) => (Offer { protocol: "orgx.v1".to_owned(), ..offer }, UpgradeFault::Pass),
        Some(RefusesV3::Close4000) | None => (offer, fault),
    };
    let reply = switch(&offer, &fault);
    if fault == UpgradeFault::Pass {
        let first = match refused {
            Some(RefusesV3::Close4000) => Some((4000, "protocol-version-unsupported")),
            _ => None,
        };
        tokio::spawn(open(state, upgrade, hold, first));
    } else {
        tokio::spawn(abandon(upgrade, hold));
    }
    reply
}

fn check(state: &State, head: &Parts) -> Result<Offer, String> {
    handshake::check(&keep(head, &Bytes::new(), &state.upgrades))
}

fn switch(offer: &Offer, fault: &UpgradeFault) -> Reply {
    let nonce = if *fault == UpgradeFault::WrongAccept { "another nonce" } else { &offer.nonce };
    let mut reply = empty(StatusCode::SWITCHING_PROTOCOLS);
    header(&mut reply, "connection", "Upgrade");
    header(&mut reply, "upgrade", "websocket");
    header(&mut reply, "sec-websocket-accept", &derive_accept_key(nonce.as_bytes()));
    match fault {
        UpgradeFault::NoSubprotocol => {}
        UpgradeFault::WrongSubprotocol => header(&mut reply, "sec-websocket-protocol", "chat.v1"),
        _ => header(&mut reply, "sec-websocket-protocol", &offer.protocol),
    }
    reply
}

/// `first`: the close that is its first act, if there is one.
async fn open(state: Arc<State>, upgrade: OnUpgrade, hold: Hold, first: Option<(u16, &'static str)>) {
    let upgraded = tokio::select! {
        upgraded = upgrade => upgraded,
        () = hold.ended() => return,
    };
    match upgraded {
        Ok(upgraded) => session::run(&state, TokioIo::new(upgraded), &hold, first).await,
        Err(error) => tracing::debug!(%error, "upgrade did not happen"),
    }
}

/// Reads a connection that was spoiled on purpose until the client leaves it.
async fn abandon(upgrade: OnUpgrade, hold: Hold) {
    let rest = async {
        if let Ok(upgraded) = upgrade.await {
            let mut stream = TokioIo::new(upgraded);
            let mut scrap = [0; 1024];
            while stream.read(&mut scrap).await.is_ok_and(|read| read > 0) {}
            let _ = stream.shutdown().await;
        }
    };
    tokio::select! {
        () = rest => {}
        () = hold.ended() => {}
    }
}
