//! The endpoints of the chat completions API.

use std::sync::Arc;

use http::StatusCode;
use hyper::body::Incoming;
use serde_json::json;

use super::{
    ask::{Ask, Delivery},
    completion::{chunks, whole},
    state::{State, Vigil},
    turn::{Ending, Failure, Turn},
};
use crate::http::{
    Feed, Gone, Hold, Reply, Request, header, json, never, no_such_path, parse_status, read, stream, text,
};

pub(super) async fn answer(state: Arc<State>, request: hyper::Request<Incoming>, hold: Hold) -> Reply {
    let Ok(request) = read(request, &state.requests).await else {
        return text(StatusCode::BAD_REQUEST, "the body did not come");
    };
    match request.method.as_str() {
        "POST" if request.path.ends_with("/chat/completions") => complete(&state, &request, hold).await,
        "GET" if request.path.ends_with("/models") => {
            json(StatusCode::OK, &json!({"object": "list", "data": [{"id": "fake-1", "object": "model"}]}))
        }
        _ => no_such_path(),
    }
}

async fn complete(state: &Arc<State>, request: &Request, hold: Hold) -> Reply {
    let ask = Ask::of(request);
    let (turn, number) = state.choose(request, &ask);
    let vigil = Vigil::over(state, number);
    tokio::time::sleep(turn.delay).await;
    if let Some(gate) = &turn.gate {
        state.gates.pass(gate).await;
    }
    if turn.ending == Ending::Hang {
        return never().await;
    }
    if let Some(failure) = turn.failure {
        vigil.done();
        return fail(failure);
    }
    if ask.delivery == Delivery::Whole {
        vigil.done();
        return json(StatusCode::OK, &whole(&turn, &ask.model));
    }
    let (feed, body) = stream(hold);
    tokio::spawn(async move {
        if tell(&turn, &ask.model, &feed).await.is_ok() {
            vigil.done();
        }
    });
    let mut reply = Reply::new(body);
    header(&mut reply, "content-type", "text/event-stream");
    header(&mut reply, "cache-control", "no-cache");
    reply
}

fn fail(failure: Failure) -> Reply {
    let mut reply = text(parse_status(failure.status), failure.body);
    header(&mut reply, "content-type", "application/json");
    for (name, value) in failure.headers {
        header(&mut reply, &name, &value);
    }
    reply
}

/// Streams the turn; an error means that the client left.
async fn tell(turn: &Turn, model: &str, feed: &Feed) -> Result<(), Gone> {
    for (told, chunk) in chunks(turn, model).into_iter().enumerate() {
        if turn.ending == Ending::DropAfter(told) {
            feed.cut().await;
            return Ok(());
        }
        feed.send(format!("data: {chunk}\n\n")).await?;
        tokio::select! {
            () = tokio::time::sleep(turn.chunk_delay) => {}
            () = feed.gone() => return Err(Gone),
        }
    }
    feed.send("data: [DONE]\n\n").await
}
