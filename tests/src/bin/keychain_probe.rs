//! Asks the keychain what its standard input says, a line each, and answers with a line each. The bus and the home are
//! those of its environment, so that each story has its own.

#![allow(clippy::expect_used, clippy::panic, reason = "a story that asks it wrongly fails")]

use orgx_peer::credentials::{Credentials, KeyPlace, KeychainError};
use orgx_peer::{Environment, Paths};
use secrecy::ExposeSecret;
use std::io::{BufRead, Write};
use url::Url;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let paths = Paths::of(&Environment::of_process()).expect("a home");
    let credentials = Credentials::os(&paths);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let mut words = line.split(' ');
        let command = words.next().unwrap_or_default();
        let origin: Url = words.next().expect("an origin").parse().expect("a URL");
        let answer = match command {
            "load" => credentials.load(&origin).await.map(|kept| match kept {
                Some((key, place)) => format!("{place:?} {}", key.expose_secret()),
                None => "none".to_owned(),
            }),
            "store" => {
                let key = words.next().expect("a key").to_owned().into();
                credentials.store(&origin, &key, KeyPlace::Keychain).await.map(|()| "stored".to_owned())
            }
            "forget" => {
                credentials.forget(&origin).await.map(|gone| format!("gone {} {}", gone.keychain, gone.file))
            }
            "found" => Ok(match credentials.found(&origin).await {
                Some(found) => format!("{} {:?}", found.key.expose_secret(), found.workspace_name),
                None => "none".to_owned(),
            }),
            other => panic!("{other}: not a command"),
        };
        let answer = answer.unwrap_or_else(|error: KeychainError| format!("error {}", error.code()));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).expect("a reader");
    }
}
