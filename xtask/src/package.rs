//! `cargo xtask package`: both programs in one package for each kind that this system's people install.
//!
//! The programs are built by cargo, in one go; Tauri's command line then only packs them. The second program is not in
//! `tauri.conf.json` but added here: there, each plain `cargo build` would want it built already.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};

use crate::{apt, command, needs::Work, tools};

/// How the programs are built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As they ship.
    #[default]
    Release,
    /// As the tests use them; without the line tables, which are nine tenths of them.
    Debug,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    profile: Profile,
    /// Kinds, as Tauri calls them.
    kinds: Vec<String>,
    /// Pack what is there; do not build.
    built: bool,
    /// A further configuration for Tauri, say with a certificate's name.
    config: Option<String>,
}

/// What can be packed, and what is when nobody says.
#[cfg(target_os = "linux")]
const KINDS: (&[&str], &[&str]) = (&["deb", "rpm", "appimage"], &["deb", "rpm"]);
#[cfg(target_os = "macos")]
const KINDS: (&[&str], &[&str]) = (&["app", "dmg"], &["dmg"]);
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const KINDS: (&[&str], &[&str]) = (&["msi"], &["msi"]);

/// Builds, packs, and says where the packages are.
pub(crate) fn package(args: &[String]) -> Result<ExitCode> {
    let options = parse(args)?;
    apt::install_or_warn(Work::Packages)?;
    if !options.built {
        command::run(command::cargo().args(build(options.profile)))?;
    }
    for file in pack(options.profile, &options.kinds, options.config.as_deref())? {
        let size = fs::metadata(&file).map_or(0, |known| known.len());
        println!("{:>6.1} MB  {}", size as f64 / 1e6, file.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(args: &[String]) -> Result<Options> {
    let (known, usual) = KINDS;
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--debug" => options.profile = Profile::Debug,
            "--built" => options.built = true,
            "--config" => {
                let Some(config) = args.next() else { bail!("after --config comes a JSON text or a file.") };
                options.config = Some(config.clone());
            }
            kind if known.contains(&kind) => options.kinds.push(kind.to_owned()),
            other => bail!(
                "`cargo xtask package` does not know `{other}`. It takes --debug, --built, --config JSON, and the kinds: {}.",
                known.join(", ")
            ),
        }
    }
    if options.kinds.is_empty() {
        options.kinds = usual.iter().map(|kind| (*kind).to_owned()).collect();
    }
    Ok(options)
}

/// One call, so that what both programs share is built once. The feature is Tauri's own mark of an app that ships: the
/// window's files come from inside the program.
fn build(profile: Profile) -> Vec<&'static str> {
    let mut args =
        vec!["build", "--locked", "--package", "orgx-tray", "--package", "orgx-peer-cli", "--bins"];
    args.extend(["--features", "tauri/custom-protocol"]);
    if profile == Profile::Release {
        args.push("--release");
    }
    args
}

/// Packs programs that are built already. The packages of the kinds asked for, and only those, are in the answer.
pub(crate) fn pack(profile: Profile, kinds: &[String], config: Option<&str>) -> Result<Vec<PathBuf>> {
    let tauri = tools::tauri()?;
    let name = match profile {
        Profile::Release => "release",
        Profile::Debug => "debug",
    };
    // A target folder of its own: what is packed may be changed on the way, and the tests run the original.
    let target = command::target_dir().join("package");
    let stage = target.join(name);
    let _ = fs::remove_dir_all(stage.join("bundle"));
    fs::create_dir_all(&stage).with_context(|| format!("{} could not be made", stage.display()))?;
    let built = command::target_dir().join(name);
    let exe = env::consts::EXE_SUFFIX;
    put(&built.join(format!("orgx-tray{exe}")), &stage.join(format!("orgx-tray{exe}")), profile)?;
    // Tauri finds a second program by the system's name at its end, and packs it without.
    let second = stage.join("orgx-peer");
    let named = stage.join(format!("orgx-peer-{}{exe}", host()?));
    put(&built.join(format!("orgx-peer{exe}")), &named, profile)?;

    let mut call = tauri.command();
    call.env("CARGO_TARGET_DIR", &target).args([
        "bundle",
        "--no-binary-patching",
        "--bundles",
        &kinds.join(","),
    ]);
    call.arg("--config").arg(additions(&second));
    if let Some(config) = config {
        call.args(["--config", config]);
    }
    if profile == Profile::Debug {
        call.arg("--debug");
    }
    command::run(&mut call)?;
    let files = kinds.iter().map(|kind| made(&stage.join("bundle"), kind));
    files.collect::<Result<Vec<_>>>().map(|files| files.concat())
}

/// What the configuration does not say, as JSON: the second program, and on Linux the package's name, which is made from
/// the product's and may hold no space.
fn additions(second: &Path) -> String {
    let second = second.display().to_string().replace('\\', "/").replace('"', "\\\"");
    let name = if cfg!(target_os = "linux") { r#""productName":"orgx-peer","# } else { "" };
    format!(r#"{{{name}"bundle":{{"externalBin":["{second}"]}}}}"#)
}

/// The system that cargo builds for.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").current_dir(command::root()).output();
    let output = output.context("`rustc -vV` could not be started")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not say which system it builds for")
}

fn put(from: &Path, to: &Path, profile: Profile) -> Result<()> {
    let strip = if profile == Profile::Debug { command::find("strip") } else { None };
    if let Some(strip) = strip {
        return command::run(Command::new(strip).arg("--strip-debug").arg("-o").arg(to).arg(from));
    }
    fs::copy(from, to).with_context(|| format!("{} could not be copied", from.display()))?;
    Ok(())
}

fn made(bundle: &Path, kind: &str) -> Result<Vec<PathBuf>> {
    let ending = if kind == "appimage" { "AppImage" } else { kind };
    let entries = fs::read_dir(bundle.join(kind)).into_iter().flatten().flatten();
    let files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|end| end == ending))
        .collect();
    if files.is_empty() {
        bail!("Tauri said it was done, but there is no .{ending} in {}", bundle.join(kind).display());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_this_systems_own() {
        let parsed = |args: &[&str]| parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
        let (known, usual) = KINDS;
        assert_eq!(parsed(&[]).unwrap().kinds, usual);
        let last = known.last().copied().unwrap();
        let options = parsed(&["--debug", last, "--config", "{}"]).unwrap();
        assert_eq!(options.profile, Profile::Debug);
        assert_eq!((options.kinds, options.config), (vec![last.to_owned()], Some("{}".to_owned())));
        let error = parsed(&["snap"]).unwrap_err().to_string();
        assert!(error.contains("`snap`") && error.contains(last), "{error}");
        assert!(parsed(&["--config"]).is_err());
    }

    #[test]
    fn the_second_program_is_named_in_json() {
        let json = additions(Path::new("/a \"b\"/orgx-peer"));
        assert!(json.ends_with(r#""bundle":{"externalBin":["/a \"b\"/orgx-peer"]}}"#), "{json}");
    }
}
