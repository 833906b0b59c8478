//! Lists, single ones, functions, metadata.

use super::*;

#[test]
fn one_is_told_in_our_words_whichever_version_gave_it() {
    for version in ["v2", "v4"] {
        let host = host(
            version,
            json!({}),
            json!({ "get": "order", "key": { "No": "{no}" } }),
        );
        host.reply(
            "api",
            "GET",
            "/S/Orders('O''1')",
            one(version, &order(version, "O'1")),
        );
        let told = run(&host, json!({ "no": "O'1" })).unwrap();
        assert_eq!(
            told["sum"],
            json!({ "amount": "12345678901234567890.10", "currency": "EUR" })
        );
        assert_eq!(
            (&told["day"], &told["state"]),
            (&json!("2026-01-01"), &json!("open"))
        );
        assert!(
            told["changed"]
                .as_str()
                .unwrap()
                .starts_with("2026-01-01T00:00:00.5")
        );
        assert_eq!(told["lines"], json!([{ "sku": "x", "count": 3.0 }]));
        assert_eq!(told["etag"], "W/\"7\"");
        let query: Vec<_> = host.requests()[0]
            .query
            .iter()
            .map(|(_, value)| value.clone())
            .collect();
        let expected: &[&str] = if version == "v2" {
            &[
                "No,Sum,Currency,Day,Changed,State,to_Line/Item,to_Line/Sum",
                "to_Line",
            ]
        } else {
            &[
                "No,Sum,Currency,Day,Changed,State",
                "to_Line($select=Item,Sum)",
            ]
        };
        assert_eq!(query, expected, "no more is read than is told");
        assert_eq!(
            host.requests()[0].header("accept"),
            Some("application/json;IEEE754Compatible=true")
        );
    }
}

#[test]
fn a_key_is_a_literal_that_stays_in_its_place() {
    let key = json!({ "get": "account", "key": { "accountid": "{id?}", "code": "{code?}" } });
    let id = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
    for (version, input, path) in [
        ("v2", json!({ "id": id }), format!("/accounts(guid'{id}')")),
        ("v4", json!({ "id": id }), format!("/accounts({id})")),
        (
            "v4",
            json!({ "code": "A 1)" }),
            "/accounts(code='A%201%29')".to_owned(),
        ),
        (
            "v4",
            json!({ "id": id, "code": "x" }),
            format!("/accounts(accountid={id},code='x')"),
        ),
    ] {
        let host = host(version, json!({}), key.clone());
        host.reply(
            "api",
            "GET",
            &path,
            Reply::json(200, json!({ "d": { "a": 1 }, "a": 1 })),
        );
        run(&host, input).unwrap();
    }
    for input in [
        json!({ "id": "1 or 2" }),
        json!({ "code": "a/b" }),
        json!({ "code": "" }),
        json!({}),
        json!({ "code": "%2e" }),
    ] {
        let host = host("v4", json!({}), key.clone());
        assert_eq!(
            run(&host, input.clone()).unwrap_err().kind(),
            "invalid-input",
            "{input}"
        );
        assert!(host.requests().is_empty());
    }
}

