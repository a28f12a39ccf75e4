//! Headless Chromium, driven through chromedriver (Debian's `chromium-driver`).
//!
//! What it promises:
//! - the browser has a profile and a home of its own, with one font set whatever is installed besides: the same packages
//!   give the same pixels;
//! - the size, the colours and the preferences of the person are set as a page sees them, by the devtools protocol;
//! - browser and driver end with the value, however a story ends.

use crate::webdriver::{Driver, Result, Session};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// What is used when `ORGX_CHROMEDRIVER_BIN` says nothing.
const PROGRAM: &str = "chromedriver";
/// What its first lines say when it listens.
const LISTENS: &str = "started successfully on port ";

/// Only this family, for every generic name: from Debian's `fonts-inter` and, for code, `fonts-dejavu-core`.
const FONTS: &str = r#"<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <match target="pattern"><test name="family" compare="eq"><string>system-ui</string></test><edit name="family" mode="assign" binding="same"><string>Inter</string></edit></match>
  <match target="pattern"><test name="family" compare="eq"><string>sans-serif</string></test><edit name="family" mode="assign" binding="same"><string>Inter</string></edit></match>
  <match target="pattern"><test name="family" compare="eq"><string>Segoe UI</string></test><edit name="family" mode="assign" binding="same"><string>Inter</string></edit></match>
  <match target="pattern"><test name="family" compare="eq"><string>monospace</string></test><edit name="family" mode="assign" binding="same"><string>DejaVu Sans Mono</string></edit></match>
  <match target="pattern"><test name="family" compare="eq"><string>ui-monospace</string></test><edit name="family" mode="assign" binding="same"><string>DejaVu Sans Mono</string></edit></match>
  <match target="font"><edit name="antialias" mode="assign"><bool>true</bool></edit><edit name="hinting" mode="assign"><bool>false</bool></edit><edit name="hintstyle" mode="assign"><const>hintnone</const></edit><edit name="rgba" mode="assign"><const>none</const></edit></match>
</fontconfig>
"#;

/// The font files that the references are drawn with, by the package that brings each.
const NEEDED: &[(&str, &str)] = &[
    ("fonts-inter", "/usr/share/fonts/opentype/inter"),
    ("fonts-dejavu-core", "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"),
];

/// Is what it needs installed? If not: what is missing, in words.
pub fn missing() -> Option<String> {
    if program().is_none() {
        return Some("it needs chromedriver (Debian: chromium-driver)".to_owned());
    }
    let absent = NEEDED.iter().find(|(_, file)| !Path::new(file).exists())?;
    Some(format!("it needs the fonts of {}", absent.0))
}

/// A browser and its driver.
#[derive(Debug)]
pub struct Chromium {
    /// The one window.
    pub session: Session,
    driver: Child,
    home: TempDir,
}

/// How a page is shown: what the person's system says of size, colours and motion.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the system's own")]
pub struct Looks {
    /// The viewport's width, in CSS pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Dark?
    pub dark: bool,
    /// `prefers-contrast: more`?
    pub more_contrast: bool,
    /// `forced-colors: active`?
    pub forced_colors: bool,
    /// `prefers-reduced-motion: reduce`?
    pub reduced_motion: bool,
}

impl Looks {
    /// A light window of this size whose animations stand, so that two pictures of it are alike.
    pub fn of(width: u32, height: u32) -> Self {
        Self { width, height, dark: false, more_contrast: false, forced_colors: false, reduced_motion: true }
    }

    /// The same in the dark.
    #[must_use]
    pub fn dark(self) -> Self {
        Self { dark: true, ..self }
    }
}

