//! Mosquitto, of Debian's package, as a plant runs it: who publishes has a password, messages have a greatest size, and what
//! waits for a listener is kept on disk. On a second port anybody may listen: so tests look at what it has.

use std::process::Command;

use tombolo_tests::broker::program;

use super::{Process, folder, free_port, run};

/// Who may publish, and the password.
pub(crate) const GATEWAY: (&str, &str) = ("gateway", "gateway-password");
/// The greatest payload that it takes, bytes.
pub(crate) const LARGEST: usize = 4_096;

/// A running broker.
pub(crate) struct Mosquitto {
    pub(crate) process: Process,
    /// For whom has a password.
    pub(crate) port: u16,
    /// For the tests' own clients.
    pub(crate) open_port: u16,
    _folder: tempfile::TempDir,
}

impl Mosquitto {
    pub(crate) fn start() -> Self {
        let (folder, port, open_port) = (folder(), free_port(), free_port());
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (user, password) = GATEWAY;
        let passwords = program("mosquitto_passwd", &["/usr/bin"], "mosquitto");
        run(Command::new(passwords).args(["-b", "-c", &at("passwords"), user, password]));
        // A broker that is started by root becomes another user unless it is told to stay.
        let root = rustix::process::geteuid().is_root();
        let user = if root { "user root" } else { "" };
        let (data, passwords) = (folder.path().display(), at("passwords"));
        std::fs::write(
            at("mosquitto.conf"),
            format!(
                "per_listener_settings true\n{user}\nmessage_size_limit {LARGEST}\n\
                 persistence true\npersistence_location {data}/\nautosave_on_changes true\nautosave_interval 1\n\
                 listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n\
                 listener {open_port} 127.0.0.1\nallow_anonymous true\n"
            ),
        )
        .unwrap();
        let mut command = Command::new(program("mosquitto", &["/usr/sbin"], "mosquitto"));
        command.arg("-c").arg(at("mosquitto.conf"));
        let process = Process::start(command, port, &folder.path().join("mosquitto.log"));
        Self {
            process,
            port,
            open_port,
            _folder: folder,
        }
    }
}
