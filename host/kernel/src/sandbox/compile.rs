//! Compiling in a child process: a component that makes the compiler run wild harms only the child.
//!
//! The child gets the component on standard input and an empty environment, limits its own memory and processor time,
//! and writes native code to standard output. The parent bounds the time and the size of what it reads.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::engine::compiling;
use crate::limits;

/// The child's word that the component is at fault.
const REFUSED: i32 = 2;
/// The child's word that the machine is at fault.
const UNABLE: i32 = 3;
/// What is kept of the child's standard error, bytes.
const WORDS: u64 = 4 << 10;

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    #[error(
        "the compiling child {0} could not be run: {1}; check that the host's executable is in place"
    )]
    Start(String, std::io::Error),
    #[error("it does not compile: {0}; the adapter's vendor must mend it")]
    Refused(String),
    #[error("the compiling child could not work: {0}")]
    Unable(String),
    #[error(
        "compiling it took more than {memory} MiB or {seconds} s and was stopped ({0}); the adapter's vendor must make it smaller",
        memory = limits::COMPILE_MEMORY / limits::MIB,
        seconds = limits::COMPILE_CPU.as_secs()
    )]
    Limits(String),
}

/// Compiles a component to native code of this machine.
pub(super) async fn compile(
    child: &(PathBuf, Vec<String>),
    component: Arc<[u8]>,
) -> Result<Vec<u8>, CompileError> {
    let (program, arguments) = child;
    let start = |error| CompileError::Start(program.display().to_string(), error);
    let mut process = Command::new(program)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let mut stdin = process.stdin.take();
    let write = async {
        if let Some(stdin) = &mut stdin {
            // A child that ends early closes the pipe; its status says why.
            let _ = stdin.write_all(&component).await;
        }
        drop(stdin.take());
    };
    let code = read(process.stdout.take(), limits::COMPILED_BYTES as u64 + 1);
    let words = read(process.stderr.take(), WORDS);
    let all = async {
        let ((), code, words) = tokio::join!(write, code, words);
        if code.len() > limits::COMPILED_BYTES {
            let _ = process.start_kill();
        }
        (code, words, process.wait().await)
    };
    let Ok((code, words, status)) = tokio::time::timeout(limits::COMPILE_TIME, all).await else {
        return Err(CompileError::Limits(format!(
            "it did not end within {} s",
            limits::COMPILE_TIME.as_secs()
        )));
    };
    if code.len() > limits::COMPILED_BYTES {
        return Err(CompileError::Limits(format!(
            "its code is larger than {} MiB",
            limits::COMPILED_BYTES >> 20
        )));
    }
    judge(status.map_err(start)?, code, &words)
}

fn judge(status: ExitStatus, code: Vec<u8>, words: &[u8]) -> Result<Vec<u8>, CompileError> {
    let words = String::from_utf8_lossy(words).trim().replace('\n', "; ");
    match status.code() {
        Some(0) if !code.is_empty() => Ok(code),
        Some(REFUSED) => Err(CompileError::Refused(words)),
        Some(UNABLE) => Err(CompileError::Unable(words)),
        // Out of memory aborts, out of processor time is a signal.
        None => Err(CompileError::Limits(format!("{status}"))),
        Some(_) => Err(CompileError::Unable(format!("{status}: {words}"))),
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error is judged by the child's status.
        let _ = pipe.take(most).read_to_end(&mut bytes).await;
    }
    bytes
}

/// Body of the compiling child: reads a component from standard input, writes native code to standard output,
/// under limits of memory and processor time that it sets for itself first. Returns the exit code.
#[must_use]
pub fn compile_child_main() -> i32 {
    let (code, words) = match compile_here() {
        Ok(()) => return 0,
        Err(failed) => failed,
    };
    // Without a reader of standard error the exit code alone must do.
    let _ = writeln!(std::io::stderr(), "{words}");
    code
}

fn compile_here() -> Result<(), (i32, String)> {
    let unable = |error: &dyn std::fmt::Display| (UNABLE, error.to_string());
    limit_myself().map_err(|error| unable(&error))?;
    let mut component = Vec::new();
    std::io::stdin()
        .take(limits::PACKAGE_BYTES + 1)
        .read_to_end(&mut component)
        .map_err(|error| unable(&error))?;
    if component.len() as u64 > limits::PACKAGE_BYTES {
        return Err((
            REFUSED,
            format!(
                "it is larger than {} MiB",
                limits::PACKAGE_BYTES / limits::MIB
            ),
        ));
    }
    let engine = wasmtime::Engine::new(&compiling()).map_err(|error| unable(&error))?;
    let code = engine
        .precompile_component(&component)
        .map_err(|error| (REFUSED, format!("{error:#}")))?;
    std::io::stdout()
        .write_all(&code)
        .map_err(|error| unable(&error))
}

fn limit_myself() -> rustix::io::Result<()> {
    let exactly = |most: u64| Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(Resource::As, exactly(limits::COMPILE_MEMORY))?;
    setrlimit(Resource::Cpu, exactly(limits::COMPILE_CPU.as_secs()))?;
    setrlimit(Resource::Core, exactly(0))?;
    setrlimit(Resource::Fsize, exactly(0))
}
