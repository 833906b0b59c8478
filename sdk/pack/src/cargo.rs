//! Calls cargo: what is in the folder, and the compilation itself with a profile that does not depend on the
//! workspace it happens in.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::PackError;
use crate::build::Progress;
use crate::toolchain::{TARGET, Toolchain};

/// Lines of the compiler that an error repeats.
const KEPT_LINES: usize = 200;

/// The release profile of guests, whatever the workspace says. Level 2, not `s`: a guest is compiled to machine code
/// once and called often. Panics abort, since an instance that panicked is thrown away.
const PROFILE: &[(&str, &str)] = &[
    ("OPT_LEVEL", "2"),
    ("LTO", "fat"),
    ("CODEGEN_UNITS", "1"),
    ("PANIC", "abort"),
    ("STRIP", "symbols"),
    ("DEBUG", "false"),
    ("DEBUG_ASSERTIONS", "false"),
    ("OVERFLOW_CHECKS", "false"),
    ("INCREMENTAL", "false"),
];

/// What would change the result from outside: the caller's own flags, profile and wrappers.
const FOREIGN: &[&str] = &[
    "RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "CLIPPY_ARGS",
];

/// The package in an adapter's folder.
#[derive(Debug)]
pub(crate) struct Guest {
    /// The package's name.
    pub(crate) package: String,
    /// Its manifest.
    pub(crate) manifest: PathBuf,
    /// The workspace it belongs to, or its own folder.
    pub(crate) workspace: PathBuf,
    /// All that cargo knows of it and of what it depends on.
    pub(crate) metadata: Metadata,
}

/// What `cargo metadata` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) resolve: Resolve,
    workspace_root: PathBuf,
}

/// Which package depends on which.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// One package's dependencies.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<Dependency>,
}

/// One dependency, with what it is needed for: `null`, `dev`, `build`.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DependencyKind {
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// Where it is from; none for a folder of this machine.
    pub(crate) source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

impl Package {
    /// Whether this is the package of a `Cargo.toml`, given without links.
    pub(crate) fn is_at(&self, manifest: &Path) -> bool {
        self.manifest_path
            .canonicalize()
            .is_ok_and(|path| path == manifest)
    }
}

/// What a compilation made.
pub(crate) struct Compiled {
    /// The core module.
    pub(crate) module: PathBuf,
    /// Packages compiled into it, by cargo's ids.
    pub(crate) inside: BTreeSet<String>,
    /// Packages that were compiled for this machine: macros, and what they and build scripts need.
    pub(crate) tools: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Asks cargo what is in `dir`.
pub(crate) fn look(dir: &Path) -> Result<Guest, PackError> {
    let manifest = dir.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(PackError::Folder(format!(
            "found no Cargo.toml in {}, expected an adapter's crate: make one with `tombolo adapter new NAME`",
            dir.display()
        )));
    }
    let manifest = manifest
        .canonicalize()
        .map_err(PackError::file(&manifest, "finding it"))?;
    let output = Command::new(program())
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(&manifest)
        .output()
        .map_err(|error| {
            PackError::Toolchain(format!(
                "cargo cannot be started ({error}): install Rust from https://rustup.rs"
            ))
        })?;
    if !output.status.success() {
        return Err(PackError::Folder(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| {
        PackError::Toolchain(format!(
            "cargo's description of {} cannot be read: {error}",
            dir.display()
        ))
    })?;
    let here = metadata
        .packages
        .iter()
        .find(|package| package.is_at(&manifest));
    let package = here.ok_or_else(|| {
        PackError::Folder(format!(
            "found a workspace and no package in {}, expected an adapter's crate",
            dir.display()
        ))
    })?;
    if !package.targets.iter().any(|target| {
        target
            .kind
            .iter()
            .any(|kind| kind == "cdylib" || kind == "lib" || kind == "rlib")
    }) {
        return Err(PackError::Folder(format!(
            "found no library in the package `{}`, expected `src/lib.rs` and `[lib] crate-type = [\"cdylib\", \"rlib\"]`",
            package.name
        )));
    }
    Ok(Guest {
        package: package.name.clone(),
        manifest,
        workspace: metadata.workspace_root.clone(),
        metadata,
    })
}

/// Compiles the package's library for wasm and tells what the compiler wrote, and from what.
pub(crate) fn compile(
    guest: &Guest,
    toolchain: &Toolchain,
    target_folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Compiled, PackError> {
    let mut command = command(guest, toolchain, target_folder);
    let mut child = command.spawn().map_err(|error| {
        PackError::Toolchain(format!(
            "cargo cannot be started ({error}): install Rust from https://rustup.rs"
        ))
    })?;
    let messages = child.stdout.take();
    // Both pipes are read at once, or a full one would stop the compiler.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        messages
            .map_or(Ok(0), |mut pipe| pipe.read_to_string(&mut text))
            .map(|_| text)
    });
    let mut lines = std::collections::VecDeque::new();
    for line in child
        .stderr
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(|pipe| pipe.lines().map_while(Result::ok))
    {
        progress(Progress::Line(line.clone()));
        lines.push_back(line);
        if lines.len() > KEPT_LINES {
            lines.pop_front();
        }
    }
    let wait = |error: std::io::Error| PackError::Toolchain(format!("cargo broke off: {error}"));
    let status = child.wait().map_err(wait)?;
    let messages = reader
        .join()
        .unwrap_or_else(|_| Ok(String::new()))
        .map_err(wait)?;
    if !status.success() {
        return Err(PackError::Compile(Vec::from(lines).join("\n")));
    }
    let messages: Vec<Message> = messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|message: &Message| message.reason == "compiler-artifact")
        .collect();
    let module = wasm_file(&messages, &guest.manifest).ok_or_else(|| {
        PackError::Component(format!(
            "cargo compiled `{}` and wrote no .wasm: expected a library crate",
            guest.package
        ))
    })?;
    let (inside, others): (Vec<_>, Vec<_>) =
        messages.iter().partition(|message| is_for_wasm(message));
    let ids = |messages: Vec<&Message>| -> BTreeSet<String> {
        messages
            .iter()
            .map(|message| message.package_id.clone())
            .collect()
    };
    let inside = ids(inside);
    let tools = ids(others).difference(&inside).cloned().collect();
    Ok(Compiled {
        module,
        inside,
        tools,
    })
}

