//! A run on a server that behaves in ways which the real one only does when it is unlucky.

use super::begin::begin;
use super::follow::Run;
use super::*;
use crate::driver::{Order, Report};
use orgx_proto::ids::{DispatchKey, DriverId, RunId};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// What a server was asked: method and path.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<watch::Sender<Vec<String>>>);

impl Asked {
    fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    fn has(&self, what: &str) -> bool {
        self.all().iter().any(|asked| asked == what)
    }

    /// Resolves once it was.
    async fn until(&self, what: &str) {
        let mut asked = self.0.subscribe();
        asked.wait_for(|all| all.iter().any(|asked| asked == what)).await.expect("its sender is our own");
    }
}

/// A server with a feed that says nothing, and these answers; they may go by what was asked before.
async fn server(answer: fn(&str, &Asked) -> Value) -> (Client, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}/", listener.local_addr().expect("an address"));
    let asked = Asked::default();
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer, seen.clone()));
        }
    });
    (Client::new(origin.parse().expect("an address"), None, "test").expect("a client"), asked)
}

async fn serve(mut stream: TcpStream, answer: fn(&str, &Asked) -> Value, asked: Asked) -> Option<()> {
    let (mut text, mut chunk) = (String::new(), [0; 4_096]);
    loop {
        let Some(head) = text.find("\r\n\r\n") else {
            let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
            text += std::str::from_utf8(&chunk[..read]).ok()?;
            continue;
        };
        let length =
            text[..head].lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let end = head + 4 + length.unwrap_or(0);
        if text.len() < end {
            let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
            text += std::str::from_utf8(&chunk[..read]).ok()?;
            continue;
        }
        let mut words = text.split([' ', '?']);
        let what = format!("{} {}", words.next()?, words.next()?);
        text.drain(..end);
        if what == "GET /global/event" {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n";
            stream.write_all(head.as_bytes()).await.ok()?;
            std::future::pending::<()>().await;
        }
        let body = answer(&what, &asked).to_string();
        asked.0.send_modify(|all| all.push(what));
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.ok()?;
    }
}

/// A driver's side of a run that may always go on, and the peer's orders.
fn io() -> (RunIo, mpsc::UnboundedSender<Order>) {
    let (reports, mut inbox) = mpsc::channel(16);
    let (orders, wanted) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(report) = inbox.recv().await {
            if let Report::GoOn(_, grant) = report {
                let _gone = grant.send(true);
            }
        }
    });
    (RunIo::new(reports, wanted, CancellationToken::new()), orders)
}

fn busy() -> Value {
    json!({ "ses_1": { "type": "busy" } })
}

#[tokio::test]
async fn a_run_that_cannot_be_stopped_at_its_budget_fails_instead_of_waiting_for_ever() {
    let (client, asked) = server(|what, _| match what {
        "GET /session/status" => busy(),
        "POST /session/ses_1/abort" => json!(true),
        _ => json!([]),
    })
    .await;
    let feed = Feeds::default().open(&client).await.expect("a feed");
    let mut run = Run::new(&client, &feed, "ses_1".into(), "/w".into());
    let (io, _orders) = io();
    assert!(timeout(Duration::from_secs(2), run.hold(&io)).await.is_err(), "it has some time");
    assert!(asked.has("POST /session/ses_1/abort"));
    tokio::time::pause();
    let held = timeout(Duration::from_secs(3_600), run.hold(&io)).await.expect("it gives up");
    let Err((AgentEnd::Failed(failure), idle)) = held else { panic!("{held:?}") };
    let words = "the run reached its budget, and OpenCode did not stop it within 20 s";
    assert_eq!((failure.reason.as_str(), failure.recoverable, idle), (words, true, false));
}

#[tokio::test]
async fn a_run_that_seemed_over_when_it_was_held_goes_on_when_it_is_let() {
    let (client, asked) = server(|what, asked| {
        let aborted = asked.has("POST /session/ses_1/abort");
        let read = asked.has("GET /session/ses_1/message");
        match what {
            // Somebody else prompts it just when it is done.
            "GET /session/status" if read && !aborted => busy(),
            "GET /session/status" => json!({}),
            "GET /session/ses_1" => json!({ "id": "ses_1", "agent": "build" }),
            "GET /session/ses_1/message" if aborted => {
                json!([{ "info": { "id": "msg_2", "role": "assistant", "error": { "name": "MessageAbortedError" } } }])
            }
            "GET /session/ses_1/message" => {
                json!([{ "info": { "id": "msg_1", "role": "assistant", "finish": "stop" } }])
            }
            _ => json!([]),
        }
    })
    .await;
    let feed = Feeds::default().open(&client).await.expect("a feed");
    let mut run = Run::new(&client, &feed, "ses_1".into(), "/w".into());
    let (io, orders) = io();
    orders.send(Order::Hold).expect("a driver");
    orders.send(Order::GoOn).expect("a driver");
    let prompted = asked.until("POST /session/ses_1/prompt_async");
    tokio::select! {
        (end, _) = run.follow(&io) => panic!("{end:?}"),
        prompted = timeout(Duration::from_secs(20), prompted) => prompted.expect("it goes on"),
    }
    assert_eq!(asked.all().iter().filter(|what| what.ends_with("prompt_async")).count(), 1);
}

