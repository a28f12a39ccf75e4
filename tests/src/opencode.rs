//! A real `opencode serve` that the harness starts, and what it says of its sessions.

use crate::programs;
use base64::Engine;
use orgx_sandbox::opencode::OpenCodeHome;
use rustix::process::Signal;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

/// The model of a project that names none: nobody listens there, so a story that forgot its own fails at once.
const NO_MODEL: &str = "http://127.0.0.1:9/v1";

/// Starts what it is told, and once more for each line that it reads. Ends it all when its standard input ends, which is
/// with the test program however that ends, and clears up.
const WATCHDOG: &str = r#"folder=$1; shift
"$@" & echo "pid $!"
while read -r _; do "$@" & echo "pid $!"; done
kill -9 $!; rm -rf "$folder"; kill -9 0"#;

/// In place of `opencode`: becomes the real one, and sees to it that it ends with the harness, however that ends.
/// The peer that starts it is killed, and cannot.
const MORTAL: &str = r#"#!/bin/sh
(while kill -0 HARNESS && kill -0 $$; do sleep 1; done; kill -9 $$) >/dev/null 2>&1 </dev/null &
exec PROGRAM "$@"
"#;

/// How long OpenCode may take for an abort before it is told again.
const ABORT_ANSWERED: Duration = Duration::from_secs(10);

static SHARED: OnceCell<Arc<Server>> = OnceCell::const_new();
/// Beside the shared one, one more fits on a small computer.
static OWN: Semaphore = Semaphore::const_new(1);

/// A running `opencode serve`. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub port: u16,
    /// Its password, if it has one.
    pub password: Option<String>,
    /// Its process.
    pub pid: i32,
    watchdog: Child,
    said: mpsc::UnboundedReceiver<Said>,
    home: OpenCodeHome,
    _folder: TempDir,
}

/// The place for an OpenCode beside the shared one, while it is held.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] SemaphorePermit<'static>);

impl Place {
    /// Waits for it.
    pub async fn take() -> Self {
        Self(OWN.acquire().await.expect("never closed"))
    }
}

/// The server that the stories of this test program share. It has a password.
pub async fn shared() -> Arc<Server> {
    let start = async || Arc::new(Server::start(Some("sesame")).await);
    Arc::clone(SHARED.get_or_init(start).await)
}

impl Server {
    /// Starts one in a home of its own. Beside the shared one, [`Place::take`] comes first.
    pub async fn start(password: Option<&str>) -> Self {
        let folder = TempDir::with_prefix("orgx-opencode-").expect("a folder");
        let home = OpenCodeHome::create(folder.path(), NO_MODEL).expect("a home for OpenCode");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "watchdog"]).arg(folder.path()).arg(linked(folder.path()));
        command.args(["serve", "--hostname", "127.0.0.1", "--port", &port.to_string()]);
        command.env_clear().env("PATH", path_with(None)).envs(home.env()).current_dir(home.home());
        command.envs(password.map(|password| ("OPENCODE_SERVER_PASSWORD", password)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut watchdog = command.spawn().expect("sh");
        let (tell, said) = mpsc::unbounded_channel();
        let output = BufReader::new(watchdog.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| heed(&tell, &line))
        });
        let password = password.map(ToOwned::to_owned);
        let mut server = Self { port, password, pid: 0, watchdog, said, home, _folder: folder };
        server.listens().await;
        server
    }

    /// Kills it, and starts it again where it was.
    pub async fn restart(&mut self) {
        self.kill();
        let gone = async || TcpStream::connect(("127.0.0.1", self.port)).await.is_err();
        crate::process::until("the killed OpenCode still listens", gone).await;
        let again = self.watchdog.stdin.as_mut().map(|stdin| stdin.write_all(b"again\n"));
        again.expect("piped").expect("the watchdog reads");
        self.listens().await;
    }

    async fn listens(&mut self) {
        let end = Instant::now() + crate::WAIT;
        loop {
            match timeout_at(end, self.said.recv()).await {
                Ok(Some(Said::Pid(pid))) => self.pid = pid,
                Ok(Some(Said::Listens)) => return,
                late => panic!("`opencode serve` did not listen in time ({late:?})"),
            }
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its home folder.
    pub fn home(&self) -> &OpenCodeHome {
        &self.home
    }

    /// Ends it without a warning.
    pub fn kill(&self) {
        crate::process::send(self.pid, Signal::KILL);
    }

    /// Is one of its sessions in this folder busy?
    pub async fn is_busy(&self, folder: &Path) -> bool {
        let statuses = self.get(&format!("/session/status?directory={}", folder.display())).await;
        statuses.as_object().is_some_and(|statuses| !statuses.is_empty())
    }

    /// Returns once no session in this folder is busy.
    pub async fn idle(&self, folder: &Path) {
        crate::process::until("OpenCode works on", async || !self.is_busy(folder).await).await;
    }

    /// A GET of its API.
    pub async fn get(&self, path: &str) -> Value {
        call(self.port, self.password.as_deref(), "GET", path, "").await
    }

    /// A POST to its API.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        call(self.port, self.password.as_deref(), "POST", path, &body.to_string()).await
    }

    /// A DELETE of its API.
    pub async fn delete(&self, path: &str) -> Value {
        call(self.port, self.password.as_deref(), "DELETE", path, "").await
    }

    /// A new session of this title in a folder: its id.
    pub async fn session(&self, folder: &Path, title: &str) -> String {
        let path = format!("/session?directory={}", folder.display());
        let made = self.post(&path, &serde_json::json!({ "title": title })).await;
        made["id"].as_str().expect("a session").to_owned()
    }

    /// Prompts a session, and does not wait for what comes of it.
    pub async fn prompt(&self, session: &str, text: &str) {
        let body = serde_json::json!({ "parts": [{ "type": "text", "text": text }] });
        self.post(&format!("/session/{session}/prompt_async"), &body).await;
    }

    /// Where it keeps its sessions.
    pub fn database(&self) -> PathBuf {
        self.home.home().join(".local/share/opencode/opencode.db")
    }

    /// Stops a session, as a person would in OpenCode itself.
    pub async fn abort(&self, session: &str) {
        let path = format!("/session/{session}/abort");
        // 1.18.33 leaves one unanswered now and then; a person would press the key again.
        let answered = async || {
            let call = call(self.port, self.password.as_deref(), "POST", &path, "");
            timeout(ABORT_ANSWERED, call).await.is_ok()
        };
        crate::process::until("OpenCode does not take the abort", answered).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ended = self.watchdog.wait();
    }
}

