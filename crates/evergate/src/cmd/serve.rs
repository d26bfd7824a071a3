//! `evergate serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _, FromArgMatches};

use crate::config::keys::{Form, KEYS, Key};
use crate::config::{self, Config, ConfigError};
use crate::globals::report;
use crate::{Cli, serve};

/// The one flag that is no key of the configuration.
const RECOVER_ACCESS: &str = "recover-access";

/// The flags given, as the configuration takes them; made from the table of keys.
pub(crate) struct Args {
    config: Option<PathBuf>,
    flags: Vec<(&'static Key, Vec<String>)>,
    recover_access: bool,
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .env("EVERGATE_CONFIG")
            .value_parser(clap::value_parser!(PathBuf))
            .help("A TOML file with any of the keys of docs/configuration.md.");
        let recover = Arg::new(RECOVER_ACCESS)
            .long(RECOVER_ACCESS)
            .action(ArgAction::SetTrue)
            .help("Give the owner a new secret and password, and write bootstrap.json with them again.");
        let given = KEYS.iter().filter(|key| key.form != Form::FileOnly);
        command.arg(file).arg(recover).args(given.map(|key| {
            let repeats = matches!(key.form, Form::List | Form::Map);
            Arg::new(key.name)
                .long(key.flag)
                .value_name(key.value_name)
                .action(if repeats { ArgAction::Append } else { ArgAction::Set })
                .allow_hyphen_values(key.form == Form::Number)
                .hide(key.hidden)
                .help(help(key))
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = KEYS
            .iter()
            .filter(|key| key.form != Form::FileOnly)
            .filter_map(|key| Some((key, matches.get_many::<String>(key.name)?.cloned().collect())))
            .collect();
        Ok(Self {
            config: matches.get_one("config").cloned(),
            flags,
            recover_access: matches.get_flag(RECOVER_ACCESS),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn help(key: &Key) -> String {
    let default = match (key.default_text, key.default) {
        ("", Some(json)) => json.trim_matches('"').to_owned(),
        (text, _) => text.to_owned(),
    };
    let variable = key.variable().unwrap_or_default();
    format!("{} [default: {default}] [env: {variable}]", key.meaning).replace('`', "")
}

/// Wrong configuration is wrong usage: it ends with the code that clap uses.
const USAGE: u8 = 2;

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match start(args) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is::<ConfigError>() => {
            report(&error);
            Ok(ExitCode::from(USAGE))
        }
        Err(error) => Err(error),
    }
}

fn start(args: Args) -> anyhow::Result<()> {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut config = Config::load(args.config.as_deref(), environment.iter().cloned(), args.flags)?;
    config.recover_access = args.recover_access;
    serve::telemetry::start(&config)?;
    for variable in config::unknown_variables(&environment, &variables_of(&Cli::command())) {
        tracing::warn!(variable, "this environment variable sets nothing");
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve::run(config))
}

/// What client commands read beside the variables of their flags.
const CLIENT_VARIABLES: [&str; 6] = [
    "EVERGATE_APPLICATION",
    "EVERGATE_CLIENT_SECRET",
    "EVERGATE_CONFIG_DIR",
    "EVERGATE_STORAGE_KEY",
    "EVERGATE_STORAGE_URL",
    "EVERGATE_TENANT",
];

/// The variables that some command reads.
fn variables_of(command: &Command) -> Vec<String> {
    let mut variables = flag_variables(command);
    variables.extend(CLIENT_VARIABLES.map(str::to_owned));
    variables
}

fn flag_variables(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned()));
    own.chain(command.get_subcommands().flat_map(flag_variables)).collect()
}
