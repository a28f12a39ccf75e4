use super::*;

fn environment() -> (tempfile::TempDir, Environment) {
    let home = tempfile::tempdir().expect("a folder");
    let env =
        Environment::of([("ORGX_API_KEY", "oxk_x"), ("ORGX_WORKSPACE_ID", "w")]).with("HOME", home.path());
    (home, env)
}

fn problem(env: &Environment) -> String {
    Config::load(env).expect_err("a problem").to_string()
}

#[test]
fn two_variables_are_enough() {
    let (home, env) = environment();
    let config = Config::load(&env).expect("a configuration");
    assert_eq!(config.base_url.as_str(), "https://useorgx.com/");
    assert_eq!(config.plugin_id, "@useorgx/orgx-opencode-plugin");
    assert_eq!(config.outbox, Some(home.path().join(".config/useorgx/wizard/hooks/events.jsonl")));
    assert_eq!(config.runs.concurrent, 2);
    assert!(config.opencode.start_when_needed);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn what_is_missing_is_said_in_one_line_with_what_to_do() {
    let (_home, env) = environment();
    for name in ["ORGX_API_KEY", "ORGX_WORKSPACE_ID"] {
        let error = problem(&env.clone().with(name, "  "));
        assert!(error.starts_with(&format!("{name} is not set: ")), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn a_value_that_cannot_be_used_says_why_and_never_shows_the_key() {
    let (_home, env) = environment();
    for (name, value, why) in [
        ("ORGX_API_KEY", "oxk_ a", "characters that a header cannot carry"),
        ("ORGX_BASE_URL", "http://example.com", "http is only for this computer"),
        ("ORGX_BASE_URL", "ftp://example.com", "must start with https://"),
        ("ORGX_BASE_URL", "https://me:pw@example.com", "user name or a password"),
        ("ORGX_BASE_URL", "https://example.com/?a=1", "a query"),
        ("ORGX_BASE_URL", "useorgx", "not a URL"),
        ("OPENCODE_SERVER_URL", "http://10.0.0.1:4096", "on this computer"),
        ("OPENCODE_SERVER_URL", "http://127.0.0.1.evil.example:4096", "on this computer"),
        ("OPENCODE_SERVER_URL", "https://127.0.0.1", "must start with http://"),
        ("OPENCODE_SERVER_URL", "http://u:p@127.0.0.1:1", "OPENCODE_SERVER_PASSWORD"),
        ("OPENCODE_SERVER_URL", "http://127.0.0.1:1/path", "plain origin"),
        ("OPENCODE_SERVER_URL", "http://127.0.0.1:1/?q", "plain origin"),
        ("ORGX_WORKSPACE_ID", "a\u{7}b", "one line"),
    ] {
        let error = problem(&env.clone().with(name, value));
        assert!(error.contains(name) && error.contains(why), "{error}");
        assert!(!error.contains("oxk_"), "{error}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let (home, env) = environment();
    let dir = home.path().join("cfg");
    std::fs::create_dir(&dir).expect("a folder");
    let toml = r#"
        [orgx]
        workspace_id = "from-file"
        base_url = "http://127.0.0.1:9/some/path"
        colour = "blue"
        [runs]
        concurrent = 4
        allowed_folders = ["/work"]
        [outbox]
        path = "/tmp/out.jsonl"
        [opencode]
        start_when_needed = false
    "#;
    std::fs::write(dir.join("config.toml"), toml).expect("a file");
    let env = env.with("ORGX_PEER_CONFIG_DIR", &dir);
    let config = Config::load(&env).expect("a configuration");
    assert_eq!(config.workspace_id, "w");
    assert_eq!(config.base_url.as_str(), "http://127.0.0.1:9/");
    assert_eq!(config.runs.concurrent, 4);
    assert_eq!(config.outbox, Some("/tmp/out.jsonl".into()));
    assert!(!config.opencode.start_when_needed);
    assert_eq!(
        config.warnings,
        [
            "config.toml: `orgx.colour` is not a setting of this version",
            "the path in the OrgX address is not used",
        ]
    );
    let config =
        Config::load(&env.with("ORGX_WIZARD_HOOK_OUTBOX", " /elsewhere/o.jsonl ")).expect("a configuration");
    assert_eq!(config.outbox, Some("/elsewhere/o.jsonl".into()));
}

#[test]
fn a_broken_file_is_named_and_not_quoted() {
    let (home, env) = environment();
    let env = env.with("ORGX_PEER_CONFIG_DIR", home.path());
    for (toml, why) in [
        ("[orgx\nsecret_thing = 1", "config.toml cannot be used: line 1: "),
        ("[runs]\nconcurrent = \"two\"", "line 2: invalid type: string \"…\", expected"),
        ("[runs]\nconcurrent = \"secret_thing\"", "line 2: invalid type"),
        ("[runs]\nallowed_folders = [\"a\\u001b[31m\"]", " a[31m is not an absolute path"),
        ("[runs]\nconcurrent = 0", "at least 1"),
        ("[runs]\nallowed_folders = [\"relative\"]", "not an absolute path"),
    ] {
        std::fs::write(home.path().join("config.toml"), toml).expect("a file");
        let error = problem(&env);
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("secret_thing"), "{error}");
    }
    std::fs::write(home.path().join("config.toml"), vec![b'#'; 300_000]).expect("a file");
    assert!(problem(&env).contains("larger than"));
}

#[test]
fn a_budget_of_nothing_is_refused_with_its_name() {
    let home = tempfile::tempdir().expect("a folder");
    let env = Environment::of([]).with("HOME", home.path());
    for (toml, name) in [
        ("[budget]\nrun = { tokens = 0 }", "budget.run.tokens"),
        ("[budget.run]\ntokens = 5\ncents = 0", "budget.run.cents"),
        ("[budget.day]\nminutes = 0", "budget.day.minutes"),
    ] {
        let paths = Paths::of(&env).expect("paths");
        let draft = Draft::parse(&env, paths, toml).expect("a file");
        let error = draft.runs.expect_err("refused").to_string();
        assert_eq!(
            error,
            format!("{name} cannot be used: it must be at least 1; leave it out to have no such budget")
        );
    }
    let paths = Paths::of(&env).expect("paths");
    let draft = Draft::parse(&env, paths, "[budget.day]\nminutes = 1").expect("a file");
    assert!(draft.runs.is_ok_and(|_| draft.day_budget.minutes == Some(1)));
}
