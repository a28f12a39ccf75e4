//! What the window shows, made of [`Facts`] by plain functions.

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod bindings;
pub mod header;
pub mod model;
pub mod needs;
pub mod notices;
pub mod runs;
pub mod sessions;
#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up fails")]
mod tests;

use crate::facts::{Account, Facts, Quitting, Test};
use crate::text;
use model::{HealthFacts, OutboxFacts, Screen, Settings, Sheet, SignIn, TestTask, WindowState};
use orgx_peer::{License, PeerSnapshot};

/// Everything that the window shows.
pub fn window(facts: &Facts) -> WindowState {
    let up = facts.hosting.is_up();
    WindowState {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        home: facts.home.clone(),
        screen: screen(facts),
        page: facts.page.clone(),
        goto: facts.goto,
        header: header::header(facts),
        sandbox: facts.sandbox,
        attached: facts.hosting == crate::facts::Hosting::Elsewhere,
        notice: notices::notice(facts),
        also: notices::also(facts),
        needs: if up { needs::needs(facts) } else { Vec::new() },
        sign_in: SignIn {
            host: facts.host.clone(),
            signed_in: matches!(facts.account, Account::In { .. }),
            ..facts.sign_in.clone()
        },
        setup: facts.setup.clone(),
        test: facts.test.as_ref().map(test_task),
        health: health(facts),
        runs: runs::runs(facts),
        run: runs::page(facts),
        receipts: runs::receipts(facts),
        sessions: sessions::sessions(facts),
        outbox: outbox(&facts.peer),
        settings: settings(facts),
        sheet: (facts.quitting == Quitting::Asked)
            .then(|| Sheet::Quit { runs: u32::try_from(header::active(facts)).unwrap_or(u32::MAX) }),
    }
}

/// Which part of the app.
pub fn screen(facts: &Facts) -> Screen {
    match facts.account {
        _ if facts.signing_in => Screen::SignIn,
        _ if facts.setting_up => Screen::Setup,
        Account::Unknown => Screen::Loading,
        Account::Out if !facts.sign_in.signed_out => Screen::SignIn,
        _ => Screen::Main,
    }
}

fn test_task(test: &Test) -> TestTask {
    TestTask {
        agent: text::line(&test.agent),
        run: test.run.as_ref().map(|run| runs::of_detail(run, &[])),
        error: test.error.as_deref().map(text::line),
        over: test.over,
    }
}

fn health(facts: &Facts) -> HealthFacts {
    let PeerSnapshot { link, agent, today, receipts, .. } = &facts.peer;
    let peer = &facts.peer;
    HealthFacts {
        host: if link.host.is_empty() { facts.host.clone() } else { text::line(&link.host) },
        connected: facts.hosting.is_up() && peer.connected,
        connection: text::line(&peer.connection),
        round_trip_ms: link.round_trip_ms,
        heard_at: link.heard_at,
        tries: link.tries,
        license: license(&peer.license).to_owned(),
        opencode_ok: agent.installed,
        opencode_version: agent.version.as_deref().map(|version| text::cut(version, 40)),
        opencode_words: opencode_words(&agent.words),
        claude: peer.claude.as_ref().map(|claude| match claude.version.as_deref() {
            _ if !claude.enabled => "off".to_owned(),
            // Before the first look nothing is known of it.
            _ if !claude.authenticated && !claude.words.is_empty() => "signed_out".to_owned(),
            Some(version) => text::cut(version, 40),
            None => "found".to_owned(),
        }),
        rules: u32::try_from(peer.rules).unwrap_or(u32::MAX),
        skipped_rules: peer.ignored_rules.iter().map(|rule| text::line(rule)).collect(),
        done: today.done,
        failed: today.failed,
        tokens: today.tokens,
        cost_cents: today.cost_cents,
        receipts_delivered: receipts.delivered,
        receipts_waiting: receipts.waiting,
        unconfirmed: u32::try_from(peer.unconfirmed).unwrap_or(u32::MAX),
        warnings: peer.warnings.iter().map(|warning| text::line(warning)).collect(),
    }
}

