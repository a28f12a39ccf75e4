//! What happens around it: restarts, ports, processes, runs of ours, another receiver.

use super::*;
use orgx_proto::ids::SessionHandle;
use orgx_proto::lifecycle::{Harness, Outcome, Phase, Subject};

fn start(session: &str) -> Value {
    json!({"session_id": session, "hook_type": "start"})
}

fn stop(session: &str) -> Value {
    json!({"session_id": session})
}

#[tokio::test]
async fn what_was_told_is_known_after_a_restart() {
    let rig = Rig::start(config()).await;
    for body in [start("a"), stop("a"), start("b")] {
        rig.post(&body).await;
    }
    let home = rig.stop().await;
    let rig = Rig::start_in(home, config()).await;
    for body in [start("b"), stop("a"), stop("b"), start("a")] {
        rig.post(&body).await;
    }
    assert_eq!(rig.told().await, ["a:started", "a:completed", "b:started", "b:completed", "a:started"]);
    rig.stop().await;
}

#[tokio::test]
async fn senders_find_it_in_webhook_json_and_nobody_once_it_is_gone() {
    let rig = Rig::start(LifecycleConfig { secret: None, titles: true, ..config() }).await;
    let file = WebhookFile::read(&rig.paths).expect("a file");
    assert_eq!(file.url, rig.webhook.view().url);
    assert!(file.titles && file.secret.len() == 64);
    let hook = |hook_type: &str| crate::hook::Hook {
        hook_type: hook_type.into(),
        session_id: "s".into(),
        cwd: Some("/w".into()),
        exit_status: (hook_type == "stop").then_some(7),
        ..Default::default()
    };
    for kind in ["start", "stop"] {
        crate::hook::send(rig.paths.clone(), &hook(kind)).await.expect("taken");
    }
    assert_eq!(rig.told().await, ["s:started", "s:failed"]);
    let wrong = crate::hook::Hook { session_id: String::new(), ..hook("stop") };
    let refused = crate::hook::send(rig.paths.clone(), &wrong).await.expect_err("refused");
    assert!(refused.to_string().ends_with("answered 400: session_id must not be empty"), "{refused}");
    let paths = rig.paths.clone();
    let home = rig.stop().await;
    let nobody = crate::hook::send(paths.clone(), &hook("stop")).await.expect_err("nobody");
    assert!(matches!(nobody, crate::hook::HookError::Nobody), "{nobody}");
    let again = Rig::start_in(home, LifecycleConfig { secret: None, ..config() }).await;
    assert_eq!(WebhookFile::read(&paths).expect("a file").secret, file.secret, "the secret stays");
    again.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_another_one_is_used() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let mut rig = Rig::start(LifecycleConfig { port, ..config() }).await;
    assert_ne!(rig.port, port);
    let words = rig.warning().await;
    assert_eq!(words, format!("Port {port} is taken, so session events are received on port {}.", rig.port));
    assert_eq!(rig.post(&start("s")).await.0, 200);
    rig.stop().await;
}

#[tokio::test]
async fn a_second_receiver_waits_for_the_first_ones_end() {
    let first = Rig::start(config()).await;
    let parts = Parts { config: config(), paths: first.paths.clone(), clock: Clock::default() };
    let second = Webhook::start(parts);
    let mut view = second.view.clone();
    let waits = |view: &LifecycleView| {
        view.words.as_deref().is_some_and(|words| words.contains("another peer on this computer"))
    };
    timeout(WAIT, view.wait_for(waits)).await.expect("in time").expect("a view");
    assert!(second.events(Which::Newest(1)).await.is_none());
    let _home = first.stop().await;
    let listens = |view: &LifecycleView| view.state == LifecycleState::Listening;
    timeout(WAIT, view.wait_for(listens)).await.expect("in time").expect("a view");
    second.stop().await;
}

