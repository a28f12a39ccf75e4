//! Columns that line up.

use super::{Style, Tone, WIDTH};
use crate::show::text::{cut, cut_path};

/// One field of a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Option<Tone>,
    /// Is its end worth more than its middle?
    is_path: bool,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Cell {
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone: Some(tone), is_path: false }
    }

    pub(crate) fn path(path: impl Into<String>) -> Self {
        Self { text: path.into(), tone: Some(Tone::Mute), is_path: true }
    }

    fn len(&self) -> usize {
        self.text.chars().count()
    }
}

/// Rows with a gap of two between columns; the last column takes what is left, and is cut to it.
pub(crate) fn table(rows: &[Vec<Cell>], indent: usize, style: Style) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(Cell::len).max().unwrap_or_default())
        .collect();
    let mut out = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        let mut used = indent;
        for (at, cell) in row.iter().enumerate() {
            let is_last = at + 1 == row.len();
            let room = WIDTH.saturating_sub(used);
            let text = match (is_last, cell.is_path) {
                (false, _) => cell.text.clone(),
                (true, false) => cut(&cell.text, room),
                (true, true) => cut_path(&cell.text, room),
            };
            line.push_str(&cell.tone.map_or_else(|| text.clone(), |tone| style.paint(tone, &text)));
            if !is_last {
                let width = widths[at] + 2;
                line.push_str(&" ".repeat(width - cell.len()));
                used += width;
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `Name  value` lines whose values are wrapped below themselves.
pub(crate) fn facts(facts: &[(&str, Cell)], indent: usize, style: Style) -> String {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default() + 2;
    let mut out = String::new();
    for (name, value) in facts {
        let lines = super::text::wrap(&value.text, WIDTH - indent - width);
        for (at, line) in lines.iter().enumerate() {
            let name = if at == 0 { *name } else { "" };
            let name = style.paint(Tone::Mute, &format!("{name:width$}"));
            let line = value.tone.map_or_else(|| line.clone(), |tone| style.paint(tone, line));
            out.push_str(format!("{}{name}{line}", " ".repeat(indent)).trim_end());
            out.push('\n');
        }
    }
    out
}
