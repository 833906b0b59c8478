//! A connected system and its life: what the site says of it, whether it may start, its calls.

mod admit;
mod breaker;
pub mod call;
mod canary;
mod decisions;
mod leave;
pub(crate) mod outputs;
mod prepared;
pub mod registry;
mod slot;
pub mod spec;
pub mod status;
mod withdraw;

pub use admit::admit;
pub use breaker::Quarantine;
pub use call::*;
pub use canary::{CanaryStatus, WHOLE, lane};
pub(crate) use prepared::Prepared;
pub use registry::*;
pub use spec::*;
pub use status::*;
pub use withdraw::{Reason, Withdrawn};
