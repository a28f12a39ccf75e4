use super::*;
use std::time::Duration;

const KEY: &str = "oxk_canary_0123456789abcdef";

struct World {
    keychain: MockKeychain,
    credentials: Credentials,
    folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let paths =
        Paths { config: folder.path().join("config"), state: folder.path().join("state"), runtime: None };
    let keychain = mock();
    let credentials = Credentials::with(Arc::new(keychain.clone()), &paths);
    World { keychain, credentials: credentials.with_wizard_in(folder.path().join("wizard")), folder }
}

fn orgx() -> Url {
    Url::parse("https://useorgx.com/").expect("a URL")
}

fn key() -> SecretString {
    KEY.to_owned().into()
}

async fn place(credentials: &Credentials) -> Option<KeyPlace> {
    let (key, place) = credentials.load(&orgx()).await.expect("an answer")?;
    assert_eq!(key.expose_secret(), KEY);
    Some(place)
}

#[tokio::test]
async fn a_key_is_found_where_it_was_kept_last_and_forgotten_everywhere() {
    let World { keychain, credentials, .. } = world();
    assert_eq!(place(&credentials).await, None);
    for kept in [KeyPlace::Keychain, KeyPlace::File, KeyPlace::Memory, KeyPlace::Keychain, KeyPlace::File] {
        credentials.store(&orgx(), &key(), kept).await.expect("kept");
        assert_eq!(place(&credentials).await, Some(kept));
        assert_eq!(place(&credentials.clone()).await, Some(kept), "clones share it");
    }
    let gone = credentials.forget(&orgx()).await.expect("forgotten");
    assert_eq!(gone, Forgotten { keychain: true, file: true, memory: false, left: None });
    assert!(gone.any() && keychain.is_empty() && !credentials.file().exists());
    assert_eq!(place(&credentials).await, None);
    assert!(!credentials.forget(&orgx()).await.expect("nothing").any());
}

#[tokio::test]
async fn each_orgx_has_its_own_key() {
    let World { credentials, .. } = world();
    let other = Url::parse("http://127.0.0.1:7000/").expect("a URL");
    credentials.store(&orgx(), &key(), KeyPlace::Keychain).await.expect("kept");
    assert!(credentials.load(&other).await.expect("an answer").is_none());
    for at in [KeyPlace::Keychain, KeyPlace::File] {
        credentials.store(&orgx(), &key(), at).await.expect("kept");
        credentials.store(&other, &"oxk_another".to_owned().into(), at).await.expect("kept");
        assert_eq!(place(&credentials).await, Some(at));
    }
    credentials.forget(&other).await.expect("forgotten");
    assert_eq!(place(&credentials).await, Some(KeyPlace::File), "the other one stays");
}

#[tokio::test]
async fn how_a_keychain_fails_is_told_and_another_place_can_be_chosen() {
    for (mood, error) in [
        (Mood::Locked, KeychainError::Locked),
        (Mood::Absent, KeychainError::Absent),
        (Mood::Fails("x".into()), KeychainError::Failed("x".into())),
    ] {
        let World { keychain, credentials, .. } = world();
        keychain.set_mood(mood.clone());
        assert_eq!(credentials.load(&orgx()).await.expect_err("no key"), error);
        let kept = credentials.store(&orgx(), &key(), KeyPlace::Keychain).await;
        assert_eq!(kept.expect_err("not kept"), error);
        credentials.store(&orgx(), &key(), KeyPlace::Memory).await.expect("in memory");
        assert_eq!(place(&credentials).await, Some(KeyPlace::Memory));
        credentials.store(&orgx(), &key(), KeyPlace::File).await.expect("in a file");
        let calls = keychain.calls();
        assert_eq!(place(&credentials).await, Some(KeyPlace::File));
        assert_eq!(keychain.calls(), calls, "who chose the file is not asked to unlock anything");
        // What cannot be removed is told beside what is gone; where there is no keychain, nothing is in it.
        let gone = credentials.forget(&orgx()).await.expect("the file is gone all the same");
        let left = Some(error.clone()).filter(|_| mood != Mood::Absent);
        assert_eq!(gone, Forgotten { keychain: false, file: true, memory: false, left });
        assert!(!credentials.file().exists());
        assert_eq!(credentials.forget(&orgx()).await.is_err(), mood != Mood::Absent, "nothing was removed");
        keychain.set_mood(Mood::Works);
        assert_eq!(place(&credentials).await, None);
    }
}

#[tokio::test]
async fn a_key_that_a_keychain_takes_when_nobody_waits_any_more_is_given_back() {
    for before in [None, Some("oxk_before_0123456789")] {
        let World { keychain, credentials, .. } = world();
        if let Some(before) = before {
            keychain.put("orgx-peer", "https://useorgx.com", before);
        }
        keychain.set_mood(Mood::Late);
        let calls = keychain.calls();
        let (orgx, key) = (orgx(), key());
        tokio::select! {
            kept = credentials.store(&orgx, &key, KeyPlace::Keychain) => panic!("{kept:?}"),
            () = keychain.called(calls + 1) => {}
        }
        keychain.set_mood(Mood::Works);
        // Looked for, set, and given back.
        keychain.called(calls + 3).await;
        let found = credentials.load(&orgx).await.expect("an answer").map(|(key, _)| key);
        assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), before);
        credentials.store(&orgx, &key, KeyPlace::Keychain).await.expect("kept");
        assert_eq!(place(&credentials).await, Some(KeyPlace::Keychain), "a later attempt is kept");
    }
}

