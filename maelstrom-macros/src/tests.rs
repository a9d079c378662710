//! What wrong attributes and functions get: the message, and the source text that it points to.

use proc_macro2::TokenStream;

use crate::program::Surroundings;
use crate::{expand, function, settings};

fn surroundings(binaries: &[&str]) -> Surroundings {
    Surroundings { binaries: binaries.iter().map(|name| (*name).into()).collect(), package: "raft".into() }
}

/// The expansion, or every complaint with the source text that it points to.
fn expand_in(attribute: &str, item: &str, surroundings: &Surroundings) -> Result<String, Vec<(String, String)>> {
    let parse = |text: &str| text.parse::<TokenStream>().expect("the test's own source is Rust");
    let complaints = |error: syn::Error| -> Vec<(String, String)> {
        let pointed = |error: &syn::Error| error.span().source_text().unwrap_or_default();
        error.into_iter().map(|error| (pointed(&error), error.to_string())).collect()
    };
    let settings = syn::parse2::<settings::Settings>(parse(attribute)).map_err(complaints)?;
    let function =
        syn::parse2::<syn::ItemFn>(parse(item)).map_err(function::explain_not_a_function).map_err(complaints)?;
    let expanded = expand::expand(&settings, function, surroundings).map_err(complaints)?;
    let file = syn::parse2::<syn::File>(expanded.clone()).expect("the expansion is Rust");
    assert_eq!(file.items.len(), 2);
    Ok(expanded.to_string())
}

fn expanded(attribute: &str, item: &str) -> Result<String, Vec<(String, String)>> {
    expand_in(attribute, item, &surroundings(&["raft"]))
}

/// Asserts that there is exactly one complaint, where it points, and what it says.
#[track_caller]
fn refused(attribute: &str, item: &str, points_to: &str, says: &str) {
    let complaints = expanded(attribute, item).expect_err("this must not compile");
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert_eq!(complaints[0].0, points_to, "{complaints:?}");
    assert!(complaints[0].1.contains(says), "{complaints:?}");
}

