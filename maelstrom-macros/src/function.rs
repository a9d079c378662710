//! The function with the attribute: its signature and its other attributes.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, FnArg, ItemFn, Lit, Meta, ReturnType, Token, Type};

use crate::check::Errors;

/// The error if the item under the attribute is not a function.
pub(crate) fn explain_not_a_function(error: Error) -> Error {
    Error::new(error.span(), format!("#[maelstrom::test] can only be used on functions like `fn name() {{}}`: {error}"))
}

/// Checks the signature.
pub(crate) fn check_signature(function: &ItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    let mut refuse = |tokens: &dyn ToTokens, message: &str| errors.push(Error::new_spanned(tokens, message));
    if let Some(token) = &sig.asyncness {
        refuse(token, "a test runs after its scenario has ended, so it has nothing to await\n  help: remove `async`");
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        refuse(token, "tests are called by safe code\n  help: remove `unsafe` and use an `unsafe` block inside");
    }
    if let Some(token) = &sig.constness {
        refuse(token, "tests are called at run time\n  help: remove `const`");
    }
    if let Some(abi) = &sig.abi {
        refuse(abi, "tests are Rust functions\n  help: remove `extern`");
    }
    if !sig.generics.params.is_empty() {
        refuse(
            &sig.generics,
            "a test has no generic parameters, because its caller cannot choose them\n  help: remove the generics",
        );
    }
    let mut inputs = sig.inputs.iter();
    if let Some(first) = inputs.next()
        && !is_run(first)
    {
        refuse(first, "a test takes no parameter, or the finished run\n  help: write `run: &maelstrom::Run`");
    }
    for further in inputs {
        refuse(
            further,
            "a test takes no parameter besides the finished run\n  help: write `fn name(run: &maelstrom::Run)`",
        );
    }
}

/// Whether a parameter has the form `run: &maelstrom::Run`. The compiler checks the type.
fn is_run(input: &FnArg) -> bool {
    let FnArg::Typed(input) = input else { return false };
    matches!(&*input.ty, Type::Reference(reference) if reference.mutability.is_none())
}

/// The attributes of the function, by the item of the expansion that gets them.
#[derive(Default)]
pub(crate) struct Attributes {
    /// Attributes of every item: `cfg`.
    pub(crate) everywhere: Vec<Attribute>,
    /// Attributes of the `#[test]` function: doc comments, `ignore`.
    pub(crate) test: Vec<Attribute>,
    /// Attributes of the function itself: all others.
    pub(crate) inner: Vec<Attribute>,
    /// An expression: whether the test is ignored.
    pub(crate) ignored: TokenStream,
    /// An expression of type `Option<&str>`: the text that the panic message must contain.
    pub(crate) should_panic: TokenStream,
}

/// Sorts the attributes by the item that gets them.
pub(crate) fn sort_attributes(function: &ItemFn, errors: &mut Errors) -> Attributes {
    let mut sorted = Attributes { ignored: quote!(false), should_panic: quote!(None), ..Attributes::default() };
    for attribute in &function.attrs {
        let path = attribute.path();
        if path.is_ident("cfg") {
            sorted.everywhere.push(attribute.clone());
        } else if path.is_ident("test") {
            errors.push(Error::new_spanned(
                attribute,
                "#[maelstrom::test] makes the function a test\n  help: remove #[test]",
            ));
        } else if path.is_ident("ignore") {
            sorted.ignored = quote!(true);
            sorted.test.push(attribute.clone());
        } else if path.is_ident("should_panic") {
            should_panic(&attribute.meta, function, None, &mut sorted, errors);
        } else if path.is_ident("cfg_attr") {
            sort_conditional(attribute, function, &mut sorted, errors);
        } else {
            if path.is_ident("doc") {
                sorted.test.push(attribute.clone());
            }
            sorted.inner.push(attribute.clone());
        }
    }
    sorted
}

/// Handles `#[should_panic]`, which may have a condition. The library applies it, so libtest does not get it.
fn should_panic(
    meta: &Meta,
    function: &ItemFn,
    condition: Option<&Meta>,
    sorted: &mut Attributes,
    errors: &mut Errors,
) {
    if !matches!(function.sig.output, ReturnType::Default) {
        errors.push(Error::new_spanned(
            meta,
            "functions with #[should_panic] return nothing\n  help: remove the return type",
        ));
    }
    let expected = match meta {
        Meta::NameValue(pair) => string(&pair.value),
        Meta::List(list) => list.parse_args::<syn::MetaNameValue>().ok().and_then(|pair| string(&pair.value)),
        Meta::Path(_) => None,
    };
    let expected = expected.unwrap_or_default();
    let rest = &sorted.should_panic;
    sorted.should_panic = match condition {
        None => quote!(Some(#expected)),
        Some(condition) => quote!(if cfg!(#condition) { Some(#expected) } else { #rest }),
    };
}

fn string(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// Sorts the attributes in `#[cfg_attr(condition, …)]`.
fn sort_conditional(attribute: &Attribute, function: &ItemFn, sorted: &mut Attributes, errors: &mut Errors) {
    let parsed = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    let Some(metas) = errors.take(parsed) else { return };
    let mut metas = metas.iter();
    let Some(condition) = metas.next() else { return };
    for meta in metas {
        let single: Attribute = syn::parse_quote_spanned!(meta.span()=> #[cfg_attr(#condition, #meta)]);
        let path = meta.path();
        if path.is_ident("ignore") {
            let rest = &sorted.ignored;
            sorted.ignored = quote!(#rest || cfg!(#condition));
            sorted.test.push(single);
        } else if path.is_ident("should_panic") {
            should_panic(meta, function, Some(condition), sorted, errors);
        } else if path.is_ident("cfg") {
            sorted.everywhere.push(single);
        } else {
            sorted.inner.push(single);
        }
    }
}

/// Returns a call of the function with the run, converted into a `Result`. Its spans make the compiler report wrong types at
/// the types of the function.
pub(crate) fn call(function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    let call = match function.sig.inputs.first() {
        Some(FnArg::Typed(input)) => {
            let of = &input.ty;
            let run = quote_spanned!(of.span()=> run);
            quote!({ let run: #of = #run; #name(run) })
        }
        _ => quote!({ let _ = run; #name() }),
    };
    match &function.sig.output {
        ReturnType::Default => quote!({ let () = #call; ::core::result::Result::Ok(()) }),
        ReturnType::Type(_, of) => {
            let convert = quote_spanned!(of.span()=> <#of as ::maelstrom::__private::IntoTestResult>::into_result);
            quote!(#convert(#call))
        }
    }
}
