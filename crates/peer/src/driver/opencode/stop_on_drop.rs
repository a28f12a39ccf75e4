//! Makes sure that an agent which may have been prompted is told to stop, whatever way its run ends here.

use std::pin::Pin;
use tokio::runtime::Handle;

/// Does something when it is dropped, unless it was disarmed: an error on the way, a run that was left behind.
pub(super) struct StopOnDrop(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl StopOnDrop {
    /// `stop` is run in the background on drop.
    pub(super) fn new(stop: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(stop)))
    }

    /// The agent has ended by itself.
    pub(super) fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let (Some(stop), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(stop);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn it_acts_unless_it_was_disarmed() {
        let (told, heard) = oneshot::channel();
        drop(StopOnDrop::new(async move {
            let _unheard = told.send(());
        }));
        assert_eq!(heard.await, Ok(()));
        let (told, heard) = oneshot::channel::<()>();
        StopOnDrop::new(async move {
            let _unheard = told.send(());
        })
        .disarm();
        assert!(heard.await.is_err());
    }
}