#[tokio::test]
async fn titles_are_kept_only_where_that_is_allowed_and_never_in_an_event() {
    let body = json!({"session_id": "s", "hook_type": "start", "title": "Fix the login"});
    let mut rig = Rig::start(LifecycleConfig { titles: true, ..config() }).await;
    rig.post(&body).await;
    let view = rig.until(|view| !view.sessions.is_empty()).await;
    assert_eq!(view.sessions[0].title.as_deref(), Some("Fix the login"));
    assert!(!rig.events().await[0].to_string().contains("Fix the login"));
    let mut rig = Rig::start_in(rig.stop().await, config()).await;
    let view = rig.until(|view| !view.sessions.is_empty()).await;
    assert_eq!(view.sessions[0].title, None, "no longer allowed, it is forgotten");
    rig.post(&stop("s")).await;
    rig.post(&body).await;
    let view = rig.until(|view| view.sessions[0].ended_at.is_none() && view.accepted == 2).await;
    assert_eq!(view.sessions[0].title, None);
    rig.stop().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_session_whose_process_is_gone_without_a_word_is_over_and_one_without_a_process_is_left_open() {
    let mut rig = Rig::start(config()).await;
    let mut agent =
        tokio::process::Command::new("sleep").arg("300").kill_on_drop(true).spawn().expect("a process");
    let with = |session: &str, pid: Option<u32>| json!({"session_id": session, "hook_type": "start", "pid": pid, "cwd": "/w"});
    rig.post(&with("gone", agent.id())).await;
    rig.post(&with("lives", Some(std::process::id()))).await;
    rig.post(&with("unknown", None)).await;
    let view = rig.until(|view| view.sessions.len() == 3).await;
    assert!(view.sessions.iter().all(|session| session.phase == Phase::Started));
    agent.kill().await.expect("killed");
    let ended = |view: &LifecycleView| view.sessions.iter().any(|session| session.ended_at.is_some());
    let view = rig.until(ended).await;
    let gone = view.sessions.iter().find(|session| session.session_id == "gone").expect("it");
    assert_eq!((gone.phase, gone.outcome, gone.exit_status), (Phase::Stopped, Some(Outcome::Unknown), None));
    assert_eq!(gone.cwd.as_deref(), Some("/w"));
    let event = rig.events().await.pop().expect("an event");
    assert_eq!(event["payload"]["lifecycle"]["reason"], "process_gone");
    assert_eq!(rig.told().await.len(), 4);
    // A process that ends while nobody looks.
    let mut other =
        tokio::process::Command::new("sleep").arg("300").kill_on_drop(true).spawn().expect("a process");
    rig.post(&with("later", other.id())).await;
    let home = rig.stop().await;
    other.kill().await.expect("killed");
    let mut rig = Rig::start_in(home, config()).await;
    rig.until(|view| {
        view.sessions.iter().any(|session| session.session_id == "later" && session.ended_at.is_some())
    })
    .await;
    assert_eq!(rig.told().await.len(), 6);
    rig.stop().await;
}

#[tokio::test]
async fn a_run_of_ours_tells_of_its_session_and_what_others_say_of_it_is_dropped() {
    let mut rig = Rig::start(config()).await;
    let subject = Subject { harness: Harness::OpenCode, session: SessionHandle::new("ours") };
    let run = RunId::new("run_1");
    rig.post(&start("ours")).await;
    rig.webhook.tell(RunTold::Began(run.clone(), Box::new(Happened::new(subject, Timestamp(1), None))));
    rig.until(|view| view.sessions.first().is_some_and(|session| session.run_id.is_some())).await;
    let (status, answer) = rig.post(&stop("ours")).await;
    assert_eq!((status, answer), (200, json!({"ok": true, "duplicate": true})));
    rig.webhook.tell(RunTold::Over(run, End::run_failed(), Timestamp(2)));
    rig.until(|view| view.sessions[0].ended_at == Some(2)).await;
    rig.post(&stop("ours")).await;
    rig.webhook.tell(RunTold::Over(RunId::new("unknown"), End::run_failed(), Timestamp(2)));
    rig.post(&stop("another")).await;
    assert_eq!(rig.told().await, ["ours:started", "ours:failed", "another:completed"]);
    rig.stop().await;
}

#[tokio::test]
async fn another_receiver_gets_everything_in_order_and_is_waited_for() {
    let there = Rig::start(config()).await;
    let url: url::Url = there.webhook.view().url.expect("a URL").parse().expect("a URL");
    let wrong = url.clone();
    let forward = |url: url::Url, secret: &str| {
        let secret = Some(secret.to_owned().into());
        LifecycleConfig { forward: Some(crate::config::ForwardConfig { url, secret }), ..config() }
    };
    // The secret is wrong at first: it waits, and says why.
    let mut here = Rig::start(forward(wrong, "not it")).await;
    for body in [start("a"), stop("a"), start("b")] {
        here.post(&body).await;
    }
    let waits = |view: &LifecycleView| view.forward.as_ref().is_some_and(|forward| forward.waits.is_some());
    let view = here.until(waits).await;
    let told = view.forward.expect("a receiver");
    assert_eq!(told.waits.as_deref(), Some("it answered 401: is the secret right?"));
    assert_eq!(told.to, format!("http://127.0.0.1:{}", there.port));
    assert!(told.retry_at.is_some());
    let mut here = Rig::start_in(here.stop().await, forward(url, SECRET)).await;
    here.post(&json!({"session_id": "b", "exit_status": 130})).await;
    here.until(|view| view.forward.as_ref().is_some_and(|forward| forward.delivered == 4)).await;
    assert_eq!(there.told().await, ["a:started", "a:completed", "b:started", "b:stopped"]);
    here.stop().await;
    there.stop().await;
}
