//! Brokers of the tests' own: the programs of Debian's packages on free loopback ports in temporary folders, ended with
//! the test. Where a package is missing the test fails and says which.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::built::scratch;
use crate::host::wait;

/// A broker that ends with this value.
pub struct Broker {
    pub port: u16,
    child: Child,
    /// The name server that an Erlang node leaves behind.
    epmd: Option<u16>,
    _folder: tempfile::TempDir,
}

impl Broker {
    /// MQTT 5 and 3.1.1.
    pub fn mosquitto() -> Self {
        let program = program("mosquitto", &["/usr/sbin"], "mosquitto");
        let folder = folder();
        let port = free_port();
        let config = folder.path().join("mosquitto.conf");
        // A broker that is started by root becomes this user unless it is told to stay.
        let user = if rustix::process::geteuid().is_root() {
            "user root\n"
        } else {
            ""
        };
        std::fs::write(
            &config,
            format!("listener {port} 127.0.0.1\nallow_anonymous true\n{user}"),
        )
        .unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(config);
        Self::started(command, port, None, folder)
    }

    /// NATS with JetStream.
    pub fn nats() -> Self {
        let program = program("nats-server", &["/usr/sbin"], "nats-server");
        let folder = folder();
        let port = free_port();
        let mut command = Command::new(program);
        command
            .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
            .arg(folder.path());
        Self::started(command, port, None, folder)
    }

    /// AMQP 0.9.1.
    pub fn rabbitmq() -> Self {
        let program = program(
            "rabbitmq-server",
            &["/usr/lib/rabbitmq/bin"],
            "rabbitmq-server",
        );
        let folder = folder();
        let (port, distribution, epmd) = (free_port(), free_port(), free_port());
        let path = |name: &str| folder.path().join(name).into_os_string();
        let mut command = Command::new(program);
        command
            .env("HOME", folder.path())
            .env("RABBITMQ_NODENAME", format!("tombolo{port}@localhost"))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", port.to_string())
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", epmd.to_string())
            .env("RABBITMQ_MNESIA_BASE", path("db"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_PID_FILE", path("pid"))
            .env("RABBITMQ_CONFIG_FILE", path("none"))
            // Without a shell in between, which would outlive being killed.
            .env("RUNNING_UNDER_SYSTEMD", "true")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1");
        Self::started(command, port, Some(epmd), folder)
    }

    fn started(
        mut command: Command,
        port: u16,
        epmd: Option<u16>,
        folder: tempfile::TempDir,
    ) -> Self {
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut broker = Self {
            port,
            child,
            epmd,
            _folder: folder,
        };
        wait("the broker listens", || {
            if let Some(status) = broker.child.try_wait().unwrap() {
                panic!("the broker ended with {status}");
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        broker
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(port) = self.epmd {
            let _ = Command::new("epmd")
                .args(["-port", &port.to_string(), "-kill"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(scratch()).unwrap()
}

/// A port that nobody has.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A program of one of Debian's packages.
pub fn program(name: &str, folders: &[&str], package: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    folders
        .iter()
        .map(PathBuf::from)
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!("{name} is not installed; `apt-get install --no-install-recommends {package}`")
        })
}
