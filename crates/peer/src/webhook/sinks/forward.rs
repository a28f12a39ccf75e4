//! Another receiver: each event is posted to it, in order, one at a time, until it takes it.
//!
//! Promises: nothing is posted before what came before it was taken or refused for good; an answer that may change is
//! waited for, with the waits that it names; a redirect is not followed; the secret signs and is never sent.

use super::next;
use crate::clock::Clock;
use crate::config::ForwardConfig;
use crate::http::{self, CallError};
use crate::limits;
use crate::webhook::signature::{HEADER, sign};
use crate::webhook::store::Store;
use crate::webhook::view::{ForwardView, LifecycleView};
use orgx_proto::connection::backoff;
use orgx_proto::lifecycle::Event;
use orgx_proto::limits::{RETRY_AFTER_CAP, SLOW_RETRY};
use reqwest::{Client, header};
use secrecy::ExposeSecret;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// Another receiver.
#[derive(Debug)]
pub(in crate::webhook) struct Forward {
    config: ForwardConfig,
    client: Client,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    /// For good, with its status.
    Refused(u16),
    /// Not now: why, and how long it is not tried again.
    Later(String, Duration),
}

impl Forward {
    pub(in crate::webhook) fn new(config: ForwardConfig) -> Result<Self, reqwest::Error> {
        let client = http::client(&config.url, Some(limits::FORWARD_CALL))?;
        Ok(Self { config, client })
    }

    /// Its name in the store: another address is another sink.
    pub(in crate::webhook) fn name(&self) -> String {
        format!("forward:{}", self.config.url)
    }

    pub(in crate::webhook) fn view(&self) -> ForwardView {
        // What follows the host may be a secret.
        ForwardView { to: self.config.url.origin().ascii_serialization(), ..ForwardView::default() }
    }

    /// Posts what comes, for ever.
    pub(in crate::webhook) async fn run(
        self,
        store: Store,
        mut newest: watch::Receiver<i64>,
        clock: Clock,
        view: watch::Sender<LifecycleView>,
        warn: mpsc::Sender<String>,
    ) {
        let name = self.name();
        let show = |change: &mut dyn FnMut(&mut ForwardView)| {
            view.send_modify(|view| change(view.forward.get_or_insert_default()));
        };
        let mut number = loop {
            match store.cursor(name.clone()).await {
                Ok(number) => break number,
                Err(_) => sleep(limits::WEBHOOK_RETRY).await,
            }
        };
        while let Some((missing, events)) = next(&store, &mut newest, number).await {
            if missing > 0 {
                let to = self.view().to;
                let words =
                    format!("{to} misses {missing} session events: it did not take them for too long.");
                let _full = warn.try_send(words);
            }
            for event in events {
                let mut tries = 0;
                let refused = loop {
                    tries += 1;
                    match self.post(&event.event, tries).await {
                        Verdict::Taken => break None,
                        Verdict::Refused(status) => break Some(status),
                        Verdict::Later(why, wait) => {
                            tracing::info!(why, ?wait, "a session event could not be forwarded");
                            let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                            let retry_at = clock.now().wall.0.saturating_add(wait_ms);
                            show(&mut |forward| {
                                (forward.waits, forward.retry_at) = (Some(why.clone()), Some(retry_at));
                            });
                            sleep(wait).await;
                        }
                    }
                };
                if let Some(status) = refused {
                    let to = self.view().to;
                    let _full = warn.try_send(format!(
                        "{to} refused a session event for good (it answered {status}), and is not asked about it again."
                    ));
                }
                // The same again is better than none: a crash here posts it twice, and its dedupe_key tells.
                if let Err(error) = store.delivered(name.clone(), event.number).await {
                    tracing::warn!(%error, "what was forwarded could not be written down");
                }
                number = event.number;
                show(&mut |forward| {
                    match refused {
                        None => forward.delivered += 1,
                        Some(_) => forward.given_up += 1,
                    }
                    (forward.waits, forward.retry_at) = (None, None);
                });
            }
        }
    }

    async fn post(&self, event: &Event, tries: u32) -> Verdict {
        let body = event.to_post().to_string();
        let mut request =
            self.client.post(self.config.url.clone()).header(header::CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.config.secret {
            request = request.header(HEADER, sign(secret.expose_secret().as_bytes(), body.as_bytes()));
        }
        let response = request.body(body).send().await;
        verdict(http::success(response).map(drop), tries, rand::random())
    }
}

/// PROTOCOL: 408, 425 and 429 ask to come again; 401 and 403 may change when somebody sets the secret right.
fn verdict(result: Result<(), CallError>, tries: u32, roll: f64) -> Verdict {
    let error = match result {
        Ok(()) => return Verdict::Taken,
        Err(error) => error,
    };
    let waits = backoff(tries, roll);
    match error {
        CallError::Status { status: status @ (401 | 403), .. } => {
            Verdict::Later(format!("it answered {status}: is the secret right?"), SLOW_RETRY)
        }
        CallError::Status { status, .. }
            if (400..500).contains(&status) && !matches!(status, 408 | 425 | 429) =>
        {
            Verdict::Refused(status)
        }
        CallError::Status { status, retry_after, .. } => {
            let wait = retry_after.map_or(waits, |wait| wait.clamp(waits, RETRY_AFTER_CAP));
            Verdict::Later(format!("it answered {status}"), wait)
        }
        error => Verdict::Later(format!("it {error}"), waits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> Result<(), CallError> {
        Err(CallError::Status { status, retry_after: retry_after.map(Duration::from_secs), realm: None })
    }

    #[test]
    fn an_answer_says_whether_and_when_it_is_tried_again() {
        let middle = 0.5;
        assert_eq!(verdict(Ok(()), 1, middle), Verdict::Taken);
        for refused in [400, 404, 405, 410, 413, 415, 422] {
            assert_eq!(verdict(status(refused, None), 1, middle), Verdict::Refused(refused));
        }
        for (code, retry_after, tries, wait) in [
            (401, None, 1, SLOW_RETRY),
            (403, Some(1), 9, SLOW_RETRY),
            (408, None, 1, Duration::from_millis(500)),
            (425, None, 2, Duration::from_secs(1)),
            (429, Some(7), 1, Duration::from_secs(7)),
            (429, Some(0), 3, Duration::from_secs(2)),
            (500, None, 20, Duration::from_secs(30)),
            (503, Some(1_000_000), 1, RETRY_AFTER_CAP),
            (302, None, 1, Duration::from_millis(500)),
        ] {
            match verdict(status(code, retry_after), tries, middle) {
                Verdict::Later(_, told) => assert_eq!(told, wait, "{code}"),
                other => panic!("{code}: {other:?}"),
            }
        }
        let gone = Err(CallError::Unreachable(orgx_proto::redact::Redacted::new("refused")));
        assert_eq!(
            verdict(gone, 1, middle),
            Verdict::Later("it cannot be reached: refused".into(), Duration::from_millis(500))
        );
    }
}
