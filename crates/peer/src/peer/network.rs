//! The actor's side of the socket: what it hears, what it sends, and when it opens another.

use super::actor::Actor;
use super::event::PeerEvent;
use super::words;
use crate::gateway::{Api, Socket, SocketEvent};
use crate::http;
use crate::limits;
use orgx_proto::connection::{Action, Event, State, Version};
use orgx_proto::delivery::{Class, Out, Outgoing};
use orgx_proto::message::{Inbound, parse};
use orgx_proto::redact::Redacted;
use std::sync::Arc;

/// What OrgX is told of a dispatch that names another workspace than ours.
const ANOTHER_WORKSPACE: &str = "the task is for another workspace than the one that this computer is connected to; \
                                 nothing was started";

impl Actor {
    /// Tells the connection what happened and does what it says.
    pub(super) fn connect(&mut self, event: Event) {
        let before = self.connection.state();
        let action = self.connection.handle(self.clock.now().mono, event, rand::random());
        match action {
            Some(Action::Connect) => {
                if self.socket.is_some() {
                    self.lose_socket();
                }
                self.tag += 1;
                let version = self.versions.offer(self.clock.now().mono);
                version.subprotocol().clone_into(&mut self.door.protocol);
                self.socket = Some(Socket::open(self.door.clone(), self.tag, self.socket_events.0.clone()));
            }
            Some(Action::Ping) => self.delivery.ping(),
            Some(Action::Drop) => self.lose_socket(),
            // The socket is closed by `wind_down`, which can wait for it.
            Some(Action::Close) | None => {}
        }
        let after = self.connection.state();
        if before != after {
            self.changed = true;
            self.link.moved(&before, &after, self.clock.now());
            let open = after == State::Open;
            if open || matches!(after, State::Waiting { .. }) {
                let words = self.connection_words();
                tracing::info!(open, "{words}");
                self.tell(PeerEvent::Connection { open, words });
            }
        }
    }

    /// After a sleep of the computer no connection can be trusted: neither the socket nor those kept for calls.
    pub(super) fn look_for_a_sleep(&mut self) {
        let Some(slept) = self.sleep.look(self.clock.ticks()) else { return };
        tracing::info!(seconds = slept.as_secs(), "this computer slept; connecting anew");
        if let Ok(client) = http::client(&self.config.base_url, None) {
            self.door.client = client.clone();
            self.api = Arc::new(Api { client, ..Api::clone(&self.api) });
        }
        self.versions.woke();
        self.connect(Event::Woke);
    }

    pub(super) fn connection_words(&self) -> String {
        let host = self.config.base_url.host_str().unwrap_or_default();
        words::connection(&self.connection.state(), host, self.clock.now().mono)
    }

    /// Somebody does not want to wait: connects, or sees whether the connection still answers, and posts what waits.
    pub(super) fn try_now(&mut self) {
        tracing::info!("trying now");
        if self.connection.is_open() {
            self.delivery.ping();
        } else {
            self.connect(Event::Hurry);
        }
        let now = self.clock.now().mono;
        self.receipts.hurry(now);
        self.remote.opened(self.clock.now());
        self.post_receipts(now);
        self.touch();
    }

    fn heard(&mut self) {
        self.link.heard(self.clock.now());
        self.connect(Event::Heard);
    }

    fn lose_socket(&mut self) {
        self.socket = None;
        self.tag += 1;
        let unconfirmed = self.delivery.closed();
        self.receipts.socket_lost(&unconfirmed);
        self.post_receipts(self.clock.now().mono);
    }

