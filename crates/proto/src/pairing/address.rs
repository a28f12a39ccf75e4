//! Which page may be opened in the person's browser.

use url::{Host, Url};

/// Why a page is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address.
    #[error("it is not a web address")]
    NotAnAddress,
    /// Another scheme than https, or than http on this computer.
    #[error("it is not an https address")]
    Scheme,
    /// It names somebody in it.
    #[error("it carries a user name or a password")]
    Credentials,
    /// It is on another host than the one that was asked.
    #[error("it leads to another host")]
    Host,
}

/// The page to open for a pairing with the OrgX at `base`: on its own host, by https, or by http on this computer.
///
/// A server that only knows where it listens names `0.0.0.0`; the host that answered is meant. `www.` before the host's
/// name, or its absence, is the same host.
pub fn connect_url(text: &str, base: &Url) -> Result<Url, AddressError> {
    // Nothing at all would be the front page.
    let text = Some(text.trim()).filter(|text| !text.is_empty()).ok_or(AddressError::NotAnAddress)?;
    let mut url = base.join(text).map_err(|_| AddressError::NotAnAddress)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Credentials);
    }
    if is_unspecified(&url) {
        url.set_host(base.host_str()).map_err(|_| AddressError::Host)?;
    }
    let loopback = is_loopback(&url) && is_loopback(base);
    let same = bare(url.host_str().unwrap_or_default()) == bare(base.host_str().unwrap_or_default());
    if !same && !loopback {
        return Err(AddressError::Host);
    }
    if url.scheme() == "http" && !loopback {
        return Err(AddressError::Scheme);
    }
    // Of a host on the internet only its own port is OrgX; on this computer a page may have another one than the API.
    if !loopback && url.port_or_known_default() != base.port_or_known_default() {
        return Err(AddressError::Host);
    }
    Ok(url)
}

/// Do both lead to the same OrgX? `www.` makes no difference.
pub fn same_orgx(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.port_or_known_default() == other.port_or_known_default()
        && one.host_str().map(bare) == other.host_str().map(bare)
}

fn bare(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

fn is_unspecified(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_unspecified(),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}
