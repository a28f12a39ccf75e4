//! Who is signed in: the environment's key, a peer of another process, or the key that was kept.

use super::host::Plan;
use super::{Afterwards, Answer, Answered, Controller, Done, failure};
use crate::facts::{Account, Hosting, KeyTrouble};
use crate::view::model::Notifications;
use orgx_peer::credentials::{Credentials, Forgotten, KeyPlace, KeychainError, last4};
use orgx_peer::sign_in::{self, Workspace};
use orgx_peer::{Config, Draft, Environment, NotificationKind, Paths, Peer};
use secrecy::SecretString;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use url::Url;

/// A keychain that was not there is looked for so often.
const KEYCHAIN: Duration = Duration::from_secs(5);

/// What a look found.
#[derive(Debug)]
pub struct Looked {
    found: Found,
    /// What of `config.toml` is ours to follow.
    preferences: Option<(Notifications, Vec<String>)>,
    base_url: Option<Url>,
}

#[derive(Debug)]
enum Found {
    /// A peer of this workspace runs already.
    Elsewhere(Plan),
    /// A key, and all that a peer needs.
    Key { config: Box<Config>, key: SecretString, place: KeyPlace },
    /// A key, and no workspace.
    NoWorkspace { key: SecretString, place: KeyPlace },
    /// No key.
    Nobody,
    /// Perhaps a key.
    Unreadable(KeychainError),
    /// The configuration cannot be used.
    Unusable(String),
}

impl Controller {
    /// Looks who is signed in, and gets a peer; unless there is one, which a look would take for another program's.
    pub(super) fn look(&mut self) {
        if self.ending || self.forgetting || self.host.is_some() {
            return;
        }
        self.look += 1;
        self.timers.restart = None;
        let (look, place, credentials) = (self.look, self.place.clone(), self.ground.credentials.clone());
        let is_read_again = matches!(self.facts.account, Account::Unreadable(_));
        let is_down = matches!(self.facts.hosting, Hosting::Nowhere | Hosting::Failed { .. });
        if is_down && !is_read_again {
            self.facts.hosting = Hosting::Starting;
        }
        if self.facts.sandbox {
            return self.host_sandbox();
        }
        self.later(async move {
            Done::Looked(look, Box::new(looked(&place.env, &place.paths, &credentials).await))
        });
    }

    pub(super) fn looked(&mut self, looked: Looked) {
        let first = self.facts.account == Account::Unknown;
        if let Some((notifications, muted_rules)) = looked.preferences {
            self.facts.preferences.notifications = notifications;
            self.facts.preferences.muted_rules = muted_rules;
        }
        if let Some(url) = looked.base_url {
            self.set_base_url(url);
        }
        let mut wants_window = true;
        let mut wants_window_now = false;
        self.facts.hosting = Hosting::Nowhere;
        let absent = matches!(looked.found, Found::Unreadable(KeychainError::Absent));
        let found = match looked.found {
            // Nobody is known to have signed in here, so nothing is missed: where a key is kept is asked once there is one.
            Found::Unreadable(KeychainError::Absent) if !self.misses_a_key() => Found::Nobody,
            found => found,
        };
        match found {
            Found::Elsewhere(plan) => {
                wants_window = false;
                self.facts.account = Account::In { last4: None, place: None };
                self.start_host(plan);
            }
            Found::Key { config, key, place } => {
                self.found_key(&key, place);
                // Nothing runs before the person has said where agents may work: here, in the file, or, where the key
                // is in the environment, by starting the app so.
                let is_said = self.kept.read().set_up
                    || !config.runs.allowed_folders.is_empty()
                    || place == KeyPlace::Environment;
                let is_asked = self.facts.setting_up && self.facts.setup.page < 4;
                if is_asked || !is_said {
                    // Somebody signed in elsewhere, who does not look here.
                    wants_window_now = !is_asked && !first;
                    self.begin_setup(key);
                } else if self.sign_in.take_is_new() && !self.workspace_is_fixed() {
                    wants_window = false;
                    self.facts.hosting = Hosting::Starting;
                    self.list_for(config, key);
                } else {
                    wants_window = false;
                    self.start_host(Plan::Host(config));
                }
            }
            Found::NoWorkspace { key, place } => {
                self.found_key(&key, place);
                self.begin_setup(key);
            }
            Found::Nobody if first && self.start.sandbox_when_signed_out => {
                self.facts.sandbox = true;
                return self.set_sandbox();
            }
            Found::Nobody => {
                self.facts.account = Account::Out;
                self.look_for_found();
                // A sign-in from the command line has its key as soon as the keychain is there.
                if absent {
                    self.timers.restart = Some(Instant::now() + KEYCHAIN);
                }
            }
            Found::Unreadable(error) => {
                // At login the keychain may start after us. A locked one is not asked again by itself: it would ask the
                // person each time.
                if error == KeychainError::Absent {
                    self.timers.restart = Some(Instant::now() + KEYCHAIN);
                }
                self.facts.account = Account::Unreadable(trouble(error));
            }
            Found::Unusable(why) => {
                if first {
                    self.facts.account = Account::Out;
                }
                self.host_failed(why);
            }
        }
        if (first && wants_window || wants_window_now) && !self.start.autostarted {
            self.open_window();
        }
    }

