//! Settings: written to `config.toml`, then read by the peer; what is the desktop's own is done here.
//!
//! Promise: taking away the last allowed folder never comes to mean "anywhere".

use super::account::preferences;
use super::folders::named;
use super::{Afterwards, Answer, Answered, Controller, Done, failure};
use crate::desktop::{Choose, Confirm};
use crate::facts::Hosting;
use crate::text;
use crate::view::model::{Budget, Failure, Notifications, Page, Setting};
use crate::view::runs;
use orgx_peer::settings::{BudgetOf, Settings, SettingsError};
use orgx_peer::{BudgetConfig, Command, Draft, NotificationKind, Reply};
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;

/// What a dialog was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A folder that agents may work in.
    Folder,
    /// The same, in the first run.
    SetupFolder,
    /// The OpenCode program.
    OpenCode,
}

/// What a change of `config.toml` came to.
#[derive(Debug)]
pub struct Saved {
    pub(super) result: Result<(), Failure>,
    /// Whoever waits for it.
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// What is to be told the peer once it has read it.
    pub(super) then: Option<Command>,
    /// Is it what was chosen in the first run?
    of_setup: bool,
    /// What the file says then.
    read: Option<Read>,
}

/// What of `config.toml` is ours to follow.
#[derive(Debug)]
struct Read {
    preferences: (Notifications, Vec<String>),
    workspace_id: Option<String>,
}

pub(super) type Change = Box<dyn FnOnce(&mut Settings) -> Result<(), SettingsError> + Send>;

/// Runs at once that can be chosen.
const CONCURRENT: std::ops::RangeInclusive<u32> = 1..=16;
/// What is said of a change that was not made.
const UNCHANGED: &str = "That was not changed";
/// Longest text of a setting, in bytes.
const TEXT: usize = 4 * 1024;

impl Controller {
    /// Changes one setting.
    pub(super) fn set(&mut self, change: Setting, answer: Option<oneshot::Sender<Answer>>) {
        self.facts.preferences.error = None;
        let change: Change = match change {
            Setting::Autostart(on) => return reply(answer, self.set_autostart(on)),
            Setting::Notifications(wanted) => Box::new(move |it| {
                notifications(it, wanted);
                Ok(())
            }),
            Setting::MuteRule(rule) | Setting::UnmuteRule(rule) if rule.is_empty() || rule.len() > TEXT => {
                return reply(answer, Err(failure(UNCHANGED, "This is not a rule")));
            }
            Setting::MuteRule(rule) => plain(move |it| it.mute_rule(&rule, true)),
            Setting::UnmuteRule(rule) => plain(move |it| it.mute_rule(&rule, false)),
            Setting::StartOpencode(on) => plain(move |it| it.start_opencode(on)),
            Setting::Outbox(on) => plain(move |it| it.outbox(on)),
            Setting::Presence(on) => plain(move |it| it.presence(on)),
            Setting::Concurrent(n) if !CONCURRENT.contains(&n) => {
                return reply(answer, Err(failure(UNCHANGED, "From 1 to 16 runs can be under way at once")));
            }
            Setting::Concurrent(n) => plain(move |it| it.concurrent(n as usize)),
            Setting::RemoteAttention(on) => plain(move |it| it.remote_attention(on)),
            Setting::AskBeforeCommands(on) => plain(move |it| it.ask_before_commands(on)),
            Setting::AskWhenDirty(on) => plain(move |it| it.ask_when_dirty(on)),
            Setting::KeepAwake(on) => plain(move |it| it.keep_awake(on)),
            Setting::RunBudget(budget) | Setting::DayBudget(budget) if !is_budget(budget) => {
                return reply(answer, Err(failure(UNCHANGED, "A limit is a whole number from 1 on")));
            }
            Setting::RunBudget(budget) => plain(move |it| it.budget(BudgetOf::Run, &of_page(budget))),
            Setting::DayBudget(budget) => plain(move |it| it.budget(BudgetOf::Day, &of_page(budget))),
            Setting::AddFolder(folder) if folder.is_empty() => {
                self.choose(Wanted::Folder, Choose::Folder);
                return reply(answer, Ok(Answered::Done));
            }
            Setting::AddFolder(folder) => match named(&folder, &self.facts.home) {
                Ok(folder) => plain(move |it| it.allow_folder(&folder)),
                Err(refused) => return reply(answer, Err(refused)),
            },
            Setting::RemoveFolder(folder) => plain(move |it| it.disallow_folder(Path::new(&folder))),
            Setting::AnyFolder(true) => {
                let inputs = self.inputs.clone();
                let then = move |yes| {
                    // Nobody listens any more once the program ends.
                    let _over = inputs.send(super::Input::Done(Done::AnyFolder(yes, answer)));
                };
                return self.desktop.confirm(Confirm::AnyFolder, Box::new(then));
            }
            Setting::AnyFolder(false) => {
                // From anywhere to some: the first one has to be chosen.
                if self.facts.peer.settings.allowed_folders.is_empty() {
                    self.choose(Wanted::Folder, Choose::Folder);
                }
                return reply(answer, Ok(Answered::Done));
            }
            Setting::Workspace(_) if self.is_workspace_fixed() => {
                let why = "The environment says which it is (ORGX_WORKSPACE_ID)";
                return reply(answer, Err(failure("The workspace was not changed", why)));
            }
            Setting::Workspace(id) => Box::new(move |it| it.workspace(&id).map(drop)),
        };
        self.save(change, answer, None);
    }

