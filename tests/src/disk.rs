//! A small disk of its own for a folder: it can be filled, freed, and made read-only. Only root can make one.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Mounts, and unmounts when its standard input ends, which is with the test program however that ends.
const KEEPER: &str =
    r#"mount -t tmpfs -o "$1" orgx-test "$2" && echo mounted && { read -r _; umount -l "$2"; }"#;
const BALLAST: &str = "ballast";

/// A tmpfs. Dropping it unmounts it.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    keeper: Child,
}

impl Disk {
    /// Mounts one over this folder; `None` when that is not allowed here.
    pub fn over(folder: &Path, kilobytes: usize) -> Option<Self> {
        Self::mount(folder, &format!("size={kilobytes}k,mode=0700"))
    }

    /// Mounts one that is read-only from the start.
    pub fn read_only(folder: &Path) -> Option<Self> {
        Self::mount(folder, "ro,size=64k,mode=0700")
    }

    fn mount(folder: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("a folder");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper", options]).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = command.spawn().expect("sh");
        let mut said = String::new();
        let output = keeper.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut said).expect("its output");
        if said.trim() != "mounted" {
            let _status = keeper.wait();
            return None;
        }
        Some(Self { folder: folder.to_owned(), keeper })
    }

    /// Takes all the space there is.
    pub fn fill(&self) {
        let mut ballast = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(BALLAST))
            .expect("a file on the disk");
        for size in [64 * 1024, 4096, 1] {
            while ballast.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Gives it back.
    pub fn free(&self) {
        std::fs::remove_file(self.folder.join(BALLAST)).expect("it was filled");
    }

    /// Makes it read-only; nobody may be writing on it.
    pub fn lock(&self) {
        let mut command = Command::new("mount");
        let status = command.args(["-o", "remount,ro"]).arg(&self.folder).status().expect("mount");
        assert!(status.success(), "the disk could not be made read-only");
    }

    /// Makes it writable again.
    pub fn unlock(&self) {
        let mut command = Command::new("mount");
        let status = command.args(["-o", "remount,rw"]).arg(&self.folder).status().expect("mount");
        assert!(status.success(), "the disk could not be made writable");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _unmounted = self.keeper.wait();
    }
}
