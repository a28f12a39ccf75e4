//! What the window may ask for: each command hands the controller one value, and answers with what comes back.

use crate::controller::{Answer, Answered, Input, Keep, PageCommand, WayIn};
use crate::view::model::{Action, Failure, Page, Quit, Say, Setting, WindowState};
use std::path::PathBuf;
use tauri::State;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

type Inputs<'a> = State<'a, UnboundedSender<Input>>;
type Outcome = Result<(), Failure>;

async fn asked(inputs: &UnboundedSender<Input>, command: PageCommand) -> Answer {
    let gone = || Failure { title: "OrgX Peer is quitting".into(), text: "Nothing was done.".into() };
    let (answer, answered) = oneshot::channel();
    inputs.send(Input::Page(command, answer)).map_err(|_| gone())?;
    answered.await.unwrap_or_else(|_| Err(gone()))
}

async fn ask(inputs: &UnboundedSender<Input>, command: PageCommand) -> Outcome {
    asked(inputs, command).await.map(drop)
}

#[tauri::command]
pub(crate) async fn ready(inputs: Inputs<'_>) -> Result<WindowState, Failure> {
    match asked(&inputs, PageCommand::Ready).await? {
        Answered::State(state) => Ok(*state),
        Answered::Done => Ok(WindowState::default()),
    }
}

/// A command without arguments, or with these.
macro_rules! commands {
    ($($name:ident ( $($argument:ident : $type:ty),* ) => $command:expr;)+) => {
        $(
            #[tauri::command]
            pub(crate) async fn $name(inputs: Inputs<'_>, $($argument: $type),*) -> Outcome {
                ask(&inputs, $command).await
            }
        )+
    };
}

commands! {
    show_page(page: Page) => PageCommand::ShowPage(page);
    pause(after_current_runs: bool) => PageCommand::Pause { after_current_runs };
    resume() => PageCommand::Resume;
    try_now() => PageCommand::TryNow;
    cancel_run(run_id: String) => PageCommand::CancelRun { run_id };
    answer(id: String, say: Say) => PageCommand::Answer { id, say };
    do_action(action: Action) => PageCommand::DoAction(action);
    sign_in_start(way: WayIn) => PageCommand::SignInStart(way);
    sign_in_key(key: String) => PageCommand::SignInKey(key.into());
    sign_in_back() => PageCommand::SignInBack;
    pair_open() => PageCommand::PairOpen;
    pair_copy() => PageCommand::PairCopy;
    keep_key(place: Keep) => PageCommand::KeepKey(place);
    setup(change: Setting) => PageCommand::Setup(change);
    setup_page(page: u8) => PageCommand::SetupPage(page);
    setup_done() => PageCommand::SetupDone;
    test_task() => PageCommand::TestTask;
    test_close() => PageCommand::TestClose;
    set(change: Setting) => PageCommand::Set(change);
    copy_receipt(run_id: String) => PageCommand::CopyReceipt { run_id };
    copy_diagnostics() => PageCommand::CopyDiagnostics;
    copy_text(text: String) => PageCommand::CopyText(text);
    show_outbox() => PageCommand::ShowOutbox;
    show_logs() => PageCommand::ShowLogs;
    open_orgx() => PageCommand::OpenOrgx;
    open_folder(path: PathBuf) => PageCommand::OpenFolder(path);
    open_session(id: String, terminal: bool) => PageCommand::OpenSession { id, terminal };
    open_run(run_id: String, terminal: bool) => PageCommand::OpenRun { run_id, terminal };
    undo(run_id: String, undone: bool) => PageCommand::Undo { run_id, undone };
    show_file(run_id: String, place: String) => PageCommand::ShowFile { run_id, place };
    sign_out() => PageCommand::SignOut;
    quit(how: Quit) => PageCommand::Quit(how);
    close_window() => PageCommand::CloseWindow;
}
