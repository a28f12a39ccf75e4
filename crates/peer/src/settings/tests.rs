use super::*;
use crate::config::{Draft, Environment};

struct World {
    folder: tempfile::TempDir,
    paths: Paths,
}

fn world(text: &str) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let paths =
        Paths { config: folder.path().join("config"), state: folder.path().join("state"), runtime: None };
    if !text.is_empty() {
        std::fs::create_dir(&paths.config).expect("a folder");
        std::fs::write(paths.config_file(), text).expect("a file");
    }
    World { folder, paths }
}

impl World {
    fn settings(&self) -> Settings {
        Settings::open(&self.paths).expect("settings")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.paths.config_file()).expect("a file")
    }

    fn draft(&self) -> Draft {
        let env = Environment::default()
            .with("HOME", self.folder.path())
            .with("ORGX_PEER_CONFIG_DIR", &self.paths.config);
        Draft::read(&env).expect("a draft")
    }
}

const MINE: &str = r#"# Mine, keep out.
[orgx]
workspace_id = "old"   # the team's
colour = "blue"        # of a version to come

[runs]
concurrent = 4

[future]
knob = { a = 1, b = [ 1,2 ] } # as I like it
"#;

#[test]
fn what_was_not_changed_stays_as_it_was_written() {
    let world = world(MINE);
    let mut settings = world.settings();
    settings.workspace(" new ").expect("an id").presence(false).concurrent(3);
    settings.save().expect("saved");
    let expected = MINE
        .replace("\"old\"", "\"new\"")
        .replace("# of a version to come\n", "# of a version to come\npresence = false\n")
        .replace("concurrent = 4", "concurrent = 3");
    assert_eq!(world.text(), expected);
}

#[test]
fn each_setting_is_read_back_as_it_was_written() {
    let world = world("");
    let orgx = Url::parse("http://127.0.0.1:7000").expect("a URL");
    let folders = [PathBuf::from("/code/a"), PathBuf::from("/code/b \"c\"")];
    let mut settings = world.settings();
    settings.workspace("ws_1").expect("an id");
    settings
        .base_url(&orgx)
        .presence(false)
        .concurrent(0)
        .allowed_folders(&folders)
        .ask_for_folders(true)
        .outbox(false)
        .start_opencode(false)
        .opencode_program(Path::new("/opt/opencode"))
        .notifications(NotificationKind::Offline, false)
        .notifications(NotificationKind::NeedsYou, false)
        .notifications(NotificationKind::NeedsYou, true)
        .mute_rule("careful-retries", true)
        .mute_rule("another", true)
        .mute_rule("careful-retries", true)
        .mute_rule("another", false);
    settings.save().expect("saved");
    let draft = world.draft();
    assert_eq!(draft.warnings, [""; 0], "{}", world.text());
    assert_eq!(draft.workspace_id.expect("one"), "ws_1");
    assert_eq!(draft.base_url.expect("one"), orgx);
    let runs = draft.runs.expect("runs");
    assert_eq!((runs.concurrent, runs.allowed_folders), (1, folders.to_vec()));
    assert!(!draft.presence && draft.outbox.expect("none").is_none());
    let opencode = draft.opencode.expect("opencode");
    assert_eq!((opencode.start_when_needed, opencode.program), (false, Some("/opt/opencode".into())));
    assert_eq!(draft.desktop.silent, [NotificationKind::Offline].into());
    assert!(draft.desktop.is_muted("careful-retries") && !draft.desktop.is_muted("another"));
    for kind in NotificationKind::ALL {
        assert_eq!(draft.desktop.notifies(kind), kind != NotificationKind::Offline);
    }
}

#[test]
fn budgets_are_read_back_as_they_were_written_and_taken_away_again() {
    for text in
        ["", "[budget.run]\ntokens = 7\n", "budget.run.tokens = 7\n", "[budget]\nrun = { minutes = 1 }\n"]
    {
        let world = world(text);
        let run = BudgetConfig { tokens: Some(200_000), cents: Some(500), minutes: None };
        let day = BudgetConfig { minutes: Some(90), ..BudgetConfig::default() };
        world.settings().budget(BudgetOf::Run, &run).budget(BudgetOf::Day, &day).save().expect("saved");
        let draft = world.draft();
        assert_eq!((draft.run_budget, draft.day_budget), (run, day), "{}", world.text());
        world.settings().budget(BudgetOf::Run, &BudgetConfig::default()).save().expect("saved");
        let draft = world.draft();
        assert_eq!((draft.run_budget, draft.day_budget), (BudgetConfig::default(), day), "{}", world.text());
    }
}

