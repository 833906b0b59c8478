//! What the types cannot say: spelling, reasons, references, capabilities that fit together. Pure; every check gives
//! the path of the value it is about, and [`crate::parse`] finds its line.

mod connection;
mod offer;
mod text;

use crate::{Manifest, is_derivation, is_key_use, names, parse_duration, parse_size};

/// One thing wrong at one place.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Keys and indexes from the root.
    pub(crate) path: Vec<String>,
    /// Found, expected, what to do.
    pub(crate) message: String,
}

/// Collects problems below a path.
#[derive(Default)]
struct Report {
    path: Vec<String>,
    problems: Vec<Problem>,
}

/// Everything wrong with a manifest that has the right shape.
pub(crate) fn check(manifest: &Manifest) -> Vec<Problem> {
    let mut report = Report::default();
    report.at("adapter", |report| identity(manifest, report));
    report.at("connections", |report| connection::check(manifest, report));
    report.at("keys", |report| keys(manifest, report));
    offer::check(manifest, &mut report);
    report.at("store", |report| store(manifest, report));
    report.at("calls", |report| calls(manifest, report));
    report.at("limits", |report| limits(manifest, report));
    report.problems
}

// === impl Report ===

impl Report {
    fn at(&mut self, part: impl Into<String>, inner: impl FnOnce(&mut Self)) {
        self.path.push(part.into());
        inner(self);
        self.path.pop();
    }

    fn wrong(&mut self, message: impl Into<String>) {
        self.problems.push(Problem {
            path: self.path.clone(),
            message: message.into(),
        });
    }

    fn require(&mut self, right: bool, message: impl FnOnce() -> String) {
        if !right {
            self.wrong(message());
        }
    }
}

// === the parts that fit in a few lines ===

fn identity(manifest: &Manifest, report: &mut Report) {
    let adapter = &manifest.adapter;
    report.at("name", |report| {
        report.require(names::is_adapter(&adapter.name), || {
            format!(
                "found the name {}, expected `vendor/name`, each of lower case ASCII letters, digits and `-`, beginning with a letter, at most {} characters",
                text::quoted(&adapter.name),
                names::NAME
            )
        });
    });
    report.at("version", |report| {
        report.require(names::is_version(&adapter.version), || {
            format!(
                "found the version {}, expected a semantic version such as `0.3.0`",
                text::quoted(&adapter.version)
            )
        });
    });
    report.at("summary", |report| {
        text::sentence(&adapter.summary, "summary", report)
    });
    report.at("profiles", |report| {
        for (index, profile) in adapter.profiles.iter().enumerate() {
            report.at(index.to_string(), |report| {
                report.require(names::is_profile(profile), || {
                    format!(
                        "found the profile {}, expected `name/number` such as `erp/1`",
                        text::quoted(profile)
                    )
                });
            });
        }
    });
}

fn keys(manifest: &Manifest, report: &mut Report) {
    for (name, key) in &manifest.keys {
        report.at(name, |report| {
            text::name(name, "key", report);
            report.require(!manifest.connections.contains_key(name), || {
                format!("found `{name}` as a key and as a connection, expected two names: an action's `uses` names both kinds")
            });
            report.at("reason", |report| text::sentence(&key.reason, "reason", report));
            report.at("uses", |report| key_uses(&key.uses, report));
            report.at("derive", |report| {
                for (index, step) in key.derive.iter().enumerate() {
                    report.at(index.to_string(), |report| {
                        report.require(is_derivation(step), || {
                            format!("found the derivation {}, expected one of {}", text::quoted(step), crate::DERIVATIONS.join(", "))
                        });
                    });
                }
            });
        });
    }
}

fn key_uses(uses: &[String], report: &mut Report) {
    report.require(!uses.is_empty(), || {
        "found no use, expected what is done with the key: `uses = [\"hmac-sha256\"]`".into()
    });
    for (index, key_use) in uses.iter().enumerate() {
        report.at(index.to_string(), |report| {
            report.require(is_key_use(key_use), || {
                format!(
                    "found the use {}, expected one of {}, where HASH is md5, sha1, sha256, sha384 or sha512",
                    text::quoted(key_use),
                    crate::KEY_USES.join(", ")
                )
            });
            report.require(!uses[..index].contains(key_use), || format!("found the use {} twice: remove one", text::quoted(key_use)));
        });
    }
}

fn store(manifest: &Manifest, report: &mut Report) {
    if let Some(store) = &manifest.store {
        report.at("quota", |report| {
            quantity(
                "quota",
                parse_size(&store.quota).map(|bytes| bytes == 0),
                report,
            )
        });
        report.at("reason", |report| {
            text::sentence(&store.reason, "reason", report)
        });
    }
}

fn calls(manifest: &Manifest, report: &mut Report) {
    for (call, reason) in &manifest.calls {
        report.at(call, |report| {
            report.require(names::is_call(call), || {
                format!(
                    "found {}, expected `system.action`, quoted: `\"erp.item.stock\" = \"reason\"`",
                    text::quoted(call)
                )
            });
            text::sentence(reason, "reason", report);
        });
    }
}

fn limits(manifest: &Manifest, report: &mut Report) {
    let limits = &manifest.limits;
    if let Some(memory) = &limits.memory {
        report.at("memory", |report| {
            quantity("memory", parse_size(memory).map(|bytes| bytes == 0), report)
        });
    }
    for (name, value) in [("cpu", &limits.cpu), ("deadline", &limits.deadline)] {
        if let Some(value) = value {
            report.at(name, |report| {
                quantity(
                    name,
                    parse_duration(value).map(|time| time.is_zero()),
                    report,
                )
            });
        }
    }
}

fn quantity(what: &str, is_zero: Result<bool, crate::QuantityError>, report: &mut Report) {
    match is_zero {
        Ok(false) => {}
        Ok(true) => report.wrong(format!("found a {what} of zero, expected more")),
        Err(error) => report.wrong(format!("{what}: {error}")),
    }
}
