//! `scenario.json` and `plan.json`: writes the configuration of a run, and reads it for a replay.

use std::io;
use std::path::Path;

use super::Config;
use crate::json::{Map, Value, json};
use crate::plan::Overrides;
use crate::report::file_names;
use crate::scenario::options::{Defaults, FrontEnd};
use crate::scenario::{RunError, Scenario};

/// The version of the format of `scenario.json`.
const VERSION: u64 = 1;
/// The version of the format of plans.
const PLAN_VERSION: u64 = 1;

impl Config {
    /// Returns the content of `scenario.json`, from which [`Scenario::from_json`] restores the scenario.
    pub fn to_json(&self) -> Value {
        let args: Vec<_> = self.program.args.iter().map(|arg| arg.to_string_lossy()).collect();
        let env: Map<String, Value> = (self.program.env.iter())
            .map(|(key, value)| (key.to_string_lossy().into_owned(), value.to_string_lossy().into()))
            .collect();
        let options: Map<String, Value> =
            self.given.given().into_iter().map(|(name, text)| (name.to_string(), text.into())).collect();
        json!({
            "version": VERSION,
            "name": self.name,
            "workload": self.simulation.workload.name(),
            "program": {
                "path": self.program.path.to_string_lossy(),
                "args": args,
                "env": env,
                "base": self.program.base.as_ref().map(|base| base.to_string_lossy()),
                "hash": self.program_hash(),
            },
            "defaults": if self.defaults == Defaults::Test { "test" } else { "plain" },
            "seed": self.simulation.seed,
            "options": options,
        })
    }

    /// Returns the content of `plan.json`, from which [`Scenario::from_plan`] restores the scenario with its overrides.
    pub(in crate::scenario) fn plan_json(&self) -> io::Result<Value> {
        let overrides = crate::json::to_value(&self.simulation.plan).map_err(io::Error::other)?;
        Ok(json!({"plan": PLAN_VERSION, "scenario": self.to_json(), "overrides": overrides}))
    }
}

impl Scenario {
    /// Restores the scenario of a stored run from its `scenario.json`. The scenario has a new directory, not that of the stored
    /// run.
    ///
    /// # Errors
    /// Fails if a value is missing or the version is unsupported. The message names the value. Custom workloads cannot be
    /// restored, because they are not found by their names.
    pub fn from_json(stored: &Value) -> Result<Scenario, String> {
        let text =
            |value: &Value, what: &str| value.as_str().map(str::to_owned).ok_or_else(|| format!("{what} is missing"));
        if stored["version"] != VERSION {
            return Err(format!("its version is {}, but this program supports version {VERSION}", stored["version"]));
        }
        let mut scenario = Scenario::new(text(&stored["workload"], "`workload`")?)
            .name(text(&stored["name"], "`name`")?)
            .defaults(if stored["defaults"] == "test" { Defaults::Test } else { Defaults::Plain })
            .front_end(FrontEnd::CommandLine)
            .allow_unused_options();
        let program = &stored["program"];
        // Plans in a package have no program.
        if !program.is_null() {
            let args = program["args"].as_array().ok_or("`program.args` is missing")?;
            let args: Vec<String> = args.iter().map(|arg| text(arg, "`program.args`")).collect::<Result<_, _>>()?;
            scenario = scenario.bin(text(&program["path"], "`program.path`")?).args(args);
            if let Some(base) = program["base"].as_str() {
                scenario = scenario.base_directory(base);
            }
            scenario.program.has_stored_env = true;
            for (key, value) in program["env"].as_object().into_iter().flatten() {
                scenario = scenario.env(key, text(value, "a value of `program.env`")?);
            }
        }
        for (name, value) in stored["options"].as_object().ok_or("`options` is missing")? {
            scenario = scenario.option(name, text(value, "a value of `options`")?);
        }
        Ok(scenario.seed(stored["seed"].as_u64().ok_or("`seed` is missing")?))
    }

    /// Restores a scenario with its overrides from a plan: the file `plan.json` of a run, or the directory of the run.
    ///
    /// Each run writes a plan. That of a shrunk run has the operations, faults and messages that its failure needs. The
    /// scenario has a new directory, not that of the stored run.
    ///
    /// ```no_run
    /// use maelstrom::Scenario;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// Scenario::from_plan("tests/regressions/cluster/raft.json")?.run()?.assert_valid();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`RunError::Setup`] if the file cannot be read, is not a plan, or has an unsupported version. The message names the
    /// file and the value.
    pub fn from_plan(path: impl AsRef<Path>) -> Result<Scenario, RunError> {
        read_plan(path.as_ref(), |plan| {
            let mut scenario = Scenario::from_json(&plan["scenario"]).map_err(|why| format!("`scenario`: {why}"))?;
            scenario.overrides = overrides(plan)?;
            Ok(scenario)
        })
    }

    /// Sets the options, the seed and the overrides of a plan. The workload and the node program stay.
    ///
    /// # Errors
    /// Those of [`Scenario::from_plan`].
    pub fn with_plan(self, path: impl AsRef<Path>) -> Result<Scenario, RunError> {
        read_plan(path.as_ref(), |plan| {
            let mut scenario = self;
            let stored = &plan["scenario"];
            for (name, value) in stored["options"].as_object().ok_or("`scenario.options` is missing")? {
                let value = value.as_str().ok_or_else(|| format!("`scenario.options.{name}` is not text"))?;
                // What the search may cost is decided by the user, not by the plan.
                if name != "shrink" {
                    scenario = scenario.option(name, value);
                }
            }
            scenario.overrides = overrides(plan)?;
            Ok(scenario.seed(stored["seed"].as_u64().ok_or("`scenario.seed` is missing")?))
        })
    }
}

fn overrides(plan: &Value) -> Result<Overrides, String> {
    let Some(overrides) = plan.get("overrides") else { return Ok(Overrides::default()) };
    let overrides: Overrides = crate::json::from_value(overrides).map_err(|why| format!("`overrides`: {why}"))?;
    overrides.check().map_err(|wrong| format!("`overrides`: {wrong}"))?;
    Ok(overrides)
}

/// Reads a plan and makes a scenario of it. Errors name the file.
fn read_plan(path: &Path, scenario: impl FnOnce(&Value) -> Result<Scenario, String>) -> Result<Scenario, RunError> {
    let path = if path.is_dir() { path.join(file_names::PLAN) } else { path.to_owned() };
    let read = || {
        let text = std::fs::read(&path).map_err(|error| error.to_string())?;
        let plan: Value = crate::json::from_slice(&text).map_err(|error| error.to_string())?;
        match &plan["plan"] {
            version if *version == PLAN_VERSION => scenario(&plan),
            Value::Null => Err("it has no key `plan` with its version".into()),
            version => Err(format!("its version is {version}, but this program supports version {PLAN_VERSION}")),
        }
    };
    read().map_err(|why| RunError::Setup(format!("cannot use the plan `{}`: {why}", path.display())))
}
