//! The state file in which a daemon says its port. PROTOCOL: contract C1.

use crate::limits;
use serde_json::Value;
use std::io::Read;
use std::path::Path;

/// The port, `None` when there is no file, or what is wrong with it.
pub(super) fn port(path: &Path) -> Result<Option<u16>, &'static str> {
    // Looked at before it is opened: to open a pipe would wait for a writer.
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Err("is not a file"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err("cannot be read"),
    }
    let file = std::fs::File::open(path).map_err(|_| "cannot be read")?;
    let mut text = Vec::new();
    file.take(limits::STATE_FILE_BYTES + 1).read_to_end(&mut text).map_err(|_| "cannot be read")?;
    if text.len() as u64 > limits::STATE_FILE_BYTES {
        return Err("is larger than 64 KiB");
    }
    read(&text).map(Some)
}

/// The port in a state file of that text.
pub(crate) fn read(text: &[u8]) -> Result<u16, &'static str> {
    let state: Value = serde_json::from_slice(text).map_err(|_| "is not JSON; perhaps it is half written")?;
    let port = state.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    port.filter(|port| *port > 0).ok_or("names no port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_a_state_file_can_be_in() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state.json");
        assert_eq!(port(&path), Ok(None));
        assert_eq!(port(dir.path()), Err("is not a file"));
        let huge = format!(r#"{{"port":4096,"pad":"{}"}}"#, "x".repeat(70_000));
        for (text, expected) in [
            (r#"{"port":4096,"version":"1","session_count":0}"#, Ok(Some(4096))),
            (r#"{"port":65535,"new":[1]}"#, Ok(Some(65535))),
            ("", Err("is not JSON; perhaps it is half written")),
            (r#"{"port":40"#, Err("is not JSON; perhaps it is half written")),
            ("null", Err("names no port")),
            ("[]", Err("names no port")),
            (r#"{"port":"4096"}"#, Err("names no port")),
            (r#"{"port":0}"#, Err("names no port")),
            (r#"{"port":70000}"#, Err("names no port")),
            (r#"{"port":-1}"#, Err("names no port")),
            (huge.as_str(), Err("is larger than 64 KiB")),
        ] {
            std::fs::write(&path, text).expect("a file");
            assert_eq!(port(&path), expected, "{}", &text[..text.len().min(40)]);
        }
    }
}
