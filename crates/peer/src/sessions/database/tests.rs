//! Databases of our own making: whole, with parts missing, and strange.

use super::*;
use serde_json::json;
use tempfile::TempDir;

/// As 1.18 makes it, less what is not read.
const SCHEMA: &str = "
    CREATE TABLE session (id text PRIMARY KEY, project_id text NOT NULL, parent_id text, directory text NOT NULL,
      title text NOT NULL, metadata text, cost real DEFAULT 0 NOT NULL, tokens_input integer DEFAULT 0 NOT NULL,
      tokens_output integer DEFAULT 0 NOT NULL, tokens_reasoning integer DEFAULT 0 NOT NULL,
      tokens_cache_read integer DEFAULT 0 NOT NULL, tokens_cache_write integer DEFAULT 0 NOT NULL, agent text,
      model text, time_created integer NOT NULL, time_updated integer NOT NULL, time_archived integer);
    CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL,
      time_updated integer NOT NULL, data text NOT NULL);";

struct Made {
    db: Connection,
    path: PathBuf,
    _dir: TempDir,
}

impl Made {
    fn of(schema: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("opencode.db");
        let db = Connection::open(&path).expect("a database");
        db.execute_batch(schema).expect("a schema");
        Self { db, path, _dir: dir }
    }

    fn session(&self, id: &str, folder: &str, updated: i64) {
        let insert = "INSERT INTO session(id, project_id, directory, title, time_created, time_updated)
             VALUES (?1, 'global', ?2, 'A title', 1, ?3)";
        self.db.execute(insert, rusqlite::params![id, folder, updated]).expect("a session");
    }

    fn message(&self, session: &str, at: i64, data: &serde_json::Value) {
        let insert = "INSERT INTO message VALUES (?1, ?2, ?3, ?3, ?4)";
        let id = format!("msg_{session}_{at}");
        self.db.execute(insert, rusqlite::params![id, session, at, data.to_string()]).expect("a message");
    }

    fn read(&self, which: &Which) -> Result<Found, Trouble> {
        read(&self.path, which, drop)
    }

    fn ids(&self, which: &Which) -> Vec<String> {
        let found = self.read(which).expect("it can be read");
        found.sessions.into_iter().map(|stored| stored.session.id).collect()
    }
}

fn all() -> Which {
    Which { all: true, ..Which::default() }
}

#[test]
fn a_session_is_read_whole() {
    let made = Made::of(SCHEMA);
    made.session("ses_1", "/a", 50);
    made.db
        .execute_batch(
            r#"UPDATE session SET cost = 0.0039900000000000005, tokens_input = 900, tokens_output = 62,
               tokens_reasoning = 5, tokens_cache_read = 1200, tokens_cache_write = 7, agent = 'build',
               model = '{"id":"fake-1","providerID":"fake","variant":"default"}',
               metadata = '{"orgx_run_id":"run_1"}', title = 'key oxk_live_0123456789' || char(27)"#,
        )
        .expect("sql");
    made.message("ses_1", 60, &json!({ "role": "user" }));
    let found = made.read(&Which::default()).expect("it can be read");
    let session = Session {
        id: "ses_1".into(),
        title: "key [redacted]".into(),
        directory: "/a".into(),
        project_id: "global".into(),
        agent: Some("build".into()),
        model: Some("fake/fake-1".into()),
        cost: 0.003_990_000_000_000_000_5,
        tokens: SessionTokens { input: 900, output: 62, reasoning: 5, cache_read: 1_200, cache_write: 7 },
        created_at: 1,
        updated_at: 60,
        run_id: Some("run_1".into()),
        ..Session::default()
    };
    let sessions = vec![Stored { session, last: Last::Prompted { at: 60 } }];
    assert_eq!(found, Found { sessions, ..Found::default() });
}

