//! Answers, the good ones and the bad ones.

use std::{convert::Infallible, io};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::{Value, json};

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer.
pub(crate) type Reply = http::Response<Body>;

/// A status without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let body = Empty::new().map_err(|never: Infallible| match never {});
    with_status(status, http::Response::new(body.boxed_unsync()))
}

/// JSON.
pub(crate) fn json(status: StatusCode, value: &Value) -> Reply {
    bytes(status, "application/json", value.to_string().into())
}

/// Plain text.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    bytes(status, "text/plain; charset=utf-8", body.into())
}

/// What a web page answers when it is asked for an API it does not have.
pub(crate) fn html() -> Reply {
    let page = "<!doctype html><html><head><title>OpenCode</title></head><body><div id=\"root\"></div></body></html>";
    bytes(StatusCode::OK, "text/html; charset=utf-8", page.into())
}

/// A page for a person.
pub(crate) fn page(status: StatusCode, html: String) -> Reply {
    bytes(status, "text/html; charset=utf-8", html.into())
}

/// The answer to a path nobody serves.
pub(crate) fn no_such_path() -> Reply {
    json(StatusCode::NOT_FOUND, &json!({"error": "not found"}))
}

/// Just a status, as JSON.
pub(crate) fn code(status: u16) -> Reply {
    json(parse_status(status), &json!({"error": format!("status {status}")}))
}

/// Never answers; ends only with the connection.
pub(crate) async fn never() -> Reply {
    std::future::pending().await
}

/// Declares a JSON body of 4096 bytes and breaks the connection before they came.
pub(crate) fn cut_short() -> Reply {
    let pieces = stream::iter([
        Ok(Frame::data(Bytes::from_static(b"{\"skills\":["))),
        Err(io::Error::from(io::ErrorKind::ConnectionReset)),
    ]);
    let mut reply = http::Response::new(StreamBody::new(pieces).boxed_unsync());
    header(&mut reply, "content-type", "application/json");
    header(&mut reply, "content-length", "4096");
    reply
}

/// Sets a header; one that HTTP cannot carry is left out.
pub(crate) fn header(reply: &mut Reply, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        reply.headers_mut().insert(name, value);
    }
}

/// The status of that number; one that HTTP does not know becomes 500.
pub(crate) fn parse_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn bytes(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let body = Full::new(body).map_err(|never: Infallible| match never {});
    let mut reply = with_status(status, http::Response::new(body.boxed_unsync()));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

fn with_status(status: StatusCode, mut reply: Reply) -> Reply {
    *reply.status_mut() = status;
    reply
}
