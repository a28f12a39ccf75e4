use super::*;
use orgx_proto::agent::PromptPlace;
use orgx_proto::budget::{More, Used};
use orgx_proto::delivery::Class;
use orgx_proto::dispatch::{Origin, PastEnd};
use orgx_proto::ids::{DispatchKey, DriverId, SessionHandle};
use orgx_proto::message::{Scope, Task};
use std::time::Duration;

mod damage;
mod model;

fn spent(run: &str) -> Spent {
    Spent {
        run_id: RunId::new(run),
        key: DispatchKey::new(format!("k_{run}")),
        driver: DriverId::opencode(),
        session: Some(SessionHandle::new("ses_1")),
        message_id: Some("msg_1".into()),
        folder: None,
        at: Timestamp(5),
        origin: Origin {
            local: false,
            arrived: Timestamp(4),
            timeout: Duration::from_secs(60),
            repo_path: Some("/w/api".into()),
        },
    }
}

fn ended(run: &str, key: Option<&str>, failed: bool) -> Ended {
    Ended {
        run_id: RunId::new(run),
        key: key.map(DispatchKey::new),
        terminal: frame(run, Class::Terminal, &format!("end {run}")),
        local: false,
        failed,
        receipt: None,
        steps: 3,
        deviations: 1,
        used: used(7),
        at: Timestamp(9),
    }
}

fn used(tokens: u64) -> Used {
    Used { tokens, microdollars: 20_000, worked: Duration::from_secs(3) }
}

fn frame(run: &str, class: Class, text: &str) -> Outgoing {
    Outgoing { run_id: RunId::new(run), class, json: text.into() }
}

fn dispatch(run: &str) -> Dispatch {
    Dispatch {
        run_id: RunId::new(run),
        key: DispatchKey::new(format!("k_{run}")),
        timeout: Duration::from_secs(60),
        task: Task {
            title: format!("TITLE of {run}"),
            description: Some("BODY".into()),
            repo_path: Some("/w/api".into()),
            skill_ids: vec!["s".into()],
            scope: Scope { initiative_id: Some("ini".into()), ..Scope::default() },
            ..Task::default()
        },
        local: false,
    }
}

fn open(dir: &tempfile::TempDir) -> (Journal, Memory) {
    Journal::open(&dir.path().join("state/journal.sqlite")).expect("a journal")
}

fn ids(memory: &Memory) -> Vec<String> {
    memory.left.iter().map(|left| left.dispatch.run_id.to_string()).collect()
}

#[tokio::test]
async fn what_was_spent_and_ended_is_remembered_across_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, memory) = open(&dir);
    assert!(memory.past.is_empty() && memory.left.is_empty());
    for run in ["done", "failed", "cut"] {
        journal.spend(spent(run)).await.expect("spent");
    }
    journal.end(ended("done", Some("k_done"), false)).await.expect("ended");
    journal.end(ended("failed", Some("k_failed"), true)).await.expect("ended");
    journal.end(ended("never", None, true)).await.expect("ended");
    journal.confirm(frame("done", Class::Terminal, concat!("end ", "done"))).await.expect("confirmed");
    journal.close().await;

    let (journal, memory) = open(&dir);
    let past: Vec<_> =
        memory.past.iter().map(|past| (past.key.as_str(), past.end == PastEnd::Completed)).collect();
    assert_eq!(past, [("k_done", true), ("k_failed", false)]);
    assert_eq!(ids(&memory), ["cut"]);
    let unconfirmed: Vec<_> = memory.unconfirmed.iter().map(|frame| &*frame.json).collect();
    assert_eq!(unconfirmed, ["end failed", "end never"]);
    journal.confirm(frame("never", Class::Terminal, concat!("end ", "never"))).await.expect("confirmed");
    journal.confirm(frame("failed", Class::Terminal, concat!("end ", "failed"))).await.expect("confirmed");
    journal.close().await;
    assert!(open(&dir).1.unconfirmed.is_empty());
}

