use super::*;

const GOOD: &str = r#"
[adapter]
name = "acme/tryton"
version = "0.3.0"
summary = "Orders and stock in Tryton"
profiles = ["device/1"]

[connections.api]
kind = "http"
reason = "Calls Tryton's JSON-RPC interface"
allow = ["POST /{database}/", "GET /files/*"]
credential = "session"

[connections.db]
kind = "sql"
reason = "Reads stock"
statements.stock = { effect = "read", text = "SELECT 1" }

[keys.signing]
uses = ["hmac-sha256"]
derive = ["strip-prefix:whsec_", "base64"]
reason = "Verifies what the sender signed"

[actions."item.stock"]
effect = "read"
summary = "How much of an item is on hand"
uses = ["api", "signing"]
input = { type = "object", properties = { sku = { type = "string" } } }

[actions."device.command"]
uses = ["api"]

[hooks.orders]
summary = "Order changes"

[events.emits]
"order.status-changed" = "An order moved on"
"device.alarm" = ""

[store]
quota = "1 MiB"
reason = "Remembers its cursor"

[calls]
"crm.activity.add" = "Tells the CRM"

[limits]
memory = "32 MiB"
cpu = "200 ms"
"#;

/// The problems of [`GOOD`] with `from` replaced by `to`.
fn problems(from: &str, to: &str) -> Vec<ManifestProblem> {
    assert!(GOOD.contains(from), "{from}");
    Manifest::parse(&GOOD.replacen(from, to, 1))
        .err()
        .unwrap_or_default()
}

#[test]
fn a_right_manifest_is_taken_whole() {
    let manifest = Manifest::parse(GOOD).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(manifest.connections["api"].allow.len(), 2);
    assert_eq!(manifest.actions["item.stock"].uses, ["api", "signing"]);
    assert_eq!(manifest.events.emits.len(), 2);
}

#[test]
fn what_a_profile_says_need_not_be_written() {
    let manifest = Manifest::parse(GOOD).unwrap_or_else(|problems| panic!("{problems:?}"));
    let command = &manifest.actions["device.command"];
    assert_eq!(command.effect, crate::Effect::Write);
    assert_eq!(command.summary, "Tells a device to do something");
    assert!(command.input.is_some() && command.output.is_some());
    let alarm = &manifest.events.emits["device.alarm"];
    assert_eq!(alarm, "A device raised an alarm");
}

#[test]
fn every_problem_has_its_line_and_says_what_was_expected() {
    for (from, to, line, message) in [
        (
            "\"acme/tryton\"",
            "\"Acme/tryton\"",
            3,
            "expected `vendor/name`",
        ),
        ("\"0.3.0\"", "\"0.3\"", 4, "expected a semantic version"),
        ("device/1", "device/9", 6, "expected one of approval/1, "),
        (
            "\"device.alarm\" = \"\"\n",
            "",
            6,
            "keeps `device/1` offers the event `device.alarm`",
        ),
        ("\"device/1\"", "\"device\"", 6, "expected `name/number`"),
        (
            "\"Calls Tryton's JSON-RPC interface\"",
            "\" \"",
            10,
            "empty reason",
        ),
        (
            "\"Calls Tryton's JSON-RPC interface\"",
            "\"a\\u202eb\"",
            10,
            "invisible character \\u{202e}",
        ),
        ("\"GET /files/*\"", "\"GET /files/../*\"", 11, "dot segment"),
        ("\"GET /files/*\"", "\"POST /{database}/\"", 11, "twice"),
        (
            "allow = [\"POST /{database}/\", \"GET /files/*\"]",
            "",
            8,
            "found no `allow`",
        ),
        (
            "[connections.api]",
            "[connections.Api]",
            8,
            "the connection `Api`",
        ),
        (
            "statements.stock = { effect = \"read\", text = \"SELECT 1\" }",
            "",
            14,
            "found no `statements`",
        ),
        (
            "text = \"SELECT 1\"",
            "text = \"\"",
            17,
            "expected one SQL statement",
        ),
        (
            "\"hmac-sha256\"",
            "\"hmac-sha3\"",
            20,
            "found the use `hmac-sha3`",
        ),
        ("\"hmac-sha256\"", "", 20, "found no use"),
        (
            "\"base64\"",
            "\"rot13\"",
            21,
            "found the derivation `rot13`",
        ),
        (
            "[keys.signing]",
            "[keys.api]",
            19,
            "as a key and as a connection",
        ),
        (
            "[actions.\"item.stock\"]",
            "[actions.\"Item.stock\"]",
            24,
            "the action `Item.stock`",
        ),
        (
            "uses = [\"api\", \"signing\"]",
            "uses = [\"api\", \"other\"]",
            27,
            "found `other`",
        ),
        (
            "{ type = \"object\",",
            "{ \"$ref\" = \"https://x.example/s\", type = \"object\",",
            28,
            "nothing is fetched",
        ),
        ("[hooks.orders]", "[hooks.\"a/b\"]", 33, "the hook `a/b`"),
        (
            "\"order.status-changed\"",
            "\"order changed\"",
            37,
            "the event type",
        ),
        ("\"1 MiB\"", "\"1 MB\"", 41, "found `1 MB`"),
        (
            "\"crm.activity.add\"",
            "\"crm\"",
            45,
            "expected `system.action`",
        ),
        ("\"32 MiB\"", "\"0 MiB\"", 48, "zero"),
        ("\"200 ms\"", "\"soon\"", 49, "found `soon`"),
    ] {
        let problems = problems(from, to);
        assert!(
            problems
                .iter()
                .any(|problem| problem.line == line && problem.message.contains(message)),
            "{to}: expected line {line} `{message}`, found {problems:?}"
        );
    }
}

