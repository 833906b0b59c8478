//! What sales and purchases have in common: how their lines are made, and how what the input does not say is filled in.
//!
//! Over REST nothing is filled in: no address, price, tax or term of payment. So a new order is made with its lines and
//! its mark first, then Tryton is asked what it would fill in if a person chose the party and the products in a form, and
//! all of that is written. Rules for taxes, price lists and terms are so Tryton's own. An attempt that ended between is
//! gone on with by the next: lines that were never written are still to be filled in.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::Failure;

use crate::client::{Client, Fields};
use crate::domain::Domain;
use crate::item::{by_skus, sku};
use crate::value::{decimal, id, money, object};

/// What the input says of one line.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) quantity: f64,
    pub(crate) price: Option<Money>,
}

/// A decimal as text, and a currency.
#[derive(Debug, Deserialize)]
pub(crate) struct Money {
    pub(crate) amount: String,
    pub(crate) currency: String,
}

/// A kind of order.
pub(crate) struct Order {
    pub(crate) model: &'static str,
    pub(crate) line_model: &'static str,
    /// The product's unit that its lines are counted in.
    pub(crate) unit: &'static str,
}

pub(crate) const SALE: Order = Order {
    model: "sale.sale",
    line_model: "sale.line",
    unit: "sale_uom",
};
pub(crate) const PURCHASE: Order = Order {
    model: "purchase.purchase",
    line_model: "purchase.line",
    unit: "purchase_uom",
};

/// Of what Tryton suggests for an order, what is stored with it.
const ORDER_FIELDS: &[&str] = &[
    "currency",
    "invoice_address",
    "invoice_method",
    "invoice_party",
    "payment_term",
    "price_list",
    "shipment_address",
    "shipment_method",
    "shipment_party",
];
/// The same for a line; its taxes come on top.
const LINE_FIELDS: &[&str] = &["unit", "unit_price", "base_price", "product_supplier"];
const STAGE: Fields = Fields(&[
    "state",
    "currency.code",
    "lines.product.code",
    "lines.write_date",
]);

impl Order {
    /// The lines as Tryton takes them, each with the product's unit and no price yet.
    ///
    /// # Errors
    /// `not-found` with the code of the item.
    pub(crate) fn lines(&self, client: &Client, lines: &[Line]) -> Result<Vec<Value>, Failure> {
        let skus: BTreeSet<&str> = lines.iter().map(|line| line.sku.as_str()).collect();
        let products = by_skus(client, &skus.into_iter().collect::<Vec<_>>())?;
        let line = |line: &Line| {
            let product = &products[&line.sku];
            self.line(&product["id"], &product[self.unit], line.quantity)
        };
        Ok(lines.iter().map(line).collect())
    }

    /// One line, without a price.
    pub(crate) fn line(&self, product: &Value, unit: &Value, quantity: f64) -> Value {
        json!({
            "type": "line",
            "product": product,
            "unit": unit,
            "quantity": quantity,
            "unit_price": decimal("0"),
        })
    }

    /// The order that carries `mark`, made of `values` unless it is there, and filled in. Answers with its id.
    pub(crate) fn made(
        &self,
        client: &Client,
        mark: &str,
        mut values: Value,
        prices: &[Option<Money>],
    ) -> Result<String, Failure> {
        let same = Domain::new()
            .equal("company", client.preference("company")?)
            .equal("description", mark);
        let order = match client.first(self.model, &same, STAGE)? {
            Some(order) => order,
            None => {
                values["description"] = json!(mark);
                client.create(self.model, &values, STAGE)?
            }
        };
        let id = id(&order).ok_or_else(|| {
            Failure::unavailable("Tryton answered with an order without id", None)
        })?;
        let mut lines = order["lines"].as_array().cloned().unwrap_or_default();
        lines.sort_by_key(|line| line["id"].as_u64());
        let is_filled_in =
            order["state"] != "draft" || lines.iter().any(|line| !line["write_date"].is_null());
        if !is_filled_in {
            self.fill_in(client, &id, &lines, prices)?;
        }
        Ok(id)
    }

    fn fill_in(
        &self,
        client: &Client,
        id: &str,
        lines: &[Value],
        prices: &[Option<Money>],
    ) -> Result<(), Failure> {
        // Before the lines, whose prices and taxes depend on it.
        let values = picked(&client.suggested(self.model, id, "party")?, ORDER_FIELDS);
        let order = client.write(self.model, id, &values, STAGE)?;
        let mut writes = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let line_id = line["id"].to_string();
            let suggested = client.suggested(self.line_model, &line_id, "product")?;
            let mut values = picked(&suggested, LINE_FIELDS);
            let taxes: Vec<Value> = suggested["taxes"]["add"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|added| added[1]["id"].clone())
                .collect();
            if !taxes.is_empty() {
                values["taxes"] = json!([["add", taxes]]);
            }
            if let Some(Some(price)) = prices.get(index) {
                if order["currency"]["code"] != *price.currency {
                    return Err(Failure::invalid_input(
                        format!("/lines/{index}/price/currency"),
                        format!(
                            "found {}, expected {}, which the order is in",
                            price.currency, order["currency"]["code"]
                        ),
                    ));
                }
                values["unit_price"] = decimal(&price.amount);
            }
            writes.extend([json!([line["id"]]), values]);
        }
        // All lines in one transaction: either none of them was written, or all are filled in.
        let mut command = vec![json!("write")];
        command.extend(writes);
        client.write(self.model, id, &json!({ "lines": [command] }), STAGE)?;
        Ok(())
    }

    /// Confirms it, from draft or quotation on.
    pub(crate) fn confirm(&self, client: &Client, id: &str) -> Result<(), Failure> {
        let state = client.get(self.model, id, STAGE)?["state"].clone();
        match state.as_str() {
            Some("confirmed" | "processing" | "done") => return Ok(()),
            Some("draft") => {
                client.press(self.model, id, "quote", STAGE)?;
            }
            _ => {}
        }
        client.press(self.model, id, "confirm", STAGE).map(|_| ())
    }

    /// Cancels it, as far as Tryton lets it.
    pub(crate) fn cancel(&self, client: &Client, id: &str) -> Result<(), Failure> {
        let state = client.get(self.model, id, STAGE)?["state"].clone();
        if state != "cancelled" {
            client.press(self.model, id, "cancel", STAGE)?;
        }
        Ok(())
    }
}

/// Lines of an order in the profile's words; headings and comments between them are left out.
pub(crate) fn lines(order: &Value) -> Value {
    let line = |line: &Value| {
        line["product"].as_object()?;
        Some(object([
            ("sku", Some(sku(&line["product"]))),
            ("quantity", Some(line["quantity"].clone())),
            ("price", money(&line["unit_price"], &order["currency"])),
        ]))
    };
    order["lines"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(line)
        .collect()
}

/// These fields of a suggestion, as they are.
fn picked(suggested: &Value, fields: &[&str]) -> Value {
    fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), suggested.get(field)?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
