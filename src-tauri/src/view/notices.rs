//! What is wrong, as `ui.md` words it: what happened, what it means, one thing to do. Only the root cause is a notice;
//! what follows from it, or is wrong besides, is a sentence each.

use super::model::{Action, Notice, NoticeAction};
use crate::facts::{Account, Facts, Hosting, KeyTrouble};
use crate::text;
use orgx_peer::credentials::{Forgotten, KeychainError};
use orgx_peer::{License, Severity};
use orgx_proto::health::Code;

/// The root cause; `None` when nothing is wrong.
pub fn notice(facts: &Facts) -> Option<Notice> {
    if let Hosting::Failed { broke, why, .. } = &facts.hosting {
        return Some(not_running(*broke, why));
    }
    match &facts.account {
        _ if facts.hosting.is_up() => {}
        Account::Unreadable(trouble) => return Some(key_trouble(trouble)),
        Account::Out if facts.sign_in.signed_out => return Some(signed_out(&facts.forgotten)),
        _ => return None,
    }
    of_health(facts).or_else(|| skipped_rules(&facts.peer.ignored_rules, facts.peer.rules))
}

/// What is wrong besides the root cause, each in a sentence.
pub fn also(facts: &Facts) -> Vec<String> {
    if !facts.hosting.is_up() {
        return Vec::new();
    }
    let peer = &facts.peer;
    let root = peer.health.code;
    let mut all = Vec::new();
    let mut tell = |wrong: bool, codes: &[Code], words: &str| {
        if wrong && !codes.contains(&root) {
            all.push(text::sentence(&text::line(words)));
        }
    };
    let network = [
        Code::SignedOut,
        Code::KeyRejected,
        Code::KeyForbidden,
        Code::VersionUnsupported,
        Code::ClosedByOrgX,
        Code::WebPage,
        Code::Unreachable,
        Code::Refused,
        Code::Reconnecting,
        Code::Connecting,
    ];
    tell(!peer.connected && root_is_bad(facts), &network, &peer.connection);
    let agent_is_known = !peer.agent.words.is_empty();
    tell(agent_is_known && !peer.agent.installed, &[Code::AgentMissing], "OpenCode was not found");
    let without_provider = peer.agent.installed && !peer.agent.authenticated;
    tell(without_provider, &[Code::AgentSignedOut], "OpenCode has no model provider");
    tell(peer.license == License::Revoked, &[Code::LicenseRevoked], "The license is revoked");
    if let Some(trouble) = &peer.journal_trouble {
        tell(true, &[Code::JournalBroken, Code::DiskFull], trouble);
    }
    if let Some(trouble) = peer.outbox.as_ref().and_then(|outbox| outbox.trouble.as_ref()) {
        tell(true, &[Code::OutboxBroken, Code::DiskFull], trouble);
    }
    let waiting = peer.receipts.waiting as usize;
    let words = format!("{} to be delivered", text::count(waiting, "receipt waits", "receipts wait"));
    tell(waiting > 0 && !peer.connected && root_is_bad(facts), &[], &words);
    all
}

/// The cause in one line, for the tray; `None` when nothing is wrong that a person must see to.
pub fn cause(facts: &Facts) -> Option<String> {
    notice(facts).filter(|notice| notice.bad).map(|notice| notice.title)
}

fn root_is_bad(facts: &Facts) -> bool {
    facts.peer.health.severity >= Severity::Warning
}

fn made(code: &str, bad: bool, title: &str, text: &str) -> Notice {
    Notice { code: code.into(), bad, title: title.into(), text: text.into(), action: None, other: None }
}

impl Notice {
    fn act(mut self, label: &str, action: Action) -> Self {
        self.action = Some(NoticeAction { label: label.into(), action });
        self
    }

    fn or(mut self, label: &str, action: Action) -> Self {
        self.other = Some(NoticeAction { label: label.into(), action });
        self
    }
}

fn not_running(broke: bool, why: &str) -> Notice {
    let notice = if broke {
        let text = "Something went wrong inside OrgX Peer; this is a bug. It starts again by itself, and takes up \
                    its runs.";
        made("peer_broke", true, "OrgX Peer stopped by mistake", text)
    } else {
        made("peer_failed", true, "OrgX Peer could not start", &text::sentence(&text::line(why)))
    };
    notice.act("Try now", Action::Restart)
}

