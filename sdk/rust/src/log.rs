//! `log`: lines for the operator. At most 2 KiB a line and 100 lines a call; the rest is cut and counted.

pub use crate::bindings::tombolo::adapter::log::Level;

/// For who debugs the adapter.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Worth knowing.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Something the operator may have to mend.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Something the operator must mend.
pub fn error(message: &str) {
    write(Level::Error, message);
}

/// One line. Writing never fails a call.
pub fn write(level: Level, message: &str) {
    #[cfg(target_family = "wasm")]
    crate::bindings::tombolo::adapter::log::write(level, message);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::current(|host| host.log(level, message));
}