#[test]
fn a_filter_is_made_of_literals_alone() {
    let action = json!({ "list": "order", "filter": [
        { "No": { "in": "{nos?}" }, "Sum": { "ge": "{least?}" }, "Currency": { "contains-any-case": "{part?}", "ne": null } },
        { "Day": "{day?}" },
        { "Changed": { "lt": "{before?}" } },
    ] });
    let input = json!({ "nos": ["a' or 'x' eq 'x", 2, 2], "least": 1.50, "part": "O'R", "day": "2026-01-01", "before": "2026-01-01T01:00:00+01:00" });
    for (version, filter) in [
        (
            "v2",
            "(No eq 'a'' or ''x'' eq ''x' or No eq '2') and Sum ge 1.5m and substringof('o''r',tolower(Currency)) and Currency ne null and Day eq datetime'2026-01-01T00:00:00' and Changed lt datetimeoffset'2026-01-01T00:00:00.000Z'",
        ),
        (
            "v4",
            "(No eq 'a'' or ''x'' eq ''x' or No eq '2') and Sum ge 1.5 and contains(tolower(Currency),'o''r') and Currency ne null and Day eq 2026-01-01 and Changed lt 2026-01-01T00:00:00.000Z",
        ),
    ] {
        let host = host(version, json!({}), action.clone());
        host.reply("api", "GET", "/S/Orders", list(version, &[], None));
        assert_eq!(run(&host, input.clone()), Ok(json!({ "items": [] })));
        assert_eq!(
            host.requests()[0].query[0],
            ("$filter".to_owned(), filter.to_owned())
        );
    }
    let host = host("v4", json!({}), action.clone());
    assert_eq!(
        run(&host, json!({ "nos": [] })),
        Ok(json!({ "items": [] })),
        "nothing can fit"
    );
    assert_eq!(
        run(&host, json!({ "least": "1 or 1 eq 1" }))
            .unwrap_err()
            .kind(),
        "invalid-input"
    );
    assert!(host.requests().is_empty());
}

#[test]
fn a_list_goes_on_behind_its_last_item_whatever_pages_the_service_makes() {
    let action = json!({ "list": "order", "items": "orders", "order": ["Changed", "No"], "limit": "{limit?}", "after": "{after?}" });
    for version in ["v2", "v4"] {
        let host = host(version, json!({ "page": 2 }), action.clone());
        host.reply(
            "api",
            "GET",
            "/S/Orders",
            list(
                version,
                &[order(version, "1"), order(version, "2")],
                Some("https://x.example/o/S/Orders?$skiptoken=2&$top=4"),
            ),
        );
        host.reply(
            "api",
            "GET",
            "/S/Orders",
            list(
                version,
                &[order(version, "3"), order(version, "4")],
                Some("Orders?$skiptoken=4"),
            ),
        );
        let page = run(&host, json!({ "limit": 3 })).unwrap();
        assert_eq!(page["orders"].as_array().unwrap().len(), 3);
        assert_eq!(
            sent(&host),
            [
                "GET /S/Orders?$orderby=Changed,No&$top=4",
                "GET /S/Orders?$orderby=Changed,No&$skiptoken=2&$top=4"
            ]
        );
        let prefer = (version == "v4").then_some("odata.maxpagesize=2");
        assert_eq!(host.requests()[0].header("prefer"), prefer);
        host.reply(
            "api",
            "GET",
            "/S/Orders",
            list(version, &[order(version, "4")], None),
        );
        let rest = run(&host, json!({ "limit": 3, "after": page["next"] })).unwrap();
        assert_eq!(
            (rest["orders"].as_array().unwrap().len(), rest.get("next")),
            (1, None)
        );
        let filter = host.requests()[2].query[0].1.clone();
        let at = if version == "v2" {
            "datetimeoffset'2026-01-01T00:00:00.500Z'"
        } else {
            "2026-01-01T00:00:00.5Z"
        };
        assert_eq!(
            filter,
            format!("(Changed gt {at} or (Changed eq {at} and No gt '3'))")
        );
        for after in ["x", "[]", "[\"yesterday\",\"1\"]"] {
            assert_eq!(
                run(&host, json!({ "after": after })).unwrap_err().kind(),
                "invalid-input",
                "{after}"
            );
        }
    }
}

#[test]
fn a_next_page_elsewhere_is_not_read() {
    for link in [
        "https://evil.example/S/Users?$skiptoken=1",
        "../../admin",
        "Orders?x=1",
    ] {
        let host = host("v4", json!({}), json!({ "list": "order" }));
        host.reply(
            "api",
            "GET",
            "/S/Orders",
            list("v4", &[v4_order("1")], Some(link)),
        );
        assert_eq!(run(&host, json!({})).unwrap_err().kind(), "unavailable");
        assert_eq!(host.requests().len(), 1);
    }
}

