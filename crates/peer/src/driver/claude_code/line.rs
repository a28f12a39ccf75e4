//! One line of what `claude` says, read down to what a run needs.
//!
//! Two shapes are known: what the real program prints with `--output-format stream-json` (2.1.328; facts:
//! claude-code.md), and the seed's fixture lines (`kind`; contract E2). The order of keys is not stable, and unknown lines
//! appear between versions: those are skipped.

use orgx_proto::skill_rules;
use serde_json::Value;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// The session is open.
    Init,
    /// A model's answer, or a part of it: one answer comes as a line for each of its parts.
    Answer {
        /// Its id, and the tokens it is known to have used so far.
        id: Option<String>,
        tokens: u64,
        /// Does it say something?
        speaks: bool,
        calls: Vec<Call>,
    },
    /// What became of tool calls.
    Results(Vec<CallResult>),
    /// A call was denied by a rule or by the permission mode; nobody was asked.
    Denied { call: String, tool: String },
    /// The model provider refused, and is asked again.
    Retry { attempt: u64, status: Option<u64> },
    /// It is over, so far: something that runs in the background may bring another one.
    Result(Box<Outcome>),
    /// A line of the seed's fixture, by its `kind`.
    Fixture(Fixture),
    /// Something else that only this program says.
    Other,
}

/// A tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) tool: String,
    /// A path or the model's own description; no command line, no content.
    pub(crate) about: Option<About>,
    /// Its title, command, query or URL; for matching only.
    pub(crate) query: String,
    /// The file that it writes.
    pub(crate) edit: Option<Edit>,
}

/// What a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Path(String),
    Words(String),
}

/// A file that a tool writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) path: String,
    /// For matching only.
    pub(crate) added: String,
    /// Lines of the new text; what the result tells is better.
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallResult {
    pub(crate) call: String,
    pub(crate) failed: bool,
    /// Lines added and removed, when it says so.
    pub(crate) lines: Option<(u64, u64)>,
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) subtype: String,
    pub(crate) is_error: bool,
    /// What it says for people.
    pub(crate) text: String,
    /// Why it stopped, when it is not done: `tool_deferred`.
    pub(crate) deferred: bool,
    /// What the model provider answered, when it refused.
    pub(crate) status: Option<u64>,
    /// Tokens and dollars of the whole session.
    pub(crate) session: (u64, f64),
    /// Tokens and dollars since the session was opened, or gone on with.
    pub(crate) since: (u64, f64),
    /// Calls that were denied: ids and tools.
    pub(crate) denials: Vec<(String, String)>,
}

/// What the seed's fixture says, in the words of contract C4 and E2.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fixture {
    /// A tool call or a file edit: the line itself, which the seed's daemon says, too.
    Action,
    Tokens(u64),
    Completed(u64),
    Error {
        message: Option<String>,
        recoverable: bool,
    },
}

/// Reads a line; `None`: it is none of ours.
pub(crate) fn read(line: &[u8]) -> Option<Line> {
    let line: Value = serde_json::from_slice(line.trim_ascii()).ok()?;
    if let Some(kind) = text(&line, "kind") {
        return fixture(&kind, &line);
    }
    let kind = text(&line, "type")?;
    Some(match (kind.as_str(), text(&line, "subtype").as_deref()) {
        ("system", Some("init")) => Line::Init,
        ("system", Some("permission_denied")) => Line::Denied {
            call: text(&line, "tool_use_id")?,
            tool: text(&line, "tool_name").unwrap_or_else(|| "a tool".into()),
        },
        ("system", Some("api_retry")) => Line::Retry {
            attempt: line.get("attempt").and_then(Value::as_u64).unwrap_or(1),
            status: line.get("error_status").and_then(Value::as_u64),
        },
        ("assistant", _) => answer(line.get("message")?),
        ("user", _) => Line::Results(results(&line)),
        ("result", _) => Line::Result(Box::new(outcome(&line))),
        _ => Line::Other,
    })
}

fn answer(message: &Value) -> Line {
    let parts = message.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is = |part: &Value, kind: &str| part.get("type").and_then(Value::as_str) == Some(kind);
    Line::Answer {
        id: text(message, "id"),
        tokens: message.get("usage").map(tokens).unwrap_or_default(),
        speaks: parts.iter().any(|part| is(part, "text") || is(part, "thinking")),
        calls: parts.iter().filter(|part| is(part, "tool_use")).filter_map(call).collect(),
    }
}

fn call(part: &Value) -> Option<Call> {
    let tool = text(part, "name")?;
    let input = part.get("input").unwrap_or(&Value::Null);
    let title = text(input, "description").unwrap_or_default();
    let query = ["command", "query", "pattern", "url"].iter().find_map(|key| text(input, key));
    let path =
        text(input, "file_path").or_else(|| text(input, "notebook_path")).or_else(|| text(input, "path"));
    let host = || url::Url::parse(&text(input, "url")?).ok()?.host_str().map(ToOwned::to_owned);
    let words = || Some(title.clone()).filter(|title| !title.is_empty()).or_else(host);
    Some(Call {
        id: text(part, "id")?,
        edit: edit(&tool, input),
        about: path.map(About::Path).or_else(|| words().map(About::Words)),
        query: cut(format!("{title} {}", query.unwrap_or_default()).trim()),
        tool,
    })
}

