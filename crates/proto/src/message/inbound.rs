//! What OrgX sends: `task.dispatch`, `task.cancel`, `rules.reload`, `attention.resolve`; everything else is ignored with a reason.

use super::attention::Resolve;
use super::named::{Attribution, Named, Scope};
use crate::agent::PermissionRule;
use crate::ids::{DispatchKey, DriverId, RunId, SessionHandle};
use crate::limits;
use crate::redact::Redacted;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// One frame from OrgX, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// Work for an agent.
    Dispatch(Box<Dispatch>),
    /// OrgX wants a run to end.
    Cancel(Cancel),
    /// The team's skill rules changed: fetch them again.
    RulesReload,
    /// A person answered at OrgX what a run asks.
    Resolve(Box<Resolve>),
    /// A dispatch that names its run but cannot be run as it is: it is answered with `task.failed`, recoverable
    /// false, before any session.
    Unusable {
        /// The run to answer for.
        run_id: RunId,
        /// Why, for OrgX and the person.
        reason: Redacted,
    },
    /// Nothing for us, and why; only logged.
    Ignored(Redacted),
}

/// A `task.dispatch` of protocol v1.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The run that this dispatch starts.
    pub run_id: RunId,
    /// The dispatch's own key: a repeat of it never runs again.
    pub key: DispatchKey,
    /// How long the run may take, counted from `task.started`.
    pub timeout: Duration,
    /// What to do.
    pub task: Task,
    /// The person's own task, which OrgX never hears of.
    pub local: bool,
}

/// What to do, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// One line that names the task; never empty.
    pub title: String,
    /// The task itself.
    pub description: Option<String>,
    /// The folder to work in, as OrgX names it; not checked here.
    pub repo_path: Option<String>,
    /// Skills the agent is asked to honour.
    pub skill_ids: Vec<String>,
    /// The driver that OrgX chose.
    pub driver: DriverId,
    /// `provider/model`.
    #[serde(default)]
    pub model: Option<String>,
    /// The agent ("build", "plan").
    #[serde(default)]
    pub agent: Option<String>,
    /// The session that it goes on with.
    #[serde(default)]
    pub session: Option<SessionHandle>,
    /// What it takes away from the agent; it never gives.
    #[serde(default)]
    pub permission: Vec<PermissionRule>,
    /// Where OrgX files it: what remote attention names.
    #[serde(default)]
    pub scope: Scope,
    /// Whose model OrgX expects to run.
    #[serde(default)]
    pub attribution: Option<Attribution>,
}

impl Dispatch {
    /// Is it meant for another workspace than this one? A server that names none means ours.
    pub fn is_for_another_workspace(&self, ours: &str) -> bool {
        let named = self.task.scope.workspace_id.as_deref();
        named.is_some_and(|named| !named.eq_ignore_ascii_case(ours.trim()))
    }

    /// Bytes of text held for this dispatch while it waits.
    pub fn text_bytes(&self) -> usize {
        let task = &self.task;
        task.title.len()
            + task.description.as_ref().map_or(0, String::len)
            + task.repo_path.as_ref().map_or(0, String::len)
            + task.skill_ids.iter().map(String::len).sum::<usize>()
            + task.permission.iter().map(|rule| rule.permission.len() + rule.pattern.len()).sum::<usize>()
    }
}

/// A `task.cancel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The run to end.
    pub run_id: RunId,
}

/// Reads one text frame.
///
/// `serde_json` refuses nesting beyond 128, so depth is bounded before anything is built.
pub fn parse(text: &str) -> Inbound {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return ignored(&format!("a frame that is not JSON: {error}")),
    };
    let Value::Object(frame) = value else {
        return ignored("a frame that is not a JSON object");
    };
    match frame.get("kind").and_then(Value::as_str) {
        Some("task.dispatch") => dispatch(&frame),
        Some("task.cancel") => match id(&frame, "run_id") {
            Ok(run_id) => Inbound::Cancel(Cancel { run_id: RunId::new(run_id) }),
            Err(why) => ignored(&format!("a task.cancel whose {why}")),
        },
        Some("rules.reload") => Inbound::RulesReload,
        Some("attention.resolve") => match Resolve::read(&frame) {
            Ok(resolve) => Inbound::Resolve(Box::new(resolve)),
            Err(why) => ignored(&format!("an attention.resolve whose {why}")),
        },
        Some(kind) => ignored(&format!("a frame of unknown kind {kind}")),
        None => ignored("a frame without a kind"),
    }
}

fn ignored(why: &str) -> Inbound {
    Inbound::Ignored(Redacted::cut(why, 200))
}

