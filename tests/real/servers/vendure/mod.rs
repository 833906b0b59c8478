//! Vendure 3.5 from npm on SQLite: a shop with two products, whose orders are placed by its own shop API.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use tombolo_tests::broker::program;

use super::client::Client;
use super::{Process, folder, free_port, installed, node, run};

const SHOP: &str = include_str!("shop.js");
const PRODUCTS: &str = include_str!("products.csv");

/// A running shop.
pub(crate) struct Vendure {
    pub(crate) process: Process,
    pub(crate) port: u16,
    /// The administrator's session.
    admin: String,
    _folder: TempDir,
}

impl Vendure {
    pub(crate) fn start() -> Self {
        let folder = folder();
        std::fs::copy(
            filled().join("shop.sqlite"),
            folder.path().join("shop.sqlite"),
        )
        .unwrap();
        let port = free_port();
        let mut command = shop(folder.path());
        command.env("SHOP_PORT", port.to_string());
        let process = Process::start(command, port, &folder.path().join("shop.log"));
        let mut vendure = Self {
            process,
            port,
            admin: String::new(),
            _folder: folder,
        };
        vendure.admin = vendure.login("superadmin", "superadmin-password");
        vendure
    }

    /// Asks the admin API as the superadmin.
    #[track_caller]
    pub(crate) fn admin(&self, query: &str, variables: &Value) -> Value {
        let client = self.client(Some(&self.admin));
        asked(&client, "/admin-api", query, variables).0
    }

    /// The session of a new administrator with the role `host`, for the integration host.
    pub(crate) fn token(&self) -> String {
        let roles = self.admin("{ roles { items { id code } } }", &json!({}));
        let roles = roles["roles"]["items"].as_array().unwrap().clone();
        let role = roles.iter().find(|role| role["code"] == "host").unwrap();
        let input = json!({ "firstName": "Host", "lastName": "Host", "emailAddress": "host@example.com", "password": "host-password",
            "roleIds": [role["id"]] });
        self.admin(
            "mutation($input: CreateAdministratorInput!) { createAdministrator(input: $input) { id } }",
            &json!({ "input": input }),
        );
        self.login("host@example.com", "host-password")
    }

    /// A customer orders so many of a variant, and pays; the order's code.
    pub(crate) fn order(&self, variant: &str, quantity: u32) -> String {
        let ask = |client: &Client, query: &str, variables: Value| {
            asked(client, "/shop-api", query, &variables)
        };
        let add = "mutation($id: ID!, $n: Int!) { it: addItemToOrder(productVariantId: $id, quantity: $n) { ... on Order { code } ... on ErrorResult { errorCode } } }";
        let (added, session) = ask(
            &self.client(None),
            add,
            json!({ "id": variant, "n": quantity }),
        );
        let code = added["it"]["code"].as_str().unwrap().to_owned();
        let client = self.client(session.as_deref());
        for step in [
            "setCustomerForOrder(input: { firstName: \"Anna\", lastName: \"Amsel\", emailAddress: \"anna@example.com\" })",
            "setOrderShippingAddress(input: { fullName: \"Anna Amsel\", streetLine1: \"Weg 1\", city: \"Ulm\", postalCode: \"89073\", countryCode: \"DE\" })",
            "setOrderShippingMethod(shippingMethodId: [\"1\"])",
            "transitionOrderToState(state: \"ArrangingPayment\")",
            "addPaymentToOrder(input: { method: \"invoice\", metadata: {} })",
        ] {
            let query = format!(
                "mutation {{ it: {step} {{ ... on ErrorResult {{ errorCode message }} }} }}"
            );
            let (done, _) = ask(&client, &query, json!({}));
            assert!(done["it"].get("errorCode").is_none(), "{step}: {done}");
        }
        code
    }

    fn login(&self, user: &str, password: &str) -> String {
        let query = "mutation($user: String!, $password: String!) { login(username: $user, password: $password) { __typename } }";
        let variables = json!({ "user": user, "password": password });
        let (_, session) = asked(&self.client(None), "/admin-api", query, &variables);
        session.expect("a session's token")
    }

    fn client(&self, session: Option<&str>) -> Client {
        let client = Client::new(&format!("http://127.0.0.1:{}", self.port));
        match session {
            Some(session) => client.with_header("authorization", &format!("Bearer {session}")),
            None => client,
        }
    }
}

/// The data that was answered, and a new session's token.
#[track_caller]
fn asked(client: &Client, path: &str, query: &str, variables: &Value) -> (Value, Option<String>) {
    let body = json!({ "query": query, "variables": variables });
    let answer = client.send("POST", path, &body);
    let session = answer.header("vendure-auth-token").map(str::to_owned);
    let json = answer.json();
    assert!(json.get("errors").is_none(), "{query}: {json}");
    (json["data"].clone(), session)
}

/// A database with the products, made once.
fn filled() -> PathBuf {
    installed("vendure-shop", &format!("{SHOP}{PRODUCTS}"), |folder| {
        run(shop(folder).arg("populate"));
    })
}

/// The shop's program, which keeps everything in the folder.
fn shop(folder: &Path) -> Command {
    let modules = node(
        "vendure",
        &["@vendure/core@3.5.7", "better-sqlite3@11.10.0"],
    );
    std::fs::write(folder.join("shop.js"), SHOP).unwrap();
    std::fs::write(folder.join("products.csv"), PRODUCTS).unwrap();
    let mut command = Command::new(program("node", &[], "nodejs"));
    command
        .arg(folder.join("shop.js"))
        .env("SHOP_MODULES", modules)
        .env("SHOP_FOLDER", folder);
    command
}
