//! A list that grows, and that one can wait for.

use std::fmt::Debug;
use tokio::sync::watch;
use tokio::time::timeout;

/// What happened so far, in order.
#[derive(Clone, Debug)]
pub struct Recorded<T>(watch::Sender<Vec<T>>);

impl<T> Default for Recorded<T> {
    fn default() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }
}

impl<T: Clone + Debug> Recorded<T> {
    /// Adds one.
    pub fn push(&self, one: T) {
        self.0.send_modify(|all| all.push(one));
    }

    /// Changes what is there.
    pub fn change(&self, change: impl FnOnce(&mut Vec<T>)) {
        self.0.send_modify(change);
    }

    /// All so far.
    pub fn all(&self) -> Vec<T> {
        self.0.borrow().clone()
    }

    /// Waits until all so far are as wanted.
    pub async fn until(&self, what: &str, mut wanted: impl FnMut(&[T]) -> bool) -> Vec<T> {
        let mut seen = self.0.subscribe();
        let late = match timeout(crate::WAIT, seen.wait_for(|all| wanted(all))).await {
            Ok(Ok(all)) => return all.clone(),
            _ => self.all(),
        };
        panic!("waited {} s for {what}; there is {late:#?}", crate::WAIT.as_secs())
    }

    /// Waits for the first that is wanted.
    pub async fn first(&self, what: &str, wanted: impl Fn(&T) -> bool) -> T {
        let all = self.until(what, |all| all.iter().any(&wanted)).await;
        all.into_iter().find(wanted).expect("it was waited for")
    }
}
