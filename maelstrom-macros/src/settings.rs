//! The arguments of the attribute: `name = value, …`.

use proc_macro2::Span;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Ident, Lit, Token, UnOp};

/// All arguments, in order. Each name occurs at most once.
pub(crate) struct Settings {
    pub(crate) all: Vec<Setting>,
}

/// An argument.
pub(crate) struct Setting {
    /// The name.
    pub(crate) name: Ident,
    /// The value.
    pub(crate) value: ArgumentValue,
}

/// The value of an argument.
pub(crate) enum ArgumentValue {
    /// Any expression.
    Expr(Box<Expr>),
    /// `{KEY = "value", …}`.
    Map(Vec<(String, Expr)>),
}

/// A value of an option: its text and its position in the source.
#[derive(Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl Settings {
    pub(crate) fn get(&self, name: &str) -> Option<&Setting> {
        self.all.iter().find(|setting| setting.name == name)
    }
}

impl Parse for Settings {
    fn parse(input: ParseStream<'_>) -> syn::Result<Settings> {
        let all: Vec<Setting> = Punctuated::<Setting, Token![,]>::parse_terminated(input)?.into_iter().collect();
        for (i, setting) in all.iter().enumerate() {
            if all[..i].iter().any(|earlier| earlier.name == setting.name) {
                let message = format!("`{}` is given twice\n  help: for several cases write a list", setting.name);
                return Err(Error::new(setting.name.span(), message));
            }
        }
        Ok(Settings { all })
    }
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Setting> {
        if input.peek(Lit) {
            return Err(input.error("the option has no name\n  help: write `workload = \"lin-kv\"`"));
        }
        let name: Ident = input.parse()?;
        if input.peek(Token![-]) {
            return Err(flag(&name, input)?);
        }
        if !input.peek(Token![=]) {
            return Err(Error::new(name.span(), format!("`{name}` has no value\n  help: write `{name} = …`")));
        }
        input.parse::<Token![=]>()?;
        let value = if name == "env" {
            ArgumentValue::Map(parse_map(input)?)
        } else {
            ArgumentValue::Expr(Box::new(input.parse()?))
        };
        Ok(Setting { name, value })
    }
}

/// Returns the error for a name in the form of a command-line flag: `time-limit = "3s"`.
fn flag(first: &Ident, input: ParseStream<'_>) -> syn::Result<Error> {
    let (mut tokens, mut name) = (first.to_token_stream(), first.to_string());
    while input.peek(Token![-]) {
        tokens.extend(input.parse::<Token![-]>()?.to_token_stream());
        let part = Ident::parse_any(input)?;
        name = format!("{name}-{part}");
        tokens.extend(part.to_token_stream());
    }
    Ok(Error::new_spanned(tokens, maelstrom_options::unknown_option(&name)))
}

/// Parses `{KEY = "value", …}`. Keys are identifiers or strings.
fn parse_map(input: ParseStream<'_>) -> syn::Result<Vec<(String, Expr)>> {
    if !input.peek(syn::token::Brace) {
        return Err(input.error("`env` needs names and values\n  help: write `env = {KEY = \"value\"}`"));
    }
    let inside;
    syn::braced!(inside in input);
    let entry = |input: ParseStream<'_>| {
        let key = if input.peek(syn::LitStr) {
            input.parse::<syn::LitStr>()?.value()
        } else {
            input.parse::<Ident>()?.to_string()
        };
        input.parse::<Token![=]>()?;
        Ok((key, input.parse::<Expr>()?))
    };
    Ok(Punctuated::<_, Token![,]>::parse_terminated_with(&inside, entry)?.into_iter().collect())
}

/// Removes parentheses and the invisible groups that macros put around expressions.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => bare(&group.expr),
        Expr::Paren(paren) => bare(&paren.expr),
        other => other,
    }
}

impl Setting {
    /// Returns the value as an expression.
    pub(crate) fn expr(&self) -> syn::Result<&Expr> {
        match &self.value {
            ArgumentValue::Expr(expr) => Ok(bare(expr)),
            ArgumentValue::Map(_) => Err(Error::new(self.name.span(), "expected a value")),
        }
    }

    /// Returns the elements of a list or the single value, and whether it is a list.
    pub(crate) fn items(&self) -> syn::Result<(Vec<&Expr>, bool)> {
        let expr = self.expr()?;
        match expr {
            Expr::Array(array) if array.elems.is_empty() => Err(Error::new(
                expr.span(),
                format!("`{}` has an empty list, so no case would run\n  help: write at least one value", self.name),
            )),
            Expr::Array(array) => Ok((array.elems.iter().map(bare).collect(), true)),
            _ => Ok((vec![expr], false)),
        }
    }
}

/// Returns the error for a value that is not a literal.
pub(crate) fn not_a_literal(span: Span) -> Error {
    Error::new(
        span,
        "the value is not a literal\n  help: write a number, a string, `true` or `false`. Values are checked at compile \
         time, when constants have no values; for computed values, run a `maelstrom::Scenario` in a plain `#[test]`",
    )
}

/// Returns the text of a literal: `5`, `"100ms"`, `2n`, `true`, `-1`.
pub(crate) fn literal(expr: &Expr) -> syn::Result<Text> {
    let span = expr.span();
    let text = match expr {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => text.value(),
            Lit::Int(int) => format!("{}{}", int.base10_digits(), int.suffix()),
            Lit::Float(float) => format!("{}{}", float.base10_digits(), float.suffix()),
            Lit::Bool(flag) => flag.value.to_string(),
            _ => return Err(Error::new(span, "expected a number, a string, `true` or `false`")),
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => format!("-{}", literal(bare(&unary.expr))?.text),
        Expr::Path(path) => {
            let name = path.path.get_ident().map(Ident::to_string).unwrap_or_default();
            // The names of values are written in lower case, those of constants are not.
            if name.starts_with(|first: char| first.is_lowercase()) {
                return Err(Error::new(span, format!("`{name}` is not a literal\n  help: write \"{name}\" in quotes")));
            }
            return Err(not_a_literal(span));
        }
        Expr::Range(_) => return Err(Error::new(span, "only `seeds` takes a range\n  help: write a list of values")),
        Expr::Array(_) => return Err(Error::new(span, "a list cannot contain a list\n  help: write a set as \"a,b\"")),
        _ => return Err(not_a_literal(span)),
    };
    Ok(Text { text, span })
}
