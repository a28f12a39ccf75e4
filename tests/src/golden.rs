//! Golden files: the bytes on the wire and on disk as they were agreed on, less what differs from run to run.

use std::path::Path;

/// Compares with `golden/<name>`. `ORGX_UPDATE_GOLDEN=1` writes the file instead.
pub fn check(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("ORGX_UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&file, text).expect("the golden file can be written");
        return;
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        golden == text,
        "these bytes changed; if they should have, run the test with ORGX_UPDATE_GOLDEN=1\n\
         {}:\n{golden}\nnow:\n{text}",
        file.display()
    );
}

/// Lines in which each of `named` stands for its value, and every time is `<time>`.
pub fn lines<'a>(lines: impl IntoIterator<Item = &'a str>, named: &[(&str, &str)]) -> String {
    let mut all = String::new();
    for line in lines {
        let mut line = line.to_owned();
        for (name, value) in named {
            line = line.replace(value, name);
        }
        all.push_str(&without_times(&line));
        all.push('\n');
    }
    all
}

fn without_times(line: &str) -> String {
    const FORM: &str = "0000-00-00T00:00:00.000Z";
    let is_time = |text: &str| {
        text.len() == FORM.len()
            && text.bytes().zip(FORM.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte == form,
            })
    };
    let mut out = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        if rest.get(..FORM.len()).is_some_and(is_time) {
            out.push_str("<time>");
            rest = &rest[FORM.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_values_and_times_for_nothing() {
        let line = r#"{"at":"2026-11-20T10:00:00.000Z","in":"/tmp/x/é","no":"2026-11-20"}"#;
        let golden = lines([line], &[("<project>", "/tmp/x")]);
        assert_eq!(golden, "{\"at\":\"<time>\",\"in\":\"<project>/é\",\"no\":\"2026-11-20\"}\n");
    }
}
