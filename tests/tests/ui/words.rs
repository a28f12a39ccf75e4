//! Numbers and words as ui.md writes them, and the types of the pages.

use crate::server::root;
use crate::states::{self, NOW, named};
use crate::window::{Window, story};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::Command;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

#[test]
fn numbers_are_written_and_spoken_as_the_rules_say() {
    let cases: Vec<(&str, Value, &str)> = vec![
        ("elapsed", json!([0]), "0:00"),
        ("elapsed", json!([4 * MINUTE + 12_999]), "4:12"),
        ("elapsed", json!([HOUR + 2 * MINUTE + 9_000]), "1:02:09"),
        ("elapsed", json!([-5]), "0:00"),
        ("spoken", json!([4 * MINUTE + 12_000]), "4 minutes 12 seconds"),
        ("spoken", json!([HOUR + MINUTE + 1_000]), "1 hour 1 minute 1 second"),
        ("spoken", json!([0]), "0 seconds"),
        ("tokens", json!([940]), "940"),
        ("tokens", json!([18_400]), "18.4k"),
        ("tokens", json!([99_960]), "100k"),
        ("tokens", json!([412_300]), "412k"),
        ("tokens", json!([999_600]), "1.00M"),
        ("tokens", json!([1_240_000]), "1.24M"),
        ("tokens", json!([31_000]), "31.0k"),
        ("tokens", json!([12_400_000]), "12.4M"),
        ("cost", json!([21]), "$0.21"),
        ("cost", json!([384]), "$3.84"),
        ("cost", json!([0]), "<$0.01"),
        ("cost", json!([null]), "–"),
        ("age", json!([3_400]), "3 s"),
        ("age", json!([51 * MINUTE]), "51 min"),
        ("age", json!([2 * HOUR + 59 * MINUTE]), "2 h"),
        ("age", json!([72 * HOUR]), "3 d"),
        ("lasting", json!([48_000]), "48 s"),
        ("lasting", json!([3 * HOUR + 12 * MINUTE]), "3 h 12 min"),
        ("lasting", json!([2 * HOUR]), "2 h"),
        ("lasting", json!([50 * HOUR]), "2 d 2 h"),
        ("clock", json!([NOW - 18 * MINUTE, NOW]), "11:26"),
        ("clock", json!([NOW - 146 * MINUTE, NOW]), "9:18"),
        ("clock", json!([NOW - 24 * HOUR, NOW]), "Nov 17"),
        ("clock", json!([NOW - 365 * 24 * HOUR, NOW]), "Nov 18, 2025"),
        ("size", json!([940]), "940 B"),
        ("size", json!([1_310_000]), "1.3 MB"),
        ("size", json!([999_600]), "1.0 MB"),
        ("size", json!([12_345]), "12 kB"),
        ("tilde", json!(["/home/ada/code", "/home/ada"]), "~/code"),
        ("tilde", json!(["/home/adam/code", "/home/ada"]), "/home/adam/code"),
        ("tilde", json!(["/x", ""]), "/x"),
        ("base", json!(["/home/ada/code/"]), "code"),
        ("base", json!(["C:\\work\\shop"]), "shop"),
    ];
    story(async |window: &mut Window| {
        window.open(&named("health-ready")).await;
        let script = "const [name, given, done] = arguments; import('./format.js').then((module) => done(module[name](...given)), (error) => done(String(error)));";
        for (name, given, expected) in &cases {
            let answer = window.run_async(script, json!([name, given])).await.unwrap();
            assert_eq!(answer, json!(expected), "{name}({given})");
        }
        for (number, expected) in [
            (1, "1st"),
            (2, "2nd"),
            (3, "3rd"),
            (4, "4th"),
            (11, "11th"),
            (12, "12th"),
            (21, "21st"),
            (113, "113th"),
        ] {
            let script = "const [n, done] = arguments; import('./strings.js').then((module) => done(module.ordinal(n)))";
            assert_eq!(window.run_async(script, json!([number])).await.unwrap(), json!(expected));
        }
        let long = "customer-onboarding-experience-redesign-2026-q4-experiments";
        let answer = window.run_async(script, json!(["ends", [long]])).await.unwrap();
        assert_eq!(answer, json!([&long[..long.len() - 12], "-experiments"]), "the last 12 signs stay");
    });
}

