use super::*;
use orgx_proto::limits::JSON_DEPTH;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a call to this client comes to, in words.
async fn told(client: ClientBuilder, url: &str) -> String {
    let answer = client.build().expect("a client").get(url).send().await;
    words(&answer.expect_err("no answer")).to_string()
}

fn at(address: &str) -> ClientBuilder {
    builder(&address.parse().expect("an address"))
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A port where every connection hears `answer` and is closed.
async fn server(answer: &'static [u8]) -> u16 {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut question = [0; 4096];
            let _question = stream.read(&mut question).await;
            let _left = stream.write_all(answer).await;
            // What was asked is read to its end: closing before would reset what was answered.
            let _left = stream.shutdown().await;
            while stream.read(&mut question).await.is_ok_and(|read| read > 0) {}
        }
    });
    address.port()
}

/// A port that nobody listens at.
async fn closed_port() -> u16 {
    listener().await.1.port()
}

/// A port that shows this certificate.
async fn tls_server(certificate: CertificateDer<'static>, key: &KeyPair) -> u16 {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.expect("a server")));
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _refused = acceptor.accept(stream).await;
        }
    });
    address.port()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

#[tokio::test]
async fn a_certificate_that_is_no_good_is_told_for_what_is_wrong_with_it() {
    let authority = authority();
    let trusted = reqwest::Certificate::from_der(authority.der()).expect("a certificate");
    let clock = format!(
        "If this computer's date ({}) is wrong, set it; if it is right, the other side must renew its certificate",
        today()
    );
    for (name, from, to, expected) in [
        ("other.example", 2020, 2999, "its certificate is for another name. This network may want you to sign in first, or the address is wrong: open a browser, then check ORGX_BASE_URL".to_owned()),
        ("localhost", 2020, 2021, format!("its certificate has expired. {clock}")),
        ("localhost", 2998, 2999, format!("its certificate is not valid yet. {clock}")),
    ] {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        let port = tls_server(certificate.der().clone(), &key).await;
        let url = format!("https://localhost:{port}/");
        assert_eq!(told(at(&url).tls_certs_merge([trusted.clone()]), &url).await, expected, "{name} {from} {to}");
    }
}

#[tokio::test]
async fn a_certificate_that_vouches_for_itself_is_not_trusted() {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let port = tls_server(certificate.der().clone(), &key).await;
    let url = format!("https://localhost:{port}/?secret=oxk_1");
    assert_eq!(
        told(at(&url), &url).await,
        "its certificate comes from an issuer that this computer does not trust. A proxy or a virus scanner may be \
         reading along, or this is not OrgX: if it is your company's, add its certificate authority to this computer"
    );
}

#[tokio::test]
async fn what_stands_between_is_told_in_words() {
    let (silent, address) = listener().await;
    let refused =
        "the connection was refused. Nothing takes connections there now, or a firewall is in the way";
    for (url, expected) in [
        (
            "https://something.invalid/".to_owned(),
            "the name something.invalid cannot be found. This computer may be offline, or the address may be \
             misspelled: check the network, then ORGX_BASE_URL",
        ),
        (format!("http://127.0.0.1:{}/", closed_port().await), refused),
        (format!("https://localhost:{}/", closed_port().await), refused),
        (
            format!("https://127.0.0.1:{}/", server(b"HTTP/1.1 200 OK\r\n\r\n").await),
            "what answers there does not speak TLS. This network may want you to sign in first, or the address is \
             wrong: open a browser, then check ORGX_BASE_URL",
        ),
        (
            format!("https://127.0.0.1:{}/", server(b"").await),
            "the connection was cut off. If it stays so, something on the way does not let it through: check VPN, \
             proxy and firewall",
        ),
    ] {
        // The name is looked up as it would be: no proxy of the computer that runs the tests is asked.
        assert_eq!(told(at(&url).no_proxy(), &url).await, expected, "{url}");
    }
    let url = format!("http://{address}/");
    assert_eq!(told(at(&url).timeout(Duration::from_millis(1)), &url).await, "no answer in time");
    drop(silent);
}

