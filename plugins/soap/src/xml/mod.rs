//! XML to JSON and back, the same way in both directions.
//!
//! An element is a member of its parent, named by its local name or with a declared prefix. Attributes are members whose
//! names begin with `@`. An element with nothing but text is a string; with attributes its text is the member `#text`. An
//! element that repeats is a list. `xsi:nil` is null.

mod read;
mod write;

pub(crate) use read::{Element, Names, read};
pub(crate) use write::{escape, name_problem, write};

/// The namespace of `nil`.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// Elements inside each other. The host takes JSON of 64 levels.
const DEPTH: usize = 60;
