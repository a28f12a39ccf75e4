//! How the daemon's endpoints answer.

/// The answer to `GET /status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusAnswer {
    /// 200 with a version and a session count, and `authed` when it is given.
    Ok {
        /// What `authed` says.
        authed: Option<bool>,
    },
    /// That status.
    Code(u16),
    /// 200 and a web page, as from a real OpenCode.
    Html,
    /// Never answered.
    Hang,
    /// 200, `application/json`, and no JSON.
    Garbage,
}

/// The answer to `POST /sessions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionsAnswer {
    /// 200 and a new session.
    Ok,
    /// That status.
    Code(u16),
    /// 200 and a web page.
    Html,
    /// Never answered.
    Hang,
    /// 200 and JSON without `session_id`.
    MissingId,
}

/// The answer to `GET /sessions/{id}/events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsAnswer {
    /// 200 and the session's script.
    Ok,
    /// That status.
    Code(u16),
    /// 200 and a web page.
    Html,
}
