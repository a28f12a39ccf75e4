//! The local trail in numbers.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// How much of a long trail's end is counted, in bytes.
const BYTES: u64 = 32 * 1024 * 1024;
/// Kinds of events that are counted one by one. Other programs write here, too: what they write is not repeated.
const KNOWN: [&str; 5] = ["task_started", "task_step", "task_deviation", "task_completed", "task_failed"];

/// How many lines of each kind, and from when to when.
pub(super) fn statistics(path: &Path) -> Value {
    match count(path) {
        Ok(counted) => counted,
        Err(error) => json!({ "path": path, "error": error.to_string() }),
    }
}

fn count(path: &Path) -> std::io::Result<Value> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let skipped = size.saturating_sub(BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut lines, mut broken) = (0_u64, 0_u64);
    let (mut first, mut last) = (None, None);
    for line in BufReader::new(file.take(BYTES)).split(b'\n') {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        lines += 1;
        let Ok(record) = serde_json::from_slice::<Value>(&line) else {
            broken += 1;
            continue;
        };
        let event = record["event"].as_str().unwrap_or_default();
        let kind = KNOWN.into_iter().find(|known| *known == event).unwrap_or("other");
        *kinds.entry(kind).or_default() += 1;
        // Only a time is a time.
        if let Some(at) = record["timestamp"].as_str().filter(|at| at.len() <= 30 && at.starts_with("20")) {
            first.get_or_insert_with(|| at.to_owned());
            last = Some(at.to_owned());
        }
    }
    Ok(json!({
        "path": path, "bytes": size, "bytes_not_counted": skipped, "lines": lines, "lines_that_are_no_json": broken,
        "events": kinds, "first_at": first, "last_at": last,
    }))
}
