//! What runs ask of the person, as it is shown. An id changes with the question, so that no answer is for another one.

use super::snapshot::{Ask, Attention, BudgetLimit};
use crate::limits;
use orgx_proto::agent::{self, Asked};
use orgx_proto::budget::Reached;
use orgx_proto::ids::{AskId, RunId};
use orgx_proto::redact::Redacted;
use orgx_proto::run::{BudgetUnit, OpenAsk, Phase, Run, StartWhat};
use orgx_proto::time::{Millis, Now};

/// Something that waits, and whom its answer goes to.
pub(super) struct Waiting {
    pub(super) shown: Attention,
    pub(super) run_id: RunId,
    /// What the run's agent asks; `None`: the peer asks, before the run starts or while it is held.
    pub(super) ask: Option<AskId>,
}

/// What a run asks, if it does.
pub(super) fn of_run(run: &Run) -> Vec<Waiting> {
    let of_agent = run.asks.open().map(|open| of_agent(run, open));
    of_start(run).into_iter().chain(of_hold(run)).chain(of_agent).collect()
}

/// What is asked before it starts.
fn of_start(run: &Run) -> Option<Waiting> {
    let (Phase::NeedsYou { until }, Some(ask)) = (run.phase, &run.ask) else { return None };
    let (mark, folder, what) = match &ask.what {
        StartWhat::Folder { folder } => ("", Some(folder.clone()), Ask::Folder { folder: folder.clone() }),
        StartWhat::Dirty { folder, commit, changes } => {
            let (folder, commit) = (folder.clone(), commit.clone());
            ("dirty-", Some(folder.clone()), Ask::Dirty { folder, commit, changes: *changes })
        }
        StartWhat::Budget { limit, most, used } => {
            let ask = Ask::Budget { limit: unit(*limit), day: true, most: *most, used: *used };
            ("budget-", run.folder.clone(), ask)
        }
    };
    let shown = Attention {
        id: format!("{}@{mark}{}", run.dispatch.run_id, ask.since.wall.0),
        folder,
        what,
        ..asked(run, ask.since, until)
    };
    Some(Waiting { shown, run_id: run.dispatch.run_id.clone(), ask: None })
}

/// What is asked of a run that is held at a budget.
fn of_hold(run: &Run) -> Option<Waiting> {
    let hold = run.hold()?;
    let Reached { unit: limit, day, most, used } = hold.reached;
    let shown = Attention {
        id: format!("{}@budget-{}", run.dispatch.run_id, hold.since.wall.0),
        folder: run.folder.clone(),
        what: Ask::Budget { limit: unit(limit), day, most, used },
        ..asked(run, hold.since, hold.until)
    };
    Some(Waiting { shown, run_id: run.dispatch.run_id.clone(), ask: None })
}

fn unit(unit: BudgetUnit) -> BudgetLimit {
    match unit {
        BudgetUnit::Tokens => BudgetLimit::Tokens,
        BudgetUnit::Cents => BudgetLimit::Cents,
        BudgetUnit::Minutes => BudgetLimit::Minutes,
    }
}

fn of_agent(run: &Run, open: &OpenAsk) -> Waiting {
    let shown = Attention {
        id: format!("{}@{}", run.dispatch.run_id, open.ask.id),
        by: open.ask.by.clone(),
        folder: run.folder.clone(),
        what: match &open.ask.what {
            Asked::Permission(permission) => shown_permission(permission),
            Asked::Questions(questions) => Ask::Questions { questions: questions.clone() },
        },
        ..asked(run, open.since, open.until)
    };
    Waiting { shown, run_id: run.dispatch.run_id.clone(), ask: Some(open.ask.id.clone()) }
}

fn asked(run: &Run, since: Now, until: Millis) -> Attention {
    let left = i64::try_from((until - since.mono).as_millis()).unwrap_or(i64::MAX);
    Attention {
        run_id: run.dispatch.run_id.to_string(),
        since: since.wall.0,
        lapses_at: since.wall.0.saturating_add(left),
        ..Attention::default()
    }
}

fn shown_permission(permission: &agent::Permission) -> Ask {
    let text = |text: &Redacted| text.as_str().to_owned();
    let mut patterns: Vec<String> = permission
        .patterns
        .iter()
        .take(limits::ASK_PATTERNS)
        .map(|pattern| Redacted::line(pattern, limits::ASK_PATTERN_CHARS).into_string())
        .collect();
    let more = permission.patterns.len() - patterns.len();
    if more > 0 {
        patterns.push(format!("… and {more} more"));
    }
    Ask::Permission {
        permission: Redacted::cut(&permission.kind, orgx_proto::limits::TOOL_NAME_CHARS).into_string(),
        patterns,
        command: permission.command.as_ref().map(text),
        file: permission.file.as_ref().map(text),
        added: permission.lines.map(|(added, _)| added),
        removed: permission.lines.map(|(_, removed)| removed),
    }
}