#[test]
fn a_list_without_bound_is_no_list() {
    let host = host("v4", json!({}), json!({ "list": "order" }));
    let many: Vec<Value> = (0..1001).map(|no| v4_order(&no.to_string())).collect();
    host.reply("api", "GET", "/S/Orders", list("v4", &many, None));
    let failure = run(&host, json!({})).unwrap_err();
    assert!(
        matches!(&failure, tombolo_sdk::Failure::Rejected(rejection) if rejection.code == "too-many")
    );
}

#[test]
fn steps_build_on_each_other_and_may_be_left_out() {
    let action = json!({
        "steps": [
            { "as": "known", "list": "order", "filter": { "Currency": "{currency}" }, "pluck": "no" },
            { "as": "skipped", "unless": "{/steps/known/0?}", "get": "order", "key": { "No": "9" } },
            { "as": "maybe", "get": "order", "key": { "No": "8" }, "optional": true },
            { "as": "sums", "list": "order", "filter": { "No": { "in": "{/steps/known}" } }, "distinct": true, "items": "orders", "sum": ["count"] },
        ],
        "result": { "known": "{/steps/known}", "skipped": "{/steps/skipped?}", "maybe": "{/steps/maybe?}", "orders": "{/steps/sums/orders/0/no}" },
    });
    let host = host("v4", json!({}), action);
    let both = [v4_order("1"), v4_order("1")];
    host.reply("api", "GET", "/S/Orders", list("v4", &both, None));
    host.reply("api", "GET", "/S/Orders('8')", Reply::status(404));
    host.reply("api", "GET", "/S/Orders", list("v4", &both, None));
    let result = run(
        &host,
        json!({ "currency": "EUR", "steps": { "known": ["from outside"] } }),
    );
    assert_eq!(result, Ok(json!({ "known": ["1", "1"], "orders": "1" })));
    assert_eq!(host.requests()[2].query[0].1, "(No eq '1')");
}

#[test]
fn the_one_that_fits_is_found_or_told_to_be_none_or_many() {
    let action = json!({ "get": "order", "filter": { "No": "{no?}" } });
    let found = |orders: &[Value], input: Value| {
        let host = host("v2", json!({}), action.clone());
        host.reply("api", "GET", "/S/Orders", list("v2", orders, None));
        run(&host, input)
            .map(|order| order["no"].clone())
            .map_err(|failure| failure.kind())
    };
    let no = json!({ "no": "1" });
    assert_eq!(found(&[v2_order("1")], no.clone()), Ok(json!("1")));
    assert_eq!(found(&[], no.clone()), Err("not-found"));
    assert_eq!(found(&[v2_order("1"), v2_order("2")], no), Err("conflict"));
    assert_eq!(found(&[], json!({})), Err("invalid-input"));
}

#[test]
fn functions_have_one_path_whatever_their_parameters() {
    let action = json!({ "function": "Price", "on": "order", "parameters": { "No": "{no}", "Day": "{day}", "Sum": "{sum?}" } });
    let input = json!({ "no": "a/b", "day": "2026-01-01" });
    let v2 = host("v2", json!({}), action.clone());
    v2.reply(
        "api",
        "GET",
        "/S/Price",
        Reply::json(200, json!({ "d": { "Price": v2_order("1") } })),
    );
    assert_eq!(run(&v2, input.clone()).unwrap()["no"], "1");
    assert_eq!(
        sent(&v2),
        ["GET /S/Price?No='a/b'&Day=datetime'2026-01-01T00:00:00'"]
    );
    let v4 = host("v4", json!({}), action);
    v4.reply(
        "api",
        "GET",
        "/S/Price(No=@No,Day=@Day)",
        Reply::json(200, json!({ "value": [v4_order("1")] })),
    );
    assert_eq!(run(&v4, input).unwrap()[0]["no"], "1");
    assert_eq!(
        sent(&v4),
        ["GET /S/Price(No=@No,Day=@Day)?@No='a/b'&@Day=2026-01-01"]
    );
}
