use super::*;
use proptest::prelude::*;

const MIDDLE: f64 = 0.5;

fn at(ms: u64) -> Millis {
    Millis(ms)
}

fn closed(code: u16) -> Event {
    Event::Closed { code, reason: Redacted::default() }
}

/// A connection that is open at `now`.
fn open(now: Millis) -> Connection {
    let mut connection = Connection::default();
    assert_eq!(connection.handle(now, Event::Hurry, MIDDLE), Some(Action::Connect));
    assert_eq!(connection.handle(now, Event::Opened, MIDDLE), None);
    connection
}

fn wait_of(connection: &Connection, now: Millis) -> u64 {
    let State::Waiting { until, .. } = connection.state() else {
        panic!("waiting, not {:?}", connection.state())
    };
    (until - now).as_millis() as u64
}

#[test]
fn the_backoff_doubles_to_its_cap() {
    let waits: Vec<_> = (1..=9).map(|n| backoff(n, MIDDLE).as_millis()).collect();
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    assert_eq!(backoff(7, 0.0).as_millis(), 24_000);
    assert_eq!(backoff(u32::MAX, 1.0).as_millis(), 36_000);
    assert_eq!(backoff(0, MIDDLE).as_millis(), 500);
}

#[test]
fn each_close_code_is_told_for_what_it_means() {
    let slow = limits::SLOW_RETRY.as_millis() as u64;
    for (code, why, wait) in [
        (1000, Trouble::ClosedByOrgX, slow),
        (4000, Trouble::VersionUnsupported, slow),
        (4001, Trouble::KeyRejected, slow),
        (4401, Trouble::KeyRejected, slow),
        (4003, Trouble::KeyForbidden, slow),
        (4403, Trouble::KeyForbidden, slow),
        (1001, Trouble::Lost { code: 1001, reason: Redacted::default() }, 500),
        (1006, Trouble::Lost { code: 1006, reason: Redacted::default() }, 500),
        (1012, Trouble::Lost { code: 1012, reason: Redacted::default() }, 500),
        (4402, Trouble::Lost { code: 4402, reason: Redacted::default() }, 500),
        (4429, Trouble::Lost { code: 4429, reason: Redacted::default() }, 500),
    ] {
        let mut connection = open(at(0));
        connection.handle(at(60_000), closed(code), MIDDLE);
        assert_eq!(connection.state(), State::Waiting { why, until: at(60_000 + wait.max(500)) }, "{code}");
        // After a connection that lasted the count starts again.
        let hot = connection.handle(at(60_000 + wait - 1), Event::Tick, MIDDLE);
        assert_eq!(hot, None, "{code}");
        assert_eq!(connection.handle(at(60_000 + wait), Event::Tick, MIDDLE), Some(Action::Connect));
    }
}

#[test]
fn each_refused_upgrade_is_retried_at_its_own_pace() {
    let slow = limits::SLOW_RETRY.as_millis() as u64;
    for (status, retry_after, why, wait) in [
        (401, None, Trouble::KeyRejected, slow),
        (403, None, Trouble::KeyForbidden, slow),
        (404, None, Trouble::Refused(404), 500),
        (408, None, Trouble::Refused(408), 500),
        (429, Some(7), Trouble::Refused(429), 7000),
        (503, Some(0), Trouble::Refused(503), 500),
        (503, Some(1_000_000), Trouble::Refused(503), 3_600_000),
        (200, None, Trouble::Refused(200), 500),
    ] {
        let mut connection = Connection::default();
        connection.handle(at(0), Event::Hurry, MIDDLE);
        let retry_after = retry_after.map(Duration::from_secs);
        connection.handle(at(0), Event::Refused { status, retry_after }, MIDDLE);
        assert_eq!(connection.state(), State::Waiting { why, until: at(wait) }, "{status}");
    }
}

