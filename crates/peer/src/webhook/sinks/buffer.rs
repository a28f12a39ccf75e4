//! The buffer file: one event a line, for a program that reads it and empties it.
//!
//! Promises:
//! - each event is written once, in order, whatever ends us in between: what the file's last line says is compared with
//!   what the store knows at the start, and a line that was begun is taken back;
//! - the file is this user's alone, and stays within its bound: past it the oldest lines go;
//! - the store knows an event as written only once it is on disk.
//!
//! PROTOCOL: contract F5, OrgLoop's name and lines. Where a reader empties the file between our death and our next
//! start, the last lines before it may come twice; their `dedupe_key` and `id` tell.

use super::next;
use crate::limits;
use crate::outbox::file::{is_still_there, open};
use crate::webhook::store::{Numbered, Store, StoreError};
use crate::webhook::view::{BufferView, LifecycleView};
use orgx_proto::lifecycle::SOURCE;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// A buffer file.
#[derive(Debug)]
pub(in crate::webhook) struct Buffer {
    path: PathBuf,
    most: u64,
    file: Option<File>,
}

/// What is read of a line.
#[derive(Deserialize)]
struct Line {
    id: String,
}

impl Buffer {
    pub(in crate::webhook) fn new(dir: &Path, most: u64) -> Self {
        Self { path: dir.join(format!("opencode-{SOURCE}.jsonl")), most, file: None }
    }

    /// Its name in the store: a file in another place is another sink.
    pub(in crate::webhook) fn name(&self) -> String {
        format!("buffer:{}", self.path.display())
    }

    pub(in crate::webhook) fn view(&self) -> BufferView {
        BufferView { path: self.path.display().to_string(), ..BufferView::default() }
    }

    /// Writes what comes, for ever.
    pub(in crate::webhook) async fn run(
        mut self,
        store: Store,
        mut newest: watch::Receiver<i64>,
        view: watch::Sender<LifecycleView>,
        warn: mpsc::Sender<String>,
    ) {
        let name = self.name();
        let show = |change: &mut dyn FnMut(&mut BufferView)| {
            view.send_modify(|view| change(view.buffer.get_or_insert_default()));
        };
        let mut trouble: Option<String> = None;
        let mut number = loop {
            match self.begin(&store, &name).await {
                Ok(number) => break number,
                Err(words) => {
                    tell(&warn, &mut trouble, &words);
                    show(&mut |buffer| buffer.trouble.clone_from(&trouble));
                    sleep(limits::BUFFER_RETRY).await;
                }
            }
        };
        while let Some((missing, events)) = next(&store, &mut newest, number).await {
            if missing > 0 {
                let words = format!(
                    "The buffer file misses {missing} session events: it could not be written for too long."
                );
                let _full = warn.try_send(words);
            }
            let (count, last) = (events.len() as u64, events.last().map_or(number, |event| event.number));
            let mut buffer = self;
            // A disk may take its time.
            let written = tokio::task::spawn_blocking(move || {
                let result = buffer.write(&events);
                (buffer, result)
            });
            let Ok((buffer, result)) = written.await else { return };
            self = buffer;
            let result = match result {
                Ok(()) => store.delivered(name.clone(), last).await.map_err(|error| error.to_string()),
                Err(error) => Err(words(&error)),
            };
            match result {
                Ok(()) => {
                    number = last;
                    trouble = None;
                    show(&mut |buffer| {
                        buffer.written += count;
                        buffer.trouble = None;
                    });
                }
                Err(words) => {
                    tell(&warn, &mut trouble, &words);
                    show(&mut |buffer| buffer.trouble.clone_from(&trouble));
                    sleep(limits::BUFFER_RETRY).await;
                    // What was written and could not be remembered is found in the file.
                    if let Ok(found) = self.begin(&store, &name).await {
                        number = found;
                    }
                }
            }
        }
    }

    /// The last event that the file has: what the store says, or more, by the file itself.
    async fn begin(&mut self, store: &Store, name: &str) -> Result<i64, String> {
        let said = |error: StoreError| error.to_string();
        let known = store.cursor(name.to_owned()).await.map_err(said)?;
        let path = self.path.clone();
        let last = tokio::task::spawn_blocking(move || mend(&path)).await;
        let last = last.map_err(|error| error.to_string())?.map_err(|error| words(&error))?;
        let Some(id) = last else { return Ok(known) };
        match store.number_of(id).await.map_err(said)? {
            Some(number) if number > known => {
                store.delivered(name.to_owned(), number).await.map_err(said)?;
                Ok(number)
            }
            _ => Ok(known),
        }
    }

