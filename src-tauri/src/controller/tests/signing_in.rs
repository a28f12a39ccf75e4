//! Signing in and out, and the first run.

use super::{KEY, World, state};
use crate::controller::{Keep, PageCommand, Start, WayIn};
use crate::view::model::{Action, Page, Screen, Setting, SignInStep, WindowState};
use orgx_peer::credentials::Mood;

#[tokio::test]
async fn nobody_is_signed_in_so_the_window_opens_on_the_card_but_not_at_login() {
    let world = World::new().await;
    let app = world.app(world.signed_out(), Start { autostarted: true, ..Start::default() });
    app.seen("a tray that says so", |seen| {
        seen.tray.as_ref().is_some_and(|tray| tray.tooltip == "Signed out")
    })
    .await;
    assert!(!app.desktop.seen().window);
    app.end().await;
    let app = world.app(world.signed_out(), Start::default());
    app.seen("the window", |seen| seen.window).await;
    assert_eq!(state(app.page(PageCommand::Ready).await).screen, Screen::SignIn);
    app.end().await;
}

#[tokio::test]
async fn a_pasted_key_goes_to_the_keychain_and_the_first_run_leads_to_a_peer() {
    let world = World::new().await;
    let app = world.app(world.signed_out(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the card", |now| now.screen == Screen::SignIn).await;
    app.page(PageCommand::SignInStart(WayIn::Paste)).await.unwrap();
    app.page(PageCommand::SignInKey("oxk_wrong_0123456789".to_owned().into())).await.unwrap();
    app.until("why not", |now| matches!(&now.sign_in.step, SignInStep::Paste { error: Some(why) } if why.starts_with("OrgX does not know this key"))).await;
    assert!(world.keychain.is_empty());
    app.page(PageCommand::SignInKey(format!(" {KEY}\n").into())).await.unwrap();
    app.until("the first run", |now| {
        now.screen == Screen::Setup && now.setup.page == 2 && !now.setup.listing
    })
    .await;
    assert_eq!(world.keychain.len(), 1);
    app.page(PageCommand::SetupPage(3)).await.unwrap();
    app.until("what is missing", |now| now.setup.error.is_some()).await;
    app.page(PageCommand::Setup(Setting::Workspace("w1".into()))).await.unwrap();
    let folder = world.home.path().join("w").display().to_string();
    app.page(PageCommand::Setup(Setting::AddFolder(folder.clone()))).await.unwrap();
    app.page(PageCommand::SetupPage(3)).await.unwrap();
    app.until("preferences", |now| now.setup.page == 3).await;
    assert_eq!(world.gateway.connections(), 0, "nothing runs before it is said where agents may work");
    app.page(PageCommand::SetupPage(4)).await.unwrap();
    app.until("the last page", |now| now.setup.page == 4).await;
    app.page(PageCommand::SetupDone).await.unwrap();
    let now =
        app.until("a peer", |now| now.screen == Screen::Main && now.header.title == "Ready for tasks").await;
    assert_eq!(
        (now.settings.key_last4.as_deref(), now.settings.key_place.as_deref()),
        (Some("6789"), Some("keychain"))
    );
    assert_eq!(now.settings.folders, [folder]);
    assert!(!serde_json::to_string(&now).unwrap().contains(KEY), "the window has no key");
    app.end().await;
}

#[tokio::test]
async fn a_locked_keychain_is_a_state_with_ways_out() {
    let world = World::new().await;
    world.keychain.set_mood(Mood::Locked);
    let app = world.app(world.signed_out(), Start::default());
    let now = {
        app.page(PageCommand::Ready).await.unwrap();
        app.until("the notice", |now| now.notice.is_some()).await
    };
    assert_eq!(now.notice.unwrap().code, "keychain_locked");
    app.page(PageCommand::DoAction(crate::view::model::Action::KeyInMemory)).await.unwrap();
    app.page(PageCommand::SignInKey(KEY.to_owned().into())).await.unwrap();
    app.until("the first run", |now| now.screen == Screen::Setup).await;
    assert!(world.keychain.is_empty());
    app.end().await;
}

#[tokio::test]
async fn a_key_that_the_keychain_does_not_take_may_be_kept_elsewhere() {
    let world = World::new().await;
    let app = world.app(world.signed_out(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the card", |now| now.screen == Screen::SignIn).await;
    world.keychain.set_mood(Mood::Absent);
    app.page(PageCommand::SignInKey(KEY.to_owned().into())).await.unwrap();
    app.until("the choice", |now| matches!(&now.sign_in.step, SignInStep::Keychain { .. })).await;
    app.page(PageCommand::KeepKey(Keep::File)).await.unwrap();
    app.until("the first run", |now| now.screen == Screen::Setup).await;
    assert!(world.home.path().join("config/keys.json").exists());
    app.end().await;
}

#[tokio::test]
async fn a_workspace_that_is_changed_has_its_own_name_and_is_the_chosen_one() {
    let world = World::new().await;
    let env = world.signed_out().with("ORGX_API_KEY", KEY);
    let folder = world.home.path().join("config");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), "[orgx]\nworkspace_id = 'w1'\n").unwrap();
    std::fs::create_dir_all(world.home.path().join("state")).unwrap();
    let kept = crate::kept::KeptFile::in_folder(&world.home.path().join("state"));
    kept.change(|kept| kept.workspace = Some(("w1".into(), "Acme".into())));
    let app = world.app(env, Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the name of before", |now| now.header.workspace.as_deref() == Some("Acme")).await;
    app.page(PageCommand::Set(crate::view::model::Setting::Workspace("w2".into()))).await.unwrap();
    app.until("the other one", |now| {
        now.header.workspace.as_deref() == Some("w2") && now.setup.workspace_id.as_deref() == Some("w2")
    })
    .await;
    app.end().await;
}

#[tokio::test]
async fn another_setting_that_is_saved_meanwhile_does_not_end_the_first_run() {
    let world = World::new().await;
    let app = world.app(world.signed_out(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the card", |now| now.screen == Screen::SignIn).await;
    app.page(PageCommand::SignInKey(KEY.to_owned().into())).await.unwrap();
    app.until("the first run", |now| now.screen == Screen::Setup && now.setup.page == 2).await;
    app.page(PageCommand::Set(crate::view::model::Setting::Presence(false))).await.unwrap();
    let now = super::state(app.page(PageCommand::Ready).await);
    assert_eq!((now.screen, now.setup.page), (Screen::Setup, 2), "where agents may work is not said yet");
    app.end().await;
}

#[tokio::test]
async fn signing_out_forgets_the_key_and_says_what_stays() {
    let world = World::new().await;
    let env = world.signed_out().with("ORGX_WORKSPACE_ID", "w1");
    world.keep_key(KEY);
    let app = world.app(env, Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("a peer", |now| now.header.title == "Ready for tasks").await;
    app.page(PageCommand::ShowPage(Page::Settings)).await.unwrap();
    let before = app.until("Settings", |now| now.page == Page::Settings).await;
    app.page(PageCommand::SignOut).await.unwrap();
    let now = app.until("the notice", |now| now.notice.is_some()).await;
    assert_eq!(now.notice.unwrap().title, "You signed out on this computer");
    assert_eq!((now.page, now.goto), (Page::Health, before.goto + 1), "it is said where the person is led");
    assert!(world.keychain.is_empty());
    app.end().await;
}

#[tokio::test]
async fn the_sandbox_goes_on_behind_the_card_until_a_key_is_kept() {
    let world = World::new().await;
    let app = world.app(world.signed_out(), Start { sandbox: true, ..Start::default() });
    app.page(PageCommand::Ready).await.unwrap();
    let runs = |now: &WindowState| now.sandbox && now.health.connected && now.screen == Screen::Main;
    app.until("the sandbox", runs).await;
    let sandbox = app.until("its host", |now| !now.sign_in.host.is_empty()).await.sign_in.host;

    // There and back again: nothing of it has ended.
    app.page(PageCommand::DoAction(Action::SignIn)).await.unwrap();
    let now = app.until("the card", |now| now.screen == Screen::SignIn).await;
    assert!(now.sandbox && now.health.connected);
    assert!(world.gateway.base_url().ends_with(&now.sign_in.host), "{}", now.sign_in.host);
    app.page(PageCommand::SignInStart(WayIn::Paste)).await.unwrap();
    app.page(PageCommand::SignInKey("oxk_wrong_0123456789".to_owned().into())).await.unwrap();
    let refused = |now: &WindowState| matches!(now.sign_in.step, SignInStep::Paste { error: Some(_) });
    assert!(app.until("why not", refused).await.sandbox);
    app.page(PageCommand::SignInBack).await.unwrap();
    let now = app.until("the choice", |now| now.sign_in.step == SignInStep::Choose).await;
    assert_eq!((now.screen, now.sandbox), (Screen::SignIn, true));
    app.page(PageCommand::SignInBack).await.unwrap();
    let now = app.until("the sandbox, as it was", runs).await;
    assert_eq!(now.sign_in.host, sandbox);

    app.page(PageCommand::DoAction(Action::SignIn)).await.unwrap();
    app.page(PageCommand::SignInKey(KEY.to_owned().into())).await.unwrap();
    let now = app.until("the first run", |now| now.screen == Screen::Setup && now.setup.page == 2).await;
    assert!(!now.sandbox);
    assert_eq!((now.page, world.keychain.len()), (Page::Health, 1));
    app.end().await;
}

#[tokio::test]
async fn a_key_of_the_environment_touches_no_keychain_and_is_not_signed_out() {
    let world = World::new().await;
    let app = world.ready().await;
    let refused = app.page(PageCommand::SignOut).await.unwrap_err();
    assert_eq!(refused.title, "The key comes from the environment");
    assert_eq!(world.keychain.calls(), 0);
    app.end().await;
}

#[tokio::test]
async fn the_first_run_with_a_key_of_the_environment_lists_its_workspaces_and_asks_no_keychain() {
    let world = World::new().await;
    world.gateway.set_workspaces(&[("w1", "Acme")]);
    world.keep_key("oxk_other_0123456789");
    let app = world.app(world.signed_out().with("ORGX_API_KEY", KEY), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    let now = app.until("the first run", |now| now.screen == Screen::Setup && !now.setup.listing).await;
    assert_eq!(now.setup.error, None);
    assert_eq!(now.setup.workspaces.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["w1"]);
    assert_eq!(world.keychain.calls(), 0);
    app.end().await;
}

#[tokio::test]
async fn somebody_who_signed_in_at_the_command_line_says_first_where_agents_may_work() {
    let world = World::new().await;
    world.keychain.put("orgx-peer", &world.account(), KEY);
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[orgx]\nworkspace_id = 'w1'\n").unwrap();
    let app = world.app(world.signed_out(), Start::default());
    app.seen("the window", |seen| seen.window).await;
    app.page(PageCommand::Ready).await.unwrap();
    let now = app.until("the first run", |now| now.screen == Screen::Setup && !now.setup.listing).await;
    assert_eq!((now.setup.page, now.setup.workspace_id.as_deref()), (2, Some("w1")));
    assert_eq!(world.gateway.connections(), 0, "nothing runs meanwhile");
    app.end().await;
    let folder = world.home.path().join("w");
    let text = format!("[orgx]\nworkspace_id = 'w1'\n[runs]\nallowed_folders = [{folder:?}]\n");
    std::fs::write(config.join("config.toml"), text).unwrap();
    let app = world.app(world.signed_out(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    let now = app.until("a peer", |now| now.header.title == "Ready for tasks").await;
    assert_eq!(now.screen, Screen::Main, "who has said it in the file is asked nothing");
    app.end().await;
}

#[tokio::test]
async fn a_keychain_that_starts_after_the_app_is_found_by_itself_and_a_known_sign_in_is_missed() {
    let world = World::new().await;
    world.keychain.put("orgx-peer", &world.account(), KEY);
    world.keychain.set_mood(Mood::Absent);
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    let folder = world.home.path().join("w");
    let text = format!("[orgx]\nworkspace_id = 'w1'\n[runs]\nallowed_folders = [{folder:?}]\n");
    std::fs::write(config.join("config.toml"), text).unwrap();
    let at_login = Start { autostarted: true, ..Start::default() };
    let app = world.app(world.signed_out(), at_login);
    app.page(PageCommand::Ready).await.unwrap();
    app.until("nobody, as far as is known", |now| now.screen == Screen::SignIn && now.notice.is_none()).await;
    world.keychain.set_mood(Mood::Works);
    app.until("a peer", |now| now.header.title == "Ready for tasks").await;
    app.end().await;
    world.keychain.set_mood(Mood::Absent);
    let app = world.app(world.signed_out(), at_login);
    app.page(PageCommand::Ready).await.unwrap();
    let now = app.until("the notice", |now| now.notice.is_some()).await;
    assert_eq!(now.notice.unwrap().code, "keychain_absent");
    app.end().await;
}

#[tokio::test]
async fn signing_in_anew_asks_for_the_workspace_when_the_key_does_not_open_the_one_of_before() {
    let world = World::new().await;
    world.gateway.set_workspaces(&[("w1", "Acme")]);
    world.keep_key(KEY);
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[orgx]\nworkspace_id = 'w1'\n").unwrap();
    let app = world.app(world.signed_out(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("a peer", |now| now.header.title == "Ready for tasks").await;
    app.page(PageCommand::SignOut).await.unwrap();
    app.page(PageCommand::SignInKey(KEY.to_owned().into())).await.unwrap();
    let now = app.until("a peer again", |now| now.header.title == "Ready for tasks").await;
    assert_eq!(now.screen, Screen::Main, "it opens the workspace of before");
    app.page(PageCommand::SignOut).await.unwrap();
    world.gateway.set_workspaces(&[("w2", "Other")]);
    let connections = world.gateway.connections();
    app.page(PageCommand::SignInKey(KEY.to_owned().into())).await.unwrap();
    let now = app.until("the question", |now| now.screen == Screen::Setup && !now.setup.listing).await;
    assert_eq!(now.setup.workspace_id.as_deref(), Some("w2"));
    assert_eq!(world.gateway.connections(), connections, "nothing runs for the one of before");
    app.page(PageCommand::SetupPage(4)).await.unwrap();
    app.until("the last page", |now| now.setup.page == 4).await;
    app.page(PageCommand::SetupDone).await.unwrap();
    let now = app.until("a peer of it", |now| now.header.title == "Ready for tasks").await;
    assert_eq!(now.settings.workspace.as_deref(), Some("Other"));
    app.end().await;
}

#[tokio::test]
async fn signing_out_of_a_key_in_memory_is_done_though_the_keychain_is_locked_and_says_so() {
    let world = World::new().await;
    world.keychain.set_mood(Mood::Locked);
    let folder = world.home.path().join("w").display().to_string();
    let app = world.app(world.signed_out().with("ORGX_WORKSPACE_ID", "w1"), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the notice", |now| now.notice.is_some()).await;
    app.page(PageCommand::DoAction(crate::view::model::Action::KeyInMemory)).await.unwrap();
    app.page(PageCommand::SignInKey(KEY.to_owned().into())).await.unwrap();
    app.until("the first run", |now| now.screen == Screen::Setup && !now.setup.listing).await;
    app.page(PageCommand::Setup(Setting::AddFolder(folder))).await.unwrap();
    app.page(PageCommand::SetupPage(4)).await.unwrap();
    app.until("the last page", |now| now.setup.page == 4).await;
    app.page(PageCommand::SetupDone).await.unwrap();
    app.until("a peer", |now| now.header.title == "Ready for tasks").await;
    app.page(PageCommand::SignOut).await.unwrap();
    let now = app.until("the notice", |now| now.notice.is_some()).await;
    let notice = now.notice.unwrap();
    assert_eq!(notice.code, "signed_out");
    assert!(notice.text.starts_with("The key is gone from memory."), "{}", notice.text);
    assert!(notice.text.contains("The keychain is locked"), "{}", notice.text);
    app.end().await;
}

#[tokio::test]
async fn back_while_the_keychain_asks_keeps_no_key() {
    let world = World::new().await;
    let app = world.app(world.signed_out(), Start::default());
    app.page(PageCommand::Ready).await.unwrap();
    app.until("the card", |now| now.screen == Screen::SignIn).await;
    world.keychain.set_mood(Mood::Late);
    let calls = world.keychain.calls();
    app.page(PageCommand::SignInStart(WayIn::Paste)).await.unwrap();
    app.page(PageCommand::SignInKey(KEY.to_owned().into())).await.unwrap();
    app.until(
        "the keychain",
        |now| matches!(&now.sign_in.step, SignInStep::Checking { words } if words.contains("keychain")),
    )
    .await;
    world.keychain.called(calls + 1).await;
    app.page(PageCommand::SignInBack).await.unwrap();
    world.keychain.set_mood(Mood::Works);
    // Looked for, set, and given back.
    world.keychain.called(calls + 3).await;
    assert!(world.keychain.is_empty());
    let now = state(app.page(PageCommand::Ready).await);
    assert_eq!((now.screen, now.sign_in.step), (Screen::SignIn, SignInStep::Choose));
    app.end().await;
}
