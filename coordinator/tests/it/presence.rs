//! Who is here, and where they can be reached.

use landline_protocol::{ClientFrame, Person, ServerFrame};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn people_come_and_go_and_are_last_seen() {
    let server = Server::open().await;
    let mut alice = server.person("alice").await;
    let bob = server.device();
    let session = bob.sign_up("bob", None).await.unwrap();
    assert!(!alice.presence_of("bob").await.online, "a new account is told, though nobody is there");
    let line = bob.connect_from(&session, vec!["10.1.2.3:4811".parse().unwrap()]).await;
    let here = loop {
        let person = alice.presence_of("bob").await;
        if person.online {
            break person;
        }
    };
    assert_eq!(here.devices.len(), 1);
    let addresses: Vec<String> = here.devices[0].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.1.2.3:4811", "127.0.0.1:4811"], "loopback is for those on the same machine");
    line.say(&ClientFrame::Announce { addresses: vec!["10.1.2.4:4812".parse().unwrap()] });
    let moved = alice.presence_of("bob").await;
    assert_eq!(moved.devices[0].addresses[0].to_string(), "10.1.2.4:4812");
    server.clock.advance(5_000);
    let left_at = server.clock.now();
    line.sender.close(None);
    let gone = alice.presence_of("bob").await;
    assert!(!gone.online);
    assert_eq!(gone.last_seen, Some(left_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_has_everybody_also_after_a_restart() {
    let server = Server::open().await;
    let alice = server.person("alice").await;
    let mut bob = server.person("bob").await;
    let find = |people: &[Person], who: &str| people.iter().find(|p| p.user == name(who)).cloned().unwrap();
    assert!(find(&bob.people, "alice").online && find(&bob.people, "bob").online);
    alice.sender.close(None);
    while bob.presence_of("alice").await.online {}
    let seen_at = server.clock.now();
    let (config, clock) = (config(server.dir.path()), server.clock.clone());
    server.coordinator.shutdown().await;
    clock.advance(60_000);
    let again = landline_coordinator::Coordinator::start_with_clock(config, clock).await.unwrap();
    let device = Device { address: again.address(), ..bob.device.clone() };
    let line = device.connect(&bob.session).await;
    let away = find(&line.people, "alice");
    assert!(!away.online);
    assert_eq!(away.last_seen, Some(seen_at));
    assert_eq!(away.devices[0].device, alice.device.key.id());
    assert_eq!(line.welcome.unwrap().heartbeat_ms, 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_directory_arrives_whole_before_anything_else() {
    let server = Server::with(|config| {
        config.registration = landline_coordinator::Registration::Open;
        config.limits.sign_ins_per_address = 10_000;
    })
    .await;
    let hall = server.device();
    let mut sign_ups = tokio::task::JoinSet::new();
    for n in 0..40 {
        let hall = hall.clone();
        sign_ups
            .spawn(async move { hall.sign_up(&format!("{}{n}", "長".repeat(58)), None).await.map(|_| ()) });
    }
    for result in sign_ups.join_all().await {
        result.unwrap();
    }
    assert_eq!(server.person("last").await.people.len(), 41);
}

/// People of a database that no coordinator has open.
fn crowd(path: &std::path::Path, people: i64) {
    let mut db = rusqlite::Connection::open(path).unwrap();
    let tx = db.transaction().unwrap();
    for n in 0..people {
        let (user, machine) = (format!("{n} {}", "x".repeat(50)), "m".repeat(120));
        let (account, device) = (1_000 + n, 1_000 + n);
        let sql = "INSERT INTO accounts (id, name, folded, skeleton, password, admin, created_at)
                   VALUES (?1, ?2, ?2, ?2, '', 0, 0)";
        tx.prepare_cached(sql).unwrap().execute((account, user)).unwrap();
        let sql = "INSERT INTO devices (id, hash) VALUES (?1, randomblob(32))";
        tx.prepare_cached(sql).unwrap().execute([device]).unwrap();
        let sql = "INSERT INTO account_devices VALUES (?1, ?2, ?3)";
        tx.prepare_cached(sql).unwrap().execute((account, device, machine)).unwrap();
    }
    tx.commit().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_larger_than_every_buffer_waits_for_its_reader() {
    let server = Server::open().await;
    let alice = server.device();
    let session = alice.sign_up("alice", None).await.unwrap();
    let (config, clock) = (config(server.dir.path()), server.clock.clone());
    server.coordinator.shutdown().await;
    crowd(&server.dir.path().join("data/coordinator.db"), 60_000);
    let again = landline_coordinator::Coordinator::start_with_clock(config, clock).await.unwrap();
    let alice = Device { address: again.address(), ..alice };
    let (sender, mut receiver) = alice.socket(&session.access_token).await.unwrap();
    sender.send(r#"{"type":"hello","versions":[1],"agent":"t","device_name":"t"}"#.into()).unwrap();
    // Nothing is read until every buffer on the way is full.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let (mut people, mut bytes) = (0, 0);
    loop {
        let Some(inbound) = receiver.recv().await else { panic!("cut off: {:?}", receiver.closed()) };
        let landline_net::Inbound::Text(text) = inbound else { continue };
        bytes += text.len();
        match serde_json::from_str(&text).unwrap() {
            ServerFrame::Directory { people: some, .. } => people += some.len(),
            ServerFrame::Conversations { .. } => break,
            ServerFrame::Goodbye { error } => panic!("{error}"),
            _ => {}
        }
    }
    assert_eq!(people, 60_001);
    assert!(bytes > 16_000_000, "{bytes} bytes fit the buffers");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_falls_silent_is_shown_as_gone() {
    use futures_util::SinkExt;
    let server = Server::with(|config| {
        config.registration = landline_coordinator::Registration::Open;
        config.heartbeat = std::time::Duration::from_secs(1);
        config.heartbeat_timeout = std::time::Duration::from_secs(2);
    })
    .await;
    let mut alice = server.person("alice").await;
    let bob = server.device();
    let session = bob.sign_up("bob", None).await.unwrap();
    let path = landline_protocol::account::SESSION;
    let mut ws = landline_net::websocket(bob.dial().await, path, &session.access_token).await.unwrap();
    let hello = r#"{"type":"hello","versions":[1],"agent":"t","device_name":"t"}"#;
    ws.send(tokio_tungstenite::tungstenite::Message::text(hello)).await.unwrap();
    while !alice.presence_of("bob").await.online {}
    // Nobody polls bob's socket, so no ping is answered, as if the cable were out.
    let silent = std::time::Instant::now();
    while alice.presence_of("bob").await.online {}
    assert!(silent.elapsed().as_secs() < 6);
    drop(ws);
}
