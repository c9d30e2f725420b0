//! Durations as people write them.

use std::time::Duration;

/// Reads `250ms`, `2s` or `5m`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let amount: u64 =
        number.parse().map_err(|_| format!("\"{text}\" is no duration such as 250ms, 2s or 5m"))?;
    match &text[number.len()..] {
        "ms" => Ok(Duration::from_millis(amount)),
        "s" => Ok(Duration::from_secs(amount)),
        "m" => Ok(Duration::from_secs(amount * 60)),
        unit => Err(format!("\"{text}\": the unit is ms, s or m, not \"{unit}\"")),
    }
}

/// Whole milliseconds, as the answers tell them.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("5m"), Ok(Duration::from_secs(300)));
        assert!(parse("5").is_err());
        assert!(parse("s").is_err());
        assert!(parse("-1s").is_err());
    }
}
