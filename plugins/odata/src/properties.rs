//! Which properties of an entity, and of those it leads to, are used: `$select` and `$expand` are made of it, so that no
//! more is read than is told.

use std::collections::BTreeMap;

use crate::options::Version;

/// What is used of one entity.
#[derive(Debug, Clone, Default)]
pub(crate) struct Properties {
    own: Vec<String>,
    expanded: BTreeMap<String, Properties>,
}

/// The entity's own version mark, wherever the protocol puts it.
const ETAG: &str = "@etag";

impl Properties {
    /// Notes `Property`, `to_One/Property` or `to_Many/0/Property`; gives the pointer to it in the entity's JSON.
    pub(crate) fn property(&mut self, path: &str, version: Version) -> Result<String, String> {
        if path == ETAG {
            return Ok(match version {
                Version::V2 => "/__metadata/etag",
                Version::V4 => "/@odata.etag",
            }
            .to_owned());
        }
        let (navigation, name) = path.rsplit_once('/').unwrap_or(("", path));
        require_name(name)?;
        let mut pointer = String::new();
        let own = &mut self.at(navigation, version, &mut pointer)?.own;
        if !own.iter().any(|known| known == name) {
            own.push(name.to_owned());
        }
        Ok(format!("{pointer}/{name}"))
    }

    /// Notes a navigation that leads to many; gives the pointer to the array.
    pub(crate) fn list(&mut self, path: &str, version: Version) -> Result<String, String> {
        let mut pointer = String::new();
        self.at(path, version, &mut pointer)?;
        if version == Version::V2 {
            pointer.push_str("/results");
        }
        Ok(pointer)
    }

    /// What is used of the entities that a navigation leads to.
    pub(crate) fn within(&mut self, path: &str) -> &mut Self {
        let steps = path
            .split('/')
            .filter(|step| !step.is_empty() && step.parse::<u32>().is_err());
        steps.fold(self, |used, step| {
            used.expanded.entry(step.to_owned()).or_default()
        })
    }

    fn at(
        &mut self,
        path: &str,
        version: Version,
        pointer: &mut String,
    ) -> Result<&mut Self, String> {
        for step in path.split('/').filter(|step| !step.is_empty()) {
            if step.parse::<u32>().is_ok() {
                if version == Version::V2 {
                    pointer.push_str("/results");
                }
            } else {
                require_name(step)?;
            }
            pointer.push('/');
            pointer.push_str(step);
        }
        Ok(self.within(path))
    }

    /// All names, with what leads to them: `to_Item/Material`.
    pub(crate) fn all(&self, prefix: &str, out: &mut Vec<String>) {
        out.extend(self.own.iter().map(|name| format!("{prefix}{name}")));
        for (navigation, inner) in &self.expanded {
            inner.all(&format!("{prefix}{navigation}/"), out);
        }
    }

    /// `$select` and `$expand`, none where nothing is used.
    pub(crate) fn query(&self, version: Version) -> Vec<(String, String)> {
        let (select, expand) = match version {
            Version::V2 => {
                let (mut select, mut expand) = (Vec::new(), Vec::new());
                self.all("", &mut select);
                self.navigations("", &mut expand);
                (select.join(","), expand.join(","))
            }
            Version::V4 => (self.own.join(","), self.nested()),
        };
        let pairs = [("$select", select), ("$expand", expand)];
        let used = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        used.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn navigations(&self, prefix: &str, out: &mut Vec<String>) {
        for (navigation, inner) in &self.expanded {
            out.push(format!("{prefix}{navigation}"));
            inner.navigations(&format!("{prefix}{navigation}/"), out);
        }
    }

    /// `to_Item($select=Material;$expand=...)`.
    fn nested(&self) -> String {
        let one = |(navigation, inner): (&String, &Self)| {
            let options: Vec<String> = inner
                .query(Version::V4)
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            match options.as_slice() {
                [] => navigation.clone(),
                options => format!("{navigation}({})", options.join(";")),
            }
        };
        self.expanded.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

/// That a name can stand in an address as it is.
pub(crate) fn require_name(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '@');
    if !name.is_empty() && name.chars().all(good) {
        Ok(())
    } else {
        Err(format!(
            "`{}` cannot be a name of the system; expected letters, digits and `_`",
            name.escape_debug()
        ))
    }
}
