//! Parties, which are also the customers of `crm/1`.

use serde::Deserialize;
use serde_json::{Value, json};
use tombolo_sdk::{ActionCall, Failure, Json, to_json};

use crate::client::{Client, Fields};
use crate::domain::Domain;
use crate::mark::mark;
use crate::paging::List;
use crate::settings::Options;
use crate::value::{changed, id, object, text};

pub(crate) const MODEL: &str = "party.party";
pub(crate) const FIELDS: Fields = Fields(&[
    "code",
    "name",
    "rec_name",
    "email",
    "phone",
    "tax_identifier.code",
    "write_date",
    "create_date",
]);

/// Whose word for a party is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    Party,
    Customer,
}

#[derive(Deserialize)]
struct Find {
    name: Option<String>,
    code: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    tax_id: Option<String>,
}

#[derive(Deserialize)]
struct Create {
    name: String,
    code: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    tax_id: Option<String>,
    #[serde(default)]
    address: Address,
}

#[derive(Default, Deserialize)]
struct Address {
    street: Option<String>,
    postal_code: Option<String>,
    city: Option<String>,
    country: Option<String>,
}

#[derive(Deserialize)]
struct Update {
    id: String,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Deserialize)]
struct Get {
    id: String,
}

/// A party or customer in the words of its profile.
pub(crate) fn shape(record: &Value, r#as: As) -> Value {
    let tax_id = text(&record["tax_identifier"]["code"]).filter(|_| r#as == As::Party);
    object([
        ("id", id(record).map(Value::from)),
        ("code", text(&record["code"])),
        (
            "name",
            text(&record["name"]).or_else(|| text(&record["rec_name"])),
        ),
        ("email", text(&record["email"])),
        ("phone", text(&record["phone"])),
        ("tax_id", tax_id),
        ("changed", changed(record).map(Value::from)),
    ])
}

pub(crate) fn find(client: &Client, call: &ActionCall, r#as: As) -> Result<Json, Failure> {
    let input: Find = call.parse()?;
    let mut domain = Domain::new().equal_if("code", input.code);
    if let Some(name) = &input.name {
        domain = domain.has("name", name);
    }
    if let Some(email) = input.email {
        domain = domain.one_of(
            "contact_mechanisms",
            Domain::new().equal("type", "email").same("value", &email),
        );
    }
    if let Some(phone) = input.phone {
        domain = domain.one_of("contact_mechanisms", same_phone(&phone));
    }
    if let Some(tax_id) = input.tax_id {
        domain = domain.one_of(
            "identifiers",
            Domain::new()
                .is("type", "!=", Value::Null)
                .equal("code", tax_id),
        );
    }
    let list = List {
        model: MODEL,
        fields: FIELDS,
        name: if r#as == As::Party {
            "parties"
        } else {
            "customers"
        },
    };
    list.page(client, call, domain, |record| shape(record, r#as))
}

pub(crate) fn get(client: &Client, call: &ActionCall, r#as: As) -> Result<Json, Failure> {
    let input: Get = call.parse()?;
    to_json(&shape(&client.get(MODEL, &input.id, FIELDS)?, r#as))
}

pub(crate) fn create(
    client: &Client,
    options: &Options,
    call: &ActionCall,
    r#as: As,
) -> Result<Json, Failure> {
    let input: Create = call.parse()?;
    let mark = mark(&call.idempotency_key);
    let same = Domain::new().equal("identifiers.code", &*mark);
    if let Some(record) = client.first(MODEL, &same, FIELDS)? {
        return to_json(&shape(&record, r#as));
    }
    let mut identifiers = vec![json!({ "code": mark })];
    if let Some(tax_id) = input.tax_id {
        identifiers.push(json!({ "type": options.tax_identifier, "code": tax_id }));
    }
    let mechanisms: Vec<Value> = [("email", input.email), ("phone", input.phone)]
        .into_iter()
        .filter_map(|(kind, value)| Some(json!({ "type": kind, "value": value? })))
        .collect();
    let mut values = json!({
        "name": input.name,
        // A party without one cannot be sold to.
        "addresses": [["create", [address(client, input.address)?]]],
        "contact_mechanisms": [["create", mechanisms]],
        "identifiers": [["create", identifiers]],
    });
    if let Some(code) = &input.code {
        values["code"] = json!(code);
    }
    match client.create(MODEL, &values, FIELDS) {
        Ok(record) => to_json(&shape(&record, r#as)),
        Err(Failure::Rejected(rejection)) if is_taken(client, input.code.as_deref())? => {
            Err(Failure::conflict(rejection.message))
        }
        Err(failure) => Err(failure),
    }
}

pub(crate) fn update(client: &Client, call: &ActionCall) -> Result<Json, Failure> {
    const MECHANISMS: Fields = Fields(&["contact_mechanisms.type", "contact_mechanisms.value"]);
    let input: Update = call.parse()?;
    let record = client.get(MODEL, &input.id, MECHANISMS)?;
    let mut mechanisms = Vec::new();
    for (kind, value) in [("email", input.email), ("phone", input.phone)] {
        let Some(value) = value else { continue };
        // The first of its kind is the one that `email` and `phone` show.
        let first = record["contact_mechanisms"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["type"] == kind))
            .map(|one| one["id"].clone());
        mechanisms.push(match (first, value.is_empty()) {
            (Some(id), false) => json!(["write", [id], { "value": value }]),
            (Some(id), true) => json!(["delete", [id]]),
            (None, false) => json!(["create", [{ "type": kind, "value": value }]]),
            (None, true) => continue,
        });
    }
    let mut values = json!({});
    if let Some(name) = input.name {
        values["name"] = json!(name);
    }
    if !mechanisms.is_empty() {
        values["contact_mechanisms"] = mechanisms.into();
    }
    to_json(&shape(
        &client.write(MODEL, &input.id, &values, FIELDS)?,
        As::Customer,
    ))
}

/// A phone number as it was written, or, on servers that have Python's `phonenumbers`, as Tryton keeps it beside that:
/// without what people put between the digits.
fn same_phone(phone: &str) -> Domain {
    let compact: String = phone
        .chars()
        .filter(|character| character.is_ascii_digit() || *character == '+')
        .collect();
    Domain::new()
        .is("type", "in", vec!["phone", "mobile"])
        .any([
            Domain::new().equal("value", phone),
            Domain::new().equal("value_compact", compact),
        ])
}

fn address(client: &Client, address: Address) -> Result<Value, Failure> {
    let mut values = object([
        ("street", address.street.map(Value::from)),
        ("postal_code", address.postal_code.map(Value::from)),
        ("city", address.city.map(Value::from)),
    ]);
    if let Some(code) = address.country {
        let same = Domain::new().equal("code", &*code);
        let country = client.first("country.country", &same, Fields(&["code"]))?;
        let country = country.ok_or_else(|| {
            Failure::invalid_input(
                "/address/country",
                format!("Tryton has no country `{code}`; import its countries, or leave this out"),
            )
        })?;
        values["country"] = country["id"].clone();
    }
    Ok(values)
}

fn is_taken(client: &Client, code: Option<&str>) -> Result<bool, Failure> {
    let Some(code) = code else { return Ok(false) };
    let same = Domain::new().equal("code", code);
    Ok(client.first(MODEL, &same, Fields(&["code"]))?.is_some())
}
