//! When a response may begin: while the line is full, few go out at once, and each of them is over sooner.
//!
//! Many streams over a full line carry no more than two, in smaller packets, each with its price for the
//! processor at both ends, and from a disk that seeks between them. So a response that would only share
//! what the line carries waits for one that is under way. Nobody knows how much a line carries: it counts
//! as full when about as much goes out as the most that went out lately. While two slow receivers are
//! served, little does, and whoever comes next is served at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use landline_protocol::limits::PIECE_BYTES;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::lock;

/// So many at once never wait: when one ends, the other has the line.
const AT_ONCE: usize = 2;
/// One of which nothing went out for so long is held up elsewhere, and nobody waits for it.
const HELD_UP: Duration = Duration::from_millis(300);
/// The line is full from this share of the most that it carried lately.
const FULL: f64 = 0.7;
/// As much never waits: a small file, or the first piece by which a line is tried.
const SMALL: u64 = PIECE_BYTES;
/// The longest that a response waits: it is not worth being told about.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often those who wait look whether the line is still full.
const LOOK: Duration = Duration::from_millis(100);
/// What goes out is counted in steps of this time.
const STEP: Duration = Duration::from_millis(100);
/// And looked at over so many of them: buffers on the way swallow a part of what is handed out.
const STEPS: usize = 10;
/// The most that went out is half forgotten after so many steps in which less did.
const HALF_LIFE: f64 = 300.0;

/// Of this machine, to be shared.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Inner>);

#[derive(Default)]
struct Inner {
    line: Mutex<Line>,
    ended: Notify,
}

/// A response that has begun; the next one's turn when dropped.
pub(crate) struct Turn {
    turns: Turns,
    ticket: u64,
}

impl Turns {
    /// Waits for a turn to send so many bytes, a second at most.
    pub(crate) async fn next(&self, bytes: u64) -> Turn {
        let (asked, ticket) = (Instant::now(), lock(&self.0.line).line_up());
        let mut waiting = Waiting { turns: self, ticket: Some(ticket) };
        loop {
            let ended = self.0.ended.notified();
            let now = Instant::now();
            let is_due = bytes <= SMALL || now.saturating_duration_since(asked) >= PATIENCE;
            if lock(&self.0.line).begin(ticket, now, is_due) {
                waiting.ticket = None;
                return Turn { turns: self.clone(), ticket };
            }
            let _ = timeout(LOOK, ended).await;
        }
    }
}

/// Somebody in line, who may go away.
struct Waiting<'a> {
    turns: &'a Turns,
    ticket: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            lock(&self.turns.0.line).give_up(ticket);
        }
        // Whoever comes next in line, now that this one is out of the way.
        self.turns.0.ended.notify_waiters();
    }
}

impl Turn {
    /// So many bytes go out.
    pub(crate) fn sent(&self, bytes: usize) {
        lock(&self.turns.0.line).sent(self.ticket, bytes as u64, Instant::now());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.turns.0.line).under_way.remove(&self.ticket);
        self.turns.0.ended.notify_waiters();
    }
}

/// Who goes out and who waits. Pure.
#[derive(Default)]
struct Line {
    /// With when something of each went out last.
    under_way: HashMap<u64, Instant>,
    waiting: VecDeque<u64>,
    tickets: u64,
    rate: Rate,
}

impl Line {
    fn line_up(&mut self) -> u64 {
        self.tickets += 1;
        self.waiting.push_back(self.tickets);
        self.tickets
    }

    fn give_up(&mut self, ticket: u64) {
        self.waiting.retain(|waiting| *waiting != ticket);
    }

    /// Whether it may begin, and if so it has: the first in line, once there is room, and whatever is not to
    /// wait any more.
    fn begin(&mut self, ticket: u64, now: Instant, is_due: bool) -> bool {
        let is_next = self.waiting.front() == Some(&ticket);
        let may = is_due || is_next && (self.moving(now) < AT_ONCE || !self.rate.is_full(now));
        if may {
            self.give_up(ticket);
            self.under_way.insert(ticket, now);
        }
        may
    }

    fn sent(&mut self, ticket: u64, bytes: u64, now: Instant) {
        self.under_way.insert(ticket, now);
        self.rate.sent(bytes, now);
    }

    /// How many of those under way are not held up.
    fn moving(&self, now: Instant) -> usize {
        let is_moving = |last: &&Instant| now.saturating_duration_since(**last) < HELD_UP;
        self.under_way.values().filter(is_moving).count()
    }
}

/// What goes out.
#[derive(Default)]
struct Rate {
    /// Bytes in each of the last steps.
    steps: VecDeque<u64>,
    /// Bytes in the step that is not over, and when it began.
    now: u64,
    since: Option<Instant>,
    /// The most that all steps together had, as far as it is remembered.
    most: f64,
}

impl Rate {
    fn sent(&mut self, bytes: u64, now: Instant) {
        self.turn_to(now);
        self.now += bytes;
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.turn_to(now);
        let lately = self.lately();
        lately > 0.0 && lately >= FULL * self.most
    }

    fn lately(&self) -> f64 {
        self.steps.iter().sum::<u64>() as f64
    }

