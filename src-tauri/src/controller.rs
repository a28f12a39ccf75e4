//! The app's one task: it owns everything that is known, takes one [`Input`] at a time, and shows what has changed.
//!
//! Nothing calls it; everything sends it an input. What takes time runs beside it and sends an input when it is done.
//! After each batch of inputs the tray and the window are made anew from [`Facts`] and sent where they differ.

mod account;
mod actions;
mod answers;
mod clicks;
mod folders;
mod history;
pub mod host;
pub mod input;
mod peer;
mod quit;
mod reach;
mod sandbox;
mod sessions;
mod settings;
mod setup;
mod show;
mod sign_in;
mod test_task;
#[cfg(test)]
#[allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot be set up fails")]
mod tests;
mod timers;

pub use input::{Answer, Answered, Clicked, Done, Input, Keep, PageCommand, TrayPlace, WayIn};

use crate::desktop::Desktop;
use crate::facts::Facts;
use crate::kept::KeptFile;
use crate::notifications::Notifier;
use crate::view::model::Failure;
use host::Host;
use orgx_peer::credentials::Credentials;
use orgx_peer::{Environment, Paths};
use std::sync::Arc;
use timers::Timers;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How the program was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one argument of the program")]
pub struct Start {
    /// On the built-in sandbox.
    pub sandbox: bool,
    /// The same, if nobody is signed in.
    pub sandbox_when_signed_out: bool,
    /// At login: no window.
    pub autostarted: bool,
    /// With a window.
    pub open: bool,
}

/// Where the app finds what it works with.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The environment.
    pub env: Environment,
    /// Our folders.
    pub paths: Paths,
    /// The keys.
    pub credentials: Credentials,
    /// The folder of the logs.
    pub logs: std::path::PathBuf,
}

/// The task's state.
pub struct Controller {
    desktop: Arc<dyn Desktop>,
    inputs: mpsc::UnboundedSender<Input>,
    start: Start,
    /// The person's own.
    ground: Ground,
    /// Where the peer works: the person's own, or the sandbox's.
    place: Place,
    kept: KeptFile,
    facts: Facts,
    notifier: Notifier,
    host: Option<Host>,
    /// The generation of the host: what an older one says counts no more.
    generation: u64,
    /// Failed starts in a row.
    failures: u32,
    /// Where OrgX is.
    base_url: Option<url::Url>,
    /// The newest look at the account.
    look: u64,
    sign_in: sign_in::Flow,
    stage: Option<sandbox::Stage>,
    test: test_task::Running,
    reading: history::Reading,
    window: show::Window,
    timers: Timers,
    /// What is to be done once the peer has stopped.
    wishes: Wishes,
    /// Are keys being forgotten?
    forgetting: bool,
    /// What leaves something behind when it is not let end by itself: a test's peer, a pairing that is called off.
    loose: JoinSet<()>,
    /// The program ends; nothing takes that back.
    ending: bool,
    over: bool,
}

/// Where the peer works.
#[derive(Clone, Debug)]
struct Place {
    env: Environment,
    paths: Paths,
}

/// Why the peer is stopped.
#[derive(Debug)]
enum Afterwards {
    /// The program ends.
    Exit,
    /// Another peer starts, unless something else is wanted, too.
    LookAgain,
    /// The sandbox goes, and the person's own account is looked for.
    LeaveSandbox,
    /// The keys are forgotten.
    Forget(tokio::sync::oneshot::Sender<Answer>),
}

/// What is to be done once the peer has stopped. Each is a fact of its own: none takes the place of another.
#[derive(Debug, Default)]
struct Wishes {
    /// Was it asked to stop at all?
    stop: bool,
    /// The sandbox goes.
    leave_sandbox: bool,
    /// The keys are forgotten; that goes before the program's end.
    forget: Option<tokio::sync::oneshot::Sender<Answer>>,
}