    /// Is the configured workspace one of this key's?
    fn list_for(&self, config: Box<Config>, key: SecretString) {
        let look = self.look;
        self.later(async move {
            let listed = sign_in::workspaces(&config.base_url, &key).await.unwrap_or_default();
            Done::Listed(look, config, key, listed)
        });
    }

    /// A key may be of another account than the one before: then its workspace is asked for. A list that could not be
    /// had says nothing.
    pub(super) fn listed(&mut self, config: Box<Config>, key: SecretString, listed: &[Workspace]) {
        if listed.is_empty() || listed.iter().any(|it| it.id == config.workspace_id) {
            return self.start_host(Plan::Host(config));
        }
        self.facts.hosting = Hosting::Nowhere;
        self.begin_setup(key);
    }

    fn workspace_is_fixed(&self) -> bool {
        self.place.env.text("ORGX_WORKSPACE_ID").is_some()
    }

    fn found_key(&mut self, key: &SecretString, place: KeyPlace) {
        self.facts.account = Account::In { last4: Some(last4(key)), place: Some(word(place)) };
        if place != KeyPlace::Environment {
            self.facts.sign_in.signed_out = false;
            self.kept.change(|kept| {
                kept.signed_in = true;
                kept.signed_out = false;
            });
        }
    }

    /// Is a key in the keychain, as far as we know?
    fn misses_a_key(&self) -> bool {
        let kept = self.kept.read();
        !kept.signed_out && (kept.signed_in || kept.set_up)
    }

    fn host_failed(&mut self, why: String) {
        let retry_at = self.facts.now;
        self.facts.hosting = Hosting::Failed { broke: false, why, retry_at };
    }

    /// Removes the key everywhere, once the peer has stopped.
    pub(super) fn sign_out(&mut self, answer: oneshot::Sender<Answer>) {
        let refused = match (&self.facts.account, &self.facts.hosting) {
            _ if self.forgetting || self.wishes.forget.is_some() => {
                Some(failure("You are being signed out already", "It takes a moment"))
            }
            _ if self.facts.sandbox => Some(failure("Nobody is signed in", "This is the sandbox")),
            (_, Hosting::Elsewhere) => Some(failure(
                "Another program runs the peer",
                "Stop it, or run `orgx-peer logout`; then sign out here",
            )),
            (Account::In { place: Some("environment"), .. }, _) => Some(failure(
                "The key comes from the environment",
                "Remove ORGX_API_KEY where it is set, and start OrgX Peer again",
            )),
            _ => None,
        };
        if let Some(refused) = refused {
            let _gone = answer.send(Err(refused));
            return;
        }
        self.cancel_pairing();
        self.stop_host(Afterwards::Forget(answer));
    }

