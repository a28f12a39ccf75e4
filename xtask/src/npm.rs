//! Downloading a package with the person's own npm: their registry, their proxy, their login. No address stands here.
//!
//! A failure is one line, and names no host: settings may hold one that is nobody else's business.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Result, bail};

use crate::command;

/// A slow line needs a few minutes for 60 MB; past this, something is stuck.
const LIMIT: Duration = Duration::from_mins(5);
/// The longest line of npm's that we repeat, in characters.
const LINE: usize = 200;

/// Downloads the archive of one version into a folder, and runs none of its scripts.
pub(crate) fn pack(name: &str, version: &str, into: &Path) -> Result<PathBuf> {
    let Some(npm) = command::find("npm") else {
        bail!("npm is not installed");
    };
    let log = into.join("npm.log");
    let mut command = Command::new(npm);
    command.arg("pack").arg(format!("{name}@{version}")).args([
        "--ignore-scripts",
        "--loglevel=error",
        "--no-color",
    ]);
    command.arg("--pack-destination").arg(into).current_dir(command::root());
    if let Err(error) = command::run_quietly(&mut command, &log, LIMIT) {
        let output = std::fs::read(&log).unwrap_or_default();
        match error_line(&String::from_utf8_lossy(&output)) {
            Some(line) => bail!("{error}: {line}"),
            None => bail!("{error} and did not say why"),
        }
    }
    let file = file_name(name, version);
    let archive = into.join(&file);
    if !archive.is_file() {
        bail!("npm said it was done, but left no {file}");
    }
    Ok(archive)
}

/// How npm names the archive: the scope of a package becomes a part of its name.
fn file_name(name: &str, version: &str) -> String {
    format!("{}-{version}.tgz", name.trim_start_matches('@').replace('/', "-"))
}

/// The line of npm's that says what went wrong: without npm's own advice, stack frames, hosts and colours.
fn error_line(output: &str) -> Option<String> {
    let errors = output.lines().filter_map(|line| {
        let line = line.strip_prefix("npm error").or_else(|| line.strip_prefix("npm ERR!"))?;
        // What is indented further is a stack frame or a field of a dumped object.
        let line = line.strip_prefix(' ').filter(|line| !line.starts_with(' '))?.trim_end();
        let first = line.split(' ').next()?;
        let field = ["code", "errno", "syscall", "path", "dest", "type", "}", ""].contains(&first);
        (!field && !line.starts_with("A complete log")).then_some(line)
    });
    // The first that is left names the cause; those after it are advice.
    let line = errors.into_iter().next().or_else(|| output.lines().rfind(|line| !line.trim().is_empty()))?;
    let mut before = "";
    let words: Vec<String> = line
        .trim_end_matches('.')
        .split_whitespace()
        .map(|word| without_host(word, std::mem::replace(&mut before, word)))
        .collect();
    Some(words.join(" ").chars().filter(|letter| !letter.is_control()).take(LINE).collect())
}

/// A word with the address in it, if any, replaced; the punctuation around it stays.
fn without_host(word: &str, before: &str) -> String {
    let edge = |letter: char| "\"'`(),;<>".contains(letter);
    let core = word.trim_start_matches(edge).trim_end_matches(|letter| edge(letter) || ".:".contains(letter));
    // What a failed name lookup names is a host, whatever it looks like.
    let looked_up = ["ENOTFOUND", "EAI_AGAIN"].contains(&before);
    if looked_up || is_address(core) { word.replacen(core, "the registry", 1) } else { word.to_owned() }
}

fn is_address(word: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.chars().all(|digit| digit.is_ascii_digit());
    let (host, has_port) = match word.rsplit_once(':') {
        Some((host, port)) if is_port(port) => (host, true),
        _ => (word, false),
    };
    let host_letters = host.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._".contains(letter));
    let is_ipv6 = word.matches(':').count() > 1
        && word.chars().all(|letter| letter.is_ascii_hexdigit() || "[]:.".contains(letter));
    word.contains("://")
        || is_ipv6
        || (host_letters && !host.is_empty() && (has_port || is_dotted_host(host)))
}

/// `registry.example.com` and `127.0.0.1`, not `1.18.33` nor `package.json`.
fn is_dotted_host(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let whole = labels.iter().all(|label| !label.is_empty());
    let last = labels.last().copied().unwrap_or_default();
    let is_number = |label: &&str| label.chars().all(|digit| digit.is_ascii_digit());
    let is_ipv4 = labels.len() == 4 && labels.iter().all(is_number);
    let is_name = last.len() > 1 && last.chars().all(|letter| letter.is_ascii_alphabetic());
    let is_file = ["json", "js", "tgz", "npmrc", "log"].contains(&last);
    whole && labels.len() > 1 && (is_ipv4 || (is_name && !is_file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_names_the_cause_is_found_and_names_no_host() {
        let cases = [
            (
                "npm warn Unknown user config \"x\".\nnpm error code ECONNREFUSED\nnpm error syscall connect\n\
                 npm error FetchError: request to http://127.0.0.1:9/a failed, reason: connect ECONNREFUSED \
                 127.0.0.1:9\nnpm error     at ClientRequest.<anonymous> (/usr/lib/x.js:1:2)\nnpm error   port: 9,\n\
                 npm error }\nnpm error\nnpm error If you are behind a proxy, please make sure\n\
                 npm error A complete log of this run can be found in: /root/.npm/_logs/x.log\n",
                "FetchError: request to the registry failed, reason: connect ECONNREFUSED the registry",
            ),
            (
                "npm ERR! code ENOTFOUND\nnpm ERR! network request to https://me:pw@npm.example.org/a failed, \
                 reason: getaddrinfo ENOTFOUND npm.example.org\n",
                "network request to the registry failed, reason: getaddrinfo ENOTFOUND the registry",
            ),
            (
                "npm error code E404\nnpm error 404 Not Found - GET https://h/opencode - Not found\nnpm error 404\n",
                "404 Not Found - GET the registry - Not found",
            ),
            ("npm error getaddrinfo EAI_AGAIN mirror", "getaddrinfo EAI_AGAIN the registry"),
            ("npm error connect ECONNREFUSED ::1:4873", "connect ECONNREFUSED the registry"),
            ("npm error connect ECONNREFUSED (localhost:4873).", "connect ECONNREFUSED (the registry)"),
            ("npm error no opencode@1.18.33 in package.json", "no opencode@1.18.33 in package.json"),
            ("boom\x1b[31m\n", "boom[31m"),
        ];
        for (output, line) in cases {
            assert_eq!(error_line(output).as_deref(), Some(line));
        }
        assert_eq!(error_line("\n \n"), None);
    }

    #[test]
    fn a_scope_is_a_part_of_the_archives_name() {
        assert_eq!(file_name("@tauri-apps/cli", "2.0.1"), "tauri-apps-cli-2.0.1.tgz");
        assert_eq!(file_name("typescript", "5.9.3"), "typescript-5.9.3.tgz");
    }

    #[test]
    fn a_long_line_is_cut() {
        let line = error_line(&format!("npm error {}", "é".repeat(500))).unwrap();
        assert_eq!(line.chars().count(), LINE);
    }
}
