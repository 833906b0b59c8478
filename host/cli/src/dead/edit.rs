//! `tombolo dead edit`: another input for the failed call: all of it, or fields of it in one run or many.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::value::{RawValue, to_raw_value};

use super::{ManyArguments, many, one};
use crate::client::Client;
use crate::out;
use crate::text;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("with").required(true))]
pub(crate) struct EditArguments {
    #[command(flatten)]
    which: ManyArguments,
    /// The failed call's new input, JSON; for runs that are named
    #[arg(long, value_name = "JSON", group = "with", requires = "ids", value_parser = json)]
    input: Option<Box<RawValue>>,
    /// Put a value at a place of the input and leave the rest: `/customer=c-2`, `/lines/0/count=3`, `/code="007"`; may be
    /// repeated
    #[arg(long, value_name = "POINTER=VALUE", group = "with", value_parser = placed)]
    set: Vec<Placed>,
    /// Show which runs it means and the inputs they would have, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// A value and its place, the names of a JSON pointer (RFC 6901).
#[derive(Debug, Clone)]
struct Placed {
    names: Vec<String>,
    value: Box<RawValue>,
}

pub(super) async fn run(arguments: &EditArguments) -> anyhow::Result<()> {
    let client = Client::for_command(&arguments.which.host, "operate")?;
    let done = match arguments.dry_run {
        true => "would go on with that input; nothing was changed",
        false => "goes on with the new input",
    };
    let act = async |id: &str| {
        let input = new_input(&client, arguments, id).await?;
        if arguments.dry_run {
            let (id, input) = (text::harmless(id), text::shortened(input.get(), 160));
            return Ok(out::line(format!("run {id}: {input}"))?);
        }
        let body = Edit {
            by: &arguments.which.who.by,
            reason: &arguments.which.who.reason,
            input,
        };
        client.post(&one(id, "/edit"), &body).await.map(drop)
    };
    many(&client, &arguments.which, done, act).await
}

#[derive(serde::Serialize)]
struct Edit<'a> {
    by: &'a str,
    reason: &'a str,
    input: Box<RawValue>,
}

async fn new_input(
    client: &Client,
    arguments: &EditArguments,
    id: &str,
) -> anyhow::Result<Box<RawValue>> {
    if let Some(input) = &arguments.input {
        return Ok(input.clone());
    }
    let detail = client.get(&one(id, "")).await?;
    let input = detail["input"].as_str().context(
        "what failed was no call whose input can be written: name the step and its whole input with `tombolo run mend`",
    )?;
    let mut input = RawValue::from_string(input.to_owned())?;
    for placed in &arguments.set {
        input = with_value(&input, &placed.names, &placed.value)
            .with_context(|| format!("--set /{}", placed.names.join("/")))?;
    }
    Ok(input)
}

/// The JSON with a value at a place. All else stays as it is written, long numbers too.
fn with_value(
    whole: &RawValue,
    names: &[String],
    value: &RawValue,
) -> anyhow::Result<Box<RawValue>> {
    let Some((name, inner)) = names.split_first() else {
        return Ok(value.to_owned());
    };
    if whole.get().starts_with('{') {
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(whole.get())?;
        let put = match fields.get(name) {
            Some(field) => with_value(field, inner, value)?,
            None if inner.is_empty() => value.to_owned(),
            None => anyhow::bail!("there is no `{name}` to put it in"),
        };
        fields.insert(name.clone(), put);
        return Ok(to_raw_value(&fields)?);
    }
    let mut items: Vec<Box<RawValue>> = serde_json::from_str(whole.get())
        .map_err(|_| anyhow::anyhow!("`{name}` would be inside of what is no object or list"))?;
    let index: Option<usize> = name.parse().ok().filter(|index| *index < items.len());
    let index = index.with_context(|| {
        format!(
            "found `{name}`, expected one of the list's {} items, counted from 0",
            items.len()
        )
    })?;
    items[index] = with_value(&items[index], inner, value)?;
    Ok(to_raw_value(&items)?)
}

fn json(text: &str) -> Result<Box<RawValue>, String> {
    let expected = r#"expected JSON such as '{"sku":"P-7"}'"#;
    serde_json::from_str(text).map_err(|error| format!("{error}; {expected}"))
}

/// What is no JSON is a text.
fn placed(text: &str) -> Result<Placed, String> {
    let expected = || format!("found `{text}`, expected /FIELD=VALUE such as /customer=c-2");
    let (pointer, value) = text.split_once('=').ok_or_else(expected)?;
    let pointer = pointer.strip_prefix('/').ok_or_else(expected)?;
    let names = pointer.split('/');
    let plain = |name: &str| name.replace("~1", "/").replace("~0", "~");
    let value = match serde_json::from_str(value) {
        Ok(json) => json,
        Err(_) => to_raw_value(value).map_err(|error| error.to_string())?,
    };
    Ok(Placed {
        names: names.map(plain).collect(),
        value,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_field_changes_and_all_else_stays_as_it_is_written() {
        let before = r#"{"a~b":{"c/d":[1,{"n":2}]},"total":12345678901234567890.10,"who":"x"}"#;
        for (set, expected) in [
            ("/who=y", r#""who":"y"}"#),
            ("/who=7", r#""who":7}"#),
            (r#"/who="7""#, r#""who":"7"}"#),
            ("/z=null", r#""z":null}"#),
            ("/a~0b/c~1d/1/n=3", r#"{"a~b":{"c/d":[1,{"n":3}]},"#),
            ("/a~0b/c~1d/0=[]", r#"{"a~b":{"c/d":[[],{"n":2}]},"#),
        ] {
            let whole = RawValue::from_string(before.to_owned()).unwrap();
            let placed = placed(set).unwrap();
            let after = with_value(&whole, &placed.names, &placed.value).unwrap();
            let after = after.get();
            assert!(after.contains(expected), "{set}: {after}");
            assert!(after.contains("12345678901234567890.10"), "{after}");
        }
    }

    #[test]
    fn what_is_not_there_to_be_changed_is_told() {
        let whole = RawValue::from_string(r#"{"lines":[1],"who":"x"}"#.to_owned()).unwrap();
        for (set, expected) in [
            ("/lines/1=2", "one of the list's 1 items"),
            ("/lines/x=2", "one of the list's 1 items"),
            ("/buyer/name=2", "there is no `buyer`"),
            ("/who/name=2", "no object or list"),
        ] {
            let placed = placed(set).unwrap();
            let error = with_value(&whole, &placed.names, &placed.value).unwrap_err();
            assert!(error.to_string().contains(expected), "{set}: {error}");
        }
        for set in ["who=y", "/who", ""] {
            assert!(placed(set).unwrap_err().contains("/FIELD=VALUE"), "{set}");
        }
    }
}
