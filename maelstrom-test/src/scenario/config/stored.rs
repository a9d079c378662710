//! `scenario.json`: the configuration of a stored run, and the way back.

use super::Config;
use crate::json::{Map, Value, json};
use crate::scenario::Scenario;
use crate::scenario::options::{Defaults, FrontEnd};

/// The version of the format.
const VERSION: u64 = 1;

impl Config {
    /// The content of `scenario.json`: what [`Scenario::from_json`] needs to run the same again.
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
    /// The scenario of a stored run, from its `scenario.json`. The run's files go to a new directory.
    ///
    /// # Errors
    /// A sentence that says what is missing. Workloads of users' own cannot be found by their names.
    pub fn from_json(stored: &Value) -> Result<Scenario, String> {
        let text =
            |value: &Value, what: &str| value.as_str().map(str::to_owned).ok_or_else(|| format!("it has no {what}"));
        if stored["version"] != VERSION {
            return Err(format!("its version is {}, and this program reads version {VERSION}", stored["version"]));
        }
        let program = &stored["program"];
        let args = program["args"].as_array().ok_or("it has no program arguments")?;
        let args: Vec<String> = args.iter().map(|arg| text(arg, "program arguments")).collect::<Result<_, _>>()?;
        let mut scenario = Scenario::new(text(&stored["workload"], "workload")?)
            .bin(text(&program["path"], "program")?)
            .args(args)
            .name(text(&stored["name"], "name")?)
            .defaults(if stored["defaults"] == "test" { Defaults::Test } else { Defaults::Plain })
            .front_end(FrontEnd::CommandLine)
            .allow_unused_options();
        if let Some(base) = program["base"].as_str() {
            scenario = scenario.base_directory(base);
        }
        scenario.program.has_stored_env = true;
        for (key, value) in program["env"].as_object().into_iter().flatten() {
            scenario = scenario.env(key, text(value, "environment")?);
        }
        for (name, value) in stored["options"].as_object().ok_or("it has no options")? {
            scenario = scenario.option(name, text(value, "option values")?);
        }
        Ok(scenario.seed(stored["seed"].as_u64().ok_or("it has no seed")?))
    }
}
