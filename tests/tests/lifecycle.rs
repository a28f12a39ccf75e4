//! The lifecycle receiver of the real program: many senders and a kill -9, a browser, the tools.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

use hmac::{Hmac, KeyInit, Mac};
use orgx_peer::Paths;
use orgx_peer::hook::{Hook, send};
use orgx_tests::chromium::{self, Chromium};
use orgx_tests::peer::Peer;
use orgx_tests::process::until;
use orgx_tests::{Stage, programs, story_without_opencode};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CLIENTS: usize = 50;
/// Of each client: each begins and ends once.
const SESSIONS: usize = 100;

/// A stage whose peers have a receiver and a buffer.
struct Place {
    stage: Stage,
}

impl Place {
    async fn set() -> Self {
        let stage = Stage::set().await;
        let config = "[opencode]\nuse_running = false\nstart_when_needed = false\n";
        std::fs::write(stage.config().join("config.toml"), config).unwrap();
        Self { stage }
    }

    async fn peer(&self) -> Peer {
        let mut command = self.stage.command();
        command.env("ORGX_PEER_WEBHOOK_PORT", "0").env("ORGX_PEER_BUFFER_DIR", self.buffer_dir());
        let peer = self.stage.start(command).await;
        until("the receiver listens", async || self.announced()["pid"] == peer.pid()).await;
        peer
    }

    fn buffer_dir(&self) -> PathBuf {
        self.stage.root().join("buffer")
    }

    fn paths(&self) -> Paths {
        Paths { config: self.stage.config(), state: self.stage.state(), runtime: None }
    }

