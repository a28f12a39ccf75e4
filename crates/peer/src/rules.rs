//! The team's skill rules: fetched, compiled off the hot path, kept from last time, never silently empty.

use crate::gateway::Api;
use crate::paths::write_private;
use orgx_proto::skill_rules::{self, IgnoredRule, RuleSet};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The rules as the runs see them.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The newest set there is.
    pub(crate) set: Arc<RuleSet>,
    /// Is a newer one on its way?
    pub(crate) loading: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { set: Arc::new(RuleSet::empty()), loading: true }
    }
}

/// A set with what could not be read of it.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) set: Arc<RuleSet>,
    pub(crate) ignored: Vec<IgnoredRule>,
}

/// The set of the last good fetch, if there is one.
pub(crate) async fn kept(path: PathBuf) -> Option<Compiled> {
    let read = move || serde_json::from_slice(&std::fs::read(path).ok()?).ok();
    let body: Value = tokio::task::spawn_blocking(read).await.ok()??;
    compile(body).await.ok()
}

/// Fetches and compiles the rules, and keeps them for next time.
pub(crate) async fn fetch(api: &Api, path: &Path) -> Result<Compiled, String> {
    let body = api.plan_skills().await.map_err(|error| error.of_orgx())?;
    let bytes = serde_json::to_vec(&body).unwrap_or_default();
    let compiled = compile(body).await?;
    let path = path.to_owned();
    let kept = tokio::task::spawn_blocking(move || write_private(&path, &bytes)).await;
    if !matches!(kept, Ok(Ok(()))) {
        tracing::warn!("the skill rules could not be kept for the next start");
    }
    Ok(compiled)
}

async fn compile(body: Value) -> Result<Compiled, String> {
    let work = move || {
        let (rules, mut ignored) = skill_rules::parse(&body).map_err(|error| error.to_string())?;
        let set = RuleSet::compile(rules);
        ignored.extend(set.ignored().iter().cloned());
        Ok(Compiled { set: Arc::new(set), ignored })
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| "the rules could not be compiled".to_owned())?
}
