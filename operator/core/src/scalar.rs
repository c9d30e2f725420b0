//! Quantities, durations and the like: parsed once, written the way the API server stores them.

/// How a quantity was written, which decides how it is written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    DecimalSi,
    BinarySi,
    DecimalExponent,
}

/// An amount, as Kubernetes resources use it
/// (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).
///
/// [`Quantity::canonical`] is the form that the API server stores, so that what we apply is what we read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

const NANO: i128 = 1_000_000_000;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, u32); 10] =
    [("E", 27), ("P", 24), ("T", 21), ("G", 18), ("M", 15), ("k", 12), ("", 9), ("m", 6), ("u", 3), ("n", 0)];

impl Quantity {
    /// Parses `250m`, `1.5Gi`, `2e3`. Nothing when the grammar or the range does not fit.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || number.len() > 30 || fraction.contains('.') {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let (numerator, exponent, format) = scale(suffix)?;
        let power = exponent - i32::try_from(fraction.len()).ok()?;
        let scaled = digits.checked_mul(numerator)?;
        let nano = times_power_of_ten(scaled, power + 9)?;
        Some(Self { nano, format })
    }

    /// The value in billionths, for comparisons.
    pub fn nano(self) -> i128 {
        self.nano
    }

    /// Rounded up to thousandths: the API server counts resources no finer, and stores what it counts.
    #[must_use]
    pub fn in_thousandths(self) -> Self {
        let thousandth = NANO / 1000;
        Self { nano: (self.nano + thousandth - 1) / thousandth * thousandth, ..self }
    }

    /// The form that the API server stores: the largest suffix that needs no fraction.
    pub fn canonical(self) -> String {
        match self.format {
            Format::BinarySi if self.nano >= 1024 * NANO && self.nano % NANO == 0 => self.binary(),
            Format::DecimalExponent => self.exponent(),
            Format::BinarySi | Format::DecimalSi => self.decimal(),
        }
    }

    fn binary(self) -> String {
        let mut value = self.nano / NANO;
        let mut step = 0;
        while step + 1 < BINARY.len() && value % 1024 == 0 {
            value /= 1024;
            step += 1;
        }
        format!("{value}{}", BINARY[step])
    }

    fn decimal(self) -> String {
        let (value, suffix, _) = self.reduced();
        format!("{value}{suffix}")
    }

    fn exponent(self) -> String {
        let (value, _, power) = self.reduced();
        match i64::from(power) - 9 {
            0 => value.to_string(),
            exponent => format!("{value}e{exponent}"),
        }
    }

    /// The value without trailing thousands, its suffix, and the power of ten above a billionth.
    fn reduced(self) -> (i128, &'static str, u32) {
        if self.nano == 0 {
            return (0, "", 9);
        }
        let fits = |power: u32| 10_i128.checked_pow(power).is_some_and(|unit| self.nano % unit == 0);
        let (suffix, power) = DECIMAL.iter().copied().find(|(_, power)| fits(*power)).unwrap_or(("n", 0));
        (self.nano / 10_i128.pow(power), suffix, power)
    }
}

/// The factor of a suffix: (numerator, power of ten, format).
fn scale(suffix: &str) -> Option<(i128, i32, Format)> {
    if let Some(step) = BINARY.iter().skip(1).position(|binary| *binary == suffix) {
        return Some((1024_i128.pow(u32::try_from(step).ok()? + 1), 0, Format::BinarySi));
    }
    if let Some((_, power)) = DECIMAL.iter().find(|(decimal, _)| *decimal == suffix) {
        return Some((1, i32::try_from(*power).ok()? - 9, Format::DecimalSi));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    (-18..=18).contains(&exponent).then_some((1, exponent, Format::DecimalExponent))
}

/// `value × 10^power`; fractions of the unit are rounded up, as Kubernetes does.
fn times_power_of_ten(value: i128, power: i32) -> Option<i128> {
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 { value.checked_mul(factor) } else { Some((value + factor - 1) / factor) }
}

/// Parses a Gateway API duration (GEP-2257) into milliseconds.
pub fn milliseconds(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text;
    let mut parts = 0;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: i64 = rest[..end].parse().ok().filter(|_| end <= 5)?;
        rest = &rest[end..];
        let (unit, length) = match rest.as_bytes() {
            [b'm', b's', ..] => (1, 2),
            [b's', ..] => (1000, 1),
            [b'm', ..] => (60_000, 1),
            [b'h', ..] => (3_600_000, 1),
            _ => return None,
        };
        rest = &rest[length..];
        total += number * unit;
        parts += 1;
    }
    (1..=4).contains(&parts).then_some(total)
}

