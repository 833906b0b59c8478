//! Texts of others where people read them: in the API, on the command line, in the log. Nothing in them is obeyed.

use serde_json::{Value, json};

use crate::fixture::{attack, died_saying};

const TEXT: &str = "<script>alert(1)</script>\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}live\u{2066}\u{61c}\u{200f}\u{9b}31m\r\n{\"level\":\"ERROR\",\"fields\":{\"message\":\"forged\"}}";

/// What a terminal obeys, or what turns the direction of text, in any answer for people.
fn is_obeyed(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn case_84_85_86_texts_of_others_are_shown_and_not_obeyed() {
    let attack = attack(
        "adapter: adapters/attacker.wasm\nactions: { go: { effect: read, summary: Goes, do: {} } }\n",
    );
    let run = attack.deed(&json!({"do": "fail", "text": TEXT}));
    died_saying(&run, &["<script>"]);
    let dead = attack.host.get("/api/dead");
    let id = dead["letters"][0]["id"].as_str().unwrap().to_owned();
    // The API: JSON and nothing that a browser takes for a page.
    for target in [
        "/api/dead",
        &format!("/api/dead/{id}"),
        &format!("/api/runs/{id}"),
        "/api/events",
    ] {
        let authorization = format!("Bearer {}", tombolo_tests::site::TOKEN);
        let response = attack
            .host
            .send("GET", target, &[("authorization", &authorization)], b"");
        let header = |name: &str| {
            let found = response.headers.iter().find(|(header, _)| header == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(header("content-type"), Some("application/json"), "{target}");
        assert_eq!(
            header("x-content-type-options"),
            Some("nosniff"),
            "{target}"
        );
    }
    // The command line, for people and for machines.
    let url = format!("http://{}", attack.host.address);
    for command in [
        &["dead", "list"][..],
        &["dead", "show", &id],
        &["dead", "show", &id, "--json"],
        &["run", "show", &id],
        &["run", "list"],
        &["system", "status"],
        &["lane", "list"],
    ] {
        let all = [command, &["--address", &url]].concat();
        let (code, out, err) = attack.site.tombolo(&all);
        assert_eq!(code, 0, "{command:?}: {out}{err}");
        let shown = out + &err;
        assert!(!shown.contains(is_obeyed), "{command:?}: {shown:?}");
        assert!(
            !shown.lines().any(|line| line.starts_with("{\"level\"")),
            "{command:?}: {shown}"
        );
    }
    // The log: one JSON object a line, none of them made by the text.
    let log = attack.host.log();
    assert!(log.contains("<script>"), "it was not logged at all: {log}");
    for line in log.lines() {
        assert!(!line.contains(is_obeyed), "{line:?}");
        let parsed: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_ne!(parsed["fields"]["message"], "forged", "{line}");
        assert_ne!(parsed["message"], "forged", "{line}");
    }
    attack.neighbour_works();
}

#[test]
fn case_84_85_a_name_with_a_script_or_an_escape_is_refused() {
    for name in ["<script>", "a\u{1b}[2J", "a\u{202e}b", "a\nb", "a b"] {
        let site = tombolo_tests::site::TestSite::new();
        site.write(
            &format!("flows/{}.yaml", name.replace('\n', "\r")),
            "on: attack\nsteps: []\n",
        );
        let folder = site.path().to_str().unwrap();
        let (code, out, err) =
            tombolo_tests::built::run(&["check", folder], &[("TOMBOLO_TOKEN", "t")]);
        assert_ne!(code, 0, "{name:?}: {out}{err}");
        let shown = out + &err;
        assert!(!shown.contains(is_obeyed), "{name:?}: {shown:?}");
    }
}
