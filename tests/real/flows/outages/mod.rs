//! Each server fails in the middle of a flow, in every way that it can: it is stopped, it hangs, it has another password, it
//! is full. Nothing is lost, nothing is done twice, and what an operator reads says what to do.

mod cap;
mod killed;
mod midway;
mod mosquitto;
mod request_tracker;
mod synapse;
mod tryton;
mod vendure;
