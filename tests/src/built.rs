//! The binary and the adapters, built once for all tests of a run, by the same commands a person would type.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the repository")
        .to_owned()
}

/// A folder for what this run's tests share and make, on the repository's disk.
pub fn scratch() -> PathBuf {
    let folder = root().join("target/tests");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The binary `tombolo` of this tree, which `cargo test --workspace` builds because its own tests need it.
///
/// # Panics
/// When a test finds it missing or older than its sources: a build of it alone would choose other features for its
/// dependencies and compile them all once more. A program of this package, and the tests on real servers, which are run
/// alone, build it by the workspace's own command.
pub fn tombolo() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        let myself = std::env::current_exe().unwrap();
        let folder = myself.parent().expect("a program lies in a folder");
        let is_test = folder.ends_with("deps");
        let profile = if is_test {
            folder.parent().expect("deps/ lies in target/PROFILE")
        } else {
            folder
        };
        let binary = profile.join("tombolo");
        if (!is_test || cfg!(feature = "real")) && !is_newer_than_its_sources(&binary) {
            build_binaries(profile.ends_with("release"));
        }
        assert!(
            is_newer_than_its_sources(&binary),
            "{} is missing or older than its sources; run `cargo test --workspace`, or `cargo build --workspace --bins --tests` first",
            binary.display()
        );
        binary
    });
    &BINARY
}

fn build_binaries(release: bool) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root())
        .args(["build", "--workspace", "--bins"])
        .args(release.then_some("--release"));
    assert!(cargo.status().unwrap().success(), "the host does not build");
}

fn is_newer_than_its_sources(binary: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let Some(built) = changed(binary) else {
        return false;
    };
    let sources = ["host", "sdk", "wit"]
        .into_iter()
        .flat_map(|folder| crate::site::files(&root().join(folder)));
    sources
        .filter(|file| {
            file.extension()
                .is_some_and(|kind| kind == "rs" || kind == "wit")
        })
        .all(|file| changed(&file).is_some_and(|at| at <= built))
}

/// An adapter of `plugins/` or of a test's folder, by its folder from the root: one `.wasm`.
pub fn adapter(folder: &str) -> PathBuf {
    static BUILT: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);
    let mut built = BUILT.lock().unwrap();
    built
        .entry(folder.to_owned())
        .or_insert_with(|| {
            let _one_at_a_time = lock("adapters");
            let built = tombolo_pack::build(&root().join(folder), &mut |_| {})
                .unwrap_or_else(|error| panic!("{folder} does not build: {error}"));
            let copy = scratch().join(format!(
                "{}-{}.wasm",
                folder.replace('/', "-"),
                std::process::id()
            ));
            fs::copy(&built.file, &copy).unwrap();
            copy
        })
        .clone()
}

/// Held while one of several test processes builds.
fn lock(name: &str) -> File {
    let file = File::create(scratch().join(format!("{name}.lock"))).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    file
}

/// Runs the binary to its end and returns its exit code, standard output and standard error.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let output = Command::new(tombolo())
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the binary prints UTF-8");
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}
