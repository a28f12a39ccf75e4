//! Pause, cancel, asks, settings, attaching.

use super::{App, World, is_main};
use crate::controller::{Clicked, Input, PageCommand, Start, TrayPlace};
use crate::tray::Click;
use crate::view::model::{Action, Page, Setting};
use orgx_peer::Peer;
use orgx_sandbox::daemon::Line;
use std::path::Path;

#[tokio::test]
async fn a_pause_of_the_tray_lets_no_task_start_and_resume_lets_it_run() {
    let world = World::new().await;
    let app = world.ready().await;
    app.send(Input::Tray(Click::Pause));
    app.until("a pause", |now| now.header.title == "Paused by you").await;
    world.dispatch("r1", "Wait");
    app.until("a run that waits", |now| now.runs.now.iter().any(|run| run.state == "queued")).await;
    assert_eq!(world.daemon.prompts().len(), 0);
    app.send(Input::Tray(Click::Resume));
    app.until("its receipt", |now| {
        now.receipts.iter().any(|it| it.run_id == "r1" && it.state == "delivered")
    })
    .await;
    app.end().await;
}

#[tokio::test]
async fn cancel_ends_the_run_and_its_page_shows_it() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "ENDLESS");
    app.until("a run", |now| now.runs.now.iter().any(|run| run.state == "running")).await;
    app.page(PageCommand::ShowPage(Page::Run { run_id: "r1".into() })).await.unwrap();
    app.until("its page", |now| now.run.as_ref().is_some_and(|page| !page.loading)).await;
    app.page(PageCommand::CancelRun { run_id: "r1".into() }).await.unwrap();
    let ended = |now: &crate::view::model::WindowState| {
        now.run.as_ref().is_some_and(|page| page.run.state == "cancelled")
    };
    app.until("the end on its page", ended).await;
    assert!(app.desktop.seen().shown.is_empty(), "nobody is told of what they did themselves");
    app.page(PageCommand::CopyReceipt { run_id: "r1".into() }).await.unwrap();
    assert!(app.desktop.seen().clipboard.as_ref().is_some_and(|text| text.contains("\"run_id\": \"r1\"")));
    let refused = app.page(PageCommand::CancelRun { run_id: "nobody".into() }).await.unwrap_err();
    assert_eq!(refused.title, "That was not done");
    app.end().await;
}

#[tokio::test]
async fn a_late_click_ends_no_run_whose_id_only_starts_so() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r10", "ENDLESS");
    app.until("a run", |now| now.header.title == "Running 1 task").await;
    app.send(Input::Tray(Click::Cancel("r1".into())));
    let run_id = || "r1".to_owned();
    assert!(app.page(PageCommand::CancelRun { run_id: run_id() }).await.is_err());
    assert!(app.page(PageCommand::CopyReceipt { run_id: run_id() }).await.is_err());
    let other = app.page(PageCommand::CancelRun { run_id: "r10".into() });
    assert!(world.gateway.of_run("r10").iter().all(|frame| frame["kind"] != "task.failed"));
    other.await.unwrap();
    app.end().await;
}

#[tokio::test]
async fn a_failed_run_is_told_and_a_click_opens_it() {
    let world = World::new().await;
    world.daemon.script("BROKEN", vec![Line::Gate("go".into()), Line::End]);
    let app = world.ready().await;
    world.dispatch("r1", "BROKEN");
    // Its end may be told before anything else of it.
    app.until("its title", |now| now.runs.now.iter().any(|run| run.title == "BROKEN")).await;
    world.daemon.open("go");
    app.seen("a notification", |seen| seen.shown.iter().any(|it| it.title == "Run failed: BROKEN")).await;
    let page = app.desktop.seen().shown[0].page.clone();
    app.send(Input::Notification(Clicked::Open(page)));
    app.until("its page", |now| now.page == Page::Run { run_id: "r1".into() } && now.goto == 1).await;
    app.seen("the window", |seen| seen.window).await;
    app.end().await;
}

