//! The harness of the desktop app's stories: the real `orgx-tray` on a desk of its own.
//!
//! What it promises:
//! - a desk meets nobody else's: it has a screen, a session bus, a home, an OrgX and an agent of its own, and a
//!   keychain when a story wants one. What the bus offers is what the story puts there: nothing is started by name;
//! - nothing of a desk outlives it, whatever a story left running;
//! - a story waits for what is announced (signals, frames, menus), and never for time to pass.
//!
//! Where the program is: `ORGX_TRAY_BIN`, else `orgx-tray` beside the tests. Without the programs that make a desk a
//! story says loudly that it is skipped and passes; with `ORGX_REQUIRE_DESKTOP=1` it fails.

mod app;
mod asker;
mod bus;
mod desk;
mod keyring;
mod login1;
mod needs;
mod notices;
mod panel;
pub mod pictures;
mod portal;
mod recorded;
mod screen;
mod tray;
mod watcher;
mod window;

pub use app::App;
pub use asker::Asker;
pub use bus::Bus;
pub use desk::{Desk, KEY, task};
pub use keyring::Keyring;
pub use login1::Login1;
pub use needs::{Need, story};
pub use notices::{Notice, Notices};
pub use panel::Panel;
pub use portal::Portal;
pub use recorded::Recorded;
pub use screen::{Place, Screen};
pub use tray::{Entry, Pixels, Tray};
pub use watcher::Watcher;
pub use window::Window;