fn signed_out(gone: &Forgotten) -> Notice {
    let from = match (gone.keychain, gone.file, gone.memory) {
        (false, true, _) => "its file",
        (false, false, true) => "memory",
        _ => "the keychain",
    };
    let rest = gone.left.as_ref().map(left).unwrap_or_default();
    let text =
        format!("The key is gone from {from}. Receipts, the outbox and your settings are still here.{rest}");
    made("signed_out", false, "You signed out on this computer", &text).act("Sign in", Action::SignIn)
}

/// What a sign-out could not look into.
fn left(error: &KeychainError) -> String {
    match error {
        KeychainError::Locked => {
            " The keychain is locked; an older key in it would still be there.".to_owned()
        }
        KeychainError::Absent => String::new(),
        KeychainError::Late => {
            " The keychain did not answer; an older key in it would still be there.".to_owned()
        }
        KeychainError::Failed(why) => {
            format!(" Not everything could be looked through: {}", text::sentence(&text::line(why)))
        }
    }
}

/// The keychain, when a key is looked for in it.
pub fn key_trouble(trouble: &KeyTrouble) -> Notice {
    let in_memory = "Keep a key in memory until I quit";
    let notice = match trouble {
        KeyTrouble::Locked => made(
            "keychain_locked",
            true,
            "The keychain is locked",
            "Your key is in it, so OrgX Peer cannot sign in. Unlock the keychain, then try again.",
        ),
        KeyTrouble::Absent => made(
            "keychain_absent",
            true,
            "There is no keychain",
            "OrgX Peer keeps your key in the keychain of this computer, and none answers. Start it, then try again.",
        ),
        KeyTrouble::Late => made(
            "keychain_late",
            true,
            "The keychain does not answer",
            "OrgX Peer waits for your key. The keychain may be asking for its password in another window.",
        ),
        KeyTrouble::Failed(why) => {
            let why = text::sentence(&text::line(why));
            made(
                "keychain_failed",
                true,
                "The keychain cannot be used",
                &format!("It says: {why} Try again."),
            )
        }
    };
    notice.act("Try again", Action::RetryKeychain).or(in_memory, Action::KeyInMemory)
}

/// The keychain, when OrgX has just taken a key that it does not.
pub fn key_not_kept(trouble: &KeyTrouble) -> Notice {
    let mut notice = key_trouble(trouble);
    notice.text = match trouble {
        KeyTrouble::Locked => {
            "OrgX took the key, and it is not kept yet. Unlock the keychain, then try again.".into()
        }
        KeyTrouble::Absent => {
            "OrgX took the key, and it is not kept yet: this computer has no keychain that answers.".into()
        }
        KeyTrouble::Late => {
            "OrgX took the key, and it is not kept yet. The keychain may be asking for its password.".into()
        }
        KeyTrouble::Failed(why) => {
            format!("OrgX took the key, and it is not kept yet: {}", text::sentence(&text::line(why)))
        }
    };
    notice
}

fn skipped_rules(ignored: &[String], rules: usize) -> Option<Notice> {
    let first = ignored.first()?;
    let title = match ignored.len() {
        1 => "1 rule cannot be read".to_owned(),
        n => format!("{n} rules cannot be read"),
    };
    let text = format!("{} The other {rules} work.", text::sentence(&text::line(first)));
    Some(made("rules_skipped", false, &title, &text))
}