    /// What the page means: it has folders and rules as they are shown, cut and masked, and a command needs them as they
    /// are. What is shown of two, or of none any more, names nothing.
    pub(super) fn meant(&self, change: Setting) -> Result<Setting, Failure> {
        let gone = |what| {
            failure(UNCHANGED, format!("There is no such {what} in the list, or more than one looks like it"))
        };
        match change {
            Setting::RemoveFolder(shown) => {
                let known = self.facts.peer.settings.allowed_folders.iter();
                one(known, &shown).map(Setting::RemoveFolder).ok_or_else(|| gone("folder"))
            }
            Setting::UnmuteRule(shown) => {
                let known = self.facts.preferences.muted_rules.iter();
                one(known, &shown).map(Setting::UnmuteRule).ok_or_else(|| gone("rule"))
            }
            Setting::MuteRule(shown) => {
                let run = self.facts.detail.as_ref().and_then(|detail| detail.run.as_ref());
                let deviations = run.into_iter().flat_map(|run| &run.deviations);
                one(deviations.map(|it| &it.skill_id), &shown)
                    .map(Setting::MuteRule)
                    .ok_or_else(|| gone("rule"))
            }
            change => Ok(change),
        }
    }

    /// The person was asked whether agents may work anywhere.
    pub(super) fn any_folder(&mut self, yes: bool, answer: Option<oneshot::Sender<Answer>>) {
        if yes {
            return self.save(plain(|it| it.allowed_folders(&[])), answer, None);
        }
        reply(answer, Err(failure(UNCHANGED, "Agents may work in the folders listed, as before")));
    }

    /// What is written would have no effect.
    fn is_workspace_fixed(&self) -> bool {
        const NAME: &str = "ORGX_WORKSPACE_ID";
        let told = self.facts.peer.settings.fixed_by_environment.iter().any(|name| name == NAME);
        told || self.place.env.text(NAME).is_some()
    }

    pub(super) fn set_autostart(&mut self, on: bool) -> Answer {
        let outcome = super::reach::told(self.desktop.set_autostart(on), "Start at login was not changed");
        self.facts.preferences.autostart = self.desktop.autostart();
        outcome
    }

    pub(super) fn choose_opencode(&mut self) {
        self.choose(Wanted::OpenCode, Choose::Program);
    }

    pub(super) fn choose(&self, wanted: Wanted, what: Choose) {
        let inputs = self.inputs.clone();
        self.desktop.choose(
            what,
            Box::new(move |path| {
                // Nobody listens any more once the program ends.
                let _over = inputs.send(super::Input::Done(Done::Chosen(wanted, path)));
            }),
        );
    }

    pub(super) fn chosen(&mut self, wanted: Wanted, path: Option<PathBuf>) {
        let Some(path) = path else { return };
        match wanted {
            Wanted::Folder => self.set(Setting::AddFolder(path.to_string_lossy().into_owned()), None),
            Wanted::SetupFolder => self.setup(Setting::AddFolder(path.to_string_lossy().into_owned())),
            Wanted::OpenCode => self.save(plain(move |it| it.opencode_program(&path)), None, None),
        }
    }

    /// Changes `config.toml` off the task: it waits for other programs that change it.
    pub(super) fn save(
        &mut self,
        change: Change,
        answer: Option<oneshot::Sender<Answer>>,
        then: Option<Command>,
    ) {
        self.write(change, answer, then, false);
    }

    /// What was chosen in the first run.
    pub(super) fn save_of_setup(&mut self, change: Change) {
        self.write(change, None, None, true);
    }

    fn write(
        &mut self,
        change: Change,
        answer: Option<oneshot::Sender<Answer>>,
        then: Option<Command>,
        of_setup: bool,
    ) {
        let place = self.place.clone();
        self.later(async move {
            let work = tokio::task::spawn_blocking(move || {
                let mut settings = Settings::open(&place.paths)?;
                change(&mut settings)?;
                settings.save()?;
                let draft = Draft::read(&place.env).ok();
                Ok::<_, SettingsError>(draft.map(|draft| Read {
                    preferences: preferences(&draft),
                    workspace_id: draft.workspace_id.ok(),
                }))
            });
            let (result, read) = match work.await {
                Ok(Ok(read)) => (Ok(()), read),
                Ok(Err(error)) => (Err(refusal(&error)), None),
                Err(_) => (Err(failure(UNCHANGED, "Something went wrong inside OrgX Peer")), None),
            };
            Done::Saved(Saved { result, answer, then, of_setup, read })
        });
    }

