//! The way to OrgX: names, TLS, the clock, the gateway, the license. Each needs the one before.

use super::{Check, Name, Running, local, look, within};
use crate::config::{Draft, is_loopback};
use crate::gateway::{Api, Door, License, Socket, SocketEvent};
use crate::http::{self, CallError};
use crate::limits;
use crate::peer::PeerSnapshot;
use orgx_proto::connection::{Offer, Version, upgrade_url};
use orgx_proto::health::Code;
use secrecy::{ExposeSecret, SecretString};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use url::{Host, Url};

const UNREACHABLE: &str = "OrgX cannot be reached, so no task arrives";

pub(super) async fn checks(draft: &Draft, running: Option<&Running>) -> Vec<Check> {
    // The way that counts is that of the peer that runs.
    let in_use = running.and_then(|running| running.hello.orgx.parse().ok());
    let now = running.map(|running| &running.snapshot);
    let Some(base_url) = in_use.as_ref().or(draft.base_url.as_ref().ok()) else {
        let skipped = |name| Check::skipped(name, "needs the settings");
        return [Name::Dns, Name::Tls, Name::Clock, Name::Gateway, Name::License].map(skipped).into();
    };
    // Whoever holds the workspace may hold its connection: a second one of the same installation would disturb it.
    let lock = draft.tenant().filter(|_| now.is_none()).map(|tenant| draft.paths.lock(&tenant));
    let id = draft.paths.installation_id();
    let kept = look(move || (lock.and_then(|lock| local::holder(&lock)), installation_id(&id)));
    let (dns, kept) = tokio::join!(dns(base_url), kept);
    let (holder, installation_id) = kept.unwrap_or_default();
    let (tls, date) = if dns.is_ok() {
        tls(base_url).await
    } else {
        (Check::skipped(Name::Tls, "needs DNS"), Err("needs DNS"))
    };
    let clock = match date {
        Ok(date) => clock(date.as_deref(), SystemTime::now()),
        Err(why) => Check::skipped(Name::Clock, why),
    };
    let needs = if !dns.is_ok() {
        Some("needs DNS")
    } else if !tls.is_ok() {
        Some("needs TLS")
    } else {
        None
    };
    let skipped = |why: &str| (Check::skipped(Name::Gateway, why), Check::skipped(Name::License, why));
    let (gateway, license) = match (now, needs, holder, &draft.key, &draft.workspace_id) {
        (Some(now), ..) => (gateway_of(now), license_of(&now.license)),
        (None, Some(why), ..) => skipped(why),
        (None, None, Some(who), ..) => {
            skipped(&format!("{who} holds the workspace and does not answer, and is left alone"))
        }
        (None, None, None, Ok(key), Ok(workspace_id)) => {
            let offer = Offer {
                workspace_id: workspace_id.clone(),
                plugin_id: draft.plugin_id.clone(),
                drivers: Vec::new(),
                installation_id,
            };
            knock(offer, base_url, key).await
        }
        (None, None, None, Err(_), _) => skipped("needs a key"),
        (None, None, None, Ok(_), Err(_)) => skipped("needs the settings"),
    };
    vec![dns, tls, clock, gateway, license]
}

async fn dns(base_url: &Url) -> Check {
    let host = match base_url.host() {
        Some(Host::Domain(host)) => host.to_owned(),
        Some(address) => return Check::ok(Name::Dns, format!("{address} is an address, and needs none")),
        None => return Check::skipped(Name::Dns, "the OrgX address names no host"),
    };
    if let Some(proxy) = proxy(base_url) {
        return Check::ok(Name::Dns, format!("names are looked up by the proxy ({proxy})"));
    }
    let port = base_url.port_or_known_default().unwrap_or(443);
    let failed = |why: &str| {
        let finding = format!("{host} cannot be looked up ({why})");
        Check::fail(Name::Dns, finding, UNREACHABLE, "Check this computer's network and its DNS settings")
    };
    match within(limits::DOCTOR_CHECK, tokio::net::lookup_host((host.clone(), port))).await {
        Some(Ok(addresses)) => match addresses.count() {
            0 => failed("it has no address"),
            1 => Check::ok(Name::Dns, format!("{host} has an address")),
            n => Check::ok(Name::Dns, format!("{host} has {n} addresses")),
        },
        Some(Err(error)) => failed(&error.to_string()),
        None => failed("no answer in time"),
    }
}

