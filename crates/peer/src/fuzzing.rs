//! What others write and the peer reads, one function for each fuzz target (`docs/fuzzing.md`): a target gives it what a
//! fuzzer makes up, `tests/corpora.rs` what is kept of that. Each panics when a promise does not hold.

mod frames;
mod gateway;
mod journal;
mod kept;
mod rules;

use crate::config::{Config, ConfigError, Environment, is_loopback};
use crate::control::{Ask, Asked, request};
use crate::driver::lines::Lines;
use crate::driver::opencode::daemon::{self, Said};
use crate::driver::opencode::event::Event;
use crate::driver::opencode::tracker::{Told, Tracker};
use crate::driver::opencode::{feed, state_file};
use crate::limits;
use crate::paths::Paths;
use frames::{OneRun, assert_fit};
use orgx_proto::agent;
use orgx_proto::redact::{self, Redacted};
use orgx_proto::skill_rules;
use std::path::{Path, PathBuf};

/// Frames of OrgX, and what a dispatcher makes of them and of the agents' answers.
pub fn gateway_frame(data: &[u8]) {
    gateway::play(data);
}

/// The event stream of a daemon.
pub fn lines(data: &[u8]) {
    let lines = cut(data);
    for line in lines.iter().filter_map(|line| std::str::from_utf8(line).ok()) {
        assert_fit(Redacted::without_paths(line).as_str(), redact::CHARS);
    }
    let said: Vec<Said> = lines.iter().filter_map(|line| daemon::read(line)).collect();
    let mut run = OneRun::default();
    for word in said {
        match word {
            Said::Event(event) => run.event(&event),
            Said::End(end) => return run.end(&end),
        }
    }
}

/// The event feed of a real OpenCode.
pub fn sse(data: &[u8]) {
    let lines = cut(data);
    let events: Vec<(String, Event)> = lines.iter().filter_map(|line| feed::decode(line)).collect();
    let Some((session, _)) = events.first() else { return };
    let mut run = OneRun::default();
    let mut tracker = Tracker::new(session, Path::new("/w/api"));
    for (session, event) in &events {
        assert_bounded(event);
        for told in tracker.observe(session, event.clone()) {
            if let Told::Agent(event) = told {
                run.event(&event);
            }
        }
        // After a lost feed the state is read again: what was told is not told twice.
        let again = tracker.observe(session, event.clone());
        let told_twice = again.iter().find(|told| !matches!(told, Told::PerhapsOver));
        assert_eq!(told_twice, None, "{event:?}");
    }
    run.end(&tracker.end((0, 0.0)));
}

/// What is kept for matching is no more than is matched, and of what is asked no more than is shown.
fn assert_bounded(event: &Event) {
    if let Event::Asked(asking) = event {
        let longest = match &asking.what {
            agent::Asked::Permission(it) => it.patterns.iter().map(|text| text.chars().count()).max(),
            agent::Asked::Questions(all) => all.iter().map(|one| one.text.chars().count()).max(),
        };
        assert!(longest.unwrap_or_default() <= limits::ASK_PATTERN_KEPT);
    }
    let Event::Tool(tool) = event else { return };
    for text in [&tool.title, &tool.query].into_iter().chain(tool.edits.iter().map(|edit| &edit.added)) {
        assert!(text.len() <= skill_rules::limits::TEXT_BYTES);
    }
}

/// The state file of a daemon.
pub fn state_file(data: &[u8]) {
    if let Ok(port) = state_file::read(data) {
        assert_ne!(port, 0);
    }
}

/// Requests of the control socket, one a line.
pub fn control_socket(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        match request(line) {
            Ok(Asked { id, what: Ask::Do(command) }) => {
                let mut again = serde_json::to_value(&command).unwrap_or_default();
                again["id"] = id.into();
                let asked = Ok(Asked { id, what: Ask::Do(command) });
                assert_eq!(request(again.to_string().as_bytes()), asked, "{again}");
            }
            Ok(Asked { what: Ask::Subscribe, .. }) => {}
            Err(not) => assert_fit(&not.why, 200),
        }
    }
}

/// Rows of a journal.
pub fn journal_rows(data: &[u8]) {
    journal::play(data);
}

/// Skill rules and a text: see [`rules::play`].
pub fn rules(data: &[u8]) {
    rules::play(data);
}

/// `config.toml`.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let bare = Environment::of([("ORGX_API_KEY", "oxk_of_the_environment"), ("HOME", "/nonexistent")]);
    for env in [bare.clone().with("ORGX_WORKSPACE_ID", "w"), bare] {
        let paths = Paths { config: PathBuf::from("/c"), state: PathBuf::from("/s"), runtime: None };
        match Config::read(&env, paths, text) {
            Ok(config) => assert_usable(&config),
            Err(ConfigError::Missing { .. }) => {}
            Err(error) => assert_fit(&error.to_string(), 1_000),
        }
    }
}

fn assert_usable(config: &Config) {
    for warning in &config.warnings {
        assert_fit(warning, 1_000);
    }
    let url = &config.base_url;
    assert!(url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)), "{url}");
    assert!(url.username().is_empty() && url.password().is_none() && url.path() == "/", "{url}");
    assert!(config.opencode.server_url.as_ref().is_none_or(is_loopback));
    assert!(!config.workspace_id.is_empty() && config.workspace_id.len() <= orgx_proto::limits::ID_BYTES);
    assert!(!config.plugin_id.is_empty());
    assert!(config.runs.concurrent > 0 && config.runs.per_folder > 0);
    assert!(
        config.runs.allowed_folders.iter().chain(&config.runs.default_folder).all(|dir| dir.is_absolute())
    );
    assert!(config.outbox.as_ref().is_none_or(|path| path.is_absolute()));
}

/// The lines of a stream: the same whatever the chunks, and what a plain reading says they are.
fn cut(data: &[u8]) -> Vec<Vec<u8>> {
    for bound in [4, 64] {
        assert_same_lines(data, bound);
    }
    assert_same_lines(data, limits::LINE_BYTES)
}

fn assert_same_lines(data: &[u8], bound: usize) -> Vec<Vec<u8>> {
    let (plain, too_long) = plain_lines(data, bound);
    let sizes: [fn(u8) -> usize; 4] =
        [|_| usize::MAX, |_| 1, |byte| usize::from(byte % 5) + 1, |byte| usize::from(byte) + 1];
    for size in sizes {
        let mut lines = Lines::bounded(bound);
        let mut found = Vec::new();
        let mut rest = data;
        while let Some(first) = rest.first() {
            let (chunk, after) = rest.split_at(size(*first).min(rest.len()));
            lines.push(chunk, |line| found.push(line.to_vec()));
            rest = after;
        }
        lines.finish(|line| found.push(line.to_vec()));
        assert!(found == plain, "other lines with a bound of {bound}");
        assert_eq!(lines.skipped(), too_long);
    }
    plain
}

fn plain_lines(data: &[u8], bound: usize) -> (Vec<Vec<u8>>, u64) {
    let mut lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    // What stands after the last line break is a line only when there is something.
    let last = lines.pop().filter(|last| !last.is_empty());
    let too_long = lines.iter().chain(&last).filter(|line| line.len() > bound).count();
    let whole = lines.iter().filter(|line| line.len() <= bound);
    let whole = whole.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let last = last.filter(|last| last.len() <= bound);
    (whole.chain(last).map(<[u8]>::to_vec).collect(), too_long as u64)
}
