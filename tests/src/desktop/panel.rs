//! A real panel, so that people can look at the icon where it will stand: xfce4's, with nothing but its tray.

use super::desk::Desk;
use super::keyring::wait_for_name;
use super::needs::find;
use super::tray::Tray;
use super::watcher;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// One panel over the whole width, at the bottom.
const CONFIG: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="DARK"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=10;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="SIZE"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
    </property>
  </property>
</channel>
"#;

/// The panel. Dropping it ends it.
#[derive(Debug)]
pub struct Panel {
    programs: Vec<Child>,
}

impl Panel {
    /// Can one be had on this computer?
    pub fn is_here() -> bool {
        find("xfce4-panel").is_some() && settings_daemon().is_some()
    }

    /// Puts one of this height on the desk, light or dark; returns once it takes icons.
    pub async fn start(desk: &Desk, size: u32, dark: bool) -> Self {
        let folder = desk.home().join(".config/xfce4/xfconf/xfce-perchannel-xml");
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = CONFIG.replace("SIZE", &size.to_string()).replace("DARK", &dark.to_string());
        std::fs::write(folder.join("xfce4-panel.xml"), config).expect("a file");
        let daemon = settings_daemon().expect("xfconfd");
        let daemon = spawn(desk, &daemon, &[]);
        wait_for_name(&desk.connection, "org.xfce.Xfconf", true).await;
        let panel = spawn(desk, &find("xfce4-panel").expect("xfce4-panel"), &["--disable-wm-check"]);
        wait_for_name(&desk.connection, watcher::NAME, true).await;
        Self { programs: vec![panel, daemon] }
    }

    /// Waits for the app's icon.
    pub async fn icon(&self, desk: &Desk) -> Tray {
        let items = async || -> Vec<String> {
            let builder = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&desk.connection)
                .destination(watcher::NAME)
                .path(watcher::PATH)
                .interface(watcher::NAME)
                .cache_properties(zbus::proxy::CacheProperties::No);
            let watcher = builder.build().await.expect("the panel");
            watcher.get_property("RegisteredStatusNotifierItems").await.unwrap_or_default()
        };
        process::until("the panel has the icon", async || !items().await.is_empty()).await;
        Tray::of(&desk.connection, items().await.last().expect("there is one")).await
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _gone = program.kill();
            let _status = program.wait();
        }
    }
}

fn spawn(desk: &Desk, program: &Path, args: &[&str]) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(args);
    command.env_clear().envs(desk.environment());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

/// It is no program for people, and not on PATH.
fn settings_daemon() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let places = folders.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/libexec")]);
    places.map(|folder| folder.join("xfce4/xfconf/xfconfd")).find(|file| file.is_file())
}
