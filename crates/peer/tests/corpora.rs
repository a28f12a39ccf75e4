//! What fuzzing keeps, in the ordinary test run: every file of every corpus goes through the function of its fuzz target
//! (`docs/fuzzing.md`).

use orgx_peer::fuzzing;
use std::path::{Path, PathBuf};

/// A fuzz target that can be replayed.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 8] = [
    ("config", fuzzing::config),
    ("control_socket", fuzzing::control_socket),
    ("gateway_frame", fuzzing::gateway_frame),
    ("journal_rows", fuzzing::journal_rows),
    ("lines", fuzzing::lines),
    ("rules", fuzzing::rules),
    ("sse", fuzzing::sse),
    ("state_file", fuzzing::state_file),
];

#[test]
fn every_corpus_of_the_fuzz_targets_is_replayed() {
    for (name, target) in TARGETS {
        for file in corpus(name) {
            let data = std::fs::read(&file).expect("a file of the corpus");
            // A panic names no input: this one does.
            let outcome = std::panic::catch_unwind(|| target(&data));
            assert!(outcome.is_ok(), "{name} fails on {}", file.display());
        }
    }
}

#[test]
fn every_fuzz_target_is_replayed() {
    let mut targets: Vec<String> = files(&root().join("fuzz_targets"))
        .iter()
        .filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    targets.sort();
    assert_eq!(targets, TARGETS.map(|(name, _)| name));
}

#[test]
fn a_corpus_stays_small() {
    for (name, _) in TARGETS {
        let sizes: Vec<u64> =
            corpus(name).iter().map(|file| file.metadata().expect("a file").len()).collect();
        assert!(
            sizes.len() <= 300 && sizes.iter().sum::<u64>() <= 500 * 1024,
            "{name}: {} files",
            sizes.len()
        );
        assert!(sizes.iter().all(|size| *size <= 64 * 1024), "{name} has a file over 64 KiB");
    }
}

fn corpus(target: &str) -> Vec<PathBuf> {
    let found = files(&root().join("corpus").join(target));
    assert!(!found.is_empty(), "the corpus of {target} is empty");
    found
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut found: Vec<PathBuf> = entries.unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}
