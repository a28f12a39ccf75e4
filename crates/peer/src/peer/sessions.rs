//! OpenCode's sessions, looked up beside the loop: databases, servers and processes take their time.

use super::actor::Actor;
use super::command::{CommandError, Reply};
use crate::sessions::{Look, Sessions, find_one, look};
use orgx_proto::ids::DriverId;
use std::path::PathBuf;
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
        tokio::spawn(async move {
            let driver = run.driver.filter(|driver| driver != DriverId::opencode().as_str());
            let open = match (driver, run.session) {
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
