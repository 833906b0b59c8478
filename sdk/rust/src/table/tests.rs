#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn table(options: serde_json::Value) -> Table {
    Table::compile(serde_json::from_value(options).unwrap()).unwrap()
}

fn rows(options: serde_json::Value, text: &str) -> Vec<(usize, String)> {
    let rows = table(options).read(text.as_bytes()).unwrap().rows;
    rows.into_iter().map(|row| (row.line, row.json)).collect()
}

#[test]
fn csv_keeps_the_text_as_it_stands() {
    let text = "sku,name,price\r\n007,\"a \"\"b\"\", c\", 1.10\r\n008,\"two\nlines\",\n\n009,x,0\n";
    assert_eq!(
        rows(json!({ "csv": {} }), text),
        [
            (
                2,
                r#"{"sku":"007","name":"a \"b\", c","price":" 1.10"}"#.to_owned()
            ),
            (
                3,
                r#"{"sku":"008","name":"two\nlines","price":""}"#.to_owned()
            ),
            (6, r#"{"sku":"009","name":"x","price":"0"}"#.to_owned()),
        ]
    );
    let german =
        json!({ "csv": { "separator": ";", "header": false, "columns": ["a", "b"], "skip": 1 } });
    assert_eq!(
        rows(german, "\u{feff}Export\n1,5;2"),
        [(2, r#"{"a":"1,5","b":"2"}"#.to_owned())]
    );
    assert!(rows(json!({ "csv": {} }), "").is_empty());
}

#[test]
fn fixed_width_counts_characters() {
    let columns = json!([{ "name": "no", "from": 1, "width": 4 }, { "name": "town", "from": 5, "width": 6 }, { "name": "n", "from": 11, "width": 3 }]);
    let text = "0001K\u{f6}ln    7\n0002Ulm    12 more\n\n";
    assert_eq!(
        rows(json!({ "fixed-width": { "columns": columns } }), text),
        [
            (
                1,
                "{\"no\":\"0001\",\"town\":\"K\u{f6}ln\",\"n\":\"7\"}".to_owned()
            ),
            (2, r#"{"no":"0002","town":"Ulm","n":"12"}"#.to_owned()),
        ]
    );
    let latin = table(json!({ "fixed-width": { "columns": columns, "encoding": "latin-1" } }));
    let read = latin.read(b"0001K\xf6ln    7").unwrap();
    assert!(read.rows[0].json.contains("K\u{f6}ln"));
}

#[test]
fn bad_lines_are_named_by_their_number() {
    let text = "a,b\n1,2\n3\n\"4\"x,5\n6,\"7\n8,9\n";
    let refuse = table(json!({ "csv": {} }));
    let Failure::InvalidInput(problems) = refuse.read(text.as_bytes()).unwrap_err() else {
        unreachable!()
    };
    let told: Vec<&str> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "line 3: found 1 fields, expected 2",
            "line 4: field 1: found text after the closing quote",
            "line 5: field 2: a quote is not closed",
        ]
    );
    let report = table(json!({ "csv": { "report": "import.bad-line" } }));
    let read = report.read(text.as_bytes()).unwrap();
    assert_eq!(read.rows.len(), 2);
    let events = report.reports(&read.bad, Some("f"));
    assert_eq!(events.len(), 3);
    assert_eq!(events[0].id.as_deref(), Some("f/line-3"));
    assert_eq!(
        events[0].data,
        r#"{"line":3,"problem":"found 1 fields, expected 2","text":"3"}"#
    );
    assert!(
        refuse
            .read(b"a\n\xff")
            .unwrap_err()
            .message()
            .contains("line 2")
    );
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let table = [
        (
            json!({ "csv": { "header": false } }),
            "columns: are missing",
        ),
        (json!({ "csv": { "separator": "\"" } }), "two different"),
        (json!({ "csv": { "columns": ["a", "a"] } }), "`a` twice"),
        (
            json!({ "fixed-width": { "columns": [] } }),
            "columns: are missing",
        ),
        (
            json!({ "fixed-width": { "columns": [{ "name": "a", "from": 0, "width": 1 }] } }),
            "from 1 on",
        ),
    ];
    for (options, part) in table {
        let problem = Table::compile(serde_json::from_value(options).unwrap()).unwrap_err();
        assert!(problem.contains(part), "{problem}");
    }
    let wanted = super::Table::compile(
        serde_json::from_value(json!({ "csv": { "columns": ["z"] } })).unwrap(),
    );
    let failure = wanted.unwrap().read(b"a,b\n").unwrap_err();
    assert_eq!(
        failure.message(),
        "line 1: the header has no column `z`; found a, b"
    );
}
