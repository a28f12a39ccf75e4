//! The system's name lookup, with a failure that can be told from others: which name was not found.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Asks the system.
#[derive(Debug)]
pub(super) struct Names;

/// A name without an address.
#[derive(Debug, thiserror::Error)]
#[error("the name {name} cannot be found")]
pub(super) struct NotFound {
    pub(super) name: String,
    source: Option<std::io::Error>,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            // The port is the connector's business.
            let found = tokio::net::lookup_host((name, 0)).await.map(Vec::from_iter);
            match found {
                Ok(addresses) if !addresses.is_empty() => Ok(Box::new(addresses.into_iter()) as Addrs),
                found => Err(NotFound { name: name.to_owned(), source: found.err() }.into()),
            }
        })
    }
}
