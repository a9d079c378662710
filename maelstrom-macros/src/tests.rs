//! Expansions, and the errors of wrong attributes and functions with the source text that they point to.

use proc_macro2::TokenStream;

use crate::program::Package;
use crate::{expand, function, settings};

fn package(binaries: &[&str]) -> Package {
    Package { binaries: binaries.iter().map(|name| (*name).into()).collect(), name: "raft".into() }
}

/// Returns the expansion, or every error with the source text that it points to.
fn expand_in(attribute: &str, item: &str, package: &Package) -> Result<String, Vec<(String, String)>> {
    let parse = |text: &str| text.parse::<TokenStream>().expect("the source of the test is Rust");
    let errors = |error: syn::Error| -> Vec<(String, String)> {
        let token = |error: &syn::Error| error.span().source_text().unwrap_or_default();
        error.into_iter().map(|error| (token(&error), error.to_string())).collect()
    };
    let settings = syn::parse2::<settings::Settings>(parse(attribute)).map_err(errors)?;
    let function = syn::parse2::<syn::ItemFn>(parse(item)).map_err(function::explain_not_a_function).map_err(errors)?;
    let expanded = expand::expand(&settings, function, package).map_err(errors)?;
    let file = syn::parse2::<syn::File>(expanded.clone()).expect("the expansion is Rust");
    assert_eq!(file.items.len(), 2);
    Ok(expanded.to_string())
}

fn expanded(attribute: &str, item: &str) -> Result<String, Vec<(String, String)>> {
    expand_in(attribute, item, &package(&["raft"]))
}

/// Renders the errors of an attribute on a function, each after the token that it points to.
fn errors(attribute: &str, item: &str) -> String {
    let errors = expanded(attribute, item).expect_err("the attribute is wrong");
    let lines = errors.iter().map(|(token, error)| format!("  {token}: {error}\n"));
    format!("#[test({attribute})] {item}\n{}", lines.collect::<String>())
}

