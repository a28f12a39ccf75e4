use super::*;
use proptest::prelude::*;
use url::Url;

const SECOND: Duration = Duration::from_secs(1);

fn refused(status: u16) -> Heard {
    Heard::Refused { status, retry_after: None }
}

/// A pairing of ten minutes that begins at zero, and its first question.
fn pairing() -> (Pairing, Millis) {
    let pairing = Pairing::new(Millis(0), LASTS, None);
    let Next::Ask(at) = pairing.next() else { panic!("it asks") };
    (pairing, at)
}

#[test]
fn each_status_leads_where_its_name_says() {
    for (name, next) in [
        ("ready", Next::Take),
        ("cancelled", Next::Over(End::Cancelled)),
        ("canceled", Next::Over(End::Cancelled)),
        ("expired", Next::Over(End::Lapsed)),
        ("failed", Next::Over(End::Failed)),
        ("consumed", Next::Over(End::Consumed)),
        ("pending", Next::Ask(Millis(3_000))),
        ("Authorized ", Next::Ask(Millis(3_000))),
        ("something_new", Next::Ask(Millis(3_000))),
        ("", Next::Ask(Millis(3_000))),
    ] {
        let (mut pairing, at) = pairing();
        assert_eq!(pairing.heard(Heard::Status(Status::named(name)), at), next, "{name}");
    }
}

#[test]
fn what_a_retry_may_mend_is_tried_again_and_the_rest_ends_it() {
    for status in [302, 408, 425, 429, 500, 502, 503, 504] {
        let (mut pairing, at) = pairing();
        assert!(matches!(pairing.heard(refused(status), at), Next::Ask(_)), "{status}");
    }
    for (status, end) in [
        (400, End::Refused(400)),
        (401, End::Refused(401)),
        (403, End::Refused(403)),
        (404, End::Lapsed),
        (410, End::Lapsed),
        (422, End::Refused(422)),
    ] {
        let (mut pairing, at) = pairing();
        assert_eq!(pairing.heard(refused(status), at), Next::Over(end));
    }
}

#[test]
fn trouble_is_asked_about_more_and_more_seldom_and_an_answer_mends_that() {
    let (mut pairing, mut now) = pairing();
    let mut waits = Vec::new();
    for _ in 0..6 {
        let Next::Ask(at) = pairing.heard(Heard::Nothing, now) else { panic!("it asks") };
        waits.push((at - now).as_millis());
        now = at;
    }
    assert_eq!(waits, [3_000, 6_000, 12_000, 20_000, 20_000, 20_000]);
    let next = pairing.heard(Heard::Status(Status::Pending), now);
    assert_eq!(next, Next::Ask(now + POLL_EVERY));
    let patient = Heard::Refused { status: 429, retry_after: Some(SECOND * 40) };
    assert_eq!(pairing.heard(patient, now), Next::Ask(now + SECOND * 40), "as long as it was asked to");
}

#[test]
fn at_its_end_it_is_asked_once_more_and_then_told_apart() {
    for (heard, end) in [(Heard::Status(Status::Pending), End::Lapsed), (Heard::Nothing, End::Unheard)] {
        let (mut pairing, _) = pairing();
        let late = Millis(599_900);
        assert_eq!(pairing.heard(heard, late), Next::Ask(Millis(600_000)));
        assert_eq!(pairing.heard(heard, Millis(600_000)), Next::Over(end));
    }
    let (mut pairing, _) = pairing();
    assert_eq!(pairing.heard(Heard::Status(Status::Ready), Millis(600_000)), Next::Take, "just in time");
}

#[test]
fn a_code_lasts_as_long_as_orgx_says_and_ten_minutes_at_most() {
    let now = Timestamp(1_000_000);
    for (expires, lasts_ms) in [
        (Some(1_060_000), 60_000),
        (Some(9_000_000), 600_000),
        (Some(i64::MAX), 600_000),
        (Some(999_999), 600_000),
        (Some(i64::MIN), 600_000),
        (None, 600_000),
    ] {
        assert_eq!(lasts(expires.map(Timestamp), now).as_millis(), lasts_ms, "{expires:?}");
    }
}

#[test]
fn the_end_of_a_code_is_read_as_orgx_writes_it() {
    for (text, at) in [
        ("2026-11-20T10:10:00.000Z", Some(1_795_169_400_000)),
        (" 2026-11-20T11:10:00+01:00 ", Some(1_795_169_400_000)),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(expiry(text), at.map(Timestamp), "{text}");
    }
}

#[test]
fn a_code_can_be_compared_by_eye() {
    for (id, code) in [
        ("pair_01J9ZK7Q4MD", "K7Q-4MD"),
        ("3f1c0a52-90b1-4a7e-8a51-aa00bb11cc22", "11C-C22"),
        ("ab", "AB"),
        ("abcd", "ABC-D"),
        ("-é-", ""),
    ] {
        assert_eq!(short_code(id), code);
    }
}

