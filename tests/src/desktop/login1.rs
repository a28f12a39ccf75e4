//! The system's word on sleep, as far as it says who keeps the computer awake. PROTOCOL: `org.freedesktop.login1`,
//! `Inhibit` hands out a file descriptor; the inhibitor ends when it is closed.
#![allow(clippy::unused_async, reason = "the bus's interfaces prescribe methods and arguments")]

use super::bus::Bus;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

const NAME: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";

/// Who keeps the computer awake. Dropping it takes it off the bus.
#[derive(Debug)]
pub struct Login1 {
    held: watch::Receiver<usize>,
    asked: Arc<Mutex<Vec<String>>>,
    _connection: zbus::Connection,
}

impl Login1 {
    /// Puts one on the bus.
    pub async fn appear(bus: &Bus) -> Self {
        let (tell, held) = watch::channel(0);
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let service = Service { tell: Arc::new(tell), asked: Arc::clone(&asked) };
        let connection = bus.builder().serve_at(PATH, service).name(NAME).build().await;
        Self { held, asked, _connection: connection.expect("its name is free") }
    }

    /// Returns once so many inhibitors are held.
    pub async fn held(&self, count: usize) {
        let mut held = self.held.clone();
        let waited = tokio::time::timeout(crate::WAIT, held.wait_for(|now| *now == count)).await;
        let now = *self.held.borrow();
        waited.unwrap_or_else(|_| panic!("{now} inhibitors are held, and not {count}")).expect("it serves");
    }

    /// How many are held.
    pub fn now(&self) -> usize {
        *self.held.borrow()
    }

    /// What was asked for so far: what, who, and how.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Service {
    tell: Arc<watch::Sender<usize>>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Service {
    async fn inhibit(
        &self,
        what: &str,
        who: &str,
        why: &str,
        mode: &str,
    ) -> zbus::fdo::Result<zbus::OwnedFd> {
        if why.is_empty() {
            return Err(zbus::fdo::Error::InvalidArgs("a reason, which people are shown".into()));
        }
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what} {who} {mode}"));
        let (mut ours, theirs) =
            std::io::pipe().map_err(|error| zbus::fdo::Error::Failed(error.to_string()))?;
        self.tell.send_modify(|held| *held += 1);
        let tell = Arc::clone(&self.tell);
        std::thread::spawn(move || {
            // Its end is the end of all that hold it.
            let _ended = ours.read(&mut [0]);
            tell.send_modify(|held| *held -= 1);
        });
        Ok(std::os::fd::OwnedFd::from(theirs).into())
    }
}
