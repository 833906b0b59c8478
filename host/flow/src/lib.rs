//! Flows: what an operator wrote, read and checked; the runs that carry it out; the engine that drives them.
//!
//! [`definition`] turns YAML into checked data, [`expression`] is CEL over the event and the step results, [`run`] is
//! the state machine (pure: values in, values out), [`engine`] does the I/O around it: the store, the systems, time; [`rehearsal`]
//! plays tests of flows offline, [`walk`] goes through one without doing anything.
//! Nothing here knows HTTP servers, the site folder, wasmtime or SQL.

pub mod advice;
pub mod definition;
pub mod delivery;
pub mod engine;
pub mod expression;
pub mod json;
pub mod lineage;
pub mod problem;
pub mod rehearsal;
pub mod run;
pub mod tables;
pub mod trace;
pub mod walk;
pub mod yaml;

pub use advice::advice;
pub use definition::{Flow, FlowSet, Offers};
pub use delivery::{Deliveries, Delivery};
pub use engine::{Engine, EngineParts};
pub use problem::Problem;
pub use tables::Tables;