/// The variable that sends calls to OrgX through a proxy, if one is set. The HTTP client reads the same.
pub(super) fn proxy(base_url: &Url) -> Option<&'static str> {
    if is_loopback(base_url) {
        return None;
    }
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Asks for a page of OrgX's, without the key; with the time that the answer gives, or why there is none.
async fn tls(base_url: &Url) -> (Check, Result<Option<String>, &'static str>) {
    let Ok(client) = http::client(base_url, Some(limits::DOCTOR_CHECK)) else {
        let why = "the HTTP client could not be made";
        return (Check::skipped(Name::Tls, why), Err(why));
    };
    let host = base_url.host_str().unwrap_or_default();
    match client.get(base_url.clone()).send().await {
        Ok(response) => {
            let date = response.headers().get(reqwest::header::DATE);
            let date = date.and_then(|date| date.to_str().ok()).map(ToOwned::to_owned);
            let finding = match base_url.scheme() {
                "https" => format!("{host} has a certificate that this computer trusts"),
                _ => format!("{host} is this computer, and needs none"),
            };
            (Check::ok(Name::Tls, finding), Ok(date))
        }
        Err(error) => {
            let words = http::words(&error);
            let check = if is_tls(&error) {
                Check::fail(
                    Name::Tls,
                    format!("{host} cannot be trusted: {words}"),
                    "Something that is not OrgX answers, or this computer does not know OrgX's certificate",
                    "Check the OrgX address, the clock, and whether a proxy or a virus scanner stands between",
                )
            } else {
                Check::fail(
                    Name::Tls,
                    format!("{host} does not answer: {words}"),
                    UNREACHABLE,
                    "Check the network, a firewall, or a proxy (HTTPS_PROXY)",
                )
            };
            (check, Err("needs TLS"))
        }
    }
}

/// Is it the handshake that failed, and not the way there?
fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A clock that is wrong makes certificates and times wrong.
pub(super) fn clock(date: Option<&str>, now: SystemTime) -> Check {
    let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return Check::skipped(Name::Clock, "OrgX's answer has no time");
    };
    let (off, word) = match now.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if off <= limits::DOCTOR_CLOCK {
        // Seconds of the way here, and of a time that has no parts of a second, are no difference.
        let close = if off < Duration::from_secs(3) {
            "agrees with OrgX's".to_owned()
        } else {
            format!("{} s {word} OrgX's", off.as_secs())
        };
        return Check::ok(Name::Clock, close);
    }
    Check::warn(
        Name::Clock,
        format!("{} min {word} OrgX's", off.as_secs() / 60),
        "Times in OrgX are wrong, and certificates may be refused",
        "Let this computer set its clock by the network",
    )
}

pub(super) fn gateway_of(now: &PeerSnapshot) -> Check {
    if now.connected {
        return Check::ok(Name::Gateway, "the running peer is connected");
    }
    // Something worse may be its health; then the sentence tells.
    if now.health.code == Code::Connecting || now.connection.starts_with("Connecting to ") {
        return Check::skipped(Name::Gateway, "the running peer is connecting; look again in a moment");
    }
    let finding = format!("the running peer is not connected: {}", now.connection.trim_end_matches('.'));
    let todo = now.health.action.as_ref().map_or("Wait: it tries again by itself", |action| &action.words);
    Check::fail(Name::Gateway, finding, "No task arrives", todo)
}

fn license_of(license: &License) -> Check {
    match license {
        License::Active => Check::ok(Name::License, "in order"),
        License::Unknown => Check::skipped(Name::License, "OrgX has not said anything about it yet"),
        License::Degraded => Check::warn(
            Name::License,
            "degraded",
            "Tasks go on; OrgX may leave out deviations from this computer",
            "Nothing is needed for tasks; OrgX shows the license",
        ),
        License::Revoked => Check::fail(
            Name::License,
            "revoked or unpaid",
            "OrgX does not accept work from this computer",
            "Open OrgX and look at its billing page",
        ),
    }
}

