//! The texts of [`super::Health`]: what is the case, and what to do.

use super::{ActionCode, Code, Facts, Severity, Works};

/// How one code reads.
pub(super) struct Words {
    pub(super) severity: Severity,
    pub(super) sentence: String,
    pub(super) action: Option<(ActionCode, &'static str)>,
}

impl Words {
    pub(super) fn of(code: Code, facts: &Facts) -> Self {
        use ActionCode as Do;
        use Severity::{Error, Info, Ok, Warning};
        let (severity, sentence, action) = match code {
            Code::SignedOut => (Error, "Signed out", Some((Do::SignIn, "Sign in with an OrgX key"))),
            Code::KeyRejected => (
                Error,
                "OrgX does not know this key: it may have been replaced by a newer one",
                Some((Do::SignIn, "Sign in again, or put a new key into ORGX_API_KEY")),
            ),
            Code::KeyForbidden => (
                Error,
                "This key may not receive tasks: sign in again",
                Some((Do::UseAnotherKey, "Use a key that may receive the tasks of this workspace")),
            ),
            Code::VersionUnsupported => (
                Error,
                "OrgX no longer speaks to this version of OrgX Peer",
                Some((Do::Update, "Update OrgX Peer")),
            ),
            Code::LicenseRevoked => (
                Error,
                "OrgX does not accept work from this computer: its license is revoked or unpaid",
                Some((Do::OpenOrgX, "Open OrgX and look at its billing page")),
            ),
            Code::DiskFull => {
                let (severity, sentence) = match (facts.journal, facts.outbox) {
                    (Works::No, _) => (Error, "Disk is full: no new task starts until there is room"),
                    (Works::Yes, Works::No) => (Warning, "Disk is full: the local trail stopped; runs go on"),
                    (Works::Yes, Works::Yes) => (Warning, "Disk is full: soon no new task can start"),
                };
                let action = (Do::FreeDisk, "Free some disk space; the rest goes on by itself");
                (severity, sentence, Some(action))
            }
            Code::JournalBroken => (
                Error,
                "The journal cannot be written: no new task starts",
                Some((Do::FixStateFolder, "Make the state folder writable; work then goes on by itself")),
            ),
            Code::AgentMissing => (
                Error,
                "OpenCode was not found: tasks cannot start",
                Some((Do::InstallAgent, "Install OpenCode, or say where it is in config.toml")),
            ),
            Code::AgentSignedOut => (
                Error,
                "OpenCode has no model provider: tasks cannot run",
                Some((Do::SignInAgent, "Sign in with `opencode auth login`")),
            ),
            Code::ClosedByOrgX => (
                Warning,
                "Disconnected by OrgX: it is tried again every few minutes",
                Some((Do::Wait, "Wait, or start OrgX Peer again to try now")),
            ),
            Code::WebPage => (
                Warning,
                "A web page answers in OrgX's place: this network may want you to sign in",
                Some((
                    Do::CheckNetwork,
                    "Open a browser and sign in to the network; or check the OrgX address",
                )),
            ),
            Code::Unreachable => (
                Warning,
                "OrgX cannot be reached: no task arrives; what runs goes on",
                Some((Do::CheckNetwork, "Check this computer's network; it is tried again by itself")),
            ),
            Code::Refused => (
                Warning,
                "OrgX lets nobody in at the moment: it is tried again by itself",
                Some((Do::Wait, "Wait; if it lasts, check the OrgX address")),
            ),
            Code::Reconnecting => (
                Warning,
                "The connection was lost: it is tried again by itself",
                Some((Do::Wait, "Wait; if it lasts, check this computer's network")),
            ),
            Code::OutboxBroken => (
                Warning,
                "The local trail stopped; runs go on",
                Some((Do::FixOutbox, "Make the trail's file writable (`orgx-peer outbox path` names it)")),
            ),
            Code::RulesMissing => (
                Warning,
                "The skill rules could not be fetched; tasks go on",
                Some((Do::Wait, "Wait; they are fetched again by themselves")),
            ),
            Code::DiskLow => {
                (Warning, "Disk space is low", Some((Do::FreeDisk, "Free some disk space soon")))
            }
            Code::Paused => {
                let action = Some((Do::Resume, "Resume to take tasks again"));
                return Self { severity: Info, sentence: paused(facts), action };
            }
            Code::Draining => (
                Info,
                "Finishing what it has, and taking nothing new",
                Some((Do::Resume, "Resume to take tasks again")),
            ),
            Code::Connecting => (Info, "Connecting to OrgX", None),
            Code::LicenseDegraded => (
                Info,
                "Connected; OrgX may leave out deviations from this computer",
                Some((Do::OpenOrgX, "Nothing is needed for tasks; OrgX shows the license")),
            ),
            Code::Running => return Self { severity: Info, sentence: running(facts), action: None },
            Code::AgentOnDemand => {
                (Ok, "OpenCode is not running: it will be started when a task arrives", None)
            }
            Code::Connected => (Ok, "Connected", None),
        };
        Self { severity, sentence: sentence.to_owned(), action }
    }
}

fn paused(facts: &Facts) -> String {
    match (facts.running, facts.waiting) {
        (0, 0) => "Paused".to_owned(),
        (0, waiting) => format!("Paused, {waiting} waiting"),
        (running, 0) => format!("Paused, finishing {}", tasks(running)),
        (running, waiting) => format!("Paused, finishing {}, {waiting} waiting", tasks(running)),
    }
}

fn running(facts: &Facts) -> String {
    match (facts.running, facts.waiting) {
        (0, waiting) => format!("Connected, {waiting} waiting"),
        (running, 0) => format!("Running {}", tasks(running)),
        (running, waiting) => format!("Running {}, {waiting} waiting", tasks(running)),
    }
}

fn tasks(n: usize) -> String {
    if n == 1 { "1 task".to_owned() } else { format!("{n} tasks") }
}