/// Whether the text is an address range such as `10.0.0.0/16` or `2001:db8::/32`.
pub fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => 32,
        Ok(std::net::IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most) && !(bits.len() > 1 && bits.starts_with('0'))
}

/// Whether the text is a DNS label (RFC 1123), such as the name of a namespace.
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

/// Whether the text is a DNS name (RFC 1123 subdomain).
pub fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// Whether the text can be the name of an object: like a DNS name, but each of its parts may be as long as the whole
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names>).
pub fn is_object_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

/// What stands between the dots of a name.
fn is_part(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether the text is a DNS name or an IP address.
pub fn is_host(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok() || is_dns_name(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        Quantity::parse(text).unwrap_or_else(|| panic!("{text} is a quantity")).canonical()
    }

    #[test]
    fn quantities_are_written_as_the_api_server_writes_them() {
        // Each pair was read back from a kube-apiserver 1.36.
        for (written, stored) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("1000Mi", "1000Mi"),
            ("2000", "2k"),
            ("2000000", "2M"),
            ("100m", "100m"),
            ("1e3", "1e3"),
            ("0", "0"),
            ("512", "512"),
            ("0.5Ki", "512"),
            ("128974848", "128974848"),
            ("1.25", "1250m"),
        ] {
            assert_eq!(canonical(written), stored, "{written}");
        }
    }

    #[test]
    fn resources_are_rounded_up_to_thousandths() {
        for (written, stored) in
            [("100u", "1m"), ("1500u", "2m"), ("1.0005", "1001m"), ("1n", "1m"), ("1e-6", "1e-3"), ("0", "0")]
        {
            let quantity = Quantity::parse(written).expect("a quantity");
            assert_eq!(quantity.in_thousandths().canonical(), stored, "{written}");
        }
        assert_eq!(Quantity::parse("250m").map(Quantity::in_thousandths), Quantity::parse("250m"));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "m", "1.2.3", "1 Gi", "abc", "1GB", "NaN", "-1", "1e99", "."] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_add_up() {
        assert_eq!(milliseconds("250ms"), Some(250));
        assert_eq!(milliseconds("1h30m"), Some(5_400_000));
        assert_eq!(milliseconds("2s"), Some(2_000));
        for text in ["", "2", "s", "2x", "1.5s", "123456s", "1s1s1s1s1s"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_and_hosts_are_told_from_other_text() {
        assert!(is_cidr("10.0.0.0/16") && is_cidr("2001:db8::/32"));
        assert!(
            !is_cidr("10.0.0.0")
                && !is_cidr("10.0.0.0/33")
                && !is_cidr("10.0.0/8")
                && !is_cidr("10.0.0.0/08")
        );
        assert!(is_host("pg.data.svc") && is_host("10.1.2.3") && is_host("::1"));
        assert!(!is_host("pg_data") && !is_host("") && !is_host("a..b") && !is_host("$(X)"));
    }

    proptest! {
        #[test]
        fn the_canonical_form_has_the_same_value_and_is_its_own_canonical_form(
            digits in 0_u32..100_000, fraction in proptest::option::of(0_u32..1000),
            suffix in proptest::sample::select(vec!["", "m", "k", "M", "Ki", "Mi", "Gi", "u", "e3", "E2"]),
        ) {
            let text = match fraction { Some(part) => format!("{digits}.{part}{suffix}"), None => format!("{digits}{suffix}") };
            let first = Quantity::parse(&text).expect("a quantity");
            let again = Quantity::parse(&first.canonical()).expect("canonical forms are quantities");
            prop_assert_eq!(first.nano(), again.nano());
            prop_assert_eq!(first.canonical(), again.canonical());
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in ".{0,40}") {
            let _ = Quantity::parse(&text);
            let _ = milliseconds(&text);
            let _ = is_cidr(&text);
        }
    }

    #[test]
    fn names_of_objects_are_those_that_the_api_server_takes() {
        let long = "a".repeat(253);
        for name in ["shop", "shop-2", "a.b", "1st", &long] {
            assert!(is_object_name(name), "{name}");
        }
        for name in ["", "Shop", "a_b", "-a", "a-", "a..b", &"a".repeat(254)] {
            assert!(!is_object_name(name), "{name}");
        }
        assert!(!is_dns_name(&long) && is_dns_name(&"a.".repeat(100)[..199]));
    }
}
