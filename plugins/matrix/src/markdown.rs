//! CommonMark to the HTML that Matrix clients show. Safe by construction: every tag and attribute is written here, what
//! the author wrote is only ever text or the address of a link.
//!
//! Tags: <https://spec.matrix.org/v1.15/client-server-api/#mroommessage-msgtypes>.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// Addresses that a link may have; others, `javascript:` first of all, leave only its words.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// The whole text.
pub(crate) fn html(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len() * 2);
    // Whether each link or picture that is open has become a link.
    let mut links = Vec::new();
    for event in Parser::new(markdown) {
        match event {
            Event::Start(tag) => open(&tag, &mut links, &mut out),
            Event::End(tag) => close(tag, &mut links, &mut out),
            Event::Code(text) => {
                out.push_str("<code>");
                escape(&text, &mut out);
                out.push_str("</code>");
            }
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                escape(&text, &mut out)
            }
            Event::SoftBreak => out.push('\n'),
            Event::HardBreak => out.push_str("<br>"),
            Event::Rule => out.push_str("<hr>"),
            // Of extensions that are switched off.
            _ => {}
        }
    }
    out
}

fn open(tag: &Tag<'_>, links: &mut Vec<bool>, out: &mut String) {
    match tag {
        Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
            let is_link = !links.contains(&true) && is_safe(dest_url);
            if is_link {
                out.push_str("<a href=\"");
                escape(dest_url, out);
                out.push_str("\">");
            }
            links.push(is_link);
        }
        Tag::List(Some(start)) if *start != 1 => out.push_str(&format!("<ol start=\"{start}\">")),
        Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
            out.push_str("<pre><code>")
        }
        other => {
            if let Some(name) = name(&other.to_end()) {
                out.push('<');
                out.push_str(name);
                out.push('>');
            }
        }
    }
}

fn close(tag: TagEnd, links: &mut Vec<bool>, out: &mut String) {
    match tag {
        TagEnd::Link | TagEnd::Image => {
            if links.pop() == Some(true) {
                out.push_str("</a>");
            }
        }
        TagEnd::CodeBlock => out.push_str("</code></pre>"),
        other => {
            if let Some(name) = name(&other) {
                out.push_str("</");
                out.push_str(name);
                out.push('>');
            }
        }
    }
}

fn name(tag: &TagEnd) -> Option<&'static str> {
    const HEADINGS: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];
    Some(match tag {
        TagEnd::Paragraph => "p",
        TagEnd::Heading(level) => HEADINGS[(*level as usize).clamp(1, 6) - 1],
        TagEnd::BlockQuote(_) => "blockquote",
        TagEnd::List(true) => "ol",
        TagEnd::List(false) => "ul",
        TagEnd::Item => "li",
        TagEnd::Emphasis => "em",
        TagEnd::Strong => "strong",
        _ => return None,
    })
}

fn is_safe(address: &str) -> bool {
    SCHEMES.iter().any(|scheme| {
        address
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}
