//! Commands that outlive the agent which ran them. PROTOCOL: OpenCode 1.18.33 and Claude Code 2.1.328 give each command
//! a process group of its own, so that ending the agent's group does not end them. Numbers of processes are used again,
//! and what a person runs in an agent of their own has the same variables; so they are known by a value that only we gave.

use orgx_proto::ids::RunId;
#[cfg(target_os = "linux")]
use procfs::process::{Process, Stat};
#[cfg(target_os = "linux")]
use secrecy::ExposeSecret;
use secrecy::SecretString;
#[cfg(target_os = "linux")]
use std::ffi::{OsStr, OsString};

/// In the environment of one agent, and so of all it starts: the id of its run. It is no secret.
pub(in crate::driver) const RUN_ID: &str = "ORGX_RUN_ID";

/// In the environment of an agent's commands: its number. PROTOCOL: OpenCode 1.18.33, Claude Code 2.1.328.
#[cfg(target_os = "linux")]
const AGENT_PID: [&str; 2] = ["OPENCODE_PID", "CLAUDE_PID"];

/// What still runs of an agent that is over.
#[derive(Clone, Debug)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "processes are not looked at"))]
pub(in crate::driver) struct Strays {
    /// The number of that OpenCode, or of the program which started it and leads its group.
    pid: u32,
    /// When it began, in the OS's own count. What is older is another one's, whatever it says.
    started: String,
    /// What stands in the environment of all of them.
    name: &'static str,
    value: SecretString,
}

impl Strays {
    /// Those of one `opencode run`.
    pub(in crate::driver) fn of_run(run_id: &RunId, pid: u32, started: &str) -> Self {
        Self { pid, started: started.to_owned(), name: RUN_ID, value: run_id.as_str().into() }
    }

    /// Those of our own server with this password.
    pub(in crate::driver) fn of_server(password: &str, pid: u32, started: &str) -> Self {
        Self { pid, started: started.to_owned(), name: "OPENCODE_SERVER_PASSWORD", value: password.into() }
    }

    /// Ends them, on a thread that may wait. Looks at every process: not for a thread on which others wait.
    pub(in crate::driver) async fn end_elsewhere(self) {
        let _ended = tokio::task::spawn_blocking(move || self.end()).await;
    }

    /// Ends them.
    #[cfg(target_os = "linux")]
    pub(in crate::driver) fn end(&self) {
        // One that is just being started may be missed at first.
        for _ in 0..3 {
            let found = self.find();
            if found.is_empty() {
                return;
            }
            for pid in found {
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }

    /// Elsewhere processes are not looked at yet.
    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unused_self, reason = "it is needed where processes are looked at")]
    pub(in crate::driver) fn end(&self) {}
}

#[cfg(target_os = "linux")]
impl Strays {
    fn find(&self) -> Vec<rustix::process::Pid> {
        let boot = procfs::sys::kernel::random::boot_id().ok();
        let Some((_, ticks)) = self.started.rsplit_once(':').filter(|(of, _)| boot.as_deref() == Some(*of))
        else {
            return Vec::new();
        };
        let (Ok(ticks), Ok(processes)) = (ticks.parse::<u64>(), procfs::process::all_processes()) else {
            return Vec::new();
        };
        let us = rustix::process::geteuid().as_raw();
        processes
            .filter_map(Result::ok)
            .filter(|process| process.uid().is_ok_and(|uid| uid == us))
            .filter(|process| {
                let Ok(stat) = process.stat() else { return false };
                stat.starttime >= ticks && runs(&stat) && self.has(process, &stat)
            })
            .filter_map(|process| rustix::process::Pid::from_raw(process.pid))
            .collect()
    }

    fn has(&self, process: &Process, stat: &Stat) -> bool {
        let environment = process.environ().unwrap_or_default();
        let value = environment.get(OsStr::new(self.name));
        if value.is_none_or(|value| value.as_os_str() != OsStr::new(self.value.expose_secret())) {
            return false;
        }
        // The value is not all: a person's terminal that is attached to our server has its password, too.
        is_number(stat.pgrp, self.pid)
            || AGENT_PID
                .iter()
                .any(|name| environment.get(OsStr::new(name)).is_some_and(|of| was_in(of, self.pid)))
    }
}

/// Is the OpenCode of that number the one that is over? Where npm put it there the number is not that of the program
/// which we started, but of one in its group, which is over with it.
#[cfg(target_os = "linux")]
fn was_in(opencode: &OsString, leader: u32) -> bool {
    let Some(number) = opencode.to_str().and_then(|number| number.parse::<i32>().ok()) else { return false };
    is_number(number, leader)
        || Process::new(number)
            .and_then(|process| process.stat())
            .map_or(true, |stat| !runs(&stat) || is_number(stat.pgrp, leader))
}

