//! What the operator writes: the `settings` of the system file, and the `do` of actions and feeds. README.md has the tables.

use std::collections::BTreeMap;

use tombolo_sdk::FailureKind;
use tombolo_sdk::feed::EventOptions;
use tombolo_sdk::template::Draft;

/// The `settings`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SystemOptions {
    #[serde(default = "api")]
    pub(crate) connection: String,
    #[serde(default)]
    pub(crate) version: Version,
    /// Changes need a token that the service gives.
    #[serde(default)]
    pub(crate) csrf: bool,
    /// V4: `Prefer: odata.maxpagesize`.
    pub(crate) page: Option<u32>,
    /// From the system's own code to the kind of failure.
    #[serde(default)]
    pub(crate) errors: BTreeMap<String, FailureKind>,
    #[serde(default)]
    pub(crate) entities: BTreeMap<String, EntityOptions>,
}

fn api() -> String {
    "api".to_owned()
}

/// The protocol's version.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Version {
    V2,
    #[default]
    V4,
}

/// One entity set, as the operator's actions name it.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EntityOptions {
    /// Path of the service below the connection.
    #[serde(default)]
    pub(crate) service: String,
    /// Absent where only actions and functions are called.
    pub(crate) set: Option<String>,
    #[serde(default)]
    pub(crate) key: Vec<String>,
    /// Type by property; a property that is not there is a String.
    #[serde(default)]
    pub(crate) types: BTreeMap<String, Type>,
    pub(crate) fields: Option<Draft>,
}

/// The primitive types, without `Edm.`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(crate) enum Type {
    #[default]
    String,
    Boolean,
    Byte,
    Int16,
    Int32,
    Int64,
    Decimal,
    Double,
    Single,
    Guid,
    /// A day: `Edm.Date`, in V2 an `Edm.DateTime` at midnight.
    Date,
    /// V2's time without a zone, taken as UTC.
    DateTime,
    DateTimeOffset,
    /// A time of day: `Edm.TimeOfDay`, in V2 `Edm.Time`.
    Time,
}

/// An action's `do`: one request, or several, one after another.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct StepOptions {
    pub(crate) steps: Option<Vec<StepOptions>>,
    /// Beside `steps`: the action's result; without it the last step's.
    pub(crate) result: Option<Draft>,
    /// The name by which later steps know its result.
    pub(crate) r#as: Option<String>,
    pub(crate) when: Option<Draft>,
    pub(crate) unless: Option<Draft>,
    pub(crate) list: Option<String>,
    pub(crate) get: Option<String>,
    pub(crate) create: Option<String>,
    pub(crate) update: Option<String>,
    pub(crate) upsert: Option<String>,
    pub(crate) delete: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) function: Option<String>,
    pub(crate) metadata: Option<MetadataOptions>,
    /// The entity of an action or function.
    pub(crate) on: Option<String>,
    pub(crate) key: Option<Draft>,
    pub(crate) filter: Option<Draft>,
    pub(crate) order: Option<Vec<String>>,
    pub(crate) limit: Option<Draft>,
    pub(crate) after: Option<Draft>,
    /// The name of the list in the result.
    pub(crate) items: Option<String>,
    /// The result is the list of this field alone.
    pub(crate) pluck: Option<String>,
    /// Items that are told alike stand in the result once.
    pub(crate) distinct: bool,
    /// Fields of the items whose sum stands in the result.
    pub(crate) sum: Vec<String>,
    pub(crate) body: Option<Draft>,
    pub(crate) parameters: Option<Draft>,
    pub(crate) once: Option<OnceOptions>,
    pub(crate) etag: Option<String>,
    /// Nothing found is no failure: the step has no result then.
    pub(crate) optional: bool,
    /// Once for each of these.
    pub(crate) each: Option<Draft>,
    /// All of `each` in one `$batch`, all or nothing.
    pub(crate) together: bool,
}

/// `metadata: check`.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MetadataOptions {
    Check,
}

/// The property that carries the call's key.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct OnceOptions {
    pub(crate) property: String,
    /// Characters that it holds.
    pub(crate) length: usize,
}

/// A feed's `do`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FeedOptions {
    pub(crate) entity: String,
    pub(crate) filter: Option<Draft>,
    /// The properties that a change moves forward, then the key.
    pub(crate) order: Vec<String>,
    pub(crate) event: EventOptions,
}
