//! Which requests come in: what is looked at before a body is read. A web page cannot get through, whatever name it
//! gives this computer: a browser says whose page it is, and cannot make a request as it must be without asking first.

use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode, header};

/// The path that is posted to. PROTOCOL: contract F1; empty parts of a path do not count.
const PATH: [&str; 2] = ["webhook", "opencode"];
/// Longest name of a source that is repeated to who asked for it, in bytes.
const ECHO_BYTES: usize = 64;

/// Why a request is turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: String,
    /// The field that is wrong.
    pub(super) field: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), field: None }
    }
}

/// Looks at a request's head, when we listen on `port`.
pub(super) fn look(head: &Parts, port: u16) -> Result<(), Refusal> {
    if head.method != Method::POST {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"));
    }
    // DNS rebinding: a page's own host name may lead here.
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (host, more) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next());
    let named = head.uri.authority().map(Authority::as_str);
    if more.is_some()
        || !host.is_some_and(|host| is_us(host, port))
        || !named.is_none_or(|name| is_us(name, port))
    {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "Host not allowed"));
    }
    let from_a_page = |name| head.headers.get(name).is_some_and(|value| value.as_bytes() != b"none");
    if head.headers.contains_key(header::ORIGIN) || from_a_page("sec-fetch-site") {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "Origin not allowed"));
    }
    let path: Vec<&str> = head.uri.path().split('/').filter(|part| !part.is_empty()).collect();
    match path.as_slice() {
        path if path == PATH => {}
        ["webhook", source] if source.len() <= ECHO_BYTES => {
            return Err(Refusal::new(StatusCode::NOT_FOUND, format!("Unknown source: {source}")));
        }
        _ => return Err(Refusal::new(StatusCode::NOT_FOUND, "Not found")),
    }
    let text = |name| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let kind = text(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let error = "Content-Type must be application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    if text(header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Encoding is not supported"));
    }
    Ok(())
}

/// Does this name this computer, and our port on it?
fn is_us(host: &str, port: u16) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let is_local =
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| name.eq_ignore_ascii_case(authority.host()));
    is_local && !host.contains('@') && authority.port_u16().unwrap_or(80) == port
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn status(method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        look(&head, 4800).err().map(|refusal| (refusal.status.as_u16(), refusal.error))
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:4800");
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn what_comes_in_is_a_post_of_json_to_us_from_a_program() {
        for (uri, headers) in [
            ("/webhook/opencode", &[HOST, JSON][..]),
            ("/webhook/opencode/", &[HOST, JSON]),
            ("//webhook//opencode", &[HOST, JSON]),
            ("/webhook/opencode?x=1", &[("host", "LOCALHOST:4800"), JSON]),
            (
                "/webhook/opencode",
                &[("host", "[::1]:4800"), ("content-type", "Application/JSON; charset=utf-8")],
            ),
            ("http://127.0.0.1:4800/webhook/opencode", &[HOST, JSON, ("content-encoding", "identity")]),
            // What Node's own fetch says of itself.
            ("/webhook/opencode", &[HOST, JSON, ("sec-fetch-mode", "cors")]),
        ] {
            assert_eq!(status("POST", uri, headers), None, "{uri} {headers:?}");
        }
    }

    #[test]
    fn anything_else_is_turned_away_by_the_first_thing_that_is_wrong() {
        let at = "/webhook/opencode";
        for (method, uri, headers, refusal, error) in [
            ("GET", at, &[HOST, JSON][..], 405, "Method not allowed"),
            ("OPTIONS", at, &[("host", "evil.example"), ("origin", "x")], 405, "Method not allowed"),
            ("POST", at, &[JSON], 403, "Host not allowed"),
            ("POST", at, &[("host", "evil.example"), JSON], 403, "Host not allowed"),
            ("POST", at, &[("host", "evil.example:4800"), JSON], 403, "Host not allowed"),
            ("POST", at, &[("host", "127.0.0.1"), JSON], 403, "Host not allowed"),
            ("POST", at, &[("host", "127.0.0.1:4801"), JSON], 403, "Host not allowed"),
            ("POST", at, &[("host", "127.0.0.1.evil.example:4800"), JSON], 403, "Host not allowed"),
            ("POST", at, &[("host", "a@127.0.0.1:4800"), JSON], 403, "Host not allowed"),
            ("POST", at, &[HOST, ("host", "evil.example"), JSON], 403, "Host not allowed"),
            ("POST", "http://evil.example/webhook/opencode", &[HOST, JSON], 403, "Host not allowed"),
            ("POST", at, &[HOST, JSON, ("origin", "http://evil.example")], 403, "Origin not allowed"),
            ("POST", at, &[HOST, JSON, ("origin", "null")], 403, "Origin not allowed"),
            ("POST", at, &[HOST, JSON, ("origin", "http://127.0.0.1:4800")], 403, "Origin not allowed"),
            ("POST", at, &[HOST, JSON, ("sec-fetch-site", "cross-site")], 403, "Origin not allowed"),
            ("POST", "/webhook/x", &[HOST, JSON], 404, "Unknown source: x"),
            ("POST", "/webhook", &[HOST, JSON], 404, "Not found"),
            ("POST", "/webhook/opencode/more", &[HOST, JSON], 404, "Not found"),
            ("POST", "/", &[HOST, JSON], 404, "Not found"),
            ("POST", at, &[HOST], 415, "Content-Type must be application/json"),
            (
                "POST",
                at,
                &[HOST, ("content-type", "text/plain")],
                415,
                "Content-Type must be application/json",
            ),
            (
                "POST",
                at,
                &[HOST, ("content-type", "application/jsonx")],
                415,
                "Content-Type must be application/json",
            ),
            (
                "POST",
                at,
                &[HOST, JSON, ("content-encoding", "gzip")],
                415,
                "Content-Encoding is not supported",
            ),
        ] {
            let told = status(method, uri, headers);
            assert_eq!(told, Some((refusal, error.to_owned())), "{method} {uri} {headers:?}");
        }
        assert_eq!(
            status("POST", &format!("/webhook/{}", "x".repeat(65)), &[HOST, JSON]),
            Some((404, "Not found".into()))
        );
    }
}