fn dispatch(frame: &Map<String, Value>) -> Inbound {
    let run_id = match id(frame, "run_id") {
        Ok(run_id) => RunId::new(run_id),
        Err(why) => return ignored(&format!("a task.dispatch whose {why}")),
    };
    let unusable = |reason: &str| Inbound::Unusable { run_id: run_id.clone(), reason: Redacted::new(reason) };
    // PROTOCOL: contract A6, a v2 dispatch is known only by this field, whatever was negotiated.
    match frame.get("protocol_version").and_then(Value::as_f64) {
        Some(version) if version >= 2.0 => {
            return unusable(&format!(
                "Gateway Protocol v{version} dispatches are not supported by this peer; it speaks v1"
            ));
        }
        _ => {}
    }
    let key = match id(frame, "idempotency_key") {
        Ok(key) => DispatchKey::new(key),
        Err(why) => return unusable(&format!("the dispatch's {why}")),
    };
    let Some(Value::Object(task)) = frame.get("task") else {
        return unusable("the dispatch has no task object");
    };
    match read_task(&Named { frame, task }) {
        Ok(task) => {
            Inbound::Dispatch(Box::new(Dispatch { run_id, key, timeout: timeout(frame), task, local: false }))
        }
        Err(why) => unusable(&why),
    }
}

fn read_task(named: &Named<'_>) -> Result<Task, String> {
    let task = named.task;
    let title = text(task, "title")?.filter(|title| !title.trim().is_empty());
    let repo_path = text(task, "repo_path")?;
    if repo_path.as_ref().is_some_and(|path| path.len() > limits::PATH_BYTES) {
        return Err(format!("task.repo_path is longer than {} bytes", limits::PATH_BYTES));
    }
    Ok(Task {
        title: title.ok_or("the task has no title")?,
        description: text(task, "description")?,
        repo_path,
        skill_ids: match task.get("skill_ids") {
            Some(Value::Array(ids)) => ids.iter().filter_map(Value::as_str).map(Into::into).collect(),
            _ => Vec::new(),
        },
        driver: DriverId::new(id(task, "driver").map_err(|why| format!("task.{why}"))?),
        model: named.model(),
        agent: named.agent(),
        session: named.session()?,
        permission: named.permission()?,
        scope: named.scope(),
        attribution: named.attribution(),
    })
}

/// An optional text; `null` counts as absent, anything else that is no text is refused: to run a task without
/// the description or the folder that somebody meant would be worse than not to run it.
fn text(object: &Map<String, Value>, field: &str) -> Result<Option<String>, String> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("task.{field} is not a text")),
    }
}

pub(super) fn id(frame: &Map<String, Value>, field: &str) -> Result<String, String> {
    match frame.get(field) {
        Some(Value::String(id)) if id.is_empty() => Err(format!("{field} is empty")),
        Some(Value::String(id)) if id.len() > limits::ID_BYTES => {
            Err(format!("{field} is longer than {} bytes", limits::ID_BYTES))
        }
        Some(Value::String(id)) => Ok(id.clone()),
        Some(_) => Err(format!("{field} is not a text")),
        None => Err(format!("{field} is missing")),
    }
}