impl Chromium {
    /// Starts one.
    pub async fn start() -> Self {
        let home = tempfile::tempdir().expect("a scratch home");
        write_fonts(home.path());
        let program = program().expect("chromedriver");
        let mut driver = Command::new(program)
            .arg("--port=0")
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path().join("config"))
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            .env("FONTCONFIG_FILE", home.path().join("fonts.conf"))
            .env("TZ", "UTC")
            .env("LANGUAGE", "en")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts");
        let port = port_of(&mut driver).await;
        let session = Driver::at(&format!("127.0.0.1:{port}"))
            .session(capabilities(home.path()))
            .await
            .expect("Chromium starts");
        Self { session, driver, home }
    }

    /// A command of the devtools protocol.
    pub async fn cdp(&self, command: &str, parameters: Value) -> Result<Value> {
        self.session.post("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// Runs this script in every page from now on, before the page's own.
    pub async fn before_each_page(&self, script: &str) {
        let parameters = json!({ "source": script });
        self.cdp("Page.addScriptToEvaluateOnNewDocument", parameters)
            .await
            .expect("a script before each page");
    }

    /// Shows pages so from now on.
    pub async fn show(&self, looks: Looks) {
        let size = json!({
            "width": looks.width, "height": looks.height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await.expect("a size");
        // As the window in front: only then is it seen where the keyboard is.
        let focused = json!({ "enabled": true });
        self.cdp("Emulation.setFocusEmulationEnabled", focused).await.expect("the focus");
        let when = |is: bool, yes: &str, no: &str| (if is { yes } else { no }).to_owned();
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": when(looks.dark, "dark", "light") },
            { "name": "prefers-contrast", "value": when(looks.more_contrast, "more", "no-preference") },
            { "name": "forced-colors", "value": when(looks.forced_colors, "active", "none") },
            { "name": "prefers-reduced-motion", "value": when(looks.reduced_motion, "reduce", "no-preference") },
        ]});
        self.cdp("Emulation.setEmulatedMedia", features).await.expect("media features");
    }

    /// The accessibility tree's nodes.
    pub async fn accessibility(&self) -> Vec<Value> {
        let tree = self.cdp("Accessibility.getFullAXTree", json!({})).await.expect("an accessibility tree");
        tree["nodes"].as_array().cloned().unwrap_or_default()
    }

    /// Ends browser and driver, and waits for both.
    pub async fn quit(mut self) {
        self.session.clone().quit().await.expect("Chromium ends");
        self.driver.kill().await.expect("chromedriver ends");
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // A story that failed leaves its browser behind; it is told from others by its home.
        for pid in crate::process::living_in(self.home.path()) {
            crate::process::send(pid, rustix::process::Signal::KILL);
        }
    }
}

fn program() -> Option<PathBuf> {
    let named = std::env::var_os("ORGX_CHROMEDRIVER_BIN").filter(|name| !name.is_empty()).map(PathBuf::from);
    named.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file())
    })
}

fn write_fonts(home: &Path) {
    std::fs::write(home.join("fonts.conf"), FONTS).expect("a font configuration");
}

fn capabilities(home: &Path) -> Value {
    let profile = format!("--user-data-dir={}", home.join("profile").display());
    let mut arguments = vec![
        "--headless=new".to_owned(),
        "--disable-gpu".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--force-color-profile=srgb".to_owned(),
        "--font-render-hinting=none".to_owned(),
        "--disable-lcd-text".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--lang=en-US".to_owned(),
        profile,
    ];
    if rustix::process::geteuid().is_root() {
        // Chromium's own sandbox refuses to run as root.
        arguments.push("--no-sandbox".to_owned());
    }
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    })
}

async fn port_of(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("its output is ours");
    let mut lines = BufReader::new(output).lines();
    let port = async {
        while let Some(line) = lines.next_line().await.expect("chromedriver's output") {
            if let Some((_, port)) = line.split_once(LISTENS) {
                return port.trim_end_matches('.').parse().expect("a port");
            }
        }
        panic!("chromedriver ended before it listened");
    };
    let port = tokio::time::timeout(crate::WAIT, port).await.expect("chromedriver listens");
    // It goes on writing now and then; a full pipe would hold it up.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    port
}
