//! One entity set: where it is, what identifies one of it, and how it is told.

use tombolo_sdk::json::Pointers;
use tombolo_sdk::{Failure, http};

use crate::fields::{Fields, Model};
use crate::options::{EntityOptions, Type, Version};
use crate::properties::{Properties, require_name};

/// An entity of the settings, made ready.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) name: String,
    pub(crate) version: Version,
    /// `/API_SALES_ORDER_SRV`, or nothing.
    pub(crate) service: String,
    set: Option<String>,
    pub(crate) key: Vec<String>,
    types: std::collections::BTreeMap<String, Type>,
    fields: Option<Fields>,
    pub(crate) used: Properties,
    etag: (Pointers, usize),
}

impl Entity {
    pub(crate) fn compile(
        name: &str,
        options: &EntityOptions,
        version: Version,
    ) -> Result<Self, String> {
        let service = options.service.trim_matches('/');
        let service = if service.is_empty() {
            String::new()
        } else {
            format!("/{service}")
        };
        for part in service.split('/').skip(1) {
            let plain =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ';' | '=');
            if part.is_empty() || part.starts_with('.') || !part.chars().all(plain) {
                return Err(format!(
                    "service: found `{service}`, expected a path of names"
                ));
            }
        }
        for part in options
            .set
            .iter()
            .chain(&options.key)
            .chain(options.types.keys())
        {
            require_name(part)?;
        }
        let mut used = Properties::default();
        let model = Model {
            version,
            types: &options.types,
        };
        let fields = options.fields.as_ref();
        let fields = fields
            .map(|draft| Fields::compile(draft, &model, &mut used))
            .transpose()
            .map_err(|problem| format!("fields.{problem}"))?;
        if fields.is_some() {
            for key in &options.key {
                used.property(key, version)?;
            }
        }
        let mut pointers = Pointers::new();
        let slot = pointers.add(&Properties::default().property("@etag", version)?)?;
        Ok(Self {
            name: name.to_owned(),
            version,
            service,
            set: options.set.clone(),
            key: options.key.clone(),
            types: options.types.clone(),
            fields,
            used,
            etag: (pointers, slot),
        })
    }

    /// A property's type; of a path the last name counts.
    pub(crate) fn kind(&self, property: &str) -> Type {
        let name = property.rsplit('/').next().unwrap_or(property);
        self.types.get(name).copied().unwrap_or_default()
    }

    /// The set's name.
    pub(crate) fn set(&self) -> Result<&str, String> {
        self.set.as_deref().ok_or_else(|| {
            format!(
                "the entity `{}` has no `set`; only actions and functions can be `on` it",
                self.name
            )
        })
    }

    /// `Orders(1)`, `Lines(Order='1',Line=2)`, `accounts(code='X')`.
    ///
    /// # Errors
    /// `invalid-input` for a value that its type or a path does not take.
    pub(crate) fn one(&self, set: &str, key: &[(String, String)]) -> Result<String, Failure> {
        let mut out = format!("{set}(");
        // A key of one property stands alone; an alternate key always has its name.
        let alone = matches!(key, [(name, _)] if self.key.as_slice() == [name.clone()]);
        for (index, (name, text)) in key.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            if !alone {
                out.push_str(name);
                out.push('=');
            }
            let wrong = |problem: String| Failure::invalid_input("", format!("`{name}` {problem}"));
            let literal = self.kind(name).literal(self.version, text).map_err(wrong)?;
            let segment =
                http::segment(&literal).map_err(|failure| wrong(failure.message().to_owned()))?;
            out.push_str(&segment.replace("%27", "'"));
        }
        out.push(')');
        Ok(out)
    }

    /// Ours, of the system's.
    pub(crate) fn tell(&self, entity: &str) -> Result<String, Failure> {
        let Some(fields) = &self.fields else {
            return Ok(entity.to_owned());
        };
        let mut out = String::new();
        fields.tell(entity, &mut out)?;
        Ok(out)
    }

    /// The entity's version mark.
    pub(crate) fn etag(&self, entity: &str) -> Option<String> {
        let (pointers, slot) = &self.etag;
        let found = pointers.find(entity).ok()?;
        tombolo_sdk::json::string(found.get(*slot)?).map(std::borrow::Cow::into_owned)
    }
}
