//! What the window wants, one command each. Every argument is checked: a page could be wrong.

use super::peer::no_peer;
use super::{Answer, Answered, Controller, PageCommand, WayIn, failure};
use crate::view::model::{Action, Failure, Page};
use orgx_peer::Command;
use tokio::sync::oneshot;

/// Longest id, in bytes.
const ID: usize = 256;
/// Longest text that is copied for a page, in bytes.
const TEXT: usize = 4 * 1024;
/// Longest path, in bytes.
const PATH: usize = 4 * 1024;

impl Controller {
    pub(super) fn command(&mut self, command: PageCommand, answer: oneshot::Sender<Answer>) {
        if let Err(refused) = check(&command) {
            let _gone = answer.send(Err(refused));
            return;
        }
        // Those whose outcome takes time answer by themselves.
        let outcome = match command {
            PageCommand::Pause { after_current_runs } => {
                return self.ask_peer(Command::Pause { after_current_runs }, answer);
            }
            PageCommand::CancelRun { run_id } => {
                return self.ask_peer(Command::Cancel { run_id, exact: true }, answer);
            }
            PageCommand::Answer { id, say } => return self.answer_need(id, say, answer),
            PageCommand::OpenRun { run_id, terminal } => return self.open_run(run_id, terminal, answer),
            PageCommand::Undo { run_id, undone } => return self.undo(run_id, undone, answer),
            PageCommand::Set(change) => {
                return match self.meant(change) {
                    Ok(change) => self.set(change, Some(answer)),
                    Err(refused) => super::settings::reply(Some(answer), Err(refused)),
                };
            }
            PageCommand::CopyReceipt { run_id } => return self.copy_receipt(run_id, answer),
            PageCommand::CopyDiagnostics => return self.copy_diagnostics(Some(answer)),
            PageCommand::SignOut => return self.sign_out(answer),
            PageCommand::DoAction(action) => self.act(action),
            PageCommand::Ready => Ok(Answered::State(Box::new(self.window_ready()))),
            PageCommand::ShowPage(page) => {
                self.go_to(page);
                Ok(Answered::Done)
            }
            PageCommand::Resume if self.host.is_none() => Err(no_peer()),
            PageCommand::Resume => self.done_with(Self::resume),
            PageCommand::TryNow => self.done_with(Self::try_now),
            PageCommand::SignInStart(way) => self.sign_in_start(way),
            PageCommand::SignInKey(key) => self.done_with(|it| it.sign_in_key(key)),
            PageCommand::SignInBack => self.done_with(Self::sign_in_back),
            PageCommand::PairOpen => self.pair_open(),
            PageCommand::PairCopy => self.pair_copy(),
            PageCommand::KeepKey(place) => self.done_with(|it| it.keep_key(place)),
            PageCommand::Setup(change) => self.done_with(|it| it.setup(change)),
            // Its choices are written without a question: there is one only in the first run.
            PageCommand::SetupPage(_) if !self.facts.setting_up => {
                Err(failure("That was not done", "The first run is over"))
            }
            PageCommand::SetupPage(page) => self.done_with(|it| it.setup_page(page)),
            PageCommand::SetupDone => self.done_with(Self::setup_done),
            PageCommand::TestTask => self.done_with(Self::test_task),
            PageCommand::TestClose => self.done_with(Self::close_test),
            PageCommand::CopyText(text) => self.copy(&text),
            PageCommand::ShowOutbox => self.show_outbox(),
            PageCommand::ShowLogs => self.show_logs(),
            PageCommand::OpenOrgx => self.open_orgx(),
            PageCommand::OpenFolder(path) => self.open_folder(&path),
            PageCommand::OpenSession { id, terminal } => self.open_session(&id, terminal),
            PageCommand::ShowFile { run_id, place } => self.show_file(&run_id, &place),
            PageCommand::Quit(how) => self.done_with(|it| it.quit_so(how)),
            PageCommand::CloseWindow => self.done_with(|it| it.desktop.close_window()),
        };
        let _gone = answer.send(outcome);
    }

    #[expect(clippy::unnecessary_wraps, reason = "the answer of those commands that cannot fail")]
    fn done_with(&mut self, act: impl FnOnce(&mut Self)) -> Answer {
        act(self);
        Ok(Answered::Done)
    }

    /// A notice's button.
    fn act(&mut self, action: Action) -> Answer {
        match action {
            Action::SignIn => self.done_with(Self::open_sign_in),
            Action::TryNow | Action::Restart => self.done_with(Self::try_now),
            Action::Resume => self.done_with(Self::resume),
            Action::OpenOrgx => self.open_orgx(),
            Action::ChooseOpencode => self.done_with(Self::choose_opencode),
            Action::ShowStateFolder => self.show_state_folder(),
            Action::ShowOutbox => self.show_outbox(),
            Action::RetryKeychain => self.done_with(Self::retry_keychain),
            Action::KeyInMemory => self.key_in_memory(),
        }
    }

    /// Keeps the key in memory that was just taken; or lets one be typed in that is to be kept so.
    fn key_in_memory(&mut self) -> Answer {
        if self.has_key_to_keep() {
            self.keep_key(super::Keep::Memory);
            return Ok(Answered::Done);
        }
        self.open_sign_in();
        self.keep_in_memory();
        self.sign_in_start(WayIn::Paste)
    }
}

fn check(command: &PageCommand) -> Result<(), Failure> {
    let id = |id: &str| {
        let fine = !id.is_empty() && id.len() <= ID && !id.chars().any(char::is_control);
        if fine {
            Ok(())
        } else {
            Err(failure("That was not done", "The page named something that cannot be"))
        }
    };
    let short = |fine: bool| if fine { Ok(()) } else { Err(failure("That was not done", "It is too long")) };
    match command {
        PageCommand::ShowPage(Page::Run { run_id } | Page::Need { id: run_id })
        | PageCommand::CancelRun { run_id }
        | PageCommand::OpenRun { run_id, .. }
        | PageCommand::Undo { run_id, .. }
        | PageCommand::CopyReceipt { run_id } => id(run_id),
        PageCommand::Answer { id: named, .. } | PageCommand::OpenSession { id: named, .. } => id(named),
        PageCommand::CopyText(text) => short(text.len() <= TEXT),
        PageCommand::OpenFolder(path) => short(path.as_os_str().len() <= PATH),
        PageCommand::ShowFile { run_id, place } => id(run_id).and_then(|()| short(place.len() <= PATH)),
        PageCommand::SetupPage(page) if !(2..=4).contains(page) => {
            Err(failure("That was not done", "There is no such page"))
        }
        _ => Ok(()),
    }
}
