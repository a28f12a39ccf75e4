//! What the agents of runs ask the person: permissions and questions. Design, settled details.
//!
//! Promises: what is asked is answered once, by whoever is first; what nobody answers in time is denied with words that
//! let the agent go on; a run that is being stopped asks nothing any more. An ask that its driver tells of again is the
//! same one while it is open; after an answer it means that the answer did not arrive, and it is asked again.
//!
//! Nothing of it is journaled: after a restart the driver reads what is asked, and tells of it again.

use super::Dispatcher;
use super::effect::Effect;
use super::kept_here;
use crate::agent::{AgentAsk, AgentEvent, Asked, Reply};
use crate::ids::{AskId, RunId};
use crate::limits;
use crate::redact::Redacted;
use crate::run::{OpenAsk, Phase, Run, Standing, Unfit, Verdict, count};
use crate::time::{Millis, Now};

/// What an agent is told that nobody answered.
const NOBODY: &str = "Nobody answered in time. Go on without this, in another way, or say in your final answer what \
                      could not be done.";
/// What it is told when the person says no, and not why: a bare no ends its work.
const DENIED: &str = "The person does not want this. Go on without it, in another way, or say in your final answer \
                      what could not be done.";
/// What it is told that asks too much at once.
const TOO_MANY: &str = "Too many questions wait for the person already. Go on without this, in another way, or ask \
                        again later.";

impl Dispatcher {
    /// A run's agent asks something.
    pub fn asked(&mut self, run_id: &RunId, ask: AgentAsk, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        // Its agent is being stopped, and what it asks with it.
        let Phase::Running { until } = run.phase else { return Vec::new() };
        // It is held at its budget, and what was asked before goes with the hold: it would be answered to nobody.
        if !matches!(run.account.standing, Standing::Works | Standing::GoesOn) {
            return Vec::new();
        }
        if run.asks.get(&ask.id).is_some() {
            return Vec::new();
        }
        let local = run.dispatch.local;
        let effects = run.asked(ask, lapses(until, now), now);
        kept_here(local, effects)
    }

    /// It does not ask that any more: somebody answered elsewhere.
    pub fn ask_gone(&mut self, run_id: &RunId, ask: &AskId, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        let Some(gone) = run.asks.take(ask) else { return Vec::new() };
        let effects = run.remark(&format!("answered elsewhere ({})", kind(&gone.ask.what)), now);
        kept_here(run.dispatch.local, effects)
    }

    /// The person answers. `None`: that is not asked any more, so somebody was first; an answer that does not fit
    /// leaves it open.
    pub fn answer(
        &mut self,
        run_id: &RunId,
        ask: &AskId,
        verdict: Verdict,
        now: Now,
    ) -> Option<Result<Vec<Effect>, Unfit>> {
        let run = self.runs.get_mut(run_id)?;
        if let Err(unfit) = verdict.fits(&run.asks.get(ask)?.ask.what) {
            return Some(Err(unfit));
        }
        let open = run.asks.take(ask)?;
        let local = run.dispatch.local;
        Some(Ok(kept_here(local, run.answered(open.ask, verdict, now))))
    }

    /// What lapsed of this run's asks.
    pub(super) fn lapse(&mut self, run_id: &RunId, now: Now) -> Vec<Effect> {
        let Some(run) = self.runs.get_mut(run_id) else { return Vec::new() };
        let mut effects = Vec::new();
        for lapsed in run.asks.take_lapsed(now.mono) {
            effects.extend(run.unanswered(lapsed.ask, now));
        }
        kept_here(run.dispatch.local, effects)
    }
}

