//! Which program the nodes are: what cargo tells the compiler of the package's binaries.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Expr};

use crate::check::Errors;
use crate::settings::{Settings, bare, literal};
use maelstrom_options::OptionError;

const PREFIX: &str = "CARGO_BIN_EXE_";

/// What the compiler's environment says.
pub(crate) struct Surroundings {
    /// Binary targets of the package; cargo names them to integration tests and benchmarks only.
    pub(crate) binaries: Vec<String>,
    /// The package's name.
    pub(crate) package: String,
}

impl Surroundings {
    pub(crate) fn of_compiler() -> Surroundings {
        let mut binaries: Vec<String> =
            std::env::vars_os().filter_map(|(key, _)| key.to_str()?.strip_prefix(PREFIX).map(str::to_owned)).collect();
        binaries.sort();
        Surroundings { binaries, package: std::env::var("CARGO_PKG_NAME").unwrap_or_default() }
    }
}

/// The programs that the attribute names, as expressions with their labels in case names; and whether it is a list.
pub(crate) fn programs(
    settings: &Settings,
    surroundings: &Surroundings,
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
            (vec![("command".into(), quote!(::maelstrom::__private::Source::Command(&[#(#words),*])))], false)
        }
        (Some(bin), None) => {
            let Some((items, is_list)) = errors.take(bin.items()) else { return (Vec::new(), false) };
            let named = items.into_iter().filter_map(|item| {
                let text = errors.take(literal(item))?;
                let program = errors.take(binary(&text.text, text.span, surroundings))?;
                Some((text.text, program))
            });
            (named.collect(), is_list)
        }
        (None, None) => {
            let program = errors.take(only_binary(surroundings));
            (program.map(|program| ("bin".into(), program)).into_iter().collect(), false)
        }
    }
}

/// A list of strings that is one value: `command` and `args`. Any constant expression will do for a string.
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

/// A binary by its name. Where cargo names no binaries at all, the compiler complains (an editor does not).
fn binary(name: &str, span: Span, surroundings: &Surroundings) -> syn::Result<TokenStream> {
    let binaries = &surroundings.binaries;
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
        ::maelstrom::__private::Source::Binary { name: #name, path: ::core::env!(#variable, #message) }
    })
}

/// The package's only binary, or the one named like it.
fn only_binary(surroundings: &Surroundings) -> syn::Result<TokenStream> {
    match surroundings.binaries.as_slice() {
        [] => Ok(quote!(::maelstrom::__private::Source::Missing)),
        [only] => binary(only, Span::call_site(), surroundings),
        several if several.contains(&surroundings.package) => {
            binary(&surroundings.package, Span::call_site(), surroundings)
        }
        several => Err(Error::new(
            Span::call_site(),
            format!(
                "the package has several binaries\n  help: write `bin = \"…\"` with one of: {}",
                several.join(", ")
            ),
        )),
    }
}
