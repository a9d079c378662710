//! Both notations, read and written, and special cases.

use super::read::Notation;
use super::*;
use crate::json::{Map, json};

pub(super) fn read(text: &str) -> Vec<Op> {
    History::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}")).ops
}

fn message(text: &str) -> String {
    History::read(text.as_bytes()).expect_err(text).to_string()
}

pub(super) fn written(ops: &[Op], format: HistoryFormat) -> String {
    let mut bytes = Vec::new();
    History { ops: ops.to_vec() }.write(&mut bytes, format).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// An entry with all keys.
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
fn text_has_the_columns_of_the_original() {
    let text = written(&[rich()], HistoryFormat::Text);
    assert!(text.starts_with("3\t:info\t:txn\t[["), "{text}");
    let read = Op::new(8, OpType::Ok, 0, "read", json!([3, null]));
    let error = Some(json!(["net-timeout", "no answer"]));
    let nemesis = Op { process: Process::Nemesis, error, ..Op::new(9, OpType::Info, 0, "start-partition", json!("x")) };
    assert_eq!(
        written(&[read, nemesis], HistoryFormat::Text),
        "0\t:ok\t:read\t[3 nil]\n:nemesis\t:info\t:start-partition\t\"x\"\t[:net-timeout \"no answer\"]\n"
    );
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
fn edn_values_without_equivalent_become_what_comes_closest() {
    let value = |edn: &str| read(&format!("{{:type :info :process :nemesis :value {edn}}}")).remove(0).value;
    assert_eq!(value("[1/3 -4/6 4/2 ##Inf ##-Inf ##NaN]"), json!(["1/3", "-2/3", 2, "##Inf", "##-Inf", "##NaN"]));
    let numbers = "[18446744073709551617N -99999999999999999999 0x1FFFFFFFFFFFFFFFF 2r11 1e400M 1. 5M]";
    let expected = "[18446744073709551617,-99999999999999999999,36893488147419103231,3,1e400,1.0,5.0]";
    assert_eq!(value(numbers).to_string(), expected);
    assert_eq!(
        value("#:jepsen.db{:a 1, :_/b 2, :other/c 3, \"d\" :e, 7 #:x{:y 8}}"),
        json!({"jepsen.db/a": 1, "b": 2, "other/c": 3, "d": "e", "7": {"x/y": 8}})
    );
    assert_eq!(value("[#::{:a 1} #::alias{:a 1}]"), json!([{"a": 1}, {"alias/a": 1}]));
    assert_eq!(value("[^:dynamic a ^{:line 3} [1] ^String ^:x \"s\" #^:old b]"), json!(["a", [1], "s", "b"]));
    assert_eq!(value("#jepsen.independent.Tuple{:key 3, :value [1 2]}"), json!([3, [1, 2]]));
    assert_eq!(value("#jepsen.independent.Tuple [3 nil]"), json!([3, null]));
    assert_eq!(value("#knossos.model.CASRegister{:value 3}"), json!({"value": 3}));
    assert_eq!(value("#a #b #c [#d 1 #_ #e 2]"), json!([1]));
    assert_eq!(value("[#\"a\\\"\\d+\" \\o101 \\o7]"), json!(["a\\\"\\d+", "A", "\u{7}"]));
    // Entries themselves, and functions that are no names.
    let ops = read("^{:a 1} {:type :info :f [:start 1/2] :process :nemesis} #_x ^:y #jepsen.history.Op{:type :ok}");
    assert_eq!((&*ops[0].f, ops[1].kind), ("[\"start\",\"1/2\"]", OpType::Ok));
}

#[test]
fn numbers_in_quotes_are_numbers_where_one_is_expected() {
    let text = r#"[{"index": "7", "time": "12", "type": "ok", "process": "3", "value": [["append", "1", "2"]]},
                  {"index": "-1", "time": null, "type": "ok", "process": "18446744073709551615", "f": "nemesis"}]"#;
    let ops = read(text);
    assert_eq!((ops[0].index, ops[0].time, ops[0].process), (7, 12, Process::Client(3)));
    assert_eq!(ops[0].value, json!([["append", "1", "2"]]));
    assert_eq!((ops[1].index, ops[1].time, ops[1].process), (1, 0, Process::Client(u64::MAX)));
    assert_eq!(read("{:type :ok :process \"4\"}")[0].process, Process::Client(4));
}

#[test]
fn arrays_of_entries_are_read_however_they_are_laid_out() {
    let expected = [rich(), Op::new(1, OpType::Ok, 0, "txn", json!({"]": ["}", "\\\""]}))];
    let lines = written(&expected, HistoryFormat::JsonLines);
    let (first, second) = lines.trim().split_once('\n').unwrap();
    let pretty = |line: &str| format!("{:#}", crate::json::from_str(line).unwrap());
    for text in [
        format!("[{first},{second}]"),
        format!("\u{feff}\n [\r\n{first}\n,\n{second} ]\n\n"),
        format!("[{},\n{}]", pretty(first), pretty(second)),
    ] {
        assert_eq!(read(&text), expected, "{text}");
        // A pipe may give one byte at a time.
        let bytes = std::io::BufReader::with_capacity(1, text.as_bytes());
        assert_eq!(History::read(bytes).unwrap().ops, expected);
    }
    let empty = HistoryReader::with_notation(&b" [ ] "[..], Notation::JsonArray).unwrap();
    assert_eq!(empty.count(), 0);
}

#[test]
fn what_a_message_can_hold_can_be_read_again() {
    // As deep as the body of a message may be, in the deepest place that a workload puts a part of it.
    let nested = "[".repeat(crate::json::MAX_DEPTH) + &"]".repeat(crate::json::MAX_DEPTH);
    let part = crate::json::from_str(&nested).unwrap();
    let op = Op::new(0, OpType::Ok, 0, "poll", json!([["poll", {"k": [[0, part]]}]]));
    for format in [HistoryFormat::JsonLines, HistoryFormat::Edn] {
        assert_eq!(read(&written(std::slice::from_ref(&op), format)), std::slice::from_ref(&op));
    }
    for text in
        [format!("{{\"type\":\"ok\",\"value\":{}", "[".repeat(100_000)), format!("[{{\"a\":{}", "[".repeat(100_000))]
    {
        assert!(History::read(text.as_bytes()).is_err());
    }
    let deep = format!("{{\"type\":\"ok\",\"value\":{}", "[".repeat(100_000));
    assert_eq!(message(&deep), "line 1, column 181: nested deeper than 160 levels");
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
        ("{\"type\":\"ok\"}\n{\"f\":\"é\",\"type\":3}", "line 2, column 17: `type` is 3; expected one of"),
        (
            "{\"type\":\"ok\",\"process\":-1}",
            "line 1, column 24: `process` is -1; expected an integer from 0 to 2^64 - 1, or nemesis",
        ),
        (
            "{\"type\":\"ok\",\"process\":18446744073709551616}",
            "line 1, column 24: `process` is 18446744073709551616; expected an integer from 0 to 2^64 - 1",
        ),
        ("{\"type\":\"ok\",\"process\":\"p\"}", "line 1, column 24: `process` is \"p\""),
        ("{\"type\":\"ok\",\"time\":1.5}", "line 1, column 21: `time` is 1.5; expected an integer"),
        (
            "{\"type\":\"ok\",\"index\":18446744073709551616}",
            "line 1, column 22: `index` is 18446744073709551616; expected an integer below 2^64",
        ),
        ("{\"type\":\"ok\",\"type\":\"ok\"}", "line 1, column 21: the key `type` stands twice"),
        ("{\"f\":\"read\"}", "line 1, column 1: this entry has no `type`"),
        ("{\"type\":\"ok\"", "line 1, column 12: the line ends in the middle of the entry"),
        ("{\"type\":\"ok\"} 1", "line 1, column 15: not JSON (trailing characters); expected one JSON object per line"),
        ("{\"type\":\"\\ud800\"}", "line 1, column 16: not JSON (unexpected end of hex escape)"),
        ("hello", "line 1, column 1: not JSON (expected value)"),
        ("7", "line 1, column 1: `7` is no entry of a history; expected an object with `type`"),
        ("[{\"type\":\"ok\"},\n{\"type\":3}]", "line 2, column 9: `type` is 3; expected one of"),
        (
            "[{\"type\":\"ok\",\n \"value\":[1,,2]}]",
            "line 2, column 13: not JSON (expected value); expected one JSON object per element of the array",
        ),
        (
            "[{\"type\":\"ok\"} {\"type\":\"ok\"}]",
            "line 1, column 16: `{` stands here; expected `,` and the next entry",
        ),
        ("[{\"type\":\"ok\"},]", "line 1, column 16: `]` stands here; expected an entry: an object in braces"),
        ("[{\"type\":\"ok\"},3]", "line 1, column 16: `3` stands here; expected an entry: an object in braces"),
        ("[{\"type\":\"ok\"}", "line 1, column 15: the text ends before the array of entries is closed"),
        ("[{\"type\":\"ok\",\"f\":\"]}", "line 1, column 2: the text ends inside this entry"),
        ("[{\"type\":\"ok\"}]\n[]", "line 2, column 1: more text stands after the array of entries"),
        ("{:type :ok}\n {:type :maybe}", "line 2, column 9: `type` is \"maybe\"; expected one of"),
        ("{:type :ok :value 1x}", "line 1, column 19: `1x` is not a number that we know"),
        ("{:type :ok :process 18446744073709551616}", "line 1, column 21: `process` is 18446744073709551616; expected"),
        ("{:type :ok :time 1/2}", "line 1, column 18: `time` is \"1/2\"; expected an integer"),
        ("{:type :ok :value #:x 1}", "line 1, column 19: expected a map in braces after `#:x`"),
        ("{:type :ok :value ^:x}", "line 1, column 19: the key `value` has no value"),
        ("{:type :ok :value ^}", "line 1, column 19: a form is missing; expected metadata after `^`"),
        ("{:type :ok :value #x}", "line 1, column 19: nothing stands after `#x`; expected its value"),
        ("#:x{:type :ok}", "line 1, column 1: a map with a namespace stands here; expected an entry"),
        ("##Inf", "line 1, column 1: a value stands here; expected an entry"),
        ("{:type :ok :value [1 2}", "line 1, column 23: `}` closes what began at line 1, column 19; expected `]`"),
        ("{:type :ok :value [1", "the text ends before `]` closes what began at line 1, column 19"),
        ("{:type :ok :value}", "line 1, column 18: the key `value` has no value"),
        ("{:type :ok :value {1 2 \"1\" 3}}", "the key `1` stands twice in this map"),
        ("{:type :ok :value \"a", "line 1, column 19: the text ends inside this string"),
        ("{:type :ok :value #\"a", "line 1, column 19: the text ends inside this regular expression"),
        ("{:type :ok :value \"\\q\"}", "line 1, column 20: unknown escape"),
        ("{:type :ok :value \"\\ud800\"}", "line 1, column 20: half of a surrogate pair"),
        ("{:f :read}", "line 1, column 1: this entry has no `type`"),
        ("[{:type :ok}", "line 1, column 13: the text ends before the collection of entries is closed"),
        ("[{:type :ok}] 1", "line 1, column 15: more text stands after the collection"),
        ("#{}", "line 1, column 1: a set stands here"),
        ("{:type :ok} [1]", "line 1, column 13: `[` stands here; expected an entry"),
        ("[ {:type \"ok\"} {\"type\": \"ok\"}]", "line 1, column 23: `:` stands alone"),
        ("{:type :ok} {:type :ok, :type :ok}", "line 1, column 31: the key `type` stands twice"),
    ] {
        let message = message(text);
        assert!(message.contains(expected), "{text}\n  gives    {message}\n  expected {expected}");
    }
    let not_utf8 = History::read(&b"{:type :ok :value \"\xff\"}"[..]).unwrap_err();
    assert_eq!(not_utf8.to_string(), "line 1, column 19: this is not UTF-8");
    let deep = format!("{{:type :ok :value {}", "[".repeat(100_000));
    assert!(message(&deep).contains("nested deeper than 160 levels"));
}

#[test]
fn recorded_histories_are_read_and_come_back() {
    let corpora = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/corpora");
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