#[test]
fn a_broken_file_is_refused_and_left_alone() {
    for (text, why) in [
        ("[orgx\nsecret_thing = 1", "line 1: "),
        ("[runs]\nconcurrent = \"secret_thing\"", "line 2: invalid type"),
        ("orgx = 7", "line 1: invalid type"),
        ("runs.concurrent = -1", "line 1: "),
    ] {
        let world = world(text);
        let error = Settings::open(&world.paths).expect_err("refused").to_string();
        assert!(error.contains("config.toml cannot be used: ") && error.contains(why), "{error}");
        assert!(!error.contains("secret_thing"), "{error}");
        assert_eq!(world.text(), text);
    }
    let world = world(MINE);
    let mut settings = world.settings();
    std::fs::write(world.paths.config_file(), "[broken meanwhile").expect("a file");
    settings.presence(true).save().expect_err("refused");
    assert_eq!(world.text(), "[broken meanwhile");
}

#[test]
fn odd_forms_of_toml_are_changed_in_their_own_form() {
    for (before, after) in [
        ("orgx = { workspace_id = \"a\", x = 1 }\n", "orgx = { workspace_id = \"b\", x = 1 }\n"),
        ("orgx.workspace_id = \"a\"\n", "orgx.workspace_id = \"b\"\n"),
        ("\"orgx\".'workspace_id' = \"a\"\n", "\"orgx\".'workspace_id' = \"b\"\n"),
        ("[orgx]\r\nworkspace_id = \"a\"\r\n", "[orgx]\r\nworkspace_id = \"b\"\r\n"),
    ] {
        let world = world(before);
        let mut settings = world.settings();
        settings.workspace("b").expect("an id").save().expect("saved");
        assert_eq!(world.draft().workspace_id.expect("one"), "b", "{}", world.text());
        if !before.contains('\r') {
            assert_eq!(world.text(), after);
        }
    }
}

#[test]
fn an_id_that_can_be_none_is_refused() {
    let world = world("");
    for (id, why) in [("  ", "it is empty"), ("a\nb", "one line"), (&"x".repeat(5_000), "at most")] {
        let error = world.settings().workspace(id).expect_err("refused").to_string();
        assert!(error.starts_with("the workspace id cannot be used: ") && error.contains(why), "{error}");
    }
    assert!(!world.paths.config_file().exists());
}

#[test]
fn folders_are_taken_away_from_what_the_file_says_by_now_and_the_last_one_stays() {
    let world = world("[runs]\nallowed_folders = [\"/a\", \"/b\", \"/c\"]\n");
    let open = || Settings::open(&world.paths).expect("settings");
    // All are opened before any is saved: each knows only the old list.
    let (mut one, mut two, mut three, mut four) = (open(), open(), open(), open());
    one.disallow_folder(Path::new("/a")).save().expect("saved");
    two.disallow_folder(Path::new("/b")).save().expect("saved");
    let refused = three.disallow_folder(Path::new("/c")).save();
    assert!(matches!(refused, Err(SettingsError::LastFolder)), "{refused:?}");
    let folders = || world.draft().runs.expect("runs").allowed_folders;
    assert_eq!(folders(), [PathBuf::from("/c")]);
    four.allow_folder(Path::new("/d")).allow_folder(Path::new("/c")).save().expect("saved");
    assert_eq!(folders(), [PathBuf::from("/c"), PathBuf::from("/d")]);
}

#[test]
fn what_several_change_at_once_is_all_kept() {
    let world = world(MINE);
    let rules: Vec<String> = (0..40).map(|n| format!("rule-{n}")).collect();
    std::thread::scope(|scope| {
        for chunk in rules.chunks(5) {
            let paths = &world.paths;
            scope.spawn(move || {
                for rule in chunk {
                    let mut settings = Settings::open(paths).expect("settings");
                    settings.mute_rule(rule, true).save().expect("saved");
                }
            });
        }
    });
    let muted = world.draft().desktop.muted_rules;
    assert_eq!(muted, rules.into_iter().collect());
    assert!(world.text().starts_with("# Mine, keep out.\n"));
    let names =
        std::fs::read_dir(&world.paths.config).expect("a folder").map(|e| e.expect("one").file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["config.lock", "config.toml"], "nothing is left lying about");
}

#[cfg(unix)]
#[test]
fn the_file_is_for_this_user_alone_and_a_link_stays_one() {
    use std::os::unix::fs::PermissionsExt;
    let world = world("");
    std::fs::create_dir(&world.paths.config).expect("a folder");
    let real = world.folder.path().join("dotfiles.toml");
    std::fs::write(&real, MINE).expect("a file");
    std::os::unix::fs::symlink(&real, world.paths.config_file()).expect("a link");
    world.settings().presence(true).save().expect("saved");
    assert!(world.paths.config_file().symlink_metadata().expect("it").file_type().is_symlink());
    assert!(std::fs::read_to_string(&real).expect("it").contains("presence = true"));
    assert_eq!(real.metadata().expect("it").permissions().mode() & 0o777, 0o600);
}

#[test]
fn saving_what_is_so_already_writes_nothing() {
    let world = world(MINE);
    let before = world.paths.config_file().metadata().expect("it").modified().expect("a time");
    world.settings().concurrent(4).save().expect("saved");
    assert_eq!(world.paths.config_file().metadata().expect("it").modified().expect("a time"), before);
    assert_eq!(world.text(), MINE);
}
