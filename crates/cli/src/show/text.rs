//! Text from outside made safe and short, and numbers as people read them.

use orgx_proto::redact::Redacted;

/// Longest text taken from outside, in characters.
const CHARS: usize = 2_000;

/// Without control and direction characters, on one line.
pub(crate) fn clean(text: &str) -> String {
    cut(text, CHARS)
}

/// At most `chars` long, with an ellipsis at the end when it was longer: for titles, sentences and ids, whose start
/// tells them apart.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    // A line break parts words.
    Redacted::cut(&text.replace(['\n', '\r', '\t'], " "), chars).into_string()
}

/// At most `chars` long, with both ends: for paths, whose end tells most.
pub(crate) fn cut_path(path: &str, chars: usize) -> String {
    /// Characters of the end that stay.
    const END: usize = 20;
    let path = clean(path);
    let all: Vec<char> = path.chars().collect();
    if all.len() <= chars {
        return path;
    }
    let end = END.min(chars.saturating_sub(1) / 2 + 1);
    let start = chars.saturating_sub(end + 1);
    all[..start].iter().chain(&['…']).chain(&all[all.len() - end..]).collect()
}

/// With `~` for the home folder.
pub(crate) fn tilde(path: &str, home: Option<&std::path::Path>) -> String {
    let rest = home.and_then(|home| std::path::Path::new(path).strip_prefix(home).ok());
    match rest {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.to_owned(),
    }
}

/// With `~` for the home folder wherever a path in a sentence begins with it.
pub(crate) fn tilde_all(text: &str, home: Option<&std::path::Path>) -> String {
    let home = home.map(|home| format!("{}/", home.display())).filter(|home| home.len() > 2);
    home.map_or_else(|| text.to_owned(), |home| text.replace(&home, "~/"))
}

/// Breaks a text into lines of at most `width` characters, at spaces where there are any.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in clean(text).split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().collect();
        // A word that fits on no line is broken anyway: it begins where there is room.
        if room < width && room > 1 && (word.len() < room || word.len() > width) {
            last(&mut lines).push(' ');
            room -= 1;
        } else if room < width {
            lines.push(String::new());
            room = width;
        }
        while word.len() > room {
            let rest = word.split_off(room);
            last(&mut lines).extend(&word);
            lines.push(String::new());
            (word, room) = (rest, width);
        }
        room -= word.len();
        last(&mut lines).extend(&word);
    }
    lines
}

fn last(lines: &mut [String]) -> &mut String {
    let at = lines.len() - 1;
    &mut lines[at]
}

/// `940`, `18.4k`, `1.24M`.
pub(crate) fn count(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..1_000_000 => format!("{:.1}k", n as f64 / 1e3),
        _ => format!("{:.2}M", n as f64 / 1e6),
    }
}

/// `$0.21`.
pub(crate) fn dollars(cents: u64) -> String {
    if cents == 0 { "<$0.01".to_owned() } else { format!("${}.{:02}", cents / 100, cents % 100) }
}

/// `1 step`, `3 steps`.
pub(crate) fn plural(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {one}s", count(n)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([0, 940, 1_000, 18_412, 1_240_000].map(count), ["0", "940", "1.0k", "18.4k", "1.24M"]);
        assert_eq!([0, 1, 21, 1_234].map(dollars), ["<$0.01", "$0.01", "$0.21", "$12.34"]);
        assert_eq!(
            [plural(1, "step"), plural(0, "step"), plural(2_000, "step")],
            ["1 step", "0 steps", "2.0k steps"]
        );
    }

    #[test]
    fn what_is_too_long_is_cut_where_it_tells_least() {
        assert_eq!(cut("run_0123456789", 8), "run_012…");
        let path = "/home/me/customers/onboarding-2026/experiments/http.py";
        assert_eq!(cut_path(path, 60), path);
        assert_eq!(cut_path(path, 40), "/home/me/customers/…/experiments/http.py");
        assert_eq!(cut_path(path, 40).chars().count(), 40);
        assert_eq!(cut_path("aaaaaaaa", 3).chars().count(), 3);
        let home = std::path::Path::new("/home/me");
        assert_eq!(tilde("/home/me/x", Some(home)), "~/x");
        assert_eq!(tilde("/home/me", Some(home)), "~");
        assert_eq!(tilde("/home/melissa", Some(home)), "/home/melissa");
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{202e}d"), "a[2Jb cd");
        assert_eq!(wrap("a\nb", 10), ["a b"]);
    }

    #[test]
    fn text_is_wrapped_at_spaces_and_a_long_word_anywhere() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("one twothreefour", 6), ["one tw", "othree", "four"]);
        assert_eq!(wrap("", 6), [""]);
        assert!(wrap(&"word ".repeat(60), 33).iter().all(|line| line.chars().count() <= 33));
    }
}
