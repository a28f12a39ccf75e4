//! What a run will do, chosen by chance, told to either kind of agent, and what must be seen of it.

use super::rng::Rng;
use orgx_sandbox::daemon::Line;
use serde_json::{Value, json};

/// The skill whose rules the runs break.
pub(super) const SKILL: &str = "torture";
/// What breaks a rule, each its own. Also the rule's fingerprint.
const BREACHES: [&str; 3] = ["breach_alpha", "breach_beta", "breach_gamma"];
/// What the model counts for a turn, unless told otherwise.
const TOKENS_A_TURN: u64 = 110;

/// One run to be.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The run's id, also the word in its prompt by which the agent knows it.
    pub(super) run_id: String,
    /// Which of the folders it works in.
    pub(super) folder: usize,
    acts: Vec<Act>,
    /// Does its agent fail in the end?
    pub(super) fails: bool,
    /// Is it to be cancelled?
    pub(super) cancelled: bool,
    /// Does OrgX dispatch it again and again, as if it had heard nothing?
    pub(super) repeated: bool,
}

/// What the agent speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The seed's daemon: rules see path and summary.
    Daemon,
    /// A real OpenCode: rules see path and added text.
    Server,
}

#[derive(Clone, Debug)]
enum Act {
    /// Writes a file; with a breach, a rule matches.
    Edit(Option<&'static str>),
    /// A tool that fails.
    FailingTool,
    /// Waits until its gate is opened.
    Gate,
    /// Takes its time.
    Pause(u64),
}

/// The rules that the breaches break: by an edit's added text, or its summary.
pub(super) fn rules() -> Value {
    let rule = |breach: &&str| {
        json!({ "pattern": breach, "on": "file_edit", "dedupe_fingerprint": breach,
                "evidence_kind": "budget_shift" })
    };
    json!({ "skills": [{ "id": SKILL, "rules": BREACHES.iter().map(rule).collect::<Vec<_>>() }] })
}

impl Plan {
    /// The run of that number.
    pub(super) fn new(number: usize, folders: usize, rng: &mut Rng) -> Self {
        let edits = match rng.below(10) {
            0..3 => 1,
            3..8 => 2 + rng.below(3),
            _ => 6 + rng.below(6),
        };
        let mut acts: Vec<Act> = (0..edits).map(|_| Act::Edit(None)).collect();
        if rng.chance(50) {
            for breach in &BREACHES[..=rng.below(BREACHES.len())] {
                acts.insert(rng.below(acts.len() + 1), Act::Edit(Some(breach)));
            }
            // The same rule broken twice is one deviation.
            acts.push(Act::Edit(Some(BREACHES[0])));
        }
        for (percent, act) in [(20, Act::FailingTool), (40, Act::Gate), (60, Act::Pause(20))] {
            if rng.chance(percent) {
                let act = if matches!(act, Act::Pause(_)) { Act::Pause(rng.next() % 150) } else { act };
                acts.insert(rng.below(acts.len() + 1), act);
            }
        }
        let cancelled = rng.chance(12);
        Self {
            run_id: format!("r{number:04}"),
            folder: rng.below(folders),
            acts,
            fails: rng.chance(15),
            cancelled,
            repeated: !cancelled && rng.chance(25),
        }
    }

    /// The gate it waits at, if it does.
    pub(super) fn gate(&self) -> &str {
        &self.run_id
    }

    /// The last words of its agent when it fails.
    pub(super) fn failure(&self) -> String {
        format!("{} could not be done", self.run_id)
    }

    /// The summaries of its steps, in order; no two are the same.
    pub(super) fn steps(&self, dialect: Dialect) -> Vec<String> {
        let step = |(at, act): (usize, &Act)| match act {
            Act::Edit(Some(breach)) if dialect == Dialect::Daemon => {
                Some(format!("edit {} — +1 -0 {breach}", self.file(at)))
            }
            Act::Edit(_) => Some(format!("edit {} — +1 -0", self.file(at))),
            Act::FailingTool => Some(format!("call read — failed: {}", self.file(at))),
            Act::Gate | Act::Pause(_) => None,
        };
        self.acts.iter().enumerate().filter_map(step).collect()
    }

    /// The dedupe keys of its deviations.
    pub(super) fn deviations(&self) -> Vec<String> {
        let key = |breach: &&&str| format!("{SKILL}:{breach}:{}", self.run_id);
        BREACHES
            .iter()
            .filter(|breach| self.acts.iter().any(|act| act.breaks(breach)))
            .map(|one| key(&one))
            .collect()
    }

    /// What the model counts for all of it.
    pub(super) fn tokens(&self) -> u64 {
        match self.turns().as_array() {
            Some(turns) => turns.len() as u64 * TOKENS_A_TURN,
            None => 0,
        }
    }

    /// The scripted model's part.
    pub(super) fn turns(&self) -> Value {
        let mut turns = Vec::new();
        let (mut gated, mut delay) = (false, 0);
        let mut turn = |mut turn: Value, gated: &mut bool, delay: &mut u64| {
            if std::mem::take(gated) {
                turn["gate"] = self.gate().into();
            }
            turn["delay_ms"] = std::mem::take(delay).into();
            turns.push(turn);
        };
        for (at, act) in self.acts.iter().enumerate() {
            let path = format!("{{{{cwd}}}}/{}", self.file(at));
            let call = match act {
                Act::Gate => {
                    gated = true;
                    continue;
                }
                Act::Pause(millis) => {
                    delay = *millis;
                    continue;
                }
                Act::Edit(breach) => {
                    let content = format!("{}\n", breach.unwrap_or("fine"));
                    json!({ "name": "write", "arguments": { "filePath": path, "content": content } })
                }
                Act::FailingTool => json!({ "name": "read", "arguments": { "filePath": path } }),
            };
            turn(json!({ "tool_calls": [call] }), &mut gated, &mut delay);
        }
        let last = if self.fails {
            json!({ "status": 400, "error": { "error": {
                "message": self.failure(), "type": "invalid_request_error" } } })
        } else {
            json!({ "text": "Done." })
        };
        turn(last, &mut gated, &mut delay);
        Value::Array(turns)
    }

    /// The daemon's part.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (at, act) in self.acts.iter().enumerate() {
            lines.push(match act {
                Act::Gate => Line::Gate(self.gate().to_owned()),
                Act::Pause(millis) => Line::Pause { millis: *millis },
                Act::Edit(breach) => {
                    let summary = breach.map_or("+1 -0".to_owned(), |breach| format!("+1 -0 {breach}"));
                    Line::Json(json!({ "kind": "file_edit", "path": self.file(at), "summary": summary }))
                }
                Act::FailingTool => Line::Json(json!({ "kind": "tool_call", "tool": "read",
                    "summary": format!("failed: {}", self.file(at)) })),
            });
        }
        lines.push(Line::Json(if self.fails {
            json!({ "kind": "error", "message": self.failure() })
        } else {
            json!({ "kind": "assistant_completed", "tokens_used": self.tokens() })
        }));
        lines
    }

    /// The file of one act.
    fn file(&self, at: usize) -> String {
        format!("{}-{at:02}.txt", self.run_id)
    }
}

impl Act {
    fn breaks(&self, breach: &str) -> bool {
        matches!(self, Self::Edit(Some(own)) if *own == breach)
    }
}
