//! A site folder of the test's own, written file by file or copied from a scenario.

use std::fs;
use std::path::{Path, PathBuf};

use crate::built::{run, scratch};
use crate::publisher;

/// The token that every test site gives all rights to.
pub const TOKEN: &str = "test-token-0123456789";
/// The variable that holds it.
pub const TOKEN_VARIABLE: &str = "TOMBOLO_TOKEN";

/// A site that is removed with this value.
pub struct TestSite {
    folder: tempfile::TempDir,
}

impl TestSite {
    /// A site with one token and a free port, without systems.
    pub fn new() -> Self {
        let site = Self {
            folder: tempfile::tempdir_in(scratch()).unwrap(),
        };
        // Tests look more often than people.
        site.write("tombolo.yaml", &format!("listen: 127.0.0.1:0\ndata: data\ntokens: [{{ name: test, token: \"env:TOMBOLO_TOKEN\", may: [operate, publish, answer] }}]\naccess: {{ rate: 10000/s }}\n{}", publisher::publishers()));
        site
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes one file.
    pub fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Copies an adapter in as `adapters/NAME.wasm`, signed.
    pub fn adapter(&self, name: &str, file: &Path) -> &Self {
        self.adapter_bytes(name, &fs::read(file).unwrap())
    }

    /// Writes an adapter's bytes as `adapters/NAME.wasm`, signed if they are one.
    pub fn adapter_bytes(&self, name: &str, bytes: &[u8]) -> &Self {
        match publisher::sign(bytes) {
            Some(signature) => self.adapter_signed(name, bytes, &signature),
            None => self.adapter_unsigned(name, bytes),
        }
    }

    /// Writes an adapter's bytes with this signature.
    pub fn adapter_signed(&self, name: &str, bytes: &[u8], signature: &str) -> &Self {
        self.adapter_unsigned(name, bytes)
            .write(&format!("adapters/{name}.wasm.minisig"), signature)
    }

    /// Writes an adapter's bytes; one that has a signature keeps it.
    pub fn adapter_unsigned(&self, name: &str, bytes: &[u8]) -> &Self {
        let folder = self.path().join("adapters");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.wasm")), bytes).unwrap();
        self
    }

    /// Copies every file below `from`, with `{{NAME}}` replaced by its value, `{{PUBLISHER}}` by the publisher's key.
    pub fn copy(&self, from: &Path, values: &[(String, String)]) -> &Self {
        for file in files(from) {
            let mut text = fs::read_to_string(&file).unwrap();
            text = text.replace("{{PUBLISHER}}", &publisher::key());
            for (name, value) in values {
                text = text.replace(&format!("{{{{{name}}}}}"), value);
            }
            self.write(file.strip_prefix(from).unwrap().to_str().unwrap(), &text);
        }
        self
    }

    /// Runs a subcommand with `--site`; returns exit code, output, errors.
    pub fn tombolo(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut all = arguments.to_vec();
        all.extend(["--site", self.path().to_str().unwrap()]);
        run(&all, &[(TOKEN_VARIABLE, TOKEN)])
    }

    /// Approves a system as a reviewer would.
    pub fn approve(&self, system: &str) -> &Self {
        let (code, out, err) = self.tombolo(&[
            "grant", "approve", system, "--by", "rita", "--reason", "test",
        ]);
        assert_eq!(code, 0, "{system} could not be approved:\n{out}{err}");
        self
    }
}

impl Default for TestSite {
    fn default() -> Self {
        Self::new()
    }
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
