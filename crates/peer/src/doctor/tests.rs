use super::*;
use crate::config::Config;
use crate::driver::{Detected, Probed};
use crate::gateway::SocketEvent;
use orgx_proto::health::Code;
use orgx_proto::redact::Redacted;
use orgx_sandbox::daemon::{Daemon, StatusAnswer};
use orgx_sandbox::gateway::{Gateway, UpgradeFault};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

#[test]
fn each_finding_has_its_outcome() {
    use Outcome::{Fail, Ok, Skipped, Warn};
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800);
    let clock = |date| network::clock(date, now);
    let refused = |status| network::gateway(Some(&SocketEvent::Refused { status, retry_after: None }));
    let space = |free| local::space(free, Path::new("/w"));
    for (check, outcome, words) in [
        (clock(Some("Fri, 20 Nov 2026 10:00:00 GMT")), Ok, "agrees with OrgX's"),
        (clock(Some("Fri, 20 Nov 2026 09:59:00 GMT")), Ok, "60 s ahead of OrgX's"),
        (clock(Some("Fri, 20 Nov 2026 10:04:59 GMT")), Ok, "299 s behind OrgX's"),
        (clock(Some("Fri, 20 Nov 2026 10:06:01 GMT")), Warn, "6 min behind OrgX's"),
        (clock(Some("yesterday")), Skipped, "has no time"),
        (clock(None), Skipped, "has no time"),
        (network::gateway(Some(&SocketEvent::Opened)), Ok, "takes the connection"),
        (refused(401), Fail, "does not know this key"),
        (refused(403), Fail, "may not receive tasks"),
        (refused(503), Fail, "HTTP 503"),
        (refused(400), Skipped, "offers no agent (HTTP 400)"),
        (network::gateway(Some(&SocketEvent::Failed(Redacted::new("x")))), Fail, "no connection: x"),
        (network::gateway(None), Fail, "no answer in time"),
        (space(49_000_000), Fail, "49 MB free for /w"),
        (space(51_000_000), Warn, "51 MB free for /w"),
        (space(499_999_999), Warn, "499 MB free for /w"),
        (space(12_300_000_000), Ok, "12.3 GB free"),
    ] {
        assert_eq!(check.outcome, outcome, "{check:?}");
        assert!(check.finding.contains(words), "{check:?}");
        // What is not well says what it means and what to do.
        let is_told = check.means.is_some() && check.todo.is_some();
        assert_eq!(is_told, matches!(outcome, Warn | Fail), "{check:?}");
    }
}

#[test]
fn an_agent_is_told_with_what_is_known_of_it() {
    let outcomes = |installed, authenticated, session_alive| {
        let agent = Detected {
            installed,
            authenticated,
            words: "words".into(),
            probed: Probed { session_alive, queue_depth: 0 },
            ..Detected::default()
        };
        agent::of(&agent).iter().map(|check| check.outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(true, true, true), [Outcome::Ok, Outcome::Ok]);
    assert_eq!(outcomes(true, false, true), [Outcome::Ok, Outcome::Fail]);
    assert_eq!(outcomes(true, true, false), [Outcome::Ok, Outcome::Skipped]);
    assert_eq!(outcomes(false, false, false), [Outcome::Fail, Outcome::Skipped]);
}

#[test]
fn an_autostart_entry_is_read_and_its_program_looked_for() {
    let config = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = config.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let seen = || {
        let check = autostart::of(config.path());
        (check.outcome, check.finding)
    };
    assert!(seen().1.starts_with("not set up"));
    write("systemd/user/orgx-peer.service", "[Service]\nExecStart=/bin/sh run\n");
    assert_eq!(seen(), (Outcome::Warn, "orgx-peer.service is there and not enabled".into()));
    write("systemd/user/default.target.wants/orgx-peer.service", "[Service]\nExecStart=/bin/sh run\n");
    assert_eq!(seen(), (Outcome::Ok, "set up by orgx-peer.service".into()));
    write("autostart/OrgX Peer.desktop", "[Desktop Entry]\nExec=\"/gone/orgx tray\" --hidden\n");
    assert_eq!(
        seen(),
        (Outcome::Warn, "OrgX Peer.desktop starts /gone/orgx tray, which is not there".into())
    );
}

#[cfg(unix)]
#[test]
fn an_outbox_is_looked_at_and_left_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("deep/hooks/events.jsonl");
    assert_eq!(local::outbox(&path).outcome, Outcome::Ok);
    assert!(!dir.path().join("deep").exists(), "nothing is made");
    std::fs::create_dir_all(&path).expect("a folder");
    assert!(local::outbox(&path).finding.ends_with("is no file"));
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    std::fs::write(&file, "one\n").expect("a file");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    assert_eq!(local::outbox(&file).outcome, Outcome::Ok);
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "one\n");
    assert_eq!(local::outbox(&link).outcome, Outcome::Warn);
    assert_eq!(local::outbox(&file.join("below-a-file")).outcome, Outcome::Warn);
}

