//! The environment may hold a key. It is read once, and what is secret in it is then taken out, so that no browser, file
//! manager or web process that is started from here inherits it.

use orgx_peer::Environment;

/// Variables that nobody else needs.
const SECRET: [&str; 3] = ["ORGX_API_KEY", "ORGX_GATEWAY_KEY", "OPENCODE_SERVER_PASSWORD"];

/// The environment as it was. To be called once, before any thread is started.
#[expect(unsafe_code, reason = "the only way to change the environment; no other thread runs yet")]
pub(crate) fn take_environment() -> Environment {
    let env = Environment::of_process();
    for name in SECRET {
        // SAFETY: called first in the program, when there is one thread.
        unsafe { std::env::remove_var(name) };
    }
    env
}