/// A real connection with the key, closed at once, and a real license heartbeat. The connection offers no driver: on
/// one that does, OrgX may hand out tasks that wait, and they would be lost with it.
async fn knock(offer: Offer, base_url: &Url, key: &SecretString) -> (Check, Check) {
    let odd = |why: &str| (Check::skipped(Name::Gateway, why), Check::skipped(Name::License, why));
    let (Ok([protocol, bearer]), Ok(url)) =
        (Offer::subprotocols(Version::V1, key.expose_secret()), upgrade_url(base_url, &offer))
    else {
        return odd("needs the settings");
    };
    let (Ok(door_client), Ok(client)) =
        (http::client(base_url, None), http::client(base_url, Some(limits::DOCTOR_CHECK)))
    else {
        return odd("the HTTP client could not be made");
    };
    let (tell, mut events) = mpsc::channel(4);
    let socket = Socket::open(Door { client: door_client, url, protocol, bearer: bearer.into() }, 1, tell);
    let first = within(limits::DOCTOR_CHECK, events.recv()).await.flatten().map(|(_, event)| event);
    let gateway = gateway(first.as_ref());
    if matches!(first, Some(SocketEvent::Opened)) {
        socket.close().await;
    }
    // A key that is not known is one cause, told once.
    if !gateway.is_ok() {
        return (gateway, Check::skipped(Name::License, "needs the gateway"));
    }
    let api = Api {
        client,
        clock: crate::clock::Clock::default(),
        base_url: base_url.clone(),
        key: key.clone(),
        workspace_id: offer.workspace_id,
        plugin_id: offer.plugin_id,
        installation_id: offer.installation_id.unwrap_or_default(),
        drivers: Vec::new(),
    };
    let license = match api.license().await {
        Ok(license) => license_of(&license),
        Err(CallError::Unreachable(why)) => Check::skipped(Name::License, &format!("no answer ({why})")),
        Err(error) => Check::warn(
            Name::License,
            format!("not known: OrgX {error}"),
            "OrgX may leave out deviations from this computer",
            "Try again later",
        ),
    };
    (gateway, license)
}

/// The id of this installation, if a peer has made one: a look makes none.
fn installation_id(path: &Path) -> Option<String> {
    let kept = std::fs::read_to_string(path).ok()?;
    uuid::Uuid::parse_str(kept.trim()).ok().map(|_| kept.trim().to_owned())
}

/// What the first event of a socket says.
pub(super) fn gateway(first: Option<&SocketEvent>) -> Check {
    let fail = |finding: &str, todo: &str| Check::fail(Name::Gateway, finding, "No task arrives", todo);
    match first {
        Some(SocketEvent::Opened) => Check::ok(Name::Gateway, "OrgX takes the connection and the key"),
        Some(SocketEvent::Refused { status: 401, .. }) => {
            fail("OrgX does not know this key", "Get a new key from OrgX and put it into ORGX_API_KEY")
        }
        Some(SocketEvent::Refused { status: 403, .. }) => fail(
            "this key may not receive tasks",
            "Use a key with the gateway:drive scope for this workspace, or check ORGX_WORKSPACE_ID",
        ),
        // The protocol does not say whether a connection without drivers is taken. The peer's own has one.
        Some(SocketEvent::Refused { status: status @ (400 | 422), .. }) => Check::skipped(
            Name::Gateway,
            &format!("OrgX takes no connection that offers no agent (HTTP {status}); `orgx-peer run` tells"),
        ),
        Some(SocketEvent::Refused { status, .. }) => fail(
            &format!("OrgX refused the connection (HTTP {status})"),
            "Check ORGX_BASE_URL; try again later",
        ),
        Some(SocketEvent::Failed(why) | SocketEvent::NotOurProtocol(why)) => {
            fail(&format!("no connection: {why}"), "Check ORGX_BASE_URL, and a proxy that stands between")
        }
        Some(_) => fail("OrgX closed the connection at once", "Try again later"),
        None => fail("no answer in time", "Try again; a proxy between may not let WebSockets through"),
    }
}
