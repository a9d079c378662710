//! The numbers of EDN and Clojure.

use crate::json::{Number, Value};

/// A number, or a ratio as a string. `None` if the word is neither.
pub(super) fn number(word: &str) -> Option<Value> {
    let (sign, digits) = match word.as_bytes().first()? {
        b'-' => ("-", &word[1..]),
        b'+' => ("", &word[1..]),
        _ => ("", word),
    };
    if let Some((above, below)) = digits.split_once('/') {
        return (is_digits(above) && is_digits(below)).then(|| ratio(sign, above, below));
    }
    let integer = |digits: &str| Value::Number(Number::from_integer_text(&format!("{sign}{digits}")));
    let whole = digits.strip_suffix('N').unwrap_or(digits);
    if is_digits(whole) {
        return Some(integer(whole));
    }
    if let Some((radix, digits)) = with_radix(digits) {
        return in_decimal(digits, radix).map(|digits| integer(&digits));
    }
    let decimal = digits.strip_suffix('M').unwrap_or(digits);
    decimal_text(sign, decimal).map(|text| Value::Number(Number::from_decimal_text(&text)))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A ratio of integers: an integer if possible, else the text of the reduced ratio. Ratios beyond 128 bits are not reduced.
fn ratio(sign: &str, above: &str, below: &str) -> Value {
    let (Ok(above), Ok(below)) = (above.parse::<u128>(), below.parse::<u128>()) else {
        return Value::String(format!("{sign}{above}/{below}"));
    };
    let (mut divisor, mut rest) = (above, below);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let divisor = divisor.max(1);
    match (above / divisor, below / divisor) {
        (above, 1) => Value::Number(Number::from_integer_text(&format!("{sign}{above}"))),
        (above, below) => Value::String(format!("{sign}{above}/{below}")),
    }
}

/// `0x1F`, `0x1FN` and `16r1F`: the radix and the digits. After `r`, an `N` is a digit, as in Clojure.
fn with_radix(digits: &str) -> Option<(u32, &str)> {
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return Some((16, hex.strip_suffix('N').unwrap_or(hex)));
    }
    let (radix, digits) = digits.split_once(['r', 'R'])?;
    let radix = radix.parse().ok().filter(|radix| (2..=36).contains(radix))?;
    Some((radix, digits))
}

/// Converts digits in another radix to decimal. The time grows with the square of their number, which is therefore limited.
fn in_decimal(digits: &str, radix: u32) -> Option<String> {
    const MOST_DIGITS: usize = 4096;
    /// The radix of the elements of the number.
    const BASE: u64 = 1_000_000_000;
    if digits.is_empty() || digits.len() > MOST_DIGITS {
        return None;
    }
    let mut number: Vec<u64> = Vec::new();
    for digit in digits.chars() {
        let mut carry = u64::from(digit.to_digit(radix)?);
        for element in &mut number {
            let sum = *element * u64::from(radix) + carry;
            (*element, carry) = (sum % BASE, sum / BASE);
        }
        if carry > 0 {
            number.push(carry);
        }
    }
    let Some((first, others)) = number.split_last() else { return Some("0".to_owned()) };
    Some(others.iter().rev().fold(first.to_string(), |text, element| format!("{text}{element:09}")))
}

/// A decimal number in the notation of JSON: no leading zeros, digits on both sides of the point.
fn decimal_text(sign: &str, text: &str) -> Option<String> {
    // The exponent includes its letter.
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_digits = exponent.map(|exponent| exponent[1..].strip_prefix(['+', '-']).unwrap_or(&exponent[1..]));
    let is_valid =
        is_digits(whole) && (fraction.is_empty() || is_digits(fraction)) && exponent_digits.is_none_or(is_digits);
    if !is_valid {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let mut number = format!("{sign}{whole}");
    if !fraction.is_empty() || exponent.is_none() {
        number.push('.');
        number.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    if let Some(exponent) = exponent {
        number.push_str(exponent);
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (word, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("+7", "7"),
            ("007", "7"),
            ("18446744073709551617N", "18446744073709551617"),
            ("-99999999999999999999", "-99999999999999999999"),
            ("0x1F", "31"),
            ("-0xffN", "-255"),
            ("0x10000000000000000", "18446744073709551616"),
            ("2r101", "5"),
            ("36rZZ", "1295"),
            ("36rZN", "1283"),
            ("1.50", "1.50"),
            ("1.", "1.0"),
            ("1.e5", "1e5"),
            ("1E-5", "1E-5"),
            ("5M", "5.0"),
            ("-00.5e+10M", "-0.5e+10"),
            ("0.1000000000000000055511151231257827M", "0.1000000000000000055511151231257827"),
            ("1e400", "1e400"),
            ("1/3", "\"1/3\""),
            ("-4/6", "\"-2/3\""),
            ("4/2", "2"),
            ("-0/5", "0"),
            ("1/0", "\"1/0\""),
            ("340282366920938463463374607431768211456/2", "\"340282366920938463463374607431768211456/2\""),
        ] {
            assert_eq!(number(word).map(|value| value.to_string()).as_deref(), Some(expected), "{word}");
        }
    }

    #[test]
    fn other_words_are_no_numbers() {
        for word in
            ["1x", "1.5.5", "0x", "0xG", "2r2", "1r1", "37r1", "1/", "/2", "1e", "1e+", "--1", "1/2/3", "1NN", "2r1N"]
        {
            assert_eq!(number(word), None, "{word}");
        }
        assert_eq!(number(&format!("0x{}", "F".repeat(5000))), None);
    }

    #[test]
    fn hexadecimal_digits_are_converted_like_those_of_machine_integers() {
        for number in [0, 1, 999_999_999, 1_000_000_000, u128::from(u64::MAX), u128::MAX] {
            assert_eq!(in_decimal(&format!("{number:x}"), 16), Some(number.to_string()));
        }
    }
}
