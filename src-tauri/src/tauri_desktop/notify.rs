//! Notifications, by the plugin: buttons where the OS has them, clicks as inputs.

use crate::controller::{Clicked, Input};
use crate::notifications::{Buttons, Key, Notification};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tauri::AppHandle;
use tauri_plugin_notification::{Action, ActionType, NotificationExt};
use tokio::sync::mpsc::UnboundedSender;

/// Notifications whose clicks are still understood.
const KEPT: usize = 200;
/// Under which a notification carries its number.
const NUMBER: &str = "number";

const OPEN: &str = "open";
const ALLOW: &str = "allow";
const DENY: &str = "deny";
const MUTE: &str = "mute";

#[derive(Clone, Default)]
pub(super) struct Notifications {
    shown: Arc<Mutex<Shown>>,
}

#[derive(Default)]
struct Shown {
    number: i32,
    kept: VecDeque<(i32, Notification)>,
}

/// The buttons of what waits for an answer, in order.
///
/// macOS puts two or more of them into a menu, and a click on the menu's own button is told as one on the first: that
/// one must harm nobody, so Open stands before what allows.
fn answers() -> Vec<(&'static str, &'static str)> {
    let open = cfg!(target_os = "macos").then_some((OPEN, "Open"));
    open.into_iter().chain([(ALLOW, "Allow once"), (DENY, "Deny")]).collect()
}

impl Notifications {
    /// From here on clicks are inputs.
    pub(super) fn new(app: &AppHandle, inputs: &UnboundedSender<Input>) -> Self {
        let this = Self::default();
        let plugin = app.notification();
        let button = |id: &str, title: &str| Action::builder(id, title).build();
        let kind = |id: &str, buttons: Vec<Action>| ActionType::builder(id).actions(buttons).build();
        let kinds = vec![
            kind(OPEN, vec![button(OPEN, "Open")]),
            kind(ALLOW, answers().into_iter().map(|(id, title)| button(id, title)).collect()),
            kind(MUTE, vec![button(OPEN, "Open"), button(MUTE, "Mute rule")]),
        ];
        if let Err(error) = plugin.register_action_types(kinds) {
            tracing::warn!(%error, "notifications have no buttons");
        }
        let (clicks, inputs) = (this.clone(), inputs.clone());
        let listening = plugin.on_action(move |performed| {
            let number = performed.notification().and_then(|shown| shown.extra().get(NUMBER)?.as_i64());
            let clicked = number.and_then(|number| clicks.clicked(number, performed.action_id()));
            if let Some(clicked) = clicked {
                // Nobody listens any more once the program ends.
                let _over = inputs.send(Input::Notification(clicked));
            }
        });
        if let Err(error) = listening {
            tracing::warn!(%error, "clicks on notifications are not heard");
        }
        this
    }

    pub(super) fn show(&self, app: &AppHandle, notification: &Notification) {
        let number = self.keep(notification);
        let kind = match notification.buttons {
            Buttons::Open => OPEN,
            Buttons::Answer(_) => ALLOW,
            Buttons::Mute(_) => MUTE,
        };
        let shown = app
            .notification()
            .builder()
            .id(number)
            .title(&notification.title)
            .body(body(&notification.body))
            .action_type_id(kind)
            .extra(NUMBER, number)
            .show();
        if let Err(error) = shown {
            tracing::warn!(%error, "a notification was not shown");
        }
    }

    pub(super) fn withdraw(&self, app: &AppHandle, key: &Key) {
        let numbers: Vec<i32> = {
            let shown = self.lock();
            shown.kept.iter().filter(|(_, kept)| kept.key == *key).map(|(number, _)| *number).collect()
        };
        let plugin = app.clone();
        // It asks the session bus, and waits for it.
        tauri::async_runtime::spawn_blocking(move || {
            if let Err(error) = plugin.notification().remove_active(numbers) {
                tracing::debug!(%error, "a notification was not taken back");
            }
        });
    }

    fn keep(&self, notification: &Notification) -> i32 {
        let mut shown = self.lock();
        shown.number = shown.number.wrapping_add(1);
        let number = shown.number;
        shown.kept.push_back((number, notification.clone()));
        if shown.kept.len() > KEPT {
            shown.kept.pop_front();
        }
        number
    }

    fn clicked(&self, number: i64, action: &str) -> Option<Clicked> {
        let shown = self.lock();
        let (_, notification) = shown.kept.iter().find(|(kept, _)| i64::from(*kept) == number)?;
        Some(match (action, &notification.buttons) {
            (ALLOW, Buttons::Answer(id)) => Clicked::Allow(id.clone()),
            (DENY, Buttons::Answer(id)) => Clicked::Deny(id.clone()),
            (MUTE, Buttons::Mute(rule)) => Clicked::Mute(rule.clone()),
            _ => Clicked::Open(notification.page.clone()),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notification servers of Linux may take a body for markup.
fn body(text: &str) -> String {
    if cfg!(target_os = "linux") {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::model::Page;

    fn shown(buttons: Buttons) -> Notification {
        let key = Key::Failed("r1".into());
        Notification { key, title: "t".into(), body: "b".into(), buttons, page: Page::Runs }
    }

    #[test]
    fn a_click_is_understood_by_the_notification_that_it_is_on() {
        let all = Notifications::default();
        let open = i64::from(all.keep(&shown(Buttons::Open)));
        let answer = i64::from(all.keep(&shown(Buttons::Answer("n1".into()))));
        let mute = i64::from(all.keep(&shown(Buttons::Mute("no-todo".into()))));
        for (number, action, clicked) in [
            (open, "tap", Some(Clicked::Open(Page::Runs))),
            (open, "allow", Some(Clicked::Open(Page::Runs))),
            (answer, "allow", Some(Clicked::Allow("n1".into()))),
            (answer, "deny", Some(Clicked::Deny("n1".into()))),
            (answer, "tap", Some(Clicked::Open(Page::Runs))),
            (mute, "mute", Some(Clicked::Mute("no-todo".into()))),
            (mute, "open", Some(Clicked::Open(Page::Runs))),
            (99, "tap", None),
        ] {
            assert_eq!(all.clicked(number, action), clicked, "{number} {action}");
        }
    }

    #[test]
    fn where_the_first_button_may_be_clicked_unseen_it_allows_nothing() {
        let ids: Vec<&str> = answers().into_iter().map(|(id, _)| id).collect();
        let first = cfg!(target_os = "macos").then_some(OPEN);
        assert_eq!(ids, first.into_iter().chain([ALLOW, DENY]).collect::<Vec<_>>());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_body_is_no_markup() {
        assert_eq!(body("<b>x</b> & <img src=x>"), "&lt;b&gt;x&lt;/b&gt; &amp; &lt;img src=x&gt;");
    }
}
