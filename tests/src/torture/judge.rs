//! What must be true at the end of a round.

use super::plan::Dialect;
use super::round::{Round, Run};
use orgx_sandbox::gateway::Received;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The only failure that a restart may cause, and only with the daemon.
const RESTARTED: &str = "peer restarted during the run";

pub(super) fn judge(round: &mut Round) {
    let folders: BTreeSet<usize> = round.runs.iter().map(|run| run.plan.folder).collect();
    let (prompts, odd) = round.world.prompts(&folders);
    for words in odd {
        round.broken(&words, None);
    }
    let of_a_kill = |words: &String| words.contains("Connection reset without closing handshake");
    for words in round.world.stage.gateway.violations().into_iter().filter(|words| !of_a_kill(words)) {
        round.broken(&format!("a strict OrgX did not like: {words}"), None);
    }
    round.counts.runs = round.runs.len();
    let frames = round.world.stage.gateway.frames();
    let runs = std::mem::take(&mut round.runs);
    let mut found = Vec::new();
    for run in &runs {
        let frames: Vec<&Received> =
            frames.iter().filter(|frame| frame.run_id() == run.plan.run_id).collect();
        let broken = look_at(round, run, &frames, &prompts);
        found.extend(broken.into_iter().map(|words| (run.plan.run_id.clone(), words)));
    }
    round.runs = runs;
    for (run_id, words) in found {
        round.broken(&format!("{run_id}: {words}"), Some(&run_id));
    }
    the_outbox(round, &frames);
}

/// Everything about one run; each broken promise in words.
fn look_at(
    round: &mut Round,
    run: &Run,
    frames: &[&Received],
    prompts: &BTreeMap<String, usize>,
) -> Vec<String> {
    let mut broken = Vec::new();
    let run_id = &run.plan.run_id;
    let prompted = prompts.get(run_id).copied().unwrap_or_default();
    round.counts.prompts += prompted;
    if prompted > 1 {
        broken.push(format!("prompted {prompted} times"));
    }
    let terminals: Vec<&&Received> = frames.iter().filter(|frame| frame.is_terminal_of(run_id)).collect();
    let different: BTreeSet<&str> = terminals.iter().map(|frame| frame.text.as_str()).collect();
    round.counts.repeated_terminals += terminals.len().saturating_sub(different.len());
    if different.len() > 1 {
        broken.push(format!("{} different terminals", different.len()));
    }
    let Some(terminal) = terminals.first().map(|frame| &frame.value) else {
        round.counts.lost += 1;
        broken.push("has no terminal".to_owned());
        return broken;
    };
    let own_word = the_end(round, run, terminal, &mut broken);
    if own_word && prompted == 0 {
        broken.push("was ended by an agent that was never prompted".to_owned());
    }
    if terminal["kind"] == "task.completed" && round.world.stage.gateway.receipt(run_id).is_none() {
        round.counts.lost += 1;
        broken.push("completed, and its receipt never came".to_owned());
    }
    steps(round, run, frames, terminal, &mut broken);
    deviations(round, run, frames, own_word, &mut broken);
    broken
}

/// Did it end as it had to? True when its agent ended it.
fn the_end(round: &mut Round, run: &Run, terminal: &Value, broken: &mut Vec<String>) -> bool {
    let reason = terminal["reason"].as_str().unwrap_or_default();
    if terminal["kind"] == "task.completed" {
        round.counts.completed += 1;
        if run.plan.fails {
            broken.push("completed, though its agent failed".to_owned());
        }
        if terminal["tokens_used"] != run.plan.tokens() {
            let (told, due) = (&terminal["tokens_used"], run.plan.tokens());
            broken.push(format!("completed with {told} tokens instead of {due}"));
        }
        return true;
    }
    if reason == RESTARTED {
        round.counts.restarted += 1;
        if terminal["recoverable"] != true {
            broken.push("failed by a restart, and not recoverable".to_owned());
        }
        if round.world.dialect() == Dialect::Server {
            broken.push("failed by a restart, though its OpenCode lives and could be asked".to_owned());
        } else if !run.crossed {
            broken.push("failed by a restart that did not happen".to_owned());
        }
        return false;
    }
    round.counts.failed += 1;
    if reason.contains(&run.plan.failure()) && run.plan.fails {
        return true;
    }
    if !(run.cancelled && reason == "cancelled") {
        broken.push(format!("failed with {reason:?}"));
    }
    false
}

fn steps(round: &mut Round, run: &Run, frames: &[&Received], terminal: &Value, broken: &mut Vec<String>) {
    let due = run.plan.steps(round.world.dialect());
    let told: Vec<&str> = frames.iter().filter_map(|frame| frame.value["step"]["summary"].as_str()).collect();
    let mut first = Vec::new();
    for step in &told {
        if !first.contains(step) {
            first.push(step);
        }
    }
    round.counts.steps += first.len();
    round.counts.repeated_steps += told.len() - first.len();
    let places: Vec<Option<usize>> =
        first.iter().map(|step| due.iter().position(|due| due == *step)).collect();
    if places.iter().any(Option::is_none) || !places.is_sorted() {
        broken.push(format!("its steps were {first:?}, which is not the order of {due:?}"));
    }
    if terminal["kind"] == "task.completed" && first.len() < due.len() {
        round.counts.missing_steps += due.len() - first.len();
        if !run.crossed {
            broken.push(format!("lost steps without a crash: {first:?} of {due:?}"));
        }
    }
}

fn deviations(round: &mut Round, run: &Run, frames: &[&Received], own_word: bool, broken: &mut Vec<String>) {
    let due = run.plan.deviations();
    let seen: HashSet<&str> = frames.iter().filter_map(|frame| frame.value["dedupe_key"].as_str()).collect();
    for odd in seen.iter().filter(|key| !due.iter().any(|due| due == *key)) {
        broken.push(format!("told a deviation that it did not do: {odd}"));
    }
    if !own_word {
        return;
    }
    round.counts.deviations_due += due.len();
    round.counts.deviations_seen += due.iter().filter(|key| seen.contains(key.as_str())).count();
    for missing in due.iter().filter(|key| !seen.contains(key.as_str())) {
        round.counts.lost += 1;
        broken.push(format!("never told its deviation {missing}"));
    }
}

/// Every line is whole, and every deviation in it was told to OrgX.
fn the_outbox(round: &mut Round, frames: &[Received]) {
    let text = std::fs::read_to_string(round.world.stage.outbox_file()).unwrap_or_default();
    let told: HashSet<&str> = frames.iter().filter_map(|frame| frame.value["dedupe_key"].as_str()).collect();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let last = at + 1 == lines.len() && !text.ends_with('\n');
        match serde_json::from_str::<Value>(line) {
            Err(_) if last => {}
            Err(error) => round.broken(&format!("line {at} of the outbox is torn ({error}): {line}"), None),
            Ok(record) if record["event"] == "task_deviation" => {
                let key = record["summary"]["dedupe_key"].as_str().unwrap_or_default();
                if !told.contains(key) {
                    round.counts.lost += 1;
                    let run_id = record["run_id"].as_str().unwrap_or_default().to_owned();
                    round.broken(&format!("the outbox has {key}, and OrgX was never told"), Some(&run_id));
                }
            }
            Ok(_) => {}
        }
    }
}
