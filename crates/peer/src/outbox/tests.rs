use super::*;
use orgx_proto::ids::{DispatchKey, RunId, SessionHandle};
use orgx_proto::time::Timestamp;
use orgx_proto::work_graph::{Entry, Subject};
use std::path::Path;

fn record(run: &str) -> Record {
    let subject = Subject {
        run_id: RunId::new(run),
        session: SessionHandle::new("s"),
        key: DispatchKey::new("k"),
        cwd: None,
        source_client: "opencode",
    };
    Record::new(&subject, &Entry::Failed { recoverable: true, reason_chars: 1 }, Timestamp(0))
}

fn runs(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("an outbox");
    let run = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a whole line");
        line["run_id"].as_str().expect("a run").to_owned()
    };
    text.lines().map(run).collect()
}

async fn append(outbox: &mut Outbox, run: &str) -> OutboxHealth {
    outbox.append(&record(run));
    outbox.flush().await;
    outbox.health()
}

#[tokio::test]
async fn lines_survive_rotation_by_another_program() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("hooks/events.jsonl");
    let mut outbox = Outbox::open(path.clone()).expect("an outbox");
    append(&mut outbox, "a").await;
    std::fs::rename(&path, path.with_extension("jsonl.1")).expect("a rotation");
    append(&mut outbox, "b").await;
    std::fs::remove_file(&path).expect("removed");
    let health = append(&mut outbox, "c").await;
    assert_eq!(runs(&path.with_extension("jsonl.1")), ["a"]);
    assert_eq!(runs(&path), ["c"]);
    assert_eq!(health, OutboxHealth { written: 3, lost: 0, trouble: None });
}

#[tokio::test]
async fn a_line_of_the_bound_is_written_and_a_longer_one_is_left_out_counted_and_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("events.jsonl");
    let mut outbox = Outbox::open(path.clone()).expect("an outbox");
    let line = |bytes: usize| format!("{}\n", "x".repeat(bytes - 1));
    outbox.append_line(line(limits::OUTBOX_LINE_BYTES));
    outbox.append_line(line(limits::OUTBOX_LINE_BYTES + 1));
    outbox.append_line(line(10));
    outbox.flush().await;
    let trouble = Some("a line of more than 64 KiB was left out of the local trail".to_owned());
    assert_eq!(outbox.health(), OutboxHealth { written: 2, lost: 1, trouble });
    let written = std::fs::read_to_string(&path).expect("an outbox");
    assert_eq!(written, line(limits::OUTBOX_LINE_BYTES) + &line(10));
}

#[test]
fn lines_that_a_slow_disk_has_no_time_for_are_dropped_counted_and_told() {
    let (lines, unread) = mpsc::sync_channel(2);
    let (_tell, state) = watch::channel(State::default());
    let mut outbox = Outbox { lines, state, refused: 0, too_long: 0 };
    for run in ["a", "b", "c"] {
        outbox.append(&record(run));
    }
    let trouble = Some("the disk is too slow for the local trail: some of its lines were dropped".to_owned());
    assert_eq!(outbox.health(), OutboxHealth { written: 0, lost: 1, trouble });
    drop(unread);
}

#[test]
fn no_record_comes_near_the_bound_of_a_line() {
    let worst = |chars: usize| "\u{10348}\"".repeat(chars);
    let subject = Subject {
        run_id: RunId::new(worst(1_000)),
        session: SessionHandle::new(worst(1_000)),
        key: DispatchKey::new(worst(1_000)),
        cwd: Some(worst(10_000)),
        source_client: "opencode",
    };
    let (skill_id, evidence_kind, dedupe_key) = (&worst(1_000), &worst(1_000), &worst(2_000));
    let entry = Entry::Deviation { skill_id, evidence_kind, dedupe_key };
    let bytes = Record::new(&subject, &entry, Timestamp(0)).to_line().len();
    assert!(bytes < limits::OUTBOX_LINE_BYTES / 2, "{bytes}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_and_the_file_are_this_users_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("a/b/events.jsonl");
    append(&mut Outbox::open(path.clone()).expect("an outbox"), "r").await;
    let mode = |path: &Path| path.metadata().expect("meta").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&dir.path().join("a/b"))), (0o600, 0o700));
}

