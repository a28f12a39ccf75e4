//! The receipt: what a completed run posts, and what the answer means.
//!
//! PROTOCOL: contract A5 (`POST /api/v1/runs/{run_id}/receipt`, the server dedupes on the run id); the meaning of
//! each answer is design promise 2.

use crate::connection::backoff;
use crate::ids::DriverId;
use crate::limits;
use crate::message::{Completed, OutcomeKind, Provider, SourceSubType};
use crate::time::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// The body of a receipt. The run id stands in the path only.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Receipt {
    provider: Provider,
    source_sub_type: SourceSubType,
    source_driver: DriverId,
    started_at: Timestamp,
    first_response_at: Timestamp,
    completed_at: Timestamp,
    tokens_used: u64,
    cost_estimate_cents: u64,
    saved_estimate_cents: u64,
    outcome_kind: OutcomeKind,
}

impl Receipt {
    /// The receipt of a completed run.
    pub fn of(run: &Completed) -> Self {
        Self {
            provider: run.provider,
            source_sub_type: run.source_sub_type,
            source_driver: run.source_driver.clone(),
            started_at: run.started_at,
            first_response_at: run.first_response_at,
            completed_at: run.completed_at,
            tokens_used: run.tokens_used,
            cost_estimate_cents: run.cost_estimate_cents,
            saved_estimate_cents: 0,
            outcome_kind: run.outcome_kind,
        }
    }

    /// The body as it goes over the wire.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A receipt's body, as [`Receipt::to_json`] made it, when the socket could not take the completion.
pub fn recovered(body: &str) -> String {
    let open = body.strip_suffix('}').unwrap_or(body);
    format!(r#"{open},"metadata":{{"recovered_from":"gateway_socket"}}}}"#)
}

/// What came back for one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP status, with its `Retry-After`.
    Status(u16, Option<Duration>),
    /// No answer at all.
    Unreachable,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// OrgX has it.
    Delivered,
    /// This OrgX takes no receipts; the socket's barrier is all there is.
    NotTaken,
    /// OrgX will not have it; shown to the person.
    Refused,
    /// Try again after this long.
    Again(Duration),
}

/// Judges the answer to try number `tries` (from 1), of which `refusals` so far (this one not counted) were plain
/// 4xx. `roll` is uniform in 0..1.
pub fn judge(answer: Answer, tries: u32, refusals: u32, roll: f64) -> Verdict {
    match answer {
        Answer::Status(200..=299, _) => Verdict::Delivered,
        Answer::Status(404 | 405, _) => Verdict::NotTaken,
        Answer::Status(401 | 403, _) => Verdict::Again(limits::SLOW_RETRY),
        Answer::Status(code @ 400..=499, _) if !matches!(code, 408 | 425 | 429) => {
            if refusals + 1 >= limits::RECEIPT_REFUSALS {
                Verdict::Refused
            } else {
                Verdict::Again(backoff(tries, roll))
            }
        }
        Answer::Status(_, Some(after)) => Verdict::Again(after.min(limits::RETRY_AFTER_CAP)),
        Answer::Status(_, None) | Answer::Unreachable => Verdict::Again(backoff(tries, roll)),
    }
}

/// Is this answer one of the plain refusals that [`judge`] counts?
pub fn is_refusal(answer: Answer) -> bool {
    matches!(answer, Answer::Status(400 | 402 | 406 | 407 | 409..=424 | 426..=428 | 430..=499, _))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_one_meaning() {
        let again = |ms| Verdict::Again(Duration::from_millis(ms));
        for (answer, tries, refusals, verdict) in [
            (Answer::Status(200, None), 1, 0, Verdict::Delivered),
            (Answer::Status(201, None), 1, 0, Verdict::Delivered),
            (Answer::Status(404, None), 1, 0, Verdict::NotTaken),
            (Answer::Status(405, None), 1, 0, Verdict::NotTaken),
            (Answer::Status(400, None), 1, 0, again(500)),
            (Answer::Status(422, None), 5, 4, Verdict::Refused),
            (Answer::Status(422, None), 9, 3, again(30_000)),
            (Answer::Status(401, None), 1, 0, Verdict::Again(limits::SLOW_RETRY)),
            (Answer::Status(403, None), 9, 0, Verdict::Again(limits::SLOW_RETRY)),
            (Answer::Status(408, None), 2, 0, again(1000)),
            (Answer::Status(429, Some(Duration::from_secs(7))), 1, 0, again(7000)),
            (
                Answer::Status(429, Some(Duration::from_secs(90_000))),
                1,
                0,
                Verdict::Again(limits::RETRY_AFTER_CAP),
            ),
            (Answer::Status(500, None), 3, 0, again(2000)),
            (Answer::Status(302, None), 1, 0, again(500)),
            (Answer::Unreachable, 20, 0, again(30_000)),
        ] {
            assert_eq!(judge(answer, tries, refusals, 0.5), verdict, "{answer:?}");
        }
    }

    #[test]
    fn only_plain_refusals_are_counted() {
        for (code, counted) in
            [(400, true), (401, false), (404, false), (408, false), (422, true), (429, false), (500, false)]
        {
            assert_eq!(is_refusal(Answer::Status(code, None)), counted, "{code}");
        }
    }
}
