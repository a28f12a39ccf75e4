//! The end of a peer: runs end by their rules, OrgX hears of it, nothing is left running.

use super::actor::Actor;
use crate::driver::Driver;
use crate::limits;
use orgx_proto::connection::Event;
use tokio::time::{Instant, timeout, timeout_at};

impl Actor {
    /// Design, settled details: every run ends as "peer stopped", up to three seconds for the barrier, close 1000.
    pub(super) async fn wind_down(mut self) {
        tracing::info!("stopping");
        self.stopping = true;
        let effects = self.dispatcher.stop(self.clock.now());
        self.carry_out(effects).await;
        let until = Instant::now() + limits::STOP_BARRIER;
        let barrier = async {
            while (self.connection.is_open() && self.delivery.unconfirmed() > 0) || self.receipts.under_way()
            {
                self.turn().await;
            }
        };
        if timeout_at(until, barrier).await.is_err() {
            tracing::warn!("OrgX did not confirm everything in time; the rest is told at the next start");
        }
        let tasks: Vec<_> = self.tasks.drain().map(|(_, task)| task).collect();
        // Their reports have no reader any more.
        self.reports.1.close();
        let asked = async {
            for task in tasks {
                task.finished().await;
            }
        };
        let _late = timeout_at(until, asked).await;
        self.write_ends().await;
        if let Some(webhook) = self.webhook.take() {
            webhook.stop().await;
        }
        self.connection.handle(self.clock.now().mono, Event::Stop, 0.0);
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
        self.driver.shutdown().await;
        let _late = timeout(limits::FLUSH_WITHIN, self.journal.close()).await;
        if let Some(outbox) = &self.outbox {
            let _late = timeout(limits::FLUSH_WITHIN, outbox.flush()).await;
        }
        tracing::info!("stopped");
    }
}
