//! Tryton, installed from PyPI and seeded once; each test has a server of its own on a copy of the database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};
use tombolo_tests::host::{PATIENCE, wait};

use super::{Process, folder, free_port, installed, python, run};

const PACKAGES: &[&str] = &[
    "trytond==8.0.12",
    "proteus==8.0.0",
    "trytond_sale==8.0.5",
    "trytond_sale_opportunity==8.0.1",
    "trytond_purchase==8.0.3",
    "trytond_purchase_requisition==8.0.0",
    "trytond_stock==8.0.5",
    "trytond_stock_supply==8.0.0",
    "trytond_account_invoice==8.0.2",
];
const BOOTSTRAP: &str = include_str!("tryton/bootstrap.py");
const DATABASE: &str = "tryton";
/// The password of each user that has a key.
pub(crate) const PASSWORD: &str = "Brown7Fox!jumps";

/// A running server with the company that the bootstrap made.
pub(crate) struct Tryton {
    pub(crate) process: Process,
    port: u16,
    seed: Value,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Tryton {
    /// Starts one, and asks it once: the first request of a process reads all modules.
    pub(crate) fn start() -> Self {
        let program = python("tryton", PACKAGES).join("bin/trytond");
        let seeded = seeded();
        let folder = folder();
        let port = free_port();
        fs::copy(database(&seeded), database(folder.path())).unwrap();
        let config = configured(folder.path(), port);
        let mut command = Command::new(program);
        command.arg("-c").arg(config);
        let process = Process::start(command, port, &folder.path().join("trytond.log"));
        let seed = fs::read_to_string(seeded.join("seed.json")).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tryton = Self {
            process,
            port,
            seed: serde_json::from_str(&seed).unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                .build()
                .unwrap(),
            _folder: folder,
        };
        wait("Tryton answers", || {
            let (status, _) = tryton.send("tombolo", "GET", "party.party?s=1", None);
            (status == 200).then_some(())
        });
        tryton
    }

    /// What a connection is bound to.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/{DATABASE}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Stops it in its tracks, or lets it go on.
    pub(crate) fn hangs(&self, hangs: bool) {
        self.process.hang(hangs);
    }

    /// The key of a user: `tombolo`, `seller`, `storekeeper`, `clerk`.
    pub(crate) fn key(&self, user: &str) -> String {
        self.seed["keys"][user].as_str().unwrap().to_owned()
    }

    /// The id of a thing that the bootstrap made: `customer`, `widget`.
    pub(crate) fn id(&self, name: &str) -> String {
        self.seed[name].to_string()
    }

    /// Looks at the server directly: these fields of the records that meet a domain.
    pub(crate) fn look(&self, model: &str, domain: &Value, fields: &[&str]) -> Vec<Value> {
        let domain = URL_SAFE.encode(domain.to_string());
        let fields: String = fields.iter().map(|field| format!("&f={field}")).collect();
        let (status, records) = self.send(
            "tombolo",
            "GET",
            &format!("{model}?d={domain}{fields}"),
            None,
        );
        assert_eq!(status, 200, "{model}: {records}");
        records.as_array().unwrap().clone()
    }

    /// Does something directly, as the clerk would in the client.
    pub(crate) fn does(&self, method: &str, target: &str, body: &Value) -> Value {
        let (status, answer) = self.send("clerk", method, target, Some(body));
        assert_eq!(status, 200, "{method} {target}: {answer}");
        answer
    }

    fn send(&self, user: &str, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self
            .client
            .request(
                method.parse().unwrap(),
                format!("{}/rest/model/{target}", self.url()),
            )
            .bearer_auth(self.key(user))
            .header("content-type", "application/json")
            .header("x-tryton-context", URL_SAFE.encode(self.context()));
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.text().await.unwrap();
            (
                status,
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            )
        })
    }

    fn context(&self) -> String {
        json!({ "company": self.seed["company"], "active_test": false }).to_string()
    }
}

/// The folder of the seeded database and what is in it.
fn seeded() -> PathBuf {
    let program = python("tryton", PACKAGES);
    let edition = format!("{}\n{PASSWORD}\n{BOOTSTRAP}", PACKAGES.join("\n"));
    installed("tryton-seed", &edition, |folder| {
        fs::write(database(folder), "").unwrap();
        // Nobody logs in by it; Tryton wants one.
        fs::write(folder.join("password"), "Adm1n-Pass!word\n").unwrap();
        let config = configured(folder, free_port());
        run(Command::new(program.join("bin/trytond-admin"))
            .env("TRYTONPASSFILE", folder.join("password"))
            .arg("-c")
            .arg(&config)
            .args(["-d", DATABASE, "--all", "--email", "admin@company.example"]));
        let bootstrap = folder.join("bootstrap.py");
        fs::write(&bootstrap, BOOTSTRAP).unwrap();
        let seed = run(Command::new(program.join("bin/python"))
            .env("TRYTOND_CONFIG", &config)
            .arg(bootstrap)
            .args([DATABASE, PASSWORD]));
        fs::write(folder.join("seed.json"), seed).unwrap();
    })
}

fn database(folder: &Path) -> PathBuf {
    folder.join(format!("{DATABASE}.sqlite"))
}

fn configured(folder: &Path, port: u16) -> PathBuf {
    let config = folder.join("trytond.conf");
    let text = format!(
        "[database]\nuri = sqlite://\npath = {}\n[web]\nlisten = 127.0.0.1:{port}\n",
        folder.display()
    );
    fs::write(&config, text).unwrap();
    config
}
