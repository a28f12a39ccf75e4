//! Many senders at once.

use super::*;
use std::collections::HashSet;

const CLIENTS: usize = 50;
const POSTS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_tell_at_once_is_in_the_store_and_in_the_buffer_once() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("buffer");
    let mut rig = Rig::start_in(home, LifecycleConfig { buffer_dir: Some(dir.clone()), ..config() }).await;
    let url = format!("http://127.0.0.1:{}/webhook/opencode", rig.port);
    let client = crate::http::client(&url.parse().expect("a URL"), None).expect("a client");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|of| {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move {
                for post in 0..POSTS {
                    let body = json!({"session_id": format!("s{of}-{post}"), "exit_status": 0}).to_string();
                    // Every post twice: the second one is a repeat.
                    for _ in 0..2 {
                        let signed = sign(SECRET.as_bytes(), body.as_bytes());
                        let request = client.post(&url).header(SIGNATURE, signed);
                        let request = request.header("content-type", "application/json").body(body.clone());
                        let answer = request.send().await.expect("an answer");
                        assert_eq!(answer.status(), 200);
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("it posts");
    }
    let all = (CLIENTS * POSTS) as u64;
    let view = rig.until(|view| view.buffer.as_ref().is_some_and(|buffer| buffer.written == all)).await;
    assert_eq!((view.accepted, view.repeated), (all, all));
    let text = std::fs::read_to_string(dir.join("opencode-opencode.jsonl")).expect("a buffer");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect();
    assert_eq!(lines.len() as u64, all);
    let sessions: HashSet<String> = lines.iter().map(short).collect();
    assert_eq!(sessions.len() as u64, all);
    let mut number = 0;
    loop {
        let events = rig.webhook.events(Which::After(number, 1_000)).await.expect("a store");
        let Some(last) = events.last() else { break };
        assert_eq!(last.number - number, events.len() as i64, "no gap");
        number = last.number;
    }
    assert_eq!(number as u64, all);
    rig.stop().await;
}
