//! How a create that is asked for again finds what it made the first time: each record carries its call's idempotency key
//! in a field that people see and Tryton can search. It is written in the transaction that makes the record, so there is
//! never one without the other; what is remembered elsewhere would be lost with a crash between the two, or with a restore
//! of either side.

/// The text of the field.
pub(crate) fn mark(idempotency_key: &str) -> String {
    format!("Tombolo {idempotency_key}")
}
