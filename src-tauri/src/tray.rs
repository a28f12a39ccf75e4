//! The tray: a glyph, a tooltip and a menu, as plain data made of [`Facts`].

pub mod icon;
pub mod menu;
pub mod panel;

use crate::facts::Facts;
use crate::view::header;
use crate::view::model::{Glyph, Overlay};
pub use menu::{Click, Item, Menu};

/// What stands in the tray. It is set anew only when it is not equal to the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tray {
    /// The shape.
    pub glyph: Glyph,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// The header's title.
    pub tooltip: String,
    /// The menu.
    pub menu: Menu,
}

impl Tray {
    /// The tray of these facts.
    pub fn of(facts: &Facts) -> Self {
        let header = header::header(facts);
        Self {
            glyph: header.glyph,
            overlay: header.overlay,
            tooltip: header::title(facts),
            menu: menu::menu(facts),
        }
    }
}
