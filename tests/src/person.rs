//! The person at their computer: what waits for them, and what they say to it, over the control socket as a window does.

use crate::stage::Stage;
use orgx_peer::{Answer, Attention, Command, CommandError, Paths, Peer, PeerSnapshot, Reply};
use tokio::time::timeout;

/// Somebody who looks at a story's peer.
#[derive(Debug)]
pub struct Person {
    peer: Peer,
}

impl Person {
    /// Looks at the one peer that runs in this story.
    pub async fn of(stage: &Stage) -> Self {
        let paths = Paths { config: stage.config(), state: stage.state(), runtime: None };
        let running = Peer::running(&paths).await;
        let [peer] = running.as_slice() else { panic!("one peer runs: {running:?}\n{}", stage.log()) };
        let peer = Peer::attach(&paths, &peer.tenant).await;
        Self { peer: peer.expect("it can be looked at") }
    }

    /// How everything stands.
    pub fn sees(&self) -> PeerSnapshot {
        self.peer.snapshot()
    }

    /// Waits until it stands so.
    pub async fn until(&self, what: &str, so: impl FnMut(&PeerSnapshot) -> bool) -> PeerSnapshot {
        let mut watch = self.peer.watch();
        let seen = timeout(crate::WAIT, watch.wait_for(so)).await;
        let Ok(seen) = seen else { panic!("waited {} s: {what}", crate::WAIT.as_secs()) };
        seen.expect("the peer runs").clone()
    }

    /// What this run asks, once it asks just that.
    pub async fn asked(&self, run_id: &str) -> Attention {
        let asks = |now: &PeerSnapshot| now.attention.iter().filter(|ask| ask.run_id == run_id).count() == 1;
        let now = self.until(&format!("{run_id} asks"), asks).await;
        now.attention.into_iter().find(|ask| ask.run_id == run_id).expect("it asks")
    }

    /// Returns once nothing waits.
    pub async fn is_left_alone(&self) {
        self.until("nobody asks any more", |now| now.attention.is_empty()).await;
    }

    /// Says something.
    pub async fn says(&self, ask: &Attention, answer: Answer) -> Result<Reply, CommandError> {
        self.peer.command(Command::Answer { id: ask.id.clone(), answer }).await
    }

    /// Ends a run.
    pub async fn cancels(&self, run_id: &str) {
        let cancel = Command::Cancel { run_id: run_id.to_owned(), exact: true };
        self.peer.command(cancel).await.expect("it can be cancelled");
    }
}
