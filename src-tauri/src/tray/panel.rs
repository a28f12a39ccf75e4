//! What the icon stands on. No desktop says outright how light its panel is: this makes the most of what it does say.

use super::icon::Theme;

/// What the desktop has said so far; nothing of it has to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// `XDG_CURRENT_DESKTOP`: names between colons.
    pub desktop: String,
    /// Is the panel dark? Of a desktop that has a setting for the panel itself.
    pub panel_is_dark: Option<bool>,
    /// The portal's `color-scheme`: 1 is dark, 2 is light, 0 is no preference.
    pub scheme: Option<u32>,
    /// The name of the GTK theme.
    pub theme: String,
    /// GTK's `gtk-application-prefer-dark-theme`.
    pub prefers_dark: bool,
}

/// The theme for the icon here.
pub fn theme(told: &Told) -> Theme {
    theme_on(std::env::consts::OS, told)
}

fn theme_on(os: &str, told: &Told) -> Theme {
    let is_dark = match os {
        "macos" => return Theme::Template,
        // Before it was a setting the taskbar was dark.
        "windows" => told.panel_is_dark.unwrap_or(true),
        _ => is_dark(told),
    };
    if is_dark { Theme::OnDark } else { Theme::OnLight }
}

fn is_dark(told: &Told) -> bool {
    // Their top bar is dark in light themes, too.
    let always = ["GNOME", "Unity"];
    if told.desktop.split(':').any(|name| always.iter().any(|dark| name.eq_ignore_ascii_case(dark))) {
        return true;
    }
    match (told.panel_is_dark, told.scheme) {
        (Some(is_dark), _) => is_dark,
        (None, Some(1)) => true,
        (None, Some(2)) => false,
        _ => told.prefers_dark || told.theme.to_ascii_lowercase().ends_with("-dark"),
    }
}

#[cfg(test)]
mod tests {
    use super::Theme::{OnDark, OnLight, Template};
    use super::*;

    #[test]
    fn the_icon_suits_the_panel_as_far_as_the_desktop_tells() {
        let told = |desktop: &str, panel_is_dark, scheme, theme: &str, prefers_dark| Told {
            desktop: desktop.to_owned(),
            panel_is_dark,
            scheme,
            theme: theme.to_owned(),
            prefers_dark,
        };
        for (os, told, theme) in [
            ("macos", told("", Some(true), Some(1), "", true), Template),
            ("windows", told("", Some(false), None, "", false), OnLight),
            ("windows", told("", Some(true), None, "", false), OnDark),
            ("windows", Told::default(), OnDark),
            ("linux", Told::default(), OnLight),
            // The top bar of these is dark whatever is preferred.
            ("linux", told("GNOME", None, Some(2), "Adwaita", false), OnDark),
            ("linux", told("ubuntu:GNOME", None, Some(0), "Yaru", false), OnDark),
            ("linux", told("Unity", None, None, "Ambiance", false), OnDark),
            ("linux", told("X-GNOMEISH", None, Some(2), "", false), OnLight),
            // The portal's word counts more than the theme's name.
            ("linux", told("KDE", None, Some(1), "Breeze", false), OnDark),
            ("linux", told("KDE", None, Some(2), "Breeze-Dark", true), OnLight),
            // No preference, or no portal: the theme.
            ("linux", told("KDE", None, Some(0), "Breeze-Dark", false), OnDark),
            ("linux", told("MATE", None, None, "Adwaita-dark", false), OnDark),
            ("linux", told("MATE", None, None, "Adwaita", true), OnDark),
            ("linux", told("MATE", None, None, "Darkness", false), OnLight),
            ("linux", told("MATE", None, Some(7), "Adwaita", false), OnLight),
            // The panel's own setting counts more than both.
            ("linux", told("XFCE", Some(true), Some(2), "Adwaita", false), OnDark),
            ("linux", told("XFCE", Some(false), Some(1), "Adwaita-dark", true), OnLight),
        ] {
            assert_eq!(theme_on(os, &told), theme, "{os} {told:?}");
        }
    }
}
