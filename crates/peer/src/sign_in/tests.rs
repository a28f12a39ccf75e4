use super::*;
use crate::clock::Clock;
use orgx_proto::pairing::AddressError;
use orgx_sandbox::gateway::{Endpoint, Gateway, HttpFault, Outcome};
use std::time::Duration;

const KEY: &str = "oxk_canary_0123456789";

async fn gateway() -> (Gateway, Url) {
    let gateway = Gateway::start().await.expect("a gateway");
    gateway.accept_key(Some(KEY.into()));
    let base = gateway.base_url().parse().expect("a URL");
    (gateway, base)
}

fn key() -> SecretString {
    KEY.to_owned().into()
}

fn who() -> PairingClient {
    PairingClient { installation_id: "i".into(), device_name: "desk".into(), version: "1".into() }
}

async fn start(base: &Url) -> Result<Pairing, PairError> {
    Pairing::start(base, who(), Clock::default()).await
}

fn answered(body: &serde_json::Value) -> HttpFault {
    HttpFault::Status { code: 200, headers: Vec::new(), body: body.to_string() }
}

/// What no answer of OrgX looks like, and what is said of it.
fn bad_answers() -> Vec<(HttpFault, &'static str)> {
    vec![
        (HttpFault::Html, "web_page"),
        (HttpFault::Redirect("https://evil.example/".into()), "web_page"),
        (HttpFault::Garbage, "odd"),
        (HttpFault::Huge, "odd"),
        (HttpFault::ResetBody, "unreachable"),
        (HttpFault::status(500), "refused"),
    ]
}

