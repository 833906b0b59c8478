//! Connections: what is asked of a server or database must be exact, unless the operator declares it.

use super::{Report, text};
use crate::{Connection, ConnectionKind, HttpPattern, Manifest, TopicPattern};

pub(super) fn check(manifest: &Manifest, report: &mut Report) {
    for (name, connection) in &manifest.connections {
        report.at(name, |report| {
            text::name(name, "connection", report);
            report.at("reason", |report| {
                text::sentence(&connection.reason, "reason", report)
            });
            match connection.kind {
                ConnectionKind::Http => http(connection, manifest.adapter.generic, report),
                ConnectionKind::Sql => sql(connection, manifest.adapter.generic, report),
                ConnectionKind::Broker => broker(connection, manifest.adapter.generic, report),
            }
        });
    }
}

fn broker(connection: &Connection, generic: bool, report: &mut Report) {
    let foreign = !connection.allow.is_empty()
        || connection.credential.is_some()
        || !connection.statements.is_empty();
    report.require(!foreign, || {
        "found `allow`, `credential` or `statements` in a broker connection, expected `publish`"
            .into()
    });
    report.require(generic || !connection.publish.is_empty(), || {
        "found no `publish`, expected the topics it publishes to, such as `publish = [\"orders.*\"]`; only a generic adapter leaves them to the operator".into()
    });
    report.at("publish", |report| {
        for (index, topic) in connection.publish.iter().enumerate() {
            report.at(index.to_string(), |report| {
                if let Err(problem) = topic.parse::<TopicPattern>() {
                    report.wrong(problem.to_string());
                }
            });
        }
    });
}

fn http(connection: &Connection, generic: bool, report: &mut Report) {
    no_topics(connection, report);
    report.require(connection.statements.is_empty(), || {
        "found `statements` in an http connection, expected `allow`: statements belong to `kind = \"sql\"`".into()
    });
    report.require(generic || !connection.allow.is_empty(), || {
        "found no `allow`, expected the requests it makes, such as `allow = [\"GET /orders/{id}\"]`; only a generic adapter leaves them to the operator".into()
    });
    report.at("allow", |report| {
        for (index, allow) in connection.allow.iter().enumerate() {
            report.at(index.to_string(), |report| {
                if let Err(problem) = allow.parse::<HttpPattern>() {
                    report.wrong(problem.to_string());
                }
                report.require(!connection.allow[..index].contains(allow), || {
                    format!("found `{allow}` twice: remove one")
                });
            });
        }
    });
    if let Some(credential) = &connection.credential {
        report.at("credential", |report| {
            text::name(credential, "credential", report)
        });
    }
}

fn no_topics(connection: &Connection, report: &mut Report) {
    report.require(connection.publish.is_empty(), || {
        "found `publish`, which belongs to `kind = \"broker\"`".into()
    });
}

fn sql(connection: &Connection, generic: bool, report: &mut Report) {
    no_topics(connection, report);
    report.require(connection.allow.is_empty() && connection.credential.is_none(), || {
        "found `allow` or `credential` in a sql connection, expected `statements`: they belong to `kind = \"http\"`".into()
    });
    report.require(generic || !connection.statements.is_empty(), || {
        "found no `statements`, expected the ones it runs; only a generic adapter leaves them to the operator".into()
    });
    report.at("statements", |report| {
        for (name, statement) in &connection.statements {
            report.at(name, |report| {
                text::dotted(name, "statement", report);
                report.at("text", |report| {
                    report.require(!statement.text.trim().is_empty(), || {
                        "found no text, expected one SQL statement".into()
                    });
                    report.require(!statement.text.contains('\0'), || {
                        "found a NUL character in the statement: remove it".into()
                    });
                });
            });
        }
    });
}
