//! `orgx-peer sessions` where there is no peer: what is said, and how it ends.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "these are tests")]

mod common;

use common::{program, told};
use std::path::Path;

/// Of a folder in which nothing ever ran: whatever else runs on this computer is not listed.
fn sessions(home: &Path, arguments: &[&str]) -> String {
    let folder = home.join("never");
    let mut command = program(home);
    command.arg("sessions").args(arguments).arg("--directory").arg(folder);
    told(&command.output().expect("the program starts"))
}

#[test]
fn a_computer_without_opencode_has_no_sessions_and_a_broken_database_is_told() {
    let home = tempfile::tempdir().expect("a folder");
    let none =
        "exit 0\nNo sessions of OpenCode. They show up here once OpenCode was used on this computer.\n";
    assert_eq!(sessions(home.path(), &[]), none);
    assert_eq!(sessions(home.path(), &["--json", "--all"]), "exit 0\n[]\n");

    let data = home.path().join(".local/share/opencode");
    std::fs::create_dir_all(&data).expect("a folder");
    std::fs::write(data.join("opencode.db"), "x".repeat(4_096)).expect("a file");
    let words = "orgx-peer: OpenCode's database is not a database; OpenCode itself may say more (`opencode db path` \
                 names the file).\n";
    assert_eq!(sessions(home.path(), &[]), format!("exit 1\n{words}"));
    assert_eq!(sessions(home.path(), &["--json"]), format!("exit 1\n[]\n{words}"));
}

#[test]
fn a_run_is_opened_by_a_peer_and_by_its_id() {
    let home = tempfile::tempdir().expect("a folder");
    let open = |arguments: &[&str]| {
        told(&program(home.path()).arg("runs").args(arguments).output().expect("the program starts"))
    };
    let nobody = "exit 3\norgx-peer: no peer is running; start it with `orgx-peer run`\n";
    assert_eq!(open(&["resume", "run_1"]), nobody);
    assert_eq!(open(&["attach", "run_1", "--print"]), nobody);
    assert!(open(&["attach"]).starts_with("exit 2\n"));
    let blank = "exit 1\norgx-peer: give the id of the run; `orgx-peer runs` lists them\n";
    assert_eq!(open(&["resume", " "]), blank);
}
