//! How sessions that begin and end are told of, and to whom.

use super::{ConfigError, Environment, file, is_loopback};
use crate::limits;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use url::Url;

/// The lifecycle receiver and where its events go.
#[derive(Clone, Debug)]
pub struct LifecycleConfig {
    /// Is there a receiver?
    pub enabled: bool,
    /// The port it wants; 0: any that is free.
    pub port: u16,
    /// The secret of the environment; without one, one of its own is made.
    pub secret: Option<SecretString>,
    /// Are posts taken that nobody signed?
    pub allow_unsigned: bool,
    /// Are titles of sessions kept?
    pub titles: bool,
    /// The folder of the file that events are written to; `None`: no file.
    pub buffer_dir: Option<PathBuf>,
    /// How large that file may become, in bytes.
    pub buffer_max: u64,
    /// Where events are posted to, too.
    pub forward: Option<ForwardConfig>,
}

/// Another receiver.
#[derive(Clone, Debug)]
pub struct ForwardConfig {
    /// Its address.
    pub url: Url,
    /// What posts to it are signed with.
    pub secret: Option<SecretString>,
}

impl Default for LifecycleConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            port: limits::WEBHOOK_PORT,
            secret: None,
            allow_unsigned: false,
            titles: false,
            buffer_dir: None,
            buffer_max: limits::BUFFER_BYTES,
            forward: None,
        }
    }
}

/// Secrets are compared, and not shown.
impl PartialEq for LifecycleConfig {
    fn eq(&self, other: &Self) -> bool {
        let plain = |config: &Self| {
            let Self { enabled, port, allow_unsigned, titles, buffer_dir, buffer_max, .. } = config.clone();
            (enabled, port, allow_unsigned, titles, buffer_dir, buffer_max)
        };
        plain(self) == plain(other)
            && same(self.secret.as_ref(), other.secret.as_ref())
            && self.forward == other.forward
    }
}

impl PartialEq for ForwardConfig {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url && same(self.secret.as_ref(), other.secret.as_ref())
    }
}

fn same(a: Option<&SecretString>, b: Option<&SecretString>) -> bool {
    a.map(ExposeSecret::expose_secret) == b.map(ExposeSecret::expose_secret)
}

/// Variables of the environment; each wins over the file.
pub(super) const PORT: &str = "ORGX_PEER_WEBHOOK_PORT";
const SECRET: &str = "OPENCODE_WEBHOOK_SECRET";
const BUFFER_DIR: &str = "ORGX_PEER_BUFFER_DIR";

pub(super) fn lifecycle(env: &Environment, file: file::Lifecycle) -> Result<LifecycleConfig, ConfigError> {
    let invalid = |name: &str, why: &str| ConfigError::Invalid { name: name.into(), why: why.into() };
    let by_environment = env
        .text(PORT)
        .map(|port| {
            port.parse::<u16>().map_err(|_| invalid(PORT, "it must be a port, or 0 for any free one"))
        })
        .transpose()?;
    let enabled = by_environment.is_some() || file.enabled.unwrap_or(false);
    let buffer_dir = env.path(BUFFER_DIR).map(|dir| (BUFFER_DIR, dir));
    let buffer_dir = buffer_dir.or(file.buffer_dir.map(|dir| ("lifecycle.buffer_dir", dir)));
    if let Some((name, _)) = buffer_dir.as_ref().filter(|(_, dir)| !dir.is_absolute()) {
        return Err(invalid(name, "it must be an absolute path"));
    }
    let buffer_max = file.buffer_max.as_deref().map(size).transpose()?.unwrap_or(limits::BUFFER_BYTES);
    let forward = super::filled(file.forward_url).map(|url| forward_url(&url)).transpose()?;
    let named = super::filled(file.forward_secret_env);
    // A receiver that is off needs no secret.
    let secret = match named.as_deref().filter(|_| enabled && forward.is_some()) {
        None => None,
        Some(name) => Some(env.text(name).ok_or_else(|| ConfigError::Invalid {
            name: "lifecycle.forward_secret_env".into(),
            why: "the environment variable that it names is not set".into(),
        })?),
    };
    Ok(LifecycleConfig {
        enabled,
        port: by_environment.or(file.port).unwrap_or(limits::WEBHOOK_PORT),
        secret: env.text(SECRET).map(Into::into),
        allow_unsigned: file.allow_unsigned.unwrap_or(false),
        titles: file.titles.unwrap_or(false),
        buffer_dir: buffer_dir.map(|(_, dir)| dir),
        buffer_max,
        forward: forward.map(|url| ForwardConfig { url, secret: secret.map(Into::into) }),
    })
}

