//! The one window: made when it is opened, gone when it is closed. It loads our own pages and nothing else.

use crate::controller::Input;
use crate::kept::{KeptFile, Place};
use crate::tray::Click;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Monitor, WebviewUrl, WebviewWindowBuilder, Window, WindowEvent};
use tokio::sync::mpsc::UnboundedSender;
use url::Url;

/// Its name, in capabilities, too.
pub const LABEL: &str = "main";

const SIZE: (f64, f64) = (440.0, 640.0);
const MIN: (f64, f64) = (360.0, 480.0);
/// So much of it, in logical pixels, must be on a screen for the place to be taken again.
const SEEN: f64 = 80.0;

/// How often the system's loop is woken while there is a window: GTK's may sleep with a window's end in its queue.
const PULSE: Duration = Duration::from_millis(250);
/// A window that ends so soon after it was brought to the front was over already then.
const STALE: Duration = Duration::from_secs(1);

/// Opens windows, and remembers their place.
#[derive(Clone)]
pub struct Windows(Arc<Inner>);

struct Inner {
    kept: KeptFile,
    inputs: UnboundedSender<Input>,
    /// Is there one?
    there: AtomicBool,
    /// When one that was there already was brought to the front, and has not been asked to close since.
    raised: Mutex<Option<Instant>>,
}

impl Windows {
    /// With the place in this file.
    pub fn new(kept: KeptFile, inputs: UnboundedSender<Input>) -> Self {
        Self(Arc::new(Inner { kept, inputs, there: AtomicBool::new(false), raised: Mutex::default() }))
    }

    /// On the main thread: makes it, or brings it to the front.
    pub fn open(&self, app: &AppHandle) {
        if let Some(window) = app.get_webview_window(LABEL) {
            self.raised(Some(Instant::now()));
            let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
            if let Err(error) = shown {
                tracing::warn!(%error, "the window did not come to the front");
            }
            return;
        }
        #[cfg(target_os = "macos")]
        let _shown_anyway = app.set_activation_policy(tauri::ActivationPolicy::Regular);
        let monitors: Vec<Screen> =
            app.available_monitors().unwrap_or_default().iter().map(Screen::of).collect();
        let place = self.0.kept.read().window.and_then(|place| fitted(place, &monitors));
        let (width, height) = place.map_or(SIZE, |place| (place.width, place.height));
        let mut builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
            .title("OrgX Peer")
            .inner_size(width, height)
            .min_inner_size(MIN.0, MIN.1)
            .on_navigation(is_ours)
            .on_new_window(|_, _| NewWindowResponse::Deny);
        builder = match place {
            Some(place) => builder.position(place.x, place.y),
            None => builder.center(),
        };
        if let Err(error) = builder.build() {
            tracing::error!(%error, "the window could not be opened");
            self.tell(Input::WindowClosed);
            return;
        }
        if !self.0.there.swap(true, Ordering::Relaxed) {
            self.pulse(app.clone());
        }
    }

    fn pulse(&self, app: AppHandle) {
        let inner = self.0.clone();
        tauri::async_runtime::spawn(async move {
            let mut pulse = tokio::time::interval(PULSE);
            while inner.there.load(Ordering::Relaxed) {
                pulse.tick().await;
                if app.run_on_main_thread(|| {}).is_err() {
                    return;
                }
            }
        });
    }

    fn raised(&self, at: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut *self.0.raised.lock().unwrap_or_else(PoisonError::into_inner), at)
    }

    /// What happens to it.
    pub fn event(&self, window: &Window, event: &WindowEvent) {
        match event {
            WindowEvent::CloseRequested { .. } => {
                self.raised(None);
                self.remember(window);
            }
            WindowEvent::Focused(focused) => self.tell(Input::Focused(*focused)),
            WindowEvent::Destroyed => {
                #[cfg(target_os = "macos")]
                let _hidden_anyway = window.set_activation_policy(tauri::ActivationPolicy::Accessory);
                self.0.there.store(false, Ordering::Relaxed);
                self.tell(Input::WindowClosed);
                // Somebody wanted it while it was ending.
                if self.raised(None).is_some_and(|at| at.elapsed() < STALE) {
                    self.tell(Input::Tray(Click::Open));
                }
            }
            _ => {}
        }
    }

    fn remember(&self, window: &Window) {
        let read = || {
            let scale = window.scale_factor()?;
            let at = window.outer_position()?.to_logical::<f64>(scale);
            let size = window.inner_size()?.to_logical::<f64>(scale);
            tauri::Result::Ok(Place { x: at.x, y: at.y, width: size.width, height: size.height })
        };
        if let Ok(place) = read() {
            self.0.kept.change(|kept| kept.window = Some(place));
        }
    }

    fn tell(&self, input: Input) {
        // Nobody listens any more once the program ends.
        let _over = self.0.inputs.send(input);
    }
}