fn of_health(facts: &Facts) -> Option<Notice> {
    let peer = &facts.peer;
    let bad = peer.health.severity == Severity::Error;
    let from_environment = matches!(facts.account, Account::In { place: Some("environment"), .. });
    let code = serde_json::to_value(peer.health.code).ok()?;
    let made = |title: &str, text: &str| made(code.as_str().unwrap_or_default(), bad, title, text);
    Some(match peer.health.code {
        Code::SignedOut => made("There is no key", "OrgX cannot send tasks here.").act("Sign in", Action::SignIn),
        Code::KeyRejected if from_environment => made(
            "OrgX does not know this key",
            "It comes from ORGX_API_KEY, and may have been replaced by a newer one. Put that one there, and start \
             OrgX Peer again.",
        ),
        Code::KeyRejected => made("OrgX does not know this key", "It may have been replaced by a newer one.")
            .act("Sign in again", Action::SignIn),
        Code::KeyForbidden if from_environment => made(
            "This key cannot receive tasks",
            "It comes from ORGX_API_KEY, and lacks the permission for it in OrgX.",
        ),
        Code::KeyForbidden => {
            made("This key cannot receive tasks", "It lacks the permission for it in OrgX.")
                .act("Use another key", Action::SignIn)
        }
        Code::VersionUnsupported => made(
            "OrgX no longer speaks to this version",
            "Tasks wait in OrgX until OrgX Peer is updated on this computer.",
        )
        .act("Open OrgX", Action::OpenOrgx),
        Code::LicenseRevoked => made("License revoked", "OrgX does not accept work from this computer.")
            .act("Open OrgX", Action::OpenOrgx),
        Code::LicenseDegraded => {
            made("License degraded", "Tasks go on; OrgX may leave out deviations from this computer.")
                .act("Open OrgX", Action::OpenOrgx)
        }
        Code::DiskFull if bad => made("The disk is full", &no_room())
            .act("Check again", Action::TryNow)
            .or("Show the folder", Action::ShowStateFolder),
        Code::DiskFull => made("The disk is full", &text::sentence(&peer.health.sentence))
            .act("Check again", Action::TryNow)
            .or("Show the folder", Action::ShowStateFolder),
        Code::JournalBroken => made(
            "The journal cannot be written",
            "No new task starts. Make the state folder writable; work then goes on by itself.",
        )
        .act("Show the folder", Action::ShowStateFolder),
        Code::AgentMissing if peer.agent.words.contains("OpenCode 2") => made(
            "OpenCode 2 is not supported yet",
            &format!("{} Tasks wait in OrgX.", text::sentence(&text::line(&peer.agent.words))),
        )
        .act("Choose another", Action::ChooseOpencode),
        Code::AgentMissing => made(
            "OpenCode was not found",
            "OrgX Peer looked on the PATH, in the usual places and at 127.0.0.1:4096. Tasks cannot start until it is \
             there.",
        )
        .act("Choose where it is", Action::ChooseOpencode),
        Code::AgentSignedOut => made(
            "OpenCode has no model provider",
            "Tasks cannot run until it has one: run `opencode auth login` in a terminal.",
        )
        .act("Check again", Action::TryNow),
        Code::ClosedByOrgX => made(
            "Disconnected by OrgX",
            "OrgX ended the connection. OrgX Peer tries again every few minutes.",
        )
        .act("Try now", Action::TryNow),
        Code::WebPage => made(
            "A web page answers in OrgX's place",
            "This network may want you to sign in: open a browser. It is tried again by itself.",
        )
        .act("Try now", Action::TryNow),
        Code::Unreachable => {
            let title = if is_offline(&peer.connection) { "There is no network" } else { "OrgX cannot be reached" };
            let text = if is_offline(&peer.connection) {
                "OrgX cannot be reached, so no task arrives. What runs goes on, and what it reports is kept."
            } else {
                "No task arrives. What runs goes on, and what it reports is kept."
            };
            made(title, text).act("Try now", Action::TryNow)
        }
        Code::Refused => made(
            "OrgX lets nobody in at the moment",
            "No task arrives. What runs goes on, and what it reports is kept.",
        )
        .act("Try now", Action::TryNow),
        Code::OutboxBroken => made("The outbox cannot be written", "Runs go on; their local trail has a gap.")
            .act("Show the file", Action::ShowOutbox),
        Code::RulesMissing => made(
            "The skill rules could not be fetched",
            "Tasks go on with the last ones. They are fetched again by themselves.",
        ),
        Code::DiskLow => made("Disk space is low", "Without room no new task can start: free some soon."),
        Code::Reconnecting
        | Code::Paused
        | Code::Draining
        | Code::Connecting
        | Code::Running
        | Code::AgentOnDemand
        | Code::Connected => return None,
    })
}

/// Does it lie at this computer's network, and not at OrgX?
fn is_offline(connection: &str) -> bool {
    connection.contains("cannot be found") || connection.contains("no way leads there")
}

fn no_room() -> String {
    let megabytes = orgx_peer::limits::DISK_FULL / 1_000_000;
    format!(
        "Receipts cannot be written safely, so no new task starts. Free about {megabytes} MB; work then goes on by \
         itself."
    )
}
