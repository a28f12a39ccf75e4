//! Why a call did not get through, in words: what happened, what it means, what to do. The words follow "... cannot be
//! reached: ", have no last full stop, and hold no address beyond a host's name: an address may carry what must not be
//! repeated.

use super::names::NotFound;
use orgx_proto::redact::Redacted;
use orgx_proto::time::Timestamp;
use rustls::CertificateError as Certificate;
use rustls::pki_types::UnixTime;
use std::error::Error;
use std::io::{self, ErrorKind};

/// Longest text of an error that we have no sentence for, in characters.
const UNKNOWN_CHARS: usize = 120;

pub(crate) fn words(error: &reqwest::Error) -> Redacted {
    let all: Vec<&(dyn Error + 'static)> = causes(error).collect();
    let find =
        |words: &dyn Fn(&(dyn Error + 'static)) -> Option<String>| all.iter().find_map(|cause| words(*cause));
    // hyper-util does not export its error, so that its text has to do; a test with a real proxy watches over it.
    let proxy = find(&|cause| cause.to_string().strip_prefix("tunnel error: ").map(ToOwned::to_owned));
    let inner = find(&|cause| cause.downcast_ref().map(name))
        .or_else(|| find(&|cause| cause.downcast_ref().map(tls)))
        .or_else(|| error.is_timeout().then(|| timeout(error)))
        .or_else(|| find(&|cause| io_words(cause.downcast_ref::<io::Error>()?.kind())));
    let words = match (proxy, inner) {
        (Some(proxy), inner) => tunnel(&proxy, inner),
        (None, Some(inner)) => inner,
        (None, None) => all
            .last()
            .map(|cause| Redacted::cut(&cause.to_string(), UNKNOWN_CHARS).into_string())
            .unwrap_or_default(),
    };
    Redacted::new(&words)
}

/// The error and what is behind it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| behind(*error))
}

/// An `io::Error` that wraps another hides it from `source`.
fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn name(NotFound { name, .. }: &NotFound) -> String {
    format!(
        "the name {name} cannot be found. This computer may be offline, or the address may be misspelled: check the \
         network, then ORGX_BASE_URL"
    )
}

fn timeout(error: &reqwest::Error) -> String {
    if !error.is_connect() {
        return "no answer in time".to_owned();
    }
    "no answer in time. The network may be slow, or a firewall or VPN may drop the connection: check them"
        .to_owned()
}

fn io_words(kind: ErrorKind) -> Option<String> {
    Some(
        match kind {
            ErrorKind::ConnectionRefused => {
                "the connection was refused. Nothing takes connections there now, or a firewall is in the way"
            }
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable => {
                "no way leads there from here. This computer may be offline: check the network"
            }
            ErrorKind::TimedOut => "no answer in time",
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
                "the connection was cut off. If it stays so, something on the way does not let it through: check VPN, \
                 proxy and firewall"
            }
            ErrorKind::PermissionDenied => "this computer does not allow the connection: check its firewall",
            _ => return None,
        }
        .to_owned(),
    )
}

fn tls(error: &rustls::Error) -> String {
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::InvalidMessage(_) => {
            return "what answers there does not speak TLS. This network may want you to sign in first, or the address \
                    is wrong: open a browser, then check ORGX_BASE_URL"
                .to_owned();
        }
        other => {
            let other = Redacted::cut(&other.to_string(), UNKNOWN_CHARS);
            return format!(
                "no encrypted connection could be made ({other}). Something on the way may be in between: check VPN and \
                 proxy"
            );
        }
    };
    match certificate {
        Certificate::UnknownIssuer => "its certificate comes from an issuer that this computer does not trust. A proxy \
                                       or a virus scanner may be reading along, or this is not OrgX: if it is your \
                                       company's, add its certificate authority to this computer"
            .to_owned(),
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "its certificate is for another name. This network may want you to sign in first, or the address is wrong: \
             open a browser, then check ORGX_BASE_URL"
                .to_owned()
        }
        Certificate::Expired => expired(None),
        Certificate::ExpiredContext { time, .. } => expired(Some(*time)),
        Certificate::NotValidYet => not_yet(None),
        Certificate::NotValidYetContext { time, .. } => not_yet(Some(*time)),
        Certificate::Revoked => "its certificate was revoked, so this may not be OrgX: ask OrgX".to_owned(),
        other => {
            let other = Redacted::cut(&other.to_string(), UNKNOWN_CHARS);
            format!("its certificate cannot be used ({other}). Something on the way may be in between: check VPN and proxy")
        }
    }
}

fn expired(now: Option<UnixTime>) -> String {
    format!("its certificate has expired. {}", clock(now))
}

fn not_yet(now: Option<UnixTime>) -> String {
    format!("its certificate is not valid yet. {}", clock(now))
}

fn clock(now: Option<UnixTime>) -> String {
    let now = now.and_then(|now| i64::try_from(now.as_secs()).ok()?.checked_mul(1000));
    let today = now.map(|now| Timestamp(now).to_string().chars().take(10).collect::<String>());
    let today = today.map(|today| format!(" ({today})")).unwrap_or_default();
    format!(
        "If this computer's date{today} is wrong, set it; if it is right, the other side must renew its certificate"
    )
}

fn tunnel(what: &str, inner: Option<String>) -> String {
    const PROXY: &str = "the proxy that this computer is set to use";
    match (what, inner) {
        ("proxy authorization required", _) => {
            format!("{PROXY} asks who this is: put its user name and its password into HTTPS_PROXY")
        }
        ("unsuccessful", _) => format!(
            "{PROXY} does not let the connection through: ask whoever runs it, or add the name to NO_PROXY"
        ),
        (_, Some(inner)) => format!("{PROXY} cannot be reached: {inner}"),
        (what, None) => format!("{PROXY} broke the connection ({what}): check HTTPS_PROXY"),
    }
}
