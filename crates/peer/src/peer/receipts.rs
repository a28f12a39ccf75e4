//! Receipts on their way: each completed run is confirmed by HTTP, once its terminal's barrier came, or at once when
//! the socket could not take it. Design, promise 2.

use super::actor::{Actor, Signal};
use super::event::PeerEvent;
use super::history::{ReceiptState, ReceiptView};
use crate::journal::{OwedReceipt, ReceiptProgress};
use crate::limits;
use orgx_proto::delivery::Outgoing;
use orgx_proto::ids::RunId;
use orgx_proto::receipt::{self, Answer, Verdict};
use orgx_proto::time::{Millis, Now};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Receipts that OrgX has not taken.
#[derive(Debug, Default)]
pub(super) struct Receipts(BTreeMap<RunId, Waiting>);

#[derive(Debug)]
struct Waiting {
    body: String,
    tries: u32,
    refusals: u32,
    next: Next,
    /// What the last try came to.
    last: Option<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The terminal's barrier comes first.
    Barrier,
    At(Millis),
    UnderWay,
}

impl Receipts {
    /// A run completed. `online`: its terminal goes over the socket now, and the receipt waits for the barrier.
    pub(super) fn add(&mut self, run_id: RunId, body: String, online: bool, now: Millis) {
        let (body, next) =
            if online { (body, Next::Barrier) } else { (receipt::recovered(&body), Next::At(now)) };
        self.0.insert(run_id, Waiting { body, tries: 0, refusals: 0, next, last: None });
    }

    /// A receipt that a peer before us owed.
    pub(super) fn take_up(&mut self, owed: OwedReceipt, confirmed: bool, now: Millis) {
        let next = if confirmed { Next::At(now) } else { Next::Barrier };
        let OwedReceipt { run_id, body, progress: ReceiptProgress { tries, refusals, .. } } = owed;
        self.0.insert(run_id, Waiting { body, tries, refusals, next, last: None });
    }

    /// All of them, as a journal holds them.
    pub(super) fn owed(&self) -> Vec<OwedReceipt> {
        let owed = |(run_id, waiting): (&RunId, &Waiting)| OwedReceipt {
            run_id: run_id.clone(),
            body: waiting.body.clone(),
            progress: ReceiptProgress {
                state: ReceiptState::Waiting,
                tries: waiting.tries,
                refusals: waiting.refusals,
            },
        };
        self.0.iter().map(owed).collect()
    }

    /// A barrier covered this run's terminal.
    pub(super) fn confirmed(&mut self, run_id: &RunId, now: Millis) {
        if let Some(waiting) = self.0.get_mut(run_id).filter(|waiting| waiting.next == Next::Barrier) {
            waiting.next = Next::At(now);
        }
    }