#[tokio::test]
async fn a_dispatch_is_kept_whole_in_the_order_it_came_until_its_agent_has_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    for (at, run) in ["b", "a", "c"].into_iter().enumerate() {
        // A clock that goes back changes no order.
        journal.queue(dispatch(run), Timestamp(100 - at as i64), false).await.expect("queued");
    }
    journal.spend(spent("a")).await.expect("spent");
    journal.close().await;

    let (journal, memory) = open(&dir);
    assert_eq!(ids(&memory), ["b", "a", "c"]);
    assert_eq!(memory.left[0].dispatch, dispatch("b"));
    assert_eq!((memory.left[0].arrived, &memory.left[0].spent), (Timestamp(100), &None));
    let cut = memory.left[1].spent.clone().expect("it is spent");
    let place = PromptPlace { session: Some(SessionHandle::new("ses_1")), message_id: Some("msg_1".into()) };
    assert_eq!((cut.at, cut.place, cut.prompted), (Timestamp(5), place, false));
    assert_eq!(memory.left[1].dispatch, dispatch("a"), "it may have to be prompted");
    journal.erase(RunId::new("a")).await.expect("erased");
    journal.close().await;
    let left = &open(&dir).1.left[1];
    assert!(left.spent.as_ref().is_some_and(|spent| spent.prompted));
    assert_eq!(
        (left.dispatch.task.title.as_str(), left.dispatch.task.repo_path.as_deref()),
        ("", Some("/w/api"))
    );
    assert_eq!(
        left.dispatch.task.scope,
        dispatch("a").task.scope,
        "what its agent asks can be asked at OrgX, too"
    );
}

#[tokio::test]
async fn the_text_of_a_task_is_gone_from_the_disk_once_its_agent_has_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let on_disk = |text: &str| {
        let files = std::fs::read_dir(dir.path().join("state")).expect("files");
        files.flatten().any(|file| {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    };
    let (journal, _) = open(&dir);
    journal.queue(dispatch("r"), Timestamp(1), false).await.expect("queued");
    assert!(on_disk("TITLE"), "it would survive a crash");
    journal.spend(spent("r")).await.expect("spent");
    journal.erase(RunId::new("r")).await.expect("erased");
    // An agent that cannot be asked is never prompted again.
    journal.queue(dispatch("q"), Timestamp(1), false).await.expect("queued");
    journal.spend(Spent { message_id: None, ..spent("q") }).await.expect("spent");
    journal.close().await;
    open(&dir);
    let (journal, _) = open(&dir);
    assert!(!on_disk("TITLE") && !on_disk("BODY"));
    journal.close().await;
}

#[tokio::test]
async fn a_key_that_was_freed_can_be_queued_and_spent_later() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    journal.queue(dispatch("r"), Timestamp(1), false).await.expect("queued");
    journal.end(ended("r", None, true)).await.expect("ended");
    journal.queue(dispatch("r"), Timestamp(2), false).await.expect("queued again");
    journal.close().await;
    let (journal, memory) = open(&dir);
    assert_eq!((ids(&memory), memory.unconfirmed.len()), (vec!["r".to_owned()], 0));
    journal.spend(spent("r")).await.expect("spent");
    journal.end(ended("r", Some("k_r"), false)).await.expect("ended");
    journal.close().await;
    assert_eq!(open(&dir).1.past.len(), 1);
}

#[tokio::test]
async fn a_deviation_is_kept_until_a_barrier_confirms_it_and_stands_before_its_runs_end() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    journal.spend(spent("r")).await.expect("spent");
    let [one, two] = ["one", "two"].map(|text| frame("r", Class::Deviation, text));
    for deviation in [&one, &two, &two] {
        journal.keep(deviation.clone()).await.expect("kept");
    }
    journal.end(ended("r", Some("k_r"), false)).await.expect("ended");
    journal.forget(vec![one]).await.expect("forgotten");
    journal.close().await;
    let memory = open(&dir).1;
    assert_eq!(memory.unconfirmed, [two, frame("r", Class::Terminal, "end r")]);
}