    pub(super) fn forget(&mut self, answer: oneshot::Sender<Answer>) {
        self.forgetting = true;
        // It takes its own time, which the program's end waits for.
        if self.ending {
            self.timers.end = Some(Instant::now() + super::quit::STOPPED);
        }
        // What was looked for before would find the key once more.
        self.look += 1;
        let (credentials, url) = (self.ground.credentials.clone(), self.base_url.clone());
        self.later(async move {
            let result = match url {
                Some(url) => credentials.forget(&url).await,
                None => Ok(Forgotten::default()),
            };
            Done::Forgotten(answer, result)
        });
    }

    pub(super) fn forgotten(
        &mut self,
        answer: oneshot::Sender<Answer>,
        result: Result<Forgotten, KeychainError>,
    ) {
        self.forgetting = false;
        let outcome = match result {
            Ok(gone) => {
                self.facts.forgotten = gone;
                self.kept.change(|kept| {
                    kept.signed_in = false;
                    kept.signed_out = true;
                });
                self.facts.sign_in.signed_out = true;
                self.facts.account = Account::Out;
                // There it says so, with the way back in.
                self.show_health();
                self.look_for_found();
                Ok(Answered::Done)
            }
            Err(error) => {
                // The key is still there, so the person is still signed in.
                self.look();
                Err(failure("The key could not be removed", error))
            }
        };
        let _gone = answer.send(outcome);
        self.end_look();
    }
}

/// The word of the pages for a place.
pub(super) fn word(place: KeyPlace) -> &'static str {
    match place {
        KeyPlace::Keychain => "keychain",
        KeyPlace::Memory => "memory",
        KeyPlace::File => "file",
        KeyPlace::Environment => "environment",
    }
}

pub(super) fn trouble(error: KeychainError) -> KeyTrouble {
    match error {
        KeychainError::Locked => KeyTrouble::Locked,
        KeychainError::Absent => KeyTrouble::Absent,
        KeychainError::Late => KeyTrouble::Late,
        KeychainError::Failed(why) => KeyTrouble::Failed(why),
    }
}

/// What `config.toml` says of notifications.
pub(super) fn preferences(draft: &Draft) -> (Notifications, Vec<String>) {
    let on = |kind| draft.desktop.notifies(kind);
    let notifications = Notifications {
        needs_you: on(NotificationKind::NeedsYou),
        deviations: on(NotificationKind::Deviation),
        run_failed: on(NotificationKind::RunFailed),
        offline: on(NotificationKind::Offline),
        license: on(NotificationKind::License),
    };
    (notifications, draft.desktop.muted_rules.iter().cloned().collect())
}

async fn looked(env: &Environment, paths: &Paths, credentials: &Credentials) -> Looked {
    let draft = match Draft::read(env) {
        Ok(draft) => draft,
        Err(error) => {
            return Looked { found: Found::Unusable(error.to_string()), preferences: None, base_url: None };
        }
    };
    let preferences = Some(preferences(&draft));
    let base_url = draft.base_url.as_ref().ok().cloned();
    Looked { found: found(draft, paths, credentials).await, preferences, base_url }
}

async fn found(draft: Draft, paths: &Paths, credentials: &Credentials) -> Found {
    if let Some(tenant) = draft.tenant()
        && Peer::running(paths).await.iter().any(|running| running.tenant == tenant)
    {
        return Found::Elsewhere(Plan::Attach(paths.clone(), tenant));
    }
    let base_url = match &draft.base_url {
        Ok(url) => url.clone(),
        Err(error) => return Found::Unusable(error.to_string()),
    };
    let (key, place) = match &draft.key {
        Ok(key) => (key.clone(), KeyPlace::Environment),
        Err(error) if draft.has_key_of_its_own() => return Found::Unusable(error.to_string()),
        Err(_) => match credentials.load(&base_url).await {
            Ok(Some(found)) => found,
            Ok(None) => return Found::Nobody,
            Err(error) => return Found::Unreadable(error),
        },
    };
    if draft.workspace_id.is_err() {
        return Found::NoWorkspace { key, place };
    }
    match Config::with_key(draft, key.clone()) {
        Ok(mut config) => {
            // Somebody is here to be asked.
            config.runs.ask_for_folders = true;
            Found::Key { config: Box::new(config), key, place }
        }
        Err(error) => Found::Unusable(error.to_string()),
    }
}
