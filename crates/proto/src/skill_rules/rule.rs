//! Reading the answer of plan-skills: tolerant in what can be missing or wrong, strict in what a rule must
//! have.

use serde_json::Value;
use thiserror::Error;

use super::ignored::{IgnoredList, IgnoredRule, shown};
use super::limits;

/// The kind of event a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvidenceOn {
    /// The agent changed a file. PROTOCOL: `file_edit`.
    FileEdit,
    /// The agent called a tool. PROTOCOL: `tool_call`.
    ToolCall,
}

/// One rule of a skill, as OrgX sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillRule {
    /// The skill it belongs to; never empty.
    pub skill_id: String,
    /// A JavaScript regular expression, without flags.
    pub pattern: String,
    /// The events it looks at.
    pub on: EvidenceOn,
    /// Rules of a skill that share it report once in a run.
    pub dedupe_fingerprint: String,
    /// What a match is evidence of; travels in the deviation.
    pub evidence_kind: String,
}

/// The answer is no rule list, so the rules in force stay.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The top level is not a JSON object.
    #[error("the skill rules from OrgX are not a JSON object")]
    NotAnObject,
    /// There is no `skills` array.
    #[error("the skill rules from OrgX have no list of skills")]
    NoSkills,
}

/// Reads the rules of an answer in server order, and the rules in it that cannot be used.
///
/// A missing `rules` array is an empty one. A skill or rule of a wrong type, an unknown `on`, and a missing,
/// empty (skill id only) or overlong id are skipped and named: a dedupe key made of `undefined` would help
/// nobody.
pub fn parse(body: &Value) -> Result<(Vec<SkillRule>, Vec<IgnoredRule>), ParseError> {
    let top = body.as_object().ok_or(ParseError::NotAnObject)?;
    let skills = top.get("skills").and_then(Value::as_array).ok_or(ParseError::NoSkills)?;
    let (mut rules, mut ignored, mut index) = (Vec::new(), IgnoredList::default(), 0);
    for (position, skill) in skills.iter().enumerate() {
        let Some(skill) = skill.as_object() else {
            ignored.push("", index, || format!("Skill {} of the list is not a JSON object.", position + 1));
            continue;
        };
        let id = skill.get("id");
        let name = id.and_then(Value::as_str).unwrap_or_default();
        let entries = match skill.get("rules") {
            None | Some(Value::Null) => continue,
            Some(Value::Array(entries)) => entries,
            Some(_) => {
                ignored
                    .push(name, index, || format!("The rules of skill \"{}\" are not a list.", shown(name)));
                continue;
            }
        };
        let problem =
            if name.is_empty() { Some("no skill id".to_owned()) } else { too_long("skill id", name) };
        if let Some(problem) = problem {
            if !entries.is_empty() {
                ignored.push_many(name, index, entries.len(), || {
                    format!(
                        "The {} rules of skill {} in the list have {problem}.",
                        entries.len(),
                        position + 1
                    )
                });
            }
            index += entries.len();
            continue;
        }
        for entry in entries {
            match read_rule(name, entry) {
                Ok(rule) => rules.push(rule),
                Err(problem) => ignored.push(name, index, || {
                    let pattern = entry.get("pattern").and_then(Value::as_str).unwrap_or_default();
                    format!("The rule with the pattern \"{}\" is ignored: {problem}.", shown(pattern))
                }),
            }
            index += 1;
        }
    }
    Ok((rules, ignored.finish()))
}

fn read_rule(skill_id: &str, entry: &Value) -> Result<SkillRule, String> {
    if !entry.is_object() {
        return Err("it is not a JSON object".into());
    }
    let pattern = string(entry, "pattern")?;
    let on = match string(entry, "on")? {
        "file_edit" => EvidenceOn::FileEdit,
        "tool_call" => EvidenceOn::ToolCall,
        other => return Err(format!("\"{}\" is no event that rules can look at", shown(other))),
    };
    Ok(SkillRule {
        skill_id: skill_id.to_owned(),
        pattern: pattern.to_owned(),
        on,
        dedupe_fingerprint: id(entry, "dedupe_fingerprint")?.to_owned(),
        evidence_kind: id(entry, "evidence_kind")?.to_owned(),
    })
}

fn string<'a>(entry: &'a Value, field: &str) -> Result<&'a str, String> {
    match entry.get(field) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("its {field} is not a string")),
        None => Err(format!("it has no {field}")),
    }
}

fn id<'a>(entry: &'a Value, field: &str) -> Result<&'a str, String> {
    let text = string(entry, field)?;
    too_long(field, text).map_or(Ok(text), |problem| Err(format!("it has {problem}")))
}

fn too_long(what: &str, text: &str) -> Option<String> {
    (text.chars().nth(limits::ID_CHARS).is_some())
        .then(|| format!("a {what} of more than {} characters", limits::ID_CHARS))
}
