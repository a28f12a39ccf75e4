//! One change to a TOML document, which leaves everything else in it alone.

use toml_edit::{Array, DocumentMut, Item, Table, Value};

/// A table and a name in it.
type At = [&'static str; 2];

#[derive(Clone, Debug)]
pub(super) struct Change {
    at: At,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Set(Value),
    /// The text is to be in the list, or not.
    Member(String, bool),
    /// The text is not to be in the list, but the list is not to become empty.
    OneStays(String),
}

impl Change {
    pub(super) fn set(at: &At, value: Value) -> Self {
        Self { at: *at, what: What::Set(value) }
    }

    pub(super) fn member(at: &At, text: &str, present: bool) -> Self {
        Self { at: *at, what: What::Member(text.to_owned(), present) }
    }

    pub(super) fn one_stays(at: &At, text: &str) -> Self {
        Self { at: *at, what: What::OneStays(text.to_owned()) }
    }

    /// Makes it; or does not, because the last of a list is to stay.
    pub(super) fn make(&self, document: &mut DocumentMut) -> bool {
        let [table, name] = self.at;
        let table = document.entry(table).or_insert_with(|| Item::Table(Table::new()));
        // An inline table, `orgx = { ... }`, is a table, too.
        let Some(table) = table.as_table_like_mut() else { return true };
        let old = table.get(name).and_then(Item::as_value);
        let mut new = match &self.what {
            What::Set(value) => value.clone(),
            What::Member(text, present) => Value::Array(list(old, text, *present)),
            What::OneStays(text) => {
                let left = list(old, text, false);
                if left.is_empty() {
                    return false;
                }
                Value::Array(left)
            }
        };
        if let Some(old) = old {
            // The comment behind it.
            *new.decor_mut() = old.decor().clone();
        }
        match table.get_mut(name) {
            Some(item) => *item = Item::Value(new),
            None => drop(table.insert(name, Item::Value(new))),
        }
        true
    }
}

/// The list with the text in it once, or not at all.
fn list(old: Option<&Value>, text: &str, present: bool) -> Array {
    let mut list = old.and_then(Value::as_array).cloned().unwrap_or_default();
    let is_in = list.iter().any(|value| value.as_str() == Some(text));
    if present && !is_in {
        list.push(text);
    }
    if !present {
        list.retain(|value| value.as_str() != Some(text));
    }
    list
}
