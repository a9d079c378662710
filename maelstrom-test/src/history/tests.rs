//! Both notations, both ways, and whatever else a file may hold.

use crate::json::{Map, Value, json};
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Vec<Op> {
    History::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}")).ops
}

fn message(text: &str) -> String {
    History::read(text.as_bytes()).expect_err(text).to_string()
}

fn written(ops: &[Op], format: HistoryFormat) -> String {
    let mut bytes = Vec::new();
    History { ops: ops.to_vec() }.write(&mut bytes, format).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// An entry that has everything.
fn rich() -> Op {
    let mut op = Op::new(7, OpType::Info, 3, "txn", json!([["append", "x", 1], ["r", 2, null]]));
    op.time = 12_345_678_901;
    op.error = Some(json!(["abort", "no \"luck\""]));
    op.is_final = true;
    op.extra = Some(Box::new(Map::from_iter([
        ("seek_to_beginning".to_string(), json!(true)),
        ("note to self".to_string(), json!({"k": [1.0, -2]})),
    ])));
    op
}

#[test]
fn json_lines_have_a_stable_order() {
    let line = r#"{"index":7,"time":12345678901,"type":"info","process":3,"f":"txn","value":[["append","x",1],["r",2,null]],"error":["abort","no \"luck\""],"final":true,"note to self":{"k":[1.0,-2]},"seek_to_beginning":true}"#;
    assert_eq!(written(&[rich()], HistoryFormat::JsonLines), format!("{line}\n"));
    assert_eq!(read(line), [rich()]);
}

#[test]
fn edn_is_what_jepsen_writes() {
    let line = r#"{:index 7, :time 12345678901, :type :info, :process 3, :f :txn, :value [[:append "x" 1] [:r 2 nil]], :error [:abort "no \"luck\""], :final? true, "note to self" {"k" [1.0 -2]}, :seek-to-beginning? true}"#;
    assert_eq!(written(&[rich()], HistoryFormat::Edn), format!("{line}\n"));
    assert_eq!(read(line), [rich()]);

    let mut fault = Op::new(0, OpType::Info, 0, "start-partition", json!({"n1": ["n2", "n3"]}));
    fault.process = Process::Nemesis;
    fault.error = Some(json!("net-timeout"));
    let line = r#"{:index 0, :time 0, :type :info, :process :nemesis, :f :start-partition, :value {"n1" ["n2" "n3"]}, :error :net-timeout}"#;
    assert_eq!(written(&[fault], HistoryFormat::Edn), format!("{line}\n"));
}

#[test]
fn micro_operations_are_keywords_only_where_they_are_micro_operations() {
    let poll = Op::new(0, OpType::Ok, 0, "poll", json!([["poll", {"send": [[0, "poll"]]}]]));
    assert!(written(&[poll], HistoryFormat::Edn).contains(r#":value [[:poll {"send" [[0 "poll"]]}]]"#));
    let echo = Op::new(0, OpType::Ok, 0, "echo", json!([["poll", "r"]]));
    assert!(written(&[echo], HistoryFormat::Edn).contains(r#":value [["poll" "r"]]"#));
    let other = Op::new(0, OpType::Ok, 0, "txn", json!([["delete", "r"], "r"]));
    assert!(written(&[other], HistoryFormat::Edn).contains(r#":value [["delete" "r"] "r"]"#));
}

#[test]
fn text_is_for_people() {
    let text = written(&[rich()], HistoryFormat::Text);
    assert!(text.starts_with("      7     12.345 s  p3      info    txn        [["), "{text}");
    assert!(text.ends_with("final\n"), "{text}");
}

#[test]
fn jepsens_dialects_are_understood() {
    let expected = [
        Op::new(0, OpType::Invoke, 0, "txn", json!([["append", 253, 1]])),
        Op::new(1, OpType::Ok, 0, "txn", json!([["append", 253, 1]])),
    ];
    // As in Elle's documentation: no process, no function, no commas.
    assert_eq!(read("{:type :invoke :value [[:append 253 1]]}\n{:type :ok :value [[:append 253 1]]}"), expected);
    // As `jepsen.history` prints: tagged records; as a vector or list.
    let tagged = "#jepsen.history.Op{:index 0, :time -1, :type :invoke, :process 0, :f :txn, :value [[:append 253 1]]}\
                  #jepsen.history.Op {:index 1, :type :ok, :process 0, :f :txn, :value ((:append 253 1))}";
    assert_eq!(read(tagged), expected);
    assert_eq!(read(&format!("[{tagged}]")), expected);
    assert_eq!(read(&format!("\u{feff} ; recorded\n#some/tag ( {tagged} ) ; done")), expected);
    assert_eq!(read(&format!("#_ {{:type :oops}} {tagged} #_ ignored")), expected);
    assert_eq!(read(""), []);
    assert_eq!(read("[]"), []);
}

#[test]
fn edn_values_become_json() {
    let value = |edn: &str| read(&format!("{{:type :ok :value {edn}}}")).remove(0).value;
    assert_eq!(value("#{1 2}"), json!([1, 2]));
    assert_eq!(value("(a :b/c \"d\" \\e \\newline \\u0041)"), json!(["a", "b/c", "d", "e", "\n", "A"]));
    assert_eq!(value("{1 a, :k {nil 2}, [1 2] 3, \"s\" 4}"), json!({"1": "a", "k": {"null": 2}, "[1,2]": 3, "s": 4}));
    assert_eq!(
        value("[+1 -0x1f 12N 18446744073709551615 -9223372036854775808]").to_string(),
        "[1,-31,12,18446744073709551615,-9223372036854775808]"
    );
    assert_eq!(value("[1.0 -2.5e-3 1e3 1.5M]"), json!([1.0, -0.0025, 1000.0, 1.5]));
    assert_eq!(value(r#""\u00e9\n\"\ud83d\ude00é""#), json!("é\n\"😀é"));
    assert_eq!(value("#inst \"2020-01-01\""), json!("2020-01-01"));
    assert_eq!(value("#object[java.lang.Thread 0x10 \"t\"]"), json!(["java.lang.Thread", 16, "t"]));
    assert_eq!(value("[#_ 1 2 #_#_ 3 4 5 ; six\n]"), json!([2, 5]));
}

#[test]
fn json_lines_are_read_liberally() {
    let ops = read(
        "\u{feff}{\"type\":\"ok\",\"process\":\"nemesis\",\"index\":null,\"error\":null}\r\n\n {\"final?\":true,\"type\":\"fail\",\"f\":\"r\\u0065ad\"}",
    );
    assert_eq!((ops[0].process, ops[0].index, &ops[0].error), (Process::Nemesis, 0, &None));
    assert_eq!((&*ops[1].f, ops[1].index, ops[1].is_final), ("read", 1, true));
}

#[test]
fn errors_say_where_and_what() {
    for (text, expected) in [
        ("{\"type\":\"ok\"}\n{\"f\":\"é\",\"type\":3}", "line 2, column 18: `type` is 3; expected one of"),
        (
            "{\"type\":\"ok\",\"process\":-1}",
            "line 1, column 26: `process` is -1; expected a number from 0, or nemesis",
        ),
        ("{\"type\":\"ok\",\"process\":\"p\"}", "line 1, column 27: `process` is \"p\""),
        ("{\"type\":\"ok\",\"time\":1.5}", "line 1, column 24: `time` is 1.5; expected an integer"),
        ("{\"type\":\"ok\",\"type\":\"ok\"}", "line 1, column 25: the key `type` stands twice"),
        ("{\"f\":\"read\"}", "line 1, column 12: this entry has no `type`"),
        ("{\"type\":\"ok\"", "line 1, column 12: the line ends in the middle of the entry"),
        ("{\"type\":\"ok\"} 1", "line 1, column 15: not JSON (trailing characters); expected one JSON object per line"),
        ("hello", "line 1, column 1: not JSON (expected value)"),
        ("7", "line 1, column 1: invalid type: integer `7`, expected an entry of a history"),
        ("{:type :ok}\n {:type :maybe}", "line 2, column 9: `type` is \"maybe\"; expected one of"),
        ("{:type :ok, :value\n 1/2}", "line 2, column 2: `1/2` is a ratio"),
        ("{:type :ok :value ##NaN}", "line 1, column 19: a number that is infinite or not a number"),
        ("{:type :ok :value 1x}", "line 1, column 19: `1x` is not a number that we know"),
        ("{:type :ok :value [1 2}", "line 1, column 23: `}` closes what began at line 1, column 19; expected `]`"),
        ("{:type :ok :value [1", "the text ends before `]` closes what began at line 1, column 19"),
        ("{:type :ok :value}", "line 1, column 18: the key `value` has no value"),
        ("{:type :ok :value {1 2 \"1\" 3}}", "the key `1` stands twice in this map"),
        ("{:type :ok :value \"a", "line 1, column 19: the text ends inside this string"),
        ("{:type :ok :value \"\\q\"}", "line 1, column 20: unknown escape"),
        ("{:type :ok :value \"\\ud800\"}", "line 1, column 20: half of a surrogate pair"),
        ("{:f :read}", "line 1, column 1: this entry has no `type`"),
        ("[{:type :ok}", "line 1, column 13: the text ends before the collection of entries is closed"),
        ("[{:type :ok}] 1", "line 1, column 15: more text stands after the collection"),
        ("#{}", "line 1, column 1: a set stands here"),
        ("{:type :ok} [1]", "line 1, column 13: `[` stands here; expected an entry"),
        ("[{\"type\": \"ok\"}]", "line 1, column 9: `:` stands alone"),
        ("{:type :ok} {:type :ok, :type :ok}", "line 1, column 31: the key `type` stands twice"),
    ] {
        let message = message(text);
        assert!(message.contains(expected), "{text}\n  gives    {message}\n  expected {expected}");
    }
    let not_utf8 = History::read(&b"{:type :ok :value \"\xff\"}"[..]).unwrap_err();
    assert_eq!(not_utf8.to_string(), "line 1, column 19: this is not UTF-8");
    let deep = format!("{{:type :ok :value {}", "[".repeat(100_000));
    assert!(message(&deep).contains("nested deeper than 128 levels"));
}

#[test]
fn recorded_histories_are_read_and_come_back() {
    let corpora = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora");
    let folders = ["linearizable/histories", "transactions"].map(|folder| std::path::Path::new(corpora).join(folder));
    let Ok(files) = folders.iter().map(std::fs::read_dir).collect::<Result<Vec<_>, _>>() else {
        eprintln!("skipped: there are no recorded histories in {corpora}");
        return;
    };
    let mut count = 0;
    for path in files.into_iter().flatten().map(|file| file.unwrap().path()) {
        let name = path.to_string_lossy();
        if name.contains("cases") || name.contains("models") {
            continue;
        }
        let file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
        let history = History::read(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!history.ops.is_empty(), "{name}");
        for format in [HistoryFormat::Edn, HistoryFormat::JsonLines] {
            assert_eq!(read(&written(&history.ops, format)), history.ops, "{name}");
        }
        count += 1;
    }
    assert!(count > 0, "no history in {corpora}");
}

#[test]
fn a_reader_ends_after_an_error_and_shares_names() {
    let mut reader = HistoryReader::new(&b"{:type :ok :f :add} {:type :ok :f :add} ) {:type :ok}"[..]).unwrap();
    let names = [reader.next().unwrap().unwrap().f, reader.next().unwrap().unwrap().f];
    assert!(std::sync::Arc::ptr_eq(&names[0], &names[1]));
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn a_writer_passes_on_what_it_has_when_flushed_and_when_dropped() {
    let mut file = Vec::new();
    let mut writer = HistoryWriter::new(&mut file, HistoryFormat::JsonLines);
    writer.write(&rich()).unwrap();
    writer.flush().unwrap();
    writer.write(&rich()).unwrap();
    drop(writer);
    assert_eq!(file.iter().filter(|byte| **byte == b'\n').count(), 2);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no infinity", |x| x.is_finite()).prop_map(Value::from),
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

/// Pieces of both notations, so that random texts get further than random bytes would.
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
            ".",
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Cases of the property tests below; more with `MAELSTROM_FUZZ_CASES=1000000`.
fn config(default: u32) -> ProptestConfig {
    let cases = std::env::var("MAELSTROM_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(default), failure_persistence: None, ..ProptestConfig::default() }
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
            prop_assert_eq!(back.map_err(|error| error.to_string()), Ok(ops.clone()), "{}", text);
        }
    }
}

proptest! {
    #![proptest_config(config(4096))]

    #[test]
    fn no_text_makes_a_reader_panic(text in any_text(), chunk in 1..9_usize) {
        for notation in [Notation::JsonLines, Notation::Edn] {
            let whole: Vec<_> = HistoryReader::with_notation(&*text, notation).unwrap().map(|r| r.map_err(|e| e.to_string())).collect();
            // However the bytes arrive, the answer is the same (a byte order mark needs the first three together).
            if !text.starts_with(b"\xEF") {
                let pieces = std::io::BufReader::with_capacity(chunk, &*text);
                let parts: Vec<_> = HistoryReader::with_notation(pieces, notation).unwrap().map(|r| r.map_err(|e| e.to_string())).collect();
                prop_assert_eq!(&whole, &parts);
            }
            if let Some(Err(message)) = whole.last() {
                prop_assert!(message.starts_with("line "), "{}", message);
            }
        }
    }
}