impl Run {
    fn asked(&mut self, ask: AgentAsk, until: Millis, now: Now) -> Vec<Effect> {
        let kind = kind(&ask.what);
        if self.asks.is_allowed(&ask.what) {
            let mut effects = vec![self.reply(ask.id, Reply::Once)];
            effects.extend(self.remark(&format!("allowed as before ({kind})"), now));
            return effects;
        }
        let asks = match &ask.what {
            Asked::Permission(_) => format!("asked for permission ({kind})"),
            Asked::Questions(all) if all.len() == 1 => "asked a question".to_owned(),
            Asked::Questions(all) => format!("asked {}", count(all.len(), "question")),
        };
        if let Some(words) = too_much(&ask.what) {
            let mut effects = vec![self.reply(ask.id, Reply::No(words))];
            effects.extend(self.remark(&format!("{asks}; told to ask less at once"), now));
            return effects;
        }
        if self.asks.is_full() {
            let words =
                format!("{asks}; declined, because {} wait for the person already", limits::OPEN_ASKS);
            let mut effects = vec![self.reply(ask.id, Reply::No(TOO_MANY.to_owned()))];
            effects.extend(self.remark(&words, now));
            return effects;
        }
        let mut effects = self.remark(&asks, now);
        if until <= now.mono {
            effects.extend(self.unanswered(ask, now));
        } else {
            self.asks.push(OpenAsk { ask, since: now, until });
        }
        effects
    }

    fn answered(&mut self, ask: AgentAsk, verdict: Verdict, now: Now) -> Vec<Effect> {
        let (reply, word) = match verdict {
            Verdict::Once => (Reply::Once, "allowed once"),
            Verdict::ForRun => {
                self.asks.allow(&ask.what);
                (Reply::Once, "allowed for this run")
            }
            Verdict::No(reason) => {
                let reason = reason.filter(|reason| !reason.trim().is_empty());
                (Reply::No(reason.unwrap_or_else(|| DENIED.to_owned())), "denied")
            }
            Verdict::Answers(answers) => (Reply::Answers(answers), "answered"),
        };
        let words = format!("{word} ({})", kind(&ask.what));
        let mut effects = vec![self.reply(ask.id, reply)];
        effects.extend(self.remark(&words, now));
        effects
    }

    fn unanswered(&mut self, ask: AgentAsk, now: Now) -> Vec<Effect> {
        let words = format!("not answered in time; told to go on ({})", kind(&ask.what));
        let mut effects = vec![self.reply(ask.id, Reply::No(NOBODY.to_owned()))];
        effects.extend(self.remark(&words, now));
        effects
    }

    fn reply(&self, ask: AskId, reply: Reply) -> Effect {
        Effect::Reply { run_id: self.dispatch.run_id.clone(), ask, reply }
    }

    /// A step in the peer's own words: never what is asked, only of what kind it is.
    fn remark(&mut self, words: &str, now: Now) -> Vec<Effect> {
        self.observe(&AgentEvent::Remark(Redacted::new(words)), &[], now.wall)
    }
}

/// What an agent is told that asks more at once than a person would read.
fn too_much(what: &Asked) -> Option<String> {
    let Asked::Questions(questions) = what else { return None };
    let (most, choices) = (limits::ASKED_QUESTIONS, limits::ASKED_CHOICES);
    let is_much = questions.len() > most || questions.iter().any(|one| one.choices.len() > choices);
    is_much.then(|| {
        format!(
            "Ask at most {most} questions at once, each with at most {choices} choices, or go on without."
        )
    })
}

/// Of what kind it is, in the agent's word.
fn kind(what: &Asked) -> Redacted {
    match what {
        Asked::Permission(permission) => Redacted::cut(&permission.kind, limits::TOOL_NAME_CHARS),
        Asked::Questions(_) => Redacted::new("question"),
    }
}

/// When no answer is a no: after half an hour, or while the agent can still make something of it.
fn lapses(run_until: Millis, now: Now) -> Millis {
    let before_end = Millis(run_until.0.saturating_sub(limits::ASK_BEFORE_END.as_millis() as u64));
    (now.mono + limits::ASK_WITHIN).min(before_end)
}
