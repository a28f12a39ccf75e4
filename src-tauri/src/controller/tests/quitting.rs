//! The ways out.

use super::{KEY, World};
use crate::controller::{Input, PageCommand, Start, WayIn};
use crate::tray::Click;
use crate::view::model::{Quit, Screen, Sheet, SignInStep};
use orgx_sandbox::gateway::Received;

#[tokio::test]
async fn quit_asks_while_a_run_is_active_and_stay_stays() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "ENDLESS");
    app.until("a run", |now| now.header.title == "Running 1 task").await;
    app.send(Input::Tray(Click::Quit));
    app.until("the question", |now| now.sheet == Some(Sheet::Quit { runs: 1 })).await;
    assert!(app.desktop.seen().window);
    app.page(PageCommand::Quit(Quit::Stay)).await.unwrap();
    app.until("no question", |now| now.sheet.is_none()).await;
    app.end().await;
    let frames = world.gateway.of_run("r1");
    assert_eq!(frames.last().unwrap()["reason"], "peer stopped", "a signal ends runs by the peer's rules");
}

#[tokio::test]
async fn quit_asks_even_in_the_moment_in_which_a_run_begins() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "ENDLESS");
    let began = |frames: &[Received]| frames.iter().any(|frame| frame.value["kind"] == "task.started");
    world.gateway.wait_for("its start", began).await.unwrap();
    app.send(Input::Tray(Click::Quit));
    app.until("the question", |now| now.sheet == Some(Sheet::Quit { runs: 1 })).await;
    app.end().await;
}

#[tokio::test]
async fn finish_first_waits_for_the_last_run_and_the_next_start_takes_tasks_again() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "GATED");
    app.until("a run", |now| now.header.title == "Running 1 task").await;
    app.send(Input::Tray(Click::Quit));
    app.page(PageCommand::Quit(Quit::Finish)).await.unwrap();
    app.until("the end in sight", |now| now.header.title == "Finishing, then quitting").await;
    world.daemon.open("go");
    app.task.await.unwrap();
    let frames = world.gateway.of_run("r1");
    assert!(frames.iter().any(|frame| frame["kind"] == "task.completed"));
    let again = world.app(world.signed_in(), Start::default());
    again.page(PageCommand::Ready).await.unwrap();
    again.until("ready", |now| now.header.title == "Ready for tasks").await;
    again.end().await;
}

#[tokio::test]
async fn keep_running_takes_it_back() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "GATED");
    app.until("a run", |now| now.header.title == "Running 1 task").await;
    app.send(Input::Tray(Click::Quit));
    app.page(PageCommand::Quit(Quit::Finish)).await.unwrap();
    app.until("the end in sight", |now| now.header.title == "Finishing, then quitting").await;
    app.send(Input::Tray(Click::KeepRunning));
    app.until("no end", |now| now.header.title == "Running 1 task").await;
    world.daemon.open("go");
    app.until("ready", |now| now.header.title == "Ready for tasks").await;
    app.end().await;
}

#[tokio::test]
async fn cancel_and_quit_ends_what_runs_as_cancelled() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "ENDLESS");
    app.until("a run", |now| now.header.title == "Running 1 task").await;
    app.send(Input::Tray(Click::Quit));
    app.page(PageCommand::Quit(Quit::Cancel)).await.unwrap();
    app.task.await.unwrap();
    assert_eq!(world.gateway.of_run("r1").last().unwrap()["reason"], "cancelled");
}

#[tokio::test]
async fn quit_without_runs_asks_nothing() {
    let world = World::new().await;
    let app = world.ready().await;
    app.send(Input::Tray(Click::Quit));
    app.task.await.unwrap();
    assert!(world.desktop.seen().exited);
}

#[tokio::test]
async fn a_sign_out_is_done_before_the_program_ends() {
    for how in [Input::Tray(Click::Quit), Input::Stop] {
        let world = World::new().await;
        let env = world.signed_out().with("ORGX_WORKSPACE_ID", "w1");
        world.keep_key(KEY);
        let app = world.app(env, Start::default());
        app.page(PageCommand::Ready).await.unwrap();
        app.until("a peer", |now| now.header.title == "Ready for tasks").await;
        let (answer, answered) = tokio::sync::oneshot::channel();
        app.send(Input::Page(PageCommand::SignOut, answer));
        app.send(how);
        assert!(answered.await.unwrap().is_ok());
        app.task.await.unwrap();
        assert!(world.desktop.seen().exited && world.keychain.is_empty());
    }
}

#[tokio::test]
async fn the_program_ends_after_a_test_tasks_peer_and_not_before() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let world = World::new().await;
    let before = tasks();
    let app = world.ready().await;
    app.page(PageCommand::TestTask).await.unwrap();
    app.until("a step of the test", |now| {
        now.test.as_ref().and_then(|test| test.run.as_ref()).is_some_and(|it| it.run.steps > 0)
    })
    .await;
    app.send(Input::Tray(Click::Quit));
    app.task.await.unwrap();
    // The other ends of its connections notice in a moment; a peer that has yet to stop takes far longer.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(tasks(), before, "nothing of the test goes on");
}

#[tokio::test]
async fn a_pairing_is_called_off_before_the_program_ends() {
    let world = World::new().await;
    let app = world.app(world.signed_out(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the card", |now| now.screen == Screen::SignIn).await;
    app.page(PageCommand::SignInStart(WayIn::Browser)).await.unwrap();
    app.until("the code", |now| matches!(now.sign_in.step, SignInStep::Pairing { .. })).await;
    app.send(Input::Tray(Click::Quit));
    app.task.await.unwrap();
    assert!(
        world.gateway.requests().iter().any(|it| it.path.ends_with("/cancel")),
        "{:?}",
        world.gateway.requests()
    );
}

#[tokio::test]
async fn finish_first_does_not_wait_for_what_comes_meanwhile() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "GATED");
    app.until("a run", |now| now.header.title == "Running 1 task").await;
    app.page(PageCommand::Quit(Quit::Finish)).await.unwrap();
    app.until("the end in sight", |now| now.header.title == "Finishing, then quitting").await;
    world.dispatch("r2", "GATED");
    app.until("two", |now| now.runs.now.len() == 2).await;
    world.daemon.open("go");
    app.task.await.unwrap();
    let started = world.gateway.of_run("r2").iter().any(|frame| frame["kind"] == "task.step");
    assert!(!started && world.daemon.prompts().len() == 1, "it waits for the next start");
    assert!(world.gateway.of_run("r1").iter().any(|frame| frame["kind"] == "task.completed"));
}

#[tokio::test]
async fn finish_first_starts_nothing_of_a_peer_that_is_paused() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "GATED");
    app.until("a run", |now| now.header.title == "Running 1 task").await;
    app.page(PageCommand::Pause { after_current_runs: false }).await.unwrap();
    app.until("paused", |now| now.header.title == "Paused by you").await;
    world.dispatch("r2", "ENDLESS");
    app.until("two", |now| now.runs.now.len() == 2).await;
    app.page(PageCommand::Quit(Quit::Finish)).await.unwrap();
    app.until("the end in sight", |now| now.header.title == "Finishing, then quitting").await;
    world.daemon.open("go");
    app.task.await.unwrap();
    assert_eq!(world.daemon.prompts().len(), 1, "what the person had paused stays where it is");
}