#[cfg(target_os = "linux")]
fn is_number(pid: i32, number: u32) -> bool {
    u32::try_from(pid).is_ok_and(|pid| pid == number)
}

#[cfg(target_os = "linux")]
fn runs(stat: &Stat) -> bool {
    !matches!(stat.state, 'Z' | 'X')
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod tests {
    use super::*;
    use crate::driver::opencode::owner;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    /// Returned once its environment can be read.
    fn sleeper(environment: &[(&str, &str)]) -> Child {
        let mut command = Command::new("sleep");
        let command = command.arg("300").process_group(0).env_remove("OPENCODE_PID").env_remove(RUN_ID);
        let child = command.envs(environment.iter().copied()).spawn().expect("sleep");
        let number = i32::try_from(child.id()).expect("a number");
        let is_set_up = || {
            Process::new(number)
                .and_then(|process| process.stat())
                .is_ok_and(|stat| stat.comm == "sleep" && stat.pgrp == number)
        };
        while !is_set_up() {
            std::thread::yield_now();
        }
        child
    }

    fn runs(child: &mut Child) -> bool {
        child.try_wait().expect("ours").is_none()
    }

    fn ended(strays: &Strays, child: &mut Child) {
        while runs(child) {
            strays.end();
        }
    }

    fn forget(child: &mut Child) {
        child.kill().expect("ours");
        let _status = child.wait();
    }

    #[test]
    fn what_has_the_id_of_the_run_and_is_younger_is_ended_and_nothing_else() {
        let before = owner::started(std::process::id()).expect("it runs");
        let (boot, _) = before.rsplit_once(':').expect("a boot");
        // This test plays OpenCode.
        let (run, us, pid) = (RunId::new("run"), std::process::id(), std::process::id().to_string());
        let mut ours = sleeper(&[(RUN_ID, "run"), ("OPENCODE_PID", &pid)]);
        // Its number may be that of a program of the person's by now; its id that of a run of another OrgX.
        let mut persons = sleeper(&[("OPENCODE_PID", &pid)]);
        let mut others = sleeper(&[(RUN_ID, "another run"), ("OPENCODE_PID", &pid)]);
        let other = persons.id().to_string();
        let mut elsewhere = sleeper(&[(RUN_ID, "run"), ("OPENCODE_PID", &other)]);
        Strays::of_run(&run, us, "another boot:1").end();
        Strays::of_run(&run, us, &format!("{boot}:{}", u64::MAX)).end();
        assert!(runs(&mut ours), "older than it, or of another boot");
        ended(&Strays::of_run(&run, us, &before), &mut ours);
        for child in [&mut persons, &mut others, &mut elsewhere] {
            assert!(runs(child), "another one's");
            forget(child);
        }
    }

    #[test]
    fn what_has_the_password_of_our_server_and_its_number_is_ended_and_no_terminal_that_is_attached() {
        let before = owner::started(std::process::id()).expect("it runs");
        let password = ("OPENCODE_SERVER_PASSWORD", "password-of-strays");
        // One that npm put there: the wrapper leads, and the OpenCode in it has another number.
        let mut wrapper = sleeper(&[]);
        let leader = wrapper.id().to_string();
        let mut inner = sleeper(&[password]);
        let inside = inner.id().to_string();
        let mut direct = sleeper(&[password, ("OPENCODE_PID", &leader)]);
        let mut wrapped = sleeper(&[password, ("OPENCODE_PID", &inside)]);
        let mut persons = sleeper(&[("OPENCODE_PID", &leader)]);
        let mut attached = sleeper(&[password]);
        let terminal = attached.id().to_string();
        let mut editor = sleeper(&[password, ("OPENCODE_PID", &terminal)]);
        let strays = Strays::of_server(password.1, wrapper.id(), &before);
        forget(&mut wrapper);
        ended(&strays, &mut direct);
        assert!(runs(&mut wrapped), "its OpenCode still runs, and is not of that group");
        forget(&mut inner);
        ended(&strays, &mut wrapped);
        assert!(runs(&mut persons), "a number that is used again");
        assert!(runs(&mut attached) && runs(&mut editor), "a person's terminal");
        for child in [&mut persons, &mut attached, &mut editor] {
            forget(child);
        }
    }

    #[test]
    fn a_server_whose_wrapper_is_gone_is_ended_by_its_group() {
        let before = owner::started(std::process::id()).expect("it runs");
        let mut server = sleeper(&[("OPENCODE_SERVER_PASSWORD", "password-of-a-group")]);
        ended(&Strays::of_server("password-of-a-group", server.id(), &before), &mut server);
    }
}
