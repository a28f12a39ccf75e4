//! Start at login, by the plugin. It writes the program's path into the `Exec` line of a desktop entry as it is, which
//! a path with spaces or signs of its own would break: such a line is written anew, quoted.

use crate::desktop::OsError;
use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt;

/// What a start at login is told.
pub(crate) const ARGUMENT: &str = "--autostarted";

pub(super) fn is_on(app: &AppHandle) -> Option<bool> {
    app.autolaunch().is_enabled().ok()
}

pub(super) fn set(app: &AppHandle, on: bool) -> Result<(), OsError> {
    let manager = app.autolaunch();
    if !on {
        return manager.disable().map_err(OsError::of);
    }
    manager.enable().map_err(OsError::of)?;
    #[cfg(target_os = "linux")]
    linux::quote_exec(app)?;
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{ARGUMENT, OsError};
    use tauri::AppHandle;

    pub(super) fn quote_exec(app: &AppHandle) -> Result<(), OsError> {
        let Some(home) = dirs::home_dir() else { return Ok(()) };
        let name = app.package_info().name.clone();
        let file = home.join(".config/autostart").join(format!("{name}.desktop"));
        let text = std::fs::read_to_string(&file).map_err(OsError::of)?;
        match quoted(&text) {
            Some(quoted) => std::fs::write(&file, quoted).map_err(OsError::of),
            None => Ok(()),
        }
    }

    /// The entry with its `Exec` line quoted; `None` when that is not needed. PROTOCOL: Desktop Entry Specification,
    /// "The Exec key": quotes around, a backslash before `"`, `` ` ``, `$` and `\`, `%` doubled; the whole is a string
    /// value, in which a backslash is written twice.
    fn quoted(entry: &str) -> Option<String> {
        let line = entry.lines().find(|line| line.starts_with("Exec="))?;
        let program = line.strip_prefix("Exec=")?.strip_suffix(ARGUMENT)?.trim_end();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@".contains(c);
        if program.chars().all(plain) {
            return None;
        }
        let mut quoted = String::new();
        for sign in program.chars() {
            match sign {
                '\\' => quoted.push_str(r"\\\\"),
                '"' | '`' | '$' => {
                    quoted.push_str(r"\\");
                    quoted.push(sign);
                }
                '%' => quoted.push_str("%%"),
                sign => quoted.push(sign),
            }
        }
        Some(entry.replace(line, &format!("Exec=\"{quoted}\" {ARGUMENT}")))
    }

    #[cfg(test)]
    mod tests {
        use super::quoted;

        #[test]
        fn a_path_with_signs_of_its_own_is_quoted_and_a_plain_one_stays() {
            let entry =
                |exec: &str| format!("[Desktop Entry]\nType=Application\nExec={exec}\nTerminal=false");
            assert_eq!(quoted(&entry("/usr/bin/orgx-tray --autostarted")), None);
            for (exec, line) in [
                ("/opt/Orgx Peer/orgx-tray --autostarted", r#""/opt/Orgx Peer/orgx-tray" --autostarted"#),
                ("/o/100%/x --autostarted", r#""/o/100%%/x" --autostarted"#),
                (r#"/o/a"b$c/x --autostarted"#, r#""/o/a\\"b\\$c/x" --autostarted"#),
                (r"/o/a\b/x --autostarted", r#""/o/a\\\\b/x" --autostarted"#),
            ] {
                assert_eq!(quoted(&entry(exec)), Some(entry(line)));
            }
        }
    }
}
