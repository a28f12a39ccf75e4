use super::*;
use proptest::prelude::*;

const STARTED: Phase = Phase::Started;
const COMPLETED: Phase = Phase::Completed;
const STOPPED: Phase = Phase::Stopped;

fn repeat(of: &str) -> Verdict {
    Verdict::Repeat(Some(of.to_owned()))
}

fn run() -> Teller {
    Teller::Run(crate::ids::RunId::new("run_1"))
}

#[test]
fn a_repeat_is_one_until_the_session_begins_anew() {
    let mut known = Known::default();
    for (phase, id, verdict) in [
        (STARTED, "a", Verdict::New),
        (STARTED, "b", repeat("a")),
        (COMPLETED, "c", Verdict::New),
        (COMPLETED, "d", repeat("c")),
        // A different end is a different thing.
        (STOPPED, "e", Verdict::New),
        (COMPLETED, "f", repeat("c")),
        (STARTED, "g", Verdict::New),
        (STARTED, "h", repeat("g")),
        (COMPLETED, "i", Verdict::New),
        (COMPLETED, "j", repeat("i")),
    ] {
        assert_eq!(known.take(&Teller::Outside, phase, id), verdict, "{id}");
        let kept = serde_json::to_string(&known).expect("JSON");
        assert_eq!(serde_json::from_str::<Known>(&kept).expect("the same"), known);
    }
    assert!(!known.is_open());
}

#[test]
fn an_end_without_a_beginning_is_an_end() {
    let mut known = Known::default();
    assert_eq!(known.take(&Teller::Outside, STOPPED, "a"), Verdict::New);
    assert_eq!(known.take(&Teller::Outside, STOPPED, "b"), repeat("a"));
    assert_eq!(known.take(&Teller::Outside, STARTED, "c"), Verdict::New);
}

#[test]
fn a_session_of_a_run_ends_as_the_run_does_whoever_tells_what() {
    let mut known = Known::default();
    assert_eq!(known.take(&run(), STARTED, "a"), Verdict::New);
    assert_eq!(known.take(&Teller::Outside, STARTED, "b"), repeat("a"));
    assert_eq!(known.take(&Teller::Outside, COMPLETED, "c"), Verdict::Repeat(None));
    assert!(known.is_open());
    assert_eq!(known.take(&run(), Phase::Failed, "d"), Verdict::New);
    assert_eq!(known.take(&run(), Phase::Failed, "e"), repeat("d"));
    // Late words on how it ended.
    assert_eq!(known.take(&Teller::Outside, COMPLETED, "f"), Verdict::Repeat(None));
    // The person goes on in it.
    assert_eq!(known.take(&Teller::Outside, STARTED, "g"), Verdict::New);
    assert_eq!(known.run(), None);
    assert_eq!(known.take(&Teller::Outside, COMPLETED, "h"), Verdict::New);
    assert_eq!(known.take(&run(), COMPLETED, "i"), repeat("h"), "the run is over");
}

#[test]
fn a_run_takes_over_a_session_that_was_told_of_before_it() {
    let mut known = Known::default();
    assert_eq!(known.take(&Teller::Outside, STARTED, "a"), Verdict::New);
    assert_eq!(known.take(&run(), STARTED, "b"), repeat("a"));
    assert_eq!(known.take(&Teller::Outside, STOPPED, "c"), Verdict::Repeat(None));
    let other = Teller::Run(crate::ids::RunId::new("run_2"));
    assert_eq!(known.take(&other, COMPLETED, "d"), Verdict::Repeat(None), "another run's word is none");
    assert_eq!(known.take(&run(), COMPLETED, "e"), Verdict::New);
}

proptest! {
    /// The rule itself, over the whole history: a repeat of a key is dropped unless a start was accepted since.
    #[test]
    fn the_same_key_is_new_once_for_each_start(phases in prop::collection::vec(0_usize..4, 0..60)) {
        let all = [STARTED, COMPLETED, Phase::Failed, STOPPED];
        let mut known = Known::default();
        let mut accepted: Vec<Phase> = Vec::new();
        for (at, phase) in phases.into_iter().map(|at| all[at]).enumerate() {
            let since = accepted.iter().rposition(|phase| *phase == STARTED).map_or(&accepted[..], |at| &accepted[at..]);
            let open = accepted.last() == Some(&STARTED);
            let fresh = if phase == STARTED { !open } else { !since.contains(&phase) };
            let verdict = known.take(&Teller::Outside, phase, &at.to_string());
            prop_assert_eq!(verdict == Verdict::New, fresh);
            if fresh {
                accepted.push(phase);
            }
            prop_assert_eq!(known.is_open(), accepted.last() == Some(&STARTED));
        }
    }
}
