//! What becomes of a journal that is damaged: it is never fatal, and never silent.

use super::*;
use std::path::Path;

/// A journal with something of everything, closed.
async fn sample(path: &Path) {
    let (journal, _) = Journal::open(path).expect("a journal");
    for n in 0..40 {
        let run = format!("r{n}");
        journal.queue(dispatch(&run), Timestamp(n), false).await.expect("queued");
        if n % 3 > 0 {
            journal.spend(spent(&run)).await.expect("spent");
            journal.keep(frame(&run, Class::Deviation, "a deviation")).await.expect("kept");
        }
        if n % 3 > 1 {
            journal.end(ended(&run, Some(&format!("k_{run}")), false)).await.expect("ended");
        }
    }
    journal.close().await;
}

/// Opens what is there, uses it, and says whether the old one was set aside.
async fn goes_on(path: &Path, what: &str) -> bool {
    let (journal, memory) = Journal::open(path).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut aside = memory.notice.is_some();
    journal
        .queue(dispatch("new"), Timestamp(1), false)
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    journal.spend(spent("new")).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    journal.end(ended("new", Some("k_new"), true)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    aside |= journal.take_notice().is_some();
    let kept =
        journal.runs(Which::Named("new".into()), 1).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(kept.len(), 1, "{what}");
    let beside = path.parent().expect("a folder").read_dir().expect("files").flatten();
    let corrupt = beside.filter(|file| file.file_name().to_string_lossy().contains(".corrupt-")).count();
    assert_eq!(corrupt > 0, aside, "{what}: set aside if and only if it is said");
    aside
}

#[tokio::test]
async fn a_file_that_is_no_journal_is_set_aside_with_a_word() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("journal-1.sqlite");
    std::fs::write(&path, "this is no database, and long enough to be read as one".repeat(20))
        .expect("a file");
    let (_, memory) = Journal::open(&path).expect("a new one");
    let notice = memory.notice.expect("a word");
    assert!(
        notice.starts_with("The journal was damaged and has been set aside as journal-1.corrupt-20"),
        "{notice}"
    );
    let names = dir
        .path()
        .read_dir()
        .expect("files")
        .flatten()
        .map(|file| file.file_name().into_string().expect("text"));
    assert_eq!(names.filter(|name| name.starts_with("journal-1.corrupt-")).count(), 1);
}

#[tokio::test]
async fn a_journal_cut_off_anywhere_is_used_or_set_aside() {
    let dir = tempfile::tempdir().expect("a folder");
    let whole = dir.path().join("whole.sqlite");
    sample(&whole).await;
    let bytes = std::fs::read(&whole).expect("bytes");
    let mut aside = 0;
    let cuts = (0..24).map(|n| bytes.len() * n / 24).chain([1, 15, 16, 99, 100, 101, 4095, 4096, 4097]);
    let cuts: Vec<usize> = cuts.collect();
    for (n, cut) in cuts.iter().enumerate() {
        let path = dir.path().join(format!("{n}/journal.sqlite"));
        std::fs::create_dir(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, &bytes[..*cut]).expect("a file");
        aside += usize::from(goes_on(&path, &format!("cut at {cut} of {}", bytes.len())).await);
    }
    assert!(aside >= cuts.len() - 3, "only an empty file is a new journal: {aside} of {}", cuts.len());
}

#[tokio::test]
async fn a_journal_with_bits_flipped_anywhere_is_used_or_set_aside() {
    let dir = tempfile::tempdir().expect("a folder");
    let whole = dir.path().join("whole.sqlite");
    sample(&whole).await;
    let bytes = std::fs::read(&whole).expect("bytes");
    let mut aside = 0;
    // Every byte of the header, and then some of every page.
    let places: Vec<usize> = (0..100).chain((100..bytes.len()).step_by(bytes.len() / 160)).collect();
    for (n, at) in places.iter().enumerate() {
        let mut damaged = bytes.clone();
        damaged[*at] ^= 1 << (n % 8);
        let path = dir.path().join(format!("{n}/journal.sqlite"));
        std::fs::create_dir(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, &damaged).expect("a file");
        if newer_version(&damaged) {
            assert!(Journal::open(&path).is_err(), "a newer version is left alone");
            continue;
        }
        aside += usize::from(goes_on(&path, &format!("bit {} of byte {at}", n % 8)).await);
    }
    assert!(aside > 20, "{aside} of {} were seen to be damaged", places.len());
}

/// The version that SQLite keeps for us stands at 60 in the header.
fn newer_version(bytes: &[u8]) -> bool {
    u32::from_be_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]) > schema::STEPS.len() as u32
}

#[tokio::test]
async fn a_journal_that_is_damaged_while_in_use_is_replaced_and_the_write_is_done() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("journal.sqlite");
    let (journal, _) = Journal::open(&path).expect("a journal");
    journal.run(Kind::Write, |db| db.pragma_update(None, "cache_size", 1)).await.expect("no cache");
    for n in 0..200 {
        journal.queue(dispatch(&format!("r{n}")), Timestamp(n), false).await.expect("queued");
    }
    // After a quiet moment everything is in the file itself.
    let log = path.with_extension("sqlite-wal");
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while std::fs::metadata(&log).expect("a log").len() > 0 {
        assert!(std::time::Instant::now() < end, "the log is emptied when nothing is written");
        std::thread::yield_now();
    }
    let length = std::fs::metadata(&path).expect("a file").len();
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("the file");
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![0xA5; length as usize - 4096], 4096)
        .expect("damaged");
    let mut told = None;
    for n in 0..200 {
        journal.spend(spent(&format!("r{n}"))).await.expect("written, in the old one or in a new one");
        told = told.or_else(|| journal.take_notice());
    }
    assert!(told.is_some_and(|notice| notice.contains("set aside")), "the damage was met");
}

#[tokio::test]
async fn a_new_journal_takes_what_orgx_is_still_owed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (journal, _) = open(&dir);
    let [failed, completed] = [("a", "task.failed"), ("b", "task.completed")]
        .map(|(run, kind)| frame(run, Class::Terminal, &format!(r#"{{"kind":"{kind}","run_id":"{run}"}}"#)));
    journal.owe(failed.clone()).await.expect("kept");
    journal.owe(completed.clone()).await.expect("kept");
    let progress = ReceiptProgress { state: ReceiptState::Waiting, tries: 2, refusals: 1 };
    let owed = |run: &str| OwedReceipt { run_id: RunId::new(run), body: "{}".into(), progress };
    // One whose terminal is not confirmed, and one whose is.
    for run in ["b", "c"] {
        journal.owe_receipt(owed(run)).await.expect("kept");
    }
    journal.close().await;
    let (journal, memory) = open(&dir);
    assert_eq!(memory.unconfirmed, [failed, completed]);
    assert_eq!(memory.receipts, [owed("b"), owed("c")]);
    let runs = journal.runs(Which::All, 9).await.expect("runs");
    let mut states: Vec<String> =
        runs.into_iter().map(|run| format!("{} {}", run.run_id, run.state.as_str())).collect();
    states.sort();
    assert_eq!(states, ["a failed", "b completed", "c completed"]);
}
