//! [`Number`]: numbers of any size and precision.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A JSON number with its exact value.
///
/// A number with a fraction or an exponent is a decimal number; any other number is an integer. Two numbers are equal if
/// they have the same value and the same kind. Numbers are ordered by value; an integer comes before the decimal number
/// with the same value. Decimal numbers are printed as they were written.
///
/// Exponents of more than 36 digits are compared by their digits.
///
/// ```
/// use maelstrom_protocol::json::Number;
/// let number = |text: &str| text.parse::<Number>().unwrap();
/// assert_eq!(number("1.0"), number("10e-1"));
/// assert_ne!(number("1.0"), number("1"));
/// assert!(number("18446744073709551616") < number("18446744073709551617"));
/// assert_eq!(number("-0").to_string(), "0");
/// ```
#[derive(Clone)]
pub struct Number(Repr);

#[derive(Clone)]
enum Repr {
    Unsigned(u64),
    /// Negative.
    Signed(i64),
    /// An integer that does not fit into 64 bits, without leading zeros.
    Big(Box<str>),
    /// A number with a fraction or an exponent, as written.
    Decimal(Box<str>),
}

impl Number {
    /// Parses a JSON number; `None` if the text is something else.
    pub(super) fn from_json(text: &str) -> Option<Number> {
        let bytes = text.as_bytes();
        let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let start = usize::from(bytes.first() == Some(&b'-'));
        let whole = digits(start);
        if whole == 0 || (whole > 1 && bytes[start] == b'0') {
            return None;
        }
        let mut at = start + whole;
        if at == bytes.len() {
            return Some(Number::from_integer_text(text));
        }
        if bytes[at] == b'.' {
            let fraction = digits(at + 1);
            at += 1 + fraction;
            if fraction == 0 {
                return None;
            }
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = bytes.get(at..).map_or(0, |_| digits(at));
            at += exponent;
            if exponent == 0 {
                return None;
            }
        }
        (at == bytes.len()).then(|| Number::from_decimal_text(text))
    }

    /// Parses decimal digits with an optional minus sign. Leading zeros are allowed.
    #[doc(hidden)]
    pub fn from_integer_text(text: &str) -> Number {
        if let Ok(number) = text.parse::<u64>() {
            return Number::from(number);
        }
        if let Ok(number) = text.parse::<i64>() {
            return Number::from(number);
        }
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let digits = digits.trim_start_matches('0');
        match (digits.is_empty(), negative, digits.len() == text.len()) {
            (true, ..) => Number::from(0u64),
            (false, false, true) => Number(Repr::Big(text.into())),
            (false, ..) => {
                // Without leading zeros, the number may fit into 64 bits.
                let sign = if negative { "-" } else { "" };
                let text = format!("{sign}{digits}");
                let small = text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from));
                small.unwrap_or_else(|_| Number(Repr::Big(text.into())))
            }
        }
    }

    /// Creates a decimal number from its text, which must be a JSON number.
    #[doc(hidden)]
    pub fn from_decimal_text(text: &str) -> Number {
        Number(Repr::Decimal(text.into()))
    }

    /// Converts a finite floating-point number, in the shortest notation that parses back to the same number. `None` if it
    /// is not finite.
    pub fn from_f64(number: f64) -> Option<Number> {
        // The notation is that of `serde_json`, so that it is the same wherever a number is printed.
        serde_json::Number::from_f64(number).map(|number| Number(Repr::Decimal(number.to_string().into())))
    }

    /// The number, if it is an integer in the range 0 to 2⁶⁴ − 1.
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Repr::Unsigned(number) => Some(number),
            _ => None,
        }
    }

    /// The number, if it is an integer in the range −2⁶³ to 2⁶³ − 1.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Unsigned(number) => i64::try_from(number).ok(),
            Repr::Signed(number) => Some(number),
            _ => None,
        }
    }

    /// The number, if it is an integer in the range −2¹²⁷ to 2¹²⁷ − 1.
    pub fn as_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Unsigned(number) => Some((*number).into()),
            Repr::Signed(number) => Some((*number).into()),
            Repr::Big(text) => text.parse().ok(),
            Repr::Decimal(_) => None,
        }
    }

    /// The nearest floating-point number, unless it is infinite.
    pub fn as_f64(&self) -> Option<f64> {
        let nearest = match &self.0 {
            Repr::Unsigned(number) => *number as f64,
            Repr::Signed(number) => *number as f64,
            Repr::Big(text) | Repr::Decimal(text) => text.parse().ok()?,
        };
        nearest.is_finite().then_some(nearest)
    }

    /// True for integers of any size.
    pub fn is_integer(&self) -> bool {
        !self.is_f64()
    }

    /// True if [`Number::as_u64`] returns the number.
    pub fn is_u64(&self) -> bool {
        self.as_u64().is_some()
    }

    /// True if [`Number::as_i64`] returns the number.
    pub fn is_i64(&self) -> bool {
        self.as_i64().is_some()
    }

    /// True for decimal numbers: numbers with a fraction or an exponent.
    pub fn is_f64(&self) -> bool {
        matches!(self.0, Repr::Decimal(_))
    }

    /// The text of a number that is not stored as a machine integer.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.0 {
            Repr::Big(text) | Repr::Decimal(text) => Some(text),
            Repr::Unsigned(_) | Repr::Signed(_) => None,
        }
    }
}