/// https anywhere, http on this computer only, no credentials.
fn forward_url(text: &str) -> Result<Url, ConfigError> {
    let invalid = |why: &str| ConfigError::Invalid { name: "lifecycle.forward_url".into(), why: why.into() };
    let url: Url = text
        .parse()
        .map_err(|_| invalid("it is not a URL; http://127.0.0.1:4800/webhook/opencode is one"))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err(invalid("http is only for this computer (127.0.0.1, localhost, [::1]); use https"));
        }
        _ => return Err(invalid("it must start with https://, or with http:// for this computer")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it must not contain a user name or a password"));
    }
    Ok(url)
}

/// `50MB`, `1.5GB`, `65536`. PROTOCOL: contract F5, 1,024 each, in any case.
fn size(text: &str) -> Result<u64, ConfigError> {
    let why = "it is a size like \"50MB\" or \"1.5GB\", and at least 64KB";
    let invalid = || ConfigError::Invalid { name: "lifecycle.buffer_max".into(), why: why.into() };
    let text = text.trim().to_ascii_uppercase();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KB" => 1024,
        "MB" => 1024 * 1024,
        "GB" => 1024 * 1024 * 1024,
        _ => return Err(invalid()),
    };
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number: f64 = digits.parse().ok().filter(|_| plain).ok_or_else(invalid)?;
    let bytes = (number * unit as f64) as u64;
    (bytes >= limits::BUFFER_LEAST_BYTES).then_some(bytes).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;

    fn read(env: &Environment, toml: &str) -> Result<LifecycleConfig, ConfigError> {
        let (file, warnings) = File::parse(toml).expect("TOML");
        assert_eq!(warnings, [""; 0], "{toml}");
        lifecycle(env, file.lifecycle)
    }

    fn none() -> Environment {
        Environment::of([])
    }

    #[test]
    fn it_is_off_until_the_file_or_the_environment_says_so() {
        assert_eq!(read(&none(), "").ok(), Some(LifecycleConfig::default()));
        let on = read(&none(), "[lifecycle]\nenabled = true\n").expect("on");
        assert_eq!((on.enabled, on.port), (true, 4800));
        for (port, is) in [("0", 0), ("4999", 4999)] {
            let env = Environment::of([(PORT, port), (SECRET, "s"), (BUFFER_DIR, "/b")]);
            let on = read(&env, "[lifecycle]\nport = 5000\nbuffer_dir = '/a'\n").expect("on");
            assert_eq!((on.enabled, on.port, on.buffer_dir), (true, is, Some("/b".into())));
            assert_eq!(on.secret.as_ref().map(ExposeSecret::expose_secret), Some("s"));
        }
        let blank = Environment::of([(PORT, " "), (SECRET, "")]);
        assert!(read(&blank, "").is_ok_and(|off| !off.enabled && off.secret.is_none()));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (port, toml, words) in [
            (Some("x"), "", "ORGX_PEER_WEBHOOK_PORT cannot be used"),
            (Some("70000"), "", "ORGX_PEER_WEBHOOK_PORT cannot be used"),
            (None, "buffer_dir = 'here'", "lifecycle.buffer_dir cannot be used: it must be an absolute path"),
            (None, "buffer_max = '50XB'", "lifecycle.buffer_max cannot be used"),
            (None, "buffer_max = '1KB'", "at least 64KB"),
            (None, "buffer_max = '-5MB'", "lifecycle.buffer_max cannot be used"),
            (None, "forward_url = 'http://example.com/x'", "http is only for this computer"),
            (None, "forward_url = 'ftp://example.com/x'", "must start with https://"),
            (None, "forward_url = 'https://a:b@example.com/x'", "must not contain a user name"),
            (None, "forward_url = 'here'", "it is not a URL"),
            (
                None,
                "enabled = true\nforward_url = 'https://example.com/x'\nforward_secret_env = 'NOT_SET'",
                "lifecycle.forward_secret_env cannot be used: the environment variable that it names is not set",
            ),
        ] {
            let env = port.map_or_else(none, |port| none().with(PORT, port));
            let error = read(&env, &format!("[lifecycle]\n{toml}\n")).expect_err(toml);
            assert!(error.to_string().contains(words), "{error}");
        }
        let off = "[lifecycle]\nforward_url = 'https://example.com/x'\nforward_secret_env = 'NOT_SET'\n";
        read(&none(), off).expect("off, it needs no secret");
    }

    #[test]
    fn a_size_has_the_units_of_the_format() {
        for (text, bytes) in [
            ("50MB", 50 * 1024 * 1024),
            ("1.5gb", 1_610_612_736),
            ("64 kb", 65_536),
            ("70000", 70_000),
            ("70000B", 70_000),
        ] {
            assert_eq!(size(text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "MB", "1e9", "1.2.3MB", "NaN", "inf"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_changed_secret_is_a_change() {
        let with = |secret: &str| read(&Environment::of([(SECRET, secret)]), "").expect("settings");
        assert!(with("a") == with("a") && with("a") != with("b"));
        assert!(!format!("{:?}", with("hush")).contains("hush"));
    }
}
