//! Records as syslog messages (RFC 5424) with structured data; over TCP framed by their length (RFC 6587).
//!
//! TCP says nothing of what the other side has read, and syslog confirms nothing. So every batch is a connection of its
//! own: the host closes its side, and only when the collector, having read to the end, closes its own is the batch taken.
//! One that is silent instead may hang: it gets the batch again.

use std::fmt::Write as _;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tombolo_kernel::clock::rfc3339;

use super::Batch;
use crate::site::SyslogPlace;

/// Facility 13, log audit.
const FACILITY: u8 = 13;
/// Largest message in a datagram, bytes: IPv4 carries 65,507.
const DATAGRAM: usize = 60_000;
/// Fields that are structured data, the message has all.
const FIELDS: [&str; 12] = [
    "outcome", "status", "system", "adapter", "grant", "target", "what", "who", "token", "run",
    "step", "cause",
];

/// Hands over a batch.
///
/// # Errors
/// Why it was not taken, in words.
pub(super) async fn send(place: &SyslogPlace, batch: &Batch) -> Result<(), String> {
    let sent = match place.over_tcp {
        true => over_tcp(&place.address, batch).await,
        false => over_udp(&place.address, batch).await,
    };
    sent.map_err(|error| format!("{}: {error}", place.address))
}

async fn over_tcp(address: &str, batch: &Batch) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut bytes = Vec::new();
    for (stored, fields) in &batch.records {
        let message = message(
            &batch.site,
            stored.number,
            &stored.hash,
            stored.record.get(),
            fields,
        );
        bytes.extend_from_slice(format!("{} ", message.len()).as_bytes());
        bytes.extend_from_slice(message.as_bytes());
    }
    stream.write_all(&bytes).await?;
    stream.shutdown().await?;
    // What it says is no part of the protocol; the caller keeps the time.
    let mut said = [0; 256];
    while stream.read(&mut said).await? > 0 {}
    Ok(())
}

async fn over_udp(address: &str, batch: &Batch) -> std::io::Result<()> {
    let to = tokio::net::lookup_host(address).await?.next();
    let to = to.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
    let own = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(own).await?;
    socket.connect(to).await?;
    for (stored, fields) in &batch.records {
        let message = message(
            &batch.site,
            stored.number,
            &stored.hash,
            stored.record.get(),
            fields,
        );
        let end = message.floor_char_boundary(DATAGRAM);
        socket.send(&message.as_bytes()[..end]).await?;
    }
    Ok(())
}

/// One record as one message; its text is the record's JSON.
fn message(site: &str, number: i64, hash: &str, record: &str, fields: &Value) -> String {
    let severity = match fields["outcome"].as_str() {
        Some("allowed") => 6, // informational
        Some("failed") => 5,  // notice
        _ => 4,               // warning: denied, or altered
    };
    let priority = FACILITY * 8 + severity;
    let time = rfc3339(fields["at_ms"].as_u64().unwrap_or(0));
    let kind = fields["kind"].as_str().unwrap_or("altered");
    let mut out = format!(
        "<{priority}>1 {time} - tombolo - {kind} [tombolo@32473 site=\"{site}\" number=\"{number}\" hash=\"{hash}\""
    );
    for name in FIELDS {
        if let Some(value) = fields[name].as_str() {
            let _ = write!(out, " {name}=\"{}\"", escaped(value));
        }
    }
    out.push_str("] ");
    out.push_str(record);
    out
}

/// As RFC 5424 has it in a parameter, and no control characters: some receivers end a message at one.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' | '\\' | ']' => out.extend(['\\', character]),
            control if control.is_control() => {
                out.extend(control.escape_default().filter(|c| *c != '\\'))
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_message_and_nothing_in_it_can_forge_another() {
        let record = serde_json::json!({"at_ms": 1_763_778_600_000_u64, "kind": "http", "outcome": "denied",
            "what": "GET /a\"] \\ \n<13>1 - forged"});
        let text = record.to_string();
        let message = message("s1", 7, "ab", &text, &record);
        let expected = "<108>1 2025-11-22T02:30:00.000Z - tombolo - http [tombolo@32473 site=\"s1\" number=\"7\" hash=\"ab\" \
                        outcome=\"denied\" what=\"GET /a\\\"\\] \\\\ n<13>1 - forged\"] {";
        assert!(message.starts_with(expected), "{message}");
        assert!(message.ends_with(&text) && !message.contains('\n'));
    }
}
