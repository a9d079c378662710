//! Property tests of the readers and writers: a written history can be read again, and no text makes a reader panic.

use std::io::BufRead;

use proptest::prelude::*;

use super::read::Notation;
use super::tests::written;
use super::*;
use crate::json::{Value, from_str};
use crate::test_cases::cases;

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i128>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no infinity", |x| x.is_finite()).prop_map(Value::from),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,5})?".prop_map(|text| from_str(&text).unwrap()),
        prop_oneof![Just("r".to_string()), Just("append".to_string()), any::<String>()].prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![Just(OpType::Invoke), Just(OpType::Ok), Just(OpType::Fail), Just(OpType::Info)];
    let process = prop_oneof![any::<u64>().prop_map(Process::Client), Just(Process::Nemesis)];
    let f = prop_oneof![Just("txn".to_string()), Just("poll".into()), Just("start-partition".into()), any::<String>()];
    let error = prop::option::of(any_value().prop_filter("null is no error", |error| !error.is_null()));
    let extra = prop::option::of(prop::collection::btree_map("x[a-z ]{0,4}|seek_to_beginning", any_value(), 1..3));
    (any::<(u64, u64, bool)>(), kind, process, f, any_value(), error, extra).prop_map(
        |((index, time, is_final), kind, process, f, value, error, extra)| Op {
            index,
            time,
            kind,
            process,
            f: f.as_str().into(),
            value,
            error,
            is_final,
            extra: extra.map(|extra| Box::new(extra.into_iter().collect())),
        },
    )
}

/// Random sequences of pieces of both notations, which get further into a reader than random bytes.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "#",
            "#{",
            "#_",
            "##",
            "#a",
            ":",
            ":type",
            ":ok",
            ":value",
            " ",
            "\n",
            "\"",
            "\\",
            "\\u",
            "d83d",
            "de00",
            ";",
            ",",
            "1",
            "-",
            "+",
            "/",
            "N",
            "M",
            "0x",
            "1e5",
            "nil",
            "true",
            "\"type\"",
            "\"ok\"",
            "\"value\"",
            "{\"type\":\"ok\",",
            "{:type :ok ",
            ":process",
            "nemesis",
            "é",
            "\u{feff}",
            "^",
            "#:a{",
            "#\"",
            "##Inf",
            "#jepsen.independent.Tuple{",
            ":key",
            "/",
            "18446744073709551617",
            "[{\"type\":\"ok\"",
            "}]",
            ".",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn config(usual: u32) -> ProptestConfig {
    ProptestConfig { cases: cases(usual), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn what_is_written_can_be_read(ops in prop::collection::vec(any_op(), 0..5)) {
        for (format, notation) in [(HistoryFormat::JsonLines, Notation::JsonLines), (HistoryFormat::Edn, Notation::Edn)] {
            let text = written(&ops, format);
            prop_assert_eq!(text.lines().count(), ops.len());
            let reader = HistoryReader::with_notation(text.as_bytes(), notation).unwrap();
            let back = reader.collect::<Result<Vec<Op>, _>>();
            prop_assert_eq!(back.as_ref().map_err(|error| error.to_string()), Ok(&ops), "{}", text);
            // Equal numbers may have different texts. These must be the same.
            prop_assert_eq!(written(&back.unwrap(), HistoryFormat::JsonLines), written(&ops, HistoryFormat::JsonLines));
        }
    }
}

proptest! {
    #![proptest_config(config(4096))]

    #[test]
    fn no_text_makes_a_reader_panic(text in any_text(), chunk in 1..9_usize) {
        reads_or_refuses(&text, chunk)?;
    }

    #[test]
    fn no_damage_makes_a_reader_panic(
        ops in prop::collection::vec(any_op(), 1..3),
        as_array in any::<bool>(),
        format in prop_oneof![Just(HistoryFormat::JsonLines), Just(HistoryFormat::Edn)],
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 0..4),
    ) {
        let text = written(&ops, format);
        let mut bytes = match (as_array, format) {
            (true, HistoryFormat::JsonLines) => format!("[{}]", text.trim().replace('\n', ",\n")),
            (true, _) => format!("[{text}]"),
            _ => text,
        }
        .into_bytes();
        for (at, kind, byte) in damage {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.drain(at..(at + usize::from(byte)).min(bytes.len()))),
            }
            if bytes.is_empty() {
                break;
            }
        }
        reads_or_refuses(&bytes, 7)?;
    }
}

/// Reads a text in every notation, as a whole and in chunks.
fn reads_or_refuses(text: &[u8], chunk: usize) -> Result<(), TestCaseError> {
    let all = |reader: HistoryReader<&mut dyn BufRead>| -> Vec<Result<Op, String>> {
        reader.map(|entry| entry.map_err(|error| error.to_string())).collect()
    };
    let guessed = Notation::guess(text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text));
    for notation in [Notation::JsonLines, Notation::JsonArray, Notation::Edn] {
        let mut whole = text;
        let whole = all(HistoryReader::with_notation(&mut whole as &mut dyn BufRead, notation).unwrap());
        // Chunks must not make a difference.
        let mut pieces = std::io::BufReader::with_capacity(chunk, text);
        let parts = all(HistoryReader::with_notation(&mut pieces as &mut dyn BufRead, notation).unwrap());
        prop_assert_eq!(&whole, &parts);
        if notation == guessed {
            let mut text = text;
            prop_assert_eq!(&whole, &all(HistoryReader::new(&mut text as &mut dyn BufRead).unwrap()));
        }
        if let Some(Err(message)) = whole.last() {
            prop_assert!(message.starts_with("line "), "{}", message);
        }
        // The history can be written and read again.
        let ops: Vec<Op> = whole.into_iter().filter_map(Result::ok).collect();
        for (format, notation) in [(HistoryFormat::JsonLines, Notation::JsonLines), (HistoryFormat::Edn, Notation::Edn)]
        {
            let text = written(&ops, format);
            let back = HistoryReader::with_notation(text.as_bytes(), notation).unwrap().collect::<Result<Vec<Op>, _>>();
            prop_assert_eq!(back.map_err(|error| error.to_string()), Ok(ops.clone()), "{}", text);
        }
    }
    Ok(())
}
