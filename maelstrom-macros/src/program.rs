//! The node program, from the attribute and from the binaries that cargo passes to the compiler.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Expr};

use crate::check::Errors;
use crate::settings::{Settings, bare, literal};
use maelstrom_options::OptionError;

const PREFIX: &str = "CARGO_BIN_EXE_";

/// The package that is compiled, from the environment of the compiler.
pub(crate) struct Package {
    /// The binary targets. Cargo passes them only for integration tests and benchmarks.
    pub(crate) binaries: Vec<String>,
    /// The name.
    pub(crate) name: String,
}

impl Package {
    pub(crate) fn from_environment() -> Package {
        let mut binaries: Vec<String> =
            std::env::vars_os().filter_map(|(key, _)| key.to_str()?.strip_prefix(PREFIX).map(str::to_owned)).collect();
        binaries.sort();
        Package { binaries, name: std::env::var("CARGO_PKG_NAME").unwrap_or_default() }
    }
}

/// Returns the programs of the attribute, as expressions with their labels in names of cases, and whether they are a list.
pub(crate) fn programs(
    settings: &Settings,
    package: &Package,
    errors: &mut Errors,
) -> (Vec<(String, TokenStream)>, bool) {
    match (settings.get("bin"), settings.get("command")) {
        (Some(_), Some(command)) => {
            errors.push(Error::new(
                command.name.span(),
                "`bin` and `command` exclude each other\n  help: remove one of them",
            ));
            (Vec::new(), false)
        }
        (None, Some(command)) => {
            if let Some(Expr::Array(array)) = errors.take(command.expr())
                && array.elems.is_empty()
            {
                errors.push(Error::new(command.name.span(), "`command` is empty\n  help: write at least the program"));
            }
            let words = words(settings, "command", errors);
            (vec![("command".into(), quote!(::maelstrom::__private::ProgramSpec::Command(&[#(#words),*])))], false)
        }
        (Some(bin), None) => {
            let Some((items, is_list)) = errors.take(bin.items()) else { return (Vec::new(), false) };
            let named = items.into_iter().filter_map(|item| {
                let text = errors.take(literal(item))?;
                let program = errors.take(binary(&text.text, text.span, package))?;
                Some((text.text, program))
            });
            (named.collect(), is_list)
        }
        (None, None) => {
            let program = errors.take(default_binary(package));
            (program.map(|program| ("bin".into(), program)).into_iter().collect(), false)
        }
    }
}

/// Returns the strings of `command` or `args`, which can be any constant expressions.
pub(crate) fn words(settings: &Settings, name: &str, errors: &mut Errors) -> Vec<Expr> {
    let Some(setting) = settings.get(name) else { return Vec::new() };
    match errors.take(setting.expr()) {
        Some(Expr::Array(array)) => array.elems.iter().map(|word| bare(word).clone()).collect(),
        Some(other) => {
            let message = format!("`{name}` is not a list of strings\n  help: write `{name} = [\"…\", \"…\"]`");
            errors.push(Error::new_spanned(other, message));
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Returns the expression of a binary. If cargo passes no binaries, `env!` in the expansion fails. (Editors do not evaluate
/// it, so they show no error.)
fn binary(name: &str, span: Span, package: &Package) -> syn::Result<TokenStream> {
    let binaries = &package.binaries;
    if !binaries.is_empty() && !binaries.iter().any(|binary| binary == name) {
        let binaries: Vec<&str> = binaries.iter().map(String::as_str).collect();
        return Err(Error::new(
            span,
            OptionError::choose(format!("the package has no binary `{name}`"), name, &binaries),
        ));
    }
    let variable = format!("{PREFIX}{name}");
    let message = format!(
        "cargo does not say where the binary `{name}` is\n  help: move the test into the folder `tests/` of the package \
         that has this binary, or write `command = [\"…\"]`"
    );
    Ok(quote_spanned! {span=>
        ::maelstrom::__private::ProgramSpec::Binary { name: #name, path: ::core::env!(#variable, #message) }
    })
}

/// Returns the only binary of the package, or the one with the name of the package.
fn default_binary(package: &Package) -> syn::Result<TokenStream> {
    match package.binaries.as_slice() {
        [] => Ok(quote!(::maelstrom::__private::ProgramSpec::Missing)),
        [only] => binary(only, Span::call_site(), package),
        several if several.contains(&package.name) => binary(&package.name, Span::call_site(), package),
        several => Err(Error::new(
            Span::call_site(),
            format!(
                "the package has several binaries\n  help: write `bin = \"…\"` with one of: {}",
                several.join(", ")
            ),
        )),
    }
}
