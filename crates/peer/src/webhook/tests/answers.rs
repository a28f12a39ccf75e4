//! Contract F1 to F6, as a table over a real socket.

use super::*;
use orgx_proto::lifecycle::check;

#[tokio::test]
async fn each_post_gets_the_answer_of_the_contract_or_a_stricter_one() {
    let rig = Rig::start(config()).await;
    let ok = r#"{"session_id":"ses_x"}"#;
    let upper = sign(SECRET.as_bytes(), ok.as_bytes()).to_uppercase().replace("SHA256", "sha256");
    let bare = sign(SECRET.as_bytes(), ok.as_bytes()).replace("sha256=", "");
    let right = sign(SECRET.as_bytes(), ok.as_bytes());
    let missing = json!({"error": "Missing signature"});
    let invalid = json!({"error": "Invalid signature"});
    let no_json = json!({"error": "Invalid JSON payload"});
    for (body, headers, status, answer) in [
        (ok, &[("x-hub-signature-256", "")][..], 401, missing.clone()),
        (ok, &[("x-hub-signature-256", "sha256=00")], 401, invalid.clone()),
        (ok, &[("x-hub-signature-256", &upper)], 401, invalid.clone()),
        (ok, &[("x-hub-signature-256", &bare)], 401, invalid.clone()),
        // The second header counts only without the first.
        (ok, &[("x-hub-signature-256", "sha256=00"), ("x-signature", &right)], 401, invalid.clone()),
        (ok, &[("x-hub-signature-256", ""), ("x-signature", "sha256=00")], 401, invalid),
        (ok, &[("host", "evil.example")], 403, json!({"error": "Host not allowed"})),
        (ok, &[("origin", "https://evil.example")], 403, json!({"error": "Origin not allowed"})),
        (
            ok,
            &[("content-type", "text/plain")],
            415,
            json!({"error": "Content-Type must be application/json"}),
        ),
        ("{", &[], 400, no_json.clone()),
        ("null", &[], 400, no_json.clone()),
        ("[]", &[], 400, no_json.clone()),
        ("\"x\"", &[], 400, no_json.clone()),
        ("", &[], 400, no_json),
        ("{}", &[], 400, json!({"error": "session_id is required", "field": "session_id"})),
        (
            r#"{"session_id":{}}"#,
            &[],
            400,
            json!({"error": "session_id must be a string", "field": "session_id"}),
        ),
        (
            r#"{"session_id":"s","exit_status":"1"}"#,
            &[],
            400,
            json!({"error": "exit_status must be a whole number", "field": "exit_status"}),
        ),
    ] {
        assert_eq!(rig.send(body, headers).await, (status, answer), "{body} {headers:?}");
    }
    assert_eq!(rig.told().await, [""; 0], "nothing of it was taken");
    let (status, first) = rig.send(ok, &[("x-hub-signature-256", ""), ("x-signature", &right)]).await;
    assert_eq!((status, &first["ok"]), (200, &json!(true)));
    let id = first["event_id"].as_str().expect("an id");
    assert!(id.len() == 20 && id.starts_with("evt_"), "{id}");
    let again = rig.send(ok, &[]).await;
    assert_eq!(again, (200, json!({"ok": true, "event_id": id, "duplicate": true})));
    assert_eq!(rig.told().await, ["ses_x:completed"]);
    rig.stop().await;
}

#[tokio::test]
async fn other_methods_and_paths_are_told_so() {
    let rig = Rig::start(config()).await;
    let host = format!("Host: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", rig.port);
    for (line, status, error) in [
        ("GET /webhook/opencode", 405, "Method not allowed"),
        ("PUT /webhook/opencode", 405, "Method not allowed"),
        ("OPTIONS /webhook/opencode", 405, "Method not allowed"),
        ("POST /webhook/other", 404, "Unknown source: other"),
        ("POST /", 404, "Not found"),
    ] {
        let told = rig.raw(format!("{line} HTTP/1.1\r\n{host}").as_bytes()).await;
        assert_eq!(told, (status, json!({"error": error})), "{line}");
    }
    let body = json!({"session_id": "s"}).to_string();
    let signature = sign(SECRET.as_bytes(), body.as_bytes());
    let slash = format!(
        "POST //webhook/opencode/ HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\nX-Signature: {signature}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        rig.port,
        body.len()
    );
    assert_eq!(rig.raw(slash.as_bytes()).await.0, 200, "empty parts of a path do not count");
    rig.stop().await;
}

#[tokio::test]
async fn the_digest_is_over_the_bytes_as_they_came() {
    let rig = Rig::start(config()).await;
    // Not UTF-8: signed right, it is refused for what it is. The digest: printf '{"session_id":"\xff\xfe"}' |
    // openssl dgst -sha256 -hmac hush
    let body = b"{\"session_id\":\"\xff\xfe\"}";
    let head = format!(
        "POST /webhook/opencode HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
         X-Hub-Signature-256: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        rig.port,
        sign(SECRET.as_bytes(), body),
        body.len()
    );
    let told = rig.raw(&[head.as_bytes(), body].concat()).await;
    assert_eq!(told, (400, json!({"error": "Invalid JSON payload"})));
    rig.stop().await;
}

