//! Which systems are connected with what: connects those that are new or changed, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use tombolo_kernel::grant::Grant;
use tombolo_kernel::package::Signer;
use tombolo_kernel::system::{
    Candidate, ConnectError, SystemSpec, SystemState, SystemStatus, Systems,
};

use crate::core::Changes;
use crate::secrets::SecretSource;
use crate::site::{PackageShelf, Settings, SystemPlan, signature_file};

/// Systems that are connected at a time: loading is short, and mostly waits for the disk.
const CONNECTING: usize = 32;

/// A system with its secrets, and the fingerprint of it all.
pub(crate) type Ready = (SystemSpec, [u8; 32]);

/// Which systems are connected with what.
pub(crate) struct Connections {
    /// Packages that are checked already.
    pub(crate) shelf: Arc<parking_lot::Mutex<PackageShelf>>,
    started_with: Settings,
    in_force: parking_lot::Mutex<BTreeMap<String, [u8; 32]>>,
    /// What has, or had last, a share of the lanes.
    tried: parking_lot::Mutex<BTreeMap<String, [u8; 32]>>,
    files: parking_lot::Mutex<BTreeSet<PathBuf>>,
    unresolved: RwLock<BTreeMap<String, SystemStatus>>,
}

impl Connections {
    /// None yet.
    pub(crate) fn new(shelf: PackageShelf, started_with: Settings) -> Self {
        Self {
            shelf: Arc::new(parking_lot::Mutex::new(shelf)),
            started_with,
            in_force: parking_lot::Mutex::default(),
            tried: parking_lot::Mutex::default(),
            files: parking_lot::Mutex::default(),
            unresolved: RwLock::default(),
        }
    }

    /// Makes every system that is new or changed ready, side by side; they take calls once [`Systems::switch`] has
    /// them. One that fails stops no other.
    pub(crate) async fn prepare(
        &self,
        systems: &Arc<Systems>,
        plans: &BTreeMap<String, SystemPlan>,
        grants: &BTreeMap<String, Grant>,
        source: &SecretSource,
    ) -> (Changes, Vec<Candidate>) {
        let mut changes = Changes::default();
        *self.files.lock() = plans
            .values()
            .flat_map(|plan| [signature_file(&plan.adapter), plan.adapter.clone()])
            .collect();
        let mut due = Vec::new();
        let mut unresolved = BTreeMap::new();
        for (name, plan) in plans {
            match plan.resolve(source) {
                Err(error) => {
                    tracing::error!(system = %name, %error, "system is not connected: a secret is missing");
                    unresolved.insert(name.clone(), failed(plan, error.to_string()));
                    changes.waiting.push(name.clone());
                }
                Ok(spec) => {
                    let fingerprint = fingerprint(plan, &spec, grants.get(name));
                    if self.in_force.lock().get(name) != Some(&fingerprint) {
                        due.push((spec, grants.get(name).cloned(), fingerprint));
                    }
                }
            }
        }
        *self.unresolved.write() = unresolved;
        let mut candidates = Vec::with_capacity(due.len());
        let mut results = futures_util::stream::iter(due)
            .map(|(spec, grant, fingerprint)| async move {
                let name = spec.name.clone();
                let (digest, signer) = (spec.package.digest.clone(), spec.signer.clone());
                (
                    name,
                    (digest, signer),
                    fingerprint,
                    systems.prepare(spec, grant.as_ref()).await,
                )
            })
            .buffer_unordered(CONNECTING);
        while let Some((name, (digest, signer), fingerprint, result)) = results.next().await {
            if let (Ok(_), Signer::Allowed { found }) = (&result, &signer) {
                tracing::warn!(system = %name, %digest, %found, "system runs an adapter that no trusted publisher signed: its file says `unsigned: allow`");
            }
            let ready = self.note(name, &digest, fingerprint, result, &mut changes);
            candidates.extend(ready);
        }
        changes.connected.sort();
        changes.waiting.sort();
        (changes, candidates)
    }

    /// One with its secrets, and the fingerprint of it all, by a plan that is not the site's or is not for all lanes.
    ///
    /// # Errors
    /// A secret that cannot be had.
    pub(crate) fn ready(
        &self,
        plan: &SystemPlan,
        grant: &Grant,
        source: &SecretSource,
    ) -> Result<Ready, String> {
        let spec = plan.resolve(source).map_err(|error| error.to_string())?;
        let fingerprint = fingerprint(plan, &spec, Some(grant));
        Ok((spec, fingerprint))
    }

