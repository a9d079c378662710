//! The command line. Most flags come from the table of options.

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::scenario::options::{self, Flag, FrontEnd, Kind, OptionError, OptionRow};

/// Flags of the original that are accepted and ignored, and whether they take a value.
const IGNORED: &[(&str, bool)] = &[
    ("no-ssh", false),
    ("leave-db-running", false),
    ("logging-json", false),
    ("strict-host-key-checking", false),
    ("no-strict-host-key-checking", false),
    ("dummy-ssh", false),
    ("username", true),
    ("password", true),
    ("sudo-password", true),
    ("ssh-private-key", true),
    ("tarball", true),
];

/// Returns the definition of the command line.
pub(super) fn command() -> Command {
    Command::new("maelstrom")
        .about("A workbench for learning and regression-testing distributed systems")
        .version(env!("CARGO_PKG_VERSION"))
        // Longer lines are hard to read, however wide the terminal is.
        .max_term_width(120)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help("Exit status: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 the run could not be started or was aborted.")
        .subcommands([test(), check(), replay(), serve(), demo(), doc(), node()])
}

fn test() -> Command {
    let ignored = IGNORED.iter().map(|(name, takes_value)| {
        let action = if *takes_value { ArgAction::Append } else { ArgAction::Count };
        Arg::new(*name).long(*name).action(action).hide(true)
    });
    Command::new("test")
        .about("Runs a workload against a cluster of nodes and prints the report")
        .args(options_of("test"))
        .arg(
            Arg::new("node-names")
                .short('n')
                .long("node")
                .visible_alias("nodes")
                .value_name("n1,n2")
                .action(ArgAction::Append)
                .help("Names of the nodes, instead of a number of nodes"),
        )
        .arg(Arg::new("nodes-file").long("nodes-file").value_name("FILE").help("File with one node name per line"))
        .arg(
            Arg::new("check-determinism")
                .long("check-determinism")
                .action(ArgAction::SetTrue)
                .help("Run the same seed twice and compare the histories and journals byte for byte"),
        )
        .args(ignored)
        .arg(
            Arg::new("args")
                .value_name("ARGS")
                .action(ArgAction::Append)
                .num_args(0..)
                .help("Arguments of the node program; put arguments that begin with a dash after `--`"),
        )
}

/// Returns the flags of a command that are in the table of options.
fn options_of(command: &'static str) -> impl Iterator<Item = Arg> {
    options::of_command(command).map(|(row, flag)| option(row, flag))
}

fn option(row: &'static OptionRow, flag: Flag) -> Arg {
    let doc = flag.doc.unwrap_or(row.doc);
    let arg = Arg::new(row.name).long(flag.name);
    if row.kind == Kind::Special {
        let arg = arg.value_name(flag.argument).help(doc);
        let arg = if let Some(letter) = flag.short { arg.short(letter) } else { arg };
        let arg = if let Some(value) = flag.default { arg.default_value(value) } else { arg };
        return match row.name {
            "bin" => arg.required(true),
            "pass_env" => arg.action(ArgAction::Append),
            "seeds" => arg.value_parser(value_parser!(u64).range(1..)),
            _ => arg,
        };
    }
    if row.kind == Kind::Flag {
        return arg.help(doc).action(ArgAction::SetTrue);
    }
    let default = match row.default.value {
        // `text` describes the defaults of the flag and of the attribute.
        Some(value) if row.default.in_tests != Some(value) => value.to_string(),
        _ => row.default.text.replace('`', ""),
    };
    let arg = arg.help(format!("{doc} [default: {default}]"));
    // If a flag is repeated, its last value is used, as in the original.
    arg.value_name(flag.argument).overrides_with(row.name).allow_negative_numbers(true).value_parser(
        move |text: &str| {
            // A misspelt number must not become the name of a node. Another flag takes names.
            if row.kind == Kind::Nodes && text.parse::<u64>().is_err() {
                return Err(OptionError::new(format!("`{text}` is not a number of nodes"), "`--nodes` takes names"));
            }
            row.parse(text, FrontEnd::CommandLine).map(|value| value.to_string())
        },
    )
}