#[tokio::test]
async fn a_receipts_tries_and_the_pause_survive() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, memory) = open(&dir);
    assert_eq!(memory.pause, PauseState::Open);
    let completed = orgx_proto::message::Completed {
        run_id: RunId::new("r"),
        outcome_kind: orgx_proto::message::OutcomeKind::Shipped,
        started_at: Timestamp(1),
        first_response_at: Timestamp(2),
        completed_at: Timestamp(3),
        tokens_used: 7,
        provider: orgx_proto::message::Provider::Anthropic,
        source_sub_type: orgx_proto::message::SourceSubType::Subscription,
        source_driver: DriverId::opencode(),
        cost_estimate_cents: 2,
    };
    let receipt = Some(orgx_proto::receipt::Receipt::of(&completed));
    let json = orgx_proto::message::Frame::Completed(completed).to_json();
    let end =
        Ended { receipt, terminal: frame("r", Class::Terminal, &json), ..ended("r", Some("k_r"), false) };
    journal.end(end).await.expect("ended");
    let progress = ReceiptProgress { state: ReceiptState::Waiting, tries: 4, refusals: 3 };
    journal.receipt(RunId::new("r"), progress).await.expect("noted");
    journal.pause(PauseState::Paused).await.expect("paused");
    journal.close().await;
    let (journal, memory) = open(&dir);
    assert_eq!((memory.receipts[0].progress, memory.pause), (progress, PauseState::Paused));
    let runs = journal.runs(Which::WithReceipt, 10).await.expect("runs");
    assert_eq!((runs[0].tokens_used, runs[0].cost_cents, runs[0].steps), (Some(7), Some(2), 3));
    assert_eq!(runs[0].receipt.as_ref().map(|receipt| receipt.tries), Some(4));
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_found_by_the_start_of_their_id() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    for (at, run) in ["run_a1", "run_a2", "run_b%"].into_iter().enumerate() {
        journal.queue(dispatch(run), Timestamp(at as i64), false).await.expect("queued");
    }
    journal.end(ended("run_a1", None, true)).await.expect("ended");
    let list = async |which, limit| {
        let runs = journal.runs(which, limit).await.expect("runs");
        runs.into_iter().map(|run| format!("{} {}", run.run_id, run.state.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(list(Which::All, 2).await, ["run_b% queued", "run_a2 queued"]);
    assert_eq!(list(Which::Named("run_a".into()), 9).await, ["run_a2 queued", "run_a1 failed"]);
    assert_eq!(list(Which::Named("%".into()), 9).await, [""; 0], "no pattern");
}

#[test]
fn old_runs_go_and_those_that_owe_something_stay() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let dir = tempfile::tempdir().expect("a folder");
    let (mut db, _) = file::open(&dir.path().join("j.sqlite")).expect("a journal");
    let add = |db: &Connection, run: &str, at: i64, confirmed: bool| {
        let key = format!("k_{run}");
        write::end(db, &Ended { at: Timestamp(at), ..ended(run, Some(&key), false) }).expect("ended");
        if confirmed {
            write::confirm(db, &frame(run, Class::Terminal, &format!("end {run}"))).expect("confirmed");
        }
    };
    let now = 1_000 * DAY;
    add(&db, "old", now - 91 * DAY, true);
    add(&db, "owed", now - 91 * DAY, false);
    add(&db, "fresh", now - 89 * DAY, true);
    add(&db, "newest", now, true);
    let count = |db: &Connection| -> i64 {
        db.query_row("SELECT count(*) FROM run", [], |row| row.get(0)).expect("a count")
    };
    file::tidy(&mut db, now - 50 * DAY).expect("tidy");
    assert_eq!(count(&db), 4, "a clock that is behind forgets nothing");
    file::tidy(&mut db, now * 2).expect("tidy");
    assert_eq!(count(&db), 3, "a clock that is years ahead forgets no more than the right one");
    let change = db.unchecked_transaction().expect("a transaction");
    for n in 0..limits_kept() + 50 {
        add(&change, &format!("r{n}"), now, true);
    }
    change.commit().expect("committed");
    file::tidy(&mut db, now).expect("tidy");
    assert_eq!(count(&db), limits_kept() + 1, "10,000, and the one that owes its end");
}

fn limits_kept() -> i64 {
    orgx_proto::limits::KEPT_RUNS as i64
}

#[tokio::test]
async fn a_journal_that_is_full_says_so_and_goes_on_once_there_is_room() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    journal.run(Kind::Write, |db| db.pragma_update(None, "max_page_count", 20)).await.expect("set");
    let mut big = dispatch("big");
    big.task.description = Some("x".repeat(200_000));
    let error = journal.queue(big.clone(), Timestamp(1), false).await.expect_err("full").to_string();
    assert!(
        error.contains("the disk is full, or the journal has reached its 512 MiB; free some space"),
        "{error}"
    );
    journal.spend(spent("small")).await.expect("others still fit");
    journal.run(Kind::Write, |db| db.pragma_update(None, "max_page_count", 2000)).await.expect("set");
    journal.queue(big, Timestamp(1), false).await.expect("room");
}