    /// What `webhook.json` says.
    fn announced(&self) -> Value {
        let text = std::fs::read_to_string(self.stage.state().join("webhook.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn port(&self) -> u16 {
        let url: url::Url = self.announced()["url"].as_str().unwrap().parse().unwrap();
        url.port().unwrap()
    }

    /// The events of the buffer file, each a whole line.
    fn buffered(&self) -> Vec<Value> {
        let text =
            std::fs::read_to_string(self.buffer_dir().join("opencode-opencode.jsonl")).unwrap_or_default();
        // What is being written now may not be whole.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
    }

    async fn tool(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.stage.command_of(arguments).output().await.unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    }
}

fn hook(kind: &str, session: String) -> Hook {
    Hook { hook_type: kind.into(), session_id: session, cwd: Some("/w".into()), ..Hook::default() }
}

#[test]
fn ten_thousand_posts_of_fifty_clients_across_kills_are_neither_lost_nor_doubled() {
    story_without_opencode(async {
        let place = Place::set().await;
        let peer = place.peer().await;
        let done = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (paths, done) = (place.paths(), Arc::clone(&done));
                tokio::spawn(async move {
                    for session in 0..SESSIONS {
                        for kind in ["start", "stop"] {
                            let told = hook(kind, format!("c{client}s{session}"));
                            // As a careful sender does: until it was taken.
                            while send(paths.clone(), &told).await.is_err() {
                                tokio::time::sleep(Duration::from_millis(20)).await;
                            }
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        let all = CLIENTS * SESSIONS * 2;
        let reached = async |part: usize| {
            until("the posts go on", async || done.load(Ordering::Relaxed) >= part).await;
        };
        let mut peer = peer;
        for part in [all / 5, all / 2, all * 4 / 5] {
            reached(part).await;
            peer.kill().await;
            peer = place.peer().await;
        }
        for client in clients {
            client.await.unwrap();
        }
        until("the buffer has them", async || place.buffered().len() >= all).await;
        let buffered = place.buffered();
        let mut ids = HashSet::new();
        let mut phases: HashMap<String, Vec<String>> = HashMap::new();
        for event in &buffered {
            assert!(ids.insert(event["id"].as_str().unwrap().to_owned()), "twice: {event}");
            let payload = &event["payload"];
            let session = payload["session_id"].as_str().unwrap().to_owned();
            phases
                .entry(session)
                .or_default()
                .push(payload["lifecycle"]["phase"].as_str().unwrap().to_owned());
        }
        assert_eq!((buffered.len(), phases.len()), (all, CLIENTS * SESSIONS));
        assert!(phases.values().all(|phases| *phases == ["started", "completed"]), "in order, once each");
        peer.stop_well().await;
        let store = rusqlite::Connection::open(place.stage.state().join("lifecycle.sqlite")).unwrap();
        let counted = store.query_row("SELECT count(*), max(number) FROM event", [], |row| {
            Ok((row.get::<_, isize>(0)?, row.get::<_, isize>(1)?))
        });
        assert_eq!(counted.unwrap(), (all.cast_signed(), all.cast_signed()), "no gap in the numbers");
    });
}

#[test]
fn a_shell_tells_and_the_tools_say_what_was_told() {
    story_without_opencode(async {
        let place = Place::set().await;
        assert_eq!(place.tool(&["hook", "start", "--session-id", "ses_1"]).await, (Some(0), String::new()));
        let peer = place.peer().await;
        let start =
            ["hook", "start", "--session-id", "ses_1", "--cwd", "/w", "--harness", "claude-code", "-v"];
        assert_eq!(place.tool(&start).await, (Some(0), String::new()));
        let stop = [
            "hook",
            "stop",
            "--session-id",
            "ses_1",
            "--exit-status",
            "143",
            "--duration",
            "2.5",
            "--harness",
            "claude-code",
            "--summary",
            "did it",
            "--model",
            "m",
            "-v",
        ];
        assert_eq!(place.tool(&stop).await, (Some(0), String::new()));
        let (code, said) = place.tool(&["lifecycle"]).await;
        assert_eq!(code, Some(0), "{said}");
        let words: Vec<Vec<&str>> =
            said.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
        assert_eq!(
            words,
            [
                vec!["Started", "claude-code", "ses_1", "/w"],
                vec!["Stopped", "claude-code", "ses_1", "sigterm"],
            ]
        );
        let (_, said) = place.tool(&["lifecycle", "--json", "-n", "1"]).await;
        let event: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(place.buffered().last(), Some(&event), "the same as in the buffer");
        assert_eq!(
            (&event["payload"]["duration_seconds"], &event["payload"]["summary"]),
            (&json!(2.5), &json!("did it"))
        );
        let log = peer.log();
        let secret = place.announced()["secret"].as_str().unwrap().to_owned();
        assert!(!log.contains(&secret) && !log.contains("did it"), "{log}");
        for file in Stage::files_with(&place.stage.state(), &secret) {
            assert_eq!(file.file_name().unwrap(), "webhook.json");
        }
        peer.stop_well().await;
        assert_eq!(place.announced()["url"], Value::Null, "nobody listens there any more");
    });
}

/// A page of somebody else's, on this computer for want of a network: to the browser it is another origin.
async fn strange_page() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _read = stream.read(&mut head).await;
            let page = "<!doctype html><title>strange</title><body></body>";
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    });
    port
}

/// Everything that a page can do to post, with a signature that is right: it may have learnt the secret.
const ATTACK: &str = r#"
    const [url, body, signature, done] = arguments;
    const json = { "content-type": "application/json", "x-hub-signature-256": signature };
    const attempts = [
        () => fetch(url, { method: "POST", headers: json, body }),
        () => fetch(url, { method: "POST", headers: json, body, mode: "no-cors" }),
        () => fetch(url, { method: "POST", body, mode: "no-cors" }),
        () => fetch(url, { method: "POST", headers: { "content-type": "text/plain" }, body, mode: "no-cors" }),
        () => fetch(url, { method: "POST", headers: json, body, referrerPolicy: "no-referrer", credentials: "omit" }),
        () => fetch(url, { method: "POST", body, mode: "no-cors", keepalive: true }),
        () => navigator.sendBeacon(url, new Blob([body], { type: "text/plain" })),
        () => navigator.sendBeacon(url, new Blob([body], { type: "application/json" })),
        () => new Promise((over) => {
            const request = new XMLHttpRequest();
            request.onloadend = over;
            request.open("POST", url);
            for (const [name, value] of Object.entries(json)) request.setRequestHeader(name, value);
            request.send(body);
        }),
        () => new Promise((over) => {
            const frame = document.createElement("iframe");
            frame.name = "target";
            frame.onload = over;
            document.body.append(frame);
            const form = document.createElement("form");
            Object.assign(form, { action: url, method: "POST", target: "target", enctype: "text/plain" });
            const input = document.createElement("input");
            Object.assign(input, { name: body.slice(0, -1) + ',"x":"', value: '"}' });
            form.append(input);
            document.body.append(form);
            form.submit();
            setTimeout(over, 3000);
        }),
        () => new Promise((over) => {
            const image = new Image();
            image.onerror = image.onload = over;
            image.src = url;
        }),
    ];
    (async () => {
        const told = [];
        for (const attempt of attempts) {
            try {
                const answer = await attempt();
                told.push(answer instanceof Response && answer.type !== "opaque" ? answer.status : "?");
            } catch {
                told.push("!");
            }
        }
        done(told);
    })();
"#;

#[test]
fn no_page_in_a_browser_can_make_it_accept_anything() {
    if let Some(why) = chromium::missing() {
        return programs::say_skipped(&why);
    }
    story_without_opencode(async {
        let place = Place::set().await;
        let peer = place.peer().await;
        let (port, strange) = (place.port(), strange_page().await);
        let browser = Chromium::start().await;
        let secret = place.announced()["secret"].as_str().unwrap().to_owned();
        let body = json!({"session_id": "from_a_page"}).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("sha256={hex}");
        for (page, host) in [
            // Another origin.
            (format!("http://127.0.0.1:{strange}/"), "127.0.0.1"),
            (format!("http://127.0.0.1:{strange}/"), "localhost"),
            // A name of the page's own that leads here, as after DNS rebinding: the same origin to the browser.
            (format!("http://evil.localhost:{port}/"), "evil.localhost"),
            // Our very own origin.
            (format!("http://127.0.0.1:{port}/"), "127.0.0.1"),
        ] {
            browser.session.goto(&page).await.unwrap();
            let url = format!("http://{host}:{port}/webhook/opencode");
            let told = browser.session.run_async(ATTACK, json!([url, body, signature])).await.unwrap();
            let told = told.as_array().expect("what came of each").clone();
            assert_eq!(told.len(), 11, "{page}");
            assert!(!told.contains(&json!(200)), "{page} at {host}: {told:?}");
        }
        browser.quit().await;
        assert_eq!(place.tool(&["lifecycle", "--json"]).await, (Some(0), String::new()), "nothing was taken");
        // The very same post from a program is.
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let head = format!(
            "POST /webhook/opencode HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             X-Hub-Signature-256: {signature}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (_, said) = place.tool(&["lifecycle", "--json"]).await;
        assert_eq!(said.lines().count(), 1, "{said}");
        peer.stop_well().await;
    });
}
