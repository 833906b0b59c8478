//! SAP's own server for OData, CAP, with a small ERP of ours in V4 and V2: `cap/` has its model, its rules and what is there
//! at the start. Each one begins alike, in memory unless it has to outlive being stopped.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tombolo_tests::built::root;

use super::{Process, folder, free_port, node, run};

/// The packages; `node` carries the Node 24 that CAP 10 wants.
const PACKAGES: [&str; 5] = [
    "@sap/cds@10.1.1",
    "@cap-js/sqlite@3.1.1",
    "@cap-js-community/odata-v2-adapter@1.15.10",
    "express@5.3.0",
    "node@24.21.0",
];

/// Who may do everything, and the password.
pub(crate) const CLERK: (&str, &str) = ("clerk", "clerk-password");
/// Who may sign in, and read items alone.
pub(crate) const VISITOR: (&str, &str) = ("visitor", "visitor-password");

/// A running server.
pub(crate) struct Cap {
    pub(crate) port: u16,
    pub(crate) process: Process,
    _folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Cap {
    /// Installs it if it is not there, and starts it.
    pub(crate) fn start() -> Self {
        Self::with(":memory:")
    }

    /// One that keeps its data on disk.
    pub(crate) fn kept() -> Self {
        Self::with("erp.sqlite")
    }

    fn with(database: &str) -> Self {
        let installed = node("cap", &PACKAGES);
        let folder = folder();
        for file in fs::read_dir(root().join("tests/real/servers/cap")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let modules = installed.join("node_modules");
        std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).unwrap();
        let port = free_port();
        let program = |name: &str| {
            let mut command = Command::new(modules.join("node/bin/node"));
            command
                .arg(modules.join("@sap/cds/bin").join(name))
                .env("cds_requires_db_credentials_url", database)
                .current_dir(folder.path());
            command
        };
        if database != ":memory:" {
            run(program("deploy.js").args(["--url", database]));
        }
        let mut command = program("serve.js");
        command
            .args(["all", "--port", &port.to_string()])
            .env("PORT", port.to_string());
        let process = Process::start(command, port, &folder.path().join("log"));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            port,
            process,
            _folder: folder,
            runtime,
        }
    }

    /// Asks it directly, as the clerk.
    pub(crate) fn get(&self, target: &str) -> Value {
        self.send("GET", target)
    }

    /// One of the entities of a V4 service, `API_SALES_ORDER_SRV/A_SalesOrder`, that fit a filter.
    pub(crate) fn entities(&self, set: &str, filter: &str) -> Vec<Value> {
        let filter = filter.replace(' ', "%20").replace('\'', "%27");
        let mark = if filter.is_empty() { "" } else { "?$filter=" };
        let answer = self.get(&format!("/sap/opu/odata4/sap/{set}{mark}{filter}"));
        answer["value"].as_array().unwrap().clone()
    }

    /// The requests since the last look: `POST /sap/...`, without queries.
    pub(crate) fn seen(&self) -> Vec<String> {
        let seen = self.get("/test/seen");
        let line = |request: &Value| {
            let url = request["url"].as_str().unwrap();
            let path = url.split('?').next().unwrap();
            format!("{} {path}", request["method"].as_str().unwrap())
        };
        let lines = seen.as_array().unwrap().iter().map(line);
        lines.filter(|line| !line.contains("/test/")).collect()
    }

    /// All sessions end, and their tokens with them.
    pub(crate) fn forget_sessions(&self) {
        self.send("POST", "/test/forget-sessions");
    }

    /// The next change is made, but its answer never arrives.
    pub(crate) fn lose_an_answer(&self) {
        self.send("POST", "/test/lose-an-answer");
    }

    /// What it printed.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    fn send(&self, method: &str, target: &str) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let pair = STANDARD.encode(format!("{}:{}", CLERK.0, CLERK.1));
        let request = client
            .request(
                method.parse().unwrap(),
                format!("http://127.0.0.1:{}{target}", self.port),
            )
            .header("authorization", format!("Basic {pair}"))
            .header("accept", "application/json");
        self.runtime.block_on(async {
            let text = request.send().await.unwrap().text().await.unwrap();
            serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{method} {target}: {error}: {text}"))
        })
    }
}
