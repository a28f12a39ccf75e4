//! Signing in: found on this computer, in the browser, or by a key that is typed in.
//!
//! Promises: the key goes from OrgX's answer, or the field, to the place where it is kept and nowhere else; a page gets
//! its last four characters. One attempt at a time: what an older one still says counts no more. A key of a pairing is
//! kept before OrgX is told that it is.

use super::account::trouble;
use super::{Afterwards, Answer, Answered, Controller, Done, Keep, WayIn, failure};
use crate::view::model::{Action, FoundSignIn, Notice, NoticeAction, Setup, SignInStep, Way};
use crate::view::notices::key_not_kept;
use orgx_peer::Clock;
use orgx_peer::credentials::{Found, KeyPlace, KeychainError, last4};
use orgx_peer::sign_in::{self, CheckError, PairError, Paired, Pairing, PairingClient};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;
use url::Url;

/// An attempt, and what it holds.
#[derive(Default)]
pub(super) struct Flow {
    attempt: u64,
    found: Option<Found>,
    /// A key that OrgX has taken, and that is not kept yet.
    key: Option<Taken>,
    pairing: Option<UnderWay>,
    way: Option<Way>,
    /// Where the next key is to be kept.
    place: Option<KeyPlace>,
    /// A key is being kept. Dropped, it is not.
    keeping: Option<Keeping>,
    workspace: Option<(String, String)>,
    /// Was a key kept just now, of whose workspaces nothing is known?
    is_new: bool,
}

struct Taken {
    key: SecretString,
    kept: Option<oneshot::Sender<()>>,
}

struct Keeping(tokio::task::AbortHandle);

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct UnderWay {
    page: Option<Url>,
    _cancel: oneshot::Sender<()>,
}

impl Flow {
    /// Was a key kept just now? Said once.
    pub(super) fn take_is_new(&mut self) -> bool {
        std::mem::take(&mut self.is_new)
    }

    /// The workspace that the pairing named.
    pub(super) fn workspace(&self) -> Option<(String, String)> {
        self.workspace.clone()
    }
}

/// What a page shows of a pairing.
pub struct Card {
    code: String,
    host: String,
    page: Url,
    expires_at: i64,
    lasts: i64,
}

/// Without the page: whoever has its address may claim the pairing.
impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card").field("code", &self.code).field("host", &self.host).finish_non_exhaustive()
    }
}

/// The key of a pairing, and a way to say that it is kept.
#[derive(Debug)]
pub struct PairedKey {
    paired: Paired,
    kept: oneshot::Sender<()>,
}

impl Controller {
    /// Looks for a sign-in on this computer.
    pub(super) fn look_for_found(&mut self) {
        let (credentials, url) = (self.ground.credentials.clone(), self.base_url.clone());
        self.later(async move {
            Done::Found(match url {
                Some(url) => credentials.found(&url).await,
                None => None,
            })
        });
    }

    pub(super) fn found_sign_in(&mut self, found: Option<Found>) {
        self.facts.sign_in.found = found.as_ref().map(|found| FoundSignIn {
            workspace: found.workspace_name.clone(),
            last4: last4(&found.key),
            from: found.from.to_owned(),
        });
        self.sign_in.found = found;
    }

    /// Shows the card. On the sandbox it is the person's own OrgX that is meant; the sandbox goes on behind the card
    /// until a key is kept.
    pub(super) fn open_sign_in(&mut self) {
        if self.facts.sandbox {
            match self.own_base_url() {
                Some(url) => self.set_base_url(url),
                // Why not is said where the person's own peer cannot start.
                None => return self.leave_sandbox(),
            }
        }
        self.facts.signing_in = true;
        self.facts.sign_in.step = SignInStep::Choose;
        self.look_for_found();
    }

    pub(super) fn sign_in_start(&mut self, way: WayIn) -> Answer {
        self.begin_attempt();
        match way {
            WayIn::Found => {
                let Some(found) = self.sign_in.found.clone() else {
                    return Err(failure("There is no sign-in here", "It is gone from the keychain"));
                };
                self.check(found.key, Way::Found);
            }
            WayIn::Paste => {
                self.sign_in.way = Some(Way::Paste);
                self.facts.sign_in.step = SignInStep::Paste { error: None };
            }
            WayIn::Browser => self.pair(),
        }
        Ok(Answered::Done)
    }

    pub(super) fn sign_in_key(&mut self, key: SecretString) {
        self.begin_attempt();
        let key: SecretString = key.expose_secret().trim().to_owned().into();
        match sign_in::shape(&key) {
            Ok(()) => self.check(key, Way::Paste),
            Err(error) => self.facts.sign_in.step = SignInStep::Paste { error: Some(words(&error)) },
        }
    }

    /// To the choice; from the choice, out of the card.
    pub(super) fn sign_in_back(&mut self) {
        if self.facts.sign_in.step == SignInStep::Choose {
            self.facts.signing_in = false;
            self.point_at_sandbox();
        }
        self.begin_attempt();
        self.sign_in.place = None;
        self.facts.sign_in.step = SignInStep::Choose;
    }

