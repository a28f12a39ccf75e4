//! `orgx-peer attention`: what waits for the person, and their answers.

mod render;

use crate::args::{AnswerOptions, AttentionCommand, AttentionListOptions, Word};
use crate::find::{Found, Refusal, find};
use crate::home;
use crate::show::text::clean;
use crate::show::when::Now;
use crate::show::{Style, say, say_json, say_words};
use orgx_peer::{Answer, Ask, Attention, Command};
use serde_json::json;
use std::process::ExitCode;

/// What stands between several choices for one question. No choice has it, and no shell takes it when it is quoted.
const BETWEEN: &str = "||";

pub(crate) async fn attention(command: &AttentionCommand) -> ExitCode {
    match command {
        AttentionCommand::List(options) => list(options).await,
        AttentionCommand::Answer(options) => answer(options).await,
    }
}

/// What is asked, in one line, for who follows a run.
pub(crate) fn in_short(ask: &Attention) -> String {
    let asks = render::asks(&ask.what);
    format!(
        "Needs you: {asks} `orgx-peer attention list` has it whole, `attention answer {}` answers",
        ask.id
    )
}

async fn list(options: &AttentionListOptions) -> ExitCode {
    let waiting = match find(&options.peer).await {
        Ok(Found { peer, .. }) => peer.snapshot().attention,
        Err(refusal) => return refusal.end(options.json),
    };
    if options.json {
        say_json(&json!({ "attention": waiting }));
    } else {
        say(&render::list(&waiting, &Now::here(), home().as_deref(), Style::of_stdout()));
    }
    ExitCode::SUCCESS
}

async fn answer(options: &AnswerOptions) -> ExitCode {
    let answered = async {
        let Found { peer, .. } = find(&options.peer).await?;
        let now = peer.snapshot();
        let asked = named(&now.attention, &options.id)?;
        let answer = said(options, asked)?;
        let words = done(&answer);
        peer.command(Command::Answer { id: asked.id.clone(), answer }).await?;
        Ok::<_, Refusal>(words)
    };
    match answered.await {
        Ok(words) => {
            say_words(words);
            ExitCode::SUCCESS
        }
        Err(refusal) => refusal.end(false),
    }
}

/// The one thing that waits whose id starts so.
fn named<'a>(waiting: &'a [Attention], given: &str) -> Result<&'a Attention, Refusal> {
    let given = given.trim();
    if given.is_empty() {
        return Err(Refusal::usage("give the id of what you answer; `orgx-peer attention list` lists them"));
    }
    if let Some(same) = waiting.iter().find(|ask| ask.id == given) {
        return Ok(same);
    }
    let mut starting = waiting.iter().filter(|ask| ask.id.starts_with(given));
    let given = clean(given);
    match (starting.next(), starting.next()) {
        (Some(ask), None) => Ok(ask),
        (Some(_), Some(_)) => Err(Refusal::new(
            "ambiguous",
            format!("the ids of several things that wait start with {given}; give more of it"),
        )),
        (None, _) => Err(Refusal::new(
            "ended",
            format!(
                "nothing with the id {given} waits for you: it was answered already, or its run has ended; \
                 `orgx-peer attention list` lists what waits"
            ),
        )),
    }
}

/// The answer as the peer takes it.
fn said(options: &AnswerOptions, asked: &Attention) -> Result<Answer, Refusal> {
    let reason = options.reason.clone();
    if reason.is_some() && options.word != Some(Word::Deny) {
        return Err(Refusal::usage("--reason says why not: it goes with deny"));
    }
    Ok(match options.word {
        Some(Word::Allow) => Answer::Allow,
        Some(Word::AllowForRun) => Answer::AllowForRun,
        Some(Word::Deny) => Answer::Deny { reason },
        None => Answer::Answers { answers: answers(&options.answers, &asked.what) },
    })
}

/// Each answer's choices. Words of the person's own stay whole where a question takes one answer.
fn answers(given: &[String], what: &Ask) -> Vec<Vec<String>> {
    let questions = match what {
        Ask::Questions { questions } => questions.as_slice(),
        _ => &[],
    };
    let each = given.iter().enumerate().map(|(at, answer)| {
        if questions.get(at).is_some_and(|question| question.multiple) {
            answer.split(BETWEEN).map(|choice| choice.trim().to_owned()).collect()
        } else {
            vec![answer.trim().to_owned()]
        }
    });
    each.collect()
}

fn done(answer: &Answer) -> &'static str {
    match answer {
        Answer::Allow => "Allowed.",
        Answer::AllowForRun => "Allowed, and the same again while the run lasts.",
        Answer::Deny { .. } => "Denied.",
        Answer::Answers { .. } => "Answered.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_peer::Question;

    fn waiting(ids: &[&str]) -> Vec<Attention> {
        ids.iter().map(|id| Attention { id: (*id).into(), ..Attention::default() }).collect()
    }

    #[test]
    fn what_is_answered_is_named_by_the_start_of_its_id() {
        let all = waiting(&["run_1@per_a", "run_1@per_ab", "run_2@17"]);
        for (given, found) in
            [("run_1@per_a", "run_1@per_a"), (" run_2 ", "run_2@17"), ("run_1@per_ab", "run_1@per_ab")]
        {
            assert_eq!(named(&all, given).expect("one").id, found);
        }
        for given in ["", "  ", "run_", "run_1@", "run_3", "un_2"] {
            assert!(named(&all, given).is_err(), "{given:?}");
        }
    }

    #[test]
    fn several_choices_are_parted_where_several_may_be_chosen() {
        let question = |multiple| Question { multiple, ..Question::default() };
        let what = Ask::Questions { questions: vec![question(true), question(false)] };
        let given = ["Red ||Blue".to_owned(), " a || b".to_owned(), "one too many".to_owned()];
        let parted = answers(&given, &what);
        assert_eq!(parted, [vec!["Red", "Blue"], vec!["a || b"], vec!["one too many"]]);
    }
}
