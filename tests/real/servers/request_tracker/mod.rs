//! Request Tracker 5 of Debian's packages (`request-tracker5 rt5-db-sqlite rt5-standalone`), with database, configuration and
//! caches in a folder of the test's own: `RT_SITE_CONFIG` names the one, and that names the others.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use tombolo_tests::built::root;
use tombolo_tests::host::outliving_full_disks;

use super::client::Client;
use super::{Process, debian, folder, free_port, installed, run};

/// Signs what the Scrip posts, on both sides.
pub(crate) const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

const CONFIGURATION: &str = include_str!("RT_SiteConfig.pm");
const PEOPLE: &str = include_str!("people.initialdata");

/// A running server with two queues, `General` and `Repairs`.
pub(crate) struct RequestTracker {
    pub(crate) process: Process,
    pub(crate) port: u16,
    folder: TempDir,
}

impl RequestTracker {
    /// Starts it on `port`; its Scrip posts to `hook`, if there is one.
    pub(crate) fn start(port: u16, hook: &str) -> Self {
        debian(&["request-tracker5", "rt5-db-sqlite", "rt5-standalone"]);
        let folder = folder();
        let template = template();
        std::fs::copy(template.join("rt.db"), folder.path().join("rt.db")).unwrap();
        let server = "/usr/share/request-tracker5/libexec/rt-server";
        let mut command = outliving_full_disks(server);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--max-workers", "2"]);
        command.env("RT_TEST_PORT", port.to_string());
        command
            .env("RT_TEST_HOOK", hook)
            .env("RT_TEST_SECRET", SECRET);
        let log = folder.path().join("server.log");
        configured(&mut command, folder.path());
        let process = Process::start(command, port, &log);
        Self {
            process,
            port,
            folder,
        }
    }

    /// A port for one that is started later.
    pub(crate) fn port() -> u16 {
        free_port()
    }

    /// REST 2.0 as this user.
    pub(crate) fn user(&self, name: &str, password: &str) -> Client {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        Client::new(&format!("http://127.0.0.1:{}/REST/2.0", self.port))
            .with_header("authorization", &format!("Basic {pair}"))
    }

    /// REST 2.0 as the administrator.
    pub(crate) fn root(&self) -> Client {
        self.user("root", "password")
    }

    /// A token of the user `tombolo`, as the page "Auth Tokens" makes one.
    pub(crate) fn token(&self) -> String {
        let script = "use RT; RT::LoadConfig(); RT::Init(); \
             my $token = RT::AuthToken->new( RT->SystemUser ); \
             my ( $ok, $message, $text ) = $token->Create( Owner => RT::CurrentUser->new('tombolo')->id, Description => 'test' ); \
             die $message unless $ok; print $text;";
        let mut command = Command::new("perl");
        command.args(["-I/usr/share/request-tracker5/lib", "-e", script]);
        run(configured(&mut command, self.folder.path()))
    }
}

/// Makes a ticket as this user; its id.
#[track_caller]
pub(crate) fn ticket(client: &Client, body: &Value) -> String {
    let answer = client.send("POST", "/ticket", body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Writes on a ticket as this user.
#[track_caller]
pub(crate) fn correspond(client: &Client, ticket: &str, text: &str) {
    let body = json!({ "Content": text, "ContentType": "text/plain" });
    let answer = client.send("POST", &format!("/ticket/{ticket}/correspond"), &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// A database with the plugin's fields, group and Scrip and the tests' people, made once.
fn template() -> PathBuf {
    let plugin = root().join("plugins/request-tracker/rt/tombolo.initialdata");
    let edition = format!("{}{PEOPLE}", std::fs::read_to_string(&plugin).unwrap());
    installed("request-tracker", &edition, |folder| {
        let people = folder.join("people.initialdata");
        std::fs::write(&people, PEOPLE).unwrap();
        setup(folder, &["--action", "init"]);
        for file in [&plugin, &people] {
            let file = file.to_str().unwrap();
            setup(folder, &["--action", "insert", "--datafile", file]);
        }
    })
}

fn setup(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("/usr/sbin/rt-setup-database-5");
    run(configured(command.args(arguments), folder));
}

/// With its configuration in the folder, and none of Debian's.
fn configured<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let file = folder.join("RT_SiteConfig.pm");
    std::fs::write(&file, CONFIGURATION).unwrap();
    command
        .env("RT_SITE_CONFIG", file)
        .env("RT_SITE_CONFIG_DIR", folder.join("no-more"))
        .env("RT_TEST_FOLDER", folder)
}
