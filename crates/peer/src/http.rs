//! One way to make HTTP clients and to read answers: no redirects, no proxy for this computer, bounded bodies.

use crate::config::is_loopback;
use crate::limits;
use orgx_proto::redact::Redacted;
use reqwest::{Client, Response, header, redirect};
use serde::de::DeserializeOwned;
use std::error::Error;
use std::time::Duration;
use url::Url;

/// Why a call got no usable answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    /// Nothing came back.
    #[error("{0}")]
    Unreachable(Redacted),
    /// An HTTP status that is no success.
    #[error("answered {status}")]
    Status {
        status: u16,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
        /// Its `WWW-Authenticate`.
        realm: Option<String>,
    },
    /// A success that is not what was asked for.
    #[error("{0}")]
    Nonsense(&'static str),
}

/// A client for one origin. `timeout` bounds a whole call.
pub(crate) fn client(origin: &Url, timeout: Option<Duration>) -> reqwest::Result<Client> {
    // A second install finds the first one's provider: there is only this one.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("orgx-peer/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(orgx_proto::limits::CONNECT_TIMEOUT)
        .http1_only();
    if let Some(timeout) = timeout {
        builder = builder.timeout(timeout);
    }
    if is_loopback(origin) {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// The bearer header of a key, marked so that it is never shown.
pub(crate) fn bearer(key: &str) -> Option<header::HeaderValue> {
    let mut value = header::HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A success, or why not.
pub(crate) fn success(response: Result<Response, reqwest::Error>) -> Result<Response, CallError> {
    let response = response.map_err(|error| CallError::Unreachable(words(&error)))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    Err(CallError::Status {
        status: status.as_u16(),
        retry_after: text(header::RETRY_AFTER).and_then(retry_after),
        realm: text(header::WWW_AUTHENTICATE).map(ToOwned::to_owned),
    })
}

/// The JSON of a success: content type checked, size bounded.
pub(crate) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, CallError> {
    let kind = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(CallError::Nonsense(if essence.eq_ignore_ascii_case("text/html") {
            "answered with a web page where JSON was due"
        } else {
            "answered with something other than JSON"
        }));
    }
    let bytes = body(response).await?;
    serde_json::from_slice(&bytes)
        .map_err(|_| CallError::Nonsense("answered with JSON that makes no sense here"))
}

/// The body, up to [`limits::HTTP_BODY_BYTES`].
async fn body(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > limits::HTTP_BODY_BYTES => {
                return Err(CallError::Nonsense("answered with more than 4 MiB"));
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(CallError::Unreachable(words(&error))),
        }
    }
}

/// `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    let until = || httpdate::parse_http_date(value).ok()?.duration_since(std::time::SystemTime::now()).ok();
    value.parse().ok().map(Duration::from_secs).or_else(until)
}

/// The innermost cause, without the address: it may carry what must not be repeated.
pub(crate) fn words(error: &reqwest::Error) -> Redacted {
    if error.is_timeout() {
        return Redacted::new("no answer in time");
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_connect() || cause.downcast_ref::<std::io::Error>().is_some() {
        return Redacted::new(&format!("no connection ({cause})"));
    }
    Redacted::new(&cause.to_string())
}
