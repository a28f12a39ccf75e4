//! Counts since midnight, and of receipts: from the journal at start, then kept current.

use super::actor::Actor;
use super::snapshot::{ReceiptCounts, Today};
use crate::day::Day;
use crate::journal::Tally;
use crate::limits;
use orgx_proto::dispatch::Ended;
use orgx_proto::time::Now;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// The day's counts.
#[derive(Debug, Default)]
pub(super) struct DayCounts {
    day: Day,
    today: Today,
    delivered: u64,
    /// The day that the dispatcher counts.
    budget_day: Option<Day>,
}

impl DayCounts {
    fn begin(day: Day, tally: &Tally) -> Self {
        let cost_cents = Some(tally.cost_cents).filter(|cents| *cents > 0);
        let today = Today { done: tally.done, failed: tally.failed, tokens: tally.tokens, cost_cents };
        Self { day, today, delivered: tally.delivered, budget_day: Some(day) }
    }

    /// A new day begins with nothing. Has one begun?
    fn turn(&mut self, wall: i64) -> bool {
        let over = !self.day.holds(wall);
        if over {
            (self.day, self.today) = (Day::of(wall), Today::default());
        }
        over
    }

    fn end(&mut self, failed: bool, terminal: &Value) {
        let number = |name: &str| terminal.get(name).and_then(Value::as_u64).unwrap_or_default();
        if failed {
            self.today.failed += 1;
            return;
        }
        self.today.done += 1;
        self.today.tokens = self.today.tokens.saturating_add(number("tokens_used"));
        // No cents: a subscription's, or an agent that does not count them.
        if let cents @ 1.. = number("cost_estimate_cents") {
            self.today.cost_cents = Some(self.today.cost_cents.unwrap_or_default().saturating_add(cents));
        }
    }
}

impl Actor {
    /// What the journal has of today.
    pub(super) async fn count_today(&mut self) {
        let now = self.clock.now();
        let day = Day::of(now.wall.0);
        let counted = timeout(limits::LOOK_UP, self.journal.tally(day.start)).await;
        let tally = counted.ok().and_then(Result::ok).unwrap_or_default();
        self.counts = DayCounts::begin(day, &tally);
        self.dispatcher.count_day(tally.used, tally.more);
        self.await_midnight(now);
    }

    /// The day may be over: its counts begin anew, and whoever looks on sees it.
    pub(super) async fn look_at_the_day(&mut self, now: Now) {
        self.counts.turn(now.wall.0);
        self.await_midnight(now);
        self.touch();
        if self.counts.budget_day.replace(self.counts.day).is_some_and(|day| day != self.counts.day) {
            let effects = self.dispatcher.new_day(now);
            self.carry_out(effects).await;
        }
    }

    /// When today began, in ms since the epoch.
    pub(super) fn day_start(&self) -> i64 {
        self.counts.day.start
    }

    fn await_midnight(&mut self, now: Now) {
        let left = self.counts.day.end.saturating_sub(now.wall.0);
        let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
        self.due.midnight = Some(now.mono + left.max(Duration::from_secs(1)));
    }

    pub(super) fn count_end(&mut self, ended: &Ended, terminal: &Value) {
        self.counts.turn(ended.at.0);
        self.counts.end(ended.failed, terminal);
    }

    pub(super) fn count_delivered(&mut self) {
        self.counts.delivered += 1;
    }

    pub(super) fn today(&self, now: Now) -> Today {
        if self.counts.day.holds(now.wall.0) { self.counts.today } else { Today::default() }
    }

    pub(super) fn receipt_counts(&self) -> ReceiptCounts {
        ReceiptCounts { delivered: self.counts.delivered, waiting: self.receipts.len() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_day_counts_what_ended_in_it_and_the_next_begins_with_nothing() {
        let day = Day { start: 1_000, end: 2_000 };
        let tally = Tally { done: 2, failed: 1, tokens: 10, cost_cents: 0, delivered: 7, ..Tally::default() };
        let mut counts = DayCounts::begin(day, &tally);
        assert_eq!(counts.today.cost_cents, None, "no agent said");
        counts.turn(1_999);
        counts.end(false, &json!({ "tokens_used": 5, "cost_estimate_cents": 3 }));
        counts.end(false, &json!({ "tokens_used": 1, "cost_estimate_cents": 0 }));
        counts.end(true, &json!({ "reason": "x" }));
        assert_eq!(counts.today, Today { done: 4, failed: 2, tokens: 16, cost_cents: Some(3) });
        counts.turn(2_000);
        assert_eq!((counts.today, counts.delivered), (Today::default(), 7));
        assert!(counts.day.holds(2_000));
    }
}
