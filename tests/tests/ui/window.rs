//! A window in headless Chromium, whose shell is `fake.js`.

use crate::server;
use crate::states::{NOW, State};
use orgx_tests::chromium::{Chromium, Looks};
use orgx_tests::{programs, webdriver};
use serde_json::{Value, json};
use std::ops::Deref;

const FAKE: &str = include_str!("fake.js");

/// A browser with the pages' server; one per story.
pub(crate) struct Window {
    chromium: Chromium,
    address: String,
    /// The fake of the page that is open, as the browser knows it.
    fake: Option<String>,
}

impl Deref for Window {
    type Target = webdriver::Session;

    fn deref(&self) -> &Self::Target {
        &self.chromium.session
    }
}

/// Tells a story about the window, if there is a browser to tell it with.
pub(crate) fn story(tell: impl AsyncFnOnce(&mut Window)) {
    if let Some(why) = orgx_tests::chromium::missing() {
        let is_required = std::env::var_os("ORGX_REQUIRE_DESKTOP").is_some_and(|value| value == "1");
        assert!(!is_required, "{why}");
        programs::say_skipped(&why);
        return;
    }
    programs::run(async {
        let mut window =
            Window { chromium: Chromium::start().await, address: server::start().await, fake: None };
        window.show(Looks::of(440, 640)).await;
        tell(&mut window).await;
        window.chromium.quit().await;
    });
}

impl Window {
    /// Shows it so.
    pub(crate) async fn show(&self, looks: Looks) {
        self.chromium.show(looks).await;
    }

    /// The accessibility tree.
    pub(crate) async fn accessibility(&self) -> Vec<Value> {
        self.chromium.accessibility().await
    }

    /// Opens the window with this state, and presses what belongs to it.
    pub(crate) async fn open(&mut self, state: &State) {
        self.open_value(&state.value).await;
        self.press_all(&state.then).await;
    }

    /// Opens the window with a state from anywhere.
    pub(crate) async fn open_value(&mut self, state: &Value) {
        if let Some(old) = self.fake.take() {
            let parameters = json!({ "identifier": old });
            self.chromium
                .cdp("Page.removeScriptToEvaluateOnNewDocument", parameters)
                .await
                .expect("the old fake goes");
        }
        let source = FAKE.replace("__NOW__", &NOW.to_string()).replace("__STATE__", &state.to_string());
        let added =
            self.chromium.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
        self.fake = added.expect("a fake")["identifier"].as_str().map(str::to_owned);
        self.goto(&format!("{}/index.html", self.address)).await.expect("the page opens");
        self.until("the page is ready", "document.body && document.body.dataset.ready === '1'").await;
    }

    /// Does what a state's `then` says: `click css`, `hover css`, `scroll css`, `fill css text`, `fail command`, `end`.
    async fn press_all(&self, then: &[String]) {
        for step in then {
            let (what, on) = step.split_once(' ').unwrap_or((step, ""));
            let script = match what {
                "click" => "document.querySelector(arguments[0]).click()",
                "fail" => {
                    "fake.answers[arguments[0]] = { fail: { title: 'The run was not cancelled', text: 'OpenCode does not answer. Try it again, or quit OpenCode.' } }"
                }
                "scroll" => "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })",
                "fill" => {
                    let (field, text) = on.split_once(' ').expect("a field and a text");
                    let fill = "const at = document.querySelector(arguments[0]); at.value = arguments[1]; at.dispatchEvent(new Event('input', { bubbles: true }))";
                    self.run(fill, json!([field, text])).await.expect("it is filled");
                    self.settle().await;
                    continue;
                }
                "end" => "const main = document.getElementById('main'); main.scrollTop = main.scrollHeight",
                "hover" => {
                    let at = self.run("const at = document.querySelector(arguments[0]).getBoundingClientRect(); return [at.x + 60, at.y + 20]", json!(on)).await.expect("a place");
                    let side = |n: usize| at[n].as_f64().unwrap_or_default() as i64;
                    self.point(side(0), side(1)).await.expect("the pointer moves");
                    continue;
                }
                other => panic!("a state's `then` knows no {other}"),
            };
            self.run(script, json!(on)).await.unwrap_or_else(|error| panic!("{step}: {error}"));
            self.settle().await;
        }
    }

    /// Waits until what was begun is drawn.
    pub(crate) async fn settle(&self) {
        let frames = "const done = arguments[arguments.length - 1]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));";
        self.run_async(frames, json!([])).await.expect("two frames");
    }

    /// Something of the page, by an expression.
    pub(crate) async fn see(&self, expression: &str) -> Value {
        self.run(&format!("return {expression}"), json!([]))
            .await
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The calls to the shell so far, without those that only say which page is open.
    pub(crate) async fn calls(&self) -> Vec<Value> {
        let calls = self.see("fake.calls").await;
        calls.as_array().cloned().unwrap_or_default()
    }

    /// Changes the state as the shell would.
    pub(crate) async fn tell(&self, change: Value) {
        self.run("fake.tell(arguments[0])", json!([change])).await.expect("a new state");
        self.settle().await;
    }

    /// Neither an error of a script nor something that the policy forbids has come up.
    pub(crate) async fn assert_quiet(&self, name: &str) {
        let trouble = self.see("[...fake.violations, ...fake.errors]").await;
        assert_eq!(trouble, json!([]), "{name}");
    }
}
