//! Text for people: what came from outside is made safe to show, and numbers are written as `ui.md` says.

use orgx_proto::redact::Redacted;
use std::path::Path;

/// Longest title, folder or reason that a page gets, in characters.
pub const LINE: usize = 300;

/// Secrets masked, control and direction characters gone, cut.
pub fn line(text: &str) -> String {
    cut(text, LINE)
}

/// The same, cut to so many characters, the last of which is then an ellipsis.
pub fn cut(text: &str, chars: usize) -> String {
    // What stood on two lines stays two words, and a secret after a line break is seen to begin.
    let spaced: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Redacted::cut(&spaced, chars).into_string()
}

/// The last part of a path.
pub fn folder_name(folder: &str) -> String {
    let name =
        Path::new(folder).file_name().map_or_else(|| folder.to_owned(), |name| name.to_string_lossy().into());
    line(&name)
}

/// A path with `~` for the home folder.
pub fn tilde(path: &str, home: &str) -> String {
    let short = match path.strip_prefix(home) {
        Some("") if !home.is_empty() => "~".to_owned(),
        Some(rest) if !home.is_empty() && rest.starts_with(['/', '\\']) => format!("~{rest}"),
        _ => path.to_owned(),
    };
    line(&short)
}

/// `4:12`, `1:02:09`.
pub fn elapsed(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// `8 s`, `51 min`, `2 h`: a wait, never shorter than a second.
pub fn wait(ms: i64) -> String {
    let seconds = (ms.max(0) as u64).div_ceil(1000).max(1);
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

/// `1 run`, `2 runs`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// A sentence: a capital first, one full stop last.
pub fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_the_rules_say() {
        assert_eq!([elapsed(252_000), elapsed(3_729_999), elapsed(-5)], ["4:12", "1:02:09", "0:00"]);
        assert_eq!([wait(7_100), wait(0), wait(120_000), wait(7_200_000)], ["8 s", "1 s", "2 min", "2 h"]);
        assert_eq!([count(1, "run", "runs"), count(3, "run", "runs")], ["1 run", "3 runs"]);
        assert_eq!([sentence("it broke"), sentence("Done."), sentence("")], ["It broke.", "Done.", ""]);
    }

    #[test]
    fn text_from_outside_cannot_hide_or_turn_anything() {
        assert_eq!(line(" a\u{202e}b\u{0}c\noxk_live_0123456789 "), "ab c [redacted]");
        assert_eq!(cut(&"é".repeat(50), 40), format!("{}…", "é".repeat(39)));
    }

    #[test]
    fn folders_are_short_where_that_loses_nothing() {
        for (path, short) in [
            ("/home/me/code/x", "~/code/x"),
            ("/home/me", "~"),
            ("/home/mean/x", "/home/mean/x"),
            ("/srv/x", "/srv/x"),
        ] {
            assert_eq!(tilde(path, "/home/me"), short);
        }
        assert_eq!(tilde("/srv/x", ""), "/srv/x");
        assert_eq!([folder_name("/a/b"), folder_name("/")], ["b", "/"]);
    }
}