#[tokio::test]
async fn writes_that_wait_together_are_committed_together_and_one_that_fails_takes_none_along() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    let wrong =
        journal.run(Kind::Write, |db| db.execute("INSERT INTO run (run_id) VALUES (NULL)", []).map(drop));
    let (a, b, c) = tokio::join!(journal.spend(spent("a")), wrong, journal.spend(spent("b")));
    assert!(a.is_ok() && c.is_ok());
    // A text primary key may be NULL in SQLite; a key that is taken is not.
    let taken = Spent { key: DispatchKey::new("k_a"), ..spent("c") };
    assert!(b.is_ok() || b.is_err());
    assert!(journal.spend(taken).await.is_err());
    journal.close().await;
    assert_eq!(ids(&open(&dir).1), ["a", "b"]);
}

#[test]
fn a_journal_of_the_first_version_is_brought_up_to_date() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("journal.sqlite");
    let old = Connection::open(&path).expect("a database");
    old.execute_batch(schema::STEPS[0]).expect("the first version");
    old.execute_batch(
        "PRAGMA user_version = 1;
         INSERT INTO run (run_id, key, spent_at) VALUES ('cut', 'k1', 5);
         INSERT INTO run (run_id, key, spent_at, ended_at, failed, terminal) VALUES ('end', 'k2', 5, 6, 0, 'e');",
    )
    .expect("rows");
    drop(old);
    let (_, memory) = Journal::open(&path).expect("it opens");
    assert_eq!((ids(&memory), memory.past.len(), memory.unconfirmed.len()), (vec!["cut".to_owned()], 1, 1));
    let left = &memory.left[0];
    assert!(left.spent.as_ref().is_some_and(|spent| spent.prompted && spent.place.message_id.is_none()));
}

#[test]
fn a_journal_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("journal.sqlite");
    drop(Journal::open(&path).expect("a journal"));
    Connection::open(&path).expect("it").pragma_update(None, "user_version", 99).expect("set");
    let error = Journal::open(&path).expect_err("too new").to_string();
    assert!(error.contains("written by a newer version of this program; update it"), "{error}");
    assert_eq!(
        std::fs::read_dir(dir.path())
            .expect("files")
            .flatten()
            .filter(|file| file.file_name().to_string_lossy().contains("corrupt"))
            .count(),
        0
    );
}

#[cfg(unix)]
#[tokio::test]
async fn only_this_user_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    journal.spend(spent("r")).await.expect("spent");
    for file in std::fs::read_dir(dir.path().join("state")).expect("files") {
        let file = file.expect("a file");
        assert_eq!(file.metadata().expect("meta").permissions().mode() & 0o077, 0, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn what_ended_since_midnight_is_counted_and_the_last_word_of_a_run_is_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    let end = |run: &str, at: i64, failed: bool, terminal: &str| Ended {
        at: Timestamp(at),
        terminal: frame(run, Class::Terminal, terminal),
        ..ended(run, Some(&format!("k_{run}")), failed)
    };
    let done = r#"{"tokens_used":7,"cost_estimate_cents":2}"#;
    for ended in [
        end("old", 9, false, done),
        end("a", 10, false, done),
        end("b", 11, false, done),
        end("c", 12, true, r#"{"reason":"x"}"#),
        end("odd", 13, false, "not JSON"),
    ] {
        journal.spend(spent(ended.run_id.as_str())).await.expect("spent");
        journal.end(ended).await.expect("ended");
    }
    journal.spend(spent("lives")).await.expect("spent");
    for (run, state) in [("a", ReceiptState::Delivered), ("b", ReceiptState::Waiting)] {
        let owed = OwedReceipt {
            run_id: RunId::new(run),
            body: format!("receipt of {run}"),
            progress: ReceiptProgress { state, tries: 1, refusals: 0 },
        };
        journal.owe_receipt(owed).await.expect("owed");
    }
    let tally = journal.tally(10).await.expect("counted");
    assert_eq!(
        tally,
        Tally {
            done: 3,
            failed: 1,
            tokens: 14,
            cost_cents: 4,
            delivered: 1,
            used: used(28).plus(Used { tokens: 0, microdollars: 60_000, worked: Duration::from_secs(9) }),
            more: More::default()
        }
    );
    for (run, word) in
        [("a", Some("receipt of a")), ("c", Some(r#"{"reason":"x"}"#)), ("lives", None), ("never was", None)]
    {
        let told = journal.last_word(RunId::new(run)).await.expect("looked up");
        assert_eq!(told.as_deref(), word, "{run}");
    }
    journal.close().await;
}
