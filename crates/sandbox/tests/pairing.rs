//! Connecting in the browser, as the program and as the person at the page meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

mod common;

use common::http;
use orgx_sandbox::gateway::{Endpoint, Gateway, HttpFault, Outcome};
use serde_json::{Value, json};
use std::time::Duration;

struct World {
    gateway: Gateway,
    client: reqwest::Client,
}

impl World {
    async fn new() -> Self {
        let gateway = Gateway::start().await.unwrap();
        gateway.accept_key(Some("oxk_test".into()));
        Self { gateway, client: http() }
    }

    fn url(&self, rest: &str) -> String {
        format!("{}/api/plugin/openclaw/pairings{rest}", self.gateway.base_url())
    }

    async fn begin(&self) -> Value {
        let request =
            self.client.post(self.url("")).json(&json!({"installationId": "i", "deviceName": "<desk>"}));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["ok"], true);
        answer["data"].clone()
    }

    async fn poll(&self, pairing: &Value) -> (u16, Value) {
        let id = pairing["pairingId"].as_str().unwrap();
        let token = pairing["pollToken"].as_str().unwrap();
        let answer = self.client.get(self.url(&format!("/{id}?pollToken={token}"))).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn status(&self, pairing: &Value) -> String {
        self.poll(pairing).await.1["data"]["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Opens the page and presses a button on it.
    async fn press(&self, pairing: &Value, button: &str) -> (String, String) {
        let url = pairing["connectUrl"].as_str().unwrap();
        let page = self.client.get(url).send().await.unwrap().text().await.unwrap();
        let (address, query) = url.split_once('?').unwrap();
        let body = format!("{query}&do={button}");
        let kind = "application/x-www-form-urlencoded";
        let pressed = self.client.post(address).header("content-type", kind).body(body).send().await.unwrap();
        (page, pressed.text().await.unwrap())
    }

    async fn sync(&self, key: &str) -> u16 {
        let url = format!("{}/api/client/sync", self.gateway.base_url());
        self.client.post(url).bearer_auth(key).json(&json!({})).send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn the_person_presses_connect_and_the_key_is_given_until_it_is_confirmed() {
    let world = World::new().await;
    let pairing = world.begin().await;
    assert_eq!(world.status(&pairing).await, "pending");
    let id = pairing["pairingId"].as_str().unwrap();
    let (page, pressed) = world.press(&pairing, "connect").await;
    let code = &id[id.len() - 6..];
    assert!(
        page.contains(&format!("{}-{}", &code[..3], &code[3..])) && page.contains("&lt;desk&gt;"),
        "{page}"
    );
    assert!(pressed.contains("Connected."), "{pressed}");
    for _ in 0..2 {
        let (_, answer) = world.poll(&pairing).await;
        assert_eq!(answer["data"]["status"], "ready");
        assert_eq!(answer["data"]["workspaceName"], "Sandbox");
    }
    let key = world.gateway.pairings().all()[0].key.clone();
    assert_eq!((world.sync(&key).await, world.sync("oxk_other").await), (200, 401));
    let ack =
        world.client.post(world.url(&format!("/{id}/ack"))).json(&json!({"pollToken": pairing["pollToken"]}));
    assert!(ack.send().await.unwrap().status().is_success());
    assert_eq!(world.status(&pairing).await, "consumed");
    assert_eq!(world.sync(&key).await, 200);
    world.gateway.revoke_key(&key);
    assert_eq!(world.sync(&key).await, 401);
    assert_eq!(world.gateway.violations(), [""; 0]);
}

#[tokio::test]
async fn the_person_cancels_or_comes_too_late() {
    let world = World::new().await;
    let pairing = world.begin().await;
    let (_, pressed) = world.press(&pairing, "cancel").await;
    assert!(pressed.contains("Cancelled."), "{pressed}");
    assert_eq!(world.status(&pairing).await, "cancelled");
    world.gateway.pairings().lasts(Duration::ZERO);
    let late = world.begin().await;
    let (_, pressed) = world.press(&late, "connect").await;
    assert!(!pressed.contains("Connected."), "{pressed}");
    assert_eq!(world.status(&late).await, "expired");
    // A guess opens nothing.
    let guess = format!("{}/connect/openclaw?pairingId=pair_1&claimToken=x", world.gateway.base_url());
    assert_eq!(world.client.get(guess).send().await.unwrap().status().as_u16(), 404);
}

#[tokio::test]
async fn each_outcome_can_be_scripted() {
    for (outcome, status) in [
        (Outcome::Cancel, "cancelled"),
        (Outcome::Expire, "expired"),
        (Outcome::Fail("no".into()), "failed"),
        (Outcome::Consume, "consumed"),
        (Outcome::Person, "pending"),
    ] {
        let world = World::new().await;
        world.gateway.pairings().outcome(outcome);
        let pairing = world.begin().await;
        assert_eq!(world.status(&pairing).await, status);
    }
    let world = World::new().await;
    world.gateway.pairings().outcome(Outcome::Approve);
    let pairing = world.begin().await;
    assert_eq!(
        (world.status(&pairing).await, world.status(&pairing).await),
        ("pending".into(), "ready".into())
    );
}

#[tokio::test]
async fn a_strict_server_wants_the_right_token_and_no_key() {
    let world = World::new().await;
    let mut pairing = world.begin().await;
    pairing["pollToken"] = "another".into();
    assert_eq!(world.poll(&pairing).await.0, 403);
    pairing["pairingId"] = "nobody".into();
    assert_eq!(world.poll(&pairing).await.0, 404);
    let with_key =
        world.client.post(world.url("")).bearer_auth("oxk_test").json(&json!({"installationId": "i"}));
    assert_eq!(with_key.send().await.unwrap().status().as_u16(), 400);
    let nobody = world.client.post(world.url("")).json(&json!({}));
    assert_eq!(nobody.send().await.unwrap().status().as_u16(), 400);
    assert_eq!(world.gateway.violations().len(), 2);
    world.gateway.faults().http(Endpoint::PairingStart, HttpFault::status(503));
    let spoiled = world.client.post(world.url("")).json(&json!({"installationId": "i"}));
    assert_eq!(spoiled.send().await.unwrap().status().as_u16(), 503);
}

#[tokio::test]
async fn a_key_can_be_known_and_weak_and_workspaces_are_listed_for_the_others() {
    let world = World::new().await;
    world.gateway.forbid_key("oxk_weak");
    assert_eq!((world.sync("oxk_weak").await, world.sync("oxk_test").await), (403, 200));
    let list = async |path: &str| {
        let url = format!("{}{path}", world.gateway.base_url());
        let answer = world.client.get(url).bearer_auth("oxk_test").send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(list("/api/v1/workspaces/current").await.0, 404);
    world.gateway.set_workspaces(&[("ws_1", "One"), ("ws_2", "Two")]);
    assert_eq!(list("/api/v1/workspaces/current").await.1["data"]["id"], "ws_1");
    let (_, all) = list("/api/entities?type=workspace&limit=100").await;
    assert_eq!(all["data"][1], json!({"id": "ws_2", "title": "Two"}));
}
