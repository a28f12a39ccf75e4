//! A small W3C WebDriver client: what the stories about windows need, and no more.
//!
//! What it promises:
//! - it speaks the plain protocol, so that chromedriver and WebKitWebDriver are driven by the same code; capabilities
//!   are passed as they are;
//! - an answer that is an error becomes an [`Error`] with the driver's own code and words;
//! - nothing waits for ever: a command has [`COMMAND`], and what a page shows is awaited by [`Session::until`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

/// How long one command may take; a new session starts a browser.
const COMMAND: Duration = Duration::from_secs(60);
/// The key under which the protocol hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How often [`Session::until`] looks: the protocol announces nothing.
const LOOK: Duration = Duration::from_millis(20);

/// Keys that are no letters, as the protocol writes them.
pub mod keys {
    /// Tab.
    pub const TAB: &str = "\u{e004}";
    /// Enter.
    pub const ENTER: &str = "\u{e007}";
    /// Shift.
    pub const SHIFT: &str = "\u{e008}";
    /// Control.
    pub const CONTROL: &str = "\u{e009}";
    /// Escape.
    pub const ESCAPE: &str = "\u{e00c}";
    /// Space.
    pub const SPACE: &str = " ";
    /// The arrow up.
    pub const UP: &str = "\u{e013}";
    /// The arrow down.
    pub const DOWN: &str = "\u{e015}";
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The protocol's code: `no such element`.
    pub code: String,
    /// The driver's words.
    pub message: String,
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

/// What a command answers.
pub type Result<T> = std::result::Result<T, Error>;

/// A driver program that listens.
#[derive(Clone, Debug)]
pub struct Driver {
    http: reqwest::Client,
    root: String,
}

impl Driver {
    /// The one at this address: `127.0.0.1:4444`.
    pub fn at(address: &str) -> Self {
        // The program's TLS stack is built without a default; a second call is refused, and that is well.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(COMMAND)
            .build()
            .expect("an HTTP client without a proxy can be made");
        Self { http, root: format!("http://{address}") }
    }

    /// Does it take a new session?
    pub async fn is_ready(&self) -> bool {
        let answer = call(&self.http, reqwest::Method::GET, &format!("{}/status", self.root), None).await;
        answer.is_ok_and(|value| value["ready"] == json!(true))
    }

    /// Starts a browser with `alwaysMatch` capabilities.
    pub async fn session(&self, capabilities: Value) -> Result<Session> {
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let url = format!("{}/session", self.root);
        let value = call(&self.http, reqwest::Method::POST, &url, Some(body)).await?;
        let id = text_of(&value["sessionId"])?;
        Ok(Session {
            http: self.http.clone(),
            root: format!("{url}/{id}"),
            capabilities: value["capabilities"].clone(),
        })
    }
}

/// A browser, or a window, that is being driven.
#[derive(Clone, Debug)]
pub struct Session {
    http: reqwest::Client,
    root: String,
    /// What the browser says of itself.
    pub capabilities: Value,
}

/// Where a window is, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// From the left.
    pub x: i64,
    /// From the top.
    pub y: i64,
    /// Its width.
    pub width: i64,
    /// Its height.
    pub height: i64,
}

impl Session {
    /// Ends it, and its browser.
    pub async fn quit(self) -> Result<()> {
        self.send(reqwest::Method::DELETE, "", None).await.map(drop)
    }