    pub(super) fn saved(&mut self, saved: Saved) {
        let Saved { result, answer, then, of_setup, read } = saved;
        if let Some(Read { preferences, workspace_id }) = read {
            (self.facts.preferences.notifications, self.facts.preferences.muted_rules) = preferences;
            // The first run has its own choice until it is written.
            if let Some(id) = workspace_id.filter(|_| !self.facts.setting_up) {
                self.name_workspace(&id);
                self.facts.setup.workspace_id = Some(id);
            }
        }
        if let Err(why) = result {
            tracing::warn!(%why, "config.toml was not changed");
            self.facts.preferences.error = Some(why.text.clone());
            self.facts.setup.error = Some(why.text.clone());
            return reply(answer, Err(why));
        }
        if of_setup {
            self.setup_saved();
        }
        let Some(host) = &self.host else { return reply(answer, Ok(Answered::Done)) };
        let asked = host.ask(Command::Reload);
        let then = then.map(|command| host.ask(command));
        self.later(async move {
            let restart = match asked.await {
                Ok(Reply::Reloaded { restart }) => restart,
                Ok(_) => Vec::new(),
                Err(error) => {
                    tracing::warn!(%error, "the peer did not read config.toml again");
                    Vec::new()
                }
            };
            let outcome = match then {
                Some(then) => {
                    then.await.map(|_| Answered::Done).map_err(|error| failure("That was not done", error))
                }
                None => Ok(Answered::Done),
            };
            reply(answer, outcome);
            Done::Reloaded(restart)
        });
    }

    /// What of `config.toml` needs a new peer gets one; runs then end as "peer stopped", which OrgX may give again.
    pub(super) fn reloaded(&mut self, restart: &[String]) {
        if !restart.is_empty() && self.facts.hosting == Hosting::Here {
            tracing::info!(?restart, "the peer starts again for its settings");
            self.stop_host(Afterwards::LookAgain);
            self.facts.page = Page::Settings;
        }
    }
}

/// The one of these that is shown so: in a list, or, shorter, in a run's line.
fn one<'a>(known: impl Iterator<Item = &'a String>, shown: &str) -> Option<String> {
    let mut found: Vec<&String> = known
        .filter(|it| {
            let skill = text::cut(it, runs::SKILL);
            **it == shown || text::line(it) == shown || skill == shown
        })
        .collect();
    found.sort();
    found.dedup();
    match found.as_slice() {
        [it] => Some((*it).clone()),
        all => all.iter().find(|it| **it == shown).map(|it| (*it).clone()),
    }
}

/// Can it be kept, and mean something?
fn is_budget(Budget { tokens, cents, minutes }: Budget) -> bool {
    [tokens, cents, minutes].into_iter().flatten().all(|n| (1..=i64::MAX as u64).contains(&n))
}

fn of_page(Budget { tokens, cents, minutes }: Budget) -> BudgetConfig {
    BudgetConfig { tokens, cents, minutes }
}

fn refusal(error: &SettingsError) -> Failure {
    let title = if matches!(error, SettingsError::LastFolder) { "The last folder stays" } else { UNCHANGED };
    failure(title, error)
}

pub(super) fn reply(answer: Option<oneshot::Sender<Answer>>, outcome: Answer) {
    if let Some(answer) = answer {
        let _gone = answer.send(outcome);
    }
}

pub(super) fn plain(
    change: impl for<'a> FnOnce(&'a mut Settings) -> &'a mut Settings + Send + 'static,
) -> Change {
    Box::new(move |it| {
        change(it);
        Ok(())
    })
}

pub(super) fn notifications(settings: &mut Settings, wanted: Notifications) {
    for (kind, on) in [
        (NotificationKind::NeedsYou, wanted.needs_you),
        (NotificationKind::Deviation, wanted.deviations),
        (NotificationKind::RunFailed, wanted.run_failed),
        (NotificationKind::Offline, wanted.offline),
        (NotificationKind::License, wanted.license),
    ] {
        settings.notifications(kind, on);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_names_one_that_is_known_or_nothing() {
        let long = |end: char| format!("{}{end}", "x".repeat(400));
        let known = ["no-todo".to_owned(), "oxk_live_0123456789".to_owned(), long('a')];
        let named = |shown: &str| one(known.iter(), shown);
        assert_eq!(named("no-todo").as_deref(), Some("no-todo"));
        assert_eq!(named("[redacted]").as_ref(), known.get(1));
        assert_eq!(named(&text::line(&long('a'))).as_ref(), known.get(2));
        assert_eq!(named(&text::cut(&long('a'), runs::SKILL)).as_ref(), known.get(2));
        assert_eq!(named("another"), None);
        let both = [long('a'), long('b')];
        assert_eq!(one(both.iter(), &text::line(&long('b'))), None, "which of both is meant?");
        assert_eq!(one(both.iter(), &long('b')).as_ref(), both.get(1));
    }
}