#[tokio::test]
async fn who_is_asked_before_commands_finds_no_rules_of_ours_in_a_session_of_their_own() {
    for is_ours in [false, true] {
        let (client, asked) = server(if is_ours { made_for_a_run } else { the_persons_own }).await;
        let start = goes_on();
        let feeds = Feeds::default();
        let begun = begin(&client, &feeds, &start, "/w".into()).await.map(|(run, _)| run.session);
        assert_eq!(asked.has("PATCH /session/ses_1"), is_ours, "{:?}", asked.all());
        match begun {
            Ok(session) => assert!(is_ours && session == "ses_1"),
            Err(failure) => {
                let words = "the person wants to be asked before commands, and that would stay with a session that \
                             is the person's own";
                assert_eq!((failure.reason.as_str(), failure.recoverable, is_ours), (words, false, false));
            }
        }
    }
}

/// A task that goes on with a session, and asks before commands.
fn goes_on() -> Start {
    Start {
        run_id: RunId::new("r"),
        key: DispatchKey::new("k"),
        driver: DriverId::opencode(),
        title: String::new(),
        prompt: String::new(),
        model: None,
        agent: None,
        session: Some(SessionHandle::new("ses_1")),
        permission: Vec::new(),
        ask_before_commands: true,
        folder: Some("/w".into()),
        resume: None,
        restored: false,
    }
}

#[tokio::test]
async fn the_subagents_of_a_session_are_held_to_what_is_added_to_it() {
    let few: fn(&str, &Asked) -> Value = |what, asked| match what {
        "GET /session/ses_1/children" => json!([{ "id": "ses_2" }]),
        "GET /session/ses_2/children" => json!([{ "id": "ses_3", "permission": [
            { "permission": "bash", "pattern": "*", "action": "deny" }
        ] }]),
        other => made_for_a_run(other, asked),
    };
    let (client, asked) = server(few).await;
    assert!(begin(&client, &Feeds::default(), &goes_on(), "/w".into()).await.is_ok());
    let patched: Vec<String> = asked.all().into_iter().filter(|what| what.starts_with("PATCH")).collect();
    assert_eq!(patched, ["PATCH /session/ses_2", "PATCH /session/ses_1"], "ses_3 has them already");

    let many: fn(&str, &Asked) -> Value = |what, asked| match what {
        "GET /session/ses_1/children" => {
            (0..=crate::limits::SUBAGENTS).map(|n| json!({ "id": format!("ses_x{n}") })).collect()
        }
        other => made_for_a_run(other, asked),
    };
    let (client, asked) = server(many).await;
    let begun = begin(&client, &Feeds::default(), &goes_on(), "/w".into()).await;
    let failure = begun.map(|_| ()).expect_err("it is refused");
    assert!(failure.reason.as_str().contains("more subagents than can be held to its rules"), "{failure:?}");
    assert!(!asked.has("PATCH /session/ses_1"));
}

#[tokio::test]
async fn where_the_persons_rules_cannot_be_read_what_a_task_asks_about_is_denied() {
    let (client, _) = server(|what, asked| match what {
        "GET /agent" => json!([]),
        "GET /session/ses_1" => {
            json!({ "id": "ses_1", "directory": "/w", "metadata": { "orgx_run_id": "before" },
            "permission": [{ "permission": "bash", "pattern": "*", "action": "deny" }] })
        }
        "PATCH /session/ses_1" => panic!("they are there already"),
        other => made_for_a_run(other, asked),
    })
    .await;
    let mut start = goes_on();
    start.ask_before_commands = false;
    start.permission = vec![orgx_proto::permission::ask_before_commands()];
    assert!(begin(&client, &Feeds::default(), &start, "/w".into()).await.is_ok());
}

fn made_for_a_run(what: &str, asked: &Asked) -> Value {
    match what {
        "GET /session/ses_1" | "PATCH /session/ses_1" => {
            json!({ "id": "ses_1", "directory": "/w", "metadata": { "orgx_run_id": "before" } })
        }
        other => the_persons_own(other, asked),
    }
}

fn the_persons_own(what: &str, _: &Asked) -> Value {
    let all = json!([{ "permission": "*", "pattern": "*", "action": "allow" }]);
    match what {
        "GET /session/ses_1" | "PATCH /session/ses_1" => json!({ "id": "ses_1", "directory": "/w" }),
        "GET /session/status" | "GET /config" => json!({}),
        "GET /agent" => json!([{ "name": "build", "permission": all }]),
        _ => json!([]),
    }
}
