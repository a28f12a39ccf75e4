//! What an answer from OrgX means. Anything unclear is not a yes.

use super::item::{Form, Means, Offered, Said};
use crate::agent::Question;
use crate::message::{Resolution, ResolutionStatus};
use crate::redact::Redacted;

/// Longest reason handed to an agent, in characters.
const REASON_CHARS: usize = 500;

/// The answer to part `at` of what was asked, or why it is none: then the question stays open.
pub(super) fn read(form: &Form, at: usize, resolution: &Resolution) -> Result<Said, Redacted> {
    let Resolution { status, answers, note, options } = resolution;
    match status {
        ResolutionStatus::Approved => {}
        ResolutionStatus::Declined => {
            // An option's id or label is no reason.
            let reason = note.clone().or_else(|| answers.first().filter(|_| options.is_empty()).cloned());
            let reason = reason.filter(|reason| !names_an_option(form, reason));
            return Ok(Said::Deny(reason.map(|reason| Redacted::cut(&reason, REASON_CHARS).into_string())));
        }
        ResolutionStatus::Cancelled => {
            return Err(Redacted::new("taken back at OrgX; it is still asked on this computer"));
        }
    }
    match form {
        Form::Choose { options: offered, .. } => choose(offered, resolution),
        Form::Questions(questions) => match questions.get(at) {
            Some(question) => question_of(question, at, resolution).map(|one| Said::Answers(vec![one])),
            None => Err(Redacted::new("there is no such question")),
        },
    }
}

fn names_an_option(form: &Form, text: &str) -> bool {
    matches!(form, Form::Choose { options, .. } if options.iter().any(|offered| offered.is(text)))
}

fn choose(offered: &[Offered], resolution: &Resolution) -> Result<Said, Redacted> {
    let Resolution { answers, note, options, .. } = resolution;
    let mut chosen = Vec::new();
    // Words of a person's own may say anything: only the options' own count as a choice.
    for text in options.iter().chain(answers) {
        match offered.iter().find(|offered| offered.is(text)) {
            Some(one) if chosen.contains(&one.means) => {}
            Some(one) => chosen.push(one.means),
            None => return Err(Redacted::new("the answer names an option that was not offered")),
        }
    }
    match (&chosen[..], note) {
        ([Means::Once], _) => Ok(Said::Allow),
        // A plain yes with nothing beside it that could say otherwise, where a yes can be said.
        ([], None) if offered.iter().any(|offered| offered.means == Means::Once) => Ok(Said::Allow),
        ([], None) => Err(Redacted::new("it can be allowed on the computer that runs the task only")),
        ([Means::ForRun], _) => Ok(Said::AllowForRun),
        ([Means::No], note) => {
            let reason = note.as_ref().map(|note| Redacted::cut(note, REASON_CHARS).into_string());
            Ok(Said::Deny(reason))
        }
        ([], Some(_)) => Err(Redacted::new("the answer names no option, so it is not taken for a yes")),
        _ => Err(Redacted::new("the answer names several options")),
    }
}

fn question_of(question: &Question, at: usize, resolution: &Resolution) -> Result<Vec<String>, Redacted> {
    let mut chosen: Vec<String> = Vec::new();
    let by_id = |text: &String| {
        let found = (question.choices.iter().enumerate()).find(|(n, _)| option_id(at, *n) == *text);
        found.map(|(_, choice)| choice.label.clone())
    };
    let by_label = |text: &String| question.choices.iter().any(|choice| choice.label == *text);
    for id in &resolution.options {
        let label = by_id(id).or_else(|| by_label(id).then(|| id.clone()));
        chosen.push(label.ok_or_else(|| Redacted::new("the answer names an option that was not offered"))?);
    }
    for text in &resolution.answers {
        match by_id(text).or_else(|| by_label(text).then(|| text.clone())) {
            Some(label) => chosen.push(label),
            None if question.free || question.choices.is_empty() => chosen.push(text.clone()),
            None => return Err(Redacted::new("the answer names an option that was not offered")),
        }
    }
    if chosen.is_empty() && (question.free || question.choices.is_empty()) {
        chosen.extend(resolution.note.clone());
    }
    let mut once = Vec::new();
    for text in chosen {
        if !once.contains(&text) {
            once.push(text);
        }
    }
    match once.len() {
        0 => Err(Redacted::new("the answer says nothing")),
        1 => Ok(once),
        _ if question.multiple => Ok(once),
        _ => Err(Redacted::new("the answer names several options")),
    }
}

/// The id of choice `n` of question `at`. PROTOCOL: as the reference names them, counted from one.
pub(super) fn option_id(at: usize, n: usize) -> String {
    format!("q{}-o{}", at + 1, n + 1)
}

impl Offered {
    fn is(&self, text: &str) -> bool {
        text == self.id || text == self.label
    }
}
