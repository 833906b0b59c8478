//! The trait a vendor implements, the macro that exports it, and the instance that outlives a call.

use std::cell::OnceCell;

use crate::{ActionCall, Failure, Inbound, Json, Page, Reception};

/// An adapter. Implement the verbs it offers; the others answer "not offered".
///
/// One value serves every call of an instance. The host drops an instance after a trap, a limit or a deadline, and
/// after a number of calls: keep in it only what can be lost.
pub trait Adapter: Sized + 'static {
    /// Makes the value, once per instance: read the settings here. A failure answers the call, and the next call
    /// tries again.
    ///
    /// # Errors
    /// Settings that cannot work; [`Failure::internal`] with the name of the field.
    fn start() -> Result<Self, Failure>;

    /// Does something in the system, now. Called at least once per step under one idempotency key.
    ///
    /// # Errors
    /// An expected failure; its kind alone decides whether there is another attempt.
    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        Err(Failure::not_offered(format!(
            "this adapter has no action `{}`",
            call.action
        )))
    }

    /// Something arrived: verify the sender, then say which events it means and what to answer.
    ///
    /// # Errors
    /// [`Failure::unauthorized`] where the sender cannot be verified; nothing is stored then.
    fn receive(&self, inbound: Inbound) -> Result<Reception, Failure> {
        Err(Failure::not_offered(format!(
            "this adapter has no hook `{}`",
            inbound.hook
        )))
    }

    /// The next page of a feed, from `cursor` (`None`: from the start), about `limit` events. Reading from the same
    /// cursor twice must be harmless.
    ///
    /// # Errors
    /// An expected failure; the cursor stays where it is.
    fn read(&self, feed: &str, cursor: Option<&str>, limit: u32) -> Result<Page, Failure> {
        let _ = (cursor, limit);
        Err(Failure::not_offered(format!(
            "this adapter has no feed `{feed}`"
        )))
    }
}

/// The adapter of this instance, once it is started.
#[doc(hidden)]
pub type Kept<A> = OnceCell<A>;

/// Runs one call on the kept adapter, which is started if it is not there.
#[doc(hidden)]
pub fn with<A: Adapter, T>(
    kept: &Kept<A>,
    run: impl FnOnce(&A) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if let Some(adapter) = kept.get() {
        return run(adapter);
    }
    let started = A::start()?;
    run(kept.get_or_init(|| started))
}

/// Exports an [`Adapter`](crate::Adapter) as the component's three functions. Once per crate.
#[macro_export]
macro_rules! export {
    ($adapter:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            ::std::thread_local! {
                static KEPT: $crate::Kept<$adapter> = const { $crate::Kept::new() };
            }
            struct Component;
            impl $crate::bindings::Guest for Component {
                fn act(
                    call: $crate::ActionCall,
                ) -> ::core::result::Result<$crate::Json, $crate::Failure> {
                    KEPT.with(|kept| {
                        $crate::with(kept, |adapter| $crate::Adapter::act(adapter, call))
                    })
                }
                fn receive(
                    inbound: $crate::Inbound,
                ) -> ::core::result::Result<$crate::Reception, $crate::Failure> {
                    KEPT.with(|kept| {
                        $crate::with(kept, |adapter| $crate::Adapter::receive(adapter, inbound))
                    })
                }
                fn read(
                    feed: ::std::string::String,
                    cursor: ::core::option::Option<::std::string::String>,
                    limit: u32,
                ) -> ::core::result::Result<$crate::Page, $crate::Failure> {
                    KEPT.with(|kept| {
                        $crate::with(kept, |adapter| {
                            $crate::Adapter::read(adapter, &feed, cursor.as_deref(), limit)
                        })
                    })
                }
            }
    $crate::bindings::export_component!(Component with_types_in $crate::bindings);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            const fn is_an_adapter<A: $crate::Adapter>() {}
            is_an_adapter::<$adapter>();
        };
    };
}
