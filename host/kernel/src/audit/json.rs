//! A record as JSON text: always the same fields in the same order, empty ones left out. These bytes are what the
//! store keeps, chains and exports; no reader needs anything else to understand them.

use super::{AuditRecord, run_of};
use crate::limits;

impl AuditRecord {
    /// Appends the record's JSON text. Texts longer than [`limits::AUDIT_TEXT`] are cut: some are a guest's.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        number("at_ms", self.at_ms, out);
        text("kind", self.kind.name(), out);
        text("outcome", self.outcome.name(), out);
        text("status", &self.status, out);
        text("system", &self.bearer.system, out);
        text("adapter", &self.bearer.adapter, out);
        text("grant", &self.bearer.grant, out);
        text("target", &self.target, out);
        text("what", &self.what, out);
        text("who", &self.who, out);
        text("token", &self.token, out);
        text("why", &self.why, out);
        match run_of(&self.cause) {
            Some((event, run, step)) => {
                number("event", event.unsigned_abs(), out);
                text("run", run, out);
                text("step", step, out);
            }
            None => text("cause", &self.cause, out),
        }
        for (name, value) in [
            ("micros", self.micros),
            ("sent", self.sent),
            ("received", self.received),
        ] {
            if value > 0 {
                number(name, value, out);
            }
        }
        out.push(b'}');
    }

    /// The record's JSON text.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.write_json(&mut out);
        out
    }
}

fn name(name: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn number(field: &str, value: u64, out: &mut Vec<u8>) {
    name(field, out);
    // Writing to memory cannot fail, neither here nor below.
    let _ = serde_json::to_writer(out, &value);
}

fn text(field: &str, value: &str, out: &mut Vec<u8>) {
    if value.is_empty() {
        return;
    }
    name(field, out);
    let end = value.floor_char_boundary(limits::AUDIT_TEXT);
    if end == value.len() {
        let _ = serde_json::to_writer(out, value);
    } else {
        let cut = format!("{}... ({} bytes)", &value[..end], value.len());
        let _ = serde_json::to_writer(out, &cut);
    }
}
