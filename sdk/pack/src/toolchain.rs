//! Which compiler on this machine makes wasm, and how it must be called. Looks, runs nothing but `rustc` for facts
//! about itself, and downloads nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PackError;

/// The target of all guests.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Where distributions put their compiler.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";

/// A compiler that works here.
#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    /// The compiler, where it is not the one cargo finds by itself.
    pub(crate) rustc: Option<PathBuf>,
    /// The linker, where the compiler brings none.
    pub(crate) linker: Option<PathBuf>,
    /// The standard library is compiled along, from its source.
    pub(crate) build_std: bool,
    /// Where the compiler keeps its libraries, for leaving paths out of the result.
    pub(crate) sysroot: PathBuf,
    /// One sentence for people.
    pub(crate) sentence: String,
    /// The compiler's whole version: `1.95.0 (59807616e 2026-04-14)`.
    pub(crate) version: String,
    /// Version of the LLVM in it, which its linker has too.
    pub(crate) llvm: String,
}

/// Chooses: the active toolchain if it has the target, else the distribution's, else says what to install.
pub(crate) fn choose() -> Result<Toolchain, PackError> {
    let active = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let facts = Facts::ask(&active);
    if let Some(facts) = facts.filter(Facts::has_target) {
        return Ok(Toolchain {
            sentence: format!(
                "compiling with rustc {} and its installed target {TARGET}",
                facts.release
            ),
            rustc: None,
            linker: None,
            build_std: false,
            sysroot: facts.sysroot,
            version: facts.version,
            llvm: facts.llvm_version,
        });
    }
    let system = Facts::ask(&SYSTEM_RUSTC.into())
        .ok_or_else(|| nothing_works("found no compiler with the target"))?;
    let linker = find_linker(&system.llvm).ok_or_else(|| {
        nothing_works(&format!(
            "found {SYSTEM_RUSTC} {} and no linker for wasm of LLVM {}",
            system.release, system.llvm
        ))
    })?;
    let build_std = !system.has_target();
    if build_std && !system.has_library_source() {
        return Err(nothing_works(&format!(
            "found {SYSTEM_RUSTC} {} without the standard library's source",
            system.release
        )));
    }
    let how = if build_std {
        "the standard library compiled from its source"
    } else {
        "its installed target"
    };
    Ok(Toolchain {
        sentence: format!(
            "compiling with {SYSTEM_RUSTC} {}, {how}, and {}",
            system.release,
            linker.display()
        ),
        rustc: Some(SYSTEM_RUSTC.into()),
        linker: Some(linker),
        build_std,
        sysroot: system.sysroot,
        version: system.version,
        llvm: system.llvm_version,
    })
}

fn nothing_works(found: &str) -> PackError {
    PackError::Toolchain(format!(
        "{found}, expected a Rust compiler for {TARGET}. Run `rustup target add {TARGET}`; or, on Debian, run `apt-get install --no-install-recommends rustc-web rust-web-src lld-N` with N the LLVM version that `{SYSTEM_RUSTC} -vV` names"
    ))
}

/// What a compiler says of itself.
struct Facts {
    sysroot: PathBuf,
    release: String,
    version: String,
    /// Major version.
    llvm: String,
    llvm_version: String,
}

impl Facts {
    fn ask(rustc: &OsString) -> Option<Self> {
        let answer = |arguments: &[&str]| {
            let output = Command::new(rustc)
                .args(arguments)
                .output()
                .ok()
                .filter(|output| output.status.success())?;
            String::from_utf8(output.stdout).ok()
        };
        let version = answer(&["-vV"])?;
        let line = |name: &str| {
            version
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        Some(Self {
            sysroot: answer(&["--print", "sysroot"])?.trim().into(),
            release: line("release:"),
            version: line("rustc "),
            llvm_version: line("LLVM version:"),
            llvm: line("LLVM version:")
                .split('.')
                .next()
                .unwrap_or_default()
                .to_owned(),
        })
    }

    fn has_target(&self) -> bool {
        let libraries = self.sysroot.join("lib/rustlib").join(TARGET).join("lib");
        std::fs::read_dir(libraries).is_ok_and(|files| {
            files
                .filter_map(Result::ok)
                .any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
        })
    }

    fn has_library_source(&self) -> bool {
        self.sysroot
            .join("lib/rustlib/src/rust/library/std/Cargo.toml")
            .is_file()
    }
}

/// `wasm-ld` of the compiler's LLVM first: an older one may not read its objects.
fn find_linker(llvm: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = [
        format!("wasm-ld-{llvm}"),
        format!("lld-{llvm}"),
        "rust-lld".to_owned(),
        "wasm-ld".to_owned(),
    ];
    let in_version = [PathBuf::from(format!("/usr/lib/llvm-{llvm}/bin"))];
    names.iter().find_map(|name| {
        folders
            .iter()
            .chain(&in_version)
            .map(|folder| folder.join(name))
            .find(|file| is_program(file))
    })
}

fn is_program(file: &Path) -> bool {
    file.is_file()
}
