//! A step that lists.

use super::*;
use tombolo_sdk::json::{Pointers, push_string, scalar};

/// Items of a page whose size nobody said.
const PAGE: usize = 100;

pub(super) struct Listing {
    pub(super) entity: Rc<Entity>,
    pub(super) filter: Filter,
    pub(super) order: Order,
    /// Page by page: how many, and behind which place.
    pub(super) limit: Option<Hole>,
    pub(super) after: Option<Hole>,
    pub(super) items: String,
    pub(super) sums: Vec<String>,
    /// The result is the list of this field alone.
    pub(super) pluck: Option<String>,
    pub(super) distinct: bool,
}

impl Listing {
    /// `{ ITEMS: [...], next: ..., SUM: ... }`.
    pub(super) fn run(&self, client: &Client, context: &Context) -> Result<String, Failure> {
        let found = match self.filter.fill(&self.entity, context)? {
            Filled::Nothing => list::Rows {
                rows: Vec::new(),
                more: false,
            },
            Filled::Some(filter) => self.read(client, context, filter)?,
        };
        let mut told = Vec::with_capacity(found.rows.len());
        for row in &found.rows {
            let item = self.entity.tell(row)?;
            if !self.distinct || !told.contains(&item) {
                told.push(item);
            }
        }
        if let Some(field) = &self.pluck {
            return plucked(field, &told);
        }
        let mut out = String::from("{");
        push_string(&mut out, &self.items);
        out.push_str(":[");
        out.push_str(&told.join(","));
        out.push(']');
        for name in &self.sums {
            out.push(',');
            push_string(&mut out, name);
            out.push(':');
            out.push_str(&sum(name, &told)?);
        }
        if let (true, Some(last)) = (found.more, found.rows.last()) {
            out.push_str(",\"next\":");
            push_string(&mut out, &self.order.place(&self.entity, last)?);
        }
        out.push('}');
        Ok(out)
    }

    fn read(
        &self,
        client: &Client,
        context: &Context,
        mut filter: Vec<String>,
    ) -> Result<list::Rows, Failure> {
        let mut count = None;
        if let Some(limit) = &self.limit {
            let said = limit.text(context)?.map(|text| text.parse::<usize>());
            let said = said.transpose().map_err(|_| {
                Failure::invalid_input("/limit", "expected a whole number of items")
            })?;
            count = Some(said.unwrap_or(PAGE).clamp(1, list::MOST - 1));
        }
        if let Some(after) = &self.after
            && let Some(place) = after.text(context)?
        {
            filter.push(self.order.behind(&self.entity, &place)?);
        }
        list::read(client, &self.entity, &self.order, &Wanted { filter, count })
    }
}

/// A field of each item that has it.
fn plucked(field: &str, items: &[String]) -> Result<String, Failure> {
    let mut pointers = Pointers::new();
    let slot = pointers.add_member(field);
    let mut values = Vec::new();
    for item in items {
        let found = pointers
            .find(item)
            .map_err(|error| Failure::internal(error.to_string()))?;
        values.extend(found.get(slot));
    }
    Ok(format!("[{}]", values.join(",")))
}

/// The sum of a field, every digit of it.
fn sum(name: &str, items: &[String]) -> Result<String, Failure> {
    let mut pointers = Pointers::new();
    let slot = pointers.add_member(name);
    let (mut total, mut digits) = (0_i128, 0_usize);
    for item in items {
        let found = pointers
            .find(item)
            .map_err(|error| Failure::internal(error.to_string()))?;
        let text = found.get(slot).and_then(scalar).unwrap_or_default();
        if text.is_empty() {
            continue;
        }
        let wrong = || {
            Failure::internal(format!(
                "`sum` of `{name}`: found `{text}`, expected a decimal of at most 30 digits"
            ))
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((&*text, ""));
        let value: i128 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
        let more = fraction.len().saturating_sub(digits);
        let scale = |value: i128, by: usize| {
            let factor = 10_i128.checked_pow(u32::try_from(by).ok()?)?;
            value.checked_mul(factor)
        };
        total = scale(total, more).ok_or_else(wrong)?;
        digits += more;
        let value = scale(value, digits - fraction.len()).ok_or_else(wrong)?;
        total = total.checked_add(value).ok_or_else(wrong)?;
    }
    while digits > 0 && total % 10 == 0 {
        total /= 10;
        digits -= 1;
    }
    if digits == 0 {
        return Ok(total.to_string());
    }
    let sign = if total < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", total.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    Ok(format!("{sign}{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_every_digit() {
        for (values, expected) in [
            (&[][..], "0"),
            (&["100.50000000000000", "20"][..], "120.5"),
            (&["0.1", "0.2"][..], "0.3"),
            (&["-0.05", "0.01"][..], "-0.04"),
            (
                &["12345678901234567890.1", "0.02"][..],
                "12345678901234567890.12",
            ),
            (&["\"7\"", "null"][..], "7"),
        ] {
            let items: Vec<String> = values
                .iter()
                .map(|value| format!("{{\"n\":{value}}}"))
                .collect();
            assert_eq!(sum("n", &items).as_deref(), Ok(expected));
        }
        assert!(sum("n", &["{\"n\":\"many\"}".to_owned()]).is_err());
    }
}
