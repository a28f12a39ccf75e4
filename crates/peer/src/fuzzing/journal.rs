//! A journal whose rows hold anything: what the tables take, in whatever order and of whatever make.
//!
//! The input is rows, one a line; tabs between a row's fields. The first field is the table (`r` run, `d` deviation,
//! `s` setting), the others are its columns in their order: `t` and a text (of any bytes), `i` and a number, `n` for
//! NULL, nothing for what the table has by itself.

use super::frames::{assert_frame, assert_record, dispatcher_with, now};
use crate::journal::{Journal, Memory, Which};
use orgx_proto::dispatch::{Effect, PauseState};
use orgx_proto::time::Millis;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use std::path::Path;
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

/// Opens a journal with these rows, and lives on with what it remembers.
pub(super) fn play(data: &[u8]) {
    with_journal(|path| {
        std::fs::write(path, EMPTY.as_slice())?;
        let kept = fill(path, data);
        assert!(kept.is_ok(), "the rows could not be written: {kept:?}");
        match Journal::open(path) {
            Ok((journal, memory)) => {
                assert_eq!(memory.notice, None, "a journal set aside for its rows");
                live_on(memory);
                RUNTIME.block_on(async {
                    let runs = journal.runs(Which::All, 100).await;
                    assert!(runs.is_ok(), "one row hides the others: {runs:?}");
                    journal.close().await;
                });
            }
            Err(error) => panic!("{error}"),
        }
        Ok(())
    });
}

/// A journal without rows.
static EMPTY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    with_journal(|path| {
        if let Ok((journal, _)) = Journal::open(path) {
            RUNTIME.block_on(journal.close());
        }
        bytes = std::fs::read(path)?;
        Ok(())
    });
    bytes
});

#[expect(clippy::expect_used, reason = "a runtime without I/O needs nothing that could be missing")]
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

fn with_journal(work: impl FnOnce(&Path) -> std::io::Result<()>) {
    let done = tempfile::tempdir().and_then(|dir| work(&dir.path().join("journal.sqlite")));
    assert!(done.is_ok(), "no place for a journal: {done:?}");
}

fn fill(path: &Path, data: &[u8]) -> rusqlite::Result<()> {
    let mut db = Connection::open(path)?;
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")?;
    let rows = db.transaction()?;
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let mut fields = line.split(|byte| *byte == b'\t');
        let table = match fields.next() {
            Some(b"r") => "run",
            Some(b"d") => "deviation",
            Some(b"s") => "setting",
            _ => continue,
        };
        let mut columns = rows.prepare_cached("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
        let columns: Vec<String> = columns.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let given: Vec<(String, ToSqlOutput<'_>)> = columns
            .into_iter()
            .zip(fields)
            .filter_map(|(column, field)| Some((column, value(field)?)))
            .collect();
        let (columns, values): (Vec<String>, Vec<ToSqlOutput<'_>>) = given.into_iter().unzip();
        let marks = vec!["?"; values.len()].join(", ");
        let insert = format!("INSERT INTO {table} ({}) VALUES ({marks})", columns.join(", "));
        // What the table does not take is in no journal.
        let _not_taken = rows.execute(&insert, params_from_iter(values));
    }
    rows.commit()
}

fn value(field: &[u8]) -> Option<ToSqlOutput<'_>> {
    let (kind, rest) = field.split_first()?;
    Some(match kind {
        b't' => ToSqlOutput::Borrowed(ValueRef::Text(rest)),
        b'i' => ToSqlOutput::Owned(Value::Integer(number(rest)?)),
        b'n' => ToSqlOutput::Owned(Value::Null),
        _ => return None,
    })
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What was left is taken up, and ends.
fn live_on(memory: Memory) {
    let mut dispatcher = dispatcher_with(memory.past);
    if memory.pause != PauseState::Open {
        dispatcher.pause(memory.pause == PauseState::Draining);
    }
    let mut effects = Vec::new();
    for left in memory.left {
        assert!(
            left.spent.is_some() || !left.dispatch.task.title.is_empty(),
            "a task that says nothing waits"
        );
        effects.extend(dispatcher.restore(left, now(1)));
    }
    let runs = dispatcher.runs().count();
    for _ in 0..runs * 3 {
        let Some(Millis(at)) = dispatcher.poll_timeout() else { break };
        effects.extend(dispatcher.tick(now(at)));
    }
    assert_eq!(dispatcher.runs().count(), 0, "a run never ends");
    let ends = effects.iter().filter(|effect| matches!(effect, Effect::End(_))).count();
    assert_eq!(ends, runs, "each run ends once");
    for effect in &effects {
        match effect {
            Effect::Send(frame) | Effect::Tell(frame) => assert!(assert_frame(frame)),
            Effect::Record(record) => assert_record(record),
            _ => {}
        }
    }
}
