//! The host's process, started and killed many times. Who talks to it asks here where it listens now.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::watch;
use tombolo_tests::built::tombolo;
use tombolo_tests::site::{TOKEN, TOKEN_VARIABLE};

use crate::site::{AMQP_PASSWORD, HOOK_TOKEN, HOOK_TOKEN_VARIABLE};
use crate::syncs::Syncs;

/// How long a start may take: far above what it takes.
const STARTING: Duration = Duration::from_secs(60);
/// The signal that nothing can catch.
const SIGKILL: i32 = 9;
/// All of its log, in the site's folder.
const LOG: &str = "host.log";
/// Lines of its log that are kept for who asks why.
const LAST_WORDS: usize = 10;

/// The host, alive or not.
pub(crate) struct Host {
    site: PathBuf,
    life: Mutex<Option<Life>>,
    address: Arc<watch::Sender<Option<SocketAddr>>>,
    log: Arc<Mutex<VecDeque<String>>>,
    pub(crate) client: reqwest::Client,
}

/// One process.
struct Life {
    child: Child,
    /// It may end by itself, at a sync.
    is_armed: bool,
    ended: watch::Receiver<bool>,
}

impl Host {
    pub(crate) fn new(site: &Path) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            site: site.to_owned(),
            life: Mutex::new(None),
            address: Arc::new(watch::Sender::new(None)),
            log: Arc::default(),
            client,
        }
    }

    /// Starts the process; it may be killed before it listens. With a position, it ends at that sync.
    pub(crate) fn spawn(&self, sync: Option<(&Syncs, i64)>) -> anyhow::Result<()> {
        let mut command = Command::new(tombolo());
        command
            .arg("serve")
            .arg(&self.site)
            .env(TOKEN_VARIABLE, TOKEN)
            .env(HOOK_TOKEN_VARIABLE, HOOK_TOKEN)
            .env(AMQP_PASSWORD.0, AMQP_PASSWORD.1)
            .env("TOMBOLO_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some((syncs, position)) = sync {
            syncs.arm(&mut command, position);
        }
        let mut child = command.spawn().context("cannot start the host")?;
        let lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        let (address, log) = (Arc::clone(&self.address), Arc::clone(&self.log));
        let mut whole = File::options()
            .create(true)
            .append(true)
            .open(self.site.join(LOG))?;
        let (end, ended) = watch::channel(false);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(found) = tombolo_tests::host::listening(&line) {
                    address.send_replace(Some(found));
                }
                // For who looks into a site that was kept.
                let _ = writeln!(whole, "{line}");
                let mut log = log.lock().unwrap();
                log.push_back(line);
                if log.len() > LAST_WORDS {
                    log.pop_front();
                }
            }
            end.send_replace(true);
        });
        *self.life.lock().unwrap() = Some(Life {
            child,
            is_armed: sync.is_some(),
            ended,
        });
        Ok(())
    }

    /// Waits until the process ends by itself.
    pub(crate) async fn ended(&self) {
        let ended = self
            .life
            .lock()
            .unwrap()
            .as_ref()
            .map(|life| life.ended.clone());
        if let Some(mut ended) = ended {
            // A reader of its log that is gone is the end, too.
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }

    /// Waits until it listens.
    pub(crate) async fn listens(&self) -> anyhow::Result<()> {
        let mut address = self.address.subscribe();
        match tokio::time::timeout(STARTING, address.wait_for(Option::is_some)).await {
            Ok(_) => Ok(()),
            Err(_) => bail!(
                "the host does not listen after {} s:\n{}",
                STARTING.as_secs(),
                self.last_words()
            ),
        }
    }

    /// SIGKILL; the process is gone, and all it wrote was read, when it returns. Says whether it had ended at its sync.
    pub(crate) async fn kill(&self) -> anyhow::Result<bool> {
        let Some(mut life) = self.life.lock().unwrap().take() else {
            return Ok(false);
        };
        let ended = life.child.try_wait()?;
        if let Some(status) = ended
            && !(life.is_armed && status.signal() == Some(SIGKILL))
        {
            bail!(
                "the host ended by itself with {status}:\n{}",
                self.last_words()
            );
        }
        life.child.kill()?;
        life.child.wait()?;
        let _ = life.ended.wait_for(|ended| *ended).await;
        self.address.send_replace(None);
        Ok(ended.is_some())
    }

    /// Kills it, whatever it did.
    pub(crate) fn end(&self) {
        if let Some(mut life) = self.life.lock().unwrap().take() {
            let _ = life.child.kill();
            let _ = life.child.wait();
        }
        self.address.send_replace(None);
    }

    /// Where it listens, as soon as it does.
    pub(crate) async fn address(&self) -> SocketAddr {
        let mut address = self.address.subscribe();
        loop {
            if let Some(found) = *address.borrow_and_update() {
                return found;
            }
            // The sender lives as long as this value.
            let _ = address.changed().await;
        }
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log.lock().unwrap();
        log.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.end();
    }
}
