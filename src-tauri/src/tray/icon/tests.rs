use super::drawn::{GLYPHS, OVERLAYS, THEMES, files, folder};
use super::*;

#[test]
fn the_committed_icons_are_what_the_svgs_say() {
    let update = std::env::var_os("ORGX_UPDATE_ICONS").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (name, wanted) in files() {
        let path = folder().join(&name);
        if std::fs::read(&path).is_ok_and(|there| there == wanted) {
            continue;
        }
        if update {
            std::fs::write(path, wanted).unwrap();
        }
        stale.push(name);
    }
    assert!(update || stale.is_empty(), "{stale:?} are not what the SVGs say: run `cargo xtask icons`");
}

#[test]
fn every_icon_of_every_size_is_there_and_fills_its_square() {
    for (size, theme, glyph, overlay) in all() {
        let icon = icon(glyph, overlay, theme, size);
        assert_eq!((icon.width, icon.height, icon.data.len()), (size, size, (size * size * 4) as usize));
        let inked = alpha(&icon).iter().filter(|alpha| **alpha > 127).count();
        let share = inked * 100 / (size * size) as usize;
        assert!((15..75).contains(&share), "{glyph:?} {overlay:?} {theme:?} {size}: {share} % inked");
    }
}

#[test]
fn any_two_icons_differ_by_shape_and_not_only_by_colour() {
    for theme in THEMES {
        for size in SIZES {
            let shapes: Vec<_> = GLYPHS
                .into_iter()
                .flat_map(|glyph| OVERLAYS.map(|overlay| (glyph, overlay)))
                .map(|(glyph, overlay)| ((glyph, overlay), alpha(&icon(glyph, overlay, theme, size))))
                .collect();
            for (at, (name, shape)) in shapes.iter().enumerate() {
                for (other_name, other) in shapes.iter().skip(at + 1) {
                    let apart: usize =
                        shape.iter().zip(other).map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
                    // In whole pixels; a twentieth of the square is a mark of 3 by 4 at 16.
                    let apart = apart / 255;
                    assert!(apart * 20 >= shape.len(), "{name:?}, {other_name:?}: {apart} apart at {size}");
                }
            }
        }
    }
}

#[test]
fn bars_and_the_exclamation_mark_stand_on_whole_pixels() {
    for theme in THEMES {
        for size in SIZES {
            let part = |share: u32| (size * share / 16) as usize;
            // The two bars, with the gap between them: nothing in the rows across their middle is half inked.
            let paused = icon(Glyph::Paused, None, theme, size);
            let runs = runs_in(&paused, size as usize / 2, part(4)..part(12));
            assert!(matches!(runs.as_slice(), [one, two] if one == two), "bars at {size}: {runs:?}");
            let error = icon(Glyph::Ready, Some(Overlay::Error), theme, size);
            let runs = runs_in(&error, part(9), part(13) - 1..size as usize);
            assert!(matches!(runs.as_slice(), [width] if *width > 1), "`!` at {size}: {runs:?}");
        }
    }
}

#[test]
fn a_template_has_no_colour() {
    for (size, theme, glyph, overlay) in all().filter(|(_, theme, ..)| *theme == Theme::Template) {
        let icon = icon(glyph, overlay, theme, size);
        assert!(
            icon.data.chunks_exact(4).all(|pixel| pixel.starts_with(&[0, 0, 0])),
            "{glyph:?} {overlay:?} {size}"
        );
    }
}

#[test]
fn amber_is_for_needs_you_alone() {
    // Amber is redder than it is blue, by far, and not as red as the `!`.
    let amber = |pixel: &[u8]| matches!(pixel, [red, green, blue, alpha] if *red > 150 && *green > 100 && *blue < 80 && *alpha > 200);
    for (size, theme, glyph, overlay) in all().filter(|(_, theme, ..)| *theme != Theme::Template) {
        let icon = icon(glyph, overlay, theme, size);
        let seen = icon.data.chunks_exact(4).any(amber);
        assert_eq!(seen, overlay == Some(Overlay::NeedsYou), "{glyph:?} {overlay:?} {theme:?} {size}");
    }
}

#[test]
fn a_size_that_is_not_there_is_the_next_larger_one() {
    let width = |size| icon(Glyph::Ready, None, Theme::OnDark, size).width;
    assert_eq!([1, 16, 17, 23, 45, 64, 65, 500].map(width), [16, 16, 20, 24, 64, 64, 64, 64]);
}

#[test]
fn the_size_to_ask_for_depends_on_os_and_scale() {
    let scales = [0.5, 1.0, 1.25, 1.5, 2.0, 3.0, f64::NAN];
    assert_eq!(scales.map(|scale| size_on("windows", scale)), [16, 16, 20, 24, 32, 64, 16]);
    assert_eq!(scales.map(|scale| size_on("linux", scale)), [22, 22, 32, 44, 44, 64, 16]);
    assert_eq!(scales.map(|scale| size_on("macos", scale)), [44; 7]);
}

fn all() -> impl Iterator<Item = (u32, Theme, Glyph, Option<Overlay>)> {
    let of = |size| THEMES.into_iter().flat_map(move |theme| GLYPHS.map(|glyph| (size, theme, glyph)));
    SIZES
        .into_iter()
        .flat_map(of)
        .flat_map(|(size, theme, glyph)| OVERLAYS.map(|overlay| (size, theme, glyph, overlay)))
}

fn alpha(icon: &Rgba) -> Vec<u8> {
    icon.data.iter().skip(3).step_by(4).copied().collect()
}

/// The lengths of the inked runs in a part of a row, all of whose pixels must be inked wholly or not at all.
fn runs_in(icon: &Rgba, row: usize, columns: std::ops::Range<usize>) -> Vec<usize> {
    let width = icon.width as usize;
    let alpha = alpha(icon);
    let line = &alpha[row * width + columns.start..row * width + columns.end];
    assert!(
        line.iter().all(|alpha| [0, 255].contains(alpha)),
        "half pixels in row {row} at {width}: {line:?}"
    );
    line.split(|alpha| *alpha == 0).map(<[u8]>::len).filter(|length| *length > 0).collect()
}
