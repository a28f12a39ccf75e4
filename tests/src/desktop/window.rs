//! The app's window, driven through WebKitWebDriver.

use super::desk::Desk;
use super::needs::find;
use crate::process;
use crate::webdriver::{Driver, Element, Session};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Starts the app, and says who it is and how it ended: the driver tells neither.
const LAUNCHER: &str = r#"#!/bin/sh
PROGRAM "$@" >>LOG 2>&1 &
echo $! >PID.new && mv PID.new PID
wait $!
echo $? >CODE.new && mv CODE.new CODE
"#;

/// What the app answers a page, whole.
const STATE: &str = "const done = arguments[arguments.length - 1];
    window.__TAURI__.core.invoke('ready').then(done, (error) => done({ failed: String(error) }));";

/// Marks what is shown, can be used, and is named so.
const MARK: &str = "const [name] = arguments;
    const isShown = (e) => e.checkVisibility({ visibilityProperty: true });
    const canBe = (e) => !e.disabled && e.getAttribute('aria-disabled') !== 'true';
    const names = (e) => [e.getAttribute('aria-label'), e.innerText.trim().split('\\n')[0].trim()];
    document.querySelectorAll('[data-story]').forEach((e) => e.removeAttribute('data-story'));
    const all = [...document.querySelectorAll('button, a, label, summary')];
    const found = all.find((e) => isShown(e) && canBe(e) && names(e).includes(name));
    found?.setAttribute('data-story', '');
    return found !== undefined;";

/// How often a page is looked at: it announces nothing to us.
const LOOK: Duration = Duration::from_millis(50);

/// The window of a running app.
#[derive(Debug)]
pub struct Window {
    /// The page.
    pub session: Session,
    /// The app's process id.
    pub pid: i32,
    code: PathBuf,
    _driver: Child,
}