    /// The socket is gone, and with it the barriers of these runs' terminals.
    pub(super) fn socket_lost(&mut self, unconfirmed: &[RunId]) {
        for run_id in unconfirmed {
            if let Some(waiting) = self.0.get_mut(run_id).filter(|waiting| waiting.next == Next::Barrier) {
                waiting.body = receipt::recovered(&waiting.body);
                waiting.next = Next::At(Millis(0));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A receipt that waits, as it will be posted.
    pub(super) fn body(&self, run_id: &RunId) -> Option<&str> {
        self.0.get(run_id).map(|waiting| waiting.body.as_str())
    }

    /// Those that wait for another try need not.
    pub(super) fn hurry(&mut self, now: Millis) {
        for waiting in self.0.values_mut() {
            if let Next::At(at) = &mut waiting.next {
                *at = now.min(*at);
            }
        }
    }

    /// When it is posted next, and why OrgX does not have it.
    pub(super) fn explain(&self, run_id: &RunId, view: &mut ReceiptView, now: Now) {
        let why = match view.state {
            ReceiptState::Delivered => None,
            ReceiptState::NotTaken => Some("this OrgX takes no receipts".to_owned()),
            ReceiptState::Refused => Some("OrgX refused it".to_owned()),
            ReceiptState::Waiting => {
                let Some(waiting) = self.0.get(run_id) else { return };
                view.tries = waiting.tries;
                if let Next::At(at) = waiting.next {
                    let left = i64::try_from((at - now.mono).as_millis()).unwrap_or(i64::MAX);
                    view.next_at = Some(now.wall.0.saturating_add(left));
                }
                Some(waiting.why())
            }
        };
        view.why = why;
    }

    /// Those to post now.
    fn due(&mut self, now: Millis) -> Vec<(RunId, String)> {
        let mut due = Vec::new();
        let under_way = self.0.values().filter(|waiting| waiting.next == Next::UnderWay).count();
        for (run_id, waiting) in &mut self.0 {
            // After a long outage there may be thousands.
            if under_way + due.len() >= limits::RECEIPTS_AT_ONCE {
                break;
            }
            if matches!(waiting.next, Next::At(at) if at <= now) {
                waiting.next = Next::UnderWay;
                due.push((run_id.clone(), waiting.body.clone()));
            }
        }
        due
    }

    /// An answer came; what it means.
    fn judge(&mut self, run_id: &RunId, answer: Answer, now: Millis) -> Option<(Verdict, ReceiptProgress)> {
        let waiting = self.0.get_mut(run_id)?;
        waiting.tries += 1;
        waiting.last = Some(answer);
        let verdict = receipt::judge(answer, waiting.tries, waiting.refusals, rand::random());
        waiting.refusals += u32::from(receipt::is_refusal(answer));
        let state = match verdict {
            Verdict::Again(wait) => {
                waiting.next = Next::At(now + wait);
                ReceiptState::Waiting
            }
            Verdict::Delivered => ReceiptState::Delivered,
            Verdict::NotTaken => ReceiptState::NotTaken,
            Verdict::Refused => ReceiptState::Refused,
        };
        let progress = ReceiptProgress { state, tries: waiting.tries, refusals: waiting.refusals };
        if state != ReceiptState::Waiting {
            self.0.remove(run_id);
        }
        Some((verdict, progress))
    }

    /// Is the answer to one still to come? Cut off now, it would be posted again at the next start.
    pub(super) fn under_way(&self) -> bool {
        self.0.values().any(|waiting| waiting.next == Next::UnderWay)
    }

    /// When the next one is due.
    pub(super) fn poll_timeout(&self) -> Option<Millis> {
        // The answer to one makes room for the next.
        if self.0.values().filter(|waiting| waiting.next == Next::UnderWay).count()
            >= limits::RECEIPTS_AT_ONCE
        {
            return None;
        }
        let at = |waiting: &Waiting| match waiting.next {
            Next::At(at) => Some(at),
            Next::Barrier | Next::UnderWay => None,
        };
        self.0.values().filter_map(at).min()
    }
}

impl Actor {
    /// A barrier covered a terminal: the socket's part is done, the receipt's begins.
    pub(super) async fn terminal_confirmed(&mut self, terminal: Outgoing) {
        let now = self.clock.now().mono;
        self.receipts.confirmed(&terminal.run_id, now);
        self.post_receipts(now);
        let kept = self.journal.confirm(terminal).await;
        self.journaled(kept, "A confirmed end of a run may be sent again after a restart").await;
    }

    /// Posts the receipts that are due.
    pub(super) fn post_receipts(&mut self, now: Millis) {
        for (run_id, body) in self.receipts.due(now) {
            self.timelines.posted(&run_id, &body);
            let api = Arc::clone(&self.api);
            self.in_background(async move {
                let answer = api.receipt(&run_id, body).await;
                Signal::Receipt(run_id, answer)
            });
        }
    }

    pub(super) async fn on_receipt(&mut self, run_id: RunId, answer: Answer, now: Millis) {
        let Some((verdict, progress)) = self.receipts.judge(&run_id, answer, now) else { return };
        self.post_receipts(now);
        let kept = self.journal.receipt(run_id.clone(), progress).await;
        self.journaled(kept, "A receipt may be posted again after a restart; OrgX dedupes it").await;
        let state = progress.state;
        match verdict {
            Verdict::Again(wait) => {
                self.touch();
                tracing::info!(%run_id, ?answer, wait_s = wait.as_secs(), "a receipt was not taken yet");
                return;
            }
            Verdict::Refused => self.warn(format!(
                "OrgX refused the receipt of run {run_id} ({answer:?}); it is not tried again."
            )),
            Verdict::Delivered => self.count_delivered(),
            Verdict::NotTaken => {}
        }
        tracing::info!(%run_id, state = state.as_str(), "receipt");
        if let Some(run) = self.recent.iter_mut().find(|run| run.run_id == run_id.as_str()) {
            run.receipt = Some(state);
        }
        self.tell(PeerEvent::Receipt { run_id: run_id.to_string(), state });
    }
}

impl Waiting {
    fn why(&self) -> String {
        match (self.next, self.last) {
            (Next::Barrier, _) => "not confirmed by OrgX yet".to_owned(),
            (_, Some(Answer::Status(status, _))) => format!("OrgX answered {status}"),
            (_, Some(Answer::Unreachable)) => "no network".to_owned(),
            (Next::UnderWay, None) => "being posted now".to_owned(),
            (Next::At(_), None) => "waiting for its turn".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunId {
        RunId::new("r")
    }

    #[test]
    fn a_receipt_follows_its_terminals_barrier() {
        let mut receipts = Receipts::default();
        receipts.add(run(), "{\"a\":1}".into(), true, Millis(5));
        assert!(receipts.due(Millis(10)).is_empty());
        receipts.confirmed(&run(), Millis(20));
        assert_eq!(receipts.due(Millis(20)), [(run(), "{\"a\":1}".to_owned())]);
        assert!(receipts.due(Millis(20)).is_empty(), "once");
        assert!(receipts.under_way());
        let judged = receipts.judge(&run(), Answer::Status(201, None), Millis(30));
        assert_eq!(judged.map(|(verdict, _)| verdict), Some(Verdict::Delivered));
        assert_eq!(receipts.poll_timeout(), None);
        assert!(!receipts.under_way());
    }

    #[test]
    fn a_completion_that_missed_its_barrier_is_posted_as_recovered() {
        let recovered = r#"{"a":1,"metadata":{"recovered_from":"gateway_socket"}}"#;
        let mut receipts = Receipts::default();
        receipts.add(run(), "{\"a\":1}".into(), true, Millis(5));
        receipts.socket_lost(&[RunId::new("other"), run()]);
        receipts.confirmed(&run(), Millis(9));
        assert_eq!(receipts.due(Millis(10)), [(run(), recovered.to_owned())]);
        receipts.socket_lost(&[run()]);
        assert!(receipts.due(Millis(11)).is_empty(), "it is under way");
        let again = receipts.judge(&run(), Answer::Unreachable, Millis(20));
        assert!(matches!(again, Some((Verdict::Again(_), ReceiptProgress { tries: 1, refusals: 0, .. }))));
        assert!(receipts.poll_timeout().is_some_and(|at| at > Millis(400)));

        let mut offline = Receipts::default();
        offline.add(run(), "{\"a\":1}".into(), false, Millis(5));
        assert_eq!(offline.due(Millis(5)), [(run(), recovered.to_owned())]);
    }
}
