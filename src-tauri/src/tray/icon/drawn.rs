//! Draws the sheets, and the app's own icons, from the SVGs in `icons/`.

use std::path::{Path, PathBuf};

use resvg::tiny_skia::{BlendMode, FilterQuality, Pixmap, PixmapPaint, Transform};
use resvg::usvg::{Options, Tree};

use super::{SIZES, Theme, column, row};
use crate::view::model::{Glyph, Overlay};

pub(super) const GLYPHS: [Glyph; 5] =
    [Glyph::SignedOut, Glyph::Connecting, Glyph::Ready, Glyph::Running, Glyph::Paused];
pub(super) const OVERLAYS: [Option<Overlay>; 3] = [None, Some(Overlay::NeedsYou), Some(Overlay::Error)];
pub(super) const THEMES: [Theme; 3] = [Theme::OnLight, Theme::OnDark, Theme::Template];

/// The folder of all icons.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("icons")
}

/// Every file that is made from the SVGs: its path below [`folder`], and what it must hold.
pub(super) fn files() -> Vec<(String, Vec<u8>)> {
    let sheets = SIZES.map(|size| (format!("tray/{size}.png"), png(&sheet(size))));
    let app = |size: u32| png(&drawn("app-icon.svg", size));
    let pngs = [("32x32.png", 32), ("128x128.png", 128), ("256x256.png", 256)];
    let pngs = pngs.map(|(name, size)| (name.to_owned(), app(size)));
    let ico = ico(&[16, 20, 24, 32, 40, 48, 64, 256].map(|size| (size, app(size))));
    // Apple's names for 16, 32, 128, 256 and 512 points, each at two pixels for a point, and 128 to 512 also at one.
    let kinds = [
        ("ic11", 32),
        ("ic12", 64),
        ("ic07", 128),
        ("ic13", 256),
        ("ic08", 256),
        ("ic14", 512),
        ("ic09", 512),
        ("ic10", 1024),
    ];
    let icns = icns(&kinds.map(|(kind, size)| (kind, app(size))));
    let app = pngs.into_iter().chain([("icon.ico".to_owned(), ico), ("icon.icns".to_owned(), icns)]);
    sheets.into_iter().chain(app).collect()
}

fn sheet(size: u32) -> Pixmap {
    let columns = (GLYPHS.len() * OVERLAYS.len()) as u32;
    let mut sheet = Pixmap::new(columns * size, THEMES.len() as u32 * size).unwrap();
    for theme in THEMES {
        for glyph in GLYPHS {
            for overlay in OVERLAYS {
                let (x, y) = (column(glyph, overlay) * size, row(theme) * size);
                put(&mut sheet, &composed(glyph, overlay, theme, size), (x, y), BlendMode::Source);
            }
        }
    }
    sheet
}

/// The base, with a hole where the overlay stands, and the overlay in it.
fn composed(glyph: Glyph, overlay: Option<Overlay>, theme: Theme, size: u32) -> Pixmap {
    let theme = match theme {
        Theme::OnLight => "on-light",
        Theme::OnDark => "on-dark",
        Theme::Template => "template",
    };
    let mut icon = drawn(&format!("tray/{}.{theme}.svg", name(glyph)), size);
    if let Some(overlay) = overlay {
        let overlay = format!("tray/overlay-{}", name(overlay));
        put(&mut icon, &drawn(&format!("{overlay}.clear.svg"), size), (0, 0), BlendMode::DestinationOut);
        put(&mut icon, &drawn(&format!("{overlay}.{theme}.svg"), size), (0, 0), BlendMode::SourceOver);
    }
    icon
}

/// The name that the pages use is the file's name too.
fn name(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

fn drawn(svg: &str, size: u32) -> Pixmap {
    let text = std::fs::read_to_string(folder().join(svg)).unwrap_or_else(|error| panic!("{svg}: {error}"));
    let tree = Tree::from_str(&text, &Options::default()).unwrap();
    let mut pixmap = Pixmap::new(size, size).unwrap();
    let scale = size as f32 / tree.size().width();
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap
}

fn put(onto: &mut Pixmap, what: &Pixmap, (x, y): (u32, u32), blend_mode: BlendMode) {
    let paint = PixmapPaint { opacity: 1.0, blend_mode, quality: FilterQuality::Nearest };
    onto.draw_pixmap(x as i32, y as i32, what.as_ref(), &paint, Transform::identity(), None);
}

fn png(pixmap: &Pixmap) -> Vec<u8> {
    pixmap.encode_png().unwrap()
}

/// Windows' container: a table of 16 bytes an image, then the images, each a PNG.
fn ico(images: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let count = images.len() as u16;
    let mut file = [[0, 0], [1, 0], count.to_le_bytes()].concat();
    let mut offset = 6 + 16 * images.len() as u32;
    for (size, png) in images {
        // 0 stands for 256.
        let side = (size % 256) as u8;
        file.extend([side, side, 0, 0, 1, 0, 32, 0]);
        file.extend((png.len() as u32).to_le_bytes());
        file.extend(offset.to_le_bytes());
        offset += png.len() as u32;
    }
    file.extend(images.iter().flat_map(|(_, png)| png));
    file
}

/// Apple's container: a kind and a length (its own eight bytes counted) before each PNG, and before the whole.
fn icns(images: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let block =
        |kind: &str, body: &[u8]| [kind.as_bytes(), &(body.len() as u32 + 8).to_be_bytes(), body].concat();
    let body = images.iter().flat_map(|(kind, png)| block(kind, png)).collect::<Vec<_>>();
    block("icns", &body)
}
