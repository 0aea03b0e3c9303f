//! What was measured: samples, their medians, and the two ways of printing them.

use serde::Serialize;

/// One run of one subject.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// Wall time of the transfer itself.
    pub(super) seconds: f64,
    /// Bytes of content brought.
    pub(super) bytes: u64,
    /// CPU of both ends together.
    pub(super) cpu_seconds: f64,
    /// Peak memory of the sending and the receiving side.
    pub(super) peak_mib: (f64, f64),
    /// What is timed apart: bringing the file to disk and renaming it.
    pub(super) finish_seconds: Option<f64>,
}

/// All runs of one subject in one case.
pub(super) struct Row {
    pub(super) case: &'static str,
    pub(super) subject: &'static str,
    pub(super) samples: Vec<Sample>,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    case: &'a str,
    subject: &'a str,
    metric: &'a str,
    unit: &'a str,
    median: f64,
    min: f64,
    max: f64,
    runs: usize,
}

/// A metric: its name, its unit, and how a sample gives it.
type Metric = (&'static str, &'static str, fn(&Sample) -> f64);

const METRICS: [Metric; 4] = [
    ("seconds", "s", |sample| sample.seconds),
    ("gb_s", "GB/s", |sample| sample.bytes as f64 / 1e9 / sample.seconds),
    ("cpu_s_gib", "s/GiB", |sample| sample.cpu_seconds / (sample.bytes as f64 / 1_073_741_824.0)),
    ("peak_mib", "MiB", |sample| sample.peak_mib.0.max(sample.peak_mib.1)),
];

impl Row {
    /// The median of something over all runs.
    pub(super) fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        spread(&self.samples, of).1
    }

    /// Prints what programs read: one object a line.
    pub(super) fn print_json(&self) -> anyhow::Result<()> {
        for (metric, unit, of) in METRICS {
            let (min, median, max) = spread(&self.samples, of);
            let line = Line {
                case: self.case,
                subject: self.subject,
                metric,
                unit,
                median,
                min,
                max,
                runs: self.samples.len(),
            };
            println!("{}", serde_json::to_string(&line)?);
        }
        Ok(())
    }
}

/// Prints the rows of one case as a table, each against the row of `yardstick`.
pub(super) fn print_table(case: &str, rows: &[Row], yardstick: &str) {
    let base = rows.iter().find(|row| row.subject == yardstick).map(|row| row.median(|one| one.seconds));
    println!("\n{case}, medians (x: times as fast as {yardstick})");
    println!(
        "{:<20} {:>8} {:>17} {:>7} {:>6} {:>9} {:>13} {:>8}",
        "", "s", "min … max", "GB/s", "x", "CPU s/GiB", "MiB send/recv", "finish s"
    );
    for row in rows {
        let (min, median, max) = spread(&row.samples, |one| one.seconds);
        let ratio = base.map_or_else(String::new, |base| format!("{:.2}", base / median));
        let (sender, receiver) = (row.median(|one| one.peak_mib.0), row.median(|one| one.peak_mib.1));
        let finish = row.samples.iter().find_map(|one| one.finish_seconds).is_some().then(|| {
            let median = row.median(|one| one.finish_seconds.unwrap_or(0.0));
            format!("{median:.2}")
        });
        println!(
            "{:<20} {median:>8.3} {:>17} {:>7.2} {ratio:>6} {:>9.2} {:>13} {:>8}",
            row.subject,
            format!("{min:.3} … {max:.3}"),
            row.median(METRICS[1].2),
            row.median(METRICS[2].2),
            format!("{sender:.0}/{receiver:.0}"),
            finish.unwrap_or_default(),
        );
    }
}

/// Least, median, greatest.
fn spread(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => (f64::NAN, f64::NAN, f64::NAN),
        [min, .., max] => {
            let middle = values.len() / 2;
            let median = if values.len() % 2 == 1 {
                values[middle]
            } else {
                f64::midpoint(values[middle - 1], values[middle])
            };
            (*min, median, *max)
        }
        [only] => (*only, *only, *only),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let samples = |seconds: &[f64]| {
            seconds.iter().map(|&seconds| Sample { seconds, ..Sample::default() }).collect::<Vec<_>>()
        };
        assert_eq!(spread(&samples(&[3.0, 1.0, 2.0]), |one| one.seconds), (1.0, 2.0, 3.0));
        assert_eq!(spread(&samples(&[4.0, 1.0, 2.0, 3.0]), |one| one.seconds), (1.0, 2.5, 4.0));
        assert_eq!(spread(&samples(&[7.0]), |one| one.seconds), (7.0, 7.0, 7.0));
    }
}
