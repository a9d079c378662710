//! Tests of numbers, parsing and conversion.

use std::cmp::Ordering;
use std::hash::BuildHasher;

use proptest::prelude::*;
use rustc_hash::FxBuildHasher;

use super::*;

fn number(text: &str) -> Number {
    text.parse().unwrap_or_else(|_| panic!("{text} is a number"))
}

#[test]
fn numbers_are_equal_by_value_and_kind() {
    let classes: &[&[&str]] = &[
        &["0", "-0"],
        &["0.0", "-0.0", "0e5", "0.000E-7", "-0e99999999999999999999999999999999999999999999"],
        &["1"],
        &["1.0", "1.00", "1e0", "10e-1", "0.1E+1", "1E00"],
        &["18446744073709551615"],
        &["18446744073709551616"],
        &["18446744073709551617"],
        &["18446744073709551616.0", "1844674407370955161.6e1"],
        &["-9223372036854775808"],
        &["-9223372036854775809"],
        &["0.1"],
        &["0.1000000000000000055511151231257827"],
        &["1e400", "10e399"],
        &["1e-400", "0.1e-399"],
        &["-1e400"],
        &["1e99999999999999999999999999999999999999"],
        &["1e-99999999999999999999999999999999999999"],
    ];
    for (i, class) in classes.iter().enumerate() {
        for (j, other) in classes.iter().enumerate() {
            for a in *class {
                for b in *other {
                    let (x, y) = (number(a), number(b));
                    assert_eq!(x == y, i == j, "{a} and {b}");
                    assert_eq!(x.cmp(&y) == Ordering::Equal, i == j, "{a} and {b}");
                    if i == j {
                        assert_eq!(FxBuildHasher.hash_one(&x), FxBuildHasher.hash_one(&y), "{a} and {b}");
                    }
                }
            }
        }
    }
}

#[test]
fn numbers_are_ordered_by_value() {
    let ascending = [
        "-1e99999999999999999999999999999999999999",
        "-1e400",
        "-18446744073709551617",
        "-18446744073709551616",
        "-9223372036854775809",
        "-9223372036854775808",
        "-1.5",
        "-1",
        "-1.0",
        "-1e-400",
        "0",
        "0.0",
        "1e-400",
        "0.99",
        "1",
        "1.0",
        "1.0000000000000000000000000000000000000000001",
        "9223372036854775807",
        "18446744073709551615",
        "18446744073709551615.5",
        "18446744073709551616",
        "18446744073709551617",
        "1e400",
        "1e99999999999999999999999999999999999999",
        "1e999999999999999999999999999999999999999",
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(number(a).cmp(&number(b)), i.cmp(&j), "{a} and {b}");
        }
    }
}

