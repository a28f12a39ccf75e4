//! What newer OrgX servers name in a dispatch beside the task itself. PROTOCOL: contract A3, C9.
//!
//! Promises: what cannot be understood is left out, unless the run would then be wider than somebody meant: permission
//! rules are understood as a whole, or the dispatch is refused. Where the task and the frame both name a thing, the
//! task's counts.

use crate::agent::{PermissionRule, RuleAction};
use crate::ids::SessionHandle;
use crate::limits;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where OrgX files a task. Ids only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// The workspace; a peer takes its own workspace's tasks only.
    pub workspace_id: Option<String>,
    /// The initiative.
    pub initiative_id: Option<String>,
    /// The workstream.
    pub workstream_id: Option<String>,
    /// The task.
    pub task_id: Option<String>,
}

/// Whose model OrgX expects to run, as it saw it when it gave the task out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// The provider.
    pub provider: String,
    /// The agent's own name for it.
    pub provider_id: Option<String>,
    /// Who pays: `subscription`, `api_key`, `enterprise_key`, `user_managed`.
    pub source_sub_type: String,
    /// When it was seen, as OrgX writes it.
    pub observed_at: String,
}

/// A frame and its task, of which the task's word counts.
pub(super) struct Named<'a> {
    pub(super) frame: &'a Map<String, Value>,
    pub(super) task: &'a Map<String, Value>,
}

impl Named<'_> {
    fn both(&self, field: &str) -> impl Iterator<Item = &Value> {
        [self.task, self.frame].into_iter().filter_map(move |object| object.get(field))
    }

    /// An id or a name; `None` when there is none that is one.
    fn name(&self, field: &str, most: usize) -> Option<String> {
        let texts = self.both(field).filter_map(Value::as_str).map(str::trim);
        let fits =
            |text: &&str| !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control);
        texts.filter(fits).map(ToOwned::to_owned).next()
    }

    /// `provider/model`.
    pub(super) fn model(&self) -> Option<String> {
        self.name("model", limits::NAME_BYTES).filter(|model| is_model(model))
    }

    /// The agent.
    pub(super) fn agent(&self) -> Option<String> {
        self.name("agent", limits::NAME_BYTES).filter(|agent| is_agent(agent))
    }

    /// The session to go on with. One that cannot be one is kept, so that its driver says so: to begin anew would be
    /// another task.
    pub(super) fn session(&self) -> Result<Option<SessionHandle>, String> {
        let Some(text) = self.both("session_handle").find_map(Value::as_str) else {
            return Ok(None);
        };
        match text.trim() {
            "" => Ok(None),
            text if text.len() > limits::ID_BYTES => {
                Err(format!("the dispatch's session_handle is longer than {} bytes", limits::ID_BYTES))
            }
            text => Ok(Some(SessionHandle::new(text))),
        }
    }

    /// Ids of where it belongs.
    pub(super) fn scope(&self) -> Scope {
        Scope {
            workspace_id: self.name("workspace_id", limits::ID_BYTES),
            initiative_id: self.name("initiative_id", limits::ID_BYTES),
            workstream_id: self.name("workstream_id", limits::ID_BYTES),
            task_id: self.name("task_id", limits::ID_BYTES),
        }
    }

    /// Whose model is expected, when that makes sense.
    pub(super) fn attribution(&self) -> Option<Attribution> {
        let given = self.both("execution_attribution").find_map(Value::as_object)?;
        let text = |field: &str| {
            let text = given.get(field)?.as_str()?;
            (!text.is_empty() && text.len() <= limits::NAME_BYTES).then(|| text.to_owned())
        };
        let source_sub_type = text("source_sub_type")?;
        let known = ["subscription", "api_key", "enterprise_key", "user_managed"];
        if !known.contains(&source_sub_type.as_str()) {
            return None;
        }
        let provider_id = match given.get("provider_id") {
            None | Some(Value::Null) => None,
            Some(_) => Some(text("provider_id")?),
        };
        let observed_at = text("observed_at").filter(|at| is_time(at))?;
        Some(Attribution { provider: text("provider")?, provider_id, source_sub_type, observed_at })
    }

    /// What the task takes away from the agent.
    pub(super) fn permission(&self) -> Result<Vec<PermissionRule>, String> {
        let named = ["permission", "permissions"].into_iter();
        let mut given = named.flat_map(|field| self.both(field)).filter(|value| !value.is_null());
        let Some(rules) = given.next() else { return Ok(Vec::new()) };
        if given.next().is_some() {
            return Err("the dispatch names its permission rules more than once".to_owned());
        }
        let Value::Array(rules) = rules else {
            return Err("the dispatch's permission rules are not a list".to_owned());
        };
        if rules.len() > limits::PERMISSION_RULES {
            return Err(format!("the dispatch has more than {} permission rules", limits::PERMISSION_RULES));
        }
        let rules = rules.iter().enumerate();
        rules
            .map(|(at, given)| {
                rule(given).ok_or_else(|| {
                    format!(
                        "the dispatch's permission rule {} is none that this peer understands, and without it the \
                         agent could do more than was meant",
                        at + 1
                    )
                })
            })
            .collect()
    }
}