/// The `opencode` program under its own name, in a folder that can stand in PATH.
pub fn linked(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    let link = bin.join("opencode");
    let program = programs::opencode().expect("ORGX_OPENCODE_BIN is set");
    if !link.exists() {
        std::os::unix::fs::symlink(program, &link).expect("a link");
    }
    link
}

/// An `opencode` that does not outlive the harness, even when the peer that starts it is killed.
pub fn mortal(folder: &Path) -> PathBuf {
    let real = linked(&folder.join("real"));
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    let program = bin.join("opencode");
    let real = real.display().to_string();
    let script = MORTAL.replace("HARNESS", &std::process::id().to_string()).replace("PROGRAM", &real);
    std::fs::write(&program, script).expect("a file");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
    program
}

/// A PATH for programs that need nothing but the system, with `first` before it.
pub fn path_with(first: Option<&Path>) -> String {
    let system = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    first.map_or(system.clone(), |first| format!("{}:{system}", first.display()))
}

/// What a watchdog and its OpenCode say.
#[derive(Debug)]
enum Said {
    Pid(i32),
    Listens,
}

/// `None` once nobody wants to know.
fn heed(tell: &mpsc::UnboundedSender<Said>, line: &str) -> Option<()> {
    let said = match line.strip_prefix("pid ") {
        Some(pid) => Said::Pid(pid.trim().parse().ok()?),
        None if line.contains("listening on ") => Said::Listens,
        None => return Some(()),
    };
    tell.send(said).ok()
}

/// A call that expects JSON, or nothing. HTTP/1.0, so that the answer ends with the connection.
async fn call(port: u16, password: Option<&str>, method: &str, path: &str, body: &str) -> Value {
    let login = password.map_or(String::new(), |password| {
        let login = base64::engine::general_purpose::STANDARD.encode(format!("opencode:{password}"));
        format!("authorization: Basic {login}\r\n")
    });
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nhost: 127.0.0.1\r\n{kind}content-length: {length}\r\n{login}\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map(|_| answer)
    };
    let answer = timeout(crate::WAIT, exchange).await;
    let answer = answer.unwrap_or_else(|_| panic!("OpenCode did not answer {path}"));
    let answer = answer.expect("a connection to OpenCode");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if answer.split_whitespace().nth(1) == Some("204") {
        return Value::Null;
    }
    serde_json::from_str(body).unwrap_or_else(|_| panic!("OpenCode answered {path} with no JSON: {answer}"))
}
