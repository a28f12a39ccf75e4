//! What was found out in three places, put together.

use super::*;
use crate::sessions::processes::{Job as Given, Kind};
use crate::sessions::{SessionState, SessionTokens};

const NOW: i64 = 1_795_168_800_000;

fn stored(id: &str, parent: Option<&str>, last: Last, ago: i64) -> Stored {
    let session = Session {
        id: id.into(),
        directory: "/a".into(),
        parent_id: parent.map(Into::into),
        created_at: NOW - 50_000,
        updated_at: NOW - ago,
        tokens: SessionTokens::default(),
        ..Session::default()
    };
    Stored { session, last }
}

fn surveyed(sessions: Vec<Stored>) -> Surveyed {
    Surveyed {
        found: Found { sessions, ..Found::default() },
        trouble: None,
        database: None,
        processes: Some(Vec::new()),
        servers: Vec::new(),
        heard: Heard::default(),
        runs: HashMap::new(),
    }
}

fn server(pid: u32, port: u16) -> Process {
    let job = Given { kind: Kind::Server, folder: "/a".into(), ..Given::default() };
    Process {
        pid,
        started_at: NOW - 100_000,
        job,
        terminal: Some("/dev/pts/1".into()),
        ports: vec![port],
        ..Process::default()
    }
}

const OPEN: Last = Last::Unfinished { at: NOW - 10_000 };

#[test]
fn a_subagents_ask_is_its_parents_and_its_parents_parents() {
    let mut all = surveyed(vec![stored("ses_1", None, OPEN, 1), stored("ses_other", None, OPEN, 2)]);
    for (child, parent) in [("ses_3", "ses_2"), ("ses_2", "ses_1"), ("ses_1", "ses_3")] {
        all.found.parents.insert(child.into(), parent.into());
    }
    for id in ["ses_1", "ses_3", "ses_other"] {
        all.heard.doing.insert(id.into(), (Status::Busy, 1));
    }
    all.heard.asking.insert("ses_3".into());
    let told: Vec<_> = all.told(NOW, false, None).into_iter().map(|session| session.state).collect();
    assert_eq!(told, [SessionState::WaitingInput, SessionState::Active]);
}

#[test]
fn the_server_that_works_on_a_session_is_its_process_and_one_that_does_not_tell_may_be() {
    let mut all = surveyed(vec![stored("ses_1", None, OPEN, 1)]);
    all.processes = Some(vec![server(7, 40), server(8, 41)]);
    let one = |all: &Surveyed| {
        let told = all.told(NOW, false, None).remove(0);
        (told.state, told.pid)
    };
    // Neither answers.
    assert_eq!(one(&all), (SessionState::Active, Some(7)));
    all.heard.answering = HashSet::from([40, 41]);
    assert_eq!(one(&all), (SessionState::Exited, None), "both say that they do not work on it");
    all.heard.silent.insert((41, "/a".into()));
    assert_eq!(one(&all), (SessionState::Active, Some(8)), "of this folder the second one says nothing");
    all.heard.silent.clear();
    all.heard.doing.insert("ses_1".into(), (Status::Busy, 41));
    assert_eq!(one(&all), (SessionState::Active, Some(8)));
    all.heard.doing.insert("ses_1".into(), (Status::Retry(Some("slow down".into())), 41));
    let told = all.told(NOW, false, Some(Path::new("/bin/opencode"))).remove(0);
    assert_eq!((told.state, told.why.as_deref()), (SessionState::Blocked, Some("slow down")));
    assert_eq!(told.terminal.as_deref(), Some("/dev/pts/1"));
    #[cfg(unix)]
    assert_eq!(told.resume.as_deref(), Some("cd /a && /bin/opencode --session ses_1"));
}

#[test]
fn what_only_a_server_knows_is_listed_in_its_place() {
    let session = |id: &str, ago| stored(id, None, Last::Nothing, ago).session;
    let mut all = surveyed(vec![stored("ses_1", None, OPEN, 10), stored("ses_4", None, OPEN, 40)]);
    let child = Session { parent_id: Some("ses_2".into()), ..session("ses_3", 30) };
    let elsewhere = Session { directory: "/b".into(), ..session("ses_5", 50) };
    let changed = Session { title: "as the server has it".into(), ..session("ses_1", 10) };
    all.heard.sessions = vec![elsewhere, child, session("ses_2", 20), changed];
    all.add_unknown(&Which { folder: vec!["/a".into()], ..Which::default() });
    let ids: Vec<_> = all.found.sessions.iter().map(|stored| stored.session.id.as_str()).collect();
    assert_eq!(ids, ["ses_1", "ses_2", "ses_4"]);
    assert_eq!(all.found.parents["ses_3"], "ses_2");
}

