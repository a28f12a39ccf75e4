//! The tray's icon as pixels: a base shape, and perhaps an overlay in front of it.
//!
//! What it promises: any two of the fifteen differ by shape and not only by colour, at every size; straight lines stand
//! on whole pixels; and [`Theme::Template`] has no colour at all, only alpha.
//!
//! The pixels come from `icons/tray/*.svg`. They are drawn by a test, which compares them with `icons/tray/*.png` and
//! with `ORGX_UPDATE_ICONS=1` rewrites those; the program itself has no SVG in it. A sheet holds all icons of one size:
//! a row for each theme, a column for each shape.
//!
//! Which size to ask for, in pixels ([`size_for`] says it):
//!
//! | OS | what becomes of it | 1x | 1.25x | 1.5x | 2x | 3x |
//! |---|---|---|---|---|---|---|
//! | Windows | shown as `SM_CXSMICON` (16 at 100 %); any other size is scaled, badly | 16 | 20 | 24 | 32 | 64 |
//! | macOS | always scaled to 18 points high, 36 pixels on a fine screen; template only | 44 | 44 | 44 | 44 | 44 |
//! | Linux | one pixmap over D-Bus, exactly as given; the panel scales it to its own 16, 22, 24 or more | 22 | 32 | 44 | 44 | 64 |

use std::sync::LazyLock;

use crate::view::model::{Glyph, Overlay};

#[cfg(test)]
mod drawn;
#[cfg(test)]
mod tests;

/// The sizes there are, in pixels.
pub const SIZES: [u32; 7] = [16, 20, 22, 24, 32, 44, 64];

/// The sheets, a PNG for each of [`SIZES`].
const SHEETS: [&[u8]; SIZES.len()] = [
    include_bytes!("../../../icons/tray/16.png"),
    include_bytes!("../../../icons/tray/20.png"),
    include_bytes!("../../../icons/tray/22.png"),
    include_bytes!("../../../icons/tray/24.png"),
    include_bytes!("../../../icons/tray/32.png"),
    include_bytes!("../../../icons/tray/44.png"),
    include_bytes!("../../../icons/tray/64.png"),
];

/// What the icon stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Theme {
    /// A light panel.
    OnLight,
    /// A dark panel.
    OnDark,
    /// Alpha alone, for macOS to colour.
    Template,
}

/// Straight (not premultiplied) RGBA, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgba {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Four bytes for each pixel.
    pub data: Vec<u8>,
}

/// The icon, in the smallest size there is that is not smaller than asked, or else the largest.
pub fn icon(glyph: Glyph, overlay: Option<Overlay>, theme: Theme, size: u32) -> Rgba {
    static DECODED: LazyLock<[Option<Rgba>; SIZES.len()]> = LazyLock::new(|| SHEETS.map(decoded));
    let place = SIZES.iter().position(|there| *there >= size).unwrap_or(SIZES.len() - 1);
    let size = SIZES.get(place).copied().unwrap_or(size);
    let cut = DECODED
        .get(place)
        .and_then(Option::as_ref)
        .and_then(|sheet| tile(sheet, size, theme, glyph, overlay));
    // A sheet that cannot be read would be an empty icon and not a dead app; a test reads them all.
    cut.unwrap_or_else(|| Rgba { width: size, height: size, data: vec![0; (size * size * 4) as usize] })
}

/// The size to ask for here, on a screen of this scale (2.0 shows two pixels for each point).
pub fn size_for(scale: f64) -> u32 {
    size_on(std::env::consts::OS, scale)
}

fn size_on(os: &str, scale: f64) -> u32 {
    let points = match os {
        "windows" => 16.0,
        "macos" => return 44,
        _ => 22.0,
    };
    // More than the panel shows is scaled down, which does less harm than scaling up.
    let wanted = (points * scale.clamp(1.0, 4.0)).round() as u32;
    SIZES.into_iter().find(|size| *size >= wanted).unwrap_or(64)
}

fn decoded(png: &[u8]) -> Option<Rgba> {
    let image = tauri::image::Image::from_bytes(png).ok()?;
    Some(Rgba { width: image.width(), height: image.height(), data: image.rgba().to_vec() })
}

fn tile(sheet: &Rgba, size: u32, theme: Theme, glyph: Glyph, overlay: Option<Overlay>) -> Option<Rgba> {
    let (left, top) = (column(glyph, overlay) * size, row(theme) * size);
    let bytes = |pixels: u32| pixels as usize * 4;
    let mut data = Vec::with_capacity(bytes(size * size));
    for y in top..top + size {
        let start = bytes(y * sheet.width + left);
        data.extend_from_slice(sheet.data.get(start..start + bytes(size))?);
    }
    Some(Rgba { width: size, height: size, data })
}

const fn column(glyph: Glyph, overlay: Option<Overlay>) -> u32 {
    let glyph = match glyph {
        Glyph::SignedOut => 0,
        Glyph::Connecting => 1,
        Glyph::Ready => 2,
        Glyph::Running => 3,
        Glyph::Paused => 4,
    };
    let overlay = match overlay {
        None => 0,
        Some(Overlay::NeedsYou) => 1,
        Some(Overlay::Error) => 2,
    };
    glyph * 3 + overlay
}

const fn row(theme: Theme) -> u32 {
    match theme {
        Theme::OnLight => 0,
        Theme::OnDark => 1,
        Theme::Template => 2,
    }
}