/// Its dialect and address, shorter than the sentence: `server · 127.0.0.1:4096`; or why there is none.
fn opencode_words(words: &str) -> String {
    let words = text::line(words);
    if words.contains("will be started when a task arrives") {
        return "starts when needed".to_owned();
    }
    let parts = words.strip_prefix("OpenCode ").and_then(|rest| rest.split_once(" at http://"));
    let Some((what, address)) = parts else { return words };
    let dialect = if what.starts_with("daemon") { "daemon" } else { "server" };
    let end = address.find(['/', ' ']).unwrap_or(address.len());
    format!("{dialect} · {}", address.get(..end).unwrap_or(address))
}

fn license(license: &License) -> &'static str {
    match license {
        License::Unknown => "unknown",
        License::Active => "active",
        License::Degraded => "degraded",
        License::Revoked => "revoked",
    }
}

fn outbox(peer: &PeerSnapshot) -> OutboxFacts {
    let Some(outbox) = &peer.outbox else { return OutboxFacts::default() };
    OutboxFacts {
        on: true,
        path: text::line(&outbox.path),
        bytes: outbox.bytes,
        today: outbox.today,
        last_at: outbox.last_at,
        last_kind: outbox.last_kind.as_deref().map(|kind| text::cut(kind, 80)),
        trouble: outbox.trouble.as_deref().map(text::line),
    }
}

/// Which setting this variable of the environment fixes. The outbox's says only where it is; its switch works on.
fn fixed(variable: &str) -> Option<&'static str> {
    match variable {
        "ORGX_WORKSPACE_ID" => Some("workspace"),
        "ORGX_BASE_URL" => Some("base_url"),
        // An OpenCode that is named is used, and none is started.
        "OPENCODE_SERVER_URL" => Some("start_opencode"),
        _ => None,
    }
}

fn budget(budget: orgx_peer::BudgetConfig) -> model::Budget {
    let orgx_peer::BudgetConfig { tokens, cents, minutes } = budget;
    model::Budget { tokens, cents, minutes }
}

/// What of another process's peer has an effect there is shown; what is only ours is, too.
fn settings(facts: &Facts) -> Settings {
    let up = facts.hosting.is_up();
    let view = &facts.peer.settings;
    let (key_last4, key_place) = match &facts.account {
        Account::In { last4, place } => (last4.clone(), place.map(str::to_owned)),
        _ => (None, None),
    };
    let changeable = up && !facts.sandbox;
    Settings {
        autostart: facts.preferences.autostart.filter(|_| !facts.sandbox),
        notifications: Some(facts.preferences.notifications),
        muted_rules: facts.preferences.muted_rules.iter().map(|rule| text::line(rule)).collect(),
        start_opencode: changeable.then_some(view.start_opencode),
        outbox: changeable.then_some(view.outbox),
        presence: changeable.then_some(view.presence),
        concurrent: changeable.then(|| u32::try_from(view.concurrent).unwrap_or(u32::MAX)),
        remote_attention: changeable.then_some(view.remote_attention),
        ask_before_commands: changeable.then_some(view.ask_before_commands),
        ask_when_dirty: changeable.then_some(view.ask_when_dirty),
        keep_awake: changeable.then_some(view.keep_awake),
        run_budget: changeable.then(|| budget(view.run_budget)),
        day_budget: changeable.then(|| budget(view.day_budget)),
        folders: view.allowed_folders.iter().map(|folder| text::line(folder)).collect(),
        workspace: header::workspace(facts),
        key_last4,
        key_place,
        logs: facts.preferences.logs.clone(),
        fixed: view.fixed_by_environment.iter().filter_map(|name| fixed(name)).map(str::to_owned).collect(),
        error: facts.preferences.error.as_deref().map(text::line),
    }
}
