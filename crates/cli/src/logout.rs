//! `orgx-peer logout`: no key stays on this computer; everything else does.

use crate::login::host;
use crate::show::say_words;
use crate::show::text::{clean, tilde};
use crate::{home, say_failed};
use orgx_peer::credentials::Credentials;
use orgx_peer::{Draft, Environment, Peer};
use std::path::Path;
use std::process::ExitCode;

pub(crate) async fn logout() -> ExitCode {
    let draft = match Draft::read(&Environment::of_process()) {
        Ok(draft) => draft,
        Err(error) => return say_failed(&error.to_string(), 2),
    };
    let origin = match &draft.base_url {
        Ok(origin) => origin,
        Err(error) => return say_failed(&error.to_string(), 2),
    };
    let forgotten = match Credentials::os(&draft.paths).forget(origin).await {
        Ok(forgotten) => forgotten,
        Err(error) => {
            let words = format!("a key may still be in the keychain, and could not be removed. {error}");
            return say_failed(words.trim_end_matches('.'), 1);
        }
    };
    let place = match (forgotten.keychain, forgotten.file) {
        (true, true) => "the keychain and from its file",
        (true, false) => "the keychain",
        (false, true) => "its file",
        (false, false) => {
            say_words(&format!("Nobody was signed in to {} here.", host(origin)));
            say_environment(&draft);
            return ExitCode::SUCCESS;
        }
    };
    say_words(&format!("Signed out of {}: the key is gone from {place}.", host(origin)));
    say_words(&format!("Still here: {}.", what_stays(&draft)));
    if let Some(left) = &forgotten.left {
        say_words(&format!("One more may still be in the keychain. {left}"));
    }
    say_words("The key goes on to work elsewhere until you remove it in OrgX.");
    let running = Peer::running(&draft.paths).await;
    if running.iter().any(|peer| peer.hello.orgx == origin.as_str()) {
        say_words("A peer is running with it: it goes on until you stop it.");
    }
    say_environment(&draft);
    ExitCode::SUCCESS
}

fn say_environment(draft: &Draft) {
    if draft.has_key_of_its_own() {
        say_words("ORGX_API_KEY is set, and was not touched: unset it, too.");
    }
}

fn what_stays(draft: &Draft) -> String {
    let shown = |path: &Path| clean(&tilde(&path.to_string_lossy(), home().as_deref()));
    let mut parts = vec![
        format!("the settings ({})", shown(&draft.paths.config_file())),
        format!("runs and receipts ({})", shown(&draft.paths.state)),
    ];
    if let Ok(Some(outbox)) = &draft.outbox {
        parts.push(format!("the local trail ({})", shown(outbox)));
    }
    parts.join(", ")
}