    /// A command with a body, by its path: also for what a driver adds, such as `goog/cdp/execute`.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.send(reqwest::Method::POST, path, Some(body)).await
    }

    /// A question, by its path.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send(reqwest::Method::GET, path, None).await
    }

    /// Opens a page.
    pub async fn goto(&self, url: &str) -> Result<()> {
        self.post("url", json!({ "url": url })).await.map(drop)
    }

    /// The page's title.
    pub async fn title(&self) -> Result<String> {
        text_of(&self.get("title").await?)
    }

    /// The handles of all windows.
    pub async fn windows(&self) -> Result<Vec<String>> {
        let value = self.get("window/handles").await?;
        Ok(value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Drives this window from now on.
    pub async fn switch_to(&self, handle: &str) -> Result<()> {
        self.post("window", json!({ "handle": handle })).await.map(drop)
    }

    /// Where the window is.
    pub async fn rect(&self) -> Result<Rect> {
        let value = self.get("window/rect").await?;
        // Half pixels are rounded away: no story is about them.
        let side = |name: &str| value[name].as_f64().unwrap_or_default() as i64;
        Ok(Rect { x: side("x"), y: side("y"), width: side("width"), height: side("height") })
    }

    /// Resizes the window.
    pub async fn resize(&self, width: i64, height: i64) -> Result<()> {
        self.post("window/rect", json!({ "width": width, "height": height })).await.map(drop)
    }

    /// The first element that fits a CSS selector.
    pub async fn find(&self, css: &str) -> Result<Element> {
        let value = self.post("element", json!({ "using": "css selector", "value": css })).await?;
        self.element(&value)
    }

    /// All that fit.
    pub async fn find_all(&self, css: &str) -> Result<Vec<Element>> {
        let value = self.post("elements", json!({ "using": "css selector", "value": css })).await?;
        value.as_array().into_iter().flatten().map(|value| self.element(value)).collect()
    }

    /// The element that has the focus.
    pub async fn focused(&self) -> Result<Element> {
        self.element(&self.get("element/active").await?)
    }

    /// Runs a function's body in the page; its arguments are `arguments[0]` and on.
    pub async fn run(&self, body: &str, arguments: Value) -> Result<Value> {
        self.post("execute/sync", json!({ "script": body, "args": listed(arguments) })).await
    }

    /// The same, for a body that calls its last argument with the answer.
    pub async fn run_async(&self, body: &str, arguments: Value) -> Result<Value> {
        self.post("execute/async", json!({ "script": body, "args": listed(arguments) })).await
    }

    /// Presses keys together, in order, and lets them go: `&[keys::CONTROL, "p"]`.
    pub async fn press(&self, chord: &[&str]) -> Result<()> {
        let down = chord.iter().map(|key| json!({ "type": "keyDown", "value": key }));
        let up = chord.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
        let actions: Vec<Value> = down.chain(up).collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.post("actions", body).await.map(drop)
    }

    /// Moves the pointer to a place in the page.
    pub async fn point(&self, x: i64, y: i64) -> Result<()> {
        let moved = json!({ "type": "pointerMove", "x": x, "y": y, "duration": 0 });
        let body = json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": [moved] }] });
        self.post("actions", body).await.map(drop)
    }

    /// The page as it is drawn now, as a PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        let text = text_of(&self.get("screenshot").await?)?;
        STANDARD.decode(text).map_err(|error| unexpected(&error.to_string()))
    }

    /// Waits until an expression is true in the page.
    pub async fn until(&self, what: &str, expression: &str) {
        let end = tokio::time::Instant::now() + crate::WAIT;
        let body = format!("return Boolean({expression})");
        loop {
            // A page that is being replaced has no answer yet.
            if self.run(&body, json!([])).await.is_ok_and(|value| value == json!(true)) {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "waited {} s: {what}", crate::WAIT.as_secs());
            tokio::time::sleep(LOOK).await;
        }
    }

    fn element(&self, value: &Value) -> Result<Element> {
        Ok(Element { session: self.clone(), id: text_of(&value[ELEMENT])? })
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Result<Value> {
        let url = if path.is_empty() { self.root.clone() } else { format!("{}/{path}", self.root) };
        call(&self.http, method, &url, body).await
    }
}

/// An element of a page.
#[derive(Clone, Debug)]
pub struct Element {
    session: Session,
    id: String,
}

impl Element {
    /// Clicks in its middle.
    pub async fn click(&self) -> Result<()> {
        self.post("click", json!({})).await.map(drop)
    }

    /// Types into it.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        self.post("value", json!({ "text": text })).await.map(drop)
    }

    /// Empties it.
    pub async fn clear(&self) -> Result<()> {
        self.post("clear", json!({})).await.map(drop)
    }

    /// Its text, as it is shown.
    pub async fn text(&self) -> Result<String> {
        text_of(&self.get("text").await?)
    }

    /// An attribute.
    pub async fn attribute(&self, name: &str) -> Result<Option<String>> {
        Ok(self.get(&format!("attribute/{name}")).await?.as_str().map(str::to_owned))
    }

    /// A property of the object behind it.
    pub async fn property(&self, name: &str) -> Result<Value> {
        self.get(&format!("property/{name}")).await
    }

    /// Is it shown?
    pub async fn is_shown(&self) -> Result<bool> {
        Ok(self.get("displayed").await? == json!(true))
    }

    /// Can it be used?
    pub async fn is_enabled(&self) -> Result<bool> {
        Ok(self.get("enabled").await? == json!(true))
    }

    /// The name that a screen reader says.
    pub async fn spoken_name(&self) -> Result<String> {
        text_of(&self.get("computedlabel").await?)
    }

    /// As an argument of [`Session::run`].
    pub fn as_argument(&self) -> Value {
        json!({ ELEMENT: self.id })
    }

    async fn get(&self, what: &str) -> Result<Value> {
        self.session.get(&format!("element/{}/{what}", self.id)).await
    }

    async fn post(&self, what: &str, body: Value) -> Result<Value> {
        self.session.post(&format!("element/{}/{what}", self.id), body).await
    }
}

async fn call(
    http: &reqwest::Client,
    method: reqwest::Method,
    url: &str,
    body: Option<Value>,
) -> Result<Value> {
    let mut request = http.request(method, url);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let lost = |error: reqwest::Error| unexpected(&error.to_string());
    let response = request.send().await.map_err(lost)?;
    let is_well = response.status().is_success();
    let mut answer: Value = response.json().await.map_err(lost)?;
    let value = answer["value"].take();
    if is_well {
        return Ok(value);
    }
    let said = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Err(Error { code: said("error"), message: said("message") })
}

fn listed(arguments: Value) -> Value {
    if arguments.is_array() { arguments } else { json!([arguments]) }
}

fn text_of(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| unexpected(&format!("no text: {value}")))
}

fn unexpected(message: &str) -> Error {
    Error { code: "unexpected answer".to_owned(), message: message.to_owned() }
}