#[test]
fn the_plain_line_expands() {
    let tokens =
        expanded(r#"workload = "lin-kv", nodes = 5, nemesis = "partition""#, "fn f() {}").expect("it is right");
    assert!(tokens.contains(r#"("nodes" , & ["5"])"#), "{tokens}");
    assert!(tokens.contains(r#"lists : & []"#), "{tokens}");
    assert!(tokens.contains("CARGO_BIN_EXE_raft"), "{tokens}");
}

#[test]
fn lists_are_axes_in_the_order_in_which_they_are_written() {
    let attribute = r#"workload = ["g-set", own::Set], time_limit = 10s, nemesis = ["none", "kill,pause"], bin = ["raft"], nodes = [1, 3]"#;
    let tokens = expanded(attribute, "fn f() {}").expect("it is right");
    assert!(tokens.contains(r#"lists : & ["workload" , "nemesis" , "bin" , "nodes"]"#), "{tokens}");
    assert!(tokens.contains(r#"("time_limit" , & ["10s"])"#), "{tokens}");
    assert!(
        tokens.contains(r#"("Set" , || :: maelstrom :: scenario :: WorkloadChoice :: from (own :: Set))"#),
        "{tokens}"
    );
}

#[test]
fn programs_in_any_language_take_constant_expressions() {
    let attribute = r#"workload = "echo", command = ["python3", concat!("nodes/", "echo.py")], args = ["-v"], env = {MODE = "fast", "a-b" = X}"#;
    let tokens = expanded(attribute, "fn f() {}").expect("it is right");
    assert!(tokens.contains(r#"Source :: Command (& ["python3" , concat ! ("nodes/" , "echo.py")])"#), "{tokens}");
    assert!(tokens.contains(r#"env : & [("MODE" , "fast") , ("a-b" , X) ,]"#), "{tokens}");
}

#[test]
fn an_expected_anomaly_brings_a_snapshot() {
    let snapshot = |attribute: &str| {
        let tokens = expanded(attribute, "fn f() {}").expect("it is right");
        let start = tokens.find("snapshot : \"").expect("a snapshot") + 12;
        tokens[start..].split('"').next().unwrap_or_default().to_string()
    };
    assert_eq!(snapshot(r#"workload = "g-set""#), "false");
    assert_eq!(snapshot(r#"workload = "g-set", expect = "invalid""#), "false");
    assert_eq!(snapshot(r#"workload = "g-set", expect = "lost""#), "true");
    assert_eq!(snapshot(r#"workload = "g-set", expect = "lost", snapshot = false"#), "false");
    assert_eq!(snapshot(r#"workload = "g-set", snapshot = "full""#), "full");
}

#[test]
fn attributes_go_where_they_belong() {
    let item = r#"
        /// Words.
        #[cfg(unix)]
        #[ignore = "slow"]
        #[cfg_attr(miri, ignore)]
        #[allow(clippy::unit_cmp)]
        #[should_panic(expected = "boom")]
        fn f() {}"#;
    let tokens = expanded(r#"workload = "echo""#, item).expect("it is right");
    assert_eq!(tokens.matches("# [cfg (unix)]").count(), 2, "{tokens}");
    assert_eq!(tokens.matches("# [ignore = \"slow\"]").count(), 1, "{tokens}");
    assert_eq!(tokens.matches("# [cfg_attr (miri , ignore)]").count(), 1, "{tokens}");
    assert_eq!(tokens.matches("clippy :: unit_cmp").count(), 1, "{tokens}");
    assert!(tokens.contains("ignored : true || cfg ! (miri)"), "{tokens}");
    assert!(tokens.contains("should_panic : Some (\"boom\")"), "{tokens}");
    assert!(!tokens.contains("# [should_panic"), "{tokens}");
}

#[test]
fn wrong_options_are_refused_at_their_token() {
    let f = "fn f() {}";
    refused("", f, "", "there is no workload");
    refused(r#""lin-kv""#, f, r#""lin-kv""#, "the option has no name");
    refused(r#"workload = "lin-kb""#, f, r#""lin-kb""#, r#"did you mean "lin-kv"?"#);
    refused(r#"workload = "echo", node = 5"#, f, "node", r#"did you mean "nodes"?"#);
    refused(r#"workload = "echo", nodes"#, f, "nodes", "write `nodes = …`");
    refused(r#"workload = "echo", nodes = 5, nodes = 3"#, f, "nodes", "given twice");
    refused(r#"workload = "echo", nodes = 0"#, f, "0", "from 1 to");
    refused(r#"workload = "echo", nodes = -1"#, f, "-1", "from 1 to");
    refused(r#"workload = "echo", nodes = [1, "x,x"]"#, f, r#""x,x""#, "two nodes");
    refused(r#"workload = "echo", nodes = []"#, f, "[]", "no case would run");
    refused(r#"workload = "echo", nodes = [[1]]"#, f, "[1]", "a list cannot contain a list");
    refused(r#"workload = "echo", nodes = 1..3"#, f, "1..3", "only `seeds` takes a range");
    refused(r#"workload = "echo", time = real"#, f, "real", r#"write "real" in quotes"#);
    refused(r#"workload = "echo", nemesis = "partitions""#, f, r#""partitions""#, r#"did you mean "partition"?"#);
    refused(r#"workload = "echo", latency = "1 parsec""#, f, r#""1 parsec""#, "is not a time");
    refused(r#"workload = "echo", timeout = 500"#, f, "500", "`500` has no unit\n  help: write \"500s\" for seconds");
    refused(r#"workload = "echo", latency_dist = "paretto""#, f, r#""paretto""#, r#"did you mean "pareto"?"#);
    refused(r#"workload = "echo", latency_shape = 0.5"#, f, "0.5", "`exponential` has no shape");
    refused(r#"workload = "echo", latency = 5, latency_shape = 0.5"#, f, "0.5", "`constant` has no shape");
    let several = r#"workload = "echo", latency_dist = ["normal", "pareto"], latency_shape = [1.5, 1]"#;
    let complaints = expanded(several, f).expect_err("normal has no 1.5, pareto has no 1");
    assert_eq!(complaints.iter().map(|(token, _)| &**token).collect::<Vec<_>>(), ["1.5", "1"]);
    refused(r#"workload = "echo", topology = "line""#, f, "topology", "broadcast does");
    refused(r#"workload = ["echo", "broadcast"], topology = "line""#, f, "topology", "workload echo does not use");
    refused(r#"workload = "echo", seeds = 5..5"#, f, "5..5", "is empty");
    refused(r#"workload = "echo", seeds = .."#, f, "..", "both ends");
    refused(r#"workload = "echo", seeds = 2, seed = 1"#, f, "seeds", "exclude each other");
    refused(r#"workload = "echo", expect = "lost""#, f, r#""lost""#, "choices are: valid, invalid");
    refused(r#"workload = "echo", snapshot = "ful""#, f, r#""ful""#, "true, false, \"full\"");
    refused(r#"workload = "echo", env = "A=B""#, f, r#""A=B""#, "env = {KEY");
    for (name, option) in [("node_count", "nodes"), ("test_count", "seeds")] {
        let says = format!("there is no option `{name}`\n  help: did you mean \"{option}\"?");
        refused(&format!(r#"workload = "echo", {name} = 3"#), f, name, &says);
    }
    for (flag, option) in [("time-limit", "time_limit"), ("node-count", "nodes"), ("max-txn-length", "max_txn_length")]
    {
        let says = format!("there is no option `{flag}`\n  help: did you mean \"{option}\"?");
        refused(&format!(r#"workload = "echo", {flag} = "3s""#), f, flag, &says);
    }
    refused(r#"workload = "echo", wholly_unknown = 1"#, f, "wholly_unknown", "options are: workload, bin");
    for constant in ["N", "cluster::SIZE", "2 + 1", "size()", "three"] {
        refused(&format!(r#"workload = "echo", nodes = {constant}"#), f, constant, "when constants have no values");
    }
    refused(r#"workload = "echo", rate = hz"#, f, "hz", "when constants have no values");
    refused(r#"workload = "echo", seeds = N"#, f, "N", "when constants have no values");
    refused(r#"workload = "echo", seeds = 0..N"#, f, "N", "when constants have no values");
    refused(r#"workload = "echo", nodes = "three""#, f, r#""three""#, "the only node\n  help: write `3`");
    refused(r#"workload = "echo", nodes = [1, "Five"]"#, f, r#""Five""#, "the only node\n  help: write `5`");
    refused(r#"workload = "echo", cwd = "pakage""#, f, r#""pakage""#, r#"did you mean "package"?"#);
}

#[test]
fn every_option_of_the_table_is_known() {
    for row in maelstrom_options::OPTIONS {
        let complaints = expanded(&format!(r#"workload = "echo", {} = "x""#, row.name), "fn f() {}").err();
        let complaints = complaints.unwrap_or_default();
        assert!(!complaints.iter().any(|(_, says)| says.contains("there is no option")), "{complaints:?}");
    }
    let tokens = expanded(r#"workload = "echo", lenient = true"#, "fn f() {}").expect("it is right");
    assert!(tokens.contains(r#"("lenient" , & ["true"])"#), "{tokens}");
}

#[test]
fn all_complaints_come_at_once() {
    let complaints = expanded(r#"workload = "lin-kb", node = 5"#, "async fn f() {}").expect_err("three mistakes");
    assert_eq!(complaints.len(), 3, "{complaints:?}");
}

#[test]
fn wrong_programs_are_refused_at_their_token() {
    let f = "fn f() {}";
    refused(r#"workload = "echo", bin = "rift""#, f, r#""rift""#, r#"did you mean "raft"?"#);
    refused(r#"workload = "echo", bin = "raft", command = ["x"]"#, f, "command", "exclude each other");
    refused(r#"workload = "echo", command = "python3 x.py""#, f, r#""python3 x.py""#, "is not a list of strings");
    refused(r#"workload = "echo", command = []"#, f, "command", "write at least the program");
}

#[test]
fn without_bin_the_package_decides() {
    let program = |binaries: &[&str]| expand_in(r#"workload = "echo""#, "fn f() {}", &surroundings(binaries));
    assert!(program(&["only"]).expect("the only one").contains("CARGO_BIN_EXE_only"));
    assert!(program(&["a", "raft"]).expect("the one named like the package").contains("CARGO_BIN_EXE_raft"));
    assert!(program(&[]).expect("as in an editor").contains("Source :: Missing"));
    let complaints = program(&["a", "b"]).expect_err("which?");
    assert!(complaints[0].1.contains("with one of: a, b"), "{complaints:?}");
}

#[test]
fn where_cargo_names_no_binaries_the_compiler_says_what_to_do() {
    let tokens = expand_in(r#"workload = "echo", bin = "x""#, "fn f() {}", &surroundings(&[])).expect("env! complains");
    assert!(tokens.contains("move the test into the folder `tests/`"), "{tokens}");
}

#[test]
fn wrong_functions_are_refused_at_their_token() {
    let attribute = r#"workload = "echo""#;
    refused(attribute, "async fn f() {}", "async", "remove `async`");
    refused(attribute, "unsafe fn f() {}", "unsafe", "remove `unsafe`");
    refused(attribute, "const fn f() {}", "const", "remove `const`");
    refused(attribute, r#"extern "C" fn f() {}"#, r#"extern "C""#, "remove `extern`");
    refused(attribute, "fn f<T>() {}", "<T>", "remove the generics");
    refused(attribute, "fn f(run: maelstrom::Run) {}", "run: maelstrom::Run", "write `run: &maelstrom::Run`");
    refused(attribute, "fn f(run: &mut maelstrom::Run) {}", "run: &mut maelstrom::Run", "write `run: &maelstrom::Run`");
    refused(attribute, "fn f(run: &maelstrom::Run, x: u8) {}", "x: u8", "no parameter besides the finished run");
    refused(attribute, "#[test] fn f() {}", "#[test]", "remove #[test]");
    refused(attribute, "#[should_panic] fn f() -> Result<(), E> { x }", "should_panic", "return nothing");
    refused(attribute, "struct F;", "struct", "can only be used on functions");
}
