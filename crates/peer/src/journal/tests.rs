use super::*;
use orgx_proto::ids::{DriverId, SessionHandle};
use orgx_proto::time::Timestamp;

fn spent(run: &str, key: &str) -> Spent {
    Spent {
        run_id: RunId::new(run),
        key: DispatchKey::new(key),
        driver: DriverId::opencode(),
        session: Some(SessionHandle::new("ses_1")),
        message_id: Some("msg_1".into()),
        folder: None,
        at: Timestamp(1),
    }
}

fn ended(run: &str, key: Option<&str>, failed: bool) -> Ended {
    Ended {
        run_id: RunId::new(run),
        key: key.map(DispatchKey::new),
        terminal: Outgoing {
            run_id: RunId::new(run),
            class: Class::Terminal,
            json: format!("end {run}").into(),
        },
        failed,
        receipt: None,
        steps: 0,
        deviations: 0,
        at: Timestamp(2),
    }
}

fn open(dir: &tempfile::TempDir) -> (Journal, Memory) {
    Journal::open(&dir.path().join("state/journal.sqlite")).expect("a journal")
}

#[tokio::test]
async fn what_was_spent_and_ended_is_remembered_across_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, memory) = open(&dir);
    assert!(memory.past.is_empty() && memory.unfinished.is_empty());
    for (run, key) in [("done", "k1"), ("failed", "k2"), ("cut", "k3")] {
        journal.spend(spent(run, key)).await.expect("spent");
    }
    journal.end(ended("done", Some("k1"), false)).await.expect("ended");
    journal.end(ended("failed", Some("k2"), true)).await.expect("ended");
    journal.end(ended("never", None, true)).await.expect("ended");
    journal.confirm(RunId::new("done")).await.expect("confirmed");
    drop(journal);

    let (journal, memory) = open(&dir);
    let past: Vec<_> =
        memory.past.iter().map(|past| (past.key.as_str(), past.end == PastEnd::Completed)).collect();
    assert_eq!(past, [("k1", true), ("k2", false)]);
    assert_eq!(memory.unfinished.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["cut"]);
    let unconfirmed: Vec<_> = memory.unconfirmed.iter().map(|frame| &*frame.json).collect();
    assert_eq!(unconfirmed, ["end failed", "end never"]);
    journal.confirm(RunId::new("never")).await.expect("confirmed");
    journal.confirm(RunId::new("failed")).await.expect("confirmed");
    drop(journal);
    assert!(open(&dir).1.unconfirmed.is_empty());
}

#[tokio::test]
async fn a_key_that_was_freed_can_be_spent_later() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    journal.end(ended("r", None, true)).await.expect("ended");
    journal.spend(spent("r", "k")).await.expect("spent");
    journal.end(ended("r", Some("k"), false)).await.expect("ended");
    drop(journal);
    assert_eq!(open(&dir).1.past.len(), 1);
}

#[test]
fn a_journal_that_is_none_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("journal.sqlite");
    std::fs::write(&path, "this is no database, and long enough to be read as one".repeat(20))
        .expect("a file");
    let error = Journal::open(&path).expect_err("no database").to_string();
    assert!(error.contains("not a database") && error.contains("move the file away"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_this_user_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    journal.spend(spent("r", "k")).await.expect("spent");
    for file in std::fs::read_dir(dir.path().join("state")).expect("files") {
        let file = file.expect("a file");
        assert_eq!(file.metadata().expect("meta").permissions().mode() & 0o077, 0, "{:?}", file.file_name());
    }
}
