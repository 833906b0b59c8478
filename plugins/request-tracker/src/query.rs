//! Conditions of Request Tracker's query language, TicketSQL. Whatever a value holds, it stays one value.

use tombolo_sdk::Failure;

/// Conditions that must all hold.
#[derive(Debug, Default)]
pub(crate) struct Query(String);

impl Query {
    /// A condition on a field, which is a name of the adapter's own.
    ///
    /// # Errors
    /// `invalid-input` for a value that the language would read as the name of a field.
    pub(crate) fn and(self, field: &str, operator: &str, value: &str) -> Result<Self, Failure> {
        self.and_any(field, operator, &[value])
    }

    /// The same where one of several values is enough.
    ///
    /// # Errors
    /// As [`Self::and`].
    pub(crate) fn and_any(
        mut self,
        field: &str,
        operator: &str,
        values: &[impl AsRef<str>],
    ) -> Result<Self, Failure> {
        if !self.0.is_empty() {
            self.0.push_str(" AND ");
        }
        self.0.push('(');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.0.push_str(" OR ");
            }
            self.0.push_str(field);
            self.0.push(' ');
            self.0.push_str(operator);
            self.0.push(' ');
            self.0.push_str(&quoted(value.as_ref())?);
        }
        self.0.push(')');
        Ok(self)
    }

    /// Its text; without a condition the one that every ticket meets.
    pub(crate) fn text(self) -> String {
        if self.0.is_empty() {
            "id > 0".to_owned()
        } else {
            self.0
        }
    }
}

/// In single quotes; a backslash takes the next character as it is.
fn quoted(value: &str) -> Result<String, Failure> {
    // `RT::SQL` takes even a quoted `CF.{x}` for the name of a field, and its escapes do not reach a line's end.
    let names_field = value
        .get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("CF."));
    if names_field || value.chars().any(char::is_control) {
        return Err(Failure::invalid_input(
            "",
            "cannot be searched for: Request Tracker reads `CF.` at the beginning as the name of a field, and no line ends",
        ));
    }
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    for c in value.chars() {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_value_stays_one_value() {
        let cases = [
            ("x", Some("'x'")),
            ("it's", Some(r"'it\'s'")),
            (r"a\", Some(r"'a\\'")),
            (
                r"' OR id > 0 OR Subject = '",
                Some(r"'\' OR id > 0 OR Subject = \''"),
            ),
            (r"\' OR 1", Some(r"'\\\' OR 1'")),
            ("\u{4e2d}", Some("'\u{4e2d}'")),
            ("cf.{Other}", None),
            ("CF.Other", None),
            ("CF", Some("'CF'")),
            ("a\nb", None),
        ];
        for (value, expected) in cases {
            assert_eq!(quoted(value).ok().as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn conditions_are_joined() {
        let query = Query::default()
            .and("Queue", "=", "General")
            .unwrap()
            .and_any("Status", "=", &["rejected", "deleted"])
            .unwrap();
        assert_eq!(
            query.text(),
            "(Queue = 'General') AND (Status = 'rejected' OR Status = 'deleted')"
        );
        assert_eq!(Query::default().text(), "id > 0");
    }
}
