//! A receiver over a real socket, without a peer around it.

mod answers;
mod many;
mod slow;
mod story;

use super::*;
use crate::config::LifecycleConfig;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SECRET: &str = "hush";

/// How long anything may take on a busy computer.
const WAIT: Duration = Duration::from_secs(60);

/// A receiver, and the folder of its things.
struct Rig {
    webhook: Webhook,
    paths: Paths,
    port: u16,
    home: TempDir,
}

fn config() -> LifecycleConfig {
    LifecycleConfig {
        enabled: true,
        port: 0,
        secret: Some(SECRET.to_owned().into()),
        ..LifecycleConfig::default()
    }
}

impl Rig {
    async fn start(config: LifecycleConfig) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), config).await
    }

    async fn start_in(home: TempDir, config: LifecycleConfig) -> Self {
        let paths = Paths { config: home.path().into(), state: home.path().join("state"), runtime: None };
        let parts = Parts { config, paths: paths.clone(), clock: Clock::default() };
        let mut rig = Self { webhook: Webhook::start(parts), paths, port: 0, home };
        let view = rig.until(|view| view.state == LifecycleState::Listening).await;
        rig.port = view.url.and_then(|url| url.parse::<url::Url>().ok()?.port()).expect("a port");
        rig
    }

    /// Stops it; its folder.
    async fn stop(self) -> TempDir {
        self.webhook.stop().await;
        self.home
    }

    async fn until(&mut self, wanted: impl FnMut(&LifecycleView) -> bool) -> LifecycleView {
        let mut view = self.webhook.view.clone();
        let seen = timeout(WAIT, view.wait_for(wanted)).await;
        seen.expect("not in time").expect("a receiver").clone()
    }

    async fn warning(&mut self) -> String {
        let told = async {
            loop {
                if let Notice::Warning(words) = self.webhook.next().await {
                    return words;
                }
            }
        };
        timeout(WAIT, told).await.expect("a warning in time")
    }

    /// A well-made post of this body.
    async fn post(&self, body: &Value) -> (u16, Value) {
        self.send(&body.to_string(), &[]).await
    }

    /// A post of these bytes, with headers over those that it would have; an empty one is left out.
    async fn send(&self, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let signature = sign(SECRET.as_bytes(), body.as_bytes());
        let host = format!("127.0.0.1:{}", self.port);
        let length = body.len().to_string();
        let mut all = vec![
            ("host", host.as_str()),
            ("content-type", "application/json"),
            ("content-length", &length),
            ("x-hub-signature-256", &signature),
            ("connection", "close"),
        ];
        for (name, value) in headers {
            match all.iter_mut().find(|(known, _)| known == name) {
                Some(header) => header.1 = value,
                None => all.push((name, value)),
            }
        }
        let head: String = all
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        self.raw(format!("POST /webhook/opencode HTTP/1.1\r\n{head}\r\n{body}").as_bytes()).await
    }

    /// The answer to these bytes.
    async fn raw(&self, bytes: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens");
        stream.write_all(bytes).await.expect("written");
        answer(&mut stream).await
    }

    async fn events(&self) -> Vec<Value> {
        let events = self.webhook.events(Which::Newest(1_000)).await.expect("a store");
        events.into_iter().map(|event| serde_json::to_value(event.event).expect("JSON")).collect()
    }

    /// `session:phase` of each event.
    async fn told(&self) -> Vec<String> {
        self.events().await.iter().map(short).collect()
    }
}

fn short(event: &Value) -> String {
    let lifecycle = &event["payload"]["lifecycle"];
    lifecycle["dedupe_key"].as_str().and_then(|key| key.split_once(':')).expect("a key").1.to_owned()
}

async fn answer(stream: &mut TcpStream) -> (u16, Value) {
    let mut answer = Vec::new();
    timeout(WAIT, stream.read_to_end(&mut answer)).await.expect("an answer in time").expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or_default())
}
