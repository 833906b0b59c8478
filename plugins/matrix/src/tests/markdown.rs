//! What CommonMark becomes, and what it never becomes.

use crate::markdown::html;

#[test]
fn markdown_becomes_the_tags_that_clients_show() {
    let table = [
        ("plain", "<p>plain</p>"),
        (
            "**a** *b* `c<d`",
            "<p><strong>a</strong> <em>b</em> <code>c&lt;d</code></p>",
        ),
        ("a\nb  \nc", "<p>a\nb<br>c</p>"),
        ("## H", "<h2>H</h2>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a\n4. b", "<ol start=\"3\"><li>a</li><li>b</li></ol>"),
        ("1. a", "<ol><li>a</li></ol>"),
        ("> q", "<blockquote><p>q</p></blockquote>"),
        (
            "```sh\na && b\n```",
            "<pre><code>a &amp;&amp; b\n</code></pre>",
        ),
        ("---", "<hr>"),
        (
            "[order](https://shop.example/?a=1&b=\"2\")",
            "<p><a href=\"https://shop.example/?a=1&amp;b=&quot;2&quot;\">order</a></p>",
        ),
        (
            "![a *plan*](https://shop.example/p.png)",
            "<p><a href=\"https://shop.example/p.png\">a <em>plan</em></a></p>",
        ),
        ("<mia@plant.example>", "<p>mia@plant.example</p>"),
    ];
    for (markdown, expected) in table {
        assert_eq!(html(markdown), expected, "{markdown}");
    }
}

#[test]
fn nothing_of_the_authors_becomes_a_tag_or_an_attribute() {
    let table = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <b onclick=\"x\">b</b>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>)",
        "[x](https://a.example/\"onclick=\"x)",
        "[x](<https://a.example/\"><script>>)",
        "![x](javascript:alert(1))",
        "[![x](https://a.example/b)](https://a.example/c)",
        "<!-- <p> --> &lt;script&gt;",
        "```\n</code></pre><script>\n```",
        "[x]: javascript:alert(1)\n\n[x]",
        "<javascript:alert(1)>",
    ];
    const TAGS: [&str; 10] = [
        "p", "/p", "a", "/a", "pre", "/pre", "code", "/code", "em", "strong",
    ];
    for markdown in table {
        let html = html(markdown);
        for tag in html.split('<').skip(1) {
            let (inner, _) = tag
                .split_once('>')
                .unwrap_or_else(|| panic!("{markdown}: {html}"));
            let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
            assert!(TAGS.contains(&name), "{markdown}: {html}");
            let is_link = name == "a"
                && attributes.starts_with("href=\"https://a.example/")
                && attributes.matches('"').count() == 2;
            assert!(attributes.is_empty() || is_link, "{markdown}: {html}");
        }
        assert!(
            !html.contains("<a href=\"https://a.example/c\"><a"),
            "{html}"
        );
    }
}