    fn write(&mut self, events: &[Numbered]) -> io::Result<()> {
        if self.file.as_ref().is_none_or(|file| !is_still_there(file, &self.path)) {
            self.file = Some(open(&self.path)?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let lines: String = events.iter().map(|event| event.event.to_line()).collect();
        let before = file.metadata()?.len();
        let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // All of them or none: the next try begins anew.
            let _left = file.set_len(before);
            self.file = None;
            return Err(error);
        }
        if file.metadata()?.len() > self.most {
            self.file = None;
            keep_newest(&self.path, self.most)?;
        }
        Ok(())
    }
}

/// Takes back a line that was begun, and says which event the last whole one is.
fn mend(path: &Path) -> io::Result<Option<String>> {
    let mut file = open(path)?;
    let length = file.metadata()?.len();
    let mut end = Vec::new();
    // Lines are much shorter than this.
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    Read::by_ref(&mut file).take(TAIL).read_to_end(&mut end)?;
    let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < end.len() {
        file.set_len(length - (end.len() - whole) as u64)?;
    }
    let last = end[..whole].split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    Ok(last.and_then(|line| serde_json::from_slice::<Line>(line).ok()).map(|line| line.id))
}

/// What is looked at of the end of a file, in bytes: more than the longest line.
const TAIL: u64 = 256 * 1024;

/// Replaces the file by its newest lines, three quarters of what may be in it: so not every line that comes costs this.
fn keep_newest(path: &Path, most: u64) -> io::Result<()> {
    let bytes = std::fs::read(path)?;
    let room = usize::try_from(most / 4 * 3).unwrap_or(usize::MAX);
    let from = bytes.len().saturating_sub(room);
    // A line that would be cut goes, too.
    let from = match from {
        0 => 0,
        from => bytes[from - 1..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| from + at),
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let new = PathBuf::from(name);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = open(&new)?;
    file.write_all(&bytes[from..])?;
    file.sync_data()?;
    std::fs::rename(&new, path)
}

/// Once, not with every try.
fn tell(warn: &mpsc::Sender<String>, trouble: &mut Option<String>, words: &str) {
    if trouble.as_deref() != Some(words) {
        let _full = warn.try_send(format!("The buffer file of session events is not written: {words}."));
        *trouble = Some(words.to_owned());
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full".into(),
        ErrorKind::ReadOnlyFilesystem => "its disk is read-only".into(),
        ErrorKind::PermissionDenied => "its file or folder does not belong to this user".into(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "its folder is not a folder".into(),
        ErrorKind::IsADirectory => "there is a folder in its file's place".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_proto::ids::SessionHandle;
    use orgx_proto::lifecycle::{Event, Happened, Harness, Ids, Subject};
    use orgx_proto::time::Timestamp;

    fn event(number: i64) -> Numbered {
        let subject = Subject { harness: Harness::OpenCode, session: SessionHandle::new("s") };
        let ids = Ids { event: format!("evt_{number:016}"), trace: "trc_0".into() };
        let happened = Happened::new(subject, Timestamp(0), None);
        Numbered { number, event: Event::new(&happened, ids, Timestamp(0)) }
    }

    fn ids(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).expect("a file");
        let line = |line: &str| serde_json::from_str::<Line>(line).expect("a whole line").id;
        text.lines().map(line).collect()
    }

    #[test]
    fn lines_are_appended_also_after_a_reader_emptied_or_replaced_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut buffer = Buffer::new(&dir.path().join("a/b"), 1_000_000);
        assert!(buffer.path.ends_with("a/b/opencode-opencode.jsonl"));
        buffer.write(&[event(1), event(2)]).expect("written");
        assert_eq!(ids(&buffer.path).len(), 2);
        File::options().write(true).truncate(true).open(&buffer.path).expect("emptied");
        buffer.write(&[event(3)]).expect("written");
        assert_eq!(ids(&buffer.path), ["evt_0000000000000003"]);
        std::fs::rename(&buffer.path, dir.path().join("taken")).expect("moved");
        buffer.write(&[event(4)]).expect("written");
        assert_eq!(ids(&buffer.path), ["evt_0000000000000004"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!((mode(&buffer.path), mode(&dir.path().join("a/b"))), (0o600, 0o700));
        }
    }

    #[test]
    fn a_line_that_was_begun_is_taken_back_and_the_last_whole_one_is_known() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x.jsonl");
        assert_eq!(mend(&path).expect("made"), None);
        let (first, second) = (event(1).event.to_line(), event(2).event.to_line());
        std::fs::write(&path, format!("{first}{}", &second[..50])).expect("torn");
        assert_eq!(mend(&path).expect("mended").as_deref(), Some("evt_0000000000000001"));
        assert_eq!(ids(&path).len(), 1);
        std::fs::write(&path, &second[..50]).expect("torn");
        assert_eq!(mend(&path).expect("mended"), None);
        assert_eq!(std::fs::metadata(&path).expect("there").len(), 0);
        std::fs::write(&path, "not ours\n").expect("strange");
        assert_eq!(mend(&path).expect("left alone"), None);
    }

    #[test]
    fn past_its_bound_the_file_keeps_the_newest_whole_lines() {
        let dir = tempfile::tempdir().expect("a folder");
        let length = event(1).event.to_line().len() as u64;
        let mut buffer = Buffer::new(dir.path(), 10 * length);
        for number in 1..=25 {
            buffer.write(&[event(number)]).expect("written");
            let size = std::fs::metadata(&buffer.path).expect("there").len();
            assert!(size <= 10 * length, "{size}");
            let ids = ids(&buffer.path);
            assert_eq!(ids.last(), Some(&format!("evt_{number:016}")));
            assert!(number < 7 || ids.len() >= 7, "three quarters are kept: {}", ids.len());
        }
        assert!(!dir.path().join("opencode-opencode.jsonl.tmp").exists());
    }
}