/// Flags for assumptions about transactions.
const TRANSACTION_FLAGS: &[(&str, &str)] = &[
    (
        "wfr-keys",
        "Registers: assume that transactions write a version after the version that they read [always with --workload]",
    ),
    ("preloaded", "Transactions: keys may have had values before the history began"),
];

fn check() -> Command {
    Command::new("check")
        .about("Checks a recorded history (JSON or Jepsen's EDN, plain or compressed) without running nodes")
        .after_help(super::check::models::help())
        .arg(
            Arg::new("workload").short('w').long("workload").value_name("NAME").help("Use the checker of this workload [default: workload and options of the run, if FILE is its directory]"),
        )
        .arg(
            Arg::new("model")
                .long("model")
                .value_name("NAME")
                .conflicts_with("workload")
                .help("Check against this model; the models are listed below"),
        )
        .arg(
            Arg::new("initial")
                .long("initial")
                .value_name("JSON")
                .requires("model")
                .help("Initial value of a register [default: absent]"),
        )
        .arg(
            Arg::new("unrecorded-reads")
                .long("unrecorded-reads")
                .requires("model")
                .action(ArgAction::SetTrue)
                .help("Ignore reads of a register that returned null"),
        )
        .arg(
            Arg::new("total-amount")
                .long("total-amount")
                .value_name("N")
                .requires("model")
                .allow_negative_numbers(true)
                .value_parser(value_parser!(i128))
                .help("Total of all balances of a bank [default: the total of the first read]"),
        )
        .arg(
            Arg::new("allow-negative-balances")
                .long("allow-negative-balances")
                .requires("model")
                .action(ArgAction::SetTrue)
                .help("Allow negative balances of a bank"),
        )
        .args(options_of("check"))
        .arg(Arg::new("anomalies").long("anomalies").value_name("A,B").help(
            "Transactions: look for these anomalies, and those that imply them, instead of or in addition to models",
        ))
        .args(
            TRANSACTION_FLAGS
                .iter()
                .map(|(name, help)| Arg::new(*name).long(*name).action(ArgAction::SetTrue).help(*help)),
        )
        .arg(
            Arg::new("transaction-order")
                .long("transaction-order")
                .value_name("KEY")
                .help("Registers: the field of completions whose number gives the order of the transactions"),
        )
        .arg(
            Arg::new("budget")
                .long("budget")
                .value_name("N")
                .default_value("1")
                .value_parser(value_parser!(u32).range(1..))
                .help("Multiplies the limits on steps and memory after which a verdict is unknown (1: about a minute, 2 GiB)"),
        )
        .arg(Arg::new("full").long("full").action(ArgAction::SetTrue).help("Show all findings with all their evidence"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print the results as JSON"))
        .arg(Arg::new("file").value_name("FILE").required(true).help("The history, or the directory of a run; `-` for standard input"))
}

fn replay() -> Command {
    Command::new("replay")
        .about("Runs a plan, or a stored run again, and compares the outcomes")
        .after_help(
            "Exit status: of the directory of a run, 0 if the outcome is the same and 1 if it differs; of a plan in a file, as \
             of `maelstrom test`.",
        )
        .arg(
            Arg::new("directory")
                .value_name("DIR|FILE")
                .required(true)
                .help("The directory of the run, or a plan: the file `plan.json` of a run, or one of `tests/regressions`"),
        )
        .arg(Arg::new("bin").long("bin").value_name("PROGRAM").help("The node program, instead of the stored one"))
}

fn serve() -> Command {
    Command::new("serve")
        .about("Serves the stored runs to a browser")
        .arg(
            Arg::new("host")
                .short('b')
                .long("host")
                .value_name("ADDRESS")
                .value_parser(clap::value_parser!(std::net::IpAddr))
                .default_value("127.0.0.1")
                .help("Address to listen on; if it is not a loopback address, other machines can read all runs"),
        )
        .arg(
            Arg::new("port")
                .short('p')
                .long("port")
                .value_name("PORT")
                .value_parser(clap::value_parser!(u16))
                .default_value("8080")
                .help("Port to listen on"),
        )
        .arg(
            Arg::new("directory")
                .value_name("DIR")
                .help("Directory of the runs [default: store, or the value of MAELSTROM_OUTPUT]"),
        )
}

fn demo() -> Command {
    Command::new("demo").about("Runs every workload against built-in nodes").args(options_of("demo"))
}

fn doc() -> Command {
    Command::new("doc")
        .about("Prints the reference of workloads, RPCs, errors and options")
        .arg(Arg::new("workload").value_name("WORKLOAD").help("Print only the part about this workload"))
}

/// The hidden command that `demo` runs as its nodes.
fn node() -> Command {
    Command::new("node").hide(true).arg(Arg::new("name").required(true))
}

/// Returns the options of the table that are set on the command line, with their values.
pub(super) fn given(matches: &ArgMatches) -> Vec<(&'static str, String)> {
    let is_known = |name: &str| matches.try_contains_id(name).unwrap_or(false);
    let rows = options::OPTIONS.iter().filter(|row| is_known(row.name));
    rows.filter_map(|row| match row.kind {
        Kind::Flag => matches.get_flag(row.name).then(|| (row.name, "true".to_string())),
        _ => matches.get_one::<String>(row.name).map(|value| (row.name, value.clone())),
    })
    .collect()
}

/// Returns the ignored flags that are set on the command line.
pub(super) fn ignored(matches: &ArgMatches) -> Vec<&'static str> {
    let was_given = |name: &str| matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine);
    IGNORED.iter().map(|(name, _)| *name).filter(|name| was_given(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn command_lines_of_tutorials_are_accepted() {
        for line in [
            "maelstrom test -w echo --bin ./echo --node-count 1 --time-limit 10",
            "maelstrom test -w broadcast --bin ./b --node-count 25 --time-limit 20 --rate 100 --latency 100 --topology tree4",
            "maelstrom test --workload lin-kv --bin raft.py --node-count 3 --concurrency 4n --rate 30 --time-limit 60 \
             --nemesis partition --nemesis-interval 10 --test-count 10 --log-stderr",
            "maelstrom test -w txn-rw-register --bin ./t --node-count 2 --consistency-models read-uncommitted \
             --availability total --no-ssh --leave-db-running --username root",
            "maelstrom test -w echo --bin python3 echo.py --nodes a,b --log-net-send -- -v --flag x",
            "maelstrom check --workload lin-kv history.edn",
            "maelstrom check --model register --initial 0 -",
            "maelstrom check --model rw-register --anomalies G1,G2 --linearizable-keys --preloaded -",
            "maelstrom replay store/latest",
            "maelstrom serve --port 9000 target/maelstrom",
            "maelstrom serve -b 0.0.0.0 -p 9000",
        ] {
            command().try_get_matches_from(line.split_whitespace()).expect(line);
        }
    }

    #[test]
    fn positional_arguments_are_passed_to_the_node() {
        let line = "maelstrom test --bin python3 echo.py --node-count 1 -- -v --rate x";
        let matches = command().try_get_matches_from(line.split_whitespace()).expect("the command line is correct");
        let (_, test) = matches.subcommand().expect("test");
        let args: Vec<&String> = test.get_many("args").expect("there are arguments").collect();
        assert_eq!(args, ["echo.py", "-v", "--rate", "x"]);
        assert_eq!(given(test), [("nodes", "1".to_string())]);
    }

    #[test]
    fn errors_of_invalid_values_name_the_flag() {
        let line = "maelstrom test --bin x --nemesis partitoin";
        let error =
            command().try_get_matches_from(line.split_whitespace()).expect_err("the value is invalid").to_string();
        assert!(error.contains("--nemesis") && error.contains("did you mean \"partition\"?"), "{error}");
    }

    #[test]
    fn flags_of_the_original_are_ignored() {
        let line = "maelstrom test --bin x --no-ssh --password p";
        let matches = command().try_get_matches_from(line.split_whitespace()).expect("the flags are accepted");
        assert_eq!(ignored(matches.subcommand().expect("test").1), ["no-ssh", "password"]);
    }
}