#[test]
fn texts_that_are_not_numbers_are_rejected() {
    for text in ["", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e5", "0x1", "1 ", " 1", "NaN", "1.5.5", "1-2"]
    {
        assert_eq!(text.parse::<Number>(), Err(ParseNumberError), "{text}");
        assert!(from_str(&format!("[{text}x]")).is_err());
    }
}

#[test]
fn integers_of_all_types_have_one_representation() {
    assert_eq!(json!(3u8), json!(3i64));
    assert_eq!(json!(3u128), json!(3));
    assert_eq!(json!(u128::MAX).to_string(), u128::MAX.to_string());
    assert_eq!(json!(i128::MIN), from_str(&i128::MIN.to_string()).unwrap());
    assert_eq!(Number::from_integer_text("-00018446744073709551616").to_string(), "-18446744073709551616");
    assert_eq!(Number::from_integer_text("-0000000000000000000000"), Number::from(0));
    assert_eq!(Number::from_integer_text("00000000000000000000007"), Number::from(7));
    assert_eq!(json!(u64::MAX).as_i64(), None);
    assert_eq!(json!(1u128 << 64).as_number().and_then(Number::as_i128), Some(1 << 64));
    assert_eq!(json!(1.0).as_i64(), None);
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(from_str(&nested(MAX_DEPTH)).is_ok());
    let error = from_str(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert!(error.to_string().contains("recursion limit exceeded"), "{error}");
    assert!(from_str(&"[".repeat(1_000_000)).is_err());
    assert!(from_str(&"{\"a\":".repeat(1_000_000)).is_err());
}

#[test]
fn the_last_of_duplicate_keys_counts() {
    assert_eq!(from_str(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap(), json!({"a": 3, "b": 2}));
}

#[test]
fn serde_json_keeps_numbers_exactly() {
    let text = r#"{"a":[18446744073709551617,1.00,{"b":-0.1000000000000000055511151231257827}],"c":"\n"}"#;
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(value.to_string(), text);
    assert_eq!(serde_json::to_string(&value).unwrap(), text);
    let entries: Map<String, Value> = serde_json::from_str(text).unwrap();
    assert_eq!(Value::Object(entries), value);
    assert_eq!(to_value(&(1u8, "x", value.clone())).unwrap(), json!([1, "x", value]));
}

#[test]
fn inexact_deserialization_is_an_error() {
    let read: Value = serde_json::from_reader(&b"[18446744073709551617]"[..]).unwrap();
    assert_eq!(read.to_string(), "[18446744073709551617]");
    let read: Value = serde_json::from_value(serde_json::json!([1, 1.5, null])).unwrap();
    assert_eq!(read, json!([1, 1.5, null]));

    /// For this type, `serde` converts numbers to floating point first.
    #[derive(Debug, serde::Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Any(#[allow(dead_code)] Value),
    }
    assert!(serde_json::from_str::<Untagged>("18446744073709551617").is_err());
}

#[test]
fn conversion_to_serde_json_fails_for_inexact_numbers() {
    for (text, fits) in [
        ("[1,-1,1.5,\"x\",null,{\"a\":true}]", true),
        ("18446744073709551615", true),
        ("18446744073709551616", false),
        ("1.00", true),
        ("0.1000000000000000055511151231257827", false),
        ("1e400", false),
    ] {
        let value = from_str(text).unwrap();
        let converted = serde_json::Value::try_from(value.clone());
        assert_eq!(converted.is_ok(), fits, "{text}");
        if let Ok(converted) = converted {
            assert_eq!(Value::from(converted), value);
        }
    }
}

#[test]
fn elements_are_read_and_written_by_key_and_position() {
    let mut value = json!({"a": [1, {"b": null}]});
    assert_eq!(value["a"][0], 1);
    assert_eq!(value["a"][7], Value::Null);
    assert_eq!(value["x"]["y"], Value::Null);
    value["a"][1]["b"] = json!("new");
    value["c"]["d"] = json!(true);
    assert_eq!(value, json!({"a": [1, {"b": "new"}], "c": {"d": true}}));
    assert_eq!(value["a"][1]["b"], "new");
    assert_eq!((value.get("nothing"), value.get(0)), (None, None));
    assert_eq!(value["a"].take().as_array().map(Vec::len), Some(2));
    assert!(value["a"].is_null());
}

/// Texts of small and large integers and decimal numbers.
fn numbers() -> impl Strategy<Value = String> {
    let exponent = prop_oneof![Just(String::new()), (-400i32..400).prop_map(|e| format!("e{e}"))];
    let fraction = prop_oneof![Just(String::new()), "\\.[0-9]{1,25}"];
    ("-?(0|[1-9][0-9]{0,30})", fraction, exponent).prop_map(|(whole, fraction, exponent)| whole + &fraction + &exponent)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_printed_as_it_was_written(text in numbers()) {
        let read = number(&text);
        if text.trim_start_matches(['-', '0']).is_empty() {
            prop_assert_eq!(read.to_string(), "0");
        } else {
            prop_assert_eq!(read.to_string(), text);
        }
        prop_assert_eq!(number(&read.to_string()), read);
    }

    #[test]
    fn the_order_agrees_with_equality_and_with_floating_point(a in numbers(), b in numbers()) {
        let (x, y) = (number(&a), number(&b));
        prop_assert_eq!(x.cmp(&y), y.cmp(&x).reverse());
        prop_assert_eq!(x.cmp(&y) == Ordering::Equal, x == y);
        if let (Some(p), Some(q)) = (x.as_f64(), y.as_f64()) && p != q {
            prop_assert_eq!(x.partial_cmp(&y), p.partial_cmp(&q));
        }
    }

    #[test]
    fn shifting_the_decimal_point_preserves_equality(digits in "[1-9][0-9]{0,20}", shift in 0usize..30, exponent in -50i64..50) {
        let plain = number(&format!("{digits}e{exponent}"));
        let longer = number(&format!("{digits}{}e{}", "0".repeat(shift), exponent - shift as i64));
        prop_assert_eq!(&plain, &longer);
        prop_assert_eq!(FxBuildHasher.hash_one(&plain), FxBuildHasher.hash_one(&longer));
        prop_assert_ne!(&plain, &number(&format!("{digits}1e{}", exponent - 1)));
    }

    #[test]
    fn the_parser_accepts_the_same_texts_as_serde_json(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..14)) {
        assert_same_as_serde_json(&pieces.concat());
        assert_same_as_serde_json(&format!("[{}]", pieces.join(",")));
        assert_same_as_serde_json(&format!("{{\"a\":{}}}", pieces.concat()));
    }

    #[test]
    fn the_parser_agrees_with_serde_json_after_one_changed_byte(at in 0..90usize, byte in 0x01..0x7fu8) {
        let text = r#"{"type":"x","a":[1,-2.5,"\u00e9\n\ud83d\ude00",{"b":null}], "d":true,"e":[[],{}, 10e2]}"#;
        let mut bytes = text.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        assert_same_as_serde_json(std::str::from_utf8(&bytes).unwrap());
    }
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\n",
    "\"",
    "\\",
    "\"a\"",
    "\"\\n\"",
    "\"\\u00e9\"",
    "\"\\ud800\"",
    "\"\\x\"",
    "\"é\"",
    "\"\t\"",
    "\"\\é\"",
    "0",
    "01",
    "-",
    "-1",
    "-0",
    "1.5",
    "1.",
    "1e5",
    "2E-3",
    "00",
    "12345678901234567890",
    "99999999999999999999",
    "-9223372036854775809",
    "true",
    "false",
    "nul",
    "null",
    "{}",
    "[]",
    "[1,2]",
    "\"a\":1",
    "\"a\":{\"b\":[]}",
];

fn assert_same_as_serde_json(text: &str) {
    let ours = from_str(text);
    match serde_json::from_str::<serde_json::Value>(text) {
        // `serde_json` does not parse the text after such a number.
        Err(theirs) if theirs.to_string().starts_with("number out of range") => {}
        Err(theirs) => assert_eq!(ours.map_err(|error| error.to_string()), Err(theirs.to_string()), "{text}"),
        Ok(_) => {
            // `serde_json` parses -0 as a decimal number.
            let text = text.replace("-0", "0");
            assert!(ours.is_ok(), "{text} was rejected");
            let (ours, theirs) = (from_str(&text).unwrap(), serde_json::from_str::<serde_json::Value>(&text).unwrap());
            // `serde_json` parses our output as an equal value.
            assert_eq!(serde_json::from_str::<serde_json::Value>(&ours.to_string()).unwrap(), theirs);
        }
    }
}