/// The value ±0.DIGITS × 10^POINT. DIGITS have no leading and no trailing zeros; they are empty for 0.
#[derive(PartialEq, Eq, Hash)]
struct Canonical {
    negative: bool,
    point: Point,
    digits: Vec<u8>,
}

#[derive(PartialEq, Eq, Hash)]
enum Point {
    At(i128),
    /// An exponent of more than [`MAX_EXPONENT_DIGITS`]: its sign, and its digits without leading zeros.
    Beyond {
        negative: bool,
        digits: Box<str>,
    },
}

/// Maximum number of digits of an exponent that is computed with. Adding the length of a text to it must not overflow.
const MAX_EXPONENT_DIGITS: usize = 36;

impl Canonical {
    fn of(text: &str) -> Canonical {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, ""));
        let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        let zeros = all().take_while(|digit| *digit == b'0').count();
        let mut digits: Vec<u8> = all().skip(zeros).collect();
        digits.truncate(digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1));
        if digits.is_empty() {
            return Canonical { negative: false, point: Point::At(0), digits };
        }
        let (exponent_negative, exponent) = match exponent.as_bytes().first() {
            Some(b'-') => (true, &exponent[1..]),
            Some(b'+') => (false, &exponent[1..]),
            _ => (false, exponent),
        };
        let exponent = exponent.trim_start_matches('0');
        let point = if exponent.len() <= MAX_EXPONENT_DIGITS {
            let magnitude: i128 = exponent.parse().unwrap_or(0);
            let exponent = if exponent_negative { -magnitude } else { magnitude };
            Point::At(exponent + whole.len() as i128 - zeros as i128)
        } else {
            Point::Beyond { negative: exponent_negative, digits: exponent.into() }
        };
        Canonical { negative, point, digits }
    }
}

impl Ord for Point {
    fn cmp(&self, other: &Point) -> Ordering {
        let sign = |point: &Point| match point {
            Point::At(_) => 0,
            Point::Beyond { negative: true, .. } => -1,
            Point::Beyond { negative: false, .. } => 1,
        };
        match (self, other) {
            (Point::At(a), Point::At(b)) => a.cmp(b),
            (Point::Beyond { negative, digits: a }, Point::Beyond { negative: same, digits: b })
                if negative == same =>
            {
                let magnitudes = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
                if *negative { magnitudes.reverse() } else { magnitudes }
            }
            _ => sign(self).cmp(&sign(other)),
        }
    }
}

impl PartialOrd for Point {
    fn partial_cmp(&self, other: &Point) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Canonical {
    fn cmp(&self, other: &Canonical) -> Ordering {
        let sign = |number: &Canonical| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            let magnitudes = self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
            if self.negative { magnitudes.reverse() } else { magnitudes }
        })
    }
}

impl PartialOrd for Canonical {
    fn partial_cmp(&self, other: &Canonical) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        match (&self.0, &other.0) {
            (Repr::Unsigned(a), Repr::Unsigned(b)) => a == b,
            (Repr::Signed(a), Repr::Signed(b)) => a == b,
            (Repr::Big(a), Repr::Big(b)) => a == b,
            (Repr::Decimal(a), Repr::Decimal(b)) => a == b || Canonical::of(a) == Canonical::of(b),
            _ => false,
        }
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Unsigned(number) => number.hash(state),
            Repr::Signed(number) => number.hash(state),
            Repr::Big(text) => text.hash(state),
            Repr::Decimal(text) => Canonical::of(text).hash(state),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Unsigned(a), Repr::Unsigned(b)) => a.cmp(b),
            (Repr::Signed(a), Repr::Signed(b)) => a.cmp(b),
            (Repr::Signed(_), Repr::Unsigned(_)) => Ordering::Less,
            (Repr::Unsigned(_), Repr::Signed(_)) => Ordering::Greater,
            _ => {
                let values = Canonical::of(&self.to_string()).cmp(&Canonical::of(&other.to_string()));
                values.then_with(|| self.is_f64().cmp(&other.is_f64()))
            }
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Unsigned(number) => fmt::Display::fmt(number, f),
            Repr::Signed(number) => fmt::Display::fmt(number, f),
            Repr::Big(text) | Repr::Decimal(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

/// The error for a text that is not a JSON number.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseNumberError;

impl fmt::Display for ParseNumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a JSON number")
    }
}

impl std::error::Error for ParseNumberError {}

impl FromStr for Number {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Number, ParseNumberError> {
        Number::from_json(text).ok_or(ParseNumberError)
    }
}

macro_rules! from_integers {
    ($($unsigned:ty)*; $($signed:ty)*; $($wide:ty)*) => {
        $(impl From<$unsigned> for Number {
            fn from(number: $unsigned) -> Number {
                Number(Repr::Unsigned(number as u64))
            }
        })*
        $(impl From<$signed> for Number {
            fn from(number: $signed) -> Number {
                let signed = number as i64;
                Number(u64::try_from(signed).map_or(Repr::Signed(signed), Repr::Unsigned))
            }
        })*
        $(impl From<$wide> for Number {
            fn from(number: $wide) -> Number {
                Number::from_integer_text(&number.to_string())
            }
        })*
    };
}

from_integers!(u8 u16 u32 u64 usize; i8 i16 i32 i64 isize; u128 i128);