/// Is it `provider/model`?
pub fn is_model(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.chars().all(|c| !c.is_whitespace() && !c.is_control());
    text.len() <= limits::NAME_BYTES
        && text.split_once('/').is_some_and(|(provider, model)| part(provider) && part(model))
}

/// Can it be an agent's name?
pub fn is_agent(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= limits::NAME_BYTES && !text.chars().any(char::is_control)
}

fn rule(given: &Value) -> Option<PermissionRule> {
    let text = |field: &str, most: usize| {
        let text = given.get(field)?.as_str()?;
        (!text.is_empty() && text.len() <= most).then(|| text.to_owned())
    };
    Some(PermissionRule {
        permission: text("permission", limits::PERMISSION_BYTES)?,
        pattern: text("pattern", limits::PATTERN_BYTES)?,
        action: match given.get("action")?.as_str()? {
            "allow" => RuleAction::Allow,
            "ask" => RuleAction::Ask,
            "deny" => RuleAction::Deny,
            _ => return None,
        },
    })
}

/// `2026-11-20T10:00:00`, with whatever follows.
fn is_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let text = text.as_bytes();
    text.len() > FORM.len()
        && FORM.iter().zip(text).all(|(form, c)| if *form == b'0' { c.is_ascii_digit() } else { form == c })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Dispatch, Inbound, parse};
    use proptest::prelude::*;
    use serde_json::json;

    fn sample(task: &Value, frame: &Value) -> Inbound {
        let mut dispatch = json!({"kind": "task.dispatch", "run_id": "r", "idempotency_key": "k", "timeout_seconds": 9,
                                  "task": {"title": "t", "driver": "opencode"}});
        let add = |to: &mut Value, from: &Value| {
            for (name, value) in from.as_object().expect("an object") {
                to[name] = value.clone();
            }
        };
        add(&mut dispatch["task"], task);
        add(&mut dispatch, frame);
        parse(&dispatch.to_string())
    }

    fn taken(task: &Value, frame: &Value) -> Dispatch {
        match sample(task, frame) {
            Inbound::Dispatch(dispatch) => *dispatch,
            other => panic!("{task} {frame}: {other:?}"),
        }
    }

    fn refused(task: &Value, frame: &Value) -> String {
        match sample(task, frame) {
            Inbound::Unusable { reason, .. } => reason.into_string(),
            other => panic!("{task} {frame}: {other:?}"),
        }
    }

    #[test]
    fn what_a_dispatch_names_is_taken_from_its_task_or_its_frame() {
        let named = json!({"model": "anthropic/claude/x", "agent": "plan", "session_handle": "ses_1",
            "workspace_id": "w", "initiative_id": "i", "workstream_id": "s", "task_id": "t",
            "permission": [{"permission": "bash", "pattern": "*", "action": "deny"}],
            "execution_attribution": {"provider": "anthropic", "provider_id": null, "source_sub_type": "user_managed",
                                      "observed_at": "2026-11-20T10:00:00.000Z"}});
        let none = json!({});
        for dispatch in [taken(&named, &none), taken(&none, &named)] {
            let task = dispatch.task;
            assert_eq!(task.model.as_deref(), Some("anthropic/claude/x"));
            assert_eq!(task.agent.as_deref(), Some("plan"));
            assert_eq!(task.session, Some(SessionHandle::new("ses_1")));
            assert_eq!(task.scope.workspace_id.as_deref(), Some("w"));
            assert_eq!(task.scope.task_id.as_deref(), Some("t"));
            assert_eq!(task.permission.len(), 1);
            assert_eq!(task.attribution.expect("valid").provider, "anthropic");
        }
        let both = taken(
            &json!({"model": "a/b", "workspace_id": "mine"}),
            &json!({"model": "c/d", "workspace_id": "w"}),
        );
        assert_eq!(both.task.model.as_deref(), Some("a/b"), "the task's word counts");
        assert_eq!(both.task.scope.workspace_id.as_deref(), Some("mine"));
    }

    #[test]
    fn what_cannot_be_understood_is_left_out() {
        for odd in [
            json!(7),
            json!({"a": 1}),
            json!([1]),
            json!(null),
            json!(""),
            json!("a\nb"),
            json!("x".repeat(300)),
        ] {
            let task = taken(
                &json!({"model": odd, "agent": odd, "initiative_id": odd, "workspace_id": odd, "task_id": odd,
                        "execution_attribution": odd, "context_activation": odd}),
                &json!({}),
            )
            .task;
            assert_eq!((task.model, task.agent, task.attribution), (None, None, None), "{odd}");
            assert_eq!(task.scope, Scope::default());
        }
        for odd in [json!(7), json!([]), json!(null), json!(""), json!(" ")] {
            assert_eq!(taken(&json!({"session_handle": odd}), &json!({})).task.session, None, "{odd}");
        }
        let odd = json!("not/a session");
        assert!(
            taken(&json!({"session_handle": odd}), &json!({})).task.session.is_some(),
            "its driver will say so"
        );
        let long = refused(&json!({"session_handle": "s".repeat(257)}), &json!({}));
        assert_eq!(long, "the dispatch's session_handle is longer than 256 bytes");
        let good = json!({"provider": "p", "provider_id": "q", "source_sub_type": "api_key", "observed_at": "2026-11-20T10:00:00Z"});
        assert!(taken(&json!({}), &json!({"execution_attribution": good})).task.attribution.is_some());
        for (field, value) in [
            ("provider", json!(null)),
            ("provider_id", json!(3)),
            ("source_sub_type", json!("barter")),
            ("observed_at", json!("yesterday")),
            ("observed_at", json!(5)),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            assert_eq!(
                taken(&json!({}), &json!({"execution_attribution": bad})).task.attribution,
                None,
                "{field}"
            );
        }
    }

    #[test]
    fn permission_rules_are_understood_as_a_whole_or_refused() {
        let rule = json!({"permission": "bash", "pattern": "git *", "action": "ask"});
        let known = taken(&json!({"permissions": [rule, rule]}), &json!({"permission": null}));
        assert_eq!(known.task.permission.len(), 2);
        assert_eq!(known.task.permission[0].action, RuleAction::Ask);
        let many = vec![rule.clone(); 101];
        for (odd, why) in [
            (json!({"bash": "deny"}), "are not a list"),
            (json!("deny"), "are not a list"),
            (json!(many), "more than 100 permission rules"),
            (json!([rule, "deny"]), "permission rule 2 is none that this peer understands"),
            (json!([{"permission": "bash", "pattern": "*"}]), "permission rule 1"),
            (json!([{"permission": "bash", "action": "deny"}]), "permission rule 1"),
            (json!([{"permission": "bash", "pattern": "*", "action": "forbid"}]), "permission rule 1"),
            (json!([{"permission": "b".repeat(65), "pattern": "*", "action": "deny"}]), "permission rule 1"),
            (
                json!([{"permission": "bash", "pattern": "*".repeat(513), "action": "deny"}]),
                "permission rule 1",
            ),
            (json!([{"permission": "", "pattern": "*", "action": "deny"}]), "permission rule 1"),
        ] {
            let reason = refused(&json!({"permission": odd}), &json!({}));
            assert!(reason.contains(why), "{reason}");
        }
        let twice = refused(&json!({"permission": [rule]}), &json!({"permissions": [rule]}));
        assert!(twice.contains("more than once"), "{twice}");
    }

    #[test]
    fn a_dispatch_for_another_workspace_is_known() {
        for (named, ours, other) in [
            (json!("w-1"), "w-1", false),
            (json!("W-1"), " w-1", false),
            (json!(null), "w-1", false),
            (json!(7), "w-1", false),
            (json!("w-2"), "w-1", true),
        ] {
            let dispatch = taken(&json!({"workspace_id": named}), &json!({}));
            assert_eq!(dispatch.is_for_another_workspace(ours), other, "{named}");
        }
    }

    #[test]
    fn a_model_is_written_as_provider_and_model() {
        for (text, is) in [
            ("a/b", true),
            ("a/b/c:free", true),
            ("a", false),
            ("/b", false),
            ("a/", false),
            ("a/b c", false),
        ] {
            assert_eq!(is_model(text), is, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_shape_of_what_is_named_is_fatal(field in 0..10usize, text in ".{0,40}", number in any::<f64>(), in_task in any::<bool>()) {
            let field = ["model", "agent", "session_handle", "permission", "permissions", "workspace_id", "initiative_id",
                         "execution_attribution", "context_activation", "task_id"][field];
            let texts = json!({"permission": text, "pattern": text, "action": text, "provider": text, "observed_at": text});
            for value in [json!(text), json!(number), json!([text]), json!({ "a": number }), json!(null), texts.clone(), json!([texts])] {
                let named = json!({ field: value });
                let (task, frame) = if in_task { (named, json!({})) } else { (json!({}), named) };
                let inbound = sample(&task, &frame);
                let answered = matches!(inbound, Inbound::Dispatch(_) | Inbound::Unusable { .. });
                prop_assert!(answered);
                // Rules are never lost on the way.
                if let (Inbound::Dispatch(dispatch), true) = (&inbound, field.starts_with("permission")) {
                    let named = task.get(field).or_else(|| frame.get(field)).cloned().unwrap_or_default();
                    prop_assert_eq!(dispatch.task.permission.len(), named.as_array().map_or(0, Vec::len));
                }
            }
        }
    }
}
