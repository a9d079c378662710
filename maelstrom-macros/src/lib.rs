//! The attribute `#[maelstrom::test]`: parses, checks and expands. All other logic lives in the library.
//!
//! The options and the names that it checks come from `maelstrom-options`, as those of the library do.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod check;
mod expand;
mod function;
mod program;
mod settings;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use program::Package;

macro_rules! documented {
    ($({
        name: $name:ident,
        doc: $doc:literal,
        value: $value:ty,
        builder: $argument:ty as $literal:ty,
        kind: $kind:expr,
        default: $default:tt,
        workloads: $workloads:expr,
        flag: $flag:literal $metavar:literal in $commands:expr,
        config: $config:tt,
    })*) => {
        /// Makes a function a test: runs a scenario, checks the run, and then runs the function's body.
        ///
        /// ```ignore
        /// #[maelstrom::test(workload = "lin-kv", nodes = 5, nemesis = "partition")]
        /// fn raft_is_linearizable() {}
        ///
        /// #[maelstrom::test(workload = "broadcast", bin = "gossip", nodes = [5, 25], seeds = 4)]
        /// fn gossip_is_frugal(run: &maelstrom::Run) {
        ///     assert!(run.net.servers.msgs_per_op < 30.0);
        /// }
        ///
        /// maelstrom::main!();
        /// ```
        ///
        /// The function has no parameter or the finished `run: &maelstrom::Run`. It returns nothing or a `Result`.
        /// `#[ignore]`, `#[should_panic]`, `#[cfg]` and doc comments work as on other tests.
        ///
        /// # The program and the workload
        /// - `workload` (required): a name, or any expression that gives a value which implements `Workload`.
        /// - `bin`: a binary target of the package; by default its only one, or the one named like the package.
        /// - `command = ["python3", "nodes/raft.py"]`: any program instead, relative paths from the package's root.
        ///   Each node runs in its own directory; programs that search for the package's files need `cwd = "package"`.
        /// - `args = ["…"]`, `env = {KEY = "value"}`: its further arguments and environment variables.
        ///
        /// # Expectations
        /// - `expect`: `"valid"` (default), `"invalid"`, `"unknown"`, `"error"` (the run aborts), or the name of an
        ///   anomaly, which must be found.
        /// - `snapshot`: `true` (default where `expect` names an anomaly) compares the report with a stored one, with insta.
        ///   `"full"` compares the whole report with its numbers; this needs virtual time.
        ///
        /// - `plan`: a file relative to the package's root. The run has its options, its seed, and the operations, faults and
        ///   messages that it spells out. Every run writes such a file, `plan.json`.
        ///
        /// # Several cases
        /// A list instead of a value makes one case of each value; several lists make all combinations:
        /// `nodes = [1, 3, 5], nemesis = ["partition", "kill"]`. `seeds = 16` and `seeds = 0..16` make a case of each
        /// seed.
        ///
        /// # Options
        /// Times are written with their unit: `"100ms"`, `"1.5s"`, `"2m"`.
        ///
        /// | option | default | meaning |
        /// | --- | --- | --- |
        $(#[doc = concat!("| `", stringify!($name), "` | ", maelstrom_options::default_text!($default), " | ", $doc, " |")])*
        #[proc_macro_attribute]
        pub fn test(attribute: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
            expand_test(attribute.into(), item.into(), &Package::from_environment()).into()
        }
    };
}

maelstrom_options::for_each_option!(documented);

/// Expands the attribute. Tests can call it, because it uses the token streams of `proc_macro2`.
fn expand_test(attribute: TokenStream, item: TokenStream, package: &Package) -> TokenStream {
    let settings = syn::parse2::<settings::Settings>(attribute);
    let function = syn::parse2::<syn::ItemFn>(item.clone()).map_err(function::explain_not_a_function);
    let expanded = match (settings, function) {
        (Ok(settings), Ok(function)) => expand::expand(&settings, function, package),
        (Err(mut error), Err(other)) => {
            error.combine(other);
            Err(error)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    // After an error, the function is kept, so that uses of it cause no further errors. Lints for unused code do not apply.
    expanded.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        quote::quote!(#error #[allow(dead_code, unused)] #item)
    })
}
