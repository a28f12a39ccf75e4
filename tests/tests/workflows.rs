//! GitHub's workflows: valid, and each action one known commit.
//!
//! `ORGX_ACTIONLINT` names the linter's script; without it, that story says that it is skipped.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

use orgx_tests::programs::say_skipped;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints each finding as a line; ends by itself, which the linter does not.
const LINT: &str = r#"
const [linter, ...files] = process.argv.slice(1);
const read = file => require("fs").readFileSync(file, "utf8");
require(linter).createLinter().then(lint => {
  const found = files.flatMap(file => lint(read(file), file));
  // The pinned linter is older than the runners: it does not know all of their names.
  const real = found.filter(one => one.kind !== "runner-label");
  for (const { file, line, message } of real) console.log(`${file}:${line}: ${message}`);
  process.exit(real.length ? 1 : 0);
});
"#;

#[test]
fn the_workflows_have_no_mistakes_that_a_linter_sees() {
    let Some(linter) = std::env::var_os("ORGX_ACTIONLINT").filter(|value| !value.is_empty()) else {
        say_skipped("ORGX_ACTIONLINT names no linter; `cargo xtask test` downloads one");
        return;
    };
    let good = lint(&linter, &workflows());
    assert!(good.is_ok(), "{}", good.unwrap_err());

    // It does find something where there is something.
    let folder = tempfile::TempDir::new().unwrap();
    let bad = folder.path().join("bad.yml");
    std::fs::write(
        &bad,
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{ run: 1, uses: b }]\n",
    )
    .unwrap();
    assert!(lint(&linter, &[bad]).is_err());
}

#[test]
fn each_action_is_pinned_to_a_commit_and_says_which_version_that_is() {
    let mut seen = 0;
    for file in workflows() {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter_map(|line| line.split_once("uses: ").map(|(_, used)| used)) {
            let pinned = line.split_once('@').and_then(|(_, rest)| rest.split_once(" # v"));
            let Some((commit, version)) = pinned else { panic!("{line} is not pinned to a commit") };
            assert!(commit.len() == 40 && commit.chars().all(|sign| sign.is_ascii_hexdigit()), "{line}");
            assert!(version.starts_with(|sign: char| sign.is_ascii_digit()), "{line}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

fn lint(linter: &std::ffi::OsStr, files: &[PathBuf]) -> Result<(), String> {
    let output = Command::new("node").arg("-e").arg(LINT).arg(linter).args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(said.into_owned()) }
}

fn workflows() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/workflows");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    files
}