#[test]
fn what_the_snapshot_does_not_have_is_not_shown() {
    story(async |window: &mut Window| {
        window.open(&named("settings-attached")).await;
        let names = "[...document.querySelectorAll('[data-name]')].map((at) => at.dataset.name)";
        let shown = window.see(names).await;
        for absent in ["presence", "outbox", "start-opencode", "more", "sign-out", "add-folder", "pause"] {
            assert!(!shown.as_array().unwrap().contains(&json!(absent)), "{absent}");
        }
        window.open(&named("health-ready")).await;
        assert_eq!(window.see("document.body.textContent.includes('Claude')").await, json!(false));
        assert_eq!(window.see("document.body.textContent.includes('null') || document.body.textContent.includes('undefined')").await, json!(false));
        window.open(&named("settings-fixed")).await;
        let switch = window.find("[data-name=start-opencode]").await.unwrap();
        assert!(!switch.is_enabled().await.unwrap(), "the environment names an OpenCode");
        let workspace = "document.body.textContent.includes('Take the tasks of another workspace')";
        assert_eq!(window.see(workspace).await, json!(false), "the environment names the workspace");
    });
}

#[test]
fn no_state_has_two_primary_buttons_or_amber_without_need_or_a_word_that_is_never_said() {
    story(async |window: &mut Window| {
        for state in states::all() {
            window.open(&state).await;
            let primaries = window.see("[...document.querySelectorAll('.primary')].filter((at) => !at.closest('[inert]')).length").await;
            assert!(primaries.as_u64().unwrap() <= 1, "{}: {primaries} primary buttons", state.name);
            let amber = window
                .see("document.querySelectorAll('.t-amber').length > 0 && !document.querySelector('.legend')")
                .await;
            let sessions = state.value["sessions"]["list"].as_array();
            let waits = sessions.is_some_and(|all| all.iter().any(|one| one["state"] == "waiting_input"));
            let needs = waits || state.value["needs"].as_array().is_some_and(|needs| !needs.is_empty());
            assert!(amber == json!(false) || needs, "{}: amber, and nobody is needed", state.name);
            let text = window.see("document.body.innerText").await;
            let text = text.as_str().unwrap();
            for never in ["Oops", "lease", "uccessful", "!", "undefined", "null", "NaN", "[object"] {
                let is_word = never != "lease" || text.contains("Please") || text.contains(" please");
                assert!(!text.contains(never) || !is_word, "{}: {never}", state.name);
            }
            let doubled = window.see("[...document.querySelectorAll('.words')].filter((at) => at.querySelectorAll('.on').length !== 1).length").await;
            assert_eq!(doubled, json!(0), "{}: a button says one word at a time", state.name);
            // A word and its shape.
            let bare = window.see("[...document.querySelectorAll('.row .state')].filter((at) => !at.closest('.row').querySelector('.i')).length").await;
            assert_eq!(bare, json!(0), "{}", state.name);
        }
    });
}

#[test]
fn the_pages_types_hold() {
    let Some(tsc) = std::env::var_os("ORGX_TSC").filter(|name| !name.is_empty()) else {
        orgx_tests::programs::say_skipped("it needs TypeScript's compiler; set ORGX_TSC to its bin/tsc");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // The states of the matrix are states of the window: they are checked with the pages.
    let mut text = "import type { WindowState } from './bindings.js';\n".to_owned();
    for (at, state) in states::all().iter().enumerate() {
        writeln!(text, "/** {} */ export const state{at}: WindowState = {};", state.name, state.value)
            .unwrap();
    }
    let bindings = std::fs::read(root().join("ui/bindings.d.ts")).unwrap();
    std::fs::write(folder.path().join("bindings.d.ts"), bindings).unwrap();
    std::fs::write(folder.path().join("states.ts"), text).unwrap();
    let config = json!({ "compilerOptions": { "strict": true, "noEmit": true, "module": "es2022", "moduleResolution": "bundler", "target": "es2022", "types": [] }, "include": ["*.ts"] });
    std::fs::write(folder.path().join("tsconfig.json"), config.to_string()).unwrap();
    for project in [root().join("ui/tsconfig.json"), folder.path().join("tsconfig.json")] {
        let output = Command::new("node").arg(&tsc).arg("-p").arg(&project).output().expect("node");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