#[test]
fn the_newest_come_first_and_archived_and_subagents_only_when_wanted() {
    let made = Made::of(SCHEMA);
    for (id, folder, updated) in
        [("ses_1", "/a", 10), ("ses_2", "/b", 30), ("ses_3", "/a", 20), ("ses_4", "/a", 40)]
    {
        made.session(id, folder, updated);
    }
    made.db
        .execute_batch(
            "UPDATE session SET parent_id = 'ses_1' WHERE id = 'ses_3';
             UPDATE session SET time_archived = 5 WHERE id = 'ses_4'",
        )
        .expect("sql");
    assert_eq!(made.ids(&Which::default()), ["ses_2", "ses_1"]);
    assert_eq!(made.ids(&all()), ["ses_4", "ses_2", "ses_3", "ses_1"]);
    let folder = |names: &[&str]| Which { folder: names.iter().map(ToString::to_string).collect(), ..all() };
    assert_eq!(made.ids(&folder(&["/a", "/real/a"])), ["ses_4", "ses_3", "ses_1"]);
    assert_eq!(made.ids(&folder(&["/link", "/b"])), ["ses_2"]);
    assert_eq!(made.ids(&Which { id: Some("ses_3".into()), ..all() }), ["ses_3"]);
    let parents = made.read(&Which::default()).expect("it can be read").parents;
    assert_eq!(parents, HashMap::from([("ses_3".into(), "ses_1".into())]), "also when they are not listed");
}

#[test]
fn the_list_is_bounded_and_says_so() {
    let made = Made::of(SCHEMA);
    let most = i64::try_from(limits::LISTED_SESSIONS).expect("a number");
    made.db.execute_batch("BEGIN").expect("sql");
    (0..most).for_each(|n| made.session(&format!("ses_{n}"), "/a", n));
    made.db.execute_batch("COMMIT").expect("sql");
    let found = made.read(&Which::default()).expect("it can be read");
    assert_eq!((found.sessions.len(), found.more), (limits::LISTED_SESSIONS, false));
    made.session("ses_one_more", "/a", most);
    let found = made.read(&Which::default()).expect("it can be read");
    assert_eq!((found.sessions.len(), found.more), (limits::LISTED_SESSIONS, true));
    assert_eq!(found.sessions[0].session.id, "ses_one_more");
}

#[test]
fn the_parents_of_the_newest_subagents_are_known_and_no_more() {
    let made = Made::of(SCHEMA);
    let one_too_many = i64::try_from(limits::KNOWN_SUBAGENTS).expect("a number") + 1;
    made.db.execute_batch("BEGIN").expect("sql");
    (0..one_too_many).for_each(|n| made.session(&format!("ses_{n}"), "/a", n));
    made.db.execute_batch("UPDATE session SET parent_id = 'ses_parent'; COMMIT").expect("sql");
    let parents = made.read(&Which::default()).expect("it can be read").parents;
    assert_eq!(parents.len(), limits::KNOWN_SUBAGENTS);
    assert!(!parents.contains_key("ses_0") && parents.contains_key("ses_1"), "the oldest is left out");
}

#[test]
fn the_newest_message_tells_how_far_a_session_is() {
    let user = || json!({ "role": "user" });
    let open = || json!({ "role": "assistant", "time": { "created": 1 } });
    let done =
        |at: i64, finish: &str| json!({ "role": "assistant", "time": { "completed": at }, "finish": finish });
    for (messages, expected) in [
        (vec![], Last::Nothing),
        (vec![user()], Last::Prompted { at: 0 }),
        (vec![user(), open()], Last::Unfinished { at: 1 }),
        (vec![user(), done(7, "stop")], Last::Finished { at: 7, calls: false }),
        (vec![user(), done(7, "tool-calls")], Last::Finished { at: 7, calls: true }),
        (vec![user(), done(7, "tool-calls"), open()], Last::Unfinished { at: 2 }),
        (vec![user(), done(7, "stop"), user()], Last::Prompted { at: 2 }),
        (vec![user(), open(), user()], Last::Unfinished { at: 2 }),
        (vec![user(), open(), user(), done(9, "stop")], Last::Finished { at: 9, calls: false }),
        (
            vec![user(), json!({ "role": "assistant", "error": { "name": "APIError" } })],
            Last::Finished { at: 1, calls: false },
        ),
        (vec![json!({ "role": "someone new" })], Last::Nothing),
    ] {
        let made = Made::of(SCHEMA);
        made.session("ses_1", "/a", 1);
        for (at, message) in (0..).zip(&messages) {
            made.message("ses_1", at, message);
        }
        let insert = "INSERT INTO message VALUES ('msg_broken', 'ses_1', 99, 99, '{\"role\":')";
        made.db.execute(insert, []).expect("a message that makes no sense");
        let found = made.read(&Which::default()).expect("it can be read");
        assert_eq!(found.sessions[0].last, expected, "{messages:?}");
    }
}

