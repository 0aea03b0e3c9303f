//! Transfers as they go: bars on a terminal, lines elsewhere, records with `--json`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use landline_peer::api::{TransferState, TransferView};
use landline_protocol::MessageId;

use super::exit::Problem;
use super::output::Out;
use super::record::{Progress, Record, state_name};
use super::text;

/// How often a log file gets a line about a transfer whose state stays the same.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows any number of transfers.
pub(crate) struct Meter {
    out: Out,
    bars: Option<MultiProgress>,
    shown: HashMap<MessageId, Shown>,
}

/// What was last said about one transfer.
struct Shown {
    state: &'static str,
    bytes: u64,
    hashed: Option<u64>,
    at: Instant,
    /// Why it waited when it last did, until something moves.
    waited: Option<String>,
    bar: Option<ProgressBar>,
}

impl Meter {
    /// Draws where drawing makes sense.
    pub(crate) fn new(out: Out) -> Self {
        Self { out, bars: out.draws().then(MultiProgress::new), shown: HashMap::new() }
    }

    /// Shows a transfer as it is now; says nothing twice. `total` are the bytes that will move.
    pub(crate) fn show(&mut self, transfer: &TransferView, total: u64) -> Result<(), Problem> {
        let state = state_name(&transfer.state);
        let now = Instant::now();
        let bars = &self.bars;
        let first = !self.shown.contains_key(&transfer.offer);
        let shown = self.shown.entry(transfer.offer).or_insert_with(|| Shown {
            state,
            bytes: transfer.bytes,
            hashed: transfer.hashed,
            at: now,
            waited: None,
            bar: bars.as_ref().map(|bars| bars.add(bar(&text::transfer_name(transfer)))),
        });
        let turned = first || shown.state != state;
        let moved = (shown.bytes, shown.hashed) != (transfer.bytes, transfer.hashed);
        let due = moved && now.duration_since(shown.at) >= LINE_EVERY;
        if let Some(bar) = &shown.bar {
            draw(bar, transfer, total);
        }
        // Attempts that fail alike are one piece of news, however many there are.
        let cause = match &transfer.state {
            TransferState::Waiting(cause) => Some(cause.text.clone()),
            _ => None,
        };
        let retrying = shown.waited.is_some() && (state == "connecting" || cause == shown.waited);
        let turned = turned && (self.out.json || !retrying);
        if cause.is_some() || moved {
            shown.waited = cause;
        }
        let speak = turned || if self.out.json { moved } else { due };
        if speak {
            (shown.state, shown.at) = (state, now);
        }
        (shown.bytes, shown.hashed) = (transfer.bytes, transfer.hashed);
        match (speak, self.out.json, shown.bar.is_some()) {
            (true, true, _) => self.out.record(&Record::Progress(Progress::from(transfer)), ""),
            (true, false, false) => {
                self.out.note(&line(transfer, total));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The transfer has ended: its bar goes, since a line of its own says how it went.
    pub(crate) fn finish(&mut self, offer: MessageId) {
        if let Some(bar) = self.shown.remove(&offer).and_then(|shown| shown.bar) {
            bar.finish_and_clear();
        }
    }
}

fn line(transfer: &TransferView, total: u64) -> String {
    format!(
        "{}: {}, {}",
        text::transfer_name(transfer),
        state_name(&transfer.state),
        text::progress(transfer, Some(total))
    )
}

/// A bar of a transfer by name: also what the demo draws.
pub(crate) fn bar(name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("  {prefix}  {wide_bar:.cyan} {percent:>3} %  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─");
    ProgressBar::new(0).with_style(style).with_prefix(shortened(name))
}

fn draw(bar: &ProgressBar, transfer: &TransferView, total: u64) {
    bar.set_length(total);
    bar.set_position(match transfer.state {
        TransferState::Done | TransferState::Finishing => total,
        TransferState::Checking | TransferState::Hashing if transfer.outgoing || transfer.bytes == 0 => {
            transfer.hashed.unwrap_or(transfer.bytes)
        }
        _ => transfer.bytes,
    });
    bar.set_message(text::progress(transfer, None));
}

/// Long names make room for the bar; the whole name stands in the line at the end.
fn shortened(name: &str) -> String {
    const MOST: usize = 24;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    let begin: String = name.chars().take(MOST - 1).collect();
    format!("{begin}…")
}

#[cfg(test)]
mod tests {
    use landline_peer::api::{SourceStanding, SourceView};
    use landline_protocol::DeviceId;

    use super::super::offers::tests::transfer;
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_how_long_and_from_whom() {
        let mut moving = TransferView {
            size: 4 << 20,
            bytes: 1 << 20,
            rate: Some(512 << 10),
            remaining: Some(Duration::from_secs(6)),
            ..transfer(1, "bob", "a\u{1b}b.iso", TransferState::Active)
        };
        let expected = "a\\u{1b}b.iso: active, 1.0 MiB of 4.0 MiB, 512 KiB/s, 6.0 s left";
        assert_eq!(line(&moving, moving.size), expected);
        let source = |name: &str, rate| SourceView {
            user: name.parse().unwrap(),
            device: DeviceId::from_bytes([1; 32]),
            bytes: 1,
            rate,
            standing: SourceStanding::Active,
        };
        moving.sources = vec![source("bob", Some(400 << 10)), source("carol", Some(112 << 10))];
        assert_eq!(line(&moving, moving.size), format!("{expected}, from bob 400 KiB/s, carol 112 KiB/s"));
    }
}
