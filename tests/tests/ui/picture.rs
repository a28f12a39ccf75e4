//! Pictures: several views of a state on one sheet, kept with few colours, compared with tolerance.

use std::path::Path;

/// What a sheet holds beside its views.
const GROUND: [u8; 3] = [128, 128, 128];
/// The gap between two views.
const GAP: u32 = 8;
/// Two colours differ when a channel differs by more than this: edges of letters may, a wrong colour must.
const CHANNEL: u8 = 24;
/// A tile's side. A change is looked for tile by tile: a small thing that moves is lost in a whole window.
const TILE: u32 = 16;
/// A tile has changed when more pixels than this differ.
const PIXELS: u32 = 12;
/// Most colours that a kept sheet has.
const COLOURS: usize = 256;
/// A colour of more pixels than this is a surface's or a line's.
const SURFACE: u32 = 300;

/// An RGB picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Three bytes each, row by row.
    pub(crate) pixels: Vec<u8>,
}

impl Picture {
    /// Of one colour.
    pub(crate) fn plain(width: u32, height: u32) -> Self {
        Self { width, height, pixels: GROUND.repeat((width * height) as usize) }
    }

    /// From a PNG of any kind of colours.
    pub(crate) fn from_png(bytes: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("a PNG");
        let mut buffer = vec![0; reader.output_buffer_size().expect("a PNG's size")];
        let info = reader.next_frame(&mut buffer).expect("a PNG's pixels");
        let bytes = &buffer[..info.buffer_size()];
        let pixels = match info.color_type {
            png::ColorType::Rgb => bytes.to_vec(),
            png::ColorType::Rgba => {
                bytes.chunks(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
            }
            other => panic!("a PNG with {other:?}"),
        };
        Self { width: info.width, height: info.height, pixels }
    }

    /// As a PNG with a palette of the colours that it has most of.
    pub(crate) fn to_png(&self) -> Vec<u8> {
        let mut exact = std::collections::HashMap::<[u8; 3], u32>::new();
        for (pixel, length) in self.stretches() {
            *exact.entry(pixel).or_default() += length;
        }
        // Surfaces keep their colour; the edges of letters share some.
        let shared = |pixel: [u8; 3]| if exact[&pixel] > SURFACE { pixel } else { step(pixel) };
        let mut counts = std::collections::HashMap::<[u8; 3], u32>::new();
        for (pixel, count) in &exact {
            *counts.entry(shared(*pixel)).or_default() += count;
        }
        let mut colours: Vec<([u8; 3], u32)> = counts.into_iter().collect();
        colours.sort_by_key(|(colour, count)| (std::cmp::Reverse(*count), *colour));
        let palette: Vec<[u8; 3]> = colours.iter().take(COLOURS).map(|(colour, _)| *colour).collect();
        let nearest = |colour: &[u8; 3]| {
            let far = |other: &[u8; 3]| {
                (0..3).map(|at| i32::from(colour[at].abs_diff(other[at])).pow(2)).sum::<i32>()
            };
            palette.iter().enumerate().min_by_key(|(_, other)| far(other)).map_or(0, |(at, _)| at as u8)
        };
        let places: std::collections::HashMap<[u8; 3], u8> =
            colours.iter().map(|(colour, _)| (*colour, nearest(colour))).collect();
        let indices: Vec<u8> = self
            .stretches()
            .into_iter()
            .flat_map(|(pixel, length)| std::iter::repeat_n(places[&shared(pixel)], length as usize))
            .collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(palette.concat());
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(png::Filter::NoFilter);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(&indices).expect("pixels");
        writer.finish().expect("a PNG");
        bytes
    }

    /// Views beside one another, in rows.
    pub(crate) fn sheet(rows: &[Vec<Picture>]) -> Self {
        let width = |row: &Vec<Picture>| row.iter().map(|view| view.width + GAP).sum::<u32>() + GAP;
        let height = |row: &Vec<Picture>| row.iter().map(|view| view.height).max().unwrap_or(0);
        let mut sheet = Self::plain(
            rows.iter().map(width).max().unwrap_or(0),
            rows.iter().map(|row| height(row) + GAP).sum::<u32>() + GAP,
        );
        let mut y = GAP;
        for row in rows {
            let mut x = GAP;
            for view in row {
                sheet.paste(view, x, y);
                x += view.width + GAP;
            }
            y += height(row) + GAP;
        }
        sheet
    }

    /// Pixels of one colour in a row: most of a window is plain.
    fn stretches(&self) -> Vec<([u8; 3], u32)> {
        let mut all: Vec<([u8; 3], u32)> = Vec::new();
        for pixel in self.pixels.chunks_exact(3) {
            match all.last_mut() {
                Some((colour, length)) if colour == pixel => *length += 1,
                _ => all.push(([pixel[0], pixel[1], pixel[2]], 1)),
            }
        }
        all
    }

    fn paste(&mut self, view: &Picture, x: u32, y: u32) {
        for row in 0..view.height {
            let from = (row * view.width * 3) as usize;
            let onto = (((y + row) * self.width + x) * 3) as usize;
            let bytes = (view.width * 3) as usize;
            self.pixels[onto..onto + bytes].copy_from_slice(&view.pixels[from..from + bytes]);
        }
    }

    /// Where the two differ: the upper left corners of tiles.
    pub(crate) fn differences(&self, other: &Picture) -> Vec<(u32, u32)> {
        if (self.width, self.height) != (other.width, other.height) {
            return vec![(0, 0)];
        }
        let mut changed = std::collections::BTreeMap::<(u32, u32), u32>::new();
        for (at, (a, b)) in self.pixels.chunks_exact(3).zip(other.pixels.chunks_exact(3)).enumerate() {
            if a != b && (0..3).any(|channel| a[channel].abs_diff(b[channel]) > CHANNEL) {
                let (x, y) = (at as u32 % self.width, at as u32 / self.width);
                *changed.entry((x / TILE * TILE, y / TILE * TILE)).or_default() += 1;
            }
        }
        changed.into_iter().filter(|(_, pixels)| *pixels > PIXELS).map(|(tile, _)| tile).collect()
    }
}

/// Compares with a kept sheet. `ORGX_UPDATE_SHOTS=1` writes it instead; a sheet that differs is written beside the
/// build, to be looked at.
pub(crate) fn compare(file: &Path, sheet: &Picture) -> Result<(), String> {
    let png = sheet.to_png();
    // What is compared has been through the same palette.
    let now = Picture::from_png(&png);
    let is_update = std::env::var_os("ORGX_UPDATE_SHOTS").is_some_and(|value| value == "1");
    let kept = std::fs::read(file).map(|bytes| Picture::from_png(&bytes));
    if let Ok(kept) = &kept
        && now.differences(kept).is_empty()
    {
        return Ok(());
    }
    if is_update {
        std::fs::write(file, png).expect("the reference can be written");
        return Ok(());
    }
    let name = file.file_name().unwrap_or_default();
    let seen = std::env::temp_dir().join("orgx-ui-shots");
    std::fs::create_dir_all(&seen).expect("a folder for what was seen");
    std::fs::write(seen.join(name), png).expect("what was seen");
    let places = kept.map_or_else(
        |_| "there is no reference".to_owned(),
        |kept| {
            let all = now.differences(&kept);
            format!("{} tiles differ, the first at {:?}", all.len(), all[0])
        },
    );
    Err(format!("{}: {places}; it is now as in {}", file.display(), seen.join(name).display()))
}

/// Colours in steps of sixteen, so that the edges of letters share them.
fn step(pixel: [u8; 3]) -> [u8; 3] {
    [0, 1, 2].map(|channel| {
        let value = u16::from(pixel[channel]);
        (((value + 8) / 16) * 16).min(255) as u8
    })
}