#[test]
fn a_schema_of_another_time_is_read_as_far_as_it_goes_and_told_in_a_sentence() {
    let older = Made::of("CREATE TABLE session(id, directory, title, time_created, time_updated)");
    let insert = "INSERT INTO session VALUES ('ses_1', '/a', 'T', 1, 2), (NULL, '/a', 'T', 1, 2), ('ses_2', '/a', 5, 'x', 2)";
    older.db.execute_batch(insert).expect("sql");
    let found = older.read(&Which::default()).expect("it can be read");
    assert_eq!(found.sessions.len(), 1, "rows that make no sense are left out");
    let lacks = found.lacks.expect("a sentence");
    assert!(lacks.contains("messages"), "{lacks}");

    let no_cost = Made::of(&SCHEMA.replace("cost real DEFAULT 0 NOT NULL,", ""));
    no_cost.session("ses_1", "/a", 1);
    let found = no_cost.read(&Which::default()).expect("it can be read");
    assert!(found.lacks.is_some_and(|lacks| lacks.contains("cost")) && found.sessions[0].session.cost == 0.0);

    let newer = Made::of(&SCHEMA.replace("agent text,", "agent text, mood text,"));
    newer.session("ses_1", "/a", 1);
    let found = newer.read(&Which::default()).expect("it can be read");
    assert_eq!((found.sessions.len(), found.lacks), (1, None));

    for (schema, lacks) in [
        ("CREATE TABLE other(a)", "session"),
        ("CREATE TABLE session(id, title, time_created, time_updated)", "session.directory"),
        ("CREATE TABLE session(id, directory, title, time_created)", "session.time_updated"),
    ] {
        let foreign = Made::of(schema).read(&Which::default()).expect_err("it is foreign");
        assert_eq!(foreign, Trouble::Foreign(lacks));
        assert!(foreign.to_string().contains(lacks));
    }
}

#[test]
fn what_is_in_its_place_is_told() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("opencode.db");
    let found = |path: &Path| read(path, &Which::default(), drop).expect_err("no list");
    assert_eq!(found(&path), Trouble::Missing);
    std::fs::write(&path, "").expect("a file");
    assert_eq!(
        read(&path, &Which::default(), drop),
        Ok(Found::default()),
        "an empty file is an empty database"
    );
    std::fs::write(&path, "x".repeat(9_000)).expect("a file");
    assert_eq!(found(&path), Trouble::NotADatabase);
    let made = Made::of(SCHEMA);
    made.session("ses_1", "/a", 1);
    made.db.execute_batch("PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE").expect("sql");
    assert_eq!(made.read(&Which::default()), Err(Trouble::Locked));
}

#[test]
fn a_damaged_database_is_told_and_nothing_of_it_is_repeated() {
    let made = Made::of(SCHEMA);
    made.db.execute_batch("BEGIN").expect("sql");
    (0..400).for_each(|n| made.session(&format!("ses_{n}"), &format!("/a/{}", "secret".repeat(40)), n));
    made.db.execute_batch("COMMIT").expect("sql");
    let Made { db, path, _dir } = made;
    drop(db);
    let mut bytes = std::fs::read(&path).expect("a file");
    // The pages after the first, which holds the schema.
    bytes[4_096 * 2..].fill(0xa5);
    std::fs::write(&path, bytes).expect("a file");
    let trouble = read(&path, &Which::default(), drop).expect_err("no list");
    assert_eq!(trouble, Trouble::Damaged);
}

#[test]
fn its_place_follows_the_environment_as_opencode_does() {
    let env = Environment::of([("HOME", "/h"), ("USERPROFILE", "/h")]);
    let at = |env: &Environment| path(env).map(|path| path.to_string_lossy().replace('\\', "/"));
    assert_eq!(at(&env).as_deref(), Some("/h/.local/share/opencode/opencode.db"));
    let data = env.clone().with("XDG_DATA_HOME", "/d");
    assert_eq!(at(&data).as_deref(), Some("/d/opencode/opencode.db"));
    for (named, expected) in
        [("/x/y.db", Some("/x/y.db")), ("z.db", Some("/d/opencode/z.db")), (":memory:", None)]
    {
        assert_eq!(at(&data.clone().with("OPENCODE_DB", named)).as_deref(), expected);
    }
}
