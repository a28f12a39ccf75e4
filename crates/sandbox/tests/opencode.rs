//! The real OpenCode against the scripted model. Runs when `ORGX_OPENCODE_BIN` names its binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

mod common;

use std::{io::Write, path::Path, process::Stdio, time::Duration};

use common::{folder, http};
use orgx_sandbox::{
    model::{Asked, Model},
    opencode::OpenCodeHome,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A cold start of the real thing on a busy machine.
const START: Duration = Duration::from_mins(1);

struct Server {
    url: String,
    _child: Child,
}

impl Server {
    async fn start(binary: &str, home: &OpenCodeHome, project: &Path) -> Self {
        let mut child = Command::new(binary)
            .args(["serve", "--port", "0", "--hostname", "127.0.0.1"])
            .current_dir(project)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .envs(home.env())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = tokio::time::timeout(START, async {
            loop {
                let line = lines.next_line().await.unwrap().expect("OpenCode ended");
                if let Some((_, url)) = line.split_once("listening on ") {
                    return url.trim().to_owned();
                }
            }
        });
        let url = url.await.expect("OpenCode did not start");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { url, _child: child }
    }

    fn at(&self, path: &str, project: &Path) -> reqwest::Url {
        let query = [("directory", project.to_str().unwrap())];
        reqwest::Url::parse_with_params(&format!("{}{path}", self.url), query).unwrap()
    }

    async fn get(&self, path: &str, project: &Path) -> Value {
        http().get(self.at(path, project)).send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, project: &Path, body: &Value) -> Value {
        let reply = http().post(self.at(path, project)).json(body).timeout(START).send().await.unwrap();
        reply.json().await.unwrap()
    }

    async fn prompt(&self, session: &str, project: &Path, text: &str) -> Value {
        let body = json!({"parts": [{"type": "text", "text": text}]});
        self.post(&format!("/session/{session}/message"), project, &body).await
    }
}

/// The binary to test, or a loud word that it was not tested.
fn binary() -> Option<String> {
    let binary = std::env::var("ORGX_OPENCODE_BIN").ok();
    if binary.is_none() {
        // Written past the test harness, which would keep a print to itself.
        let skipped = "SKIPPED: ORGX_OPENCODE_BIN is not set, the real OpenCode was NOT tested";
        writeln!(std::io::stderr().lock(), "{skipped}").unwrap();
    }
    binary
}

#[tokio::test]
async fn the_real_opencode_does_what_the_model_says() {
    let Some(binary) = binary() else { return };
    let model = Model::start().await.unwrap();
    let home = OpenCodeHome::create(&folder("opencode"), &model.base_url()).unwrap();
    let project = home.project("project").unwrap();
    let server = Server::start(&binary, &home, &project).await;

    let session = server.post("/session", &project, &json!({"title": "sandbox"})).await;
    let id = session["id"].as_str().unwrap();
    let reply = server.prompt(id, &project, "please greet").await;
    assert_eq!(std::fs::read_to_string(project.join("hello.txt")).unwrap(), "hello from the sandbox model\n");
    assert_eq!(reply["info"]["finish"], "stop", "{reply}");
    assert_eq!(reply["info"]["tokens"]["cache"]["read"], 1000);

    server.prompt(id, &project, "please EDIT").await;
    assert_eq!(std::fs::read_to_string(project.join("hello.txt")).unwrap(), "HELLO from the sandbox model\n");
    let turns: Vec<(String, usize)> =
        model.requests().into_iter().map(|asked| (asked.keyword, asked.turn)).collect();
    let wanted = [("default", 0), ("default", 1), ("EDIT", 0), ("EDIT", 1), ("EDIT", 2)];
    assert_eq!(turns, wanted.map(|(keyword, turn)| (keyword.to_owned(), turn)));

    server.prompt(id, &project, "TASK").await;
    let subagent = model.requests().into_iter().find(|asked| asked.keyword == "SUBAGENT").unwrap();
    assert_ne!(subagent.session.as_deref(), Some(id));

    for (prompt, finish) in [("E500ONCE", "stop"), ("LENGTH", "length")] {
        assert_eq!(server.prompt(id, &project, prompt).await["info"]["finish"], finish, "{prompt}");
    }
    let refused = server.prompt(id, &project, "E401").await;
    assert!(refused["info"]["error"].to_string().contains("Incorrect API key"), "{refused}");
}

#[tokio::test]
async fn the_real_opencode_meets_a_model_that_misbehaves() {
    let Some(binary) = binary() else { return };
    let model = Model::start().await.unwrap();
    let home = OpenCodeHome::create(&folder("opencode-bad"), &model.base_url()).unwrap();
    let project = home.project("project").unwrap();
    let server = Server::start(&binary, &home, &project).await;
    let session = async || {
        let session = server.post("/session", &project, &json!({"title": "sandbox"})).await;
        session["id"].as_str().unwrap().to_owned()
    };
    let asked = |keyword: &str| model.requests().iter().filter(|asked| asked.keyword == keyword).count();

    // The first never answers; the second is asked again at once, for ever; the third is asked again after a pause.
    for (keyword, asks) in [("HANG", 1), ("NOFINISH", 5), ("DROP", 2)] {
        let id = session().await;
        let (reply, ()) = tokio::join!(server.prompt(&id, &project, keyword), async {
            let often = |asked: &[Asked]| asked.iter().filter(|ask| ask.keyword == keyword).count() >= asks;
            model.wait_request(keyword, often).await.unwrap();
            server.post(&format!("/session/{id}/abort"), &project, &json!({})).await;
        });
        assert_eq!(reply["info"]["role"], "assistant", "{keyword}: {reply}");
        assert!(reply["info"].get("finish").is_none(), "{keyword}: {reply}");
    }
    model.wait_aborted(1).await.unwrap();

    let id = session().await;
    let (reply, ()) = tokio::join!(server.prompt(&id, &project, "QUESTION"), async {
        let question = loop {
            let asked = server.get("/question", &project).await;
            if let Some(id) = asked[0]["id"].as_str() {
                break id.to_owned();
            }
        };
        let answer = json!({"answers": [["Blue"]]});
        server.post(&format!("/question/{question}/reply"), &project, &answer).await;
    });
    assert_eq!(text(&reply), "Thank you.");

    for (keyword, last) in [
        ("E429", "Well again after one 429."),
        ("FAILTOOL", "There is no such file."),
        ("BASH", "Listed."),
        ("TODO", "Planned."),
    ] {
        let id = session().await;
        assert_eq!(text(&server.prompt(&id, &project, keyword).await), last);
        assert_eq!(asked(keyword), 2, "{keyword}");
    }
}

/// The text of the message a prompt was answered with.
fn text(reply: &Value) -> String {
    let parts = reply["parts"].as_array().map_or(&[][..], Vec::as_slice);
    parts.iter().filter_map(|part| part["text"].as_str()).collect()
}
