//! Bytes, and bytes a second, as people write and read them.

/// A bare number below this many bytes a second is one whose unit was forgotten.
const LEAST_BARE: u64 = 100_000;

/// Reads bytes a second, `20M` or `20MB/s`: powers of 1000. A small number needs its unit, as `20B/s`.
///
/// # Errors
/// What to write instead.
pub fn parse_rate(text: &str) -> Result<u64, &'static str> {
    let is_bare = text.trim().bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_suffix("/s").unwrap_or(text);
    match parse_bytes(text) {
        Some(1..LEAST_BARE) if is_bare => Err("say the unit, as 20MB/s or 500kB/s"),
        Some(rate) if rate > 0 => Ok(rate),
        _ => Err("write bytes a second, as 500K, 20M or 1G"),
    }
}

/// Reads a number of bytes, `0`, `500M` or `1GB`: powers of 1000.
///
/// # Errors
/// What to write instead.
pub fn parse_size(text: &str) -> Result<u64, &'static str> {
    parse_bytes(text)
        .ok_or("write bytes with K, M, G or T behind the number, as 500M or 1GB, or 0 for none")
}

/// A number of bytes with K, M, G or T behind it, powers of 1000.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_suffix(['B', 'b']).unwrap_or(text);
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

/// Bytes a second as [`parse_rate`] reads them, without rounding.
pub(crate) fn rate_text(bytes_per_s: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "TB/s"),
        (1_000_000_000, "GB/s"),
        (1_000_000, "MB/s"),
        (1_000, "kB/s"),
    ];
    UNITS
        .iter()
        .find(|(unit, _)| bytes_per_s.is_multiple_of(*unit))
        .map_or_else(
            || format!("{bytes_per_s}B/s"),
            |(unit, name)| format!("{}{name}", bytes_per_s / unit),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_in_bytes_with_powers_of_1000() {
        for (text, rate) in [
            ("1B", Some(1)),
            ("20", None),
            ("99999", None),
            ("99999B/s", Some(99_999)),
            ("100000", Some(100_000)),
            ("1048576", Some(1_048_576)),
            ("512k", Some(512_000)),
            ("500K", Some(500_000)),
            ("20M", Some(20_000_000)),
            ("20MB/s", Some(20_000_000)),
            ("20 MB/s", Some(20_000_000)),
            ("3tb/s", Some(3_000_000_000_000)),
            ("0", None),
            ("fast", None),
            ("-1", None),
            ("1.5M", None),
            ("20Mbit/s", None),
            ("20MiB/s", None),
            ("99999999T", None),
            ("", None),
        ] {
            assert_eq!(parse_rate(text).ok(), rate, "{text}");
        }
    }

    #[test]
    fn a_size_is_a_rate_without_time_and_may_be_0() {
        for (text, size) in [
            ("0", Some(0)),
            ("1GB", Some(1_000_000_000)),
            ("500M", Some(500_000_000)),
            ("20MB/s", None),
            ("1GiB", None),
            ("-1", None),
            ("", None),
            ("99999999T", None),
        ] {
            assert_eq!(parse_size(text).ok(), size, "{text}");
        }
    }

    #[test]
    fn a_rate_is_written_as_it_can_be_read() {
        for (rate, text) in [
            (1, "1B/s"),
            (999, "999B/s"),
            (512_000, "512kB/s"),
            (1_234_567, "1234567B/s"),
            (20_000_000, "20MB/s"),
            (1_000_000_000, "1GB/s"),
            (2_000_000_000_000, "2TB/s"),
        ] {
            assert_eq!(rate_text(rate), text);
            assert_eq!(parse_rate(text), Ok(rate));
        }
    }
}