#[test]
fn a_server_that_closes_right_after_open_makes_no_hot_loop() {
    let mut connection = Connection::default();
    let mut now = at(0);
    let mut waits = Vec::new();
    connection.handle(now, Event::Hurry, MIDDLE);
    for _ in 0..8 {
        connection.handle(now, Event::Opened, MIDDLE);
        connection.handle(now, closed(1001), MIDDLE);
        waits.push(wait_of(&connection, now));
        now = connection.poll_timeout().expect("a next try");
        assert_eq!(connection.handle(now, Event::Tick, MIDDLE), Some(Action::Connect));
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    connection.handle(now, Event::Opened, MIDDLE);
    now = now + limits::CONNECTION_LASTED;
    connection.handle(now, closed(1001), MIDDLE);
    assert_eq!(wait_of(&connection, now), 500);
}

#[test]
fn a_connect_that_hangs_is_given_up() {
    let mut connection = Connection::default();
    connection.handle(at(0), Event::Hurry, MIDDLE);
    assert_eq!(connection.poll_timeout(), Some(at(10_000)));
    assert_eq!(connection.handle(at(9_999), Event::Tick, MIDDLE), None);
    assert_eq!(connection.handle(at(10_000), Event::Tick, MIDDLE), Some(Action::Drop));
    assert!(matches!(connection.state(), State::Waiting { why: Trouble::Unreachable(_), .. }));
}

#[test]
fn a_silent_socket_is_found_dead_within_45_seconds() {
    let mut connection = open(at(0));
    let mut pings = 0;
    let now = loop {
        let now = connection.poll_timeout().expect("a timer");
        match connection.handle(now, Event::Tick, MIDDLE) {
            Some(Action::Ping) => pings += 1,
            Some(Action::Drop) => break now,
            other => panic!("{other:?}"),
        }
    };
    assert!(now <= at(45_000), "{now:?}");
    assert!(pings >= 1);
    assert!(matches!(connection.state(), State::Waiting { why: Trouble::Silent, .. }));
}

#[test]
fn a_socket_that_answers_lives_on() {
    let mut connection = open(at(0));
    let mut now = at(0);
    for _ in 0..1000 {
        now = connection.poll_timeout().expect("a timer");
        assert_eq!(connection.handle(now, Event::Tick, MIDDLE), Some(Action::Ping));
        connection.handle(now + Duration::from_secs(19), Event::Heard, MIDDLE);
    }
    assert!(connection.is_open());
    assert!(now >= at(20_000_000));
}

#[test]
fn a_new_key_connects_at_once() {
    let mut connection = Connection::default();
    connection.handle(at(0), Event::Hurry, MIDDLE);
    connection.handle(at(0), Event::Refused { status: 401, retry_after: None }, MIDDLE);
    assert_eq!(connection.handle(at(1), Event::Hurry, MIDDLE), Some(Action::Connect));
    assert_eq!(connection.handle(at(2), Event::Hurry, MIDDLE), None, "one socket at a time");
}

/// Each phase in which there is a connection to speak of.
fn phases() -> [(&'static str, Connection); 3] {
    let mut waiting = Connection::default();
    waiting.handle(at(0), Event::Hurry, MIDDLE);
    let mut connecting = waiting.clone();
    connecting.handle(at(0), Event::Tick, MIDDLE);
    waiting.handle(at(0), Event::Refused { status: 401, retry_after: None }, MIDDLE);
    [("waiting", waiting), ("connecting", connecting), ("open", open(at(0)))]
}

#[test]
fn a_computer_that_wakes_connects_anew_whatever_there_was() {
    for (phase, mut connection) in phases() {
        let woke = at(8 * 3_600_000);
        assert_eq!(connection.handle(woke, Event::Woke, MIDDLE), Some(Action::Connect), "{phase}");
        assert_eq!(connection.state(), State::Connecting, "{phase}");
        assert_eq!(
            connection.poll_timeout(),
            Some(woke + limits::CONNECT_TIMEOUT),
            "a whole new try: {phase}"
        );
        // The network is not there yet: it is tried again soon, not after the longest wait.
        connection.handle(woke, Event::Failed(Redacted::default()), MIDDLE);
        assert_eq!(wait_of(&connection, woke), 500, "{phase}");
    }
    let mut fresh = Connection::default();
    assert_eq!(
        fresh.handle(at(0), Event::Woke, MIDDLE),
        None,
        "a peer that has not begun yet begins by itself"
    );
}

#[test]
fn a_sign_in_page_is_told_as_one_and_tried_again_soon() {
    let mut connection = Connection::default();
    connection.handle(at(0), Event::Hurry, MIDDLE);
    assert_eq!(connection.handle(at(5), Event::WebPage, MIDDLE), None);
    assert_eq!(connection.state(), State::Waiting { why: Trouble::WebPage, until: at(505) });
}

#[test]
fn after_stop_nothing_connects() {
    for mut connection in [Connection::default(), open(at(0))] {
        let was_open = connection.is_open();
        assert_eq!(connection.handle(at(5), Event::Stop, MIDDLE), was_open.then_some(Action::Close));
        for event in [Event::Hurry, Event::Woke, Event::Tick, Event::Opened, closed(1006)] {
            assert_eq!(connection.handle(at(1_000_000), event, MIDDLE), None);
        }
        assert_eq!(connection.poll_timeout(), None);
    }
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Hurry),
        Just(Event::Woke),
        Just(Event::WebPage),
        Just(Event::Opened),
        Just(Event::Heard),
        (100u16..600).prop_map(|status| Event::Refused { status, retry_after: None }),
        Just(Event::Failed(Redacted::default())),
        (999u16..5000).prop_map(closed),
        Just(Event::Tick),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_it_connects_again_and_never_hot(
        story in proptest::collection::vec((events(), 0u64..40_000, 0.0..1.0), 1..200)
    ) {
        let mut connection = Connection::default();
        let mut now = at(0);
        connection.handle(now, Event::Hurry, MIDDLE);
        for (event, pause, roll) in story {
            now = now + Duration::from_millis(pause);
            connection.handle(now, event, roll);
            if let State::Waiting { until, .. } = connection.state() {
                prop_assert!(until <= now + limits::RETRY_AFTER_CAP, "it never gives up");
            }
            prop_assert!(connection.poll_timeout().is_some(), "there is always a next step");
        }
    }
}