    fn begin_attempt(&mut self) {
        self.cancel_pairing();
        self.sign_in.keeping = None;
        self.sign_in.attempt += 1;
        self.sign_in.key = None;
        self.sign_in.workspace = None;
    }

    fn check(&mut self, key: SecretString, way: Way) {
        let Some(url) = self.base_url.clone() else { return };
        self.sign_in.way = Some(way);
        self.sign_in.key = Some(Taken { key: key.clone(), kept: None });
        self.facts.sign_in.step = SignInStep::Checking { words: "Asking OrgX".to_owned() };
        let attempt = self.sign_in.attempt;
        self.later(async move { Done::Checked(attempt, sign_in::check(&url, &key).await) });
    }

    pub(super) fn key_checked(&mut self, attempt: u64, result: Result<(), CheckError>) {
        if attempt != self.sign_in.attempt {
            return;
        }
        let Err(error) = result else { return self.keep(self.sign_in.place.unwrap_or(KeyPlace::Keychain)) };
        self.sign_in.key = None;
        self.facts.sign_in.step = if self.sign_in.way == Some(Way::Paste) {
            SignInStep::Paste { error: Some(words(&error)) }
        } else {
            let notice = ended(error.code(), error.title(), &error.text());
            SignInStep::Ended { notice, way: Way::Found }
        };
    }

    pub(super) fn keep_key(&mut self, place: Keep) {
        self.keep(match place {
            Keep::Keychain => KeyPlace::Keychain,
            Keep::Memory => KeyPlace::Memory,
            Keep::File => KeyPlace::File,
        });
    }

    /// The next key is kept in memory only.
    pub(super) fn keep_in_memory(&mut self) {
        self.sign_in.place = Some(KeyPlace::Memory);
    }

    pub(super) fn has_key_to_keep(&self) -> bool {
        self.sign_in.key.is_some()
    }

    /// Tries the keychain again: to keep a key that was just taken, or to read the one in it.
    pub(super) fn retry_keychain(&mut self) {
        if self.has_key_to_keep() {
            self.keep(KeyPlace::Keychain);
        } else {
            self.look();
        }
    }

    fn keep(&mut self, place: KeyPlace) {
        let (Some(url), Some(taken)) = (self.base_url.clone(), &self.sign_in.key) else { return };
        let words = match place {
            KeyPlace::Keychain => "Putting the key into the keychain",
            KeyPlace::Memory | KeyPlace::File | KeyPlace::Environment => "Keeping the key",
        };
        self.facts.sign_in.step = SignInStep::Checking { words: words.to_owned() };
        let (credentials, key, attempt) =
            (self.ground.credentials.clone(), taken.key.clone(), self.sign_in.attempt);
        let inputs = self.inputs.clone();
        let keeping = tokio::spawn(async move {
            let kept = credentials.store(&url, &key, place).await.map(|()| place);
            // Nobody listens any more once the program ends.
            let _over = inputs.send(super::Input::Done(Done::Kept(attempt, kept)));
        });
        self.sign_in.keeping = Some(Keeping(keeping.abort_handle()));
    }

    pub(super) fn key_kept(&mut self, attempt: u64, result: Result<KeyPlace, KeychainError>) {
        if attempt != self.sign_in.attempt {
            // It was kept in the moment in which it was given up.
            if let (Ok(_), Some(url)) = (result, self.base_url.clone()) {
                let credentials = self.ground.credentials.clone();
                tokio::spawn(async move { credentials.forget(&url).await });
            }
            return;
        }
        self.sign_in.keeping = None;
        match result {
            Ok(_) => self.signed_in(),
            Err(error) => {
                let file = self.ground.credentials.file().display().to_string();
                let notice = key_not_kept(&trouble(error));
                self.facts.sign_in.step = SignInStep::Keychain { notice, file };
            }
        }
    }

    /// The key is kept: OrgX may forget its copy, and the peer may start.
    fn signed_in(&mut self) {
        if let Some(kept) = self.sign_in.key.take().and_then(|taken| taken.kept) {
            let _gone = kept.send(());
        }
        self.sign_in.is_new = true;
        self.sign_in.place = None;
        self.sign_in.pairing = None;
        self.facts.signing_in = false;
        self.facts.sign_in.signed_out = false;
        self.facts.sign_in.step = SignInStep::Choose;
        let kept = self.kept.read();
        self.kept.change(|kept| kept.signed_out = false);
        self.facts.setting_up = !kept.set_up;
        self.facts.setup = Setup::default();
        self.facts.workspace_name = kept.workspace;
        if self.facts.sandbox {
            return self.leave_sandbox();
        }
        if self.host.is_some() {
            self.stop_host(Afterwards::LookAgain);
        } else {
            self.look();
        }
    }

    fn pair(&mut self) {
        let Some(url) = self.base_url.clone() else { return };
        self.sign_in.way = Some(Way::Browser);
        self.facts.sign_in.step = SignInStep::PairStarting;
        let (cancel, cancelled) = oneshot::channel();
        self.sign_in.pairing = Some(UnderWay { page: None, _cancel: cancel });
        let (attempt, paths, inputs) = (self.sign_in.attempt, self.ground.paths.clone(), self.inputs.clone());
        let say = move |done| {
            // Nobody listens any more once the program ends.
            let _over = inputs.send(super::Input::Done(done));
        };
        self.loose.spawn(pairing(url, paths, attempt, cancelled, say));
    }

