//! Which process may be working on which session. No I/O.
//!
//! A message that is not finished says only that somebody began it: whoever was killed leaves it so for ever. It counts
//! as work while there is a process that can have begun it: one that is older than the message, works in the session's
//! folder, and is not taken by another session. Servers that answer are asked instead, and count for nothing here.

use super::processes::{Kind, Process};
use super::state::{Last, UNSEEN_MS};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Two clocks that tell of the same moment differ by at most this, in ms.
const SLACK_MS: i64 = 2_000;

/// A session, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) id: &'a str,
    pub(super) folder: &'a Path,
    pub(super) parent: Option<&'a str>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) last: Last,
}

/// Finds the process of each session that has one. `tells` is whether a process is a server that says itself what
/// it does in a folder; `database` is where the sessions are from. Sessions come newest first: of two that one process may have, the
/// newer one has it.
pub(super) fn workers<'a>(
    jobs: &[Job<'a>],
    processes: &'a [Process],
    tells: impl Fn(u32, &Path) -> bool,
    database: Option<&Path>,
    now: i64,
) -> HashMap<&'a str, &'a Process> {
    let free: Vec<&Process> = processes.iter().filter(|process| process.job.kind != Kind::Other).collect();
    let mut taken = HashSet::new();
    let mut found = HashMap::new();
    let roots = jobs.iter().filter(|job| job.parent.is_none());
    for job in roots.chain(jobs.iter().filter(|job| job.parent.is_some())) {
        // A subagent works in its parent's process.
        if let Some(parent) = job.parent.and_then(|parent| found.get(parent).copied()) {
            found.insert(job.id, parent);
            continue;
        }
        let fitting = free.iter().filter(|process| {
            !taken.contains(&process.pid)
                && !tells(process.pid, job.folder)
                && fits(job, process, database, now)
        });
        // The one that was told to, before one that merely is there; a task of its own before a terminal.
        let best = fitting.min_by_key(|process| {
            let named = process.job.session.as_deref() == Some(job.id);
            (!named, process.job.kind != Kind::Run, process.job.kind == Kind::Server, process.pid)
        });
        if let Some(process) = best {
            if process.job.kind == Kind::Run {
                taken.insert(process.pid);
            }
            found.insert(job.id, *process);
        }
    }
    found
}

/// The process that was given this session, whether it works or not.
pub(super) fn opened<'a>(id: &str, processes: &'a [Process]) -> Option<&'a Process> {
    let mut given = processes.iter().filter(|process| process.job.session.as_deref() == Some(id));
    given.next().filter(|_| given.next().is_none())
}

