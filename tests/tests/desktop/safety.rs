//! What the window may not do, and what it may never hold.

use crate::{done, edit, rule};
use orgx_sandbox::daemon::Line;
use orgx_tests::Stage;
use orgx_tests::desktop::{Desk, KEY, Need, Window, story, task};
use orgx_tests::process;
use serde_json::json;

/// Text that would do something if it were not text.
const HOSTILE: [&str; 4] = [
    "<img src=x onerror=\"window.pwned=1\">",
    "<script>window.pwned=1</script>",
    "\"><svg onload=window.pwned=1>",
    "javascript:window.pwned=1//{{constructor}}",
];

#[test]
fn text_from_outside_arrives_as_text() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let _notices = desk.notices().await;
        desk.gateway.set_skills(json!({ "skills": [rule(HOSTILE[0], "evil")] }));
        let window = desk.window().await;
        for (n, hostile) in HOSTILE.iter().enumerate() {
            let title = format!("T{n} {hostile}");
            let project = desk.project_named(&format!("p{n} <b onclick=window.pwned=1>"));
            desk.agent.script(
                &format!("T{n}"),
                vec![
                    Line::Json(
                        json!({ "kind": "tool_call", "tool": hostile, "summary": hostile, "ref": "c" }),
                    ),
                    Line::Json(
                        json!({ "kind": "file_edit", "path": format!("evil{n}/{hostile}"), "summary": hostile,
                    "diff_ref": format!("diff {hostile}") }),
                    ),
                    match n % 2 {
                        0 => Line::Json(done()),
                        _ => Line::Json(json!({ "kind": "assistant_failed", "reason": hostile })),
                    },
                ],
            );
            desk.gateway.dispatch(task(&format!("run{n}"), &project, &title));
            desk.end(&format!("run{n}")).await;
        }
        for page in ["Runs", "Receipts", "Sessions", "Outbox", "Settings", "Health"] {
            window.press(page).await;
            is_unharmed(&window).await;
        }
        for n in 0..HOSTILE.len() {
            window.press("Runs").await;
            window.open_run(&format!("T{n}")).await;
            window.shows(&format!("evil{n}")).await;
            is_unharmed(&window).await;
        }
        // What was sent is there to be read, not gone.
        window.press("Runs").await;
        window.shows("<img src=x onerror").await;
    });
}

async fn is_unharmed(window: &Window) {
    let looked = window.session.run(
        "return [typeof window.pwned, document.querySelectorAll('img[src=x], svg[onload], [onclick], [onerror]').length,
            document.querySelectorAll('body script').length]",
        json!([]),
    );
    assert_eq!(looked.await.unwrap(), json!(["undefined", 0, 0]));
}

#[test]
fn the_page_runs_no_script_but_its_own_and_asks_nobody_else() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let window = desk.window().await;
        // Each is refused by its own directive, and says so by an event.
        for (directive, attempt) in [
            ("script-src-elem", "add('script', (e) => { e.textContent = 'window.pwned = 1'; })"),
            ("script-src-elem", "add('script', (e) => { e.src = 'http://127.0.0.1:9/x.js'; })"),
            ("style-src-elem", "add('style', (e) => { e.textContent = 'body { opacity: 0 }'; })"),
            ("img-src", "add('img', (e) => { e.src = 'http://127.0.0.1:9/x.png'; })"),
            ("connect-src", "fetch('http://127.0.0.1:9/').catch(() => {})"),
        ] {
            let script = format!(
                "const done = arguments[arguments.length - 1];
                 const heard = (event) => done(event.effectiveDirective);
                 document.addEventListener('securitypolicyviolation', heard, {{ once: true }});
                 const add = (name, set) => {{
                     const e = document.createElement(name); set(e); document.body.append(e);
                 }};
                 {attempt};"
            );
            let violated = window.session.run_async(&script, json!([])).await;
            assert_eq!(violated.as_ref().map(|said| said.as_str()), Ok(Some(directive)), "{attempt}");
        }
        let evaluated = "try { return eval('1') } catch (error) { return error.name }";
        let evaluated = window.session.run(evaluated, json!([])).await.unwrap();
        assert_eq!(evaluated, "EvalError");
        assert_eq!(window.session.run("return typeof window.pwned", json!([])).await.unwrap(), "undefined");
        let frozen = "try { Object.prototype.x = 1 } catch (e) {} return Object.isFrozen(Object.prototype)";
        assert_eq!(window.session.run(frozen, json!([])).await.unwrap(), true);
    });
}

