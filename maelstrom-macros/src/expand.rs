//! The expansion of the attribute: a `#[test]` function and a registration.
//!
//! ```text
//! #[maelstrom::test(…)] fn name(run) { … }
//!
//!   ├─ #[test] fn name()            runs all cases; for libtest, its filters and editors
//!   └─ submit! { Function { … } }   has the options and the function itself; for maelstrom::main!() and the #[test]
//! ```
//!
//! With `harness = false` the compiler removes the `#[test]` function.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, Expr, ItemFn};

use crate::check::{self, Checked, Errors};
use crate::function;
use crate::program::{self, Package};
use crate::settings::{ArgumentValue, Settings, Text, literal};
use maelstrom_options as options;

/// Returns the expansion.
pub(crate) fn expand(settings: &Settings, mut function: ItemFn, package: &Package) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    function::check_signature(&function, &mut errors);
    let attributes = function::sort_attributes(&function, &mut errors);
    let registration = registration(settings, &function, &attributes, package, &mut errors);
    errors.finish()?;

    let function::Attributes { everywhere, test, inner, .. } = attributes;
    let name = function.sig.ident.clone();
    let name_text = name.to_string();
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let call = function::call(&function);
    function.attrs = inner;
    Ok(quote! {
        #(#everywhere)*
        #(#test)*
        #[::core::prelude::v1::test]
        #visibility fn #name() -> ::core::result::Result<(), ::maelstrom::__private::TestFailure> {
            ::maelstrom::__private::run_function(::core::module_path!(), #name_text)
        }

        #(#everywhere)*
        const _: () = {
            #function

            // Lints of the user must not apply to generated code.
            #[allow(clippy::all, clippy::pedantic)]
            fn __maelstrom_body(run: &::maelstrom::Run) -> ::core::result::Result<(), ::std::string::String> {
                #call
            }

            ::maelstrom::__private::inventory::submit! { #registration }
        };
    })
}