fn fits(job: &Job<'_>, process: &Process, database: Option<&Path>, now: i64) -> bool {
    let at = match job.last {
        Last::Prompted { at } | Last::Unfinished { at } | Last::Finished { at, calls: true } => at,
        Last::Nothing | Last::Finished { .. } => return false,
    };
    if process.started_at > at.saturating_add(SLACK_MS) {
        return false;
    }
    let here = process.job.folder == job.folder;
    match (process.job.kind, process.job.session.as_deref()) {
        (Kind::Run, Some(given)) => given == job.id,
        (Kind::Run, None) => {
            here && (process.job.goes_on || job.created_at.saturating_add(SLACK_MS) >= process.started_at)
        }
        (Kind::Terminal, given) => here || given == Some(job.id),
        // A server that does not tell works anywhere, on what is in its database; outside of its own folder it is believed
        // to only while something happens.
        (Kind::Server, _) => {
            let has_it =
                database.is_some_and(|database| process.databases.iter().any(|open| open == database));
            here || (has_it && now.saturating_sub(job.updated_at) < UNSEEN_MS)
        }
        (Kind::Other, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sessions::processes::Job as Given;

    const NOW: i64 = 10_000_000;
    const DATABASE: &str = "/data/opencode.db";
    /// Long before anything here.
    const EARLY: i64 = 1_000_000;

    fn process(pid: u32, kind: Kind, folder: &str) -> Process {
        let job = Given { kind, folder: folder.into(), ..Given::default() };
        let databases = vec![Path::new(DATABASE).to_owned()];
        Process { pid, started_at: EARLY, job, databases, ..Process::default() }
    }

    fn given(mut process: Process, session: &str) -> Process {
        process.job.session = Some(session.to_owned());
        process
    }

    fn other_database(mut process: Process) -> Process {
        process.databases = vec!["/other/opencode.db".into()];
        process
    }

    fn began(mut process: Process, at: i64) -> Process {
        process.started_at = at;
        process
    }

    fn job<'a>(id: &'a str, folder: &'a str) -> Job<'a> {
        let at = NOW - 10_000;
        let last = Last::Unfinished { at };
        Job { id, folder: Path::new(folder), parent: None, created_at: at, updated_at: at, last }
    }

    fn found(jobs: &[Job<'_>], processes: &[Process], answering: &[u32]) -> Vec<(String, u32)> {
        let found =
            workers(jobs, processes, |pid, _| answering.contains(&pid), Some(Path::new(DATABASE)), NOW);
        let mut found: Vec<_> = found.into_iter().map(|(id, process)| (id.to_owned(), process.pid)).collect();
        found.sort();
        found
    }

    #[test]
    fn a_session_is_worked_on_by_what_can_have_begun_it() {
        use Kind::{Other, Run, Server, Terminal};
        let a = job("ses_a", "/a");
        let old = Job { created_at: EARLY - 10_000, ..a };
        let quiet = Job { last: Last::Unfinished { at: EARLY + 5_000 }, updated_at: EARLY + 5_000, ..a };
        let done = Job { last: Last::Finished { at: NOW - 10, calls: false }, ..a };
        for (what, job, process, fits) in [
            ("a terminal in the folder", a, process(1, Terminal, "/a"), true),
            ("one elsewhere", a, process(1, Terminal, "/b"), false),
            ("one below", a, process(1, Terminal, "/a/b"), false),
            ("one elsewhere that was given it", a, given(process(1, Terminal, "/b"), "ses_a"), true),
            ("one that began after the message", a, began(process(1, Terminal, "/a"), NOW), false),
            ("a finished session", done, process(1, Terminal, "/a"), false),
            ("a task in the folder", a, process(1, Run, "/a"), true),
            ("a task on another session", a, given(process(1, Run, "/a"), "ses_b"), false),
            ("a task elsewhere on this one", a, given(process(1, Run, "/b"), "ses_a"), true),
            ("a task that began after the session was made", old, process(1, Run, "/a"), false),
            ("a server that does not tell", a, process(1, Server, "/b"), true),
            ("one with another database", a, other_database(process(1, Server, "/b")), false),
            ("the same in the folder", a, other_database(process(1, Server, "/a")), true),
            ("one that has it, long after", quiet, process(1, Server, "/b"), false),
            ("the same in its own folder, long after", quiet, process(1, Server, "/a"), true),
            ("something else", a, process(1, Other, "/a"), false),
        ] {
            assert_eq!(!found(&[job], std::slice::from_ref(&process), &[]).is_empty(), fits, "{what}");
        }
    }

    #[test]
    fn a_server_that_answers_speaks_for_itself() {
        let server = process(1, Kind::Server, "/a");
        assert_eq!(found(&[job("ses_a", "/a")], std::slice::from_ref(&server), &[1]), []);
    }

    #[test]
    fn a_task_has_one_session_and_its_subagents_and_the_newest_first() {
        let jobs = [
            job("ses_new", "/a"),
            job("ses_killed", "/a"),
            Job { parent: Some("ses_new"), ..job("ses_sub", "/a") },
        ];
        let run = process(7, Kind::Run, "/a");
        let expected = [("ses_new".to_owned(), 7), ("ses_sub".to_owned(), 7)];
        assert_eq!(found(&jobs, std::slice::from_ref(&run), &[]), expected);
        let both = [run, process(8, Kind::Run, "/a")];
        assert_eq!(found(&jobs[..2], &both, &[]).len(), 2, "two tasks have two");
        let told = [given(process(8, Kind::Run, "/a"), "ses_killed"), process(7, Kind::Run, "/a")];
        assert_eq!(found(&jobs[..2], &told, &[]), [("ses_killed".to_owned(), 8), ("ses_new".to_owned(), 7)]);
    }

    #[test]
    fn what_shows_a_session_is_known_by_its_command_line() {
        let shows = [given(process(1, Kind::Other, "/a"), "ses_a"), process(2, Kind::Terminal, "/a")];
        assert_eq!(opened("ses_a", &shows).map(|process| process.pid), Some(1));
        assert_eq!(opened("ses_b", &shows), None);
        let two = [shows[0].clone(), given(process(3, Kind::Terminal, "/a"), "ses_a")];
        assert_eq!(opened("ses_a", &two), None, "which of two it is, nobody knows");
    }
}
