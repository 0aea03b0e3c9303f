//! Downloads whose ends are killed while bytes move, and go on: what arrives is what was sent, nothing
//! else is ever under its name, and little is fetched again.

mod case;
mod download;
mod endgame;
mod ledger;
mod source;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use crate::campaign::{Campaign, Verdict};
use case::Case;
use download::{Outcome, run as download};

/// Downloads at a time: most are slowed down, so that they wait more than they work.
const AT_A_TIME: usize = 3;
/// Of so many downloads at most, for each kill that is to strike, it is expected to.
const MOST_FOR_EACH: u64 = 2;

/// What all downloads of a run gave.
#[derive(Default)]
struct Total {
    verdict: Verdict,
    downloads: u64,
    bytes: u64,
    again: u64,
    twice: u64,
    /// For one kill and source.
    most_again: u64,
    coded: u64,
    torn: u64,
}

/// Runs downloads until so many kills have struck.
pub(crate) fn run(campaign: &Campaign) -> Result<Verdict> {
    let work = tempfile::tempdir()?;
    let (next, total) = (AtomicU64::new(0), Mutex::new(Total::default()));
    let broken = AtomicBool::new(false);
    let ended: Vec<Result<()>> = std::thread::scope(|scope| {
        let work_on = || {
            let done = work_on(campaign, work.path(), &next, &total, &broken);
            broken.fetch_or(done.is_err(), Ordering::Relaxed);
            done
        };
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work_on)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a worker panicked")))
            .collect()
    });
    ended.into_iter().collect::<Result<()>>()?;
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.tell();
    Ok(total.verdict)
}

/// One download after the other, while there are kills to strike.
fn work_on(
    campaign: &Campaign,
    work: &std::path::Path,
    next: &AtomicU64,
    total: &Mutex<Total>,
    broken: &AtomicBool,
) -> Result<()> {
    let count = campaign.count as u64;
    loop {
        let enough = total.lock().unwrap_or_else(PoisonError::into_inner).verdict.injected >= count;
        let number = next.fetch_add(1, Ordering::Relaxed);
        if enough || number >= count * MOST_FOR_EACH || broken.load(Ordering::Relaxed) {
            return Ok(());
        }
        let folder = work.join(number.to_string());
        let outcome = download(campaign, &folder, Case::draw(campaign.seed, number, campaign.count))?;
        std::fs::remove_dir_all(folder)?;
        println!("{}", outcome.line);
        for failure in &outcome.verdict.failures {
            println!("    {failure}");
        }
        total.lock().unwrap_or_else(PoisonError::into_inner).add(outcome);
    }
}

impl Total {
    fn add(&mut self, outcome: Outcome) {
        let Verdict { injected, checked, failures } = outcome.verdict;
        self.verdict.injected += injected;
        self.verdict.checked += checked;
        self.verdict.failures.extend(failures);
        self.downloads += 1;
        self.bytes += outcome.size;
        self.again += outcome.again;
        self.twice += outcome.twice;
        self.most_again = self.most_again.max(outcome.most_again);
        self.coded += u64::from(outcome.coded);
        self.torn += outcome.torn;
    }

    fn tell(&self) {
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        println!(
            "{} downloads of {:.0} MiB in all; fetched again after kills: {:.1} MiB in all, at most {:.3} MiB \
             for one kill and source; {:.1} MiB came twice near the end; {} times something on disk was torn; \
             {} downloads came compressed and are not in these figures",
            self.downloads,
            mib(self.bytes),
            mib(self.again),
            mib(self.most_again),
            mib(self.twice),
            self.torn,
            self.coded
        );
    }
}
