use super::ask::new_password;
use crate::access::{Access, AccessOptions, Actor, MAX_TOKEN_DAYS, Role, Wish};
use crate::config::{StationConfig, load};
use crate::journal::Ledger;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Make and change the users of a station. Works beside a running station; each change is in the audit log.
#[derive(Debug, Args)]
pub struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user. The password is asked for, or read from standard input.
    Add(AddArgs),
    /// Print all users.
    List(At),
    /// Give a user a new password. It is asked for, or read from standard input.
    Passwd(Named),
    /// Give a user another role.
    Role(AddArgs),
    /// Keep a user out.
    Disable(Named),
    /// Let a user in again.
    Enable(Named),
}

/// Which station.
#[derive(Debug, Args)]
struct At {
    /// The station's configuration, station.toml.
    #[arg(long)]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct Why {
    /// For whoever reads the audit log.
    #[arg(long)]
    reason: Option<String>,
}

impl Why {
    fn wish<'w>(&'w self, by: &'w Actor) -> Wish<'w> {
        Wish { by, reason: self.reason.as_deref() }
    }
}

#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    why: Why,
    /// The user's name.
    name: String,
}

#[derive(Debug, Args)]
struct AddArgs {
    #[command(flatten)]
    named: Named,
    /// viewer, operator, engineer or admin.
    #[arg(long)]
    role: Role,
}

/// Make and revoke the tokens with which machines use a station's API.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it: the only time that it is shown.
    Create(CreateArgs),
    /// Print all tokens: ids, names, roles, ends.
    List(At),
    /// Make a token worthless, by its id.
    Revoke {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        why: Why,
        id: String,
    },
}

#[derive(Debug, Args)]
struct CreateArgs {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    why: Why,
    /// What the machine is called in the audit log.
    name: String,
    /// viewer, operator, engineer or admin.
    #[arg(long)]
    role: Role,
    /// Valid for so many days, 3650 at most.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_TOKEN_DAYS)))]
    days: u32,
}

/// # Errors
/// When the station's records cannot be used, or the change is refused.
pub fn run_user(args: UserArgs) -> anyhow::Result<()> {
    let by = Actor::console();
    match args.command {
        UserCommand::Add(AddArgs { named: Named { at, why, name }, role }) => {
            let access = open(&at)?;
            access.add_user(why.wish(&by), &name, role, &new_password()?)?;
            say!("user {name} added, {role}");
        }
        UserCommand::List(at) => {
            for user in open(&at)?.users()? {
                let state = if user.disabled { "disabled" } else { "enabled" };
                say!("{:<32} {:<9} {:<9} since {}", user.name, user.role.name(), state, utc(user.created_at_us));
            }
        }
        UserCommand::Passwd(Named { at, why, name }) => {
            let access = open(&at)?;
            access.set_password(why.wish(&by), &name, &new_password()?)?;
            say!("{name} has a new password; sessions of {name} have ended");
        }
        UserCommand::Role(AddArgs { named: Named { at, why, name }, role }) => {
            open(&at)?.set_role(why.wish(&by), &name, role)?;
            say!("user {name} is {role} now");
        }
        UserCommand::Disable(Named { at, why, name }) => {
            open(&at)?.set_disabled(why.wish(&by), &name, true)?;
            say!("user {name} is disabled");
        }
        UserCommand::Enable(Named { at, why, name }) => {
            open(&at)?.set_disabled(why.wish(&by), &name, false)?;
            say!("user {name} is enabled");
        }
    }
    Ok(())
}

/// # Errors
/// When the station's records cannot be used, or the change is refused.
pub fn run_token(args: TokenArgs) -> anyhow::Result<()> {
    let by = Actor::console();
    match args.command {
        TokenCommand::Create(CreateArgs { at, why, name, role, days }) => {
            let made = open(&at)?.create_token(why.wish(&by), &name, role, days)?;
            eprintln!("token {} of {name}, {role}, until {}; it is not shown again:", made.id, utc(made.expires_at_us));
            say!("{}", made.text);
        }
        TokenCommand::List(at) => {
            let now_us = jiff::Timestamp::now().as_microsecond();
            for token in open(&at)?.tokens()? {
                let state = match token.revoked_at_us {
                    Some(_) => "revoked",
                    None if token.expires_at_us <= now_us => "expired",
                    None => "valid",
                };
                let (id, name, role, end) = (token.id, token.name, token.role.name(), utc(token.expires_at_us));
                say!("{id} {name:<32} {role:<9} {state:<8} until {end}");
            }
        }
        TokenCommand::Revoke { at, why, id } => {
            open(&at)?.revoke_token(why.wish(&by), &id)?;
            say!("token {id} is revoked");
        }
    }
    Ok(())
}

fn open(at: &At) -> anyhow::Result<Access> {
    let config = load(&at.config)?;
    let dir = journal_dir(&config);
    let ledger = Ledger::open(&dir, &config.station)
        .with_context(|| format!("the station's records in {} cannot be opened", dir.display()))?;
    Ok(Access::new(Arc::new(ledger), AccessOptions::default())?)
}

/// Whether the station has users; writes nothing where it has never run.
pub(super) fn has_users(config: &StationConfig) -> anyhow::Result<bool> {
    let dir = journal_dir(config);
    let look = |dir: &Path| -> anyhow::Result<bool> {
        Ok(Ledger::is_there(dir)? && Ledger::open(dir, &config.station)?.has_users()?)
    };
    look(&dir).with_context(|| format!("the station's records in {} cannot be read", dir.display()))
}

fn journal_dir(config: &StationConfig) -> PathBuf {
    config.data_dir.join("journal")
}

fn utc(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us)
        .map_or_else(|_| at_us.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}
