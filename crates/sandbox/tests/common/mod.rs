//! A WebSocket client, an HTTP client and folders for the tests.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::{path::PathBuf, sync::Once};

use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, client::IntoClientRequest, http::Request},
};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// The query of a well-behaved peer.
pub(crate) const QUERY: &str =
    "workspace_id=ws-1&plugin_id=%40useorgx%2Forgx-opencode-plugin&drivers=opencode";

pub(crate) fn upgrade_request(port: u16, query: &str, protocols: &str) -> Request<()> {
    let mut request =
        format!("ws://127.0.0.1:{port}/api/v1/gateway/stream?{query}").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    request
}

pub(crate) async fn connect_with(
    port: u16,
    query: &str,
    protocols: &str,
) -> Result<Socket, tungstenite::Error> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    client_async(upgrade_request(port, query, protocols), tcp).await.map(|(socket, _)| socket)
}

/// Connects as a well-behaved peer.
pub(crate) async fn connect(port: u16) -> Result<Socket, tungstenite::Error> {
    connect_with(port, QUERY, "orgx.v1, bearer.oxk_test").await
}

/// The status and the body of a refused upgrade.
pub(crate) fn refusal(result: Result<Socket, tungstenite::Error>) -> (u16, String) {
    match result {
        Err(tungstenite::Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn http() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    });
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// An empty folder of that name.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
