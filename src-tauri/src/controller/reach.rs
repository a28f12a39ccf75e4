//! What reaches outside: the browser, the file manager, the clipboard. Only OrgX is opened, and only what is ours, or a
//! run's, is shown.

use super::peer::no_peer;
use super::{Answer, Answered, Controller, failure};
use crate::desktop::OsError;
use orgx_peer::{Command, Reply, diagnostics};
use orgx_proto::pairing::connect_url;
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;
use url::Url;

impl Controller {
    pub(super) fn set_base_url(&mut self, url: Url) {
        self.facts.host = host(&url);
        self.base_url = Some(url);
    }

    pub(super) fn open_orgx(&self) -> Answer {
        match &self.base_url {
            Some(url) => self.open_link(&url.clone()),
            None => Err(failure("OrgX cannot be opened", "Its address in config.toml cannot be used")),
        }
    }

    /// A page of the configured OrgX: over https, or on this computer.
    pub(super) fn open_link(&self, url: &Url) -> Answer {
        match self.base_url.as_ref().and_then(|base| page_of(base, url)) {
            Some(page) => told(self.desktop.open_url(&page), "The browser did not open"),
            None => Err(failure("This page was not opened", "It is not one of OrgX")),
        }
    }

    pub(super) fn show_outbox(&self) -> Answer {
        let Some(outbox) = &self.facts.peer.outbox else {
            return Err(failure("There is no outbox", "It is switched off, or the peer has not started"));
        };
        self.show_path(Path::new(&outbox.path))
    }

    pub(super) fn show_path(&self, path: &Path) -> Answer {
        // What was not written yet is shown by the folder that it will be in.
        let there = path.ancestors().find(|path| path.exists()).unwrap_or(path);
        told(self.desktop.show_in_folder(there), "The file manager did not open")
    }

    /// A folder of a known run, or one that agents may work in.
    pub(super) fn open_folder(&self, path: &Path) -> Answer {
        let peer = &self.facts.peer;
        let known = peer.runs.iter().filter_map(|run| run.folder.as_deref());
        let known = known.chain(self.facts.history.runs.iter().filter_map(|run| run.folder.as_deref()));
        let known = known.chain(peer.settings.allowed_folders.iter().map(String::as_str));
        let mut known = known.chain(self.facts.setup.folders.iter().map(String::as_str)).map(Path::new);
        if !path.is_absolute() || !known.any(|known| known == path) {
            return Err(failure("This folder was not opened", "No run works there"));
        }
        self.show_path(path)
    }

    /// A file in a run's folder, as a deviation names it. It is shown where it lies, and never opened.
    pub(super) fn show_file(&self, run_id: &str, place: &str) -> Answer {
        let file = self.folder_of(run_id).and_then(|folder| file_in(Path::new(&folder), Path::new(place)));
        match file {
            Some(file) => told(self.desktop.show_in_folder(&file), "The file manager did not open"),
            None => Err(failure(
                "This file was not shown",
                "It is not in the run's folder, or not there any more",
            )),
        }
    }

    fn folder_of(&self, run_id: &str) -> Option<String> {
        let facts = &self.facts;
        let live = facts.peer.runs.iter().find(|run| run.run_id == run_id).and_then(|run| run.folder.clone());
        let open = facts.detail.iter().filter_map(|detail| detail.run.as_ref());
        let details = open.chain(facts.test.iter().filter_map(|test| test.run.as_ref())).map(|it| &it.run);
        let mut records = facts.history.runs.iter().chain(details);
        live.or_else(|| records.find(|run| run.run_id == run_id).and_then(|run| run.folder.clone()))
    }

    pub(super) fn copy(&self, text: &str) -> Answer {
        told(self.desktop.copy(text), "The clipboard took nothing")
    }

    /// A run's receipt, as it goes over the wire.
    pub(super) fn copy_receipt(&self, run_id: String, answer: oneshot::Sender<Answer>) {
        let Some(host) = &self.host else {
            let _gone = answer.send(Err(no_peer()));
            return;
        };
        let (asked, desktop) = (host.ask(Command::Detail { run_id, exact: true }), self.desktop.clone());
        tokio::spawn(async move {
            let receipt = match asked.await {
                Ok(Reply::Detail(detail)) => detail
                    .receipt
                    .ok_or_else(|| failure("There is no receipt yet", "It is there when the run has ended")),
                Ok(_) => Err(failure("There is no receipt", "The peer said nothing of this run")),
                Err(error) => Err(failure("The receipt was not copied", error)),
            };
            let _gone = answer.send(receipt.and_then(|receipt| {
                let text = serde_json::to_string_pretty(&receipt).unwrap_or_default();
                told(desktop.copy(&text), "The clipboard took nothing")
            }));
        });
    }

    /// What a bug report needs, without secrets.
    pub(super) fn copy_diagnostics(&self, answer: Option<oneshot::Sender<Answer>>) {
        let (env, desktop) = (self.place.env.clone(), self.desktop.clone());
        tokio::spawn(async move {
            let entries = diagnostics::collect(&env).await;
            let parts: Vec<String> =
                entries.iter().map(|it| format!("== {}\n{}\n", it.name, it.text)).collect();
            let outcome = told(desktop.copy(&parts.join("\n")), "The clipboard took nothing");
            if let Some(answer) = answer {
                let _gone = answer.send(outcome);
            }
        });
    }

    pub(super) fn show_state_folder(&self) -> Answer {
        self.show_path(&self.place.paths.state)
    }

    pub(super) fn show_logs(&self) -> Answer {
        self.show_path(&PathBuf::from(&self.facts.preferences.logs))
    }
}

/// The file itself, links followed, when it lies in the folder. A folder is none: to show one is to open it.
fn file_in(folder: &Path, place: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let file = folder.join(place).canonicalize().ok()?;
    (file.starts_with(&folder) && file.is_file()).then_some(file)
}

pub(super) fn told(result: Result<(), OsError>, title: &str) -> Answer {
    result.map(|()| Answered::Done).map_err(|error| failure(title, error))
}

/// With its port when that is not the usual one.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// This page, if it is one of the OrgX at `base`: by the one rule that a pairing's page is taken by.
fn page_of(base: &Url, url: &Url) -> Option<Url> {
    connect_url(url.as_str(), base).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_configured_orgx_are_opened() {
        for (base, url, ours) in [
            ("https://useorgx.com/", "https://useorgx.com/connect/openclaw?pairingId=p", true),
            ("https://useorgx.com/", "https://www.useorgx.com/x", true),
            ("https://useorgx.com/", "http://useorgx.com/x", false),
            ("https://useorgx.com/", "https://useorgx.com.evil.example/x", false),
            ("https://useorgx.com/", "https://me@useorgx.com/x", false),
            ("https://useorgx.com/", "https://useorgx.com:8443/x", false),
            ("https://useorgx.com/", "file:///etc/passwd", false),
            ("http://127.0.0.1:4100/", "http://127.0.0.1:4100/x", true),
            // On this computer a page may have another port than the API, and a pairing takes it.
            ("http://127.0.0.1:4100/", "http://127.0.0.1:4101/x", true),
            ("http://127.0.0.1:4100/", "http://127.0.0.1.example/x", false),
            ("https://useorgx.com/", "http://127.0.0.1:4101/x", false),
        ] {
            let parse = |text: &str| Url::parse(text).ok();
            assert_eq!(
                parse(base).zip(parse(url)).map(|(base, url)| page_of(&base, &url).is_some()),
                Some(ours),
                "{url}"
            );
        }
    }
}
