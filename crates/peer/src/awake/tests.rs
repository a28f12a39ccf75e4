use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(20);

/// A computer that says what is held of it, and can be slow, unwilling, or low.
struct Fake {
    told: Sender<&'static str>,
    low: AtomicBool,
    fails: AtomicBool,
    /// Held shut by a test that wants it to hang.
    door: Arc<Mutex<()>>,
}

struct Held(Sender<&'static str>);

impl Drop for Held {
    fn drop(&mut self) {
        let _unheard = self.0.send("let go");
    }
}

impl System for Fake {
    fn inhibit(&self) -> Result<Inhibitor, String> {
        self.told.send("asked").expect("heard");
        let _open = self.door.lock().expect("never poisoned");
        if self.fails.load(Ordering::Relaxed) {
            self.told.send("failed").expect("heard");
            return Err("no bus".into());
        }
        self.told.send("held").expect("heard");
        Ok(Box::new(Held(self.told.clone())))
    }

    fn battery_is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }
}

fn fake() -> (Arc<Fake>, Awake, Receiver<&'static str>) {
    let (told, heard) = mpsc::channel();
    let door = Arc::default();
    let fake = Arc::new(Fake { told, low: AtomicBool::new(false), fails: AtomicBool::new(false), door });
    let awake = Awake::of(Arc::clone(&fake) as Arc<dyn System>);
    (fake, awake, heard)
}

/// What came of it when it was asked.
fn next(heard: &Receiver<&'static str>) -> Result<&'static str, RecvTimeoutError> {
    match heard.recv_timeout(WAIT) {
        Ok("asked") => heard.recv_timeout(WAIT),
        other => other,
    }
}

#[test]
fn it_is_held_once_while_it_is_wanted_and_goes_with_its_owner() {
    let (_fake, mut awake, heard) = fake();
    awake.want(false);
    assert!(awake.thread.is_none(), "nothing is begun for nothing");
    awake.want(true);
    awake.want(true);
    assert_eq!(next(&heard), Ok("held"));
    awake.want(false);
    assert_eq!(heard.recv_timeout(WAIT), Ok("let go"));
    awake.want(true);
    assert_eq!(next(&heard), Ok("held"));
    drop(awake);
    assert_eq!(heard.recv_timeout(WAIT), Ok("let go"));
}

#[test]
fn a_system_that_hangs_holds_up_nobody_and_what_it_gives_too_late_is_given_back() {
    let (fake, mut awake, heard) = fake();
    let door = Arc::clone(&fake.door);
    let shut = door.lock().expect("never poisoned");
    awake.want(true);
    assert_eq!(heard.recv_timeout(WAIT), Ok("asked"));
    awake.want(false);
    drop(shut);
    assert_eq!(next(&heard), Ok("held"));
    assert_eq!(heard.recv_timeout(WAIT), Ok("let go"));
}

#[test]
fn what_cannot_be_had_is_asked_for_again_for_the_next_run_and_not_before() {
    let (fake, mut awake, heard) = fake();
    fake.fails.store(true, Ordering::Relaxed);
    awake.want(true);
    assert_eq!(next(&heard), Ok("failed"));
    fake.fails.store(false, Ordering::Relaxed);
    awake.want(false);
    awake.want(true);
    assert_eq!(next(&heard), Ok("held"));
}

#[test]
fn on_a_low_battery_the_computer_may_sleep() {
    let (fake, mut awake, heard) = fake();
    fake.low.store(true, Ordering::Relaxed);
    awake.want(true);
    awake.want(false);
    fake.low.store(false, Ordering::Relaxed);
    awake.want(true);
    assert_eq!(heard.recv_timeout(WAIT), Ok("asked"), "and not before");
}
