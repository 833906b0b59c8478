//! The same work inside the sandbox and outside it: an order of about 500 bytes becomes a booking.

use serde::{Deserialize, Serialize};
use tombolo_sdk::{ActionCall, Adapter, Failure, Json, to_json};

#[derive(Deserialize)]
struct Order<'a> {
    id: &'a str,
    n: u64,
    amount: i64,
    #[serde(borrow)]
    customer: Customer<'a>,
    note: &'a str,
}

#[derive(Deserialize)]
struct Customer<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Booking<'a> {
    order: &'a str,
    n: u64,
    amount: i64,
    customer: &'a str,
    text: String,
}

/// Maps one order.
///
/// # Errors
/// `invalid-input` if it is no order.
pub fn map(order: &str) -> Result<Json, Failure> {
    let order: Order<'_> = serde_json::from_str(order)
        .map_err(|error| Failure::invalid_input("", error.to_string()))?;
    to_json(&Booking {
        order: order.id,
        n: order.n,
        amount: order.amount,
        customer: order.customer.id,
        text: format!(
            "Order {} of {}: {}",
            order.id, order.customer.name, order.note
        ),
    })
}

struct Guest;

impl Adapter for Guest {
    fn start() -> Result<Self, Failure> {
        Ok(Self)
    }

    fn act(&self, call: ActionCall) -> Result<Json, Failure> {
        map(&call.input)
    }
}

tombolo_sdk::export!(Guest);
