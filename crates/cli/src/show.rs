//! How things look: 80 columns, colour on a terminal only, nothing from outside that a terminal would obey.

pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod when;

use std::io::{IsTerminal, Write};

/// Columns that a line may take.
pub(crate) const WIDTH: usize = 80;

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// For pipes, files, and people who do not want any.
    Plain,
    /// For terminals.
    Colour,
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Well, moving, done.
    Well,
    /// Failed, or cannot work.
    Bad,
    /// Should be seen to.
    Care,
    /// Less weighty than the rest.
    Mute,
    /// A heading.
    Head,
}

impl Style {
    /// Of standard output. See <https://no-color.org>.
    pub(crate) fn of_stdout() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb { Self::Colour } else { Self::Plain }
    }

    /// The text in the colour of its tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if self == Self::Plain || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Well => "32",
            Tone::Bad => "31",
            Tone::Care => "33",
            Tone::Mute => "2",
            Tone::Head => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Writes to standard output; `false` when nobody reads any more.
pub(crate) fn say(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()).is_ok()
}

/// Writes sentences, wrapped.
pub(crate) fn say_words(words: &str) -> bool {
    say(&text::wrap(words, WIDTH).join("\n"))
}

/// Writes a value as JSON.
pub(crate) fn say_json(value: &impl serde::Serialize) -> bool {
    say(&serde_json::to_string_pretty(value).unwrap_or_default())
}
