//! Whether a system may start: somebody vouches for its code, and a reviewer approved what it asks for. Pure.

use super::SystemSpec;
use crate::clock::Millis;
use crate::grant::{ActiveGrant, Grant, HeldBack, decide, printable, wishes};
use crate::package::Signer;

/// What a system may reach, if it may start.
///
/// # Errors
/// Why it is held back. What ran before keeps running.
pub fn admit(
    spec: &SystemSpec,
    grant: Option<&Grant>,
    now: Millis,
) -> Result<ActiveGrant, HeldBack> {
    if let Signer::Nobody { found, advice } = &spec.signer {
        let adapter = &spec.package.manifest.adapter;
        return Err(HeldBack {
            message: format!(
                "system `{}` is held back: its adapter {} {} is not signed by a publisher whom the site trusts for it: {found}. {advice}",
                printable(&spec.name),
                adapter.name,
                adapter.version
            ),
            missing: Vec::new(),
        });
    }
    decide(&wishes(spec), grant, &spec.review, now)
}
