//! Nothing is cut off sideways, everything has a name, and nothing moves for who wants that.

use crate::states;
use crate::window::{Window, story};
use orgx_tests::chromium::Looks;
use serde_json::{Value, json};

#[test]
fn nothing_scrolls_sideways_at_360_pixels_nor_at_200_percent() {
    story(async |window: &mut Window| {
        for state in states::all() {
            window.show(Looks::of(440, 640)).await;
            window.open(&state).await;
            for (width, height) in [(360, 480), (220, 320), (180, 240)] {
                window.show(Looks::of(width, height)).await;
                window.settle().await;
                let wide = window.see("[document.documentElement, ...document.querySelectorAll('body *')].filter((at) => { const style = getComputedStyle(at); return at.scrollWidth > at.clientWidth + 1 && at.clientWidth > 1 && !['hidden', 'clip'].includes(style.overflowX) && style.display !== 'inline' }).map((at) => `${at.tagName}.${at.className} ${at.scrollWidth} > ${at.clientWidth}`).slice(0, 4)").await;
                let outside = window.see("[...document.querySelectorAll('button, input, summary, h1, h2')].filter((at) => { const box = at.getBoundingClientRect(); return box.width > 0 && !at.closest('.vh') && (box.left < -0.5 || box.right > innerWidth + 0.5) }).map((at) => at.textContent.slice(0, 40))").await;
                assert_eq!((wide, outside), (json!([]), json!([])), "{} at {width}", state.name);
            }
        }
    });
}

#[test]
fn nothing_that_is_read_overlaps_at_any_width() {
    story(async |window: &mut Window| {
        for state in states::all() {
            window.open(&state).await;
            for width in [220, 360, 440, 800] {
                window.show(Looks::of(width, 640)).await;
                window.settle().await;
                // Texts beside one another in a row: the boxes of its columns must not cross.
                let crossing = window.see("[...document.querySelectorAll('.row, .fact, .set, .status, .strip, .bar, .count, .top')].filter((at) => at.getClientRects().length > 0 && !at.closest('.act:hover')).flatMap((at) => { const boxes = [...at.children].map((child) => child.getBoundingClientRect()).filter((box) => box.width > 1 && box.height > 1); return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1).map(() => `${at.className}: ${at.textContent.slice(0, 50)}`)) })").await;
                assert_eq!(crossing, json!([]), "{} at {width}", state.name);
            }
        }
    });
}

#[test]
fn every_control_of_every_state_has_a_name_for_a_screen_reader() {
    const CONTROLS: [&str; 9] = [
        "button",
        "link",
        "textbox",
        "checkbox",
        "radio",
        "switch",
        "DisclosureTriangle",
        "progressbar",
        "alertdialog",
    ];
    story(async |window: &mut Window| {
        for state in states::all() {
            window.open(&state).await;
            let nodes = window.accessibility().await;
            let nameless: Vec<&Value> = nodes
                .iter()
                .filter(|node| node["ignored"] != json!(true))
                .filter(|node| CONTROLS.iter().any(|role| node["role"]["value"] == json!(role)))
                .filter(|node| node["name"]["value"].as_str().is_none_or(|name| name.trim().is_empty()))
                .collect();
            assert_eq!(nameless, Vec::<&Value>::new(), "{}", state.name);
            let heading = window.see("document.querySelectorAll('h1').length").await;
            assert_eq!(heading, json!(1), "{}: one title", state.name);
            let ids = window.see("(() => { const ids = [...document.querySelectorAll('[id]')].map((at) => at.id); return ids.filter((id, at) => ids.indexOf(id) !== at) })()").await;
            assert_eq!(ids, json!([]), "{}: an id names one thing", state.name);
        }
    });
}

#[test]
fn the_title_is_spoken_when_it_changes_and_not_with_each_second() {
    story(async |window: &mut Window| {
        window.open(&states::named("health-reconnecting")).await;
        let spoken = "document.getElementById('status').textContent";
        assert_eq!(window.see(spoken).await, json!("Reconnecting in 8 s"));
        assert_eq!(
            window.see("document.getElementById('status').getAttribute('aria-live')").await,
            json!("polite")
        );
        window.run("fake.now += 3000", json!([])).await.unwrap();
        window
            .until("the seconds go on", "document.querySelector('h1').textContent === 'Reconnecting in 5 s'")
            .await;
        assert_eq!(window.see(spoken).await, json!("Reconnecting in 8 s"));
        let header = window.see("({ ...fake.state.header, title: 'Ready for tasks', until: null })").await;
        window.tell(json!({ "header": header })).await;
        assert_eq!(window.see(spoken).await, json!("Ready for tasks"));
        let elapsed = window.see("document.querySelector('.row .r').textContent").await;
        assert_eq!(
            elapsed,
            json!("6:346 minutes 34 seconds1 1 deviation".replace("1 1", "11")),
            "for eyes and for ears"
        );
    });
}

#[test]
fn one_thing_turns_and_nothing_does_with_reduced_motion() {
    story(async |window: &mut Window| {
        window.open(&states::named("run-live")).await;
        let moving = "document.getAnimations().map((at) => at.animationName ?? at.transitionProperty)";
        assert_eq!(window.see(moving).await, json!([]), "reduced motion");
        window.show(Looks { reduced_motion: false, ..Looks::of(440, 640) }).await;
        window.settle().await;
        assert_eq!(window.see(moving).await, json!(["spin"]), "the running ring");
        window.open(&states::named("health-ready")).await;
        assert_eq!(window.see(moving).await, json!([]), "nothing runs, nothing moves");
    });
}

#[test]
fn shortened_texts_have_their_whole_in_their_title() {
    story(async |window: &mut Window| {
        for state in states::all() {
            window.open(&state).await;
            window.show(Looks::of(360, 640)).await;
            window.settle().await;
            let untitled = window.see("[...document.querySelectorAll('.ell, .mid')].filter((at) => !at.title && !at.closest('[title]')).map((at) => at.textContent)").await;
            assert_eq!(untitled, json!([]), "{}", state.name);
            let tails = window.see("[...document.querySelectorAll('.mid > .z')].filter((at) => at.getClientRects().length > 0 && at.scrollWidth > at.clientWidth + 1).map((at) => at.textContent)").await;
            assert_eq!(tails, json!([]), "{}: the last signs stay", state.name);
        }
    });
}
