//! The scripted model, asked over HTTP as OpenCode asks it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

mod common;

use std::time::{Duration, Instant};

use common::http;
use orgx_sandbox::model::Model;
use serde_json::{Value, json};

fn conversation(prompt: &str, answered: usize) -> Value {
    let mut messages = vec![
        json!({"role": "system", "content": "You are here.\n  Working directory: /w/my project\n  Is git: no"}),
        json!({"role": "user", "content": "earlier"}),
        json!({"role": "assistant", "content": "yes"}),
        json!({"role": "user", "content": [{"type": "text", "text": prompt}]}),
    ];
    for _ in 0..answered {
        messages.push(json!({"role": "assistant", "content": ""}));
        messages.push(json!({"role": "tool", "content": "done", "tool_call_id": "x"}));
    }
    json!({"model": "fake-1", "stream": true, "tools": [{"type": "function"}], "messages": messages})
}

async fn ask(model: &Model, body: &Value) -> reqwest::Response {
    let url = model.base_url() + "/chat/completions";
    http().post(url).header("x-session-id", "ses_1").json(body).send().await.unwrap()
}

async fn chunks(model: &Model, body: &Value) -> Vec<Value> {
    let text = ask(model, body).await.text().await.unwrap();
    let mut lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(lines.pop(), Some("[DONE]"));
    lines.into_iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

fn finish(chunks: &[Value]) -> Option<&str> {
    chunks.iter().find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str())
}

fn arguments(chunks: &[Value]) -> String {
    let call = |chunk: &Value| {
        chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str().map(str::to_owned)
    };
    chunks.iter().filter_map(call).collect()
}

#[tokio::test]
async fn a_plain_prompt_writes_a_file_and_then_says_so() {
    let model = Model::start().await.unwrap();
    let first = chunks(&model, &conversation("do it", 0)).await;
    assert_eq!(finish(&first), Some("tool_calls"));
    let written: Value = serde_json::from_str(&arguments(&first)).unwrap();
    assert_eq!(
        written,
        json!({"filePath": "/w/my project/hello.txt", "content": "hello from the sandbox model\n"})
    );
    let usage = &first.last().unwrap()["usage"];
    assert_eq!(
        (&usage["total_tokens"], &usage["prompt_tokens_details"]["cached_tokens"]),
        (&json!(1050), &json!(200))
    );
    for answered in [1, 5] {
        let second = chunks(&model, &conversation("do it", answered)).await;
        assert_eq!((finish(&second), said(&second).as_str()), (Some("stop"), "hello.txt is written."));
    }
    let asked = model.requests();
    assert_eq!((asked[0].keyword.as_str(), asked[0].turn, asked[2].turn), ("default", 0, 1));
    assert_eq!((asked[0].prompt.as_str(), asked[0].session.as_deref()), ("do it", Some("ses_1")));
}

#[tokio::test]
async fn a_request_without_tools_gets_a_title_in_one_body() {
    let model = Model::start().await.unwrap();
    let body = json!({"messages": [{"role": "user", "content": "HANG"}]});
    let reply: Value = ask(&model, &body).await.json().await.unwrap();
    assert_eq!(reply["choices"][0]["message"]["content"], "Sandbox session");
    assert_eq!(reply["usage"]["total_tokens"], 10);
    assert_eq!(model.requests()[0].keyword, "title");
}

#[tokio::test]
async fn a_keyword_chooses_its_script_and_a_set_one_comes_first() {
    let model = Model::start().await.unwrap();
    for (prompt, keyword) in [
        ("please EDIT it", "EDIT"),
        ("update the CHANGELOG", "default"),
        ("E500ONCE", "E500ONCE"),
        ("SUBAGENT go", "SUBAGENT"),
    ] {
        drop(ask(&model, &conversation(prompt, 0)).await);
        assert_eq!(model.requests().last().unwrap().keyword, keyword);
    }
    model.script("EDIT", json!([{"text": ["mine, ", "not yours"]}]));
    assert_eq!(said(&chunks(&model, &conversation("EDITOR", 0)).await), "mine, not yours");
}

#[tokio::test]
async fn failures_come_as_often_as_they_are_meant_to() {
    let model = Model::start().await.unwrap();
    let rate = conversation("E429", 0);
    let reply = ask(&model, &rate).await;
    assert_eq!((reply.status().as_u16(), &reply.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(said(&chunks(&model, &rate).await), "Well again after one 429.");
    for (prompt, status, code) in [("E401", 401, json!("invalid_api_key")), ("E400", 400, json!(null))] {
        for _ in 0..2 {
            let reply = ask(&model, &conversation(prompt, 0)).await;
            assert_eq!(reply.status(), status);
            assert_eq!(reply.json::<Value>().await.unwrap()["error"]["code"], code);
        }
    }
    let reply = ask(&model, &conversation("OVERFLOW", 0)).await;
    assert_eq!(reply.json::<Value>().await.unwrap()["error"]["code"], "context_length_exceeded");
}

#[tokio::test]
async fn a_stream_can_end_in_every_wrong_way() {
    let model = Model::start().await.unwrap();
    assert_eq!(finish(&chunks(&model, &conversation("LENGTH", 0)).await), Some("length"));
    assert_eq!(finish(&chunks(&model, &conversation("NOFINISH", 0)).await), None);
    let mut reply = ask(&model, &conversation("DROP", 0)).await;
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = reply.chunk().await {
        text.extend_from_slice(&chunk);
    }
    assert_eq!(String::from_utf8(text).unwrap().matches("data: ").count(), 3);
    assert!(reply.chunk().await.is_err() || reply.chunk().await.unwrap().is_none());
}

#[tokio::test]
async fn a_turn_waits_for_its_gate_and_its_delays() {
    let model = Model::start().await.unwrap();
    model.script("GATED", json!([{"text": "open", "gate": "go"}]));
    model.script(
        "LATE",
        json!([{"text": ["a", "b"], "delay_ms": 60, "chunk_delay_ms": 20, "reasoning": "hm"}]),
    );
    let body = conversation("GATED", 0);
    let (chunks_got, ()) = tokio::join!(chunks(&model, &body), async {
        model.wait_request("the ask", |asked| asked.len() == 1).await.unwrap();
        model.open("go");
    });
    assert_eq!(said(&chunks_got), "open");
    let start = Instant::now();
    let late = chunks(&model, &conversation("LATE", 0)).await;
    assert!(start.elapsed() >= Duration::from_millis(60 + 6 * 20));
    assert_eq!(late[1]["choices"][0]["delta"]["reasoning_content"], "hm");
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let model = Model::start().await.unwrap();
    let client = http();
    let url = model.base_url() + "/chat/completions";
    let hung = tokio::spawn(client.post(&url).json(&conversation("HANG", 0)).send());
    model.wait_request("the ask", |asked| asked.len() == 1).await.unwrap();
    hung.abort();
    model.wait_aborted(1).await.unwrap();
    let mut reply = ask(&model, &conversation("SLOW", 0)).await;
    reply.chunk().await.unwrap();
    drop(reply);
    model.wait_aborted(2).await.unwrap();
    assert_eq!(model.aborted(), 2);
}
