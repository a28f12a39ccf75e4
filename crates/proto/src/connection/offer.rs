//! What we say when we knock: the upgrade's address, its query in the documented order, and the two subprotocols.

use crate::ids::DriverId;
use url::Url;

/// The version of Gateway Protocol that we speak.
pub const PROTOCOL_VERSION: u8 = 1;

/// What a socket is to speak. PROTOCOL: contract A1, one version per connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Tasks.
    #[default]
    V1,
    /// The same, and answers to what runs ask. PROTOCOL: contract A6.
    V3,
}

impl Version {
    /// The subprotocol's name.
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::V1 => "orgx.v1",
            Self::V3 => "orgx.v3",
        }
    }
}

/// Who we are, as the upgrade's query tells it. PROTOCOL: contract A1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The workspace whose tasks we take.
    pub workspace_id: String,
    /// The plugin that OrgX knows us as.
    pub plugin_id: String,
    /// The drivers we have.
    pub drivers: Vec<DriverId>,
    /// This installation.
    pub installation_id: Option<String>,
}

/// Why there can be no upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The key travels as a WebSocket subprotocol, which takes RFC 7230 token characters only.
    #[error("the key has characters that a header cannot carry; copy it again, without spaces or quotes")]
    Key,
    /// The origin has no place for a WebSocket.
    #[error("the OrgX address must start with https:// (or http:// on this computer)")]
    Origin,
}

impl Offer {
    /// The subprotocols, in order. The second one is the key: never log it.
    ///
    /// # Errors
    /// When the key has a character that is not an RFC 7230 token character.
    pub fn subprotocols(version: Version, key: &str) -> Result<[String; 2], OfferError> {
        if !is_token(key) {
            return Err(OfferError::Key);
        }
        Ok([version.subprotocol().to_owned(), format!("bearer.{key}")])
    }
}

/// The upgrade's address at this origin; a path in the base is dropped, as the reference client does.
/// The scheme stays `http(s)`: the upgrade is an HTTP request.
///
/// # Errors
/// When the base is neither http nor https.
pub fn upgrade_url(base: &Url, offer: &Offer) -> Result<Url, OfferError> {
    if !matches!(base.scheme(), "http" | "https") {
        return Err(OfferError::Origin);
    }
    let mut url = base.join("/api/v1/gateway/stream").map_err(|_| OfferError::Origin)?;
    let drivers: Vec<&str> = offer.drivers.iter().map(DriverId::as_str).collect();
    let mut query = url.query_pairs_mut();
    query
        .clear()
        .append_pair("workspace_id", &offer.workspace_id)
        .append_pair("plugin_id", &offer.plugin_id)
        .append_pair("drivers", &drivers.join(","));
    if let Some(id) = &offer.installation_id {
        query.append_pair("installation_id", id);
    }
    drop(query);
    Ok(url)
}

/// RFC 7230 `token`, and not empty.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_in_the_documented_order_and_a_path_is_dropped() {
        let offer = Offer {
            workspace_id: "7d 01".into(),
            plugin_id: "@useorgx/orgx-opencode-plugin".into(),
            drivers: vec![DriverId::opencode(), DriverId::new("claude_code")],
            installation_id: None,
        };
        let url =
            |base: &str, offer: &Offer| upgrade_url(&base.parse().expect("a url"), offer).map(String::from);
        assert_eq!(
            url("https://useorgx.com/some/path?x=1", &offer).as_deref(),
            Ok("https://useorgx.com/api/v1/gateway/stream?workspace_id=7d+01\
                &plugin_id=%40useorgx%2Forgx-opencode-plugin&drivers=opencode%2Cclaude_code")
        );
        let named = Offer { installation_id: Some("i-1".into()), ..offer.clone() };
        assert!(
            url("http://127.0.0.1:9", &named).expect("a url").ends_with("claude_code&installation_id=i-1")
        );
        assert_eq!(url("ftp://x", &offer), Err(OfferError::Origin));
    }

    #[test]
    fn a_key_that_a_header_cannot_carry_is_refused_before_any_socket() {
        assert_eq!(
            Offer::subprotocols(Version::V1, "oxk_A.b-c~1"),
            Ok(["orgx.v1".to_owned(), "bearer.oxk_A.b-c~1".to_owned()])
        );
        let v3 = Offer::subprotocols(Version::V3, "oxk_A");
        assert_eq!(v3, Ok(["orgx.v3".to_owned(), "bearer.oxk_A".to_owned()]));
        for key in ["", "oxk a", "oxk/a", "oxk=", "a@b", "é", "a\n", "\"q\""] {
            assert_eq!(Offer::subprotocols(Version::V1, key), Err(OfferError::Key), "{key:?}");
        }
    }
}
