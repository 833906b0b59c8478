//! Database servers of the tests' own: on a free loopback port, in a temporary folder, as a user that is not root,
//! ended with the test by their own process. Where a program is not installed, a line says so and the test ends.

#![allow(clippy::print_stdout, reason = "a test that cannot run says so")]

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(super) struct Server {
    pub(super) port: u16,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program in the usual places, or nothing after a line that says so.
fn program(name: &str, folders: &[&str]) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let path = std::env::var("PATH").unwrap_or_default();
    let found = versions
        .chain(folders.iter().map(PathBuf::from))
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        println!("SKIPPED: {name} is not installed; install it to run this test");
    }
    found
}

/// As `user` where the tests run as root, which these servers refuse. The process is the server itself, with no helper
/// in between that would keep it from being ended.
fn command(program: &Path, user: &str) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        let (uid, gid) = ids(user);
        command.uid(uid).gid(gid);
    }
    command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A user's ids by passwd(5): name, password, uid, gid...
fn ids(user: &str) -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = users
        .lines()
        .map(|line| line.split(':').collect())
        .find(|fields: &Vec<&str>| fields[0] == user)
        .unwrap();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder that `user` may write.
fn folder(user: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    if is_root() {
        let (uid, gid) = ids(user);
        std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).unwrap();
    }
    folder
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Waits until it takes connections, or fails when it ended.
async fn started(mut child: Child, port: u16, folder: tempfile::TempDir) -> Server {
    for _ in 0..1_200 {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the server ended at once: {status}");
        }
        if tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_ok()
        {
            return Server {
                port,
                child,
                _folder: folder,
            };
        }
        tokio::time::sleep(Duration::from_millis(50)).await; // reason: a server says by nothing else that it is there
    }
    panic!("the server does not take connections");
}

/// PostgreSQL with the user `app` and the password `hush-hush`.
pub(super) async fn postgres() -> Option<Server> {
    let (initdb, postgres) = (program("initdb", &[])?, program("postgres", &[])?);
    let folder = folder("postgres");
    let data = folder.path().join("data");
    let secret = folder.path().join("password");
    std::fs::write(&secret, "hush-hush").unwrap();
    let made = command(&initdb, "postgres")
        .args([
            "--username=app",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ])
        .arg(format!("--pwfile={}", secret.display()))
        .arg("-D")
        .arg(&data)
        .status()
        .unwrap();
    assert!(made.success(), "initdb failed: {made}");
    let port = free_port();
    let child = command(&postgres, "postgres")
        .arg("-D")
        .arg(&data)
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-c",
            "fsync=off",
            "-c",
        ])
        .arg(format!(
            "unix_socket_directories={}",
            folder.path().display()
        ))
        .spawn()
        .unwrap();
    Some(started(child, port, folder).await)
}

/// MariaDB with the user `app`, the password `hush-hush` and the database `erp`.
pub(super) async fn mariadb() -> Option<Server> {
    let (install, mariadbd) = (
        program("mariadb-install-db", &["/usr/bin"])?,
        program("mariadbd", &["/usr/sbin"])?,
    );
    let folder = folder("mysql");
    let data = folder.path().join("data");
    let init = folder.path().join("init.sql");
    std::fs::write(&init, "CREATE DATABASE erp CHARACTER SET utf8mb4;\nCREATE USER app@'127.0.0.1' IDENTIFIED BY 'hush-hush';\nGRANT ALL ON erp.* TO app@'127.0.0.1';\n").unwrap();
    let made = command(&install, "mysql")
        .args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ])
        .arg(format!("--datadir={}", data.display()))
        .status()
        .unwrap();
    assert!(made.success(), "mariadb-install-db failed: {made}");
    let port = free_port();
    let child = command(&mariadbd, "mysql")
        .args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
        ])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--port={port}"))
        .arg(format!("--socket={}", folder.path().join("s").display()))
        .arg(format!(
            "--pid-file={}",
            folder.path().join("pid").display()
        ))
        .arg(format!("--init-file={}", init.display()))
        .spawn()
        .unwrap();
    Some(started(child, port, folder).await)
}
