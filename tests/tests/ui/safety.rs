//! Text from outside stays text, the policy holds, and the key is nowhere.

use crate::server::{self, root};
use crate::states::{self, named};
use crate::window::{Window, story};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const PAYLOADS: [&str; 6] = [
    "<img src=x onerror=window.pwned=1>",
    "<script>window.pwned=1</script>",
    "\"><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}}",
    "</span></button><iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
];
/// Texts that choose how something is shown, and are ours.
const OURS: [&str; 16] = [
    "screen",
    "page",
    "step",
    "sheet",
    "entry",
    "glyph",
    "overlay",
    "act",
    "state",
    "outcome",
    "license",
    "key_place",
    "action",
    "way",
    "ask",
    "limit",
];

#[test]
fn markup_in_any_text_of_any_state_is_shown_as_text() {
    story(async |window: &mut Window| {
        for state in states::all() {
            for payload in [PAYLOADS.join(" ").as_str()] {
                let mut value = state.value.clone();
                let texts = poison(&mut value, payload);
                window.open_value(&value).await;
                let found = window.see("({ pwned: window.pwned ?? null, strange: document.querySelectorAll('body :is(img, iframe, script, object, embed, link, style, form:not(.field), a)').length, handlers: [...document.querySelectorAll('body *')].filter((at) => at.getAttributeNames().some((name) => name.startsWith('on') || name === 'style' || name === 'srcdoc')).length, shown: document.body.textContent.split(arguments[0]).length - 1 })".replace("arguments[0]", &json!(payload).to_string()).as_str()).await;
                assert_eq!(
                    (&found["pwned"], &found["strange"], &found["handlers"]),
                    (&Value::Null, &json!(0), &json!(0)),
                    "{}: {payload}",
                    state.name
                );
                let is_shown = found["shown"].as_u64().unwrap() > 0;
                assert!(
                    is_shown
                        || texts == 0
                        || state.name.starts_with("first-run")
                        || state.name.starts_with("setup"),
                    "{}: {payload} is nowhere",
                    state.name
                );
                window.assert_quiet(&state.name).await;
            }
        }
    });
}

#[test]
fn the_policy_blocks_a_script_that_got_into_the_page_and_styles_in_markup() {
    story(async |window: &mut Window| {
        window.open(&named("health-running")).await;
        window.assert_quiet("the pages themselves break no policy").await;
        let inject = "const script = document.createElement('script'); script.textContent = 'window.pwned = 1'; document.body.append(script);
            const styled = document.createElement('div'); styled.setAttribute('style', 'color: red'); document.body.append(styled);
            const far = document.createElement('img'); far.src = 'http://127.0.0.1:9/x.png'; document.body.append(far);";
        window.run(inject, json!([])).await.unwrap();
        window.until("three violations", "fake.violations.length >= 3").await;
        let violations = window.see("fake.violations.map((line) => line.split(' ')[0]).sort()").await;
        assert_eq!(violations, json!(["img-src", "script-src-elem", "style-src-attr"]));
        assert_eq!(window.see("window.pwned ?? null").await, Value::Null);
    });
}

#[test]
fn the_policy_is_the_strict_one() {
    let policy = server::policy();
    for unsafe_word in ["unsafe-inline", "unsafe-eval", "http:", "https:", "*", "blob:"] {
        let without_ipc = policy.replace("http://ipc.localhost", "");
        assert!(!without_ipc.contains(unsafe_word), "{unsafe_word} in {policy}");
    }
    for directive in [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ] {
        assert!(policy.contains(directive), "no {directive} in {policy}");
    }
}

#[test]
fn the_key_is_sent_once_and_is_in_the_page_no_more() {
    const KEY: &str = "oxk_this_is_no_real_key_at_all_9f3c";
    story(async |window: &mut Window| {
        window.open(&named("first-run-paste")).await;
        let field = window.find("#key").await.unwrap();
        assert_eq!(field.attribute("type").await.unwrap().as_deref(), Some("password"));
        assert_eq!(field.attribute("autocomplete").await.unwrap().as_deref(), Some("off"));
        field.type_text(KEY).await.unwrap();
        window.run("fake.answers.sign_in_key = { never: true }", json!([])).await.unwrap();
        window.find("[data-name=key-send]").await.unwrap().click().await.unwrap();
        let sent =
            window.calls().await.into_iter().filter(|call| call[0] == "sign_in_key").collect::<Vec<_>>();
        assert_eq!(sent, [json!(["sign_in_key", { "key": KEY }])]);
        let anywhere = "(() => { const all = [document.documentElement.outerHTML, ...[...document.querySelectorAll('input')].map((at) => at.value), JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, location.href, document.title, name]; return all.some((text) => text.includes('this_is_no_real_key')) })()";
        assert_eq!(window.see(anywhere).await, json!(false), "while OrgX is asked");
        window.tell(named("first-run-paste-refused").value).await;
        assert_eq!(window.see(anywhere).await, json!(false), "after OrgX said no");
        assert_eq!(window.see("document.getElementById('key').value").await, json!(""));
        // A key that is wrong at first sight is forgotten, too; a shell that fails does not bring it back.
        window.open(&named("first-run-paste")).await;
        window.run("fake.answers.sign_in_key = { fail: { title: 'OrgX cannot be reached', text: 'Try it again.' } }", json!([])).await.unwrap();
        window.find("#key").await.unwrap().type_text(KEY).await.unwrap();
        window.press(&[orgx_tests::webdriver::keys::ENTER]).await.unwrap();
        window.until("the failure", "document.querySelector('[role=alert]')").await;
        assert_eq!(window.see(anywhere).await, json!(false), "after the shell failed");
    });
}

#[test]
fn no_page_writes_markup_styles_or_words_of_its_own() {
    let forbidden = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "setAttribute('style'",
        "style:",
        ".style.",
        "localStorage",
        "sessionStorage",
        "console.",
        "DOMParser",
        "createContextualFragment",
        "http://",
        "https://",
    ];
    for file in sources(&root().join("ui")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        for word in forbidden {
            let is_name_space = word == "http://"
                && text.matches(word).count() == 1
                && text.contains("'http://www.w3.org/2000/svg'");
            assert!(!text.contains(word) || is_name_space, "{name} has {word}");
        }
        assert!(
            !text.contains("__TAURI__") || name == "ui/ipc.js",
            "{name} speaks to the shell; ui/ipc.js does"
        );
        assert!(text.lines().count() < 500, "{name} is too long");
    }
    let page = std::fs::read_to_string(root().join("ui/index.html")).unwrap();
    assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick"));
    assert_eq!(page.matches("<script").count(), 1, "one script, from a file");
}

/// Replaces every text that is not ours; says how many there were.
fn poison(value: &mut Value, payload: &str) -> usize {
    match value {
        Value::String(text) => {
            payload.clone_into(text);
            1
        }
        Value::Array(all) => all.iter_mut().map(|value| poison(value, payload)).sum(),
        Value::Object(fields) => fields
            .iter_mut()
            // Ids are ours, and pages find rows by them; who they belong to is told by the texts beside them.
            .filter(|(name, value)| {
                !(value.is_string()
                    && (OURS.contains(&name.as_str()) || name.ends_with("id") || name.as_str() == "home"))
            })
            .map(|(_, value)| poison(value, payload))
            .sum(),
        _ => 0,
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|kind| kind == "js"))
        .collect()
}
