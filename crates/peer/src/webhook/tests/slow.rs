//! Senders that are slow, or say too much.

use super::*;

#[tokio::test]
async fn a_body_of_the_bound_is_read_and_a_larger_one_is_refused_however_it_comes() {
    let rig = Rig::start(config()).await;
    let of = |bytes: usize| {
        let body = json!({"session_id": "s", "more": ""}).to_string();
        let fill = "x".repeat(bytes - body.len());
        json!({"session_id": "s", "more": fill}).to_string()
    };
    let too_large = (413, json!({"error": "The body is larger than 1 MiB"}));
    assert_eq!(rig.send(&of(limits::WEBHOOK_BODY_BYTES), &[]).await.0, 200);
    assert_eq!(rig.send(&of(limits::WEBHOOK_BODY_BYTES + 1), &[]).await, too_large);
    // Without a length.
    let chunk = "x".repeat(64 * 1024);
    let chunked = format!("{:x}\r\n{chunk}\r\n", chunk.len()).repeat(20);
    let head = format!(
        "POST /webhook/opencode HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        rig.port
    );
    assert_eq!(rig.raw(format!("{head}{chunked}0\r\n\r\n").as_bytes()).await, too_large);
    // One that says that it is huge is refused before it comes.
    let huge = rig.send("", &[("content-length", "99999999999"), ("expect", "100-continue")]).await;
    assert_eq!(huge, too_large);
    rig.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_and_one_that_is_too_large_end_their_connection() {
    let rig = Rig::start(config()).await;
    let mut slow = TcpStream::connect(("127.0.0.1", rig.port)).await.expect("it listens");
    slow.write_all(b"POST /webhook/opencode HTTP/1.1\r\nHost: ").await.expect("written");
    let mut idle = TcpStream::connect(("127.0.0.1", rig.port)).await.expect("it listens");
    // Others are answered meanwhile.
    assert_eq!(rig.post(&json!({"session_id": "s"})).await.0, 200);
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    let mut stream = TcpStream::connect(("127.0.0.1", rig.port)).await.expect("it listens");
    // It may be closed before all is written.
    let _written = stream.write_all(large.as_bytes()).await;
    let mut said = Vec::new();
    let _reset = timeout(WAIT, stream.read_to_end(&mut said)).await.expect("it ends");
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&said));
    for stream in [&mut slow, &mut idle] {
        let mut rest = Vec::new();
        let _ended = timeout(WAIT, stream.read_to_end(&mut rest)).await.expect("it is closed");
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_body_that_trickles_is_not_waited_for_without_end() {
    let rig = Rig::start(config()).await;
    let mut stream = TcpStream::connect(("127.0.0.1", rig.port)).await.expect("it listens");
    let head = format!(
        "POST /webhook/opencode HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n{{",
        rig.port
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    let (mut reader, mut writer) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut said = Vec::new();
    let _reset = timeout(WAIT, reader.read_to_end(&mut said)).await.expect("it is answered");
    assert!(said.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&said));
    trickle.await.expect("it ends");
    rig.stop().await;
}
