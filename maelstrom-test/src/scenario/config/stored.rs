//! `scenario.json`: writes the configuration of a run, and reads it for a replay.

use super::Config;
use crate::json::{Map, Value, json};
use crate::scenario::Scenario;
use crate::scenario::options::{Defaults, FrontEnd};

/// The version of the format.
const VERSION: u64 = 1;

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
        let program = &stored["program"];
        let args = program["args"].as_array().ok_or("`program.args` is missing")?;
        let args: Vec<String> = args.iter().map(|arg| text(arg, "`program.args`")).collect::<Result<_, _>>()?;
        let mut scenario = Scenario::new(text(&stored["workload"], "`workload`")?)
            .bin(text(&program["path"], "`program.path`")?)
            .args(args)
            .name(text(&stored["name"], "`name`")?)
            .defaults(if stored["defaults"] == "test" { Defaults::Test } else { Defaults::Plain })
            .front_end(FrontEnd::CommandLine)
            .allow_unused_options();
        if let Some(base) = program["base"].as_str() {
            scenario = scenario.base_directory(base);
        }
        scenario.program.has_stored_env = true;
        for (key, value) in program["env"].as_object().into_iter().flatten() {
            scenario = scenario.env(key, text(value, "a value of `program.env`")?);
        }
        for (name, value) in stored["options"].as_object().ok_or("`options` is missing")? {
            scenario = scenario.option(name, text(value, "a value of `options`")?);
        }
        Ok(scenario.seed(stored["seed"].as_u64().ok_or("`seed` is missing")?))
    }
}
