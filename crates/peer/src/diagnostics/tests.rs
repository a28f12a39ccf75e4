use super::*;
use crate::config::Config;
use crate::peer::Peer;
use orgx_sandbox::daemon::Daemon;
use orgx_sandbox::gateway::Gateway;
use std::io::Read;
use zip::ZipArchive;

const KEY: &str = "canary-key-that-looks-like-nothing";
const PASSWORD: &str = "canary-password";

#[tokio::test]
async fn no_key_no_prompt_no_title_and_no_home_is_in_any_entry() {
    let (gateway, daemon) =
        (Gateway::start().await.expect("a gateway"), Daemon::start().await.expect("a daemon"));
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("project");
    std::fs::create_dir(&folder).expect("a folder");
    let env = Environment::of([
        ("ORGX_API_KEY", KEY),
        ("ORGX_WORKSPACE_ID", "w"),
        ("OPENCODE_SERVER_PASSWORD", PASSWORD),
    ])
    .with("HOME", home.path())
    .with("ORGX_BASE_URL", gateway.base_url())
    .with("OPENCODE_SERVER_URL", daemon.url());
    let peer = Peer::start(Config::load(&env).expect("a configuration")).await.expect("a peer");
    gateway.dispatch(json!({
        "kind": "task.dispatch", "run_id": "run_1", "idempotency_key": "key_1", "timeout_seconds": 60,
        "task": { "title": "canary title", "description": "canary prompt", "driver": "opencode", "repo_path": folder },
    }));
    peer.watch().wait_for(|now| !now.recent.is_empty()).await.expect("an end");
    let alive = collect(&env).await;
    assert!(alive.iter().all(|entry| !entry.text.contains("canary")), "while it is still in memory");
    // What other programs, or a careless hand, may have written.
    let outbox = peer.snapshot().outbox.expect("one").path;
    peer.stop().await;
    let mut trail = std::fs::OpenOptions::new().append(true).open(outbox).expect("a trail");
    writeln!(trail, r#"{{"event":"canary event","timestamp":"2026 canary time that is long enough"}}"#)
        .expect("written");
    writeln!(trail, "canary line").expect("written");
    // It has read the end of the trail when it says how long that is.
    let peer = Peer::start(Config::load(&env).expect("a configuration")).await.expect("a peer");
    let has_read = |now: &PeerSnapshot| now.outbox.as_ref().is_some_and(|outbox| outbox.last_kind.is_some());
    peer.watch().wait_for(has_read).await.expect("a trail");

    // What OpenCode's server said, and a careless hand may have written.
    let config = Config::load(&env).expect("a configuration");
    let said = format!("a line of the server\n{KEY} {PASSWORD} in {}\n", home.path().display());
    std::fs::write(config.paths.agent_log(&config.tenant()), said).expect("a log");

    let file = home.path().join("d.zip");
    write(&file, &collect(&env).await).expect("written");
    let mut zip = ZipArchive::new(std::fs::File::open(&file).expect("a file")).expect("a zip");
    let mut all = Vec::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).expect("an entry");
        let name = entry.name().expect("a name").into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        let place = home.path().display().to_string();
        for canary in ["canary", KEY, PASSWORD, &place] {
            assert!(!text.contains(canary), "{canary} is in {name}: {text}");
        }
        all.push((name, text));
    }
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let files = [
        "README.txt",
        "about.json",
        "doctor.json",
        "status.json",
        "runs.json",
        "config.json",
        "outbox.json",
        "server.json",
    ];
    assert_eq!(names, files);
    assert!(files.iter().skip(1).all(|file| README.contains(file)), "the README tells of each");
    let json = |name: &str| -> Value {
        let entry = all.iter().find(|(other, _)| other == name).expect("an entry");
        serde_json::from_str(&entry.1).expect("JSON")
    };
    assert_eq!(json("about.json")["orgx_peer"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json("doctor.json")["checks"].as_array().expect("checks").len(), 14);
    assert!(json("status.json")["connection"].is_string());
    let config = json("config.json");
    assert_eq!(
        (&config["key"], &config["opencode"]["has_password"]),
        (&json!("in the environment"), &json!(true))
    );
    assert!(config["state_folder"].as_str().expect("a path").starts_with("~/"));
    assert_eq!(json("server.json")[0], "a line of the server");
    let trail = json("outbox.json");
    assert_eq!((&trail["lines_that_are_no_json"], &trail["events"]["other"]), (&json!(1), &json!(1)));
    assert_eq!(trail["events"]["task_completed"], 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
    }
    peer.stop().await;
}

#[tokio::test]
async fn with_nothing_set_up_there_is_still_something_to_send() {
    let home = tempfile::tempdir().expect("a folder");
    let env = Environment::default().with("HOME", home.path()).with("ORGX_BASE_URL", "http://127.0.0.1:9");
    let entries = collect(&env).await;
    assert_eq!(entries.len(), 8);
    assert_eq!(entries.iter().find(|entry| entry.name == "status.json").expect("one").text, "null");
    assert!(to_zip(&entries).expect("a zip").starts_with(b"PK"));
}
