//! Does the computer run on a battery that is low?

use crate::limits;
use std::path::Path;

/// Linux: what the kernel says below `supplies`. PROTOCOL: the kernel's `sysfs-class-power`.
#[cfg(any(test, target_os = "linux"))]
pub(super) fn is_low(supplies: &Path) -> bool {
    let entries = std::fs::read_dir(supplies).into_iter().flatten().flatten();
    let batteries = entries.filter_map(|entry| Battery::read(&entry.path()));
    // All that there are: one that is full keeps a computer running whose other one is empty.
    let mut fullest = None;
    for battery in batteries {
        if !battery.discharging {
            return false;
        }
        fullest = fullest.max(Some(battery.percent));
    }
    fullest.is_some_and(|percent| percent < limits::BATTERY_LOW_PERCENT)
}

#[cfg(any(test, target_os = "linux"))]
struct Battery {
    discharging: bool,
    percent: u8,
}

#[cfg(any(test, target_os = "linux"))]
impl Battery {
    /// `None`: a charger, a mouse or a headset, or one that says nothing.
    fn read(supply: &Path) -> Option<Self> {
        let text = |name: &str| {
            let text = std::fs::read_to_string(supply.join(name)).ok()?;
            Some(text.trim().to_owned())
        };
        if text("type")? != "Battery" || text("scope").is_some_and(|scope| scope == "Device") {
            return None;
        }
        let percent = text("capacity")?.parse().ok()?;
        Some(Self { discharging: text("status")? == "Discharging", percent })
    }
}

/// macOS and Windows.
#[cfg(not(any(test, target_os = "linux")))]
pub(super) fn is_low(_: &Path) -> bool {
    use starship_battery::units::ratio::percent;
    use starship_battery::{Manager, State};
    let Ok(batteries) = Manager::new().and_then(|manager| manager.batteries()) else { return false };
    let mut fullest: Option<f32> = None;
    for battery in batteries.flatten() {
        if battery.state() != State::Discharging {
            return false;
        }
        let left = battery.state_of_charge().get::<percent>();
        fullest = Some(fullest.unwrap_or_default().max(left));
    }
    fullest.is_some_and(|left| left < f32::from(limits::BATTERY_LOW_PERCENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A supply with these files.
    fn supply(all: &Path, name: &str, files: &[(&str, &str)]) {
        let supply = all.join(name);
        std::fs::create_dir_all(&supply).expect("a folder");
        for (file, text) in files {
            std::fs::write(supply.join(file), format!("{text}\n")).expect("a file");
        }
    }

    fn battery(all: &Path, name: &str, status: &str, capacity: &str) {
        supply(all, name, &[("type", "Battery"), ("status", status), ("capacity", capacity)]);
    }

    #[test]
    fn a_battery_is_low_when_it_alone_is_left_and_nearly_empty() {
        let low = |build: &dyn Fn(&Path)| {
            let folder = tempfile::tempdir().expect("a folder");
            build(folder.path());
            is_low(folder.path())
        };
        assert!(low(&|all| battery(all, "BAT0", "Discharging", "9")));
        assert!(!low(&|all| battery(all, "BAT0", "Discharging", "10")));
        assert!(!low(&|all| battery(all, "BAT0", "Charging", "9")), "it gets more");
        assert!(!low(&|all| battery(all, "BAT0", "Not charging", "3")), "it is plugged in");
        assert!(!low(&|_| {}), "a computer without one");
        assert!(!low(&|all| battery(all, "BAT0", "Discharging", "many")));
        assert!(!is_low(Path::new("/nonexistent")));
        assert!(low(&|all| {
            battery(all, "BAT0", "Discharging", "2");
            battery(all, "BAT1", "Discharging", "9");
            supply(all, "AC", &[("type", "Mains"), ("online", "0")]);
        }));
        assert!(!low(&|all| {
            battery(all, "BAT0", "Discharging", "2");
            battery(all, "BAT1", "Discharging", "80");
        }));
        assert!(!low(&|all| {
            let mouse =
                [("type", "Battery"), ("scope", "Device"), ("status", "Discharging"), ("capacity", "5")];
            supply(all, "hidpp_battery_0", &mouse);
        }));
    }
}
