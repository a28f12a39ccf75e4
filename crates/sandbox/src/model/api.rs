//! The endpoints of the chat completions API and of the Messages API.

use std::sync::Arc;

use http::StatusCode;
use hyper::body::Incoming;
use serde_json::json;

use super::{
    ask::{Ask, Delivery},
    completion, messages,
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
        "POST" if request.path.ends_with("/chat/completions") => {
            complete(&state, &request, Ask::of(&request), Words::Completions, hold).await
        }
        "POST" if request.path.ends_with("/v1/messages") => {
            complete(&state, &request, Ask::of_messages(&request), Words::Messages, hold).await
        }
        "GET" if request.path.ends_with("/models") => {
            json(StatusCode::OK, &json!({"object": "list", "data": [{"id": "fake-1", "object": "model"}]}))
        }
        _ => no_such_path(),
    }
}

/// The two ways in which an answer can be said.
#[derive(Clone, Copy)]
enum Words {
    Completions,
    Messages,
}

impl Words {
    fn whole(self, turn: &Turn, model: &str) -> serde_json::Value {
        match self {
            Self::Completions => completion::whole(turn, model),
            Self::Messages => messages::whole(turn, model),
        }
    }

    fn stream(self, turn: &Turn, model: &str) -> Vec<String> {
        match self {
            Self::Completions => {
                let chunks = completion::chunks(turn, model).into_iter();
                chunks
                    .map(|chunk| format!("data: {chunk}\n\n"))
                    .chain(["data: [DONE]\n\n".to_owned()])
                    .collect()
            }
            Self::Messages => messages::events(turn, model),
        }
    }
}

async fn complete(state: &Arc<State>, request: &Request, ask: Ask, words: Words, hold: Hold) -> Reply {
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
        return json(StatusCode::OK, &words.whole(&turn, &ask.model));
    }
    let (feed, body) = stream(hold);
    tokio::spawn(async move {
        if tell(&turn, words.stream(&turn, &ask.model), &feed).await.is_ok() {
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
async fn tell(turn: &Turn, chunks: Vec<String>, feed: &Feed) -> Result<(), Gone> {
    for (told, chunk) in chunks.into_iter().enumerate() {
        if turn.ending == Ending::DropAfter(told) {
            feed.cut().await;
            return Ok(());
        }
        feed.send(chunk).await?;
        tokio::select! {
            () = tokio::time::sleep(turn.chunk_delay) => {}
            () = feed.gone() => return Err(Gone),
        }
    }
    Ok(())
}
