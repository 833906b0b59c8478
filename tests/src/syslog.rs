//! A real rsyslog on a loopback port, as Debian packages it, that writes what it read to a file.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::broker::{folder, program};
use crate::host::wait;

/// A file that rsyslog writes to, whether it runs or not.
pub struct Rsyslog {
    port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Rsyslog {
    /// One for this port, not started yet.
    pub fn stopped(port: u16) -> Self {
        let rsyslog = Self {
            port,
            folder: folder(),
            child: None,
        };
        let path = |name: &str| rsyslog.folder.path().join(name).display().to_string();
        let config = format!(
            "global(workDirectory=\"{}\" maxMessageSize=\"64k\")
module(load=\"imtcp\")
template(name=\"parsed\" type=\"string\" string=\"%pri%|%timereported:::date-rfc3339%|%app-name%|%msgid%|%structured-data%|%msg%\\n\")
input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")
*.* action(type=\"omfile\" file=\"{}\" template=\"parsed\")
",
            rsyslog.folder.path().display(),
            path("messages")
        );
        std::fs::write(path("rsyslog.conf"), config).unwrap();
        rsyslog
    }

    /// Starts it.
    pub fn start(&mut self) {
        let path = |name: &str| self.folder.path().join(name);
        let mut child = Command::new(program("rsyslogd", &["/usr/sbin"], "rsyslog"))
            .arg("-n")
            .arg("-f")
            .arg(path("rsyslog.conf"))
            .arg("-i")
            .arg(path("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait("rsyslog listens", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("rsyslog ended with {status}");
            }
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
        self.child = Some(child);
    }

    /// Stops it; what it read is in its file.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            child.wait().unwrap();
        }
    }

    /// What it wrote: `priority|time|program|kind|structured data|text`, a line each.
    pub fn messages(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("messages")).unwrap_or_default()
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
