//! The page with the Connect button, as plain as it can be.

use super::{PAGE, Pairing};

pub(super) fn of(pairing: &Pairing) -> String {
    let body = match pairing.status {
        "pending" | "authorized" => {
            let device = pairing.client["deviceName"].as_str().unwrap_or("this computer");
            format!(
                "<p>Connect <b>{}</b> to the sandbox workspace?</p><p>Code: <code>{}</code></p>\
                 <form method=\"post\" action=\"{PAGE}\">\
                 <input type=\"hidden\" name=\"pairingId\" value=\"{}\">\
                 <input type=\"hidden\" name=\"claimToken\" value=\"{}\">\
                 <button id=\"connect\" name=\"do\" value=\"connect\">Connect</button> \
                 <button id=\"cancel\" name=\"do\" value=\"cancel\">Cancel</button></form>",
                escape(device),
                pairing.code(),
                escape(&pairing.id),
                escape(&pairing.claim),
            )
        }
        "ready" | "consumed" => "<p>Connected. Go back to OrgX Peer; this page can be closed.</p>".to_owned(),
        "cancelled" => "<p>Cancelled. Nothing was connected.</p>".to_owned(),
        "expired" => "<p>The code lapsed. Get a new one in OrgX Peer.</p>".to_owned(),
        _ => "<p>It failed. Get a new code in OrgX Peer.</p>".to_owned(),
    };
    page(&body)
}

pub(super) fn unknown() -> String {
    page("<p>There is no such code. Get a new one in OrgX Peer.</p>")
}

fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>OrgX sandbox</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head>\
         <body><h1>OrgX sandbox</h1>{body}</body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