/// PROTOCOL: claude-code.md; `MultiEdit` is of earlier versions.
fn edit(tool: &str, input: &Value) -> Option<Edit> {
    let lines = |text: &str| text.lines().count() as u64;
    let path = text(input, "file_path").or_else(|| text(input, "notebook_path"));
    let (old, new) = match tool {
        "Write" => (String::new(), text(input, "content")?),
        "Edit" => (text(input, "old_string").unwrap_or_default(), text(input, "new_string")?),
        "NotebookEdit" => (String::new(), text(input, "new_source").unwrap_or_default()),
        "MultiEdit" => {
            let edits = input.get("edits")?.as_array()?;
            let all =
                |key: &str| edits.iter().filter_map(|edit| text(edit, key)).collect::<Vec<_>>().join("\n");
            (all("old_string"), all("new_string"))
        }
        _ => return None,
    };
    Some(Edit { path: path?, additions: lines(&new), deletions: lines(&old), added: cut(&new) })
}

fn results(line: &Value) -> Vec<CallResult> {
    let parts = line.pointer("/message/content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let patch = line.pointer("/tool_use_result/structuredPatch").and_then(Value::as_array);
    // A new file comes with a patch that is empty.
    let lines = patch.filter(|hunks| !hunks.is_empty()).map(|hunks| {
        let lines = hunks.iter().filter_map(|hunk| hunk.get("lines")?.as_array()).flatten();
        lines.filter_map(Value::as_str).fold((0, 0), |(added, removed), line| match line.as_bytes().first() {
            Some(b'+') => (added + 1, removed),
            Some(b'-') => (added, removed + 1),
            _ => (added, removed),
        })
    });
    let result = |part: &Value| {
        Some(CallResult {
            call: text(part, "tool_use_id")?,
            failed: part.get("is_error").and_then(Value::as_bool).unwrap_or(false),
            lines,
        })
    };
    parts.iter().filter_map(result).collect()
}

fn outcome(line: &Value) -> Outcome {
    let usage = line.get("usage").map(tokens).unwrap_or_default();
    let dollars =
        line.get("total_cost_usd").and_then(Value::as_f64).filter(|sum| *sum > 0.0).unwrap_or_default();
    // PROTOCOL: 2.1.328. `modelUsage` and `total_cost_usd` are those of the session, subagents included, and go on
    // where it is gone on with; what is since then stands beside them. `usage` is the main agent's since then.
    let session = models(line.get("modelUsage"));
    let since = models(line.get("model_usage_since_last_result"));
    let said = line.get("errors").and_then(Value::as_array).and_then(|errors| errors.first()?.as_str());
    let reason = |key: &str| text(line, key).as_deref() == Some("tool_deferred");
    let denial = |denial: &Value| {
        Some((text(denial, "tool_use_id")?, text(denial, "tool_name").unwrap_or_else(|| "a tool".into())))
    };
    Outcome {
        subtype: text(line, "subtype").unwrap_or_default(),
        is_error: line.get("is_error").and_then(Value::as_bool).unwrap_or(false),
        text: text(line, "result")
            .filter(|text| !text.is_empty())
            .or(said.map(Into::into))
            .unwrap_or_default(),
        deferred: reason("stop_reason") || reason("terminal_reason") || reason("subtype"),
        status: line.get("api_error_status").and_then(Value::as_u64),
        session: session.map_or((usage, dollars), |(tokens, sum)| (tokens, sum.max(dollars))),
        since: since.unwrap_or((usage, dollars)),
        denials: line
            .get("permission_denials")
            .and_then(Value::as_array)
            .map(|denials| denials.iter().filter_map(denial).collect())
            .unwrap_or_default(),
    }
}

/// Tokens and dollars of all models; `None` when it does not say.
fn models(usage: Option<&Value>) -> Option<(u64, f64)> {
    let models = usage?.as_object().filter(|models| !models.is_empty())?;
    let count = |model: &Value, key: &str| model.get(key).and_then(Value::as_u64).unwrap_or_default();
    let keys = ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"];
    let tokens = models
        .values()
        .flat_map(|model| keys.iter().map(move |key| count(model, key)))
        .fold(0, u64::saturating_add);
    let dollars =
        models.values().filter_map(|model| model.get("costUSD")?.as_f64()).filter(|sum| *sum > 0.0).sum();
    Some((tokens, dollars))
}

fn tokens(usage: &Value) -> u64 {
    ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
        .iter()
        .filter_map(|key| usage.get(key)?.as_u64())
        .fold(0, u64::saturating_add)
}

/// PROTOCOL: contract E2.
fn fixture(kind: &str, line: &Value) -> Option<Line> {
    let count = |key: &str| line.get(key).and_then(Value::as_f64).unwrap_or_default().max(0.0) as u64;
    Some(Line::Fixture(match kind {
        "tool_call" | "file_edit" | "chat" => Fixture::Action,
        "tokens_used" => Fixture::Tokens(count("delta")),
        "assistant_completed" => Fixture::Completed(count("tokens_used")),
        "error" => Fixture::Error {
            message: text(line, "message").filter(|text| !text.is_empty()),
            recoverable: line.get("recoverable") == Some(&Value::Bool(true)),
        },
        _ => return None,
    }))
}

fn text(object: &Value, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
}

fn cut(text: &str) -> String {
    skill_rules::cut(text).to_owned()
}