#[cfg(unix)]
#[tokio::test]
async fn what_cannot_be_written_is_told_and_heals() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("events.jsonl");
    let target = dir.path().join("elsewhere");
    std::fs::write(&target, "").expect("a file");
    std::os::unix::fs::symlink(&target, &path).expect("a link");
    let mut outbox = Outbox::open(path.clone()).expect("an outbox");
    let health = append(&mut outbox, "a").await;
    assert_eq!(health.lost, 1);
    let trouble = health.trouble.expect("trouble");
    assert_eq!(trouble, "the local trail stopped: its file is a symlink, which is not followed; runs go on");
    assert_eq!(std::fs::read(&target).expect("untouched"), b"");

    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("a folder in its place");
    assert!(
        append(&mut outbox, "b").await.trouble.expect("trouble").contains("a folder in its file's place")
    );

    std::fs::remove_dir(&path).expect("removed");
    let health = append(&mut outbox, "c").await;
    assert_eq!(health, OutboxHealth { written: 1, lost: 2, trouble: None });
    assert_eq!(runs(&path), ["c"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_of_another_user_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("events.jsonl");
    std::fs::write(&path, "").expect("a file");
    if std::os::unix::fs::chown(&path, Some(65533), None).is_err() {
        skipped("a_file_of_another_user needs root");
        return;
    }
    let health = append(&mut Outbox::open(path.clone()).expect("an outbox"), "r").await;
    let trouble = "the local trail stopped: its file or folder does not belong to this user; runs go on";
    assert_eq!(health.trouble.as_deref(), Some(trouble));
    assert_eq!(std::fs::read(&path).expect("untouched"), b"");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_told_and_never_stops_anything() {
    let dir = tempfile::tempdir().expect("a folder");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4k,mode=0700", "none"])
        .arg(dir.path())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        skipped("a_full_disk needs to mount a tmpfs, which only root may");
        return;
    }
    let path = dir.path().join("events.jsonl");
    let mut outbox = Outbox::open(path.clone()).expect("an outbox");
    let mut health = OutboxHealth::default();
    for n in 0..60 {
        health = append(&mut outbox, &format!("r{n}")).await;
    }
    let trouble = health.trouble.clone();
    assert_eq!(trouble.as_deref(), Some("the local trail stopped: the disk is full; runs go on"));
    assert!(health.written > 5 && health.lost > 5, "{health:?}");

    let read_only = std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(dir.path()).status();
    assert!(read_only.is_ok_and(|status| status.success()));
    let mut anew = Outbox::open(path.clone()).expect("an outbox");
    let trouble = append(&mut anew, "r").await.trouble;
    assert_eq!(trouble.as_deref(), Some("the local trail stopped: its disk is read-only; runs go on"));
    drop((outbox, anew));
    let unmounted = std::process::Command::new("umount").arg("-l").arg(dir.path()).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
}

#[tokio::test]
async fn a_line_after_a_torn_one_stands_for_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("events.jsonl");
    std::fs::write(&path, r#"{"what a full disk or a crash"#).expect("a file");
    let mut outbox = Outbox::open(path.clone()).expect("an outbox");
    append(&mut outbox, "r1").await;
    append(&mut outbox, "r2").await;
    let text = std::fs::read_to_string(&path).expect("a file");
    let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert_eq!(text.lines().map(whole).collect::<Vec<_>>(), [false, true, true]);
}

/// Past the test runner's capture: what was not shown must be seen.
fn skipped(why: &str) {
    let _unseen = writeln!(io::stderr(), "SKIPPED: {why}");
}

#[tokio::test]
async fn the_end_of_the_file_is_known_at_once_and_counts_go_on_with_each_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("events.jsonl");
    let now = wall();
    let line =
        |at: i64, event: &str| format!("{{\"timestamp\":\"{}\",\"event\":\"{event}\"}}\n", Timestamp(at));
    let day = crate::day::Day::of(now);
    std::fs::write(&path, line(day.start - 1, "old") + &line(now, "session_start") + "torn").expect("a file");
    let mut outbox = Outbox::open(path.clone()).expect("an outbox");
    outbox.flush().await;
    let tail = outbox.tail();
    assert_eq!((tail.today, tail.last_kind.as_deref()), (1, Some("session_start")));
    outbox.append_line(line(now, "task_started"));
    outbox.flush().await;
    let tail = outbox.tail();
    assert_eq!(tail.bytes, std::fs::metadata(&path).expect("a file").len());
    assert_eq!((tail.today, tail.last_kind.as_deref(), tail.last_at), (2, Some("task_started"), Some(now)));
    assert_eq!(tail.seen_at(day.end).today, 0, "a new day");
}

#[test]
fn no_more_of_the_file_is_read_than_its_end() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("events.jsonl");
    assert_eq!(Tail::read(&path, 0).bytes, 0, "there is none");
    let line = format!("{{\"timestamp\":\"{}\",\"event\":\"e\"}}\n", Timestamp(5));
    let lines = 3 * limits::OUTBOX_TAIL_BYTES as usize / line.len();
    std::fs::write(&path, line.repeat(lines)).expect("a file");
    let tail = Tail::read(&path, 5);
    assert_eq!(tail.bytes, (lines * line.len()) as u64);
    assert_eq!(tail.today, limits::OUTBOX_TAIL_BYTES / line.len() as u64, "whole lines");
    #[cfg(unix)]
    {
        let link = dir.path().join("link.jsonl");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert_eq!(Tail::read(&link, 5).bytes, 0, "a link is not followed");
    }
}