/// Cargo keeps what it compiles for a target in a folder of the target's name.
fn is_for_wasm(message: &Message) -> bool {
    message
        .filenames
        .iter()
        .any(|file| file.components().any(|part| part.as_os_str() == TARGET))
}

fn command(guest: &Guest, toolchain: &Toolchain, target_folder: &Path) -> Command {
    let mut command = Command::new(program());
    // `cargo rustc` makes only a cdylib of a crate that is an rlib too, without which there is no fat optimization.
    command
        .args([
            "rustc",
            "--release",
            "--lib",
            "--crate-type",
            "cdylib",
            "--target",
            TARGET,
        ])
        .args([
            "--message-format",
            "json-render-diagnostics",
            "--color",
            "never",
            "--manifest-path",
        ])
        .arg(&guest.manifest)
        .arg("--target-dir")
        .arg(target_folder)
        .current_dir(&guest.workspace)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in FOREIGN {
        command.env_remove(name);
    }
    for (name, value) in PROFILE {
        command.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
    if toolchain.build_std {
        command
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC_BOOTSTRAP", "1");
    }
    if let Some(rustc) = &toolchain.rustc {
        command.env("RUSTC", rustc);
    }
    if let Some(linker) = &toolchain.linker {
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    command.env(
        "CARGO_ENCODED_RUSTFLAGS",
        flags(guest, toolchain).join("\u{1f}"),
    );
    command
}

/// Paths of this machine become the same words everywhere: panics carry them into the result.
fn flags(guest: &Guest, toolchain: &Toolchain) -> Vec<String> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let cargo_home =
        std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut known = vec![
        (toolchain.sysroot.join("lib/rustlib/src/rust"), "/rust"),
        (cargo_home, "/cargo"),
        (guest.workspace.clone(), "/adapter"),
    ];
    // A registry's folder is named after where its files were loaded from, which a mirror changes. The last that fits
    // counts, so these come after what they lie in.
    known.extend(
        registry_folders(&guest.metadata)
            .into_iter()
            .map(|folder| (folder, "/registry")),
    );
    known
        .iter()
        .map(|(path, word)| format!("--remap-path-prefix={}={word}", path.display()))
        .collect()
}

/// The folders in which the sources of registries' packages lie, each in one of its own.
fn registry_folders(metadata: &Metadata) -> BTreeSet<PathBuf> {
    metadata
        .packages
        .iter()
        .filter(|package| {
            package
                .source
                .as_deref()
                .is_some_and(|source| !source.starts_with("git+"))
        })
        .filter_map(|package| Some(package.manifest_path.parent()?.parent()?.to_owned()))
        .collect()
}

fn wasm_file(messages: &[Message], manifest: &Path) -> Option<PathBuf> {
    messages
        .iter()
        .filter(|message| message.manifest_path == manifest)
        .filter(|message| {
            message
                .target
                .as_ref()
                .is_some_and(|target| target.kind.iter().any(|kind| kind == "cdylib"))
        })
        .flat_map(|message| &message.filenames)
        .find(|file| {
            file.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .cloned()
}
