//! Checks the values of options by the table of options, and points at what is wrong.

use syn::spanned::Spanned;
use syn::{Error, Expr, RangeLimits};

use crate::settings::{Setting, Settings, Text, bare, literal, not_a_literal};
use maelstrom_options::{self as options, Defaults, FrontEnd, Kind, OptionRow, Value};

/// A collection of errors. The compiler reports all of them at once.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Returns the value. Adds an error and returns `None` if there is no value.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// An option of the table with its values.
pub(crate) struct Checked {
    pub(crate) name: String,
    pub(crate) values: Vec<Text>,
    pub(crate) is_list: bool,
}

/// Checks every option that has a value.
pub(crate) fn options(settings: &Settings, workloads: &[Text], errors: &mut Errors) -> Vec<Checked> {
    let mut checked = Vec::new();
    for setting in &settings.all {
        let name = setting.name.to_string();
        let Some(row) = options::find(&name) else {
            errors.push(Error::new(setting.name.span(), options::unknown_option(&name)));
            continue;
        };
        if row.kind == Kind::Special {
            continue;
        }
        for workload in workloads.iter().filter(|workload| !row.is_used_by(&workload.text)) {
            errors.push(Error::new(setting.name.span(), row.unused_by(&workload.text)));
        }
        let Some((items, is_list)) = errors.take(setting.items()) else { continue };
        let values = items.into_iter().filter_map(|item| errors.take(value(row, item))).collect();
        checked.push(Checked { name, values, is_list });
    }
    latency_shapes(&checked, errors);
    if let (Some(_), Some(seeds)) = (settings.get("seed"), settings.get("seeds")) {
        errors.push(Error::new(seeds.name.span(), "`seed` and `seeds` exclude each other\n  help: remove one of them"));
    }
    checked
}

/// Checks every combination of `latency_shape` and `latency_dist`.
fn latency_shapes(checked: &[Checked], errors: &mut Errors) {
    let find = |name: &str| checked.iter().find(|option| option.name == name);
    let (Some(shapes), Some(row)) = (find("latency_shape"), options::find("latency_shape")) else { return };
    let usual = options::default_latency_distribution(Defaults::Test, find("latency").is_some());
    let names: Vec<&str> = match find("latency_dist") {
        Some(distributions) => distributions.values.iter().map(|name| &*name.text).collect(),
        None => vec![usual],
    };
    for shape in &shapes.values {
        let Ok(Value::Number(number)) = row.parse(&shape.text, FrontEnd::Attribute) else { continue };
        for name in &names {
            if let Err(wrong) = options::check_latency_shape(name, number) {
                errors.push(Error::new(shape.span, wrong));
            }
        }
    }
}

fn value(row: &OptionRow, item: &Expr) -> syn::Result<Text> {
    if let Expr::Path(path) = item
        && path.path.get_ident().is_none_or(|name| row.parse(&name.to_string(), FrontEnd::Attribute).is_err())
    {
        // Quotes would not make it a valid value.
        return Err(not_a_literal(item.span()));
    }
    let text = literal(item)?;
    row.parse(&text.text, FrontEnd::Attribute).map_err(|wrong| Error::new(text.span, wrong))?;
    Ok(text)
}

/// Checks `seeds = 16` or `seeds = 0..16`, and returns its text.
pub(crate) fn seeds(setting: &Setting) -> syn::Result<String> {
    let expr = setting.expr()?;
    let text = match expr {
        Expr::Range(range) => {
            let bound = |bound: &Option<Box<Expr>>| match bound {
                Some(expr) => match bare(expr) {
                    path @ Expr::Path(_) => Err(not_a_literal(path.span())),
                    other => literal(other).map(|text| text.text),
                },
                None => Err(Error::new(expr.span(), "the range of seeds has no end\n  help: write both ends: `0..16`")),
            };
            let dots = if matches!(range.limits, RangeLimits::Closed(_)) { "..=" } else { ".." };
            format!("{}{dots}{}", bound(&range.start)?, bound(&range.end)?)
        }
        Expr::Array(_) => {
            return Err(Error::new(
                expr.span(),
                "`seeds` is not a list\n  help: write a number (16) or a range (0..16); for a list write `seed = [3, 7]`",
            ));
        }
        Expr::Path(_) => return Err(not_a_literal(expr.span())),
        _ => literal(expr)?.text,
    };
    options::parse_seeds(&text).map_err(|wrong| Error::new(expr.span(), wrong))?;
    Ok(text)
}

/// Checks `expect = "…"` for every built-in workload of the attribute. The anomalies of a user's workload are unknown.
pub(crate) fn expect(setting: &Setting, workloads: &[Text], has_own: bool) -> syn::Result<String> {
    let expr = setting.expr()?;
    if let Expr::Array(_) = expr {
        return Err(Error::new(expr.span(), "`expect` takes one outcome\n  help: write a function for each outcome"));
    }
    let text = literal(expr)?;
    if !has_own {
        for workload in workloads {
            options::check_expect(&text.text, &workload.text).map_err(|wrong| Error::new(text.span, wrong))?;
        }
    }
    Ok(text.text)
}

/// Checks `plan = "path"`, and returns the path.
pub(crate) fn plan(setting: &Setting) -> syn::Result<String> {
    let expr = setting.expr()?;
    if let Expr::Array(_) = expr {
        return Err(Error::new(expr.span(), "`plan` takes one file\n  help: write a function for each plan"));
    }
    let text = literal(expr)?;
    if text.text.is_empty() {
        return Err(Error::new(
            text.span,
            "the path of the plan is empty\n  help: write the path of a file `plan.json`",
        ));
    }
    Ok(text.text)
}

/// Checks `snapshot = true`, `false` or `"full"`.
pub(crate) fn snapshot(setting: &Setting) -> syn::Result<String> {
    let text = literal(setting.expr()?)?;
    if ["true", "false", "full"].contains(&text.text.as_str()) {
        return Ok(text.text);
    }
    Err(Error::new(
        text.span,
        format!("`{}` is none of the choices\n  help: choices are: true, false, \"full\"", text.text),
    ))
}