#[test]
fn subagents_stand_behind_their_parents() {
    let rows = [
        ("c1", Some("p1")),
        ("p2", None),
        ("g", Some("c2")),
        ("c2", Some("p1")),
        ("p1", None),
        ("x", Some("gone")),
    ];
    let sessions = rows.iter().map(|(id, parent)| stored(id, *parent, OPEN, 1).session).collect();
    let ids: Vec<_> = behind_parents(sessions).into_iter().map(|session| session.id).collect();
    assert_eq!(ids, ["p2", "p1", "c1", "c2", "g", "x"]);
    let circle = [("a", Some("b")), ("b", Some("a")), ("c", Some("c"))];
    let circle = circle.iter().map(|(id, parent)| stored(id, *parent, OPEN, 1).session).collect();
    assert_eq!(behind_parents(circle).len(), 3, "nobody is lost");
}

#[test]
fn our_journal_knows_a_run_that_went_on_with_a_persons_session() {
    let mut all = surveyed(vec![stored("ses_1", None, OPEN, 1)]);
    all.found.sessions[0].session.run_id = Some("run_first".into());
    let run = |all: &Surveyed| all.told(NOW, false, None).remove(0).run_id;
    assert_eq!(run(&all).as_deref(), Some("run_first"));
    all.runs.insert("ses_1".into(), "run_later".into());
    assert_eq!(run(&all).as_deref(), Some("run_later"));
}

#[test]
fn where_the_os_does_not_tell_of_processes_time_does() {
    let mut all = surveyed(vec![stored("ses_1", None, OPEN, 10_000)]);
    all.processes = None;
    assert_eq!(all.told(NOW, false, None)[0].state, SessionState::Active);
    assert_eq!(all.told(NOW + state::UNSEEN_MS, false, None)[0].state, SessionState::Exited);
}

#[test]
fn every_trouble_is_one_sentence_and_an_unused_opencode_is_none() {
    let mut all = surveyed(Vec::new());
    assert_eq!(all.trouble(), None);
    all.trouble = Some(Trouble::Missing);
    assert_eq!(all.trouble(), None);
    let said = [
        Trouble::NotAFile,
        Trouble::Locked,
        Trouble::NotADatabase,
        Trouble::Damaged,
        Trouble::Foreign("session"),
        Trouble::Slow,
        Trouble::Unreadable("SQLite says SystemIoFailure".into()),
    ]
    .map(|trouble| {
        all.trouble = Some(trouble);
        all.trouble().expect("words")
    });
    insta::assert_snapshot!(said.join("\n"));
    all.trouble = None;
    all.found.more = true;
    assert_eq!(all.trouble().as_deref(), Some("Only the newest 500 sessions are listed."));
}

#[tokio::test]
async fn while_what_a_look_read_hangs_the_next_one_says_so_at_once() {
    let home = tempfile::tempdir().expect("a folder");
    let env = Environment::of([("PATH", "/nowhere")]).with("HOME", home.path());
    let draft = crate::config::Draft::read(&env).expect("no config is a config");
    let mut opencode = draft.opencode.expect("its defaults");
    opencode.use_running = false;
    let at = Look { env, opencode, paths: draft.paths, own: None, turn: Turn::default() };
    let earlier = at.turn.take().await.expect("nobody looks");
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let hangs = earlier.read(move || gate.recv());
    drop(earlier);
    let told = look(at.clone(), true, Some(home.path().into())).await;
    let words = "The last look at OpenCode's sessions has not ended: a disk or a server may not answer; try again in a moment.";
    assert_eq!((told.sessions.len(), told.trouble.as_deref()), (0, Some(words)));
    go.send(()).expect("it waits");
    assert_eq!(hangs.await.expect("it ends"), Ok(()));
    for _ in 0..2 {
        let told = look(at.clone(), true, Some(home.path().into())).await;
        assert_eq!(told.trouble, None, "a look that has ended is in nobody's way");
    }
}