    pub(super) async fn on_socket(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Opened => {
                self.connect(Event::Opened);
                if self.versions.offered() == Version::V1 {
                    self.delivery.drop_continuations();
                }
                self.delivery.opened();
                self.remote.opened(self.clock.now());
                // How far it is, from the beginning.
                self.delivery.ping();
                self.due.presence = Some(self.clock.now().mono);
                // At boot the rules are being fetched already.
                if std::mem::replace(&mut self.opened_before, true) {
                    self.fetch_rules();
                }
            }
            SocketEvent::Refused { status, retry_after } => {
                self.connect(Event::Refused { status, retry_after });
                self.lose_socket();
                // PROTOCOL: RFC 9110; what a server says that does not know the subprotocol.
                if matches!(status, 400 | 426) {
                    self.fall_back();
                }
            }
            SocketEvent::WebPage => {
                self.connect(Event::WebPage);
                self.lose_socket();
            }
            SocketEvent::NotOurProtocol(why) => {
                self.connect(Event::Failed(why));
                self.lose_socket();
                self.fall_back();
            }
            SocketEvent::Failed(why) => {
                self.connect(Event::Failed(why));
                self.lose_socket();
            }
            SocketEvent::Closed { code, reason } => {
                self.connect(Event::Closed { code, reason });
                self.lose_socket();
                // PROTOCOL: contract A2, `protocol-version-unsupported`.
                if code == 4000 {
                    self.fall_back();
                }
            }
            SocketEvent::Text(text) => {
                self.heard();
                self.on_frame(&text).await;
            }
            SocketEvent::Pong(counter) => {
                self.heard();
                if let Some(counter) = counter {
                    self.link.pong(counter, self.clock.now().mono);
                }
                let confirmed = counter.map_or_else(Vec::new, |counter| self.delivery.pong(counter));
                let of_class = |class| move |frame: &Outgoing| frame.class == class;
                let (terminals, others): (Vec<_>, Vec<_>) =
                    confirmed.into_iter().partition(of_class(Class::Terminal));
                let deviations: Vec<_> = others.into_iter().filter(of_class(Class::Deviation)).collect();
                if !deviations.is_empty() {
                    let kept = self.journal.forget(deviations).await;
                    self.journaled(kept, "Confirmed deviations may be sent again after a restart").await;
                }
                for frame in terminals {
                    self.terminal_confirmed(frame).await;
                }
                self.changed = true;
            }
            // Nothing to publish: a pong comes every 20 s, and does.
            SocketEvent::Heard => self.heard(),
        }
    }

    async fn on_frame(&mut self, text: &str) {
        let now = self.clock.now();
        let effects = match parse(text) {
            Inbound::Dispatch(dispatch) if dispatch.is_for_another_workspace(&self.config.workspace_id) => {
                tracing::warn!(run_id = %dispatch.run_id, "a dispatch is for another workspace");
                self.dispatcher.unusable(dispatch.run_id, &Redacted::new(ANOTHER_WORKSPACE), now)
            }
            Inbound::Dispatch(dispatch) => {
                let arrived = PeerEvent::Arrived {
                    run_id: dispatch.run_id.to_string(),
                    title: Redacted::cut(&dispatch.task.title, limits::TITLE_CHARS).into_string(),
                };
                tracing::info!(run_id = %dispatch.run_id, "a task arrived");
                self.tell(arrived);
                self.dispatcher.dispatch(*dispatch, now)
            }
            Inbound::Unusable { run_id, reason } => {
                tracing::warn!(%run_id, %reason, "a dispatch cannot be run");
                self.dispatcher.unusable(run_id, &reason, now)
            }
            Inbound::Cancel(cancel) => {
                tracing::info!(run_id = %cancel.run_id, "OrgX cancels");
                self.dispatcher.cancel(&cancel.run_id, now)
            }
            Inbound::Resolve(resolve) => {
                self.on_resolve(*resolve).await;
                return;
            }
            Inbound::RulesReload => {
                self.fetch_rules();
                Vec::new()
            }
            Inbound::Ignored(why) => {
                tracing::debug!(%why, "ignored");
                Vec::new()
            }
        };
        self.carry_out(effects).await;
    }

    pub(super) fn send_what_can_be_sent(&mut self) {
        let Some(socket) = self.socket.as_ref().filter(|_| self.connection.is_open()) else { return };
        let now = self.clock.now().mono;
        while socket.has_room() {
            let Some(out) = self.delivery.next(now) else { return };
            if let Out::Ping(counter) = out {
                self.link.pinged(counter, now);
            }
            socket.send(out);
            self.changed = true;
        }
    }
}