fn timeout(frame: &Map<String, Value>) -> Duration {
    match frame.get("timeout_seconds").and_then(Value::as_f64) {
        Some(seconds) if seconds > 0.0 => {
            Duration::try_from_secs_f64(seconds).unwrap_or(limits::MAX_TIMEOUT).min(limits::MAX_TIMEOUT)
        }
        _ => limits::DEFAULT_TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn sample() -> Value {
        json!({"kind":"task.dispatch","run_id":"run_42","idempotency_key":"disp_9","timeout_seconds":900,
               "task":{"title":"Tighten retry budget","description":"See ticket.","repo_path":"/w/api",
                       "skill_ids":["retry-rules"],"driver":"opencode"}})
    }

    fn with(path: &str, value: Value) -> String {
        let mut frame = sample();
        *frame.pointer_mut(path).expect("a field of the sample") = value;
        frame.to_string()
    }

    #[test]
    fn a_dispatch_is_read_and_what_is_unknown_is_ignored() {
        let mut frame = sample();
        frame["task"]["initiative_id"] = json!({"new": ["in", 2027]});
        frame["execution_attribution"] = json!({"provider": "x"});
        let Inbound::Dispatch(dispatch) = parse(&frame.to_string()) else { panic!("a dispatch") };
        assert_eq!(dispatch.run_id, RunId::new("run_42"));
        assert_eq!(dispatch.key, DispatchKey::new("disp_9"));
        assert_eq!(dispatch.timeout, Duration::from_secs(900));
        assert_eq!(dispatch.task.repo_path.as_deref(), Some("/w/api"));
        assert_eq!(dispatch.task.skill_ids, ["retry-rules"]);
        assert_eq!(dispatch.task.driver, DriverId::opencode());
    }

    #[test]
    fn a_dispatch_that_names_its_run_but_cannot_be_run_is_answered() {
        for (frame, reason) in [
            (with("/idempotency_key", json!(null)), "the dispatch's idempotency_key is not a text"),
            (with("/idempotency_key", json!("")), "the dispatch's idempotency_key is empty"),
            (with("/task", json!([])), "the dispatch has no task object"),
            (with("/task/title", json!(" ")), "the task has no title"),
            (with("/task/title", json!(7)), "task.title is not a text"),
            (with("/task/driver", json!(null)), "task.driver is not a text"),
            (with("/task/repo_path", json!(7)), "task.repo_path is not a text"),
            (with("/task/repo_path", json!("/x".repeat(3000))), "task.repo_path is longer than 4096 bytes"),
        ] {
            let expected = Inbound::Unusable { run_id: RunId::new("run_42"), reason: Redacted::new(reason) };
            assert_eq!(parse(&frame), expected);
        }
    }

    #[test]
    fn a_v2_dispatch_is_refused_before_anything_else_is_read() {
        let frame = json!({"kind":"task.dispatch","run_id":"r","protocol_version":2,"execution_envelope":{}});
        let Inbound::Unusable { run_id, reason } = parse(&frame.to_string()) else { panic!("unusable") };
        assert_eq!(run_id, RunId::new("r"));
        assert_eq!(
            reason.as_str(),
            "Gateway Protocol v2 dispatches are not supported by this peer; it speaks v1"
        );
        let mut v1 = sample();
        v1["protocol_version"] = json!(1);
        assert!(matches!(parse(&v1.to_string()), Inbound::Dispatch(_)));
    }

    #[test]
    fn garbage_is_ignored_with_a_reason() {
        let deep = "[".repeat(10_000);
        let deep_object = format!("{}1{}", r#"{"kind":"#.repeat(10_000), "}".repeat(10_000));
        for (frame, why) in [
            ("null", "not a JSON object"),
            ("[1,2]", "not a JSON object"),
            ("\"kind\"", "not a JSON object"),
            ("", "not JSON"),
            ("{", "not JSON"),
            (deep.as_str(), "not JSON"),
            (deep_object.as_str(), "not JSON"),
            ("{}", "without a kind"),
            (r#"{"kind":7}"#, "without a kind"),
            (r#"{"kind":"task.explode"}"#, "unknown kind task.explode"),
            (r#"{"kind":"task.dispatch"}"#, "run_id is missing"),
            (r#"{"kind":"task.dispatch","run_id":{}}"#, "run_id is not a text"),
            (r#"{"kind":"task.cancel","run_id":""}"#, "run_id is empty"),
        ] {
            let Inbound::Ignored(reason) = parse(frame) else { panic!("ignored") };
            assert!(reason.as_str().contains(why), "{reason}");
        }
        let long = format!(r#"{{"kind":"task.cancel","run_id":"{}"}}"#, "x".repeat(257));
        assert!(matches!(parse(&long), Inbound::Ignored(_)));
    }

    #[test]
    fn a_timeout_is_taken_within_reason() {
        for (given, seconds) in [
            (json!(900), 900),
            (json!(0.5), 0),
            (json!(0), 3600),
            (json!(-5), 3600),
            (json!("900"), 3600),
            (json!(null), 3600),
            (json!(1e300), 7 * 24 * 3600),
        ] {
            let Inbound::Dispatch(dispatch) = parse(&with("/timeout_seconds", given)) else {
                panic!("a dispatch")
            };
            assert_eq!(dispatch.timeout.as_secs(), seconds);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_arrives_is_fatal(text in ".{0,200}") {
            parse(&text);
        }

        #[test]
        fn no_shape_of_a_dispatch_is_fatal(path in 0..9usize, text in ".{0,40}", number in any::<f64>()) {
            let at = ["/run_id", "/idempotency_key", "/timeout_seconds", "/task", "/task/title",
                      "/task/description", "/task/repo_path", "/task/skill_ids", "/task/driver"][path];
            for value in [json!(text), json!(number), json!([text]), json!({ "a": number }), json!(null)] {
                parse(&with(at, value));
            }
        }
    }
}
