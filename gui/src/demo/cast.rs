//! Who plays in the demo: a coordinator, alice, bob; and the scenes both versions share.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use landline_protocol::InviteLink;
use serde_json::Value;
use tokio::time::timeout;

use super::children::{Running, Stage};
use super::narrator::Narrator;
use super::relay::Relay;

/// Where a person keeps what they received, beneath their folder.
const DOWNLOADS: &str = "downloads";
/// How long a message may take; the subcommands have limits of their own.
const PATIENCE: Duration = Duration::from_secs(30);
/// What alice says, and what bob answers.
const WORDS: [&str; 2] = ["Hello bob, can you hear me?", "Loud and clear, alice. Send the files over!"];

/// One participant: a profile of its own, and the processes that use it, one at a time.
pub(super) struct Person<'a> {
    stage: &'a Stage,
    /// The user name.
    pub(super) name: &'static str,
}

/// The coordinator and both people, signed in.
pub(super) struct Cast<'a> {
    /// The admin, who shares.
    pub(super) alice: Person<'a>,
    /// Who receives.
    pub(super) bob: Person<'a>,
    /// Counts what the coordinator carries.
    pub(super) relay: Relay,
    coordinator: Running,
}

impl Person<'_> {
    /// Where everything of this person is.
    pub(super) fn folder(&self) -> PathBuf {
        self.stage.folder().join(self.name)
    }

    /// Where this person's downloads go.
    pub(super) fn downloads(&self) -> PathBuf {
        self.folder().join(DOWNLOADS)
    }

    /// Starts a `landline` of this person. Their sign-in is kept in a file, not in this machine's
    /// keyring; their files are served on loopback only.
    pub(super) async fn start(&self, arguments: &[&str], input: &str) -> anyhow::Result<Running> {
        let mut all = vec![
            format!("--profile={}/profile", self.name),
            format!("--downloads={}/{DOWNLOADS}", self.name),
            "--secrets=file".to_owned(),
            "--listen=127.0.0.1:0".to_owned(),
        ];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self.stage.start(self.name, all, input).await
    }

    /// Runs one to its end.
    pub(super) async fn run(&self, arguments: &[&str], input: &str) -> anyhow::Result<Vec<Value>> {
        self.start(arguments, input).await?.finish().await
    }

    async fn sign_up(&self, invite: &InviteLink) -> anyhow::Result<()> {
        let mut password = [0; 16];
        getrandom::fill(&mut password).map_err(|error| anyhow::anyhow!("No randomness: {error}"))?;
        let password = data_encoding::HEXLOWER.encode(&password);
        self.run(&["sign-up", "--invite", self.name], &format!("{invite}\n{password}\n")).await?;
        Ok(())
    }
}

impl<'a> Cast<'a> {
    /// Starts the coordinator and signs both people up: steps 1 to 3.
    pub(super) async fn assemble(stage: &'a Stage, narrator: Narrator) -> anyhow::Result<Self> {
        let started = Instant::now();
        let (coordinator, hosting) = host(stage).await?;
        let address = text(&hosting, "address")?.parse().context("The coordinator has no address.")?;
        let relay = Relay::start(address).await.context("The relay that counts did not start.")?;
        let fingerprint = text(&hosting, "fingerprint")?;
        narrator.step(1, &format!("The coordinator starts at {address}"), started.elapsed())?;
        narrator.say(&format!("      its key  {fingerprint}"))?;

        let started = Instant::now();
        let cast = Self {
            alice: Person { stage, name: "alice" },
            bob: Person { stage, name: "bob" },
            relay,
            coordinator,
        };
        let first = cast.through_relay(text(&hosting, "invite")?)?;
        cast.alice.sign_up(&first).await?;
        narrator.step(2, "alice signs up with the first invite, and is the admin", started.elapsed())?;

        let started = Instant::now();
        let invited = cast.alice.run(&["invite"], "").await?;
        let invited = invited.first().context("alice got no invite.")?;
        cast.bob.sign_up(&cast.through_relay(text(invited, "link")?)?).await?;
        narrator.step(3, "bob signs up with an invite from alice", started.elapsed())?;
        Ok(cast)
    }

    /// The invite with the relay's address: the key in it stays the coordinator's.
    fn through_relay(&self, link: &str) -> anyhow::Result<InviteLink> {
        let link: InviteLink = link.parse()?;
        let host = IpAddr::V4(Ipv4Addr::LOCALHOST).to_string();
        Ok(InviteLink { host, port: self.relay.address.port(), ..link })
    }

    /// One message each way, the other listening: step 4.
    pub(super) async fn talk(&self, narrator: Narrator) -> anyhow::Result<()> {
        let started = Instant::now();
        self.say(&self.alice, &self.bob, WORDS[0]).await?;
        self.say(&self.bob, &self.alice, WORDS[1]).await?;
        narrator.step(4, "They talk", started.elapsed())?;
        narrator.say(&format!("      alice: {}\n      bob:   {}", WORDS[0], WORDS[1]))
    }

    async fn say(&self, from: &Person<'a>, to: &Person<'a>, words: &str) -> anyhow::Result<()> {
        let mut listener = to.start(&["history", from.name, "--follow"], "").await?;
        from.run(&["msg", to.name, "--", words], "").await?;
        let hearing = timeout(PATIENCE, hear(&mut listener, from.name, words)).await;
        hearing.with_context(|| format!("{} did not hear {} in time.", to.name, from.name))??;
        listener.stop().await;
        Ok(())
    }

    /// Ends the coordinator in order.
    pub(super) async fn disband(self) -> (u64, u64) {
        self.coordinator.stop().await;
        self.relay.counted()
    }
}

async fn hear(listener: &mut Running, from: &str, words: &str) -> anyhow::Result<()> {
    loop {
        let heard = listener.expect("message").await?;
        if heard["author"] == from && heard["text"] == words {
            return Ok(());
        }
    }
}

async fn host(stage: &Stage) -> anyhow::Result<(Running, Value)> {
    let arguments = ["host", "--at=127.0.0.1:0", "--data=coordinator"].map(str::to_owned);
    let mut coordinator = stage.start("The coordinator", arguments.into(), "").await?;
    let hosting = coordinator.expect("hosting").await?;
    Ok((coordinator, hosting))
}

/// A text in a record.
pub(super) fn text<'v>(record: &'v Value, field: &str) -> anyhow::Result<&'v str> {
    match record[field].as_str() {
        Some(text) => Ok(text),
        None => bail!("A record has no {field}: {record}"),
    }
}

/// Fails with a sentence unless a received file is what was sent.
pub(super) fn ensure_identical(identical: bool, name: &str) -> anyhow::Result<()> {
    ensure!(identical, "{name} arrived, and is not what was sent.");
    Ok(())
}
