//! OpenCode's sessions, looked up beside the loop: databases, servers and processes take their time.

use super::actor::Actor;
use super::command::{CommandError, Reply};
use crate::sessions::{Look, OpenSession, Sessions, find_one, look};
use orgx_proto::ids::DriverId;
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;

type Answer = oneshot::Sender<Result<Reply, CommandError>>;

impl Actor {
    pub(super) fn tell_sessions(&self, all: bool, directory: Option<PathBuf>, answer: Answer) {
        let at = self.where_to_look();
        tokio::spawn(async move {
            let found: Sessions = look(at, all, directory).await;
            // Whoever asked may be gone.
            let _gone = answer.send(Ok(Reply::Sessions(Box::new(found))));
        });
    }

    pub(super) async fn tell_how_to_open(&mut self, run_id: &str, attach: bool, answer: Answer) {
        let run = match self.named(run_id, false).await {
            Ok(run) => run,
            Err(error) => {
                let _gone = answer.send(Err(error));
                return;
            }
        };
        let at = self.where_to_look();
        let live = !run.state.is_over();
        let claude = self.config.claude.program.clone();
        tokio::spawn(async move {
            let driver = run.driver.filter(|driver| driver != DriverId::opencode().as_str());
            let open = match (driver, run.session) {
                (Some(driver), Some(session)) if driver == DriverId::claude_code().as_str() && !live => {
                    open_claude(claude, &session, run.folder.as_deref())
                }
                (Some(driver), _) if driver == DriverId::claude_code().as_str() && live => {
                    Err("Claude Code works on it, and cannot be joined; try again once it has ended".into())
                }
                (Some(driver), _) => {
                    Err(format!("it ran in {driver}, whose sessions this version cannot open"))
                }
                (None, None) if live => Err("it has no session yet; try again once it has begun".into()),
                (None, None) => Err("it has no session: it ended before its agent began".into()),
                (None, Some(_)) if live && !attach => {
                    Err("it has not ended; `orgx-peer runs attach` joins it".into())
                }
                (None, Some(session)) => find_one(at, &session, run.folder.as_deref(), attach, live).await,
            };
            let open = open.map(Reply::Open);
            let open = open.map_err(|why| CommandError::Invalid {
                why: format!("run {} cannot be opened: {why}", run.run_id),
            });
            let _gone = answer.send(open);
        });
    }

    fn where_to_look(&self) -> Look {
        Look {
            env: self.config.source.clone(),
            opencode: self.config.opencode.clone(),
            paths: self.config.paths.clone(),
            own: self.driver.own(),
            turn: self.looking.clone(),
        }
    }
}

/// PROTOCOL: `claude --help`: `-r, --resume`, in the folder that the session was made in.
fn open_claude(program: Option<PathBuf>, session: &str, folder: Option<&str>) -> Result<OpenSession, String> {
    let program = program.ok_or("there is no `claude` program on this computer any more")?;
    // An id, and no argument that means something else.
    if uuid::Uuid::parse_str(session).is_err() {
        return Err("its session is not one that `claude` can open".into());
    }
    let folder = folder.map(Path::new).filter(|folder| folder.is_absolute());
    Ok(OpenSession {
        program,
        arguments: vec!["--resume".into(), session.into()],
        folder: folder.ok_or("the folder of its session is not known")?.to_owned(),
        environment: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_claude_code_is_opened_by_its_id_in_its_folder() {
        let (id, program) = ("0b5e1d0e-9f0c-4c57-8a52-5f3c0ab1e001", || Some(PathBuf::from("/bin/claude")));
        let open = open_claude(program(), id, Some("/w/a b")).expect("it can be opened");
        #[cfg(unix)]
        assert_eq!(open.command_line(), format!("cd '/w/a b' && /bin/claude --resume {id}"));
        assert_eq!(open.arguments, ["--resume", id]);
        for (program, id, folder) in [
            (None, id, Some("/w")),
            (program(), "--help", Some("/w")),
            (program(), id, None),
            (program(), id, Some("w")),
        ] {
            assert!(open_claude(program, id, folder).is_err(), "{id} {folder:?}");
        }
    }
}
