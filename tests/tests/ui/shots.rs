//! Every state as it looks: at 360, 440 and 800 pixels, light and dark; some of them as other eyes need them.

use crate::picture::{Picture, compare};
use crate::server::root;
use crate::states::{self, State};
use crate::window::{Window, story};
use orgx_tests::chromium::Looks;
use std::path::PathBuf;

const WIDTHS: [u32; 3] = [360, 440, 800];
const HEIGHT: u32 = 640;
/// A window of 440 pixels at 200 %.
const ZOOMED: (u32, u32) = (220, 640);
/// The states that are also seen at 200 %, with more contrast, and in the system's own colours.
const ADAPTED: [&str; 13] = [
    "first-run-pairing",
    "health-running",
    "health-three-problems",
    "need",
    "need-permission",
    "need-questions",
    "receipts-waiting",
    "run-live",
    "runs-long-names",
    "sessions",
    "settings",
    "settings-limits",
    "sheet-quit",
];

#[test]
fn every_state_looks_as_it_did() {
    story(async |window: &mut Window| {
        let mut troubles = Vec::new();
        for state in wanted() {
            window.show(Looks::of(440, HEIGHT)).await;
            window.open(&state).await;
            let mut rows = Vec::new();
            for is_dark in [false, true] {
                let mut row = Vec::new();
                for width in WIDTHS {
                    let looks = Looks { dark: is_dark, ..Looks::of(width, HEIGHT) };
                    row.push(view(window, looks).await);
                }
                rows.push(row);
            }
            window.assert_quiet(&state.name).await;
            troubles.extend(compare(&reference(&state.name), &Picture::sheet(&rows)).err());
        }
        assert!(troubles.is_empty(), "{}", troubles.join("\n"));
    });
}

#[test]
fn states_look_as_they_did_at_200_percent_with_more_contrast_and_in_forced_colours() {
    story(async |window: &mut Window| {
        let mut troubles = Vec::new();
        for name in ADAPTED {
            let state = states::named(name);
            window.show(Looks::of(440, HEIGHT)).await;
            window.open(&state).await;
            let plain = Looks::of(440, HEIGHT);
            let small = Looks::of(ZOOMED.0, ZOOMED.1);
            let contrast = Looks { more_contrast: true, ..plain };
            let forced = Looks { forced_colors: true, ..plain };
            let mut rows = Vec::new();
            for row in [[small, contrast, forced], [small.dark(), contrast.dark(), forced.dark()]] {
                let mut views = Vec::new();
                for looks in row {
                    views.push(view(window, looks).await);
                }
                rows.push(views);
            }
            troubles.extend(compare(&reference(&format!("adapted-{name}")), &Picture::sheet(&rows)).err());
        }
        assert!(troubles.is_empty(), "{}", troubles.join("\n"));
    });
}

#[test]
fn a_moved_or_recoloured_element_is_seen_and_a_lighter_edge_is_not() {
    story(async |window: &mut Window| {
        window.open(&states::named("health-running")).await;
        let looks = Looks::of(440, HEIGHT);
        let before = view(window, looks).await;
        assert!(view(window, looks).await.differences(&before).is_empty(), "the same page twice");
        // The mutations are made through the CSS object model, which the policy lets the tests use.
        let sheet = "const sheet = [...document.styleSheets].at(-1); ";
        let mutations = [
            ("a row's title moves by two pixels", ".row .l1 { translate: 2px 0 }"),
            ("the tick is no longer teal", ".fact .i.t-teal { color: var(--red) }"),
            ("the button is no longer there", "#header .btn { visibility: hidden }"),
            ("the card's edge is gone", ".group { border-color: transparent; background: var(--bg) }"),
            ("a section has moved down", ".page { gap: 21px }"),
        ];
        for (what, rule) in mutations {
            window
                .run(&format!("{sheet} sheet.insertRule(arguments[0], sheet.cssRules.length)"), rule.into())
                .await
                .unwrap();
            let after = view(window, looks).await;
            assert!(!after.differences(&before).is_empty(), "{what}, and nobody saw it");
            window
                .run(&format!("{sheet} sheet.deleteRule(sheet.cssRules.length - 1)"), serde_json::json!([]))
                .await
                .unwrap();
        }
        let mut lighter = before.clone();
        for (at, byte) in lighter.pixels.iter_mut().enumerate() {
            *byte = byte.saturating_add((at % 5) as u8 * 4);
        }
        assert!(lighter.differences(&before).is_empty(), "edges of letters may differ a little");
    });
}

#[test]
fn every_reference_belongs_to_a_state() {
    let known: Vec<PathBuf> = states::all()
        .iter()
        .map(|state| reference(&state.name))
        .chain(ADAPTED.iter().map(|name| reference(&format!("adapted-{name}"))))
        .collect();
    let kept = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let strays: Vec<PathBuf> = kept.filter(|file| !known.contains(file)).collect();
    assert!(strays.is_empty(), "{strays:?}");
}

async fn view(window: &Window, looks: Looks) -> Picture {
    window.show(looks).await;
    // A caret blinks, and where the focus is is told elsewhere.
    window
        .run(
            "document.activeElement?.matches('input') && document.activeElement.blur()",
            serde_json::json!([]),
        )
        .await
        .unwrap();
    window.settle().await;
    Picture::from_png(&window.screenshot().await.unwrap())
}

/// All states, or the one that `ORGX_SHOTS` names.
fn wanted() -> Vec<State> {
    let named = std::env::var("ORGX_SHOTS").ok();
    states::all()
        .into_iter()
        .filter(|state| named.as_ref().is_none_or(|part| state.name.contains(part)))
        .collect()
}

fn folder() -> PathBuf {
    root().join("tests/references/ui/shots")
}

fn reference(name: &str) -> PathBuf {
    folder().join(format!("{name}.png"))
}
