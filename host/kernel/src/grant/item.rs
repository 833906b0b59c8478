//! One exact capability: what it covers, the id that people name it by, and what two of them both allow. Pure.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tombolo_manifest::Effect;
use tombolo_manifest::pattern::{HttpPattern, TopicPattern};

use crate::fields::Mask;

/// Hexadecimal digits of an id: two items of one system are never alike in so many by chance, and a name that means two
/// is refused.
const ID_DIGITS: usize = 8;

/// One exact capability, both asked for and granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "capability", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Item {
    /// Requests with this method below this path pattern of one server.
    Http {
        /// The connection's name.
        connection: String,
        /// `https://erp.example:8443/base`, no credential.
        place: String,
        /// `METHOD /path/{variable}/*`.
        allow: String,
        /// `none`, `basic as USER`, `bearer`, `header X-Key`, `query key`, `oauth2 https://... as CLIENT, scope a b`.
        credential: String,
        /// May resolve to private and loopback addresses.
        private_network: bool,
    },
    /// One statement on one database.
    Sql {
        /// The connection's name.
        connection: String,
        /// `postgres://host:5432/db as user`, no password.
        place: String,
        /// The statement's name.
        statement: String,
        /// What it does.
        effect: Effect,
        /// Its text, whole.
        text: String,
    },
    /// Messages to the topics of this pattern on one broker.
    Publish {
        /// The connection's name.
        connection: String,
        /// `mqtts://broker.example:8883 as plant`, no password.
        place: String,
        /// `plant/*/command`.
        topic: String,
    },
    /// Messages from one broker, which are taken from it.
    Subscribe {
        /// The connection's name.
        connection: String,
        /// `amqps://broker.example/shop as tombolo`, no password.
        place: String,
        /// `topic plant/+/alarm`, `queue orders`, `stream ORDERS, topic orders.>`.
        from: String,
        /// The hook that gets them.
        hook: String,
    },
    /// One use of one key.
    Key {
        /// The key's name.
        key: String,
        /// One of the manifest's uses.
        r#use: String,
        /// Derivation steps.
        derive: Vec<String>,
    },
    /// One type of event it may make.
    Emit {
        /// The type.
        event: String,
    },
    /// Durable keys and values up to this many bytes.
    Store {
        /// Bytes.
        quota: u64,
    },
    /// One action of another system.
    Action {
        /// The system.
        system: String,
        /// The action.
        action: String,
    },
    /// What the sandbox gives one call.
    Limits {
        /// Bytes of memory.
        memory: u64,
        /// Milliseconds in the guest.
        cpu_ms: u64,
        /// Milliseconds in all.
        deadline_ms: u64,
    },
    /// A field that does not reach it. Takes away, so it needs no approval to come, but one to go.
    Hide {
        /// The path.
        field: String,
    },
    /// A field that reaches it masked. As above.
    Mask {
        /// The path.
        field: String,
        /// How.
        r#as: Mask,
    },
    /// What this regular expression matches reaches it masked. As above.
    MaskMatching {
        /// The expression.
        pattern: String,
    },
}

impl Item {
    /// Whether it takes something away instead of allowing it.
    #[must_use]
    pub fn is_restriction(&self) -> bool {
        matches!(
            self,
            Self::Hide { .. } | Self::Mask { .. } | Self::MaskMatching { .. }
        )
    }

    /// Whether a reviewer who said yes to this item said yes to `wish`: the same item, a smaller number of the same
    /// kind, or a pattern all of which it lets through.
    #[must_use]
    pub fn covers(&self, wish: &Self) -> bool {
        match (self, wish) {
            (Self::Store { quota: most }, Self::Store { quota }) => quota <= most,
            (
                Self::Limits {
                    memory: most_memory,
                    cpu_ms: most_cpu,
                    deadline_ms: most_deadline,
                },
                Self::Limits {
                    memory,
                    cpu_ms,
                    deadline_ms,
                },
            ) => memory <= most_memory && cpu_ms <= most_cpu && deadline_ms <= most_deadline,
            (Self::Http { allow, .. }, Self::Http { allow: inner, .. }) => {
                self == wish || (self.same_but_pattern(wish) && http_contains(allow, inner))
            }
            (Self::Publish { topic, .. }, Self::Publish { topic: inner, .. }) => {
                self == wish || (self.same_but_pattern(wish) && topic_contains(topic, inner))
            }
            _ => self == wish,
        }
    }

    /// This item with a narrower pattern, topic or quota in its place.
    ///
    /// # Errors
    /// What `text` has to be, for this kind of item.
    pub fn narrowed(&self, text: &str) -> Result<Self, String> {
        let mut narrower = self.clone();
        match &mut narrower {
            Self::Http { allow, .. } => {
                text.parse::<HttpPattern>()
                    .map_err(|problem| problem.to_string())?;
                text.clone_into(allow);
            }
            Self::Publish { topic, .. } => {
                text.parse::<TopicPattern>()
                    .map_err(|problem| problem.to_string())?;
                text.clone_into(topic);
            }
            Self::Store { quota } => {
                *quota =
                    tombolo_manifest::parse_size(text).map_err(|problem| problem.to_string())?;
            }
            Self::Limits { .. } => {
                return Err("narrow limits by `limits:` in the system file".into());
            }
            _ => {
                return Err(
                    "it is one exact thing: give it whole, or leave it out by --without".into(),
                );
            }
        }
        if self.covers(&narrower) {
            Ok(narrower)
        } else {
            Err(format!(
                "`{}` is not inside of what the system asks for",
                super::printable(text)
            ))
        }
    }

    /// Its kind, as files name it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http { .. } => "http",
            Self::Sql { .. } => "sql",
            Self::Publish { .. } => "publish",
            Self::Subscribe { .. } => "subscribe",
            Self::Key { .. } => "key",
            Self::Emit { .. } => "emit",
            Self::Store { .. } => "store",
            Self::Action { .. } => "action",
            Self::Limits { .. } => "limits",
            Self::Hide { .. } => "hide",
            Self::Mask { .. } => "mask",
            Self::MaskMatching { .. } => "mask-matching",
        }
    }

    /// `http-3fa94c01`: the same for the same item, place and credential included, and another one for any other.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = self.whole_id();
        id.truncate(self.kind().len() + 1 + ID_DIGITS);
        id
    }

    /// Its kind and all of its SHA-256, of which [`Self::id`] is the beginning.
    #[must_use]
    pub fn whole_id(&self) -> String {
        // An item is texts, numbers and lists of texts: it can always be written.
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{}-{}", self.kind(), hex::encode(Sha256::digest(json)))
    }

    /// Whether `name` is its id, or more of its digits.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        name.len() >= self.kind().len() + 1 + ID_DIGITS && self.whole_id().starts_with(name)
    }

    fn same_but_pattern(&self, other: &Self) -> bool {
        let bare = |item: &Self| {
            let mut item = item.clone();
            if let Self::Http { allow: text, .. } | Self::Publish { topic: text, .. } = &mut item {
                text.clear();
            }
            item
        };
        bare(self) == bare(other)
    }
}

fn http_contains(outer: &str, inner: &str) -> bool {
    match (outer.parse::<HttpPattern>(), inner.parse::<HttpPattern>()) {
        (Ok(outer), Ok(inner)) => outer.contains(&inner),
        _ => false,
    }
}

fn topic_contains(outer: &str, inner: &str) -> bool {
    match (outer.parse::<TopicPattern>(), inner.parse::<TopicPattern>()) {
        (Ok(outer), Ok(inner)) => outer.contains(&inner),
        _ => false,
    }
}
