//! `tombolo token create|list|revoke`: tokens of the API, kept in the data folder as hashes. They work on the site's
//! folder, whether its host runs or not; a running one heeds them from its next request on.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::json;
use tombolo_flow::delivery::Rate;
use tombolo_manifest::names::is_name;
use tombolo_server::access::{self, Dimension, KeptToken, Role, Scopes, Used};

use crate::out::{self, Table};
use crate::{text, when, whereabouts};

/// Make, list and revoke tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, once
    Create(CreateArguments),
    /// List all tokens: when each was last used, and how often it was refused
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
    /// How many requests it may make, such as 10/s; as tombolo.yaml says for all unless said
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Rate>,
    /// Who makes it, for the audit
    #[arg(long, value_name = "NAME", env = "USER", default_value = "")]
    by: String,
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
    /// Who revokes it, for the audit
    #[arg(long, value_name = "NAME", env = "USER", default_value = "")]
    by: String,
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

fn rate(text: &str) -> Result<Rate, String> {
    Rate::parse(text).ok_or_else(|| format!("expected {}", Rate::EXPECTED))
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
    let taken = whereabouts::tokens(&arguments.site)?;
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
        rate: arguments.rate,
        by: arguments.by,
    };
    access::change(&data, |tokens| {
        let taken = taken.iter().map(|token| &token.name);
        let mut names = tokens.iter().map(|token| &token.name).chain(taken);
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
    let tokens = access::listed(&data)?;
    let site = whereabouts::tokens(&arguments.site)?;
    let all = access::used(&data);
    let did = |name: &str, made_ms| {
        let known = all.get(name).filter(|used| used.since_ms >= made_ms);
        known.cloned().unwrap_or_default()
    };
    if arguments.json {
        let made = tokens.iter().map(|token| {
            let used = did(&token.name, token.created_ms);
            json!({
                "name": token.name, "role": token.role, "scopes": token.scopes, "rate": token.rate,
                "created_ms": token.created_ms, "expires_ms": token.expires_ms,
                "used_ms": used.used_ms, "forbidden": used.forbidden, "rate_limited": used.rate_limited,
            })
        });
        let written = site.iter().map(|token| {
            let used = did(&token.name, 0);
            json!({
                "name": token.name, "file": "tombolo.yaml", "roles": token.roles(),
                "used_ms": used.used_ms, "forbidden": used.forbidden, "rate_limited": used.rate_limited,
            })
        });
        return Ok(out::json(&made.chain(written).collect())?);
    }
    let mut table = Table::new(&[
        "NAME",
        "ROLE",
        "NARROWED TO",
        "RATE",
        "CREATED",
        "EXPIRES",
        "LAST USED",
        "REFUSED",
    ]);
    let now_ms = when::now_ms();
    for token in &tokens {
        let expires = match token.expires_ms {
            None => "never".to_owned(),
            Some(end) if end <= now_ms => format!("{} (over)", when::moment(end)),
            Some(end) => when::moment(end),
        };
        let used = did(&token.name, token.created_ms);
        let rate = token.rate.map_or("-".to_owned(), |rate| rate.to_string());
        table.row([
            token.name.as_str().into(),
            token.role.name().into(),
            text::harmless(&narrowed(&token.scopes)).into(),
            rate.into(),
            when::moment(token.created_ms).into(),
            expires.into(),
            last_used(&used).into(),
            refused(&used).into(),
        ]);
    }
    for token in &site {
        let used = did(&token.name, 0);
        let roles: Vec<&str> = token.roles().into_iter().map(Role::name).collect();
        table.row([
            text::harmless(&token.name).into(),
            roles.join(", ").into(),
            "see tombolo.yaml".into(),
            "".into(),
            "".into(),
            "".into(),
            last_used(&used).into(),
            refused(&used).into(),
        ]);
    }
    Ok(table.print()?)
}

fn last_used(used: &Used) -> String {
    used.used_ms.map_or("-".into(), when::moment)
}

/// Why a token's requests were refused, and how many.
fn refused(used: &Used) -> String {
    let told = [
        (used.forbidden, "may not"),
        (used.rate_limited, "too often"),
    ];
    let told = told.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, why)| format!("{count} {why}")).collect();
    if told.is_empty() {
        "-".into()
    } else {
        told.join(", ")
    }
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
    access::revoke(&data, name, &arguments.by)
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
    fn refusals_are_told_by_their_reason() {
        let used = |forbidden, rate_limited| Used {
            forbidden,
            rate_limited,
            ..Used::default()
        };
        assert_eq!(refused(&used(0, 0)), "-");
        assert_eq!(refused(&used(0, 7)), "7 too often");
        assert_eq!(refused(&used(3, 7)), "3 may not, 7 too often");
    }

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