impl Controller {
    /// A controller; whatever it begins sends its inputs to `inputs`.
    pub fn new(
        desktop: Arc<dyn Desktop>,
        ground: Ground,
        start: Start,
        inputs: mpsc::UnboundedSender<Input>,
    ) -> Self {
        let kept = KeptFile::in_folder(&ground.paths.state);
        let mut facts = Facts {
            now: desktop.now(),
            home: ground.env.home().map(|home| home.display().to_string()).unwrap_or_default(),
            sandbox: start.sandbox,
            ..Facts::default()
        };
        facts.preferences.logs = ground.logs.display().to_string();
        let remembered = kept.read();
        facts.sign_in.signed_out = remembered.signed_out;
        facts.workspace_name = remembered.workspace;
        let place = Place { env: ground.env.clone(), paths: ground.paths.clone() };
        Self {
            desktop,
            inputs,
            start,
            ground,
            place,
            kept,
            facts,
            notifier: Notifier::default(),
            host: None,
            generation: 0,
            failures: 0,
            base_url: None,
            look: 0,
            sign_in: sign_in::Flow::default(),
            stage: None,
            test: test_task::Running::default(),
            reading: history::Reading::default(),
            window: show::Window::default(),
            timers: Timers::default(),
            wishes: Wishes::default(),
            forgetting: false,
            loose: JoinSet::new(),
            ending: false,
            over: false,
        }
    }

    /// Runs until the program ends.
    pub async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Input>) {
        self.facts.preferences.autostart = self.desktop.autostart();
        if self.start.sandbox {
            self.set_sandbox();
        } else {
            self.look();
        }
        if self.start.open {
            self.open_window();
        }
        self.show();
        while !self.over {
            let wake = self.timers.next();
            tokio::select! {
                input = inbox.recv() => {
                    let Some(input) = input else { break };
                    self.take(input);
                    // A burst of steps is shown once.
                    while let Ok(input) = inbox.try_recv() {
                        self.take(input);
                    }
                }
                Some(_) = self.loose.join_next() => self.end_look(),
                () = timers::sleep_until(wake) => {}
            }
            self.facts.now = self.desktop.now();
            self.wake();
            self.show();
        }
        self.desktop.exit();
    }

    fn take(&mut self, input: Input) {
        self.facts.now = self.desktop.now();
        match input {
            Input::Page(command, answer) => self.command(command, answer),
            Input::Tray(click) => self.tray(click),
            Input::TrayPlace(place) => self.tray_place(place),
            Input::Notification(clicked) => self.notification(clicked),
            Input::SecondStart => self.open_window(),
            Input::Stop => self.stop_now(),
            Input::Focused(focused) => self.window.focused = focused,
            Input::WindowClosed => self.window_closed(),
            Input::Host(generation, said) if generation == self.generation => self.said(said),
            Input::Host(..) => {}
            Input::Done(done) => self.done(done),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Looked(look, looked) if look == self.look => self.looked(*looked),
            Done::Listed(look, config, key, listed) if look == self.look => {
                self.listed(config, key, &listed);
            }
            Done::Looked(..) | Done::Listed(..) => {}
            Done::History(result) => self.history_read(result),
            Done::Detail(run_id, result) => self.detail_read(&run_id, result),
            Done::Sessions(result) => self.sessions_read(result),
            Done::Open(open, terminal, answer) => self.opened(open, terminal, answer),
            Done::Undone(run_id) => self.detail_is_stale(&run_id),
            Done::Found(found) => self.found_sign_in(found),
            Done::Checked(attempt, result) => self.key_checked(attempt, result),
            Done::Kept(attempt, result) => self.key_kept(attempt, result),
            Done::PairingBegan(attempt, result) => self.pairing_began(attempt, result),
            Done::PairingEnded(attempt, result) => self.pairing_ended(attempt, result),
            Done::Workspaces(result) => self.workspaces_listed(result),
            Done::Forgotten(answer, result) => self.forgotten(answer, result),
            Done::Chosen(wanted, path) => self.chosen(wanted, path),
            Done::AnyFolder(yes, answer) => self.any_folder(yes, answer),
            Done::Saved(saved) => self.saved(saved),
            Done::Reloaded(restart) => self.reloaded(&restart),
            Done::Test(number, news) => self.test_news(number, news),
            Done::QuitLooked => self.quit_looked(),
            Done::Sandbox(result) => self.sandbox_set(result),
        }
    }

    /// Begins something that takes time.
    fn later(&self, work: impl Future<Output = Done> + Send + 'static) {
        let inputs = self.inputs.clone();
        tokio::spawn(async move {
            // Nobody listens any more once the program ends.
            let _over = inputs.send(Input::Done(work.await));
        });
    }
}

/// Why a command was not done.
fn failure(title: &str, text: impl std::fmt::Display) -> Failure {
    Failure { title: title.to_owned(), text: crate::text::sentence(&crate::text::line(&text.to_string())) }
}
