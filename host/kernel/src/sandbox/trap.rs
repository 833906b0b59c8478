//! What happened to a guest that broke, in one line for the operator.

use std::time::Duration;

use wasmtime::Trap;

use super::export::Place;
use super::limiter::Refusal;
use super::state::{StoreState, TooManyHostCalls};
use crate::limits::{self, MIB};
use crate::system::Prepared;
use crate::text::{cleaned, cut};

/// The guest ran longer than its budget. Raised by the epoch callback.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("over the CPU budget")]
pub(super) struct OverBudget;

/// How a call ended that did not return.
pub(super) enum Broken {
    /// Its deadline passed.
    Deadline,
    /// wasmtime ended it.
    Ended(wasmtime::Error),
    /// It returned something that is not in the contract.
    Contract(String),
}

/// The whole sentence.
pub(super) fn sentence(state: &StoreState, place: &Place, broken: &Broken) -> String {
    let Prepared { name, adapter, .. } = &*state.system;
    let (happened, remedy) = happened(state, broken);
    format!(
        "the adapter {adapter} of system {name} {happened} in {} {}; its instance was dropped; {remedy}",
        place.verb, place.name
    )
}

const MEND: &str = "the adapter's vendor must mend it";

fn happened(state: &StoreState, broken: &Broken) -> (String, String) {
    let granted = &state.system.limits;
    let raise = |limit: &str| {
        format!("{MEND}, or the operator raises limits.{limit} of the system and has it granted")
    };
    let error = match broken {
        Broken::Deadline => {
            return (
                format!(
                    "did not end within its deadline of {}",
                    shown(granted.deadline)
                ),
                raise("deadline"),
            );
        }
        Broken::Contract(problem) => {
            return (format!("broke the contract ({problem})"), MEND.into());
        }
        Broken::Ended(error) => error,
    };
    if error.is::<OverBudget>() {
        return (
            format!("ran over its CPU budget of {}", shown(granted.cpu)),
            raise("cpu"),
        );
    }
    if let Some(too_many) = error.downcast_ref::<TooManyHostCalls>() {
        return (format!("was stopped because {too_many}"), MEND.into());
    }
    match state.limiter.refusal {
        Some(Refusal::Memory(wanted)) => {
            let most = granted.memory / MIB;
            return (
                format!(
                    "wanted {} MiB of memory, more than its {most} MiB,",
                    wanted.div_ceil(MIB)
                ),
                raise("memory"),
            );
        }
        Some(Refusal::MemoryOfAll) => {
            let most = limits::MEMORY_OF_ALL / MIB;
            let remedy = "give the system with many instances fewer of them (limits.instances)";
            return (
                format!("got no memory because all instances together use {most} MiB,"),
                remedy.into(),
            );
        }
        Some(Refusal::Table(wanted)) => {
            return (
                format!(
                    "wanted a table of {wanted} elements, more than {},",
                    limits::TABLE_ELEMENTS
                ),
                MEND.into(),
            );
        }
        None => {}
    }
    let happened = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => format!(
            "used up its stack of {} KiB (endless recursion?)",
            limits::WASM_STACK >> 10
        ),
        Some(Trap::UnreachableCodeReached) => "panicked".into(),
        Some(trap) => format!("trapped ({trap})"),
        None => format!(
            "broke the contract ({})",
            cleaned(cut(&format!("{error:#}"), limits::FAILURE_WORDS))
        ),
    };
    (happened, MEND.into())
}

fn shown(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms >= 1_000 && ms.is_multiple_of(1_000) {
        format!("{} s", ms / 1_000)
    } else {
        format!("{ms} ms")
    }
}