#[cfg(target_os = "linux")]
#[test]
fn a_lock_that_somebody_holds_is_seen_and_not_taken() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("peer.lock");
    assert_eq!(local::lock(&path).outcome, Outcome::Ok);
    let held = crate::instance::Instance::acquire(&path).expect("free");
    let seen = local::lock(&path);
    assert_eq!(seen.outcome, Outcome::Warn);
    assert!(seen.finding.contains(&format!("process {} holds it", std::process::id())), "{}", seen.finding);
    drop(held);
    assert_eq!(local::lock(&path).outcome, Outcome::Ok);
}

#[tokio::test]
async fn with_everything_in_order_everything_is_ok_and_nothing_is_left_behind() {
    let world = World::new().await;
    let report = examine(&world.env).await;
    let bad: Vec<_> = report.checks.iter().filter(|check| !check.is_ok()).collect();
    assert!(report.ok && bad.is_empty(), "{bad:?}");
    assert_eq!(report.checks.len(), 14);
    assert_eq!(world.gateway.wait_closed().await.expect("closed").code, 1000);
    assert_eq!(world.gateway.violations(), [""; 0]);
    assert_eq!(std::fs::read_dir(world.home.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn the_gateway_is_tried_without_an_agent_so_that_no_task_comes() {
    let world = World::new().await;
    let state = world.home.path().join("state");
    let env = world.env.clone().with("ORGX_PEER_STATE_DIR", &state);
    assert!(examine(&env).await.ok);
    let id = "0b8a1f9e-1111-4222-8333-123456789abc";
    std::fs::create_dir(&state).expect("a folder");
    std::fs::write(state.join("installation-id"), id).expect("a file");
    assert!(examine(&env).await.ok);
    let asked: Vec<_> = world
        .gateway
        .upgrades()
        .iter()
        .map(|upgrade| ["drivers", "installation_id"].map(|name| upgrade.query_value(name)))
        .collect();
    let none = Some(String::new());
    assert_eq!(asked, [[none.clone(), None], [none, Some(id.to_owned())]]);
    assert_eq!(world.gateway.violations(), [""; 0]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_workspace_that_a_silent_peer_holds_is_left_in_peace() {
    let world = World::new().await;
    let config = Config::load(&world.env).expect("a configuration");
    let lock = config.paths.lock(&config.tenant());
    let _held = crate::instance::Instance::acquire(&lock).expect("free");
    let report = examine(&world.env).await;
    let check = |name| report.checks.iter().find(|check| check.name == name).expect("looked at");
    let gateway = check(Name::Gateway);
    assert_eq!(gateway.outcome, Outcome::Skipped);
    let who = format!("process {} holds the workspace", std::process::id());
    assert!(gateway.finding.contains(&who), "{gateway:?}");
    assert_eq!(check(Name::License).outcome, Outcome::Skipped);
    assert_eq!(check(Name::Lock).outcome, Outcome::Warn);
    assert!(report.ok);
    assert_eq!(world.gateway.attempts(), 0);
}

#[test]
fn a_peer_that_is_just_connecting_has_not_failed() {
    let of = |connected, connection: &str, health| {
        let now =
            PeerSnapshot { connected, connection: connection.into(), health, ..PeerSnapshot::default() };
        network::gateway_of(&now).outcome
    };
    let broken = Health { code: Code::DiskFull, ..Health::default() };
    // Just started; connecting; connecting, while something else is the worst.
    assert_eq!(of(false, "", Health::default()), Outcome::Skipped);
    assert_eq!(of(false, "Connecting to useorgx.com", Health::default()), Outcome::Skipped);
    assert_eq!(of(false, "Connecting to useorgx.com", broken.clone()), Outcome::Skipped);
    assert_eq!(of(false, "The connection to useorgx.com was lost.", broken), Outcome::Fail);
    assert_eq!(of(true, "Connected to useorgx.com", Health::default()), Outcome::Ok);
}

#[tokio::test]
async fn only_the_root_cause_fails_and_what_needs_it_is_skipped() {
    let world = World::new().await;
    let plain = world.gateway.base_url().replace("http:", "https:");
    let env = |name, value: &str| world.env.clone().with(name, value);
    for (env, failed, skipped) in [
        (env("ORGX_API_KEY", ""), vec![Name::Key], vec![Name::Gateway, Name::License]),
        (env("ORGX_WORKSPACE_ID", ""), vec![Name::Settings], vec![Name::Gateway, Name::License, Name::Lock]),
        (
            env("ORGX_BASE_URL", "https://nowhere.invalid"),
            vec![Name::Dns],
            vec![Name::Tls, Name::Clock, Name::Gateway, Name::License],
        ),
        (env("ORGX_BASE_URL", &plain), vec![Name::Tls], vec![Name::Clock, Name::Gateway, Name::License]),
        (
            env("ORGX_BASE_URL", "http://127.0.0.1:9"),
            vec![Name::Tls],
            vec![Name::Clock, Name::Gateway, Name::License],
        ),
        (env("ORGX_API_KEY", "oxk_another_key_0123456789"), vec![Name::Gateway], vec![Name::License]),
        (env("OPENCODE_SERVER_URL", "http://127.0.0.1:9"), vec![Name::OpenCode], vec![Name::AgentLogin]),
        (env("ORGX_PEER_STATE_DIR", "/dev/null/state"), vec![Name::Folders], vec![]),
    ] {
        // Behind a proxy it is the proxy that looks names up.
        if failed == [Name::Dns]
            && network::proxy(&"https://nowhere.invalid".parse().expect("a URL")).is_some()
        {
            continue;
        }
        let report = examine(&env).await;
        let those = |outcome| -> Vec<Name> {
            report.checks.iter().filter(|check| check.outcome == outcome).map(|check| check.name).collect()
        };
        assert_eq!((those(Outcome::Fail), those(Outcome::Skipped)), (failed, skipped), "{report:#?}");
        assert!(!report.ok);
        let text = format!("{report:?}");
        assert!(!text.contains("oxk_canary") && !text.contains("oxk_another"), "{text}");
    }
}

#[tokio::test]
async fn what_hangs_is_given_up_in_time() {
    let world = World::new().await;
    world.gateway.faults().upgrade_always(Some(UpgradeFault::Hang));
    world.daemon.set_status(StatusAnswer::Hang);
    let began = std::time::Instant::now();
    let report = examine(&world.env).await;
    assert!(began.elapsed() < limits::DOCTOR, "{:?}", began.elapsed());
    let gateway = report.checks.iter().find(|check| check.name == Name::Gateway).expect("looked at");
    assert_eq!((gateway.outcome, gateway.finding.as_str()), (Outcome::Fail, "no answer in time"));
    let agent = report.checks.iter().find(|check| check.name == Name::OpenCode).expect("looked at");
    assert!(agent.outcome == Outcome::Fail && agent.finding.contains("did not answer"), "{agent:?}");
}

#[tokio::test]
async fn a_running_peer_is_asked_and_not_disturbed() {
    let world = World::new().await;
    let config = Config::load(&world.env).expect("a configuration");
    let peer = Peer::start(config).await.expect("a peer");
    peer.watch().wait_for(|now| now.connected && !now.agent.words.is_empty()).await.expect("connected");
    let attempts = world.gateway.attempts();
    // Another terminal knows neither the key nor the workspace, nor where this OrgX is.
    let bare = ["ORGX_API_KEY", "ORGX_WORKSPACE_ID", "ORGX_BASE_URL"];
    let env = bare.iter().fold(world.env.clone(), |env, name| env.with(name, ""));
    let report = examine(&env).await;
    assert!(report.ok, "{report:#?}");
    assert_eq!(world.gateway.attempts(), attempts);
    let finding =
        |name| report.checks.iter().find(|check| check.name == name).map(|check| check.finding.clone());
    assert_eq!(finding(Name::Gateway).as_deref(), Some("the running peer is connected"));
    let lock = format!("held by the running peer, process {}", std::process::id());
    assert_eq!(finding(Name::Lock), Some(lock));
    assert_eq!(report.health.expect("one").sentence, "Connected");
    peer.stop().await;
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_the_only_thing_told() {
    let world = World::new().await;
    let config = world.home.path().join("config");
    std::fs::create_dir(&config).expect("a folder");
    std::fs::write(config.join("config.toml"), "[orgx\n").expect("a file");
    let report = examine(&world.env.clone().with("ORGX_PEER_CONFIG_DIR", config)).await;
    assert_eq!(report.checks.len(), 1);
    assert!(!report.ok && report.checks[0].finding.contains("config.toml cannot be used"));
}

/// With a keychain of its own, never the person's.
async fn examine(env: &Environment) -> Report {
    examine_with(env, |paths| Credentials::with(Arc::new(crate::credentials::mock()), paths)).await
}

#[tokio::test]
async fn a_key_that_is_kept_is_found_and_what_hides_one_is_told() {
    use crate::credentials::{Keychain, Mood, mock};
    let world = World::new().await;
    let env = world.env.clone().with("ORGX_API_KEY", "");
    let keychain = mock();
    let key =
        |report: &Report| report.checks.iter().find(|check| check.name == Name::Key).cloned().expect("it");
    let look = || examine_with(&env, |paths| Credentials::with(Arc::new(keychain.clone()), paths));
    let none = key(&look().await);
    assert_eq!((none.outcome, none.finding.as_str()), (Outcome::Fail, "nobody is signed in"));
    let account = world.gateway.base_url();
    keychain.set(&account, &"oxk_canary_0123456789".to_owned().into()).expect("kept");
    let report = look().await;
    assert_eq!(key(&report).finding, "there is one in the keychain, ends in 6789");
    let gateway = report.checks.iter().find(|check| check.name == Name::Gateway).expect("looked at");
    assert_eq!(gateway.outcome, Outcome::Ok, "with the key that is kept: {gateway:?}");
    for (mood, finding) in [
        (Mood::Locked, "the keychain is locked"),
        (Mood::Absent, "nobody is signed in, and there is no keychain here now"),
        (Mood::Fails("x".into()), "the keychain could not be used: x"),
    ] {
        keychain.set_mood(mood);
        assert_eq!(key(&look().await).finding, finding);
    }
}

/// An OrgX, an agent, and an environment that points at them.
struct World {
    gateway: Gateway,
    daemon: Daemon,
    home: tempfile::TempDir,
    env: Environment,
}

impl World {
    async fn new() -> Self {
        let (gateway, daemon) =
            (Gateway::start().await.expect("a gateway"), Daemon::start().await.expect("a daemon"));
        gateway.accept_key(Some("oxk_canary_0123456789".into()));
        let home = tempfile::tempdir().expect("a folder");
        let env = Environment::of([("ORGX_API_KEY", "oxk_canary_0123456789"), ("ORGX_WORKSPACE_ID", "w")])
            .with("HOME", home.path())
            .with("ORGX_BASE_URL", gateway.base_url())
            .with("OPENCODE_SERVER_URL", daemon.url());
        Self { gateway, daemon, home, env }
    }
}
