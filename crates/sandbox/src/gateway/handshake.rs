//! What a strict server asks of the request that opens the WebSocket.

use http::Method;

use crate::http::Request;

/// What a good request asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// `orgx.v1` and the like.
    pub(super) protocol: String,
    /// The key after `bearer.`.
    pub(super) key: String,
    /// `Sec-WebSocket-Key`.
    pub(super) nonce: String,
}

/// The offer, or the sentence that names what is wrong with it.
pub(super) fn check(request: &Request) -> Result<Offer, String> {
    if request.method != Method::GET.as_str() {
        return Err(format!("method is {}, not GET", request.method));
    }
    check_query(&request.query_pairs())?;
    for (name, token) in
        [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")]
    {
        let value = request.header(name).unwrap_or_default();
        if !value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)) {
            return Err(format!("header {name} is {value:?}, without {token}"));
        }
    }
    let nonce = request.header("sec-websocket-key").ok_or("header sec-websocket-key is missing")?.to_owned();
    let (protocol, key) = check_protocols(request)?;
    Ok(Offer { protocol, key, nonce })
}

fn check_query(pairs: &[(String, String)]) -> Result<(), String> {
    // PROTOCOL: three parameters in this order, then two optional ones in this order.
    const KNOWN: [(&str, bool); 5] = [
        ("workspace_id", true),
        ("plugin_id", true),
        ("drivers", true),
        ("installation_id", false),
        ("runner_instance_id", false),
    ];
    let mut given = pairs.iter().peekable();
    for (name, required) in KNOWN {
        match given.next_if(|(key, _)| key == name) {
            // Whoever offers no driver is there, and takes no tasks.
            Some((_, value)) if value.is_empty() && name != "drivers" => {
                return Err(format!("query {name} is empty"));
            }
            Some((_, value)) if name == "runner_instance_id" && !is_runner_instance(value) => {
                return Err(format!("query runner_instance_id {value:?} is not one"));
            }
            None if required => return Err(format!("query {name} is missing or out of order")),
            Some(_) | None => {}
        }
    }
    match given.next() {
        Some((key, _)) => Err(format!("query {key} is unknown, repeated or out of order")),
        None => Ok(()),
    }
}

/// PROTOCOL: 1 to 160 characters, the first a letter or digit, then also `. _ : -`.
fn is_runner_instance(value: &str) -> bool {
    value.len() <= 160
        && value.starts_with(|first: char| first.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c))
}

fn check_protocols(request: &Request) -> Result<(String, String), String> {
    let offered: Vec<&str> = request
        .headers
        .iter()
        .filter(|(name, _)| name == "sec-websocket-protocol")
        .flat_map(|(_, value)| value.split(',').map(str::trim))
        .collect();
    let [protocol, bearer] = offered[..] else {
        return Err(format!("{} subprotocols offered, not two", offered.len()));
    };
    if !matches!(protocol, "orgx.v1" | "orgx.v2" | "orgx.v3") {
        return Err(format!("first subprotocol is {protocol:?}, not orgx.v1, v2 or v3"));
    }
    match bearer.strip_prefix("bearer.") {
        Some(key) if !key.is_empty() => Ok((protocol.to_owned(), key.to_owned())),
        Some(_) => Err("second subprotocol carries no key".to_owned()),
        // The text is not repeated: it may be a key that lost its prefix.
        None => Err("second subprotocol does not begin with bearer.".to_owned()),
    }
}
