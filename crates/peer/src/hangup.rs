//! A closed terminal, which some programs are to outlive.

/// Was it ignored when the program began, as `nohup` does? Whoever did so wants the program to outlive the terminal, and
/// listening would end that. We never ignore it ourselves, so the answer stays the same.
#[cfg(target_os = "linux")]
pub fn is_hangup_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Elsewhere the OS tells only whoever calls it without Rust's guarantees.
#[cfg(not(target_os = "linux"))]
pub fn is_hangup_ignored() -> bool {
    false
}

/// `SigIgn` is a mask of signals; SIGHUP, number 1, is its lowest bit.
#[cfg(target_os = "linux")]
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_the_os_tells_whether_a_hangup_is_ignored() {
        for (status, ignored) in [
            ("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n", true),
            ("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n", false),
            ("SigIgn:\tnonsense\n", false),
            ("", false),
        ] {
            assert_eq!(ignores_hangup(status), ignored, "{status}");
        }
    }
}
