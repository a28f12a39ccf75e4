//! Pictures of the app in a real panel: `orgx-panel FOLDER`. It checks nothing: they are there to be looked at.
#![allow(clippy::print_stderr, reason = "a program that people read in a terminal")]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use orgx_tests::desktop::{Panel, pictures};
    use orgx_tests::programs;
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: orgx-panel FOLDER");
        return ExitCode::from(2);
    };
    if !Panel::is_here() || programs::tray().is_none() {
        eprintln!(
            "error: it needs Xvfb, xfce4-panel, xfconfd, ImageMagick's import, WebKitWebDriver, and orgx-tray"
        );
        return ExitCode::FAILURE;
    }
    programs::run(pictures::take(folder.as_ref()));
    ExitCode::SUCCESS
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("error: this runs on Linux only");
    ExitCode::FAILURE
}