#[test]
fn a_simple_attribute_expands() {
    let tokens = expanded(r#"workload = "lin-kv", nodes = 5, nemesis = "partition""#, "fn f() {}")
        .expect("the attribute is right");
    assert!(tokens.contains(r#"("nodes" , & ["5"])"#), "{tokens}");
    assert!(tokens.contains(r#"lists : & []"#), "{tokens}");
    assert!(tokens.contains("CARGO_BIN_EXE_raft"), "{tokens}");
}

#[test]
fn lists_are_in_the_order_of_the_attribute() {
    let attribute = r#"workload = ["g-set", own::Set], time_limit = 10s, nemesis = ["none", "kill,pause"], bin = ["raft"], nodes = [1, 3]"#;
    let tokens = expanded(attribute, "fn f() {}").expect("the attribute is right");
    assert!(tokens.contains(r#"lists : & ["workload" , "nemesis" , "bin" , "nodes"]"#), "{tokens}");
    assert!(tokens.contains(r#"("time_limit" , & ["10s"])"#), "{tokens}");
    assert!(
        tokens.contains(r#"("Set" , || :: maelstrom :: scenario :: WorkloadChoice :: from (own :: Set))"#),
        "{tokens}"
    );
}

#[test]
fn commands_can_be_constant_expressions() {
    let attribute = r#"workload = "echo", command = ["python3", concat!("nodes/", "echo.py")], args = ["-v"], env = {MODE = "fast", "a-b" = X}"#;
    let tokens = expanded(attribute, "fn f() {}").expect("the attribute is right");
    assert!(tokens.contains(r#"ProgramSpec :: Command (& ["python3" , concat ! ("nodes/" , "echo.py")])"#), "{tokens}");
    assert!(tokens.contains(r#"env : & [("MODE" , "fast") , ("a-b" , X) ,]"#), "{tokens}");
}

#[test]
fn an_expected_anomaly_implies_a_snapshot() {
    let snapshot = |attribute: &str| {
        let tokens = expanded(attribute, "fn f() {}").expect("the attribute is right");
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
fn attributes_are_added_to_the_right_items() {
    let item = r#"
        /// Words.
        #[cfg(unix)]
        #[ignore = "slow"]
        #[cfg_attr(miri, ignore)]
        #[allow(clippy::unit_cmp)]
        #[should_panic(expected = "boom")]
        fn f() {}"#;
    let tokens = expanded(r#"workload = "echo""#, item).expect("the attribute is right");
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
    let attributes = [
        r#""#,
        r#""lin-kv""#,
        r#"workload = "lin-kb""#,
        r#"workload = "echo", node = 5"#,
        r#"workload = "echo", nodes"#,
        r#"workload = "echo", nodes = 5, nodes = 3"#,
        r#"workload = "echo", nodes = 0"#,
        r#"workload = "echo", nodes = -1"#,
        r#"workload = "echo", nodes = [1, "x,x"]"#,
        r#"workload = "echo", nodes = []"#,
        r#"workload = "echo", nodes = [[1]]"#,
        r#"workload = "echo", nodes = 1..3"#,
        r#"workload = "echo", time = real"#,
        r#"workload = "echo", nemesis = "partitions""#,
        r#"workload = "echo", latency = "1 parsec""#,
        r#"workload = "echo", timeout = 500"#,
        r#"workload = "echo", latency_dist = "paretto""#,
        r#"workload = "echo", latency_shape = 0.5"#,
        r#"workload = "echo", latency = 5, latency_shape = 0.5"#,
        r#"workload = "echo", topology = "line""#,
        r#"workload = ["echo", "broadcast"], topology = "line""#,
        r#"workload = "echo", seeds = 5..5"#,
        r#"workload = "echo", seeds = .."#,
        r#"workload = "echo", seeds = 2, seed = 1"#,
        r#"workload = "echo", expect = "lost""#,
        r#"workload = "echo", snapshot = "ful""#,
        r#"workload = "echo", env = "A=B""#,
        r#"workload = "echo", wholly_unknown = 1"#,
        r#"workload = "echo", rate = hz"#,
        r#"workload = "echo", seeds = N"#,
        r#"workload = "echo", seeds = 0..N"#,
        r#"workload = "echo", nodes = "three""#,
        r#"workload = "echo", nodes = [1, "Five"]"#,
        r#"workload = "echo", cwd = "pakage""#,
        r#"workload = "echo", latency_dist = ["normal", "pareto"], latency_shape = [1.5, 1]"#,
        r#"workload = "echo", node_count = 3"#,
        r#"workload = "echo", test_count = 3"#,
        r#"workload = "echo", time-limit = "3s""#,
        r#"workload = "echo", node-count = "3s""#,
        r#"workload = "echo", max-txn-length = "3s""#,
        r#"workload = "echo", nodes = N"#,
        r#"workload = "echo", nodes = cluster::SIZE"#,
        r#"workload = "echo", nodes = 2 + 1"#,
        r#"workload = "echo", nodes = size()"#,
        r#"workload = "echo", nodes = three"#,
    ];
    insta::assert_snapshot!(attributes.map(|attribute| errors(attribute, "fn f() {}")).concat());
}

#[test]
fn every_option_of_the_table_is_known() {
    for row in maelstrom_options::OPTIONS {
        let errors = expanded(&format!(r#"workload = "echo", {} = "x""#, row.name), "fn f() {}").err();
        let errors = errors.unwrap_or_default();
        assert!(!errors.iter().any(|(_, error)| error.contains("there is no option")), "{errors:?}");
    }
    let tokens = expanded(r#"workload = "echo", lenient = true"#, "fn f() {}").expect("the attribute is right");
    assert!(tokens.contains(r#"("lenient" , & ["true"])"#), "{tokens}");
}

#[test]
fn all_errors_are_reported_at_once() {
    insta::assert_snapshot!(errors(r#"workload = "lin-kb", node = 5"#, "async fn f() {}"));
}

#[test]
fn wrong_programs_are_refused_at_their_token() {
    let attributes = [
        r#"workload = "echo", bin = "rift""#,
        r#"workload = "echo", bin = "raft", command = ["x"]"#,
        r#"workload = "echo", command = "python3 x.py""#,
        r#"workload = "echo", command = []"#,
    ];
    insta::assert_snapshot!(attributes.map(|attribute| errors(attribute, "fn f() {}")).concat());
}

#[test]
fn the_default_binary_depends_on_the_package() {
    let program = |binaries: &[&str]| expand_in(r#"workload = "echo""#, "fn f() {}", &package(binaries));
    assert!(program(&["only"]).expect("the only one").contains("CARGO_BIN_EXE_only"));
    assert!(program(&["a", "raft"]).expect("the one named like the package").contains("CARGO_BIN_EXE_raft"));
    assert!(program(&[]).expect("as in an editor").contains("ProgramSpec :: Missing"));
    let errors = program(&["a", "b"]).expect_err("neither has the name of the package");
    assert!(errors[0].1.contains("with one of: a, b"), "{errors:?}");
}

#[test]
fn unknown_binaries_cause_an_error_of_the_compiler() {
    let tokens =
        expand_in(r#"workload = "echo", bin = "x""#, "fn f() {}", &package(&[])).expect("`env!` reports the error");
    assert!(tokens.contains("move the test into the folder `tests/`"), "{tokens}");
}

#[test]
fn wrong_functions_are_refused_at_their_token() {
    let items = [
        r#"async fn f() {}"#,
        r#"unsafe fn f() {}"#,
        r#"const fn f() {}"#,
        r#"extern "C" fn f() {}"#,
        r#"fn f<T>() {}"#,
        r#"fn f(run: maelstrom::Run) {}"#,
        r#"fn f(run: &mut maelstrom::Run) {}"#,
        r#"fn f(run: &maelstrom::Run, x: u8) {}"#,
        r#"#[test] fn f() {}"#,
        r#"#[should_panic] fn f() -> Result<(), E> { x }"#,
        r#"struct F;"#,
    ];
    insta::assert_snapshot!(items.map(|item| errors(r#"workload = "echo""#, item)).concat());
}