#[tokio::test]
async fn a_proxy_that_does_not_help_is_told_as_the_proxy() {
    const PROXY: &str = "the proxy that this computer is set to use";
    for (proxy, expected) in [
        (
            format!(
                "http://127.0.0.1:{}",
                server(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await
            ),
            " asks who this is: put its user name and its password into HTTPS_PROXY",
        ),
        (
            format!("http://127.0.0.1:{}", server(b"HTTP/1.1 403 Forbidden\r\n\r\n").await),
            " does not let the connection through: ask whoever runs it, or add the name to NO_PROXY",
        ),
        (
            format!("http://127.0.0.1:{}", server(b"").await),
            " broke the connection (unexpected end of file): check HTTPS_PROXY",
        ),
        (
            format!("http://127.0.0.1:{}", closed_port().await),
            " cannot be reached: the connection was refused. Nothing takes connections there now, or a firewall is in \
             the way",
        ),
        (
            "http://proxy.invalid:3128".to_owned(),
            " cannot be reached: the name proxy.invalid cannot be found. This computer may be offline, or the address may be misspelled: check the network, then ORGX_BASE_URL",
        ),
    ] {
        let url = "https://useorgx.example/";
        let through = at(url).proxy(reqwest::Proxy::all(&proxy).expect("a proxy"));
        assert_eq!(told(through, url).await, format!("{PROXY}{expected}"), "{proxy}");
    }
}

/// An answer made of a status, a header and a body.
fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let mut answer = http::Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(body.to_owned()).expect("an answer").into()
}

#[test]
fn a_web_page_in_orgxs_place_is_known_and_an_error_of_orgx_is_not_taken_for_one() {
    for (status, headers, is_page) in [
        (200, &[("content-type", "text/html; charset=utf-8")][..], true),
        (200, &[("content-type", "Text/HTML")], true),
        (200, &[("content-type", "application/json")], false),
        (200, &[], false),
        (302, &[("location", "http://portal.example/")], true),
        (307, &[], true),
        (511, &[], true),
        (101, &[], false),
        (401, &[("content-type", "text/html")], false),
        (503, &[("content-type", "text/html")], false),
    ] {
        assert_eq!(is_web_page(&answer(status, headers, "")), is_page, "{status} {headers:?}");
    }
}

#[test]
fn a_date_to_come_again_is_counted_from_the_other_sides_clock() {
    let later = "Wed, 21 Oct 2015 07:28:30 GMT";
    for (headers, expected) in [
        (&[("retry-after", " 7 ")][..], Some(7)),
        (&[("date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("retry-after", later)], Some(30)),
        (&[("date", "Wed, 21 Oct 2015 07:29:00 GMT"), ("retry-after", later)], None),
        (&[("retry-after", later)], None),
        (&[("retry-after", "soon")], None),
        (&[], None),
    ] {
        assert_eq!(retry_after(&answer(503, headers, "")), expected.map(Duration::from_secs), "{headers:?}");
    }
}

#[tokio::test]
async fn a_body_of_the_bound_is_read_and_a_larger_or_deeper_one_is_refused() {
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (body, problem) in [
        (text(limits::HTTP_BODY_BYTES), None),
        (text(limits::HTTP_BODY_BYTES + 1), Some("answered with more than 4 MiB")),
        (nested(JSON_DEPTH), None),
        (nested(JSON_DEPTH + 1), Some("answered with JSON nested deeper than 127 levels")),
        ("[".repeat(100_000), Some("answered with JSON nested deeper than 127 levels")),
        ("{".to_owned(), Some("answered with JSON that makes no sense here")),
    ] {
        let read =
            json::<serde_json::Value>(answer(200, &[("content-type", "application/json")], &body)).await;
        assert_eq!(read.err().map(|error| error.to_string()).as_deref(), problem, "{} bytes", body.len());
    }
}

/// Today as people write it.
fn today() -> String {
    let now = crate::clock::Clock::default().now().wall;
    now.to_string().chars().take(10).collect()
}
