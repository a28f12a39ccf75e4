use super::*;
use orgx_proto::ids::SessionHandle;
use orgx_proto::lifecycle::{Happened, Harness, Subject, Teller};
use tempfile::TempDir;

fn subject(session: &str) -> Subject {
    Subject { harness: Harness::OpenCode, session: SessionHandle::new(session) }
}

fn told(session: &str, end: Option<End>, at: i64) -> Told {
    let happened = Happened::new(subject(session), Timestamp(at), end);
    Told { teller: Teller::Outside, happened, title: None, process: None, at: Timestamp(at) }
}

fn open(dir: &TempDir) -> (Store, Option<String>, watch::Receiver<i64>) {
    let (newest, seen) = watch::channel(0);
    let tell =
        Tell { view: watch::Sender::new(LifecycleView::default()), newest, sessions: channel::channel(4).0 };
    let (store, notice) =
        Store::open(&dir.path().join("state/x.sqlite"), Titles::Kept, tell).expect("a store");
    (store, notice, seen)
}

#[tokio::test]
async fn a_sink_is_owed_what_came_since_it_was_named_and_no_more() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, _, newest) = open(&dir);
    store.take(told("before", None, 1)).await.expect("taken");
    store.sinks(vec!["a".into()]).await.expect("named");
    assert_eq!(store.cursor("a".into()).await, Ok(1));
    store.take(told("after", None, 2)).await.expect("taken");
    assert_eq!(*newest.borrow(), 2);
    store.delivered("a".into(), 2).await.expect("written");
    store.delivered("a".into(), 1).await.expect("written");
    assert_eq!(store.cursor("a".into()).await, Ok(2), "it never goes back");
    store.sinks(vec!["b".into()]).await.expect("named");
    store.sinks(vec!["a".into(), "b".into()]).await.expect("named");
    assert_eq!(store.cursor("a".into()).await, Ok(2), "it begins anew");
    assert!(store.is_open(subject("after")).await.expect("known"));
}

#[tokio::test]
async fn the_store_is_bounded_and_what_a_sink_is_owed_stays_longer() {
    let dir = tempfile::tempdir().expect("a folder");
    let (store, ..) = open(&dir);
    store.sinks(vec!["slow".into()]).await.expect("named");
    drop(store);
    let path = dir.path().join("state/x.sqlite");
    let db = Connection::open(&path).expect("the file");
    let fill = |from: i64, to: i64| {
        let change = db.unchecked_transaction().expect("a transaction");
        for number in from..to {
            let at = i64::MAX / 4;
            change
                .execute("INSERT INTO event (id, at, body) VALUES (?1, ?2, '{}')", (format!("e{number}"), at))
                .expect("written");
            change
                .execute(
                    "INSERT INTO session (harness, id, known, open, phase, ended_at, touched)
                     VALUES ('opencode', ?1, '{}', ?2, 'completed', ?3, ?4)",
                    (format!("s{number}"), number % 2, at, number),
                )
                .expect("written");
        }
        change.commit().expect("committed");
    };
    let count = |what: &str| {
        db.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get::<_, i64>(0))
            .expect("a number")
    };
    fill(0, limits::LIFECYCLE_EVENTS + 500);
    file::tidy(&db).expect("tidied");
    assert_eq!(count("event"), limits::LIFECYCLE_EVENTS + 500, "the sink has none of them");
    fill(limits::LIFECYCLE_EVENTS + 500, limits::LIFECYCLE_OWED_EVENTS + 7);
    file::tidy(&db).expect("tidied");
    assert_eq!(count("event"), limits::LIFECYCLE_OWED_EVENTS);
    assert_eq!(count("session WHERE open = 0"), limits::LIFECYCLE_SESSIONS);
    assert_eq!(count("session WHERE open = 1"), limits::LIFECYCLE_SESSIONS);
    db.execute("DELETE FROM sink", []).expect("gone");
    file::tidy(&db).expect("tidied");
    assert_eq!(count("event"), limits::LIFECYCLE_EVENTS);
}

#[tokio::test]
async fn a_damaged_store_is_set_aside_with_a_word() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("state")).expect("a folder");
    std::fs::write(
        dir.path().join("state/x.sqlite"),
        "no database at all, and longer than its header".repeat(40),
    )
    .expect("written");
    let (store, notice, _) = open(&dir);
    assert!(notice.is_some_and(|words| words.contains("x.corrupt-1.sqlite")));
    assert!(store.take(told("s", None, 1)).await.expect("taken").is_new);
    assert!(dir.path().join("state/x.corrupt-1.sqlite").exists());
}