#[tokio::test]
async fn an_end_is_named_by_its_status_and_every_event_is_sound() {
    let rig = Rig::start(config()).await;
    for (status, phase, reason) in [
        (json!(null), "completed", "exit_code_0"),
        (json!(0), "completed", "exit_code_0"),
        (json!(1), "failed", "exit_code_1"),
        (json!(42), "failed", "exit_code_42"),
        (json!(128), "failed", "exit_code_128"),
        (json!(-1), "failed", "exit_code_-1"),
        (json!(129), "stopped", "signal_1"),
        (json!(130), "stopped", "sigint"),
        (json!(137), "stopped", "sigkill"),
        (json!(143), "stopped", "sigterm"),
        (json!(256), "stopped", "signal_128"),
    ] {
        let session = format!("s{status}");
        let body = json!({"session_id": session, "exit_status": status, "cwd": "/w", "duration_seconds": 12,
            "summary": "did it", "model": "m", "timestamp": "2026-11-20T10:00:00Z"});
        assert_eq!(rig.post(&body).await.0, 200);
        let event = rig.events().await.pop().expect("an event");
        assert_eq!(check(&event), [], "{event}");
        let payload = &event["payload"];
        assert_eq!(
            (&payload["lifecycle"]["phase"], &payload["lifecycle"]["reason"]),
            (&json!(phase), &json!(reason))
        );
        assert_eq!(payload["session"]["ended_at"], "2026-11-20T10:00:00.000Z");
        assert_eq!(payload["session"]["started_at"], Value::Null);
        assert_eq!(payload["session"]["harness"], "opencode");
        let flat = ["cwd", "summary", "model"].map(|name| payload[name].as_str().unwrap_or_default());
        assert_eq!((flat, &payload["duration_seconds"]), (["/w", "did it", "m"], &json!(12)));
    }
    assert_eq!(rig.post(&json!({"session_id": "s", "hook_type": "start"})).await.0, 200);
    let event = rig.events().await.pop().expect("an event");
    assert_eq!(check(&event), []);
    assert!(event["payload"]["session"]["started_at"].is_string() && event["type"] == "resource.changed");
    rig.stop().await;
}

#[tokio::test]
async fn without_a_signature_nothing_is_taken_unless_the_person_says_so_and_a_wrong_one_never() {
    let rig = Rig::start(LifecycleConfig { allow_unsigned: true, ..config() }).await;
    let body = r#"{"session_id":"s"}"#;
    assert_eq!(rig.send(body, &[("x-hub-signature-256", "sha256=00")]).await.0, 401);
    assert_eq!(
        rig.send(body, &[("x-hub-signature-256", ""), ("origin", "null")]).await.0,
        403,
        "no page, still"
    );
    assert_eq!(rig.send(body, &[("x-hub-signature-256", "")]).await.0, 200);
    rig.stop().await;
}

#[tokio::test]
async fn more_than_so_many_waiting_requests_are_told_to_come_again() {
    let home = tempfile::tempdir().expect("a folder");
    let tell = Tell {
        view: watch::Sender::new(LifecycleView::default()),
        newest: watch::Sender::new(0),
        sessions: mpsc::channel(1).0,
    };
    let view = tell.view.clone();
    let (store, _) = Store::open(&home.path().join("x.sqlite"), Titles::Kept, tell).expect("a store");
    let paths = Paths { config: home.path().into(), state: home.path().into(), runtime: None };
    let listener = server::bind(0).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let secret = Secret::find(&paths, Some(&SECRET.to_owned().into()));
    let (stop, waiting) = (CancellationToken::new(), AtomicUsize::new(0));
    let clock = Clock::default();
    let desk =
        Desk { port, secret, allow_unsigned: false, titles: false, store, clock, view, most: 2, waiting };
    let desk = Arc::new(desk);
    let server = tokio::spawn(server::serve(listener, Arc::clone(&desk), stop.clone()));
    // Two whose bodies do not come.
    let head = format!(
        "POST /webhook/opencode HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: 9\r\n\r\n"
    );
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
        stream.write_all(head.as_bytes()).await.expect("written");
        waiting.push(stream);
    }
    while desk.waiting.load(std::sync::atomic::Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    let mut third = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    third.write_all(head.replace("9\r\n", "0\r\nConnection: close\r\n").as_bytes()).await.expect("written");
    assert_eq!(answer(&mut third).await, (429, json!({"error": "Too many requests; try again in a second"})));
    stop.cancel();
    drop(waiting);
    server.await.expect("it ends");
}