    /// Begins a new step for each that is over.
    fn turn_to(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let over = now.saturating_duration_since(since).as_millis() / STEP.as_millis();
        let over = u32::try_from(over).unwrap_or(u32::MAX);
        if over == 0 {
            return;
        }
        self.most *= 0.5f64.powf(f64::from(over) / HALF_LIFE);
        for _ in 0..over.min(u32::try_from(STEPS).unwrap_or(1)) {
            self.steps.push_back(std::mem::take(&mut self.now));
            self.steps.drain(..self.steps.len().saturating_sub(STEPS));
            self.most = self.most.max(self.lately());
        }
        self.since = Some(since + STEP * over);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A line, and a clock at its beginning.
    fn line() -> (Line, Instant) {
        (Line::default(), Instant::now())
    }

    /// Sends as much in each step until then, of these.
    fn send(line: &mut Line, of: &[u64], from: Instant, ms: std::ops::Range<u64>, bytes: u64) {
        for at in ms.step_by(50) {
            for ticket in of {
                line.sent(*ticket, bytes, from + Duration::from_millis(at));
            }
        }
    }

    fn asks(line: &mut Line, now: Instant) -> (u64, bool) {
        let ticket = line.line_up();
        (ticket, line.begin(ticket, now, false))
    }

    #[test]
    fn while_the_line_is_full_the_third_waits_for_one_to_end() {
        let (mut line, began) = line();
        let at = |ms| began + Duration::from_millis(ms);
        let (first, second) = (asks(&mut line, began), asks(&mut line, began));
        assert!(first.1 && second.1);
        send(&mut line, &[first.0, second.0], began, 0..3_000, 500);
        let (third, begins) = asks(&mut line, at(3_000));
        let (fourth, too) = asks(&mut line, at(3_000));
        assert!(!begins && !too);
        line.under_way.remove(&first.0);
        assert!(!line.begin(fourth, at(3_001), false), "it is not the next");
        assert!(line.begin(third, at(3_001), false) && !line.begin(fourth, at(3_001), false));
        assert!(line.begin(fourth, at(4_000), true), "it has waited for long enough");
        assert_eq!((line.under_way.len(), line.waiting.len()), (3, 0));
    }

    #[test]
    fn slow_receivers_hold_nobody_up() {
        let (mut line, began) = line();
        let at = |ms| began + Duration::from_millis(ms);
        let slow = [asks(&mut line, began).0, asks(&mut line, began).0];
        let (fast, begins) = asks(&mut line, began);
        assert!(begins);
        for second in 0..4 {
            // A little of the slow ones each second, and of the fast one all the time.
            send(&mut line, &slow, began, second * 1_000..second * 1_000 + 50, 10);
            send(&mut line, &[fast], began, second * 1_000..(second + 1) * 1_000, 1_000);
        }
        line.under_way.remove(&fast);
        assert!(
            asks(&mut line, at(4_000)).1,
            "both are held up elsewhere, although the line was full just now"
        );
    }

    #[test]
    fn receivers_that_take_all_they_can_leave_the_rest_of_the_line() {
        let (mut line, began) = line();
        let both = [asks(&mut line, began).0, asks(&mut line, began).0];
        send(&mut line, &both, began, 0..3_000, 500);
        send(&mut line, &both, began, 3_000..4_000, 300);
        assert!(asks(&mut line, began + Duration::from_secs(4)).1, "the line has carried more than that");
    }

    #[test]
    fn whoever_goes_away_is_not_waited_for() {
        let (mut line, began) = line();
        let both = [asks(&mut line, began).0, asks(&mut line, began).0];
        send(&mut line, &both, began, 0..3_000, 500);
        let now = began + Duration::from_secs(3);
        let (gone, next) = (asks(&mut line, now).0, asks(&mut line, now).0);
        line.give_up(gone);
        assert!(!line.begin(next, now, false));
        line.under_way.remove(&both[0]);
        assert!(line.begin(next, now, false));
    }

    #[test]
    fn what_a_line_once_carried_is_forgotten() {
        let (mut line, began) = line();
        send(&mut line, &[0], began, 0..2_000, 1_000);
        let mut is_full_after = |from: u64, until: u64| {
            send(&mut line, &[0], began, from * 1_000..until * 1_000, 300);
            line.rate.is_full(began + Duration::from_secs(until))
        };
        assert!(!is_full_after(2, 20));
        assert!(is_full_after(20, 80));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_comes_when_another_ends_and_at_the_latest_after_a_second() {
        let turns = Turns::default();
        let next = || turns.next(2 * SMALL);
        let (first, second) = (RefCell::new(Some(next().await)), next().await);
        let steadily = async || loop {
            first.borrow().iter().for_each(|first| first.sent(1_000));
            second.sent(1_000);
            tokio::time::sleep(STEP / 2).await;
        };
        let waits = async {
            tokio::time::sleep(STEP * 20).await;
            let began = Instant::now();
            let third = next().await;
            assert_eq!(began.elapsed().as_millis(), PATIENCE.as_millis());
            drop(turns.next(SMALL).await);
            assert_eq!(began.elapsed().as_millis(), PATIENCE.as_millis(), "what is small does not wait");
            let mut fourth = Box::pin(next());
            assert!(timeout(STEP * 5, &mut fourth).await.is_err());
            drop((first.take(), third));
            assert!(timeout(Duration::from_millis(1), fourth).await.is_ok());
        };
        tokio::select! {
            () = steadily() => {}
            () = waits => {}
        }
    }
}
