//! `orgx-peer diagnostics`: a zip for a bug report.

use crate::args::DiagnosticsOptions;
use crate::find::Refusal;
use crate::show::when::Now;
use crate::show::{say, say_words};
use orgx_peer::{Environment, diagnostics};
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) async fn diagnostics(options: &DiagnosticsOptions) -> ExitCode {
    let path = options.output.clone().unwrap_or_else(|| PathBuf::from(file_name(&Now::here())));
    let entries = diagnostics::collect(&Environment::of_process()).await;
    if let Err(error) = diagnostics::write(&path, &entries) {
        return Refusal::new("output", format!("{} cannot be written ({error})", path.display())).end(false);
    }
    let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    // The path stands alone, so that it can be copied.
    say(&format!("Wrote {}", path.display()));
    say_words(&format!(
        "In it: {}. It holds no key, no prompt and no title; README.txt in it says more.",
        names.join(", ")
    ));
    ExitCode::SUCCESS
}

fn file_name(now: &Now) -> String {
    format!("orgx-peer-diagnostics-{}.zip", now.compact())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_named_by_the_time() {
        assert_eq!(file_name(&crate::fixtures::now()), "orgx-peer-diagnostics-20261120-100000.zip");
    }
}
