//! Conditions of a search, as lists of clauses that must all hold
//! (<https://docs.tryton.org/latest/server/topics/domain.html>).

use serde_json::{Value, json};

/// Clauses that must all hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Domain(Vec<Value>);

impl Domain {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// `field operator value`.
    pub(crate) fn is(mut self, field: &str, operator: &str, value: impl Into<Value>) -> Self {
        self.0.push(json!([field, operator, value.into()]));
        self
    }

    pub(crate) fn equal(self, field: &str, value: impl Into<Value>) -> Self {
        self.is(field, "=", value)
    }

    /// If there is a value.
    pub(crate) fn equal_if(self, field: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.equal(field, value),
            None => self,
        }
    }

    /// This text, in any case.
    pub(crate) fn same(self, field: &str, text: &str) -> Self {
        self.is(field, "ilike", escaped(text))
    }

    /// Text that has this somewhere, in any case.
    pub(crate) fn has(self, field: &str, text: &str) -> Self {
        self.is(field, "ilike", format!("%{}%", escaped(text)))
    }

    /// Text that ends so.
    pub(crate) fn ends_with(self, field: &str, text: &str) -> Self {
        self.is(field, "like", format!("%{}", escaped(text)))
    }

    /// One of the records behind `field` meets all of `inner` at once.
    pub(crate) fn one_of(self, field: &str, inner: Self) -> Self {
        self.is(field, "where", inner.0)
    }

    /// One of these holds.
    pub(crate) fn any(mut self, domains: impl IntoIterator<Item = Self>) -> Self {
        let mut clause = vec![json!("OR")];
        clause.extend(domains.into_iter().map(|domain| Value::from(domain.0)));
        self.0.push(clause.into());
        self
    }

    /// As Tryton's JSON has it.
    pub(crate) fn value(&self) -> Value {
        self.0.clone().into()
    }
}

/// With `%` and `_` as themselves.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_nested_lists() {
        let domain = Domain::new()
            .has("name", "50%_a")
            .equal_if("code", None::<&str>)
            .one_of("mechanisms", Domain::new().equal("type", "email"))
            .any([Domain::new().equal("a", 1), Domain::new().equal("b", 2)]);
        let expected = r#"[["name","ilike","%50\\%\\_a%"],["mechanisms","where",[["type","=","email"]]],["OR",[["a","=",1]],[["b","=",2]]]]"#;
        assert_eq!(domain.value().to_string(), expected);
    }
}
