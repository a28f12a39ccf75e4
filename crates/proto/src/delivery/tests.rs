use super::*;
use proptest::prelude::*;

fn frame(run: &str, class: Class, json: &str) -> Outgoing {
    Outgoing { run_id: RunId::new(run), class, json: json.into() }
}

fn step(n: usize) -> Outgoing {
    frame("r", Class::Step, &format!("step {n}"))
}

/// Everything that goes to the socket at `now`, pings as `ping n`.
fn drain(delivery: &mut Delivery, now: u64) -> Vec<String> {
    std::iter::from_fn(|| delivery.next(Millis(now)))
        .map(|out| match out {
            Out::Text(text) => text.to_string(),
            Out::Ping(n) => format!("ping {n}"),
        })
        .collect()
}

#[test]
fn a_terminal_is_followed_by_its_barrier_at_once() {
    let mut delivery = Delivery::default();
    delivery.opened();
    delivery.push(step(1));
    delivery.push(frame("r", Class::Terminal, "done"));
    delivery.push(frame("s", Class::Step, "other"));
    assert_eq!(drain(&mut delivery, 1000), ["step 1", "done", "ping 1", "other"]);
    let confirmed = delivery.pong(1);
    assert_eq!(confirmed.iter().map(|f| &*f.json).collect::<Vec<_>>(), ["step 1", "done"]);
    assert_eq!(delivery.unconfirmed(), 1);
}

#[test]
fn what_only_v3_knows_does_not_go_over_a_v1_socket() {
    let mut delivery = Delivery::default();
    delivery.opened();
    let word = || frame("r", Class::Continuation, "continuation");
    delivery.push(step(1));
    delivery.push(word());
    assert_eq!(drain(&mut delivery, 1000), ["step 1", "continuation", "ping 1"]);
    delivery.push(word());
    delivery.push(frame("r", Class::Terminal, "done"));
    delivery.closed();
    delivery.drop_continuations();
    assert_eq!(delivery.bytes, "step 1".len() + "done".len());
    delivery.opened();
    assert_eq!(drain(&mut delivery, 2000), ["step 1", "done", "ping 2"]);
    assert_eq!(delivery.pong(2).len(), 2);
    // Over one of v3 it goes until a barrier confirms it.
    delivery.push(word());
    delivery.closed();
    delivery.opened();
    assert_eq!(drain(&mut delivery, 3000), ["continuation", "ping 3"]);
    assert_eq!((delivery.pong(3).len(), delivery.bytes), (1, 0));
}

#[test]
fn steps_share_a_barrier_every_200_ms() {
    let mut delivery = Delivery::default();
    delivery.opened();
    delivery.push(step(1));
    assert_eq!(drain(&mut delivery, 1000), ["step 1", "ping 1"]);
    delivery.push(step(2));
    delivery.push(step(3));
    assert_eq!(drain(&mut delivery, 1100), ["step 2", "step 3"]);
    assert_eq!(delivery.poll_timeout(), Some(Millis(1200)));
    assert_eq!(drain(&mut delivery, 1200), ["ping 2"]);
    assert_eq!(delivery.poll_timeout(), None, "one barrier covers them");
    delivery.pong(2);
    assert_eq!(delivery.unconfirmed(), 0);
}

#[test]
fn a_ping_that_covers_nothing_holds_up_no_barrier() {
    let mut delivery = Delivery::default();
    delivery.opened();
    delivery.ping();
    assert_eq!(drain(&mut delivery, 1000), ["ping 1"]);
    delivery.push(step(1));
    assert_eq!(drain(&mut delivery, 1001), ["step 1", "ping 2"]);
    assert!(delivery.pong(1).is_empty());
    assert_eq!(delivery.pong(2).len(), 1);
}

