//! An agent that asks: the real OpenCode, with a scripted model, in the place of a desk's own agent.

use super::desk::Desk;
use crate::opencode::{self, Server};
use orgx_sandbox::model::Model;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// The real OpenCode, told of by its address.
#[derive(Debug)]
pub struct Asker {
    /// Its model.
    pub model: Model,
    server: Arc<Server>,
}

impl Asker {
    /// The one that the stories of this test program share, with a model of this story's own.
    pub async fn come() -> Self {
        let model = Model::start().await.expect("a model");
        Self { model, server: opencode::shared().await }
    }

    /// The environment of somebody who is signed in and whose tasks it does.
    pub fn environment(&self, desk: &Desk) -> Vec<(String, String)> {
        let mut environment = desk.signed_in();
        let mut add = |name: &str, value: String| environment.push((name.to_owned(), value));
        add("OPENCODE_SERVER_URL", self.server.url());
        if let Some(password) = &self.server.password {
            add("OPENCODE_SERVER_PASSWORD", password.clone());
        }
        environment
    }

    /// A project in which it asks before each command.
    pub fn project(&self, desk: &Desk, name: &str) -> PathBuf {
        let folder = desk.project_named(name);
        let config = json!({
            "permission": { "bash": "ask" },
            "provider": { "fake": { "options": { "baseURL": self.model.base_url() } } },
        });
        std::fs::write(folder.join("opencode.json"), config.to_string()).expect("a file");
        folder
    }

    /// What the model was told last.
    pub fn told(&self) -> String {
        let last = self.model.requests().pop().map(|request| request.body["messages"].clone());
        last.unwrap_or(Value::Null).to_string()
    }
}
