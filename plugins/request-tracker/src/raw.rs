//! What Request Tracker answers, as far as it is read: numbers come as numbers or as texts, what is absent as null or as
//! an empty text. <https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html>

use serde::{Deserialize, Deserializer};

/// A ticket, alone or in a list. Asked for with `fields[Queue]=Name`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Ticket {
    #[serde(rename = "id", deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) subject: String,
    #[serde(deserialize_with = "text")]
    pub(crate) status: String,
    #[serde(deserialize_with = "text")]
    pub(crate) priority: String,
    pub(crate) queue: Named,
    #[serde(default)]
    pub(crate) requestor: Vec<Named>,
    pub(crate) owner: Named,
    #[serde(default, deserialize_with = "text")]
    pub(crate) last_updated: String,
    #[serde(default, deserialize_with = "fields")]
    pub(crate) custom_fields: Vec<Field>,
}

/// A reference to a queue or user; the id of a user is its name.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(default, rename = "Name", deserialize_with = "text")]
    pub(crate) name: String,
}

/// A custom field with its values.
#[derive(Debug, Deserialize)]
pub(crate) struct Field {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) values: Vec<serde_json::Value>,
}

/// A list's page. How many there are in all is null where the user may not see everything.
#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    pub(crate) page: f64,
    pub(crate) pages: Option<f64>,
}

/// Anything of which the id alone matters.
#[derive(Debug, Deserialize)]
pub(crate) struct Id {
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
}

/// A queue: which custom fields its tickets and their transactions have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Queue {
    #[serde(default)]
    pub(crate) ticket_custom_fields: Vec<Field>,
    #[serde(default)]
    pub(crate) ticket_transaction_custom_fields: Vec<Field>,
}

/// Something that happened to a ticket.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Transaction {
    #[serde(rename = "id", deserialize_with = "number")]
    pub(crate) id: u64,
    #[serde(deserialize_with = "text")]
    pub(crate) object_id: String,
    pub(crate) r#type: String,
    pub(crate) creator: Named,
    pub(crate) created: String,
}

/// A part of a message, in a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Part {
    #[serde(rename = "id", deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) content_type: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) filename: String,
}

/// The same by itself: its content is base64 in lines.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Content {
    #[serde(default, deserialize_with = "text")]
    pub(crate) content: String,
}

/// Why it says no.
#[derive(Debug, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) message: String,
}

/// What is a text, a number or null.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    text(deserializer)?
        .parse()
        .map_err(|_| serde::de::Error::custom("expected an id, which is a number"))
}

/// In lists a ticket without custom fields has an empty text for them.
fn fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Field>, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        value @ serde_json::Value::Array(_) => {
            serde_json::from_value(value).map_err(serde::de::Error::custom)
        }
        _ => Ok(Vec::new()),
    }
}
