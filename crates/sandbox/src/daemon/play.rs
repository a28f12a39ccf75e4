//! A script played into an event stream.

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    script::Line,
    state::{Session, State},
};
use crate::http::{Feed, Gone};

/// Plays the session's script; ends early when the client leaves.
pub(super) async fn play(state: Arc<State>, session: Session, feed: Feed) {
    for line in &session.script {
        let told = tokio::select! {
            told = act(&state, &session, &feed, line) => told,
            () = feed.gone() => Err(Gone),
        };
        if told.is_err() {
            return;
        }
    }
}

/// Does one line; an error also stands for the end of the script.
async fn act(state: &State, session: &Session, feed: &Feed, line: &Line) -> Result<(), Gone> {
    match line {
        Line::Json(value) => return feed.send(format!("{value}\n")).await,
        Line::Raw(bytes) => return feed.send(bytes.clone()).await,
        Line::WriteFile { path, content } => {
            if let Some(cwd) = &session.cwd
                && let Err(error) = write(cwd, path, content).await
            {
                tracing::warn!(%error, path, "the script's file was not written");
            }
        }
        Line::Pause { millis } => tokio::time::sleep(Duration::from_millis(*millis)).await,
        Line::AwaitCancel => state.cancelled_after(session.seq).await,
        Line::Gate(name) => state.gates.pass(name).await,
        Line::Hang => std::future::pending().await,
        Line::End => return Err(Gone),
        Line::Reset => feed.reset().await,
    }
    Ok(())
}

async fn write(cwd: &Path, path: &str, content: &str) -> io::Result<()> {
    let path = PathBuf::from(path);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leads out of cwd"));
    }
    let path = cwd.join(path);
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    tokio::fs::write(path, content).await
}
