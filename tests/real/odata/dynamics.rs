//! The ways of Microsoft's Dynamics 365 as far as CAP goes them: Guids as keys, `Prefer`, `If-Match`, a base path that is
//! the service. Alternate keys it does not have, nor an upsert where there are ETags; the adapter's own tests show them.

use serde_json::json;

use super::*;

const ACTIONS: [&str; 5] = [
    "account.list",
    "account.get",
    "account.create",
    "account.rename",
    "account.remove",
];

fn system(cap: &Cap) -> String {
    let mut file = format!(
        "adapter: adapters/odata.wasm\nconnections:\n  api:\n    http: http://127.0.0.1:{}/api/data/v9.2\n    network: private\n",
        cap.port
    );
    file.push_str(
        r#"    credential: { basic: { user: clerk, password: "env:S4_PASSWORD" } }
    allow:
      - GET /accounts
      - POST /accounts
      - GET /accounts({id})
      - PATCH /accounts({id})
      - DELETE /accounts({id})
      - GET /$metadata
settings:
  page: 2
  entities:
    account:
      set: accounts
      key: [accountid]
      types: { accountid: Guid, marketcap: Decimal, versionnumber: Int64, numberofemployees: Int32, modifiedon: DateTimeOffset }
      fields: { id: accountid, name: name, number: accountnumber, cap: marketcap, version: versionnumber, employees: numberofemployees, etag: "@etag" }
actions:
  account.list:
    effect: read
    do: { list: account, items: accounts, order: [accountnumber, accountid], limit: "{limit?}", after: "{after?}" }
  account.get:
    effect: read
    do: { get: account, key: { accountid: "{id}" } }
  account.create:
    effect: write
    do: { create: account, body: { name: "{name}", accountnumber: "{number}", marketcap: "{cap?}", versionnumber: "{version?}" } }
  account.rename:
    effect: write
    do: { update: account, etag: "{etag}", key: { accountid: "{id}" }, body: { name: "{name}" } }
  account.remove:
    effect: write
    do: { delete: account, key: { accountid: "{id}" } }
  names.check:
    effect: read
    do: { metadata: check }
"#,
    );
    file
}

#[test]
fn accounts_by_their_guids() {
    let mut actions = ACTIONS.to_vec();
    actions.push("names.check");
    let fixture = Fixture::start(|cap| vec![("crm", system(cap))], &actions);
    let names = fixture.good("crm", "names.check", &json!({}));
    assert_eq!(names, json!({ "entities": 1, "problems": [] }));

    let mut made = Vec::new();
    for number in 0..5 {
        let account = json!({ "name": format!("A{number}"), "number": format!("N{number}"), "cap": 12345.6789, "version": 9007199254740993_u64 });
        made.push(fixture.good("crm", "account.create", &account));
    }
    assert_eq!(
        (&made[0]["cap"], &made[0]["version"]),
        (&json!("12345.6789"), &json!("9007199254740993")),
        "every digit"
    );
    let id = made[0]["id"].clone();
    fixture.bad(
        "crm",
        "account.get",
        &json!({ "id": "1 or true" }),
        "invalid-input",
        "expected a GUID",
    );

    let rename = |etag: &Value, name: &str| json!({ "id": id, "etag": etag, "name": name });
    let renamed = fixture.good("crm", "account.rename", &rename(&made[0]["etag"], "B"));
    assert_eq!(renamed["name"], "B", "return=representation");
    fixture.bad(
        "crm",
        "account.rename",
        &rename(&made[0]["etag"], "C"),
        "conflict",
        "412",
    );

    let last = json!({ "id": made[4]["id"] });
    fixture.good("crm", "account.remove", &last);
    fixture.bad("crm", "account.get", &last, "not-found", "Not Found");

    let first = fixture.good("crm", "account.list", &json!({ "limit": 3 }));
    let rest = fixture.good(
        "crm",
        "account.list",
        &json!({ "limit": 3, "after": first["next"] }),
    );
    let numbers: Vec<_> = [&first, &rest]
        .iter()
        .flat_map(|page| {
            page["accounts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["number"].clone())
        })
        .collect();
    assert_eq!(numbers, ["N0", "N1", "N2", "N3"]);
}