impl Window {
    pub(super) async fn open(desk: &Desk, environment: Vec<(String, String)>, args: &[&str]) -> Self {
        let folder =
            tempfile::Builder::new().prefix("start-").tempdir_in(desk.root()).expect("a folder").keep();
        let (launcher, pid, code) = (folder.join("app"), folder.join("pid"), folder.join("code"));
        let program = crate::programs::tray().expect("a story asked for it");
        let names =
            [("PROGRAM", program), ("LOG", desk.log_file()), ("PID", pid.clone()), ("CODE", code.clone())];
        let script = names.iter().fold(LAUNCHER.to_owned(), |script, (name, path)| {
            script.replace(name, &path.display().to_string())
        });
        std::fs::write(&launcher, script).expect("a file");
        std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o755)).expect("a program");

        let port = free_port();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(find("WebKitWebDriver").expect("WebKitWebDriver"));
        command.args(["--host=127.0.0.1", &format!("--port={port}")]);
        command.env_clear().envs(environment);
        command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.current_dir(desk.root()).spawn().expect("WebKitWebDriver starts");
        let listens = async || TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        process::until("WebKitWebDriver listens", listens).await;
        let options = json!({ "webkitgtk:browserOptions": { "binary": launcher, "args": args } });
        let session = Driver::at(&format!("127.0.0.1:{port}")).session(options).await;
        let session = session.unwrap_or_else(|error| panic!("no window: {error}\n{}", desk.log()));
        let pid = std::fs::read_to_string(pid).expect("the app has started");
        let window = Self { session, pid: pid.trim().parse().expect("a number"), code, _driver: child };
        window
            .session
            .until("the page is there", "window.__TAURI__ && document.readyState === 'complete'")
            .await;
        window
    }

    /// All that the page is told: the `WindowState`.
    pub async fn state(&self) -> Value {
        self.session.run_async(STATE, json!([])).await.expect("the window's state")
    }

    /// The same, once it is as wanted.
    pub async fn state_with(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = tokio::time::Instant::now() + crate::WAIT;
        loop {
            let state = self.state().await;
            if wanted(&state) {
                return state;
            }
            assert!(tokio::time::Instant::now() < end, "waited for {what}; there is {state:#}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Calls a command of the app, as a page does: what it answers, or how it failed.
    pub async fn invoke(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        let body = "const [command, args, done] = arguments;
            window.__TAURI__.core.invoke(command, args).then((ok) => done({ ok }), (err) => done({ err }));";
        let mut answer = self.session.run_async(body, json!([command, arguments])).await.expect("an answer");
        match answer.get_mut("err") {
            Some(error) => Err(error.take()),
            None => Ok(answer["ok"].take()),
        }
    }

    /// All the text that the page shows.
    pub async fn text(&self) -> String {
        let text = self.session.run("return document.body.innerText", json!([])).await.expect("its text");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Returns once the page shows this text.
    pub async fn shows(&self, text: &str) {
        let end = tokio::time::Instant::now() + crate::WAIT;
        loop {
            let shown = self.text().await;
            if shown.contains(text) {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "waited for {text:?}; the page shows:\n{shown}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The first element that fits and is shown, once there is one that can be used.
    pub async fn element(&self, css: &str) -> Element {
        let end = tokio::time::Instant::now() + crate::WAIT;
        loop {
            for element in self.session.find_all(css).await.unwrap_or_default() {
                if element.is_shown().await.unwrap_or(false) && element.is_enabled().await.unwrap_or(false) {
                    return element;
                }
            }
            assert!(
                tokio::time::Instant::now() < end,
                "waited for {css:?}; the page shows:\n{}",
                self.text().await
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Presses the button, link or tab with this name, as soon as it is shown and can be used.
    pub async fn press(&self, name: &str) {
        let end = tokio::time::Instant::now() + crate::WAIT;
        loop {
            // The page may be drawn anew between the look and the click.
            let found = self.session.run(MARK, json!([name])).await.is_ok_and(|found| found == true);
            if found && self.click("[data-story]").await {
                return;
            }
            let text = async || self.text().await;
            assert!(
                tokio::time::Instant::now() < end,
                "waited for {name:?} to press; the page shows:\n{}",
                text().await
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn click(&self, css: &str) -> bool {
        match self.session.find(css).await {
            Ok(element) => element.click().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Opens the page of the run whose row holds this title.
    pub async fn open_run(&self, title: &str) {
        let rows = "[...document.querySelectorAll('[data-row]')]";
        let fits = format!("(row) => row.textContent.includes({})", json!(title));
        self.session.until(&format!("a row of {title:?}"), &format!("{rows}.some({fits})")).await;
        let open = format!("{rows}.find({fits}).click()");
        self.session.run(&open, json!([])).await.expect("it is clicked");
        self.state_with("a run's page", |state| !state["run"].is_null()).await;
    }

    /// Throws the switch with this name.
    pub async fn toggle(&self, name: &str) {
        let switches = "[...document.querySelectorAll('[role=switch]:enabled')]";
        let fits = format!("(s) => s.getAttribute('aria-label') === {}", json!(name));
        self.session.until(&format!("a switch {name:?}"), &format!("{switches}.some({fits})")).await;
        let throw = format!("{switches}.find({fits}).click()");
        self.session.run(&throw, json!([])).await.expect("it is thrown");
    }

    /// Types into the one field that fits.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.element(css).await;
        field.clear().await.expect("the field is emptied");
        field.type_text(text).await.expect("it is typed");
    }

    /// The exit code with which the app ends by itself.
    pub async fn ended(self) -> i32 {
        process::until("the app has not ended by itself", async || self.code.exists()).await;
        let code = std::fs::read_to_string(&self.code).expect("its code");
        code.trim().parse().expect("a number")
    }

    /// SIGTERM, as a logout sends it, and the exit code.
    pub async fn stop(self) -> i32 {
        process::send(self.pid, Signal::TERM);
        self.ended().await
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