#[test]
fn a_command_that_is_not_listed_is_denied() {
    story(&[Need::Driver], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let window = desk.window().await;
        let unlisted = [
            "plugin:autostart|enable",
            "plugin:notification|notify",
            "plugin:opener|open_url",
            "plugin:dialog|open",
            "plugin:window|create",
            "plugin:webview|create_webview_window",
            "plugin:event|emit",
            "get_key",
        ];
        for command in unlisted {
            let denied = window.invoke(command, json!({})).await.expect_err(command);
            assert!(denied.as_str().unwrap_or_default().contains("not allowed"), "{command}: {denied}");
        }
        let folder = desk.home().join(".config/autostart");
        assert!(!folder.exists() || std::fs::read_dir(folder).unwrap().count() == 0);
        let elsewhere = window.session.run("location.href = 'http://127.0.0.1:9/'", json!([]));
        let _refused = elsewhere.await;
        window.shows("Ready for tasks").await;
    });
}

#[test]
fn the_key_is_in_no_page_no_answer_no_file_and_no_other_process() {
    story(&[Need::Driver, Need::Keyring], async {
        let desk = Desk::set().await;
        let _panel = desk.panel().await;
        let _keyring = desk.keyring().await;
        let window = desk.open(desk.environment()).await;
        crate::first_run::paste(&window, KEY).await;
        crate::first_run::finish(&desk, &window).await;
        desk.agent.script("Secret", vec![edit("a.ts", KEY), Line::Json(done())]);
        desk.gateway.dispatch(task("run", &desk.project(), "Secret"));
        desk.end("run").await;
        let mut answers = Vec::new();
        for page in ["Health", "Runs", "Receipts", "Sessions", "Outbox", "Settings"] {
            window.press(page).await;
            answers.push(window.state().await);
            let held = window.session.run(
                "return document.documentElement.outerHTML + JSON.stringify([{ ...localStorage }, { ...sessionStorage },
                    document.cookie, Object.keys(window), [...document.querySelectorAll('input')].map((i) => i.value)])",
                json!([]),
            );
            answers.push(held.await.unwrap());
        }
        assert!(answers.iter().all(|answer| !answer.to_string().contains(KEY)), "the page holds the key");
        let settings = window.state().await["settings"].clone();
        assert_eq!(settings["key_last4"], KEY[KEY.len() - 4..], "{settings}");
        assert_eq!(settings["key_place"], "keychain", "{settings}");
        let copied = window.invoke("copy_diagnostics", json!({})).await;
        assert!(copied.is_ok(), "{copied:?}");

        for pid in desk.processes() {
            assert!(!process::command_line(pid).contains(KEY), "{}", process::command_line(pid));
            let told = process::environment(pid).iter().any(|entry| entry.contains(KEY));
            assert!(!told, "{} was told the key", process::command_line(pid));
        }
        assert_eq!(window.stop().await, 0);
        assert_eq!(Stage::files_with(desk.root(), KEY), Vec::<std::path::PathBuf>::new());
        let encoded = [utf16(KEY), base64_of(KEY)];
        for form in encoded {
            assert_eq!(Stage::files_with(desk.root(), &form), Vec::<std::path::PathBuf>::new(), "{form:?}");
        }
    });
}

/// As a page's engine may keep it.
fn utf16(text: &str) -> String {
    text.chars().flat_map(|letter| [letter, '\0']).collect()
}

fn base64_of(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(text)
}
