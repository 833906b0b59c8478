//! `tombolo grant revoke`: takes a grant back in its file, and has a running host act on it before it answers.

use anyhow::bail;
use tombolo_kernel::clock::{Clock, MachineClock, rfc3339};
use tombolo_kernel::grant::{Approval, Grant};
use tombolo_server::site::{GrantFound, grant_of};

use crate::client::{Client, HostArguments};
use crate::out;

#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArguments {
    /// The system
    system: String,
    /// Who takes it back
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    host: HostArguments,
}

/// Marks the grant as revoked. The file stays, and tells who approved it and who took it back.
pub(super) async fn run(arguments: RevokeArguments) -> anyhow::Result<()> {
    let RevokeArguments {
        system,
        by,
        reason,
        host,
    } = arguments;
    let mut grant = present(&host, &system)?;
    grant.format = tombolo_kernel::grant::FORMAT;
    grant.revoked = Some(Approval {
        by,
        at: rfc3339(MachineClock.now_ms()),
        reason,
        signature: None,
    });
    let file = super::write::write(&host.site, &grant)?;
    out::line(format!("revoked; written to {}", file.display()))?;
    let told = match Client::for_command(&host, "operate") {
        Ok(client) => client
            .post("/api/grants/check", &serde_json::json!({}))
            .await
            .map(|_| client.address().to_owned()),
        Err(error) => Err(error),
    };
    match told {
        Ok(address) => out::line(format!(
            "the host at {address} has stopped it: nothing leaves on its behalf any more"
        ))?,
        Err(error) => out::line(format!(
            "a host that serves this site stops it as soon as it sees the file; asking it to do so now failed: {error}"
        ))?,
    }
    Ok(())
}

fn present(host: &HostArguments, system: &str) -> anyhow::Result<Grant> {
    let file = host.site.join(format!("grants/{system}.yaml"));
    match grant_of(&host.site, system) {
        GrantFound::Grant(grant) => Ok(*grant),
        GrantFound::Nothing => bail!(
            "there is no {}: nothing is granted to a system of this name",
            file.display()
        ),
        GrantFound::Unreadable(problems) => {
            let why: Vec<String> = problems.iter().map(ToString::to_string).collect();
            bail!(
                "{} cannot be read; remove it, which revokes it too:\n  {}",
                file.display(),
                why.join("\n  ")
            )
        }
    }
}
