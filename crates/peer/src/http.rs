//! One way to make HTTP clients and to read answers: no redirects, no proxy for this computer, bounded bodies.

mod names;
mod words;

pub(crate) use words::words;

use crate::config::is_loopback;
use crate::limits;
use orgx_proto::redact::Redacted;
use reqwest::{Client, ClientBuilder, Response, StatusCode, header, redirect};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use url::Url;

/// Why a call got no usable answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    /// Nothing came back.
    #[error("cannot be reached: {0}")]
    Unreachable(Redacted),
    /// A web page came, or the way to one.
    #[error("answered with a web page where JSON was due")]
    WebPage,
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

impl CallError {
    /// What happened to a call to OrgX, as a sentence without its end.
    pub(crate) fn of_orgx(&self) -> String {
        match self {
            Self::WebPage => SIGN_IN.to_owned(),
            error => format!("OrgX {error}"),
        }
    }
}

/// What a web page in OrgX's place means.
pub(crate) const SIGN_IN: &str = "a web page answered instead of OrgX: this network may want you to sign in first; open a browser, or check \
     ORGX_BASE_URL";

/// A client for one origin. `timeout` bounds a whole call.
pub(crate) fn client(origin: &Url, timeout: Option<Duration>) -> reqwest::Result<Client> {
    let mut builder = builder(origin);
    if let Some(timeout) = timeout {
        builder = builder.timeout(timeout);
    }
    builder.build()
}

fn builder(origin: &Url) -> ClientBuilder {
    // A second install finds the first one's provider: there is only this one.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("orgx-peer/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .dns_resolver(Arc::new(names::Names))
        .connect_timeout(orgx_proto::limits::CONNECT_TIMEOUT)
        .http1_only();
    let builder = if is_loopback(origin) { builder.no_proxy() } else { builder };
    // Redirects are not followed, so that a client for http never sees a certificate, and need not read them all.
    if origin.scheme() == "http" { builder.tls_certs_only([]) } else { builder }
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
    Err(CallError::Status {
        status: status.as_u16(),
        retry_after: retry_after(&response),
        realm: text(&response, header::WWW_AUTHENTICATE).map(ToOwned::to_owned),
    })
}

/// Did a web page come, or the way to one, instead of what was asked for? A network that wants its user to sign in
/// answers in OrgX's place, and so does whatever else stands at a wrong address. An error status is OrgX's own word.
pub(crate) fn is_web_page(response: &Response) -> bool {
    let status = response.status();
    status.is_redirection()
        || status == StatusCode::NETWORK_AUTHENTICATION_REQUIRED
        || (status.is_success() && essence(response).eq_ignore_ascii_case("text/html"))
}

/// The content type without its parameters.
fn essence(response: &Response) -> &str {
    let kind = text(response, header::CONTENT_TYPE).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

fn text(response: &Response, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The JSON of a success: content type checked, size and depth bounded.
pub(crate) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, CallError> {
    let kind = essence(&response);
    if kind.eq_ignore_ascii_case("text/html") {
        return Err(CallError::WebPage);
    }
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(CallError::Nonsense("answered with something other than JSON"));
    }
    let bytes = body(response).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        // serde_json has no kind for it.
        CallError::Nonsense(if error.to_string().starts_with("recursion limit exceeded") {
            "answered with JSON nested deeper than 127 levels"
        } else {
            "answered with JSON that makes no sense here"
        })
    })
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

/// `Retry-After`, in seconds or as a date; a date is counted from the answer's own `Date`, so that it does not matter
/// what this computer's clock says.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let date = |name| httpdate::parse_http_date(text(response, name)?).ok();
    let value = text(response, header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = date(header::DATE).unwrap_or_else(SystemTime::now);
    date(header::RETRY_AFTER)?.duration_since(now).ok()
}

#[cfg(test)]
mod tests;
