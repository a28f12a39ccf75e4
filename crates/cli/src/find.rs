//! Finds the peer that is meant: the one that runs, or of several the one whose workspace is named.

use crate::args::PeerOptions;
use crate::show::say_json;
use orgx_peer::control::Hello;
use orgx_peer::{AttachError, CommandError, Environment, Paths, Peer, Running};
use serde_json::json;
use std::process::ExitCode;

/// The exit code of "no peer is running".
const NOT_RUNNING: u8 = 3;

/// A running peer, and who it says it is.
pub(crate) struct Found {
    pub(crate) peer: Peer,
    pub(crate) hello: Hello,
}

/// Why a command ends without doing anything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Stable, for programs.
    code: &'static str,
    /// For people.
    words: String,
    exit: u8,
}

impl Refusal {
    /// The peer is there, and said no; or something here did.
    pub(crate) fn new(code: &'static str, words: impl Into<String>) -> Self {
        Self { code, words: words.into(), exit: 1 }
    }

    /// What was asked cannot be.
    pub(crate) fn usage(words: impl Into<String>) -> Self {
        Self { code: "usage", words: words.into(), exit: 2 }
    }

    fn not_running(words: String) -> Self {
        Self { code: "not_running", words, exit: NOT_RUNNING }
    }

    /// The peer was there, and is gone.
    pub(crate) fn stopped() -> Self {
        Self::not_running("the peer has stopped".to_owned())
    }

    /// Is it that nobody is there?
    pub(crate) fn is_not_running(&self) -> bool {
        self.exit == NOT_RUNNING
    }

    /// Says it on stderr, and as JSON on stdout when that is what is read.
    pub(crate) fn end(self, json: bool) -> ExitCode {
        if json {
            say_json(&json!({ "error": { "code": self.code, "words": self.words } }));
        }
        crate::say_failed(&self.words, self.exit)
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        let code = match &error {
            CommandError::Gone => return Self::stopped(),
            CommandError::NoSuchRun { .. } => "no_such_run",
            CommandError::Ambiguous { .. } => "ambiguous",
            CommandError::Ended { .. } | CommandError::NotWaiting => "ended",
            CommandError::Invalid { .. } => "invalid",
            CommandError::NotReceiving { .. } => "not_receiving",
            CommandError::Journal { .. } => "journal",
        };
        Self::new(code, error.to_string())
    }
}

/// The folders of this user's peers.
pub(crate) fn paths() -> Result<Paths, Refusal> {
    Paths::of(&Environment::of_process()).ok_or_else(|| {
        Refusal::usage(
            "HOME is not set: there is a peer to be found only with a home folder, or ORGX_PEER_STATE_DIR",
        )
    })
}

/// The peer that is meant.
pub(crate) async fn find(options: &PeerOptions) -> Result<Found, Refusal> {
    let paths = paths()?;
    let Running { tenant, hello } = choose(Peer::running(&paths).await, options.workspace.as_deref())?;
    match Peer::attach(&paths, &tenant).await {
        Ok(peer) => Ok(Found { peer, hello }),
        Err(AttachError::NotRunning) => Err(Refusal::stopped()),
        Err(error) => Err(Refusal::new("unreachable", error.to_string())),
    }
}

fn choose(mut running: Vec<Running>, workspace: Option<&str>) -> Result<Running, Refusal> {
    let wanted = workspace.map(str::trim).filter(|id| !id.is_empty());
    let all = list(&running);
    if let Some(wanted) = wanted {
        running.retain(|peer| peer.hello.workspace_id == wanted);
    }
    match (running.len(), wanted) {
        (1, _) => Ok(running.remove(0)),
        (0, Some(wanted)) if !all.is_empty() => Err(Refusal::not_running(format!(
            "no peer is running for workspace {wanted}; one runs for {all}. Start it with `orgx-peer run`, or \
             name the other one with --workspace"
        ))),
        (0, _) => Err(Refusal::not_running("no peer is running; start it with `orgx-peer run`".to_owned())),
        (_, Some(_)) => Err(Refusal::usage(format!(
            "peers of the same workspace run for several OrgX ({all}); use the state folder of the one that you mean \
             (ORGX_PEER_STATE_DIR)"
        ))),
        (_, None) => Err(Refusal::usage(format!(
            "peers of several workspaces run: {all}. Name one with --workspace, or with ORGX_WORKSPACE_ID"
        ))),
    }
}

fn list(running: &[Running]) -> String {
    let many_orgx = running.iter().any(|peer| peer.hello.orgx != running[0].hello.orgx);
    let name = |peer: &Running| {
        let Hello { workspace_id, orgx, .. } = &peer.hello;
        if many_orgx { format!("{workspace_id} at {orgx}") } else { workspace_id.clone() }
    };
    running.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_peer::Tenant;

    fn running(peers: &[(&str, &str)]) -> Vec<Running> {
        let one = |(workspace, orgx): &(&str, &str)| Running {
            tenant: Tenant::new(&orgx.parse().expect("a URL"), workspace),
            hello: Hello { workspace_id: (*workspace).into(), orgx: (*orgx).into(), ..Hello::default() },
        };
        peers.iter().map(one).collect()
    }

    #[test]
    fn the_peer_that_is_meant_is_found_or_the_choice_is_told() {
        let (a, b, other_b) = (("a", "https://o.x/"), ("b", "https://o.x/"), ("b", "https://o.y/"));
        let chosen = |peers: &[_], workspace| {
            choose(running(peers), workspace)
                .map(|peer| peer.hello.workspace_id)
                .map_err(|refusal| (refusal.exit, refusal.words))
        };
        assert_eq!(chosen(&[a], None).expect("the only one"), "a");
        assert_eq!(chosen(&[a], Some(" ")).expect("the only one"), "a");
        assert_eq!(chosen(&[a, b], Some("b")).expect("the named one"), "b");
        for (peers, workspace, exit, words) in [
            (&[][..], None, 3, "no peer is running; start it with `orgx-peer run`"),
            (&[], Some("a"), 3, "no peer is running; start it"),
            (&[a, b], Some("c"), 3, "no peer is running for workspace c; one runs for a, b."),
            (&[a, b], None, 2, "peers of several workspaces run: a, b. Name one with --workspace"),
            (&[b, other_b], Some("b"), 2, "several OrgX (b at https://o.x/, b at https://o.y/)"),
        ] {
            let (code, said) = chosen(peers, workspace).expect_err("no choice");
            assert_eq!(code, exit);
            assert!(said.contains(words), "{said}");
        }
    }
}
