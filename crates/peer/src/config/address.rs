//! Which addresses OrgX and OpenCode may have.

use super::ConfigError;
use url::{Host, Url};

/// The address of an OrgX.
///
/// # Errors
/// When it cannot be used as one.
pub(crate) fn orgx_at(text: &str) -> Result<Url, ConfigError> {
    base_url(text, &mut Vec::new())
}

/// https anywhere, http on this computer only, no credentials, no query.
pub(super) fn base_url(text: &str, warnings: &mut Vec<String>) -> Result<Url, ConfigError> {
    let invalid = |why: &str| ConfigError::Invalid { name: "ORGX_BASE_URL".into(), why: why.into() };
    let mut url: Url = text.parse().map_err(|_| invalid("it is not a URL; https://useorgx.com is one"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(invalid("http is only for this computer (127.0.0.1, localhost, [::1]); use https"));
        }
        _ => return Err(invalid("it must start with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it must not contain a user name or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it must not have a query or a fragment"));
    }
    if url.path() != "/" {
        warnings.push("the path in the OrgX address is not used".into());
        url.set_path("/");
    }
    Ok(url)
}

/// A server of this computer: scheme, loopback host and port, nothing else.
pub(super) fn loopback_origin(text: &str) -> Result<Url, ConfigError> {
    let invalid = |why: &str| ConfigError::Invalid { name: "OPENCODE_SERVER_URL".into(), why: why.into() };
    let url: Url = text.parse().map_err(|_| invalid("it is not a URL; http://127.0.0.1:4096 is one"))?;
    if url.scheme() != "http" {
        return Err(invalid("it must start with http://"));
    }
    if !is_loopback(&url) {
        return Err(invalid("it must be on this computer (127.0.0.1, localhost or [::1])"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it must not contain a user name or a password; use OPENCODE_SERVER_PASSWORD"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("it must be a plain origin, without a path or a query"));
    }
    Ok(url)
}

/// Is this host the computer itself?
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}
