//! Notices that the site changed on disk, or that someone sent SIGHUP, and has it read again.
//!
//! Only the operator's files count: the store and what systems write beside them change all the time. A burst of
//! changes, as an editor or `git pull` makes it, is one reload.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc, watch};
use tombolo_flow::problem::Problem;

use crate::core::{Changes, Core};
use crate::host::told_to_stop;

/// Quiet time after a change before the site is read.
const QUIET: Duration = Duration::from_millis(200);
/// Reading begins after this even if changes keep coming.
const LONGEST: Duration = Duration::from_secs(3);
/// Problems of one failed reload that are logged one by one.
const SHOWN: usize = 20;

/// Watches one site. Made before the host says that it serves, so that no later change is missed.
pub(crate) struct SiteWatch {
    core: Arc<Core>,
    files: Arc<Mutex<Watched>>,
    watcher: Option<RecommendedWatcher>,
    changed: mpsc::Receiver<()>,
    hangup: Hangup,
    followed: BTreeSet<PathBuf>,
}

impl SiteWatch {
    /// Begins to watch.
    pub(crate) fn begin(core: Arc<Core>) -> Self {
        let (dirty, changed) = mpsc::channel(1);
        let files = Arc::new(Mutex::new(Watched::of(&core)));
        let grants = Arc::clone(&core.grants_changed);
        let watcher = watcher(&core.folder, &files, dirty, grants);
        let mut watch = Self {
            core,
            files,
            watcher,
            changed,
            hangup: Hangup::new(),
            followed: BTreeSet::new(),
        };
        watch.follow();
        watch
    }

    /// Reloads at every change and signal until the host stops.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            let why = tokio::select! {
                () = told_to_stop(&mut stopped) => return,
                () = self.hangup.recv() => {
                    tracing::info!("reloading the site: SIGHUP");
                    "SIGHUP"
                }
                Some(()) = self.changed.recv() => {
                    settle(&mut self.changed).await;
                    "its files changed"
                }
            };
            // Also where the rest of the site does not check: a certificate that ends does not wait for that.
            self.core.tls.renew();
            told(self.core.reload_for(why, "").await);
            *self.files.lock().unwrap_or_else(PoisonError::into_inner) = Watched::of(&self.core);
            self.follow();
        }
    }

    /// Follows folders that are new, and forgets those that are gone.
    fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let wanted = self
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .folders();
        for gone in self.followed.difference(&wanted) {
            // Its watch went with it.
            let _ = watcher.unwatch(gone);
        }
        for folder in wanted.difference(&self.followed) {
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::warn!(%error, folder = %folder.display(), "changes in this folder are not noticed; send SIGHUP or use the API to reload");
            }
        }
        self.followed = wanted;
    }
}

/// Waits until nothing has changed for a while.
async fn settle(changed: &mut mpsc::Receiver<()>) {
    let until = tokio::time::Instant::now() + LONGEST;
    while let Ok(Some(())) = tokio::time::timeout_at(
        (tokio::time::Instant::now() + QUIET).min(until),
        changed.recv(),
    )
    .await
    {}
    tracing::info!("reloading the site: its files changed");
}

fn told(result: Result<Changes, Vec<Problem>>) {
    match result {
        Ok(changes) => tracing::info!(
            connected = ?changes.connected,
            waiting = ?changes.waiting,
            disconnected = ?changes.disconnected,
            "the site is reloaded"
        ),
        Err(problems) => {
            tracing::error!(
                problems = problems.len(),
                "the site does not check; nothing has changed"
            );
            for problem in problems.iter().take(SHOWN) {
                tracing::error!(%problem, "problem in the site");
            }
        }
    }
}

/// The files whose change counts, beside those in the site's own folders.
#[derive(Debug, Default)]
struct Watched {
    folder: PathBuf,
    files: BTreeSet<PathBuf>,
}

impl Watched {
    fn of(core: &Core) -> Self {
        Self {
            folder: core.folder.clone(),
            files: (core.connections.files().into_iter())
                .chain(core.tls.files())
                .collect(),
        }
    }

