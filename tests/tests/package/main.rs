//! The packages that `cargo xtask package` makes: what is in them, and whether they install, start and go again.
//!
//! `ORGX_DEB` and `ORGX_RPM` name them; without them these stories say that they are skipped.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

mod place;

use orgx_tests::desktop::{self, Desk};
use orgx_tests::programs::say_skipped;
use orgx_tests::{WAIT, process};
use place::Place;
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// What a person finds after installing either package.
const FILES: [&str; 7] = [
    "/usr/bin/orgx-peer",
    "/usr/bin/orgx-tray",
    "/usr/share/applications/orgx-peer.desktop",
    "/usr/share/icons/hicolor/32x32/apps/orgx-tray.png",
    "/usr/share/icons/hicolor/128x128/apps/orgx-tray.png",
    "/usr/share/icons/hicolor/256x256/apps/orgx-tray.png",
    "/usr/share/icons/hicolor/scalable/apps/orgx-tray.svg",
];

#[test]
fn the_deb_holds_both_programs_their_icons_and_the_licence() {
    let Some(deb) = package("ORGX_DEB") else { return };
    let tree = extracted(&deb);
    for file in FILES.into_iter().chain(["/usr/share/doc/orgx-peer/copyright"]) {
        assert!(below(tree.path(), file).is_file(), "{file} is not in the package");
    }
    for program in ["/usr/bin/orgx-peer", "/usr/bin/orgx-tray"] {
        let mode = below(tree.path(), program).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755, "{program}");
    }
    assert_eq!(
        first_line(Command::new(below(tree.path(), "/usr/bin/orgx-peer")).arg("--version")),
        version()
    );
    let field = |name: &str| first_line(Command::new("dpkg-deb").arg("-f").arg(&deb).arg(name));
    assert_eq!(field("Package"), "orgx-peer");
    assert_eq!(field("Version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(field("Section"), "devel");
    assert_eq!(field("Homepage"), "https://useorgx.com");
    let text = std::fs::read_to_string(below(tree.path(), "/usr/share/doc/orgx-peer/copyright")).unwrap();
    assert!(text.starts_with("MIT License"));
}

#[test]
fn the_deb_names_packages_that_exist_and_sums_that_are_right() {
    let Some(deb) = package("ORGX_DEB") else { return };
    let tree = extracted(&deb);
    run(Command::new("dpkg-deb").arg("-e").arg(&deb).arg(tree.path().join("control")));
    let sums =
        run(Command::new("md5sum").args(["--check", "--strict", "control/md5sums"]).current_dir(&tree));
    let checked = String::from_utf8_lossy(&sums.stdout).lines().filter(|line| line.ends_with(": OK")).count();
    assert!(checked >= FILES.len(), "only {checked} files have a sum");

    let depends = first_line(Command::new("dpkg-deb").arg("-f").arg(&deb).arg("Depends"));
    assert!(depends.contains("libwebkit2gtk-4.1-0"), "{depends}");
    assert!(!depends.contains("appindicator"), "the tray needs none: {depends}");
    for name in depends.split([',', '|']).filter_map(|one| one.split_whitespace().next()) {
        let known = Command::new("dpkg-query").args(["--show", name]).output().unwrap();
        assert!(
            known.status.success(),
            "{name} is not what Debian calls it, or the tests' own needs lack it"
        );
    }
}

#[test]
fn every_library_that_the_programs_link_comes_with_what_the_deb_names() {
    let Some(deb) = package("ORGX_DEB") else { return };
    let tree = extracted(&deb);
    let depends = first_line(Command::new("dpkg-deb").arg("-f").arg(&deb).arg("Depends"));
    let mut closure = Command::new("apt-cache");
    closure.args([
        "depends",
        "--recurse",
        "--installed",
        "--no-recommends",
        "--no-suggests",
        "--no-enhances",
    ]);
    closure.args(depends.split(',').filter_map(|one| one.split_whitespace().next()));
    let closure = String::from_utf8(run(&mut closure).stdout).unwrap();
    let closure: Vec<&str> = closure.lines().filter(|line| !line.starts_with(' ')).collect();

    for program in ["/usr/bin/orgx-peer", "/usr/bin/orgx-tray"] {
        let Ok(dump) = Command::new("objdump").arg("-p").arg(below(tree.path(), program)).output() else {
            say_skipped("objdump is not installed (Debian: binutils)");
            return;
        };
        let dump = String::from_utf8_lossy(&dump.stdout).into_owned();
        let linked = dump.lines().filter_map(|line| line.trim().strip_prefix("NEEDED")).map(str::trim);
        let linked: Vec<&str> = linked.collect();
        assert!(!linked.is_empty(), "{program}");
        for library in linked {
            let owner = first_line(Command::new("dpkg-query").arg("--search").arg(format!("*/{library}")));
            let owner = owner.split(':').next().unwrap_or_default();
            assert!(
                closure.contains(&owner),
                "{program} links {library}, of {owner}, which nothing asks for"
            );
        }
    }
}

#[test]
fn the_menu_entry_is_valid_and_opens_the_window() {
    let Some(deb) = package("ORGX_DEB") else { return };
    let tree = extracted(&deb);
    let entry = below(tree.path(), "/usr/share/applications/orgx-peer.desktop");
    let text = std::fs::read_to_string(&entry).unwrap();
    for line in [
        "Name=OrgX Peer",
        "Exec=orgx-tray --open",
        "Icon=orgx-tray",
        "Categories=Development;",
        "Terminal=false",
    ] {
        assert!(text.lines().any(|has| has == line), "no `{line}` in:\n{text}");
    }
    match Command::new("desktop-file-validate").arg(&entry).output() {
        Ok(said) => assert!(said.status.success() && said.stdout.is_empty(), "{said:?}"),
        Err(_) => say_skipped("desktop-file-validate is not installed (Debian: desktop-file-utils)"),
    }
}

#[test]
fn the_rpm_holds_the_same_files() {
    let Some(rpm) = package("ORGX_RPM") else { return };
    let Ok(listed) = Command::new("rpm").arg("-qpl").arg(&rpm).stderr(Stdio::null()).output() else {
        say_skipped("rpm is not installed");
        return;
    };
    let listed = String::from_utf8(listed.stdout).unwrap();
    for file in FILES.into_iter().chain(["/usr/share/licenses/orgx-peer/LICENSE"]) {
        assert!(listed.lines().any(|line| line == file), "{file} is not in the package:\n{listed}");
    }
    let asked = ["-qp", "--queryformat", "%{NAME} %{VERSION} %{LICENSE}"];
    let told = first_line(Command::new("rpm").args(asked).arg(&rpm).stderr(Stdio::null()));
    assert_eq!(told, concat!("orgx-peer ", env!("CARGO_PKG_VERSION"), " MIT"));
}

#[test]
fn the_deb_is_installed_started_from_the_path_ended_and_removed_clean() {
    let Some(deb) = package("ORGX_DEB") else { return };
    desktop::story(&[], async {
        let place = Place::of(&deb);
        let desk = Desk::set().await;
        let panel = desk.panel().await;
        let path = place.path();
        let environment = desk
            .signed_in()
            .into_iter()
            .filter(|(name, _)| name != "PATH")
            .chain([("PATH".to_owned(), path)]);
        let environment: Vec<_> = environment.collect();
        // By name, and by nothing else than the PATH of that environment.
        let command = |program: &str| {
            let mut command = Command::new("env");
            command.arg(program).env_clear().envs(environment.iter().cloned()).current_dir(desk.root());
            command.stdin(Stdio::null());
            command
        };
        assert_eq!(first_line(command("orgx-peer").arg("--version")), version());

        let mut app = command("orgx-tray");
        // Where the desk looks when it has something to complain about.
        app.stderr(std::fs::File::create(desk.root().join("app.log")).unwrap());
        let mut app = tokio::process::Command::from(app);
        let mut app = app.kill_on_drop(true).spawn().unwrap();
        let _icon = panel.icon().await;
        desk.connected(1).await;
        process::send(app.id().and_then(|pid| pid.try_into().ok()).unwrap(), Signal::TERM);
        let ended = tokio::time::timeout(WAIT, app.wait()).await.expect("it ends when asked to").unwrap();
        assert_eq!(ended.code(), Some(0), "{ended}");
        assert_eq!(desk.processes(), Vec::<i32>::new(), "nothing of it is left");
        place.leave();
    });
}

fn package(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if named.is_none() {
        say_skipped(&format!("{variable} names no package; `cargo xtask test` makes one"));
    }
    named
}

fn extracted(deb: &Path) -> TempDir {
    let folder = TempDir::with_prefix("orgx-package-").unwrap();
    run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(folder.path()));
    folder
}

fn below(tree: &Path, path: &str) -> PathBuf {
    tree.join(path.trim_start_matches('/'))
}

fn version() -> String {
    concat!("orgx-peer ", env!("CARGO_PKG_VERSION")).to_owned()
}

fn first_line(command: &mut Command) -> String {
    String::from_utf8(run(command).stdout).unwrap().lines().next().unwrap_or_default().to_owned()
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    output
}