/// Returns the value that the runner finds.
fn registration(
    settings: &Settings,
    function: &ItemFn,
    attributes: &function::Attributes,
    package: &Package,
    errors: &mut Errors,
) -> TokenStream {
    let name = function.sig.ident.to_string();
    let workloads = workloads(settings, errors);
    let named: Vec<Text> = workloads.named.clone();
    let axes = check::options(settings, &named, errors);
    let (programs, several_programs) = program::programs(settings, package, errors);
    let args = program::words(settings, "args", errors);
    let pass_env = program::words(settings, "pass_env", errors);
    let env = settings.get("env").map_or(quote!(), |setting| match &setting.value {
        ArgumentValue::Map(entries) => entries.iter().map(|(key, value)| quote!((#key, #value),)).collect(),
        ArgumentValue::Expr(_) => quote!(),
    });
    let seeds = settings.get("seeds").and_then(|setting| errors.take(check::seeds(setting)));
    let expect = settings
        .get("expect")
        .and_then(|setting| errors.take(check::expect(setting, &named, workloads.has_own)))
        .unwrap_or_else(|| "valid".into());
    let plan = option(settings.get("plan").and_then(|setting| errors.take(check::plan(setting))));
    let snapshot = settings.get("snapshot").and_then(|setting| errors.take(check::snapshot(setting)));
    let snapshot = snapshot.unwrap_or_else(|| (!options::OUTCOMES.contains(&expect.as_str())).to_string());

    let lists = order_of_lists(settings, workloads.is_list, several_programs, &axes);
    let axes = axes.iter().map(|Checked { name, values, .. }| {
        let values = values.iter().map(|value| &value.text);
        quote!((#name, &[#(#values),*]))
    });
    let programs = programs.iter().map(|(label, source)| quote!((#label, #source)));
    let seeds = option(seeds);
    let (choices, ignored, should_panic) = (workloads.choices, &attributes.ignored, &attributes.should_panic);
    quote! {
        ::maelstrom::__private::Function {
            name: #name,
            module: ::core::module_path!(),
            package: ::core::env!("CARGO_PKG_NAME"),
            target: ::core::env!("CARGO_CRATE_NAME"),
            package_directory: ::core::env!("CARGO_MANIFEST_DIR"),
            temporary_directory: ::core::option_env!("CARGO_TARGET_TMPDIR"),
            source: (::core::file!(), ::core::line!()),
            workloads: &[#(#choices),*],
            programs: &[#(#programs),*],
            args: &[#(#args),*],
            env: &[#env],
            pass_env: &[#(#pass_env),*],
            options: &[#(#axes),*],
            lists: &[#(#lists),*],
            seeds: #seeds,
            expect: #expect,
            snapshot: #snapshot,
            plan: #plan,
            ignored: #ignored,
            should_panic: #should_panic,
            body: __maelstrom_body,
            assert_snapshot: |name, text| ::maelstrom::__private::insta::assert_snapshot!(name, text),
        }
    }
}

/// The workloads of the attribute.
struct Workloads {
    /// The label and the constructor of each workload.
    choices: Vec<TokenStream>,
    /// The built-in workloads, by name.
    named: Vec<Text>,
    /// Whether there is a workload of the user.
    has_own: bool,
    is_list: bool,
}

fn workloads(settings: &Settings, errors: &mut Errors) -> Workloads {
    let mut workloads = Workloads { choices: Vec::new(), named: Vec::new(), has_own: false, is_list: false };
    let Some(setting) = settings.get("workload") else {
        let message = format!(
            "there is no workload\n  help: write `workload = \"…\"` with one of {}, or a value that implements \
             maelstrom::Workload",
            options::WORKLOADS.join(", ")
        );
        errors.push(Error::new(Span::call_site(), message));
        return workloads;
    };
    let Some((items, is_list)) = errors.take(setting.items()) else { return workloads };
    workloads.is_list = is_list;
    for item in items {
        let label = if let Expr::Lit(_) = item {
            let Some(text) = errors.take(literal(item)) else { continue };
            if let Err(wrong) = options::check_workload(&text.text) {
                errors.push(Error::new(text.span, wrong));
            }
            workloads.named.push(text.clone());
            text.text
        } else {
            workloads.has_own = true;
            label(item)
        };
        let choice = quote::quote_spanned!(item.span()=> ::maelstrom::scenario::WorkloadChoice::from(#item));
        workloads.choices.push(quote!((#label, || #choice)));
    }
    workloads
}

/// Returns the label of a user's workload in names of cases: the last segment of its path.
fn label(expr: &Expr) -> String {
    let last = |path: &syn::Path| path.segments.last().map(|segment| segment.ident.to_string());
    let found = match expr {
        Expr::Path(path) => last(&path.path),
        Expr::Struct(expr) => last(&expr.path),
        Expr::Call(call) => match &*call.func {
            // The label of `MyWorkload::new(…)` is the type, not the function.
            Expr::Path(path) => {
                let segments = &path.path.segments;
                let is_type = |name: &str| name.starts_with(|c: char| c.is_uppercase());
                let of_type = segments.iter().rev().map(|segment| segment.ident.to_string()).find(|name| is_type(name));
                of_type.or_else(|| last(&path.path))
            }
            _ => None,
        },
        _ => None,
    };
    found.unwrap_or_else(|| "workload".into())
}

/// Returns the names of the options that are lists, in the order of the attribute.
fn order_of_lists(settings: &Settings, workloads: bool, programs: bool, axes: &[Checked]) -> Vec<String> {
    let is_list = |name: &str| match name {
        "workload" => workloads,
        "bin" => programs,
        _ => axes.iter().any(|axis| axis.name == name && axis.is_list),
    };
    settings.all.iter().map(|setting| setting.name.to_string()).filter(|name| is_list(name)).collect()
}

fn option(value: Option<String>) -> TokenStream {
    value.map_or(quote!(None), |value| quote!(Some(#value)))
}