    /// Loads it and tries it. It takes calls once [`Systems`] are given it.
    ///
    /// # Errors
    /// Why it does not start.
    pub(crate) async fn prepare_one(
        &self,
        systems: &Systems,
        (spec, fingerprint): Ready,
        grant: &Grant,
    ) -> Result<(Candidate, [u8; 32]), String> {
        let candidate = systems.prepare(spec, Some(grant)).await;
        Ok((candidate.map_err(|error| error.to_string())?, fingerprint))
    }

    /// It is in force.
    pub(crate) fn put(&self, system: &str, fingerprint: [u8; 32]) {
        self.in_force.lock().insert(system.to_owned(), fingerprint);
    }

    /// It has a share of the lanes.
    pub(crate) fn tries(&self, system: &str, fingerprint: [u8; 32]) {
        self.tried.lock().insert(system.to_owned(), fingerprint);
    }

    /// Whether this very version was the last to have a share of the lanes.
    pub(crate) fn is_tried(&self, system: &str, fingerprint: &[u8; 32]) -> bool {
        self.tried.lock().get(system) == Some(fingerprint)
    }

    /// What had a share of the lanes is in force.
    pub(crate) fn promoted(&self, system: &str) {
        if let Some(fingerprint) = self.tried.lock().remove(system) {
            self.put(system, fingerprint);
        }
    }

    fn note(
        &self,
        name: String,
        digest: &str,
        fingerprint: [u8; 32],
        result: Result<Candidate, ConnectError>,
        changes: &mut Changes,
    ) -> Option<Candidate> {
        match result {
            Ok(candidate) => {
                tracing::debug!(system = %name, %digest, "system connected");
                self.in_force.lock().insert(name.clone(), fingerprint);
                changes.connected.push(name);
                return Some(candidate);
            }
            Err(ConnectError::HeldBack(held_back)) => {
                tracing::warn!(system = %name, %digest, reason = %held_back.message, "system held back");
                self.in_force.lock().insert(name.clone(), fingerprint);
                changes.waiting.push(name);
            }
            // Not noted as in force: the next reload tries again.
            Err(error) => {
                tracing::error!(system = %name, %digest, %error, "system could not start");
                changes.waiting.push(name);
            }
        }
        None
    }

    /// A system was stopped: the next reload connects it again, if it may start.
    pub(crate) fn forget(&self, system: &str) {
        self.in_force.lock().remove(system);
    }

    /// Adapter files that the site in force uses.
    pub(crate) fn files(&self) -> BTreeSet<PathBuf> {
        self.files.lock().clone()
    }

    /// Systems that wait for a secret.
    pub(crate) fn unresolved(&self) -> Vec<SystemStatus> {
        self.unresolved.read().values().cloned().collect()
    }

    /// Systems that the site no longer names: to be disconnected.
    pub(crate) fn all_but(&self, systems: &Systems, names: &BTreeSet<String>) -> Vec<String> {
        let mut in_force = self.in_force.lock();
        let gone: BTreeSet<String> = systems
            .status()
            .into_iter()
            .map(|status| status.system)
            .chain(in_force.keys().cloned())
            .filter(|name| !names.contains(name))
            .collect();
        for name in &gone {
            in_force.remove(name);
            tracing::info!(system = %name, "system disconnected");
        }
        gone.into_iter().collect()
    }

    /// What a reload cannot change.
    pub(crate) fn say_what_needs_a_restart(&self, settings: &Settings) {
        if settings.listen != self.started_with.listen || settings.data != self.started_with.data {
            tracing::warn!(
                "tombolo.yaml has another `listen` or `data` than the host started with; restart the host to use it"
            );
        }
    }
}

/// What decides whether a system must be connected anew: its file, its adapter, its grant, whether that is enough for
/// the site, and its secrets' values.
fn fingerprint(plan: &SystemPlan, spec: &SystemSpec, grant: Option<&Grant>) -> [u8; 32] {
    let unmet = grant.is_some_and(|grant| spec.review.unmet(grant).is_some());
    let grant = grant
        .and_then(|grant| serde_json::to_vec(grant).ok())
        .unwrap_or_default();
    let mut hash = Sha256::new()
        .chain_update(plan.fingerprint)
        .chain_update((grant.len() as u64).to_be_bytes())
        .chain_update(&grant)
        .chain_update([u8::from(unmet)]);
    for wish in &plan.secrets {
        let value = wish.slot.value(spec);
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value);
    }
    hash.finalize().into()
}

fn failed(plan: &SystemPlan, message: String) -> SystemStatus {
    let package = &plan.bare.package;
    SystemStatus {
        system: plan.bare.name.clone(),
        adapter: package.manifest.adapter.name.clone(),
        version: package.manifest.adapter.version.clone(),
        digest: package.digest.clone(),
        signer: plan.bare.signer.clone(),
        state: SystemState::Failed { message },
        expires_ms: None,
        running_since_ms: None,
        under_way: 0,
        instances: 0,
    }
}
