//! A screen that nobody looks at, and its windows.

use super::needs::find;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt, EventMask, InputFocus, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

/// Where a window is, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

/// The screen. Dropping it ends it, and with it what is on it.
#[derive(Debug)]
pub struct Screen {
    /// Its name, for `DISPLAY`.
    pub name: String,
    server: Child,
}

impl Screen {
    /// Starts one on a free display; returns once it is there.
    pub fn start() -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(find("Xvfb").expect("Xvfb"));
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x1024x24",
            "-nolisten",
            "tcp",
            "-noreset",
            "-ac",
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().expect("Xvfb starts");
        let mut number = String::new();
        let said = server.stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut number).expect("Xvfb says which display it is");
        Self { name: format!(":{}", number.trim()), server }
    }

    /// The windows of this title that can be seen, and where they are.
    pub fn windows(&self, title: &str) -> Vec<(Window, Place)> {
        let (connection, root) = self.connect();
        let mut found = Vec::new();
        let mut rest = vec![root];
        while let Some(window) = rest.pop() {
            let tree = connection.query_tree(window).ok().and_then(|tree| tree.reply().ok());
            rest.extend(tree.into_iter().flat_map(|tree| tree.children));
            if title_of(&connection, window).as_deref() == Some(title) && is_seen(&connection, window) {
                found.extend(place_of(&connection, root, window).map(|place| (window, place)));
            }
        }
        found
    }

    /// Asks a window to close, as its close button does.
    pub fn close(&self, window: Window) {
        let (connection, _) = self.connect();
        let atom = |name: &str| {
            connection.intern_atom(false, name.as_bytes()).expect("a request").reply().expect("an atom").atom
        };
        let data = [atom("WM_DELETE_WINDOW"), x11rb::CURRENT_TIME, 0, 0, 0];
        let message = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS"), data);
        let sent = connection.send_event(false, window, EventMask::NO_EVENT, message).expect("a request");
        // Until the screen has answered: what a client that is gone had asked for may be left undone.
        sent.check().expect("it is done");
    }

    /// Gives a window the keyboard, as a click on it does.
    pub fn focus(&self, window: Window) {
        let (connection, _) = self.connect();
        let focused = connection.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME);
        focused.expect("a request").check().expect("it is done");
    }

    /// Puts a window there.
    pub fn put(&self, window: Window, place: Place) {
        let (connection, _) = self.connect();
        let values = ConfigureWindowAux::new().x(place.x).y(place.y).width(place.width).height(place.height);
        connection.configure_window(window, &values).expect("a request").check().expect("it is done");
    }

    /// A picture of all of it, as a PNG; false when no program here can take one.
    pub fn picture(&self, file: &Path) -> bool {
        let mut import = Command::new("import");
        import.args(["-window", "root"]).arg(file).env("DISPLAY", &self.name);
        import.status().is_ok_and(|status| status.success())
    }

    fn connect(&self) -> (RustConnection, Window) {
        let (connection, screen) = x11rb::connect(Some(&self.name)).expect("the screen");
        let root = connection.setup().roots[screen].root;
        (connection, root)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _gone = self.server.kill();
        let _status = self.server.wait();
    }
}

fn title_of(connection: &RustConnection, window: Window) -> Option<String> {
    let name = connection.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256).ok()?;
    Some(String::from_utf8_lossy(&name.reply().ok()?.value).into_owned())
}

fn is_seen(connection: &RustConnection, window: Window) -> bool {
    let attributes = connection.get_window_attributes(window).ok().and_then(|reply| reply.reply().ok());
    attributes.is_some_and(|attributes| attributes.map_state == MapState::VIEWABLE)
}

fn place_of(connection: &RustConnection, root: Window, window: Window) -> Option<Place> {
    let size = connection.get_geometry(window).ok()?.reply().ok()?;
    let at = connection.translate_coordinates(window, root, 0, 0).ok()?.reply().ok()?;
    Some(Place {
        x: at.dst_x.into(),
        y: at.dst_y.into(),
        width: size.width.into(),
        height: size.height.into(),
    })
}
