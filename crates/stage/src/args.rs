//! The arguments that every program takes, and how a command line is parsed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, ValueEnum};

/// The seed when neither a flag nor the configuration file gives one.
pub const DEFAULT_SEED: u64 = 42;

/// Arguments of every stage program; flatten them into a program's own.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Settings in a TOML file; a flag overrides it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print the settings as they would be used, as TOML, and stop
    #[arg(long)]
    pub print_config: bool,

    /// Seed of everything drawn at random [default: 42]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// How log lines look on standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Pretty)]
    pub log: LogFormat,

    /// No progress, and only warnings and errors
    #[arg(long)]
    pub quiet: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Pretty,
    /// One JSON object a line
    Json,
}

/// Parses this process's arguments. Bad ones end the process with clap's message and exit code 2,
/// `--help` and `--version` with 0.
///
/// With `--print-config` nothing else is required, so that `jobmatch-x --print-config > x.toml`
/// works.
pub fn parse<A: CommandFactory + FromArgMatches>() -> A {
    parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// Like [`parse`], from given arguments (the program's name first), and without ending the process.
///
/// # Errors
/// What clap has against the arguments.
pub fn parse_from<A, I>(arguments: I) -> Result<A, clap::Error>
where
    A: CommandFactory + FromArgMatches,
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let mut command = A::command();
    if arguments
        .iter()
        .any(|argument| argument == "--print-config")
    {
        command = without_required(command);
    }
    let mut matches = command.try_get_matches_from_mut(&arguments)?;
    A::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Parses a flag's number, for `#[arg(value_parser = stage::finite)]`. `nan` and `inf` are numbers to Rust, but no
/// setting can be one.
///
/// # Errors
/// Text that is no number, or no finite one.
pub fn finite(text: &str) -> Result<f64, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| format!("`{text}` is not a number"))?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(format!("`{text}` is not a finite number"))
    }
}

/// Gives every required argument a stand-in value: only settings are looked at.
fn without_required(command: clap::Command) -> clap::Command {
    let groups: Vec<clap::Id> = command
        .get_groups()
        .map(|group| group.get_id().clone())
        .collect();
    let command = command.mut_args(|argument| {
        if !argument.is_required_set() {
            return argument;
        }
        let stand_in = argument
            .get_possible_values()
            .first()
            .map_or_else(|| "-".to_owned(), |value| value.get_name().to_owned());
        argument.required(false).default_value(stand_in)
    });
    groups.into_iter().fold(command, |command, id| {
        command.mut_group(id, |group| group.required(false))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Demo {
        #[arg(long)]
        input: PathBuf,
        #[arg(long, value_enum)]
        format: LogFormat,
        #[command(flatten)]
        common: Common,
    }

    fn parse(line: &str) -> Result<Demo, clap::Error> {
        parse_from(line.split_whitespace())
    }

    #[test]
    fn numbers_are_finite() {
        assert_eq!(finite("2e-5"), Ok(2e-5));
        for text in ["nan", "-inf", "1e999", "", "1,5"] {
            assert!(finite(text).is_err(), "{text}");
        }
    }

    #[test]
    fn required_arguments_are_required() {
        assert_eq!(parse("demo").unwrap_err().exit_code(), 2);
        assert_eq!(parse("demo --nonsense").unwrap_err().exit_code(), 2);
        let demo = parse("demo --input a --format json --seed 3").unwrap();
        assert_eq!(demo.input, PathBuf::from("a"));
        assert_eq!(demo.format, LogFormat::Json);
        assert_eq!(demo.common.seed, Some(3));
    }

    #[test]
    fn print_config_requires_nothing_else() {
        let demo = parse("demo --print-config").unwrap();
        assert!(demo.common.print_config);
        assert_eq!(
            parse("demo --print-config --nonsense")
                .unwrap_err()
                .exit_code(),
            2
        );
    }
}
