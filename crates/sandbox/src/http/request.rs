//! A request as it is recorded.

use std::{io, time::Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use crate::{
    record::{Line, Record},
    wait::brief,
};

/// One HTTP request that arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its place among everything the sandbox recorded in this process.
    pub seq: u64,
    /// When it had been read.
    pub at: Instant,
    /// The method.
    pub method: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// The raw query, empty when there is none.
    pub query: String,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body: JSON, or the text when it is none, or null when it is empty.
    pub body: Value,
}

impl Request {
    /// The first header of that (lower case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The decoded value of a query parameter.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The decoded query, in the order it was sent.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// The last segments of the path after `before`, decoded, when `after` follows it.
    pub(crate) fn segment(&self, before: &str, after: &str) -> Option<String> {
        let segment = self.path.strip_prefix(before)?.strip_suffix(after)?;
        (!segment.is_empty() && !segment.contains('/')).then(|| decode(segment))
    }

    /// Whether the body was declared to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.trim_start().starts_with("application/json"))
    }
}

impl Line for Request {
    fn line(&self) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        brief(&format!("#{} {} {}{query} {}", self.seq, self.method, self.path, self.body))
    }
}

/// Reads a request to its end and records it.
pub(crate) async fn read(request: hyper::Request<Incoming>, record: &Record<Request>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(keep(&head, &body, record))
}

/// Records a request whose body, if any, is known.
pub(crate) fn keep(head: &http::request::Parts, body: &Bytes, record: &Record<Request>) -> Request {
    let mut request = Request {
        seq: 0,
        at: Instant::now(),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: parse(body),
    };
    record.push(|seq| {
        request.seq = seq;
        request.clone()
    });
    request
}

fn parse(body: &Bytes) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// Percent-decoding of one path segment: form decoding, but for the three characters only forms treat apart.
fn decode(segment: &str) -> String {
    let escaped = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(key, _)| key.into_owned())
        .unwrap_or_default()
}