#[tokio::test]
async fn a_key_is_checked_and_each_refusal_is_told_as_what_it_means() {
    let (gateway, base) = gateway().await;
    assert_eq!(check(&base, &key()).await, Ok(()));
    let sent = gateway.requests().pop().expect("a request");
    assert_eq!((sent.path.as_str(), &sent.body), ("/api/client/sync", &serde_json::json!({})));
    assert_eq!(sent.header("authorization"), Some("Bearer oxk_canary_0123456789"));
    let unknown = check(&base, &"oxk_other_0123456789".to_owned().into()).await.expect_err("401");
    assert_eq!(unknown.to_string(), "OrgX does not know this key. It may have been replaced by a newer one.");
    gateway.forbid_key(KEY);
    let weak = check(&base, &key()).await.expect_err("403");
    assert_eq!(weak.to_string(), "This key cannot receive tasks. It lacks the permission for it in OrgX.");
    for (fault, code) in bad_answers() {
        gateway.faults().http(Endpoint::Sync, fault.clone());
        let error = check(&base, &key()).await.expect_err("no answer");
        assert_eq!(error.code(), code, "{fault:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    gateway.stop();
    assert_eq!(check(&base, &key()).await.expect_err("nobody").code(), "unreachable");
}

#[tokio::test]
async fn what_can_be_no_key_is_sent_nowhere() {
    let (gateway, base) = gateway().await;
    let long = format!("oxk_{}", "x".repeat(600));
    for (typed, why) in [
        ("", "Nothing was entered."),
        ("   ", "Nothing was entered."),
        ("sk-canary", "A key begins with oxk_."),
        ("oxk_", "Only its beginning is here."),
        ("oxk_canary x", "It has spaces or characters that no key has."),
        ("oxk_canary\r\nX-Evil: 1", "It has spaces or characters that no key has."),
        ("oxk_canaryé", "It has spaces or characters that no key has."),
        (long.as_str(), "It is longer than any key."),
    ] {
        let error = check(&base, &typed.to_owned().into()).await.expect_err("no key");
        assert_eq!(error, CheckError::Shape(why));
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert!(gateway.requests().is_empty());
}

#[tokio::test]
async fn workspaces_are_listed_whatever_form_they_come_in() {
    let (gateway, base) = gateway().await;
    let names = || async {
        let all = workspaces(&base, &key()).await.expect("a list");
        all.into_iter().map(|workspace| format!("{}={}", workspace.id, workspace.name)).collect::<Vec<_>>()
    };
    assert_eq!(names().await, [""; 0], "an OrgX without a list");
    gateway.set_workspaces(&[("ws_2", "Two"), ("ws_1", "One")]);
    assert_eq!(names().await, ["ws_2=Two", "ws_1=One"]);
    let many: Vec<_> = (0..150).map(|n| serde_json::json!({"id": format!("w{n}")})).collect();
    for (body, listed) in [
        (serde_json::json!([{"id": "a", "name": "A"}]), vec!["ws_2=Two", "a=A"]),
        (serde_json::json!({"workspaces": [{"workspaceId": "a", "title": " A "}]}), vec!["ws_2=Two", "a=A"]),
        (serde_json::json!({"data": {"items": [{"id": "a"}]}}), vec!["ws_2=Two", "a=a"]),
        (serde_json::json!({"workspace": {"id": "a", "name": ""}}), vec!["ws_2=Two", "a=a"]),
        (serde_json::json!([{"id": 7}, {"name": "x"}, {"id": "a\nb"}, null, "s"]), vec!["ws_2=Two"]),
        (serde_json::json!({"data": null}), vec!["ws_2=Two"]),
        (serde_json::json!([{"id": "a", "name": "\u{202e}A\u{1b}[31m"}]), vec!["ws_2=Two", "a=A[31m"]),
    ] {
        gateway.faults().http(Endpoint::Workspaces, answered(&body));
        assert_eq!(names().await, listed, "{body}");
    }
    gateway.faults().http(Endpoint::Workspaces, answered(&serde_json::json!({ "entities": many })));
    assert_eq!(names().await.len(), 100);
    gateway.faults().http(Endpoint::Workspaces, HttpFault::status(500));
    assert_eq!(names().await, ["ws_2=Two"], "one of the two is enough");
    let unknown = workspaces(&base, &"oxk_other_0123456789".to_owned().into()).await;
    assert_eq!(unknown, Err(CheckError::Rejected));
    gateway.stop();
    assert_eq!(workspaces(&base, &key()).await.expect_err("nobody").code(), "unreachable");
}

#[tokio::test]
async fn the_person_presses_connect_and_the_key_is_confirmed_once_it_is_kept() {
    let (gateway, base) = gateway().await;
    let mut pairing = start(&base).await.expect("a code");
    let known = &gateway.pairings().all()[0];
    assert_eq!(known.client["deviceName"], "desk");
    assert_eq!(pairing.host(), format!("127.0.0.1:{}", gateway.port()));
    assert!(known.id.ends_with(&pairing.code().replace('-', "")), "the page shows it, too");
    let page =
        reqwest::get(pairing.connect_url().clone()).await.expect("the page").text().await.expect("text");
    assert!(page.contains(&pairing.code()), "{page}");
    let lasts = pairing.lasts_ms();
    assert!((595_000..=600_000).contains(&lasts), "{lasts}");
    // Nobody has pressed anything: who lets go of the wait loses nothing.
    let waited = tokio::time::timeout(Duration::from_millis(900), pairing.wait()).await;
    assert!(waited.is_err(), "{waited:?}");
    gateway.pairings().approve();
    let paired = pairing.wait().await.expect("a key");
    assert_eq!(paired.workspace_name.as_deref(), Some("Sandbox"));
    assert_eq!(check(&base, &paired.key).await, Ok(()));
    assert!(!gateway.pairings().all()[0].acked, "OrgX still has its copy");
    let again = pairing.wait().await.expect("until it is confirmed it is given again");
    assert_eq!(again.key.expose_secret(), paired.key.expose_secret());
    let shown = format!("{pairing:?} {paired:?}");
    assert!(!shown.contains(paired.key.expose_secret()) && !shown.contains("claimToken"), "{shown}");
    pairing.ack().await;
    let done = &gateway.pairings().all()[0];
    assert!(done.acked);
}

#[tokio::test]
async fn each_end_without_a_key_has_its_title_and_its_text() {
    for (outcome, title, text) in [
        (
            Outcome::Cancel,
            "Connecting was cancelled",
            "Somebody pressed Cancel on the page. Nothing was changed.",
        ),
        (
            Outcome::Expire,
            "The code lapsed",
            "Nobody pressed Connect within 10 minutes. Nothing was changed.",
        ),
        (
            Outcome::Fail("no seat; key oxk_secret_123 unused.".into()),
            "OrgX could not connect this computer",
            "It says: no seat; key [redacted] unused. Get a new code, or paste a key.",
        ),
        (
            Outcome::Fail(String::new()),
            "OrgX could not connect this computer",
            "It says: claim_failed. Get a new code, or paste a key.",
        ),
        (
            Outcome::Consume,
            "The code was used before",
            "A code gives its key once, and this one has. If that was not you, remove the key in OrgX; get a new \
             code here.",
        ),
    ] {
        let (gateway, base) = gateway().await;
        gateway.pairings().outcome(outcome.clone());
        let error = start(&base).await.expect("a code").wait().await.expect_err("no key");
        assert_eq!(error.title(), title, "{outcome:?}");
        if !matches!(&outcome, Outcome::Fail(words) if words.is_empty()) {
            assert_eq!(error.text(), text);
        }
        assert!(!error.wants_a_key());
    }
}

#[tokio::test]
async fn a_code_that_nobody_uses_lapses_by_the_clock() {
    let (gateway, base) = gateway().await;
    gateway.pairings().poll_ms(5_000);
    let clock = Clock::adjustable();
    let mut pairing = Pairing::start(&base, who(), clock.clone()).await.expect("a code");
    let time = async {
        loop {
            clock.advance(Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::select! { ended = pairing.wait() => ended, () = time => unreachable!() };
    assert_eq!(ended.expect_err("no key"), PairError::Lapsed { minutes: 10 });
    pairing.cancel("lapsed").await;
    assert_eq!(gateway.pairings().all()[0].given_up.as_deref(), Some("lapsed"));
}

#[tokio::test]
async fn trouble_on_the_way_is_waited_out() {
    let (gateway, base) = gateway().await;
    gateway.pairings().outcome(Outcome::Approve);
    let mut pairing = start(&base).await.expect("a code");
    let faults = gateway.faults();
    for fault in [HttpFault::status(503), HttpFault::Garbage, HttpFault::Html] {
        faults.http(Endpoint::PairingPoll, fault);
    }
    pairing.wait().await.expect("a key after all");
}

#[tokio::test]
async fn what_is_no_answer_to_a_pairing_is_told() {
    let (gateway, base) = gateway().await;
    for (fault, code) in bad_answers() {
        gateway.faults().http(Endpoint::PairingStart, fault.clone());
        let error = start(&base).await.expect_err("no code");
        assert_eq!(error.code(), code, "{fault:?}");
    }
    for status in [401, 403, 404] {
        gateway.faults().http(Endpoint::PairingStart, HttpFault::status(status));
        let error = start(&base).await.expect_err("no code");
        assert!(error.wants_a_key() && error.text().contains("Paste a key"), "{error}");
    }
    for status in [401, 403] {
        let mut pairing = start(&base).await.expect("a code");
        gateway.faults().http(Endpoint::PairingPoll, HttpFault::status(status));
        assert_eq!(pairing.wait().await.expect_err("no key"), PairError::Refused(status));
        assert_eq!(pairing.wait().await.expect_err("it stays so"), PairError::Refused(status));
    }
    let begun = |page: &str| serde_json::json!({"pairingId": "p", "pollToken": "t", "connectUrl": page, "pollIntervalMs": 1});
    for (body, error) in [
        (begun("https://evil.example/"), PairError::Page(AddressError::Host)),
        (begun("javascript:alert(1)"), PairError::Page(AddressError::Scheme)),
        (begun("http://me@127.0.0.1/"), PairError::Page(AddressError::Credentials)),
        (serde_json::json!({"pairingId": "p"}), PairError::Odd("answered without a code")),
        (
            serde_json::json!({"pairingId": "p\nq", "pollToken": "t"}),
            PairError::Odd("answered without a code"),
        ),
        (serde_json::json!([]), PairError::Odd("answered without a code")),
        (
            serde_json::json!({"pairingId": "p", "pollToken": "t"}),
            PairError::Page(AddressError::NotAnAddress),
        ),
    ] {
        gateway.faults().http(Endpoint::PairingStart, answered(&body));
        assert_eq!(start(&base).await.expect_err("refused"), error, "{body}");
    }
}

#[tokio::test]
async fn a_key_that_can_be_none_is_not_taken() {
    let (gateway, base) = gateway().await;
    for given in [serde_json::json!(null), "".into(), "sk-x".into(), "oxk_a b".into(), 7.into()] {
        let mut pairing = start(&base).await.expect("a code");
        let body = serde_json::json!({"status": "ready", "key": given});
        gateway.faults().http(Endpoint::PairingPoll, answered(&body));
        assert_eq!(pairing.wait().await.expect_err("no key").code(), "odd", "{body}");
    }
}
