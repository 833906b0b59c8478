//! Servers of the tests' own: what they need is installed once into a cache folder, each is started on a free loopback
//! port in a temporary folder, and ended with the value that holds it. One test at a time has any.

pub(crate) mod cap;
pub(crate) mod client;
pub(crate) mod lossy;
pub(crate) mod mosquitto;
pub(crate) mod request_tracker;
pub(crate) mod synapse;
pub(crate) mod tryton;
mod turn;
pub(crate) mod vendure;

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tombolo_tests::broker::program;
use tombolo_tests::built::{root, scratch};
use tombolo_tests::host::wait;

/// Where installed software is kept between runs: `target/real`.
pub(crate) fn cache() -> PathBuf {
    let folder = root().join("target/real");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The folder `NAME` of the cache, made by `install` unless it is there whole. `edition` says what is installed: another
/// one is installed anew.
pub(crate) fn installed(name: &str, edition: &str, install: impl FnOnce(&Path)) -> PathBuf {
    // Before the lock: who has servers already may wait for it.
    turn::take();
    let lock = File::create(cache().join(format!("{name}.lock"))).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (folder, mark) = (
        cache().join(name),
        cache().join(format!("{name}.installed")),
    );
    if fs::read_to_string(&mark).is_ok_and(|found| found == edition) && folder.is_dir() {
        return folder;
    }
    let _ = fs::remove_file(&mark);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    install(&folder);
    fs::write(&mark, edition).unwrap();
    folder
}

/// A Python environment with these packages, such as `trytond==8.0.6`.
pub(crate) fn python(name: &str, packages: &[&str]) -> PathBuf {
    installed(name, &packages.join("\n"), |folder| {
        let python = program("python3", &[], "python3 python3-venv");
        run(Command::new(python).args(["-m", "venv"]).arg(folder));
        run(Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(packages));
    })
}

/// A Node folder with these packages, such as `express@5.1.0`, and below it `node_modules`.
pub(crate) fn node(name: &str, packages: &[&str]) -> PathBuf {
    installed(name, &packages.join("\n"), |folder| {
        fs::write(folder.join("package.json"), "{ \"private\": true }").unwrap();
        run(Command::new(program("npm", &[], "nodejs npm"))
            .args(["install", "--silent", "--no-audit", "--no-fund"])
            .args(packages)
            .current_dir(folder));
    })
}

/// That these packages of Debian are installed; each leaves its copyright (Debian's policy, 12.5).
///
/// # Panics
/// With the command that installs those that are missing.
pub(crate) fn debian(packages: &[&str]) {
    let there = |package: &&&str| Path::new("/usr/share/doc").join(package).is_dir();
    let missing: Vec<&str> = packages
        .iter()
        .filter(|package| !there(package))
        .copied()
        .collect();
    let missing = missing.join(" ");
    assert!(
        missing.is_empty(),
        "not installed: {missing}; `apt-get install --no-install-recommends {missing}`"
    );
}

/// Runs a command to its end.
///
/// # Panics
/// With what it printed, where it fails.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start ({error}); is it installed?"));
    assert!(
        output.status.success(),
        "{command:?} failed with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    turn::take();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A folder that goes with its value.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(scratch()).unwrap()
}

/// A server's process, ended with this value.
pub(crate) struct Process {
    command: Command,
    port: u16,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it with its output in `log`, in a group of its own, and waits until `port` listens.
    pub(crate) fn start(mut command: Command, port: u16, log: &Path) -> Self {
        use std::os::unix::process::CommandExt as _;
        turn::take();
        // Written by the test: a server whose disk is full can still say so.
        let (mut said, output) = std::io::pipe().unwrap();
        let mut kept = File::create(log).unwrap();
        std::thread::spawn(move || std::io::copy(&mut said, &mut kept));
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .process_group(0);
        let mut process = Self {
            child: spawned(&mut command),
            command,
            port,
            log: log.to_owned(),
        };
        process.listens();
        process
    }

    /// Ends it as a power cut would.
    pub(crate) fn stop(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Starts it as it was started, after [`Process::stop`], and waits until its port listens.
    pub(crate) fn again(&mut self) {
        self.child = spawned(&mut self.command);
        self.listens();
    }

    fn listens(&mut self) {
        let port = self.port;
        wait(&format!("a server on port {port}"), || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{:?} ended with {status}:\n{}", self.command, self.log());
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
    }

    /// What it printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Stops it in its tracks, or lets it go on: a server that hangs.
    pub(crate) fn hang(&self, hang: bool) {
        let signal = if hang {
            rustix::process::Signal::STOP
        } else {
            rustix::process::Signal::CONT
        };
        self.signal(signal);
    }

    /// From now on no file of it can grow, as on a full disk; or again as much as it likes.
    pub(crate) fn disk_is_full(&self, full: bool) {
        let limit = || rustix::process::Rlimit {
            current: full.then_some(0),
            maximum: None,
        };
        for member in self.group() {
            // One that ended in between has nothing to write.
            let _ =
                rustix::process::prlimit(Some(member), rustix::process::Resource::Fsize, limit());
        }
    }

    /// It and all that it started and is still there.
    fn group(&self) -> Vec<rustix::process::Pid> {
        let group = rustix::process::Pid::from_child(&self.child);
        let all = fs::read_dir("/proc").unwrap().flatten();
        let group = group.as_raw_nonzero().to_string();
        let members = all.filter(|entry| {
            // After the name in brackets: state, parent, group (proc_pid_stat(5)).
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let fields = stat.rsplit(") ").next().unwrap_or_default();
            fields.split(' ').nth(2) == Some(&*group)
        });
        let numbers = members.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter_map(rustix::process::Pid::from_raw).collect()
    }

    /// To it and all that it started.
    fn signal(&self, signal: rustix::process::Signal) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

fn spawned(command: &mut Command) -> Child {
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start ({error}); is it installed?"))
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.log.display(), self.log());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_by_its_package() {
        debian(&["dpkg"]);
        let told = std::panic::catch_unwind(|| debian(&["dpkg", "no-such-package"])).unwrap_err();
        let told = told.downcast_ref::<String>().unwrap();
        assert!(
            told.ends_with("`apt-get install --no-install-recommends no-such-package`"),
            "{told}"
        );
        let told = std::panic::catch_unwind(|| program("no-such-program", &[], "its-package"));
        let told = told.unwrap_err();
        let told = told.downcast_ref::<String>().unwrap();
        assert!(
            told.contains("no-such-program is not installed") && told.contains("its-package"),
            "{told}"
        );
    }
}