    /// Whether a change of `path` can change the site.
    fn counts(&self, path: &Path) -> bool {
        if self.files.contains(path) {
            return true;
        }
        let Ok(inside) = path.strip_prefix(&self.folder) else {
            return false;
        };
        let mut parts = inside.iter().filter_map(|part| part.to_str());
        let ends = |file: &str, ending: &str| {
            Path::new(file)
                .extension()
                .is_some_and(|found| found == ending)
        };
        match (parts.next(), parts.next(), parts.next()) {
            (
                Some(
                    "tombolo.yaml" | "people.yaml" | "systems" | "grants" | "schedules"
                    | "reconciliations" | "flows" | "tables" | "adapters",
                ),
                None,
                None,
            ) => true,
            // Where a folder is mounted from a cluster's configuration, this link is what changes.
            (Some(_), Some("..data"), None) => true,
            (
                Some("systems" | "grants" | "schedules" | "reconciliations" | "flows"),
                Some(file),
                None,
            ) => !file.starts_with('.') && (ends(file, "yaml") || ends(file, "yml")),
            (Some("tables"), Some(file), None) => !file.starts_with('.') && ends(file, "csv"),
            // Also those that a system file named too early, and so are not in force.
            (Some("adapters"), Some(file), None) => ends(file, "wasm") || ends(file, "minisig"),
            _ => false,
        }
    }

    /// Folders to follow: each file's own, so that a file that is replaced is noticed too.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let parts = [
            "systems",
            "grants",
            "schedules",
            "reconciliations",
            "flows",
            "tables",
            "adapters",
        ]
        .map(|kind| self.folder.join(kind));
        let parents = self
            .files
            .iter()
            .filter_map(|file| file.parent().map(Path::to_owned));
        std::iter::once(self.folder.clone())
            .chain(parts)
            .chain(parents)
            .filter(|folder| folder.is_dir())
            .collect()
    }
}

fn watcher(
    folder: &Path,
    files: &Arc<Mutex<Watched>>,
    dirty: mpsc::Sender<()>,
    grants: Arc<Notify>,
) -> Option<RecommendedWatcher> {
    let files = Arc::clone(files);
    let made = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let counts = match event {
            Ok(event) => {
                let files = files.lock().unwrap_or_else(PoisonError::into_inner);
                !matches!(event.kind, EventKind::Access(_))
                    && (event.need_rescan() || event.paths.iter().any(|path| files.counts(path)))
            }
            Err(_) => true,
        };
        if counts {
            // Full means that a reload is due already.
            let _ = dirty.try_send(());
            // Files may go on changing for seconds, and a reload may compile for minutes; a revoked grant has no time.
            grants.notify_one();
        }
    });
    made.map_err(|error| tracing::warn!(%error, folder = %folder.display(), "changes of the site are not noticed; send SIGHUP or use the API to reload")).ok()
}

/// SIGHUP, where there is such a thing.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    #[cfg(unix)]
    fn new() -> Self {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        Self {
            signal: signal
                .map_err(|error| tracing::warn!(%error, "SIGHUP does not reload"))
                .ok(),
        }
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    async fn recv(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_operators_files_count() {
        let watched = Watched {
            folder: "/site".into(),
            files: BTreeSet::from(["/opt/adapters/sql.wasm".into()]),
        };
        let table = [
            ("/site/tombolo.yaml", true),
            ("/site/systems/erp.yaml", true),
            ("/site/systems", true),
            ("/site/flows/new.yml", true),
            ("/site/tables/intent.csv", true),
            ("/site/tables/notes.txt", false),
            ("/opt/adapters/sql.wasm", true),
            ("/opt/adapters/other.wasm", false),
            ("/site/adapters/new.wasm", true),
            ("/site/adapters/new.wasm.minisig", true),
            ("/site/systems/..data", true),
            ("/site/adapters/build.log", false),
            ("/site/systems/.erp.yaml.swp", false),
            ("/site/systems/notes.txt", false),
            ("/site/data/tombolo.db-wal", false),
            ("/site/erp.db", false),
            ("/site", false),
            ("/elsewhere/tombolo.yaml", false),
        ];
        for (path, counts) in table {
            assert_eq!(watched.counts(Path::new(path)), counts, "{path}");
        }
    }
}