#[tokio::test]
async fn an_app_attaches_to_a_peer_that_runs_and_takes_its_place_when_it_ends() {
    let world = World::new().await;
    let other = Peer::start(world.config()).await.unwrap();
    let app = world.app(world.signed_in(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the other's peer", |now| now.attached && now.header.title == "Ready for tasks").await;
    app.page(PageCommand::Pause { after_current_runs: false }).await.unwrap();
    app.until("a pause", |now| now.header.title == "Paused by you").await;
    assert_eq!(other.snapshot().pause, orgx_peer::PauseState::Paused);
    other.stop().await;
    app.until("a peer of its own", |now| {
        !now.attached && is_main(now) && now.header.title == "Paused by you"
    })
    .await;
    app.end().await;
}

#[tokio::test]
async fn quitting_an_attached_app_leaves_the_peer_alone() {
    let world = World::new().await;
    let other = Peer::start(world.config()).await.unwrap();
    let app = world.app(world.signed_in(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the other's peer", |now| now.attached).await;
    app.send(Input::Tray(Click::Quit));
    app.task.await.unwrap();
    assert!(other.command(orgx_peer::Command::Resume).await.is_ok());
    other.stop().await;
}

#[tokio::test]
async fn a_setting_is_written_and_in_force_at_once() {
    let world = World::new().await;
    let app = world.ready().await;
    app.page(PageCommand::Set(Setting::Presence(false))).await.unwrap();
    app.send(Input::Notification(Clicked::Mute("no-todo".into())));
    let now = app
        .until("both", |now| now.settings.presence == Some(false) && !now.settings.muted_rules.is_empty())
        .await;
    assert_eq!(now.settings.muted_rules, ["no-todo"]);
    let text = std::fs::read_to_string(world.home.path().join("config/config.toml")).unwrap();
    assert!(text.contains("presence = false") && text.contains("no-todo"), "{text}");
    let other = app.page(PageCommand::Set(Setting::UnmuteRule("no-tod…".into()))).await.unwrap_err();
    assert!(other.text.starts_with("There is no such rule"), "{other}");
    app.page(PageCommand::Set(Setting::UnmuteRule("no-todo".into()))).await.unwrap();
    app.page(PageCommand::Set(Setting::Autostart(true))).await.unwrap();
    app.until("start at login", |now| now.settings.autostart == Some(true)).await;
    assert!(app.page(PageCommand::Set(Setting::Concurrent(0))).await.is_err());
    app.end().await;
}

#[tokio::test]
async fn the_last_folder_is_not_taken_away_since_that_would_allow_any() {
    let world = World::new().await;
    let app = world.ready().await;
    let folder = world.home.path().join("w").display().to_string();
    app.page(PageCommand::Set(Setting::AddFolder(folder.clone()))).await.unwrap();
    app.until("the folder", |now| now.settings.folders == [folder.clone()]).await;
    let refused = app.page(PageCommand::Set(Setting::RemoveFolder(folder.clone()))).await.unwrap_err();
    assert_eq!(refused.title, "The last folder stays");
    let home = app.page(PageCommand::Set(Setting::AddFolder("~".into()))).await.unwrap_err();
    assert!(home.text.starts_with("It holds all that is yours"), "{home}");
    let missing = app.page(PageCommand::Set(Setting::AddFolder("/no/such/folder".into()))).await.unwrap_err();
    assert_eq!(missing.title, "The folder was not added");
    assert!(app.page(PageCommand::Set(Setting::AnyFolder(true))).await.is_err(), "the person says no");
    app.desktop.seen().consent = true;
    app.page(PageCommand::Set(Setting::AnyFolder(true))).await.unwrap();
    assert_eq!(app.desktop.seen().asked.len(), 2, "the page alone cannot do it");
    app.until("any folder", |now| now.settings.folders.is_empty()).await;
    app.end().await;
}

#[tokio::test]
async fn folders_taken_away_one_right_after_the_other_are_all_gone() {
    let world = World::new().await;
    let path = |name: &str| world.home.path().join(name).display().to_string();
    let app = world.ready().await;
    for name in ["a", "b", "c"] {
        std::fs::create_dir(path(name)).unwrap();
        app.page(PageCommand::Set(Setting::AddFolder(path(name)))).await.unwrap();
    }
    app.until("all three", |now| now.settings.folders.len() == 3).await;
    let remove = |name: &str| app.page(PageCommand::Set(Setting::RemoveFolder(path(name))));
    let (a, b) = tokio::join!(remove("a"), remove("b"));
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    app.until("one is left", |now| now.settings.folders == [path("c")]).await;
    let refused = app.page(PageCommand::Set(Setting::RemoveFolder(path("c")))).await.unwrap_err();
    assert_eq!(refused.title, "The last folder stays");
    app.end().await;
}

#[tokio::test]
async fn a_workspace_that_the_environment_names_is_not_changed_and_the_page_knows() {
    let world = World::new().await;
    let app = world.ready().await;
    let now = app.until("what is fixed", |now| !now.settings.fixed.is_empty()).await;
    assert_eq!(now.settings.fixed, ["workspace", "base_url"]);
    let refused = app.page(PageCommand::Set(Setting::Workspace("w2".into()))).await.unwrap_err();
    assert_eq!(refused.title, "The workspace was not changed");
    assert!(!world.home.path().join("config/config.toml").exists(), "nothing was written");
    app.end().await;
}

#[tokio::test]
async fn a_file_of_a_run_is_shown_where_it_lies_and_nothing_outside_of_its_folder() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "ENDLESS");
    let now = app.until("a run", |now| now.runs.now.iter().any(|run| run.folder.is_some())).await;
    let folder = Path::new(now.runs.now[0].folder.as_ref().unwrap()).canonicalize().unwrap();
    std::fs::create_dir(folder.join("src")).unwrap();
    std::fs::write(folder.join("src/a.py"), "x").unwrap();
    std::fs::write(world.home.path().join("secret"), "x").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(world.home.path().join("secret"), folder.join("link")).unwrap();
    let show = |run_id: &str, place: &str| {
        app.page(PageCommand::ShowFile { run_id: run_id.into(), place: place.into() })
    };
    show("r1", "src/a.py").await.unwrap();
    show("r1", &folder.join("src/a.py").display().to_string()).await.unwrap();
    assert_eq!(app.desktop.seen().folders, [folder.join("src/a.py"), folder.join("src/a.py")]);
    for (run_id, place) in [
        ("r1", "../secret"),
        ("r1", "link"),
        ("r1", "/etc/passwd"),
        ("r1", "src"),
        ("r1", ""),
        ("r1", "gone.py"),
        ("nobody", "src/a.py"),
    ] {
        let refused = show(run_id, place).await.unwrap_err();
        assert_eq!(refused.title, "This file was not shown", "{run_id} {place}");
    }
    assert_eq!(app.desktop.seen().folders.len(), 2);
    app.end().await;
}

#[tokio::test]
async fn a_folder_may_be_typed_as_the_field_shows_it() {
    let world = World::new().await;
    let app = world.ready().await;
    let folder = world.home.path().join("w").display().to_string();
    app.page(PageCommand::Set(Setting::AddFolder("~/w".into()))).await.unwrap();
    app.until("the folder, whole", |now| now.settings.folders == [folder.clone()]).await;
    app.page(PageCommand::Setup(Setting::AddFolder("~/w".into()))).await.unwrap();
    app.until("the same in the first run", |now| now.setup.folders == [folder.clone()]).await;
    app.end().await;
}

#[tokio::test]
async fn a_run_that_went_on_behind_a_closed_window_is_read_when_it_opens() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "GATED");
    app.page(PageCommand::ShowPage(Page::Run { run_id: "r1".into() })).await.unwrap();
    app.until("its page", |now| now.run.as_ref().is_some_and(|page| page.run.state == "running")).await;
    app.send(Input::WindowClosed);
    world.daemon.open("go");
    world.gateway.terminal("r1").await.unwrap();
    app.seen("its end", |seen| format!("{:?}", seen.tray).contains("Ready for tasks")).await;
    app.page(PageCommand::Ready).await.unwrap();
    app.until("it is read", |now| now.run.as_ref().is_some_and(|page| page.receipt.is_some())).await;
    app.end().await;
}