#[test]
fn a_late_keychain_holds_up_neither_the_runtime_nor_its_end() {
    let World { keychain, credentials, .. } = world();
    keychain.set_mood(Mood::Late);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let asked = runtime.block_on(async {
        tokio::time::timeout(Duration::from_millis(50), credentials.load(&orgx())).await.is_err()
    });
    assert!(asked, "it is being waited for");
    // Would wait for ever if the keychain had a thread of the runtime.
    drop(runtime);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_this_user_alone_or_not_read() {
    use std::os::unix::fs::PermissionsExt;
    let World { credentials, .. } = world();
    credentials.store(&orgx(), &key(), KeyPlace::File).await.expect("kept");
    let file = credentials.file();
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
    assert_eq!(file.metadata().expect("it").permissions().mode() & 0o777, 0o600);
    assert_eq!(file.parent().expect("a folder").metadata().expect("it").permissions().mode() & 0o777, 0o700);
    for open in [0o640, 0o604, 0o666] {
        mode(open);
        let error = credentials.load(&orgx()).await.expect_err("not read").to_string();
        assert!(error.contains("others on this computer can read it"), "{error}");
    }
    mode(0o600);
    let large = vec![0xff; 70_000];
    for broken in [&b"{"[..], b"[]", br#"{"https://useorgx.com": 7}"#, &large] {
        std::fs::write(&file, broken).expect("a file");
        let error = credentials.load(&orgx()).await.expect_err("no keys").to_string();
        assert!(error.contains("keys.json") && !error.contains('{'), "{error}");
    }
}

#[tokio::test]
async fn nothing_that_is_shown_holds_the_key() {
    let World { keychain, credentials, folder } = world();
    credentials.store(&orgx(), &key(), KeyPlace::File).await.expect("kept");
    credentials.store(&orgx(), &key(), KeyPlace::Memory).await.expect("kept");
    keychain.put("@useorgx/wizard", "orgx-api-key", KEY);
    let found = credentials.found(&orgx()).await.expect("the wizard's");
    let loaded = credentials.load(&orgx()).await.expect("loaded");
    let shown = format!("{credentials:?} {found:?} {loaded:?} {:?}", key());
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(last4(&key()), "cdef");
    assert_eq!(last4(&"oxk_short".to_owned().into()), "", "of a short one nothing is shown");
    drop(folder);
}

#[tokio::test]
async fn the_wizards_sign_in_is_used_only_where_it_belongs() {
    let World { keychain, credentials, folder } = world();
    let wizard = folder.path().join("wizard");
    std::fs::create_dir(&wizard).expect("a folder");
    keychain.put("@useorgx/wizard", "orgx-api-key", KEY);
    let (orgx, here) = ("https://useorgx.com/", "http://127.0.0.1:7000/");
    for (note, at, found) in [
        (r#"{"baseUrl":"https://useorgx.com/api","workspaceName":"Acme"}"#, orgx, Some(Some("Acme"))),
        (r#"{"baseUrl":"https://www.useorgx.com"}"#, orgx, Some(None)),
        (r#"{"keyPrefix":"oxk_canary"}"#, orgx, Some(None)),
        (r#"{"workspace":{"name":"A\u001b[31m"}}"#, orgx, Some(Some("A[31m"))),
        ("not JSON", orgx, Some(None)),
        (r#"{"baseUrl":"http://127.0.0.1:7000"}"#, here, Some(None)),
        (r#"{"baseUrl":"http://127.0.0.1:7000"}"#, orgx, None),
        (r#"{"baseUrl":"http://useorgx.com"}"#, orgx, None),
        (r#"{"baseUrl":"https://useorgx.com.evil.example"}"#, orgx, None),
        (r#"{"keyPrefix":"oxk_canary"}"#, here, None),
        ("not JSON", here, None),
    ] {
        std::fs::write(wizard.join("auth.json"), note).expect("a file");
        let answer = credentials.found(&at.parse().expect("a URL")).await;
        assert_eq!(answer.as_ref().map(|found| found.workspace_name.as_deref()), found, "{note} at {at}");
    }
    keychain.set_mood(Mood::Locked);
    assert!(credentials.found(&Url::parse(here).expect("a URL")).await.is_none());
}

#[test]
fn each_failure_says_what_happened_what_it_means_and_what_to_do() {
    for error in [
        KeychainError::Locked,
        KeychainError::Absent,
        KeychainError::Late,
        KeychainError::Failed("the disk is full".into()),
    ] {
        let text = error.to_string();
        assert!(text.ends_with('.') && text.len() > 60 && !text.contains("  "), "{text}");
        assert!(!error.code().is_empty());
    }
}
