//! Sizes and rates as people read and type them, in the window and on the command line alike.

use landline_peer::api::LEAST_RATE;

/// `0 B`, `812 B`, `1.5 KiB`, `112 MiB`, `4.8 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 99.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// Bytes a second as typed: `2M`, `500K`, `1.5 MiB/s`, `800000`. Units are of 1024.
pub(crate) fn parse_rate(typed: &str) -> Result<u64, &'static str> {
    const WRONG: &str = "expected bytes a second, for example 500K, 2M or 1.5 MiB/s";
    let text = typed.trim().to_ascii_lowercase();
    let text = text.strip_suffix("/s").unwrap_or(&text).trim_end();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: f64 = match unit.trim() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1_048_576.0,
        "g" | "gb" | "gib" => 1_073_741_824.0,
        _ => return Err(WRONG),
    };
    let number: f64 = number.parse().map_err(|_| WRONG)?;
    let rate = number * factor;
    if rate < LEAST_RATE as f64 {
        return Err("a limit is at least 16 KiB/s: less would stand still");
    }
    if rate > 1e15 {
        return Err("that is no limit any more; leave it out instead");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
    Ok(rate.round() as u64)
}

/// A limit as it is shown in a field and can be typed again: exact, in the largest unit that fits.
pub(crate) fn typed_rate(rate: u64) -> String {
    for (unit, name) in [(1_u64 << 30, "GiB/s"), (1 << 20, "MiB/s"), (1 << 10, "KiB/s")] {
        let tenths = rate as f64 * 10.0 / unit as f64;
        if tenths >= 10.0 && (tenths - tenths.round()).abs() < 1e-9 {
            return format!("{} {name}", tenths.round() / 10.0);
        }
    }
    format!("{rate} B/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_they_are_written() {
        for (typed, rate) in [
            ("2M", 2 << 20),
            ("500k", 500 << 10),
            ("1.5 MiB/s", 3 << 19),
            ("1 GB", 1 << 30),
            ("1234567", 1_234_567),
            (" 64 KiB/s ", 64 << 10),
        ] {
            assert_eq!(parse_rate(typed), Ok(rate), "{typed}");
            assert_eq!(parse_rate(&typed_rate(rate)), Ok(rate), "{typed} shown as {}", typed_rate(rate));
        }
        for wrong in ["", "fast", "M", "-1", "2X", "1", "0", "1e99", "999999999999G"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
        assert_eq!(typed_rate(3 << 19), "1.5 MiB/s");
    }

    #[test]
    fn sizes_use_binary_units_and_three_figures() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (1 << 30, "1.0 GiB"),
            ((1 << 30) - 1, "1.0 GiB"),
            (117_440_512, "112 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
