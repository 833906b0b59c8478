//! `tombolo token create|list|revoke`: tokens of the API, kept in the data folder as hashes. They work on the site's
//! folder, whether its host runs or not; a running one heeds them from its next request on.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::json;
use tombolo_manifest::names::is_name;
use tombolo_server::access::{self, Dimension, KeptToken, Role, Scopes};

use crate::out::{self, Table};
use crate::{text, when, whereabouts};

/// Make, list and revoke tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, once
    Create(CreateArguments),
    /// List the tokens made by command
    List(ListArguments),
    /// Make a token worthless, at once
    Revoke(RevokeArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CreateArguments {
    /// Its name, for the audit
    #[arg(long)]
    name: String,
    /// What its bearer is: operator, reviewer, auditor, publisher, person or assistant
    #[arg(long, value_parser = role)]
    role: Role,
    /// Only these systems
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    systems: Option<Vec<String>>,
    /// Only runs of these flows
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    flows: Option<Vec<String>>,
    /// Only events of these types
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    types: Option<Vec<String>>,
    /// Only tasks of these roles
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    tasks: Option<Vec<String>>,
    /// How long it is good for, such as 90d; for ever unless said
    #[arg(long, value_name = "TIME", value_parser = duration)]
    expires: Option<Duration>,
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArguments {
    /// Its name
    name: String,
    /// Folder of the site
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
}

fn role(name: &str) -> Result<Role, String> {
    Role::named(name).ok_or_else(|| {
        let names = Role::ALL.map(|(_, name, _)| name);
        format!("expected one of {}", names.join(", "))
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    tombolo_manifest::parse_duration(text).map_err(|error| format!("expected {}", error.expected))
}

/// Carries out a token command.
pub(crate) fn run(command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create(arguments) => create(arguments),
        TokenCommand::List(arguments) => list(&arguments),
        TokenCommand::Revoke(arguments) => revoke(&arguments),
    }
}

fn create(arguments: CreateArguments) -> anyhow::Result<()> {
    if !is_name(&arguments.name) {
        bail!("--name: expected lower case letters, digits and `-`");
    }
    let data = whereabouts::data(&arguments.site)?;
    let taken = whereabouts::token_names(&arguments.site)?;
    let text =
        access::new_token().map_err(|_| anyhow::anyhow!("the machine gives no random bytes"))?;
    let names = |names: Option<Vec<String>>| names.map(BTreeSet::from_iter);
    let now_ms = when::now_ms();
    let token = KeptToken {
        name: arguments.name,
        sha256: access::hexadecimal(&access::digest(text.as_bytes())),
        role: arguments.role,
        scopes: Scopes {
            systems: names(arguments.systems),
            flows: names(arguments.flows),
            types: names(arguments.types),
            tasks: names(arguments.tasks),
        },
        created_ms: now_ms,
        expires_ms: arguments
            .expires
            .map(|time| now_ms.saturating_add(ms(time))),
    };
    access::change(&data, |tokens| {
        let mut names = tokens.iter().map(|token| &token.name).chain(&taken);
        if names.any(|name| *name == token.name) {
            return Err(format!(
                "there is a token `{}`; revoke it first, or give this one another name",
                token.name
            ));
        }
        tokens.push(token);
        Ok(())
    })?;
    out::line(&*text)?;
    // Beside the output, which has the token alone and may go into a file.
    let told =
        "shown this once: keep it where its bearer keeps secrets, and set TOMBOLO_TOKEN to it";
    let _ = writeln!(std::io::stderr(), "{told}");
    Ok(())
}

fn list(arguments: &ListArguments) -> anyhow::Result<()> {
    let data = whereabouts::data(&arguments.site)?;
    let (tokens, used) = (access::listed(&data)?, access::last_used(&data));
    if arguments.json {
        let one = |token: &KeptToken| {
            json!({
                "name": token.name, "role": token.role, "scopes": token.scopes, "created_ms": token.created_ms,
                "used_ms": used.get(&token.name), "expires_ms": token.expires_ms,
            })
        };
        return Ok(out::json(&tokens.iter().map(one).collect())?);
    }
    let mut table = Table::new(&[
        "NAME",
        "ROLE",
        "NARROWED TO",
        "CREATED",
        "LAST USED",
        "EXPIRES",
    ]);
    let now_ms = when::now_ms();
    for token in &tokens {
        let expires = match token.expires_ms {
            None => "never".to_owned(),
            Some(end) if end <= now_ms => format!("{} (over)", when::moment(end)),
            Some(end) => when::moment(end),
        };
        let used = used.get(&token.name);
        table.row([
            token.name.as_str().into(),
            token.role.name().into(),
            text::harmless(&narrowed(&token.scopes)).into(),
            when::moment(token.created_ms).into(),
            used.map_or("-".to_owned(), |at| when::moment(*at)).into(),
            expires.into(),
        ]);
    }
    Ok(table.print()?)
}

fn narrowed(scopes: &Scopes) -> String {
    let told = Dimension::ALL.into_iter().filter_map(|dimension| {
        let names: Vec<&str> = scopes.of(dimension)?.iter().map(String::as_str).collect();
        Some(format!("{}: {}", dimension.name(), names.join(", ")))
    });
    let told = told.collect::<Vec<_>>().join("; ");
    if told.is_empty() { "-".into() } else { told }
}

fn revoke(arguments: &RevokeArguments) -> anyhow::Result<()> {
    let data = whereabouts::data(&arguments.site)?;
    let name = &arguments.name;
    access::change(&data, |tokens| {
        let before = tokens.len();
        tokens.retain(|token| token.name != *name);
        if tokens.len() == before {
            return Err(format!(
                "no token made by command is named `{name}`; `tombolo token list` shows those there are, and those of tombolo.yaml are taken out there"
            ));
        }
        Ok(())
    })
    .with_context(|| format!("cannot revoke `{}`", text::harmless(name)))?;
    out::line(format!("`{name}` is worthless from now on"))?;
    Ok(())
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_narrows_a_token_is_told_in_one_line() {
        let names = |name: &str| Some(BTreeSet::from([name.to_owned()]));
        let scopes = Scopes {
            systems: names("erp"),
            tasks: names("plant-manager"),
            ..Scopes::default()
        };
        assert_eq!(narrowed(&scopes), "systems: erp; tasks: plant-manager");
        assert_eq!(narrowed(&Scopes::default()), "-");
    }
}
