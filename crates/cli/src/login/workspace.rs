//! Whose tasks this computer takes: the one that was named, the only one, or the one that the person chooses.

use super::Ended;
use crate::args::LoginOptions;
use crate::show::text::clean;
use crate::show::{say, say_words};
use crate::signals;
use orgx_peer::Draft;
use orgx_peer::settings::Settings;
use orgx_peer::sign_in::{CheckError, Workspace, workspaces};
use secrecy::SecretString;
use std::io::{IsTerminal, Write};
use url::Url;

/// Where OrgX is unless somebody says otherwise; it need not be kept.
const ORGX: &str = "https://useorgx.com/";

pub(super) async fn choose(
    options: &LoginOptions,
    draft: &Draft,
    mut settings: Settings,
    origin: &Url,
    key: &SecretString,
    named: Option<&str>,
) -> Result<(), Ended> {
    let all = match workspaces(origin, key).await {
        Ok(all) => all,
        Err(error @ CheckError::Rejected) => return Err(Ended::failed(error)),
        // What OrgX does not list can be named.
        Err(_) => Vec::new(),
    };
    if origin.as_str() != ORGX || draft.has_orgx_of_its_own() {
        settings.base_url(origin);
    }
    let asked = options.workspace.as_deref().map(str::trim);
    let before = draft.workspace_id.as_deref().ok();
    let id = match pick(&all, asked, before, named) {
        Some(id) => id,
        None => {
            settings.save()?;
            by_hand(&all).await?
        }
    };
    settings.workspace(&id).map_err(Ended::usage)?;
    settings.save()?;
    match all.iter().find(|known| known.id == id) {
        Some(known) if known.name != id => {
            say_words(&format!("Workspace: {} ({})", clean(&known.name), clean(&id)))
        }
        Some(_) => say_words(&format!("Workspace: {}", clean(&id))),
        None if all.is_empty() => say_words(&format!("Workspace: {}", clean(&id))),
        None => say_words(&format!(
            "Workspace: {}. OrgX did not list it among yours, so check it: tasks come only when it is right.",
            clean(&id)
        )),
    };
    Ok(())
}

/// The id that needs no question.
fn pick(all: &[Workspace], asked: Option<&str>, before: Option<&str>, named: Option<&str>) -> Option<String> {
    let owned = |id: &str| Some(id.to_owned());
    if let Some(asked) = asked {
        return owned(asked);
    }
    // The one that was chosen before stays, unless this key cannot open it.
    if let Some(before) = before.filter(|id| all.is_empty() || all.iter().any(|known| known.id == *id)) {
        return owned(before);
    }
    if let [only] = all {
        return owned(&only.id);
    }
    let mut of_that_name = all.iter().filter(|known| Some(known.name.as_str()) == named);
    match (of_that_name.next(), of_that_name.next()) {
        (Some(only), None) => owned(&only.id),
        _ => None,
    }
}

/// Asks, where there is somebody to ask.
async fn by_hand(all: &[Workspace]) -> Result<String, Ended> {
    for (at, known) in all.iter().enumerate() {
        say(&format!("  {:>2}  {} ({})", at + 1, clean(&known.name), clean(&known.id)));
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        let why = if all.is_empty() { "OrgX listed no workspace" } else { "there are several workspaces" };
        return Err(Ended::usage(format!(
            "you are signed in, but {why}: choose one with `orgx-peer login --workspace ID`"
        )));
    }
    let question = if all.is_empty() { "The id of your workspace in OrgX: " } else { "Which one? " };
    loop {
        let answer = ask(question.to_owned()).await?;
        let number = answer.parse::<usize>().ok().and_then(|number| all.get(number.checked_sub(1)?));
        match (number, answer.as_str()) {
            (Some(known), _) => return Ok(known.id.clone()),
            (None, "") => {}
            (None, id) if all.is_empty() || all.iter().any(|known| known.id == id) => {
                return Ok(id.to_owned());
            }
            (None, _) => drop(say_words("There is no such one in the list.")),
        }
    }
}

async fn ask(question: String) -> Result<String, Ended> {
    let asked = tokio::task::spawn_blocking(move || {
        let mut out = std::io::stdout().lock();
        // Nobody may be reading.
        let _unread = write!(out, "{question}").and_then(|()| out.flush());
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line)?;
        Ok::<_, std::io::Error>((read > 0).then(|| line.trim().to_owned()))
    });
    // Ctrl-C is heard since the browser was waited for.
    let answer = tokio::select! {
        answer = asked => answer,
        () = signals::asked_to_stop() => Ok(Ok(None)),
    };
    match answer {
        Ok(Ok(Some(line))) => Ok(line),
        _ => Err(Ended::usage(
            "you are signed in, but no workspace was chosen: `orgx-peer login --workspace ID`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_chosen_without_a_question_where_there_is_none_to_ask() {
        let all = |names: &[&str]| -> Vec<Workspace> {
            names
                .iter()
                .map(|name| Workspace { id: format!("ws_{name}"), name: (*name).to_owned() })
                .collect()
        };
        for (known, asked, before, named, picked) in [
            (&["a", "b"][..], Some("ws_x"), Some("ws_a"), Some("b"), Some("ws_x")),
            (&["a", "b"], None, Some("ws_a"), Some("b"), Some("ws_a")),
            (&["a", "b"], None, Some("ws_gone"), Some("b"), Some("ws_b")),
            (&["a"], None, Some("ws_gone"), None, Some("ws_a")),
            (&["a", "b"], None, None, None, None),
            (&["a", "b"], None, None, Some("c"), None),
            (&["b", "b"], None, None, Some("b"), None),
            (&[], None, Some("ws_kept"), None, Some("ws_kept")),
            (&[], None, None, Some("b"), None),
        ] {
            assert_eq!(pick(&all(known), asked, before, named).as_deref(), picked, "{known:?} {before:?}");
        }
    }
}
