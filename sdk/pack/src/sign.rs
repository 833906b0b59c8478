//! A publisher's keys and signatures, in minisign's format, so that the common tool makes and checks them too.
//! A signature lies beside the adapter as `FILE.minisig`; the adapter itself does not change.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use tombolo_manifest::Identity;
use zeroize::Zeroizing;

use crate::PackError;

/// A new pair of keys, as the texts of their files.
pub struct KeyFiles {
    /// The whole secret file. Whoever has it and its password signs in the publisher's name.
    pub secret: Zeroizing<String>,
    /// The whole public file.
    pub public: String,
    /// The public key alone, one word: what a site names.
    pub key: String,
}

/// Makes a pair of keys; with a password the secret one is of use only together with it.
///
/// # Errors
/// The machine has no randomness.
pub fn keygen(password: Option<&str>) -> Result<KeyFiles, PackError> {
    let failed = |error| PackError::Signing(format!("no key can be made: {error}"));
    let pair = match password {
        None => KeyPair::generate_unencrypted_keypair(),
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
    };
    let KeyPair { pk, sk } = pair.map_err(failed)?;
    let comment = "a publisher's secret key; show it to nobody";
    Ok(KeyFiles {
        secret: Zeroizing::new(sk.to_box(Some(comment)).map_err(failed)?.into_string()),
        public: pk.to_box().map_err(failed)?.into_string(),
        key: pk.to_base64(),
    })
}

/// Whether the secret key in this file needs a password.
///
/// # Errors
/// The text is no minisign secret key.
pub fn needs_password(secret: &str) -> Result<bool, PackError> {
    // Two bytes say what is signed with, the next two how the key is kept: `Sc`, or nothing.
    let bytes = secret
        .lines()
        .nth(1)
        .and_then(|line| STANDARD.decode(line).ok())
        .map(Zeroizing::new);
    match bytes.as_ref().and_then(|bytes| bytes.get(..4)) {
        Some(b"EdSc") => Ok(true),
        Some(b"Ed\0\0") => Ok(false),
        _ => Err(PackError::Signing(
            "found something that is not a minisign secret key, expected the file that `tombolo adapter keygen` wrote".into(),
        )),
    }
}

/// A secret key, ready to sign.
pub struct Signer {
    secret: SecretKey,
    public: PublicKey,
}

impl Signer {
    /// Reads a secret key's file.
    ///
    /// # Errors
    /// It is none, or the password is missing or wrong.
    pub fn open(secret: &str, password: Option<&str>) -> Result<Self, PackError> {
        let opened = match (needs_password(secret)?, password) {
            (false, _) => SecretKeyBox::from_string(secret)
                .and_then(SecretKeyBox::into_unencrypted_secret_key),
            (true, Some(password)) => SecretKeyBox::from_string(secret)
                .and_then(|secret| secret.into_secret_key(Some(password.to_owned()))),
            (true, None) => {
                return Err(PackError::Signing(
                    "the secret key needs its password, found none".into(),
                ));
            }
        };
        let failed = |error| {
            PackError::Signing(format!(
                "the secret key cannot be opened: {error}; expected its own password and the file as it was written"
            ))
        };
        let secret = opened.map_err(failed)?;
        let public = PublicKey::from_secret_key(&secret).map_err(failed)?;
        Ok(Self { secret, public })
    }

    /// The public key, one word: what a site names.
    #[must_use]
    pub fn key(&self) -> String {
        self.public.to_base64()
    }

    /// The text of `FILE.minisig` for the bytes of an adapter.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub fn sign(&self, adapter: &[u8], identity: &Identity) -> Result<String, PackError> {
        let untrusted = format!("signature of {} {}", identity.name, identity.version);
        self.sign_as(adapter, &identity.signed_as(), &untrusted)
    }

    /// The four lines of a signature over any bytes, with the comment that says what for.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub fn sign_as(
        &self,
        bytes: &[u8],
        trusted: &str,
        untrusted: &str,
    ) -> Result<String, PackError> {
        minisign::sign(
            Some(&self.public),
            &self.secret,
            bytes,
            Some(trusted),
            Some(untrusted),
        )
        .map(minisign::SignatureBox::into_string)
        .map_err(|error| PackError::Signing(format!("cannot sign: {error}")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn refused(secret: &str, password: Option<&str>) -> String {
        let opened = Signer::open(secret, password);
        opened
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_key_opens_only_with_its_password_and_is_never_repeated() {
        let files = keygen(Some("correct horse")).unwrap();
        assert!(needs_password(&files.secret).unwrap());
        let signer = Signer::open(&files.secret, Some("correct horse")).unwrap();
        assert_eq!(signer.key(), files.key);
        assert!(files.public.contains(&files.key));
        let secret = files.secret.lines().nth(1).unwrap().to_owned();
        for password in [None, Some(""), Some("correct hors")] {
            let said = refused(&files.secret, password);
            assert!(said.contains("password"), "{said}");
            assert!(!said.contains(&secret), "{said}");
        }
    }

    #[test]
    fn what_is_no_secret_key_is_told_so() {
        let files = keygen(None).unwrap();
        assert!(!needs_password(&files.secret).unwrap());
        assert!(Signer::open(&files.secret, None).is_ok());
        for text in ["", "a", "a\nb", &files.public, &files.secret[..60]] {
            let said = refused(text, None);
            assert!(said.contains("not a minisign secret key"), "{said}");
        }
        // Cut inside the key: its kind can still be told.
        let (comment, key) = files.secret.split_once('\n').unwrap();
        let cut = format!("{comment}\n{}\n", &key[..40]);
        assert!(refused(&cut, None).contains("cannot be opened"));
    }
}