#[test]
fn what_no_barrier_confirmed_goes_again_in_order() {
    let mut delivery = Delivery::default();
    delivery.opened();
    for n in 1..=3 {
        delivery.push(step(n));
    }
    assert_eq!(drain(&mut delivery, 1000), ["step 1", "step 2", "step 3", "ping 1"]);
    delivery.pong(1);
    delivery.push(step(4));
    delivery.push(frame("r", Class::Terminal, "done"));
    drain(&mut delivery, 1001);
    assert_eq!(delivery.closed(), [RunId::new("r")]);
    delivery.push(step(5));
    assert!(drain(&mut delivery, 2000).is_empty(), "offline nothing goes");
    delivery.opened();
    assert_eq!(drain(&mut delivery, 3000), ["step 4", "done", "ping 3", "step 5"]);
    assert!(delivery.pong(2).is_empty(), "a pong of the old socket confirms nothing");
    assert_eq!(delivery.pong(3).len(), 2);
}

#[test]
fn offline_past_the_bound_the_oldest_steps_go_and_one_step_says_how_many() {
    let mut delivery = Delivery::default();
    delivery.push(frame("r", Class::Lasting, "started"));
    for n in 0..limits::QUEUE_FRAMES + 50 {
        delivery.push(step(n));
    }
    delivery.push(frame("r", Class::Lasting, "deviation"));
    assert_eq!(delivery.unconfirmed(), limits::QUEUE_FRAMES);
    delivery.opened();
    let sent = drain(&mut delivery, 1000);
    assert_eq!(sent[0], "started");
    // started + deviation + the marker + the steps that are left = the bound.
    let kept = limits::QUEUE_FRAMES - 3;
    let lost = limits::QUEUE_FRAMES + 50 - kept;
    assert!(sent[1].contains(&format!("{lost} steps were dropped here")), "{}", sent[1]);
    assert_eq!(sent[2], format!("step {lost}"));
    assert_eq!(sent[limits::QUEUE_FRAMES - 1], "deviation");
}

#[test]
fn the_bound_counts_bytes_too() {
    let mut delivery = Delivery::default();
    let big = "x".repeat(limits::QUEUE_BYTES / 4);
    for _ in 0..6 {
        delivery.push(frame("r", Class::Step, &big));
    }
    assert_eq!(delivery.unconfirmed(), 1 + 4);
}

#[test]
fn online_nothing_is_dropped_and_the_runs_are_asked_to_wait() {
    let mut delivery = Delivery::default();
    delivery.opened();
    for n in 0..limits::QUEUE_FRAMES + 5 {
        assert_eq!(delivery.has_room(), n < limits::QUEUE_FRAMES);
        delivery.push(step(n));
    }
    assert_eq!(delivery.unconfirmed(), limits::QUEUE_FRAMES + 5);
}

proptest! {
    /// Under any mix of sends, pongs and losses, a server that reads every frame before it answers a ping sees each
    /// frame at least once, and first sights are in order.
    #[test]
    fn every_frame_is_seen_in_order(story in proptest::collection::vec(0u8..6, 1..300)) {
        let mut delivery = Delivery::default();
        let (mut now, mut pushed) = (0u64, 0usize);
        let mut seen: Vec<usize> = Vec::new();
        let mut pings: VecDeque<u64> = VecDeque::new();
        let receive = |delivery: &mut Delivery, now: u64, seen: &mut Vec<usize>, pings: &mut VecDeque<u64>, most: usize| {
            for _ in 0..most {
                match delivery.next(Millis(now)) {
                    Some(Out::Text(text)) => seen.push(text[5..].parse().expect("a step")),
                    Some(Out::Ping(n)) => pings.push_back(n),
                    None => break,
                }
            }
        };
        for action in story {
            now += 70;
            match action {
                0 | 1 => { delivery.push(step(pushed)); pushed += 1; }
                2 => delivery.opened(),
                3 => { delivery.closed(); pings.clear(); }
                4 => receive(&mut delivery, now, &mut seen, &mut pings, 2),
                _ => if let Some(n) = pings.pop_front() { delivery.pong(n); },
            }
        }
        delivery.opened();
        receive(&mut delivery, now + 1000, &mut seen, &mut pings, usize::MAX);
        let mut first_sights = Vec::new();
        for n in seen {
            if !first_sights.contains(&n) { first_sights.push(n); }
        }
        prop_assert_eq!(first_sights, (0..pushed).collect::<Vec<_>>());
    }
}
