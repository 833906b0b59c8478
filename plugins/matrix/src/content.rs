//! What events say: texts, with formatting where asked for, in threads, as replies, in the place of another.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::markdown;

/// How a text is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    #[default]
    Plain,
    Markdown,
}

/// Bytes of a content with formatting: an event has 65,536 at the most, with signatures and all, and an edit needs its
/// text twice over.
const FORMATTED: usize = 60_000;
/// Characters of an edit's text that clients see which do not know edits.
const FALLBACK: usize = 200;

/// The words of a message. Nobody is mentioned, whatever names stand in it.
pub(crate) fn text(text: &str, format: Format) -> Value {
    let mut content = json!({ "msgtype": "m.text", "body": text, "m.mentions": {} });
    if format == Format::Markdown {
        let html = markdown::html(text);
        if text.len() + html.len() < FORMATTED {
            content["format"] = "org.matrix.custom.html".into();
            content["formatted_body"] = html.into();
        }
    }
    content
}

/// In the thread that begins with `root`. Clients without threads show it as a reply to that.
pub(crate) fn in_thread(mut content: Value, root: Option<&str>) -> Value {
    if let Some(root) = root {
        content["m.relates_to"] = json!({
            "rel_type": "m.thread",
            "event_id": root,
            "is_falling_back": true,
            "m.in_reply_to": { "event_id": root },
        });
    }
    content
}

/// As a reply to `to`, in the thread where that is in one.
pub(crate) fn reply(mut content: Value, to: &str, thread: Option<&str>) -> Value {
    content["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": to } });
    if let Some(root) = thread {
        content["m.relates_to"]["rel_type"] = "m.thread".into();
        content["m.relates_to"]["event_id"] = root.into();
        content["m.relates_to"]["is_falling_back"] = false.into();
    }
    content
}

/// In the place of the event `id`.
pub(crate) fn edit(content: Value, id: &str) -> Value {
    let body = content["body"].as_str().unwrap_or_default();
    let fallback: String = "* ".chars().chain(body.chars().take(FALLBACK)).collect();
    json!({
        "msgtype": "m.text",
        "body": fallback,
        "m.mentions": {},
        "m.new_content": content,
        "m.relates_to": { "rel_type": "m.replace", "event_id": id },
    })
}

/// The first message of the thread that a message is in.
pub(crate) fn thread(content: &Value) -> Option<&str> {
    let relation = content.get("m.relates_to")?;
    if relation.get("rel_type")? != "m.thread" {
        return None;
    }
    relation.get("event_id")?.as_str()
}

/// The transaction of one request of a call: the same key and part, the same event.
pub(crate) fn transaction(idempotency_key: &str, part: &str) -> String {
    format!("tombolo-{}{part}", digest(idempotency_key))
}

/// 32 hexadecimal digits: keys and ids may have characters and lengths that a path or an alias cannot.
pub(crate) fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).fold(String::new(), |mut out, byte| {
        for nibble in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(u32::from(nibble), 16));
        }
        out
    })
}
