//! Takes credentials out of what a server sends back: some echo a request with all its headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::Finder;

use super::target;

/// What stands in a credential's place.
const REPLACEMENT: &[u8] = b"[credential]";

/// A secret shorter than this is left: taking out every `a` would destroy answers and protect nothing.
const SHORTEST: usize = 4;

/// Finds the spellings of a connection's credentials.
#[derive(Default)]
pub(super) struct Redactor {
    finders: Vec<Finder<'static>>,
}

impl Redactor {
    /// For these secrets, in the spellings that an echo gives them: as they are, base64, percent-encoded, inside JSON.
    pub(super) fn new(secrets: &[&[u8]]) -> Self {
        let mut spellings: Vec<Vec<u8>> = Vec::new();
        for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
            spellings.push(secret.to_vec());
            spellings.push(STANDARD.encode(secret).into_bytes());
            if let Ok(text) = std::str::from_utf8(secret) {
                let mut encoded = String::new();
                target::encode(text, &mut encoded);
                let lower = encoded.to_ascii_lowercase();
                let json = serde_json::to_string(text).unwrap_or_default();
                let json = json
                    .trim_start_matches('"')
                    .strip_suffix('"')
                    .unwrap_or_default()
                    .to_owned();
                let slashes = json.replace('/', "\\/");
                spellings.extend([encoded, lower, json, slashes].map(String::into_bytes));
            }
        }
        spellings.retain(|spelling| spelling.len() >= SHORTEST);
        // The longest first: a short spelling inside a long one must not break it up.
        spellings.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        spellings.dedup();
        Self {
            finders: spellings
                .iter()
                .map(|spelling| Finder::new(spelling).into_owned())
                .collect(),
        }
    }

    /// The bytes without credentials, and whether there were any. Copies nothing where there are none.
    pub(super) fn clean(&self, mut bytes: Vec<u8>) -> (Vec<u8>, bool) {
        let mut found = false;
        for finder in &self.finders {
            if finder.find(&bytes).is_some() {
                bytes = replaced(&bytes, finder);
                found = true;
            }
        }
        (bytes, found)
    }

    /// The same as text.
    pub(super) fn clean_text(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        if self
            .finders
            .iter()
            .all(|finder| finder.find(text.as_bytes()).is_none())
        {
            return text.into_owned();
        }
        String::from_utf8_lossy(&self.clean(text.into_owned().into_bytes()).0).into_owned()
    }
}

fn replaced(bytes: &[u8], finder: &Finder<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = 0;
    for at in finder.find_iter(bytes) {
        out.extend_from_slice(&bytes[rest..at]);
        out.extend_from_slice(REPLACEMENT);
        rest = at + finder.needle().len();
    }
    out.extend_from_slice(&bytes[rest..]);
    out
}
