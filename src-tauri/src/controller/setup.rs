//! First run, after sign-in: workspace, folders, preferences. Nothing runs before it is said where agents may work.

use super::folders::named;
use super::settings::{Wanted, notifications};
use super::{Controller, Done};
use crate::desktop::Choose;
use crate::facts::Hosting;
use crate::view::model::{Notifications, Setting, Setup, Workspace};
use orgx_peer::Draft;
use orgx_peer::sign_in;
use secrecy::SecretString;
use std::path::PathBuf;

impl Controller {
    /// Opens the first run, with what is known already, for the workspaces of this key.
    pub(super) fn begin_setup(&mut self, key: SecretString) {
        self.facts.signing_in = false;
        self.facts.setting_up = true;
        // It asks for the workspace by itself.
        self.sign_in.take_is_new();
        self.facts.setup = Setup {
            autostart: self.desktop.autostart().unwrap_or(false),
            notifications: true,
            page: 2,
            listing: true,
            ..Setup::default()
        };
        if let Ok(draft) = Draft::read(&self.place.env) {
            self.facts.setup.workspace_id = draft.workspace_id.ok();
            let folders = draft.runs.map(|runs| runs.allowed_folders).unwrap_or_default();
            // Who has chosen so before is not made to choose again.
            self.facts.setup.any_folder = folders.is_empty() && self.kept.read().set_up;
            self.facts.setup.folders = folders.iter().map(|folder| folder.display().to_string()).collect();
        }
        if let Some((id, name)) = self.sign_in.workspace() {
            self.facts.setup.workspace_id = Some(id.clone());
            self.facts.setup.workspaces = vec![Workspace { id, name }];
        }
        let url = self.base_url.clone();
        self.later(async move {
            let Some(url) = url else { return Done::Workspaces(Ok(Vec::new())) };
            let listed = sign_in::workspaces(&url, &key).await;
            Done::Workspaces(listed.map_err(|error| format!("{}. {}", error.title(), error.text())))
        });
    }

    pub(super) fn workspaces_listed(&mut self, result: Result<Vec<sign_in::Workspace>, String>) {
        let setup = &mut self.facts.setup;
        setup.listing = false;
        match result {
            Ok(listed) if listed.is_empty() => {}
            Ok(listed) => {
                setup.workspaces = listed
                    .into_iter()
                    .map(|it| Workspace { id: it.id, name: crate::text::cut(&it.name, 80) })
                    .collect();
                let known = setup.workspaces.iter().any(|it| Some(&it.id) == setup.workspace_id.as_ref());
                if !known {
                    setup.workspace_id = setup.workspaces.first().map(|it| it.id.clone());
                }
            }
            Err(why) => setup.error = Some(crate::text::sentence(&why)),
        }
    }

    pub(super) fn setup(&mut self, change: Setting) {
        let setup = &mut self.facts.setup;
        setup.error = None;
        match change {
            Setting::AddFolder(folder) if folder.is_empty() => {
                self.choose(Wanted::SetupFolder, Choose::Folder);
            }
            Setting::AddFolder(folder) => match named(&folder, &self.facts.home) {
                Err(refused) => setup.error = Some(refused.text),
                Ok(path) => {
                    let folder = path.to_string_lossy().into_owned();
                    if !setup.folders.contains(&folder) {
                        setup.folders.push(folder);
                    }
                    setup.any_folder = false;
                }
            },
            Setting::RemoveFolder(folder) => setup.folders.retain(|known| *known != folder),
            Setting::AnyFolder(any) => setup.any_folder = any,
            Setting::Autostart(on) => setup.autostart = on,
            Setting::Notifications(wanted) => setup.notifications = wanted.needs_you,
            Setting::Workspace(id) => {
                setup.workspace_id = Some(id.trim().to_owned()).filter(|id| !id.is_empty());
            }
            Setting::MuteRule(_)
            | Setting::UnmuteRule(_)
            | Setting::StartOpencode(_)
            | Setting::Outbox(_)
            | Setting::Presence(_)
            | Setting::Concurrent(_)
            | Setting::RemoteAttention(_)
            | Setting::AskBeforeCommands(_)
            | Setting::AskWhenDirty(_)
            | Setting::KeepAwake(_)
            | Setting::RunBudget(_)
            | Setting::DayBudget(_) => {}
        }
    }

    /// The next page, or one before. What is missing keeps the person on the page.
    pub(super) fn setup_page(&mut self, page: u8) {
        self.facts.setup.error = self.missing().filter(|_| page > 2);
        if self.facts.setup.error.is_some() {
            return;
        }
        if page < 4 {
            self.facts.setup.page = page;
            return;
        }
        self.save_setup();
    }

    fn missing(&self) -> Option<String> {
        let setup = &self.facts.setup;
        if setup.workspace_id.is_none() {
            return Some("Enter the id of the workspace whose tasks this computer takes.".to_owned());
        }
        if setup.folders.is_empty() && !setup.any_folder {
            return Some("Choose a folder that agents may work in, or allow any folder.".to_owned());
        }
        None
    }

    fn save_setup(&mut self) {
        let setup = self.facts.setup.clone();
        let on = setup.notifications;
        let wanted =
            Notifications { needs_you: on, deviations: on, run_failed: on, offline: on, license: on };
        let folders: Vec<PathBuf> =
            if setup.any_folder { Vec::new() } else { setup.folders.iter().map(PathBuf::from).collect() };
        let id = setup.workspace_id.unwrap_or_default();
        self.name_workspace(&id);
        self.save_of_setup(Box::new(move |it| {
            it.workspace(&id)?;
            it.allowed_folders(&folders);
            notifications(it, wanted);
            Ok(())
        }));
        if self.desktop.autostart().is_some_and(|on| on != setup.autostart)
            && let Err(failure) = self.set_autostart(setup.autostart)
        {
            self.facts.setup.error = Some(failure.to_string());
        }
    }

    /// Remembers what OrgX calls this workspace.
    pub(super) fn name_workspace(&mut self, id: &str) {
        let listed = self.facts.setup.workspaces.iter().find(|it| it.id == *id);
        if let Some(listed) = listed {
            let named = Some((id.to_owned(), listed.name.clone()));
            self.facts.workspace_name.clone_from(&named);
            self.kept.change(|kept| kept.workspace = named);
        }
    }

    /// What was chosen is written: the peer may start.
    pub(super) fn setup_saved(&mut self) {
        if !self.facts.setting_up || self.facts.setup.page == 4 {
            return;
        }
        self.facts.setup.page = 4;
        self.kept.change(|kept| kept.set_up = true);
        if matches!(self.facts.hosting, Hosting::Nowhere) && self.host.is_none() {
            self.look();
        }
    }

    pub(super) fn setup_done(&mut self) {
        if self.facts.setup.page == 4 {
            self.facts.setting_up = false;
            self.close_test();
        }
    }
}