#[tokio::test]
async fn what_a_page_names_is_checked() {
    let world = World::new().await;
    let app = world.ready().await;
    for command in [
        PageCommand::CancelRun { run_id: String::new() },
        PageCommand::CancelRun { run_id: "x".repeat(300) },
        PageCommand::CopyReceipt { run_id: "a\nb".into() },
        PageCommand::CopyText("x".repeat(5_000)),
        PageCommand::OpenFolder(Path::new("/etc").into()),
        PageCommand::SetupPage(9),
    ] {
        let said = format!("{command:?}");
        assert!(app.page(command).await.is_err(), "{said}");
    }
    app.page(PageCommand::OpenOrgx).await.unwrap();
    assert_eq!(app.desktop.seen().urls.len(), 1);
    assert!(app.desktop.seen().folders.is_empty());
    app.end().await;
}

#[tokio::test]
async fn without_a_place_for_the_icon_the_window_opens_and_it_is_said_once() {
    let world = World::new().await;
    for _ in 0..2 {
        let app = world.ready().await;
        app.send(Input::TrayPlace(TrayPlace::Missing));
        app.seen("the window", |seen| seen.window).await;
        app.end().await;
    }
    assert_eq!(told_of_no_tray(&world.desktop), 1);
}

fn told_of_no_tray(desktop: &crate::desktop::mock::Mock) -> usize {
    desktop.seen().shown.iter().filter(|it| it.title == "OrgX Peer runs without an icon").count()
}

#[tokio::test]
async fn a_second_start_opens_the_window_and_a_first_one_of_somebody_signed_in_does_not() {
    let world = World::new().await;
    let app = world.ready().await;
    assert!(!app.desktop.seen().window);
    app.send(Input::SecondStart);
    app.seen("the window", |seen| seen.window).await;
    app.end().await;
}

#[tokio::test]
async fn the_tray_is_set_when_something_has_changed_and_not_else() {
    let world = World::new().await;
    let app: App = world.ready().await;
    let before = app.desktop.seen().tray_set;
    for _ in 0..20 {
        app.page(PageCommand::ShowPage(Page::Runs)).await.unwrap();
    }
    assert_eq!(app.desktop.seen().tray_set, before);
    app.end().await;
}

#[tokio::test]
async fn looking_at_the_keychain_again_leaves_a_running_peer_alone() {
    let world = World::new().await;
    let app = world.ready().await;
    world.dispatch("r1", "GATED");
    app.until("a run", |now| now.header.title == "Running 1 task").await;
    let connections = world.gateway.connections();
    for _ in 0..3 {
        app.page(PageCommand::DoAction(Action::RetryKeychain)).await.unwrap();
    }
    world.daemon.open("go");
    let now = app.until("its receipt", |now| now.receipts.iter().any(|it| it.state == "delivered")).await;
    assert!(!now.attached && world.gateway.connections() == connections);
    assert!(world.gateway.of_run("r1").iter().any(|frame| frame["kind"] == "task.completed"));
    app.end().await;
}
