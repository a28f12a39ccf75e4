//! Which run of ours a session is, as our own journals have it: a session that a person began and a task went on with
//! says nothing of the task.

use super::file;
use crate::limits;
use crate::paths::Paths;
use std::collections::HashMap;

/// The newest run of each session. A journal that cannot be read is told of by its own peer.
pub(super) fn of_sessions(paths: &Paths) -> HashMap<String, String> {
    let mut runs: Vec<(i64, String, String)> = Vec::new();
    for tenant in paths.tenants() {
        let read = file::read(&paths.journal(&tenant), drop, |db| {
            let mut rows = db.prepare(
                "SELECT coalesce(spent_at, arrived_at, ended_at, 0), session, run_id FROM run
                 WHERE session IS NOT NULL ORDER BY 1 DESC LIMIT ?1",
            )?;
            let rows = rows
                .query_map([limits::LISTED_RUNS as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.filter_map(Result::ok).collect::<Vec<_>>())
        });
        runs.extend(read.unwrap_or_default());
    }
    runs.sort();
    runs.into_iter().map(|(_, session, run)| (session, run)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_run_of_a_session_is_the_one_that_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let paths = Paths { config: dir.path().into(), state: dir.path().into(), runtime: None };
        for (name, at, run) in [("a", 5, "run_old"), ("b", 9, "run_new"), ("c", 7, "run_between")] {
            std::fs::write(dir.path().join(format!("peer-{name}.lock")), "").expect("a lock");
            let journal = dir.path().join(format!("journal-{name}.sqlite"));
            rusqlite::Connection::open(journal)
                .and_then(|db| {
                    db.execute_batch(
                        "CREATE TABLE run(run_id, session, spent_at, arrived_at, ended_at);
                         INSERT INTO run(run_id) VALUES ('run_without')",
                    )?;
                    db.execute(
                        "INSERT INTO run VALUES (?1, 'ses_1', ?2, NULL, NULL)",
                        rusqlite::params![run, at],
                    )
                })
                .expect("a journal");
        }
        std::fs::write(dir.path().join("peer-d.lock"), "").expect("a lock without a journal");
        let expected = HashMap::from([("ses_1".to_owned(), "run_new".to_owned())]);
        assert_eq!(of_sessions(&paths), expected);
    }
}
