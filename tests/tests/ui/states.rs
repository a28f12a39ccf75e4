//! The named states: files of `tests/references/ui/states`, each a `WindowState`, or a change of one that it `extends`.
//!
//! `{"extends": "health", "state": {..}, "then": ["click css", ..], "shots": "adapt"}`: objects are merged, everything
//! else is replaced.

use crate::server::root;
use serde_json::{Map, Value};

/// When all states are: 18 November 2026, 11:44:12.
pub(crate) const NOW: i64 = 1_795_002_252_000;

/// A state of the window, and what is pressed to see it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) then: Vec<String>,
}

/// The one with this name.
pub(crate) fn named(name: &str) -> State {
    let file = root().join("tests/references/ui/states").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("there is no state {name}"));
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut state = value["extends"].as_str().map_or(Value::Object(Map::new()), |name| named(name).value);
    if value["state"].is_object() {
        merge(&mut state, &value["state"]);
    }
    let then =
        value["then"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    State { name: name.to_owned(), value: state, then }
}

/// All of them, in the order of their names; `base` is only there to be extended.
pub(crate) fn all() -> Vec<State> {
    let folder = root().join("tests/references/ui/states");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the states' folder")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
        .filter(|name| name != "base")
        .collect();
    names.sort();
    names.iter().map(|name| named(name)).collect()
}

fn merge(onto: &mut Value, change: &Value) {
    match (onto, change) {
        (Value::Object(onto), Value::Object(change)) => {
            for (name, value) in change {
                // A value with a tag is one of several kinds: it is replaced whole.
                let is_tagged =
                    ["page", "step", "sheet"].iter().any(|tag| value.get(tag).is_some_and(Value::is_string));
                if is_tagged {
                    onto.insert(name.clone(), value.clone());
                } else {
                    merge(onto.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (onto, change) => *onto = change.clone(),
    }
}