#[test]
fn only_a_page_of_the_host_that_was_asked_is_opened() {
    let open = |text: &str, base: &str| {
        connect_url(text, &Url::parse(base).expect("a base")).map(|url| url.to_string())
    };
    let orgx = "https://useorgx.com/";
    for (text, base, page) in [
        ("https://useorgx.com/connect?a=1", orgx, "https://useorgx.com/connect?a=1"),
        ("https://www.useorgx.com/connect", orgx, "https://www.useorgx.com/connect"),
        ("https://useorgx.com/c", "https://www.useorgx.com/", "https://useorgx.com/c"),
        ("/connect?a=1", orgx, "https://useorgx.com/connect?a=1"),
        ("http://0.0.0.0:3000/c", "http://127.0.0.1:3000/", "http://127.0.0.1:3000/c"),
        ("http://[::]:3000/c", "http://localhost:3000/", "http://localhost:3000/c"),
        ("http://localhost:4000/c", "http://127.0.0.1:3000/", "http://localhost:4000/c"),
        ("https://0.0.0.0/c", orgx, "https://useorgx.com/c"),
    ] {
        assert_eq!(open(text, base).as_deref(), Ok(page));
    }
    for (text, base, why) in [
        ("https://evil.example/connect", orgx, AddressError::Host),
        ("https://useorgx.com.evil.example/", orgx, AddressError::Host),
        ("https://useorgx.com:8443/", orgx, AddressError::Host),
        ("//evil.example/", orgx, AddressError::Host),
        ("http://127.0.0.1/", orgx, AddressError::Host),
        ("https://evil.example/", "http://127.0.0.1:1/", AddressError::Host),
        ("http://useorgx.com/connect", orgx, AddressError::Scheme),
        ("javascript:alert(1)", orgx, AddressError::Scheme),
        ("file:///etc/passwd", orgx, AddressError::Scheme),
        ("https://me@useorgx.com/", orgx, AddressError::Credentials),
        ("https://useorgx.com@evil.example/", orgx, AddressError::Credentials),
        ("https://", orgx, AddressError::NotAnAddress),
        (" ", orgx, AddressError::NotAnAddress),
    ] {
        assert_eq!(open(text, base), Err(why), "{text}");
    }
}

fn anything() -> impl Strategy<Value = Heard> {
    let status = prop_oneof![
        Just(Status::Pending),
        Just(Status::Authorized),
        Just(Status::Ready),
        Just(Status::Cancelled),
        Just(Status::Expired),
        Just(Status::Failed),
        Just(Status::Consumed),
    ];
    prop_oneof![
        4 => Just(Heard::Status(Status::Pending)),
        2 => Just(Heard::Nothing),
        1 => status.prop_map(Heard::Status),
        2 => (100..600_u16, proptest::option::of(0..100_000_u64)).prop_map(|(status, after)| Heard::Refused {
            status,
            retry_after: after.map(Duration::from_secs),
        }),
    ]
}

proptest! {
    #[test]
    fn it_is_never_asked_hot_never_too_late_and_it_always_ends(
        start in 0..u64::MAX / 2,
        lasts_ms in 0..2_000_000_u64,
        every in proptest::option::of(any::<u64>()),
        answers in proptest::collection::vec((anything(), 0..60_000_u64), 0..40),
    ) {
        let start = Millis(start);
        let mut pairing = Pairing::new(start, Duration::from_millis(lasts_ms), every);
        let end = pairing.gives_up();
        prop_assert!(end - start <= LASTS);
        let mut answers = answers.into_iter();
        let (mut now, mut asked) = (start, 0);
        while let Next::Ask(at) = pairing.next() {
            prop_assert!(at <= end, "never past its end");
            // The last question comes when it ends, however soon that is.
            prop_assert!(at >= now + POLL_BOUNDS.0 || at == end);
            now = now.max(at);
            let (heard, took) = answers.next().unwrap_or((Heard::Nothing, 0));
            now = now + Duration::from_millis(took);
            pairing.heard(heard, now);
            asked += 1;
            prop_assert!(asked < 2_000, "it ends");
        }
        let over = pairing.next();
        for heard in [Heard::Status(Status::Ready), Heard::Status(Status::Pending), Heard::Nothing] {
            prop_assert_eq!(pairing.heard(heard, now), over, "and once");
        }
    }

    #[test]
    fn no_page_elsewhere_is_ever_opened(text in "(https?:)?//[a-z0-9.@:/\\\\?#\\[\\]-]{0,40}|\\PC{0,60}") {
        let base = Url::parse("https://useorgx.com/").expect("a base");
        if let Ok(url) = connect_url(&text, &base) {
            prop_assert!(matches!(url.host_str(), Some("useorgx.com" | "www.useorgx.com")), "{}", url);
            prop_assert_eq!(url.scheme(), "https");
            prop_assert_eq!(url.port_or_known_default(), Some(443));
        }
    }
}