    pub(super) fn cancel_pairing(&mut self) {
        // Its task sees the dropped end, and tells OrgX.
        self.sign_in.pairing = None;
    }

    pub(super) fn pairing_began(&mut self, attempt: u64, result: Result<Card, PairError>) {
        if attempt != self.sign_in.attempt {
            return;
        }
        match result {
            Ok(card) => {
                let opened = self.open_link(&card.page);
                if let Err(failure) = opened {
                    // The page has its link, too.
                    tracing::warn!(%failure, "the browser was not opened");
                }
                let Card { code, host, page, expires_at, lasts } = card;
                if let Some(pairing) = &mut self.sign_in.pairing {
                    pairing.page = Some(page);
                }
                self.facts.sign_in.step = SignInStep::Pairing { code, host, expires_at, lasts };
            }
            Err(error) => self.pairing_failed(&error),
        }
    }

    pub(super) fn pairing_ended(&mut self, attempt: u64, result: Result<PairedKey, PairError>) {
        if attempt != self.sign_in.attempt {
            return;
        }
        match result {
            Ok(PairedKey { paired, kept }) => {
                let Paired { key, workspace_name, workspace_id, .. } = paired;
                let name = workspace_name.map(|name| crate::text::cut(&name, 80));
                self.sign_in.workspace = workspace_id.map(|id| (id.clone(), name.unwrap_or(id)));
                self.sign_in.key = Some(Taken { key, kept: Some(kept) });
                self.keep(self.sign_in.place.unwrap_or(KeyPlace::Keychain));
            }
            Err(error) => self.pairing_failed(&error),
        }
    }

    fn pairing_failed(&mut self, error: &PairError) {
        self.sign_in.pairing = None;
        let mut notice = ended(error.code(), error.title(), &error.text());
        notice.code = format!("pairing_{}", error.code());
        self.facts.sign_in.step = SignInStep::Ended { notice, way: Way::Browser };
    }

    pub(super) fn pair_open(&self) -> Answer {
        match self.pairing_page() {
            Some(page) => self.open_link(page),
            None => Err(failure("There is no page to open", "The code is not there any more")),
        }
    }

    pub(super) fn pair_copy(&self) -> Answer {
        match self.pairing_page() {
            Some(page) => self.copy(page.as_str()),
            None => Err(failure("There is no link to copy", "The code is not there any more")),
        }
    }

    fn pairing_page(&self) -> Option<&Url> {
        self.sign_in.pairing.as_ref()?.page.as_ref()
    }
}

async fn pairing(
    url: Url,
    paths: orgx_peer::Paths,
    attempt: u64,
    mut cancelled: oneshot::Receiver<()>,
    say: impl Fn(Done),
) {
    let who = match PairingClient::of_this_computer(&paths) {
        Ok(who) => who,
        Err(error) => return say(Done::PairingBegan(attempt, Err(PairError::Failed(error.to_string())))),
    };
    let mut pairing = match Pairing::start(&url, who, Clock::default()).await {
        Ok(pairing) => pairing,
        Err(error) => return say(Done::PairingBegan(attempt, Err(error))),
    };
    say(Done::PairingBegan(
        attempt,
        Ok(Card {
            code: pairing.code(),
            host: pairing.host(),
            page: pairing.connect_url().clone(),
            expires_at: pairing.expires_at(),
            lasts: pairing.lasts_ms(),
        }),
    ));
    let result = tokio::select! {
        result = pairing.wait() => result,
        _ = &mut cancelled => return pairing.cancel("cancelled on the computer").await,
    };
    match result {
        Ok(paired) => {
            let (kept, is_kept) = oneshot::channel();
            say(Done::PairingEnded(attempt, Ok(PairedKey { paired, kept })));
            // A key that was not kept is not confirmed: OrgX gives it out again until it lapses.
            if is_kept.await.is_ok() {
                pairing.ack().await;
            }
        }
        Err(error) => say(Done::PairingEnded(attempt, Err(error))),
    }
}

fn words(error: &CheckError) -> String {
    format!("{}. {}", error.title(), error.text())
}

fn ended(code: &str, title: &str, text: &str) -> Notice {
    Notice {
        code: code.to_owned(),
        bad: true,
        title: title.to_owned(),
        text: text.to_owned(),
        action: Some(NoticeAction { label: "Try again".to_owned(), action: Action::SignIn }),
        other: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_of_a_pairing_has_no_address_of_its_page() {
        let card = Card {
            code: "K7Q-4MD".to_owned(),
            host: "useorgx.com".to_owned(),
            page: "https://useorgx.com/connect/openclaw?claimToken=canary".parse().unwrap(),
            expires_at: 1,
            lasts: 1,
        };
        let shown = format!("{:?}", Done::PairingBegan(1, Ok(card)));
        assert!(shown.contains("K7Q-4MD") && !shown.contains("canary"), "{shown}");
    }
}