/// On the main thread: closes it, as its own button does.
pub fn close(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL)
        && let Err(error) = window.close()
    {
        tracing::warn!(%error, "the window did not close");
    }
}

/// Our own pages: `tauri://localhost`, or `http(s)://tauri.localhost` where the OS has it so; and the pages that
/// `tauri dev` serves, in a build made for that.
fn is_ours(url: &Url) -> bool {
    let dev = cfg!(debug_assertions)
        && url.scheme() == "http"
        && matches!(url.host_str(), Some("127.0.0.1" | "localhost"))
        && url.port() == Some(1430);
    match (url.scheme(), url.host_str()) {
        ("tauri", Some("localhost")) => true,
        ("http" | "https", Some("tauri.localhost")) => url.port().is_none(),
        ("about", _) => url.as_str() == "about:blank",
        _ => dev,
    }
}

/// A screen's usable part, in logical pixels.
#[derive(Clone, Copy, Debug)]
struct Screen {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Screen {
    fn of(monitor: &Monitor) -> Self {
        let scale = monitor.scale_factor();
        let area = monitor.work_area();
        let at = area.position.to_logical::<f64>(scale);
        let size = area.size.to_logical::<f64>(scale);
        Self { x: at.x, y: at.y, width: size.width, height: size.height }
    }

    /// How much of a window lies on it.
    fn seen(&self, place: &Place) -> (f64, f64) {
        let along = |a: f64, a_long: f64, b: f64, b_long: f64| (a + a_long).min(b + b_long) - a.max(b);
        (along(self.x, self.width, place.x, place.width), along(self.y, self.height, place.y, place.height))
    }
}

/// The place on a screen that is there; `None` when none shows enough of it. It is as large as the screen at most, and
/// its title bar is in reach.
fn fitted(place: Place, screens: &[Screen]) -> Option<Place> {
    let all = [place.x, place.y, place.width, place.height];
    if !all.iter().all(|number| number.is_finite() && number.abs() < 100_000.0) {
        return None;
    }
    let place = Place { width: place.width.max(MIN.0), height: place.height.max(MIN.1), ..place };
    let screen = screens.iter().find(|screen| {
        let (x, y) = screen.seen(&place);
        x >= SEEN && y >= SEEN
    })?;
    let width = place.width.min(screen.width.max(MIN.0));
    let height = place.height.min(screen.height.max(MIN.1));
    let within = |at: f64, long: f64, from: f64, all: f64| at.min(from + all - long).max(from);
    Some(Place {
        x: within(place.x, width, screen.x, screen.width),
        y: within(place.y, height, screen.y, screen.height),
        width,
        height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREENS: [Screen; 2] = [
        Screen { x: 0.0, y: 0.0, width: 1280.0, height: 800.0 },
        Screen { x: 1280.0, y: 0.0, width: 1920.0, height: 1080.0 },
    ];

    fn at(x: f64, y: f64, width: f64, height: f64) -> Place {
        Place { x, y, width, height }
    }

    #[test]
    fn a_window_opens_where_it_was_if_that_is_on_a_screen() {
        for (kept, fits) in [
            (at(100.0, 50.0, 440.0, 640.0), Some(at(100.0, 50.0, 440.0, 640.0))),
            // Over an edge: moved in.
            (at(1000.0, 400.0, 440.0, 640.0), Some(at(840.0, 160.0, 440.0, 640.0))),
            // On the second screen.
            (at(2000.0, 10.0, 440.0, 640.0), Some(at(2000.0, 10.0, 440.0, 640.0))),
            // Too small, and too large.
            (at(10.0, 10.0, 10.0, 10.0), Some(at(10.0, 10.0, 360.0, 480.0))),
            (at(10.0, 10.0, 5000.0, 5000.0), Some(at(0.0, 0.0, 1280.0, 800.0))),
            // On a screen that is gone.
            (at(5000.0, 10.0, 440.0, 640.0), None),
            (at(f64::NAN, 10.0, 440.0, 640.0), None),
        ] {
            assert_eq!(fitted(kept, &SCREENS), fits, "{kept:?}");
        }
        assert_eq!(fitted(at(0.0, 0.0, 440.0, 640.0), &[]), None);
    }

    #[test]
    fn the_window_goes_nowhere_but_to_our_own_pages() {
        for (url, ours) in [
            ("tauri://localhost/index.html", true),
            ("http://tauri.localhost/index.html", true),
            ("https://useorgx.com/", false),
            ("http://tauri.localhost.evil.example/", false),
            ("tauri://evil.example/", false),
            ("file:///etc/passwd", false),
            ("data:text/html,x", false),
            ("javascript:alert(1)", false),
            ("http://127.0.0.1:8080/", false),
        ] {
            assert_eq!(url.parse().ok().map(|url: Url| is_ours(&url)), Some(ours), "{url}");
        }
    }
}
