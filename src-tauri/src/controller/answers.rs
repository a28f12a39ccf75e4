//! What the person says to what waits for them.

use super::folders;
use super::settings::plain;
use super::{Answer, Controller, failure};
use crate::view::model::{Failure, Picked, Say};
use orgx_peer::{Ask, Command, Question};
use std::path::Path;
use tokio::sync::oneshot;

/// Longest words of the person's own, in bytes.
const WORDS: usize = 4 * 1024;

impl Controller {
    /// Answers what waits for the person.
    pub(super) fn answer_need(&mut self, id: String, say: Say, answer: oneshot::Sender<Answer>) {
        let what = self.facts.peer.attention.iter().find(|it| it.id == id).map(|it| &it.what);
        let said = match meant(&say, what) {
            Ok(said) => said,
            Err(refused) => {
                let _gone = answer.send(Err(refused));
                return;
            }
        };
        let folder = match what {
            Some(Ask::Folder { folder }) => Some(folder.clone()),
            _ => None,
        };
        let command = Command::Answer { id, answer: said };
        // Where any folder is allowed, one more would forbid the others.
        let is_limited = !self.facts.peer.settings.allowed_folders.is_empty();
        match folder.filter(|_| say == Say::AllowFolder && is_limited) {
            Some(folder) => {
                if let Err(refused) = folders::check(Path::new(&folder), Path::new(&self.facts.home)) {
                    let _gone = answer.send(Err(refused));
                    return;
                }
                let change = plain(move |it| it.allow_folder(Path::new(&folder)));
                self.save(change, Some(answer), Some(command));
            }
            None => self.ask_peer(command, answer),
        }
    }
}

/// What the peer is told.
fn meant(say: &Say, what: Option<&Ask>) -> Result<orgx_peer::Answer, Failure> {
    Ok(match say {
        Say::Allow | Say::AllowFolder => orgx_peer::Answer::Allow,
        Say::AllowForRun => orgx_peer::Answer::AllowForRun,
        Say::Deny { reason } => orgx_peer::Answer::Deny { reason: own(reason.as_deref())? },
        Say::Answers { answers } => {
            // One that is gone is told so by the peer.
            let questions = match what {
                Some(Ask::Questions { questions }) => questions.as_slice(),
                _ => &[],
            };
            if what.is_some() && questions.len() != answers.len() {
                return Err(refused("Each question needs an answer"));
            }
            let answers = questions.iter().zip(answers).map(|(question, picked)| of_one(question, picked));
            orgx_peer::Answer::Answers { answers: answers.collect::<Result<_, _>>()? }
        }
    })
}

/// The answers to one question, in the agent's own words: what is shown of them may be cut and masked.
fn of_one(question: &Question, picked: &Picked) -> Result<Vec<String>, Failure> {
    let label = |at: &u32| {
        let choice = question.choices.get(*at as usize).map(|choice| choice.label.clone());
        choice.ok_or_else(|| refused("There is no such answer to choose"))
    };
    let mut all = picked.choices.iter().map(label).collect::<Result<Vec<String>, _>>()?;
    if let Some(words) = own(picked.other.as_deref())? {
        if !question.free && !question.choices.is_empty() {
            return Err(refused("This question takes no words of your own"));
        }
        all.push(words);
    }
    match all.len() {
        0 => Err(refused("Each question needs an answer")),
        2.. if !question.multiple => Err(refused("This question takes one answer")),
        _ => Ok(all),
    }
}

/// Words of the person's own; blank ones are none.
fn own(words: Option<&str>) -> Result<Option<String>, Failure> {
    let words = words.map(str::trim).filter(|words| !words.is_empty());
    if words.is_some_and(|words| words.len() > WORDS) {
        return Err(refused(&format!("It is longer than {WORDS} bytes: shorten it")));
    }
    Ok(words.map(str::to_owned))
}

fn refused(why: &str) -> Failure {
    failure("That was not answered", why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_peer::Choice;

    fn question(multiple: bool, free: bool) -> Question {
        let choice = |label: &str| Choice { label: label.into(), description: String::new() };
        let choices = vec![choice("oxk_live_0123456789"), choice("b")];
        Question { choices, multiple, free, ..Question::default() }
    }

    fn picked(choices: &[u32], other: Option<&str>) -> Picked {
        Picked { choices: choices.to_vec(), other: other.map(str::to_owned) }
    }

    #[test]
    fn answers_are_the_agents_own_words_and_each_question_has_one() {
        let ask = Ask::Questions { questions: vec![question(false, true), question(true, false)] };
        let said = |one: Picked, two: Picked| {
            meant(&Say::Answers { answers: vec![one, two] }, Some(&ask)).map_err(|refused| refused.text)
        };
        let answers = |all: &[&[&str]]| {
            let own = |one: &&[&str]| one.iter().map(ToString::to_string).collect();
            Ok(orgx_peer::Answer::Answers { answers: all.iter().map(own).collect() })
        };
        assert_eq!(
            said(picked(&[0], None), picked(&[1, 0], None)),
            answers(&[&["oxk_live_0123456789"], &["b", "oxk_live_0123456789"]]),
            "what is masked on the page goes to the agent as it is"
        );
        assert_eq!(said(picked(&[], Some(" mine ")), picked(&[1], None)), answers(&[&["mine"], &["b"]]));
        for (one, two, why) in [
            (picked(&[], Some("  ")), picked(&[1], None), "Each question needs an answer."),
            (picked(&[0, 1], None), picked(&[1], None), "This question takes one answer."),
            (picked(&[0], Some("x")), picked(&[1], None), "This question takes one answer."),
            (picked(&[7], None), picked(&[1], None), "There is no such answer to choose."),
            (picked(&[0], None), picked(&[], Some("x")), "This question takes no words of your own."),
        ] {
            assert_eq!(said(one, two), Err(why.to_owned()));
        }
        let one = Say::Answers { answers: vec![picked(&[0], None)] };
        assert!(meant(&one, Some(&ask)).is_err(), "one of two");
    }

    #[test]
    fn a_reason_is_trimmed_and_bounded() {
        let deny = |reason: &str| meant(&Say::Deny { reason: Some(reason.to_owned()) }, None);
        assert_eq!(deny("  "), Ok(orgx_peer::Answer::Deny { reason: None }));
        assert_eq!(deny(" not now "), Ok(orgx_peer::Answer::Deny { reason: Some("not now".into()) }));
        assert!(deny(&"x".repeat(WORDS + 1)).is_err_and(|refused| refused.text.contains("shorten it")));
    }
}