#[test]
fn what_is_not_a_manifest_is_refused_where_it_stands() {
    for (from, to, line, message) in [
        (
            "version = \"0.3.0\"",
            "version = \"0.3.0\"\nversion = \"0.3.1\"",
            5,
            "duplicate",
        ),
        ("[hooks.orders]", "[keys.signing]", 33, "duplicate"),
        (
            "kind = \"http\"",
            "kind = \"ftp\"",
            9,
            "unknown variant `ftp`",
        ),
        (
            "credential = \"session\"",
            "password = \"x\"",
            12,
            "unknown field `password`",
        ),
        ("version = \"0.3.0\"", "version = 3", 4, "expected a string"),
        ("[limits]", "[limits", 47, ""),
    ] {
        let problems = problems(from, to);
        assert!(
            problems
                .first()
                .is_some_and(|problem| problem.line == line && problem.message.contains(message)),
            "{to}: expected line {line} `{message}`, found {problems:?}"
        );
    }
}

#[test]
fn problems_come_in_the_order_of_the_text_all_at_once() {
    let text = GOOD
        .replace("0.3.0", "x")
        .replace("32 MiB", "y")
        .replace("\"device/1\"", "\"z\"");
    let lines: Vec<u32> = Manifest::parse(&text)
        .err()
        .unwrap_or_default()
        .iter()
        .map(|problem| problem.line)
        .collect();
    assert_eq!(lines, [4, 6, 48]);
}

#[test]
fn a_generic_adapter_leaves_the_rest_to_the_operator() {
    let text = "[adapter]\nname = \"a/b\"\nversion = \"1.0.0\"\nsummary = \"s\"\ngeneric = true\n[connections.api]\nkind = \"http\"\nreason = \"r\"\n";
    assert!(Manifest::parse(text).is_ok());
    let problems = Manifest::parse(&text.replace("generic = true\n", ""))
        .err()
        .unwrap_or_default();
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn nesting_and_length_are_bounded() {
    let deep = format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(Manifest::parse(&deep).is_err_and(|problems| problems.len() <= TOLD));
    let many: String = (0..200)
        .map(|number| format!("[hooks.\"A{number}\"]\nsummary = \"\"\n"))
        .collect();
    let text = format!("[adapter]\nname = \"a/b\"\nversion = \"1.0.0\"\nsummary = \"s\"\n{many}");
    assert!(Manifest::parse(&text).is_err_and(|problems| problems.len() == TOLD));
}
