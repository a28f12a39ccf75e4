//! One request, answered: its head, its size, its signature, its JSON, in this order; then the store.

use super::file::Secret;
use super::gate::{self, Refusal};
use super::signature::{HEADER, OTHER_HEADER, is_signed};
use super::store::{Process, Store, Taken, Told};
use super::view::LifecycleView;
use crate::clock::Clock;
use crate::driver::opencode::owner;
use crate::limits;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use orgx_proto::lifecycle::{Hook, Posted, Refused, Teller};
use secrecy::ExposeSecret;
use serde::Serialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// What every request is answered with.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) port: u16,
    pub(super) secret: Secret,
    pub(super) allow_unsigned: bool,
    pub(super) titles: bool,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) view: watch::Sender<LifecycleView>,
    /// Requests that may wait at once.
    pub(super) most: usize,
    /// Requests that wait for their answer.
    pub(super) waiting: AtomicUsize,
}

/// Counts a request while it waits.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Desk {
    /// The answer, which always comes within [`limits::WEBHOOK_REQUEST`].
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        let (head, mut body) = request.into_parts();
        let result = if before >= self.most {
            Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests; try again in a second"))
        } else {
            timeout(limits::WEBHOOK_REQUEST, self.take(&head, &mut body)).await.unwrap_or_else(|_| {
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "The request took too long"))
            })
        };
        match result {
            Ok(taken) => {
                if !taken.is_new {
                    self.count(|view| view.repeated += 1);
                }
                accepted(&taken)
            }
            Err(refusal) => {
                tracing::debug!(
                    status = refusal.status.as_u16(),
                    error = refusal.error,
                    "a post was refused"
                );
                self.count(|view| view.refused += 1);
                // Whoever waits to be told to go on needs no answer before.
                if !body.is_end_stream() && !head.headers.contains_key(header::EXPECT) {
                    drain(&mut body).await;
                }
                refused(&refusal, body.is_end_stream())
            }
        }
    }

    async fn take(&self, head: &hyper::http::request::Parts, body: &mut Incoming) -> Result<Taken, Refusal> {
        gate::look(head, self.port)?;
        let too_large = || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 1 MiB");
        if body.size_hint().lower() > limits::WEBHOOK_BODY_BYTES as u64 {
            return Err(too_large());
        }
        let bytes = match Limited::new(&mut *body, limits::WEBHOOK_BODY_BYTES).collect().await {
            Ok(bytes) => bytes.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
            Err(_) => return Err(Refusal::new(StatusCode::BAD_REQUEST, "The body did not come whole")),
        };
        self.is_allowed(&head.headers, &bytes)?;
        let now = self.clock.now().wall;
        let posted = Posted::read(&bytes, now).map_err(|refused| {
            let field = match &refused {
                Refused::NotJson => None,
                Refused::Field { field, .. } => Some(*field),
            };
            Refusal { field, ..Refusal::new(StatusCode::BAD_REQUEST, refused.to_string()) }
        })?;
        let told = Told {
            teller: Teller::Outside,
            happened: posted.happened(now),
            title: posted.title.clone().filter(|_| self.titles),
            process: posted.pid.filter(|_| posted.hook == Hook::Start).and_then(process),
            at: now,
        };
        self.store.take(told).await.map_err(|error| {
            tracing::warn!(%error, "a post could not be taken");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The event could not be stored; try again later")
        })
    }

    /// PROTOCOL: contract F1, the second header counts only without the first.
    fn is_allowed(&self, headers: &HeaderMap, bytes: &[u8]) -> Result<(), Refusal> {
        let unauthorized = |error: &str| Err(Refusal::new(StatusCode::UNAUTHORIZED, error));
        match headers.get(HEADER).or_else(|| headers.get(OTHER_HEADER)) {
            None if self.allow_unsigned => Ok(()),
            None => unauthorized("Missing signature"),
            Some(signature) => {
                let secret = self.secret.text.expose_secret().as_bytes();
                if is_signed(secret, bytes, signature.as_bytes()) {
                    Ok(())
                } else {
                    unauthorized("Invalid signature")
                }
            }
        }
    }

    /// Nobody is woken for it.
    fn count(&self, change: impl FnOnce(&mut LifecycleView)) {
        self.view.send_if_modified(|view| {
            change(view);
            false
        });
    }
}

/// The process as it is now, where the OS tells.
fn process(pid: u32) -> Option<Process> {
    cfg!(target_os = "linux").then(|| Process { pid, started: owner::started(pid).unwrap_or_default() })
}

/// Reads what is left of a body, within reason: a sender that is still writing would see no answer.
async fn drain(body: &mut Incoming) {
    let read = async {
        let mut left = limits::WEBHOOK_DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = sleep(limits::WEBHOOK_DRAIN) => {}
    }
}

/// PROTOCOL: contract F1; `duplicate` is ours.
#[derive(Serialize)]
struct Accepted<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<bool>,
}

/// PROTOCOL: contract F1; `field` is ours.
#[derive(Serialize)]
struct TurnedAway<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

fn accepted(taken: &Taken) -> Response<Full<Bytes>> {
    let answer =
        Accepted { ok: true, event_id: taken.event.as_deref(), duplicate: (!taken.is_new).then_some(true) };
    response(StatusCode::OK, &answer)
}

fn refused(refusal: &Refusal, whole: bool) -> Response<Full<Bytes>> {
    let answer = TurnedAway { error: &refusal.error, field: refusal.field };
    let mut response = response(refusal.status, &answer);
    let headers = response.headers_mut();
    match refusal.status {
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    if !whole {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn response(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    // Text and booleans can always be written.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
