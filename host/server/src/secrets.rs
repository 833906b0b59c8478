//! Secrets by reference: `env:NAME`, `file:PATH`, `age:NAME`. Parsing a reference reads nothing; [`SecretSource`]
//! resolves it in a separate step. No value ever enters a message, a log line or a `Debug` text.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tombolo_kernel::secret::Secret;
use zeroize::Zeroizing;

/// Largest file that holds a secret, bytes: a chain of certificates with its key fits.
const SECRET_FILE: u64 = 64 << 10;
/// Largest `age` file, bytes: thousands of secrets.
const AGE_FILE: u64 = 1 << 20;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretReference {
    /// An environment variable.
    Environment(String),
    /// A file, relative to the site's folder; one trailing newline is cut.
    File(PathBuf),
    /// A name in the site's `age` file.
    Age(String),
}

/// A text that is no reference. It holds nothing of the text, which may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "found a literal, expected a reference: `env:NAME`, `file:PATH` or `age:NAME`; keep the value out of the site's files"
)]
pub struct NotAReference;

impl SecretReference {
    /// Reads `env:NAME`, `file:PATH` or `age:NAME`.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        let is_word = |name: &str| {
            name.len() <= 200
                && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        };
        match text.split_once(':') {
            Some(("env", name))
                if is_word(name)
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') =>
            {
                Ok(Self::Environment(name.to_owned()))
            }
            Some(("file", path)) if !path.trim().is_empty() && !path.contains('\0') => {
                Ok(Self::File(PathBuf::from(path)))
            }
            Some(("age", name)) if is_word(name) && !name.contains(char::is_control) => {
                Ok(Self::Age(name.to_owned()))
            }
            _ => Err(NotAReference),
        }
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Age(name) => write!(f, "age:{name}"),
        }
    }
}

/// The site's encrypted file and where its key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeFile {
    /// Absolute.
    pub file: PathBuf,
    /// `file:` or `env:`: one `AGE-SECRET-KEY-1...` a line.
    pub identity: SecretReference,
}

/// A secret that is not there. Names the reference, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub String);

/// Resolves references for one site. Opens the `age` file at most once, when first needed.
pub struct SecretSource {
    folder: PathBuf,
    age: Option<AgeFile>,
    opened: std::sync::OnceLock<Result<BTreeMap<String, SecretText>, SecretError>>,
}

impl SecretSource {
    /// For a site in `folder`.
    #[must_use]
    pub fn new(folder: &Path, age: Option<AgeFile>) -> Self {
        Self {
            folder: folder.to_owned(),
            age,
            opened: std::sync::OnceLock::new(),
        }
    }

    /// The secret's value.
    ///
    /// # Errors
    /// It is not there, empty or too large.
    pub fn resolve(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        let bytes = match reference {
            SecretReference::Environment(name) => environment(name)?,
            SecretReference::File(path) => file(&self.folder.join(path), reference)?,
            SecretReference::Age(name) => self.sealed(name)?,
        };
        if bytes.is_empty() {
            return Err(SecretError(format!(
                "the secret {reference} is empty; give it a value"
            )));
        }
        Ok(Secret::new(bytes))
    }

    /// Several values as one, joined by `join`.
    ///
    /// # Errors
    /// The first that is not there.
    pub fn resolve_joined(
        &self,
        references: &[SecretReference],
        join: &str,
    ) -> Result<Secret, SecretError> {
        if let [reference] = references {
            return self.resolve(reference);
        }
        let mut whole = Zeroizing::new(Vec::new());
        for (index, reference) in references.iter().enumerate() {
            if index > 0 {
                whole.extend_from_slice(join.as_bytes());
            }
            whole.extend_from_slice(self.resolve(reference)?.expose());
        }
        Ok(Secret::new(std::mem::take(&mut *whole)))
    }

    fn sealed(&self, name: &str) -> Result<Vec<u8>, SecretError> {
        let opened = self.opened.get_or_init(|| match &self.age {
            Some(age) => self.open(age),
            None => Err(SecretError(
                "tombolo.yaml names no `secrets` file, so `age:` references have no place to look"
                    .into(),
            )),
        });
        match opened {
            Ok(values) => values.get(name).map(|text| text.0.as_bytes().to_vec()).ok_or_else(|| {
                SecretError(format!("the secret age:{name} is not in the site's age file; add a line `{name}: ...` and encrypt it again"))
            }),
            Err(error) => Err(SecretError(format!("the secret age:{name} cannot be had: {error}"))),
        }
    }

    fn open(&self, age: &AgeFile) -> Result<BTreeMap<String, SecretText>, SecretError> {
        let shown = age.file.display();
        let sealed = read_at_most(&age.file, AGE_FILE)
            .map_err(|error| SecretError(format!("cannot read {shown}: {error}")))?;
        let identity = self.resolve(&age.identity)?;
        let identities = age::IdentityFile::from_buffer(identity.expose())
            .and_then(|file| file.into_identities().map_err(std::io::Error::other))
            .map_err(|_| {
                SecretError(format!(
                    "{} holds no age identity; expected lines `AGE-SECRET-KEY-1...`",
                    age.identity
                ))
            })?;
        let cannot =
            |error: age::DecryptError| SecretError(format!("cannot decrypt {shown}: {error}"));
        let decryptor = age::Decryptor::new(age::armor::ArmoredReader::new(sealed.as_slice()))
            .map_err(cannot)?;
        let reader = decryptor
            .decrypt(
                identities
                    .iter()
                    .map(|identity| identity.as_ref() as &dyn age::Identity),
            )
            .map_err(cannot)?;
        let mut plain = Zeroizing::new(Vec::new());
        reader
            .take(AGE_FILE)
            .read_to_end(&mut plain)
            .map_err(|error| SecretError(format!("cannot decrypt {shown}: {error}")))?;
        let text = std::str::from_utf8(&plain).map_err(|_| {
            SecretError(format!(
                "{shown} holds no text, expected YAML lines `NAME: value`"
            ))
        })?;
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            // The reader's message could quote a value.
            let line = error.location().map_or(0, |location| location.line());
            SecretError(format!("line {line} of what {shown} holds is not `NAME: value`; quote values that are not plain text"))
        })
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSource")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Text that is wiped when dropped.
#[derive(Clone)]
struct SecretText(Zeroizing<String>);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

fn environment(name: &str) -> Result<Vec<u8>, SecretError> {
    match std::env::var(name) {
        Ok(value) => Ok(value.into_bytes()),
        Err(std::env::VarError::NotPresent) => Err(SecretError(format!(
            "the secret env:{name} is missing; set the environment variable {name} where the host is started"
        ))),
        Err(std::env::VarError::NotUnicode(_)) => Err(SecretError(format!(
            "the secret env:{name} is not UTF-8; use file: for binary values"
        ))),
    }
}

fn file(path: &Path, reference: &SecretReference) -> Result<Vec<u8>, SecretError> {
    let mut bytes = read_at_most(path, SECRET_FILE)
        .map_err(|error| SecretError(format!("the secret {reference} cannot be read: {error}")))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(std::mem::take(&mut *bytes))
}

fn read_at_most(path: &Path, most: u64) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    std::fs::File::open(path)?
        .take(most + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(std::io::Error::other(format!(
            "it is larger than {} KiB",
            most >> 10
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
