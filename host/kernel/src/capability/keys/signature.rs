//! RSA (RFC 8017) and Ed25519 (RFC 8032) keys as operators have them: PKCS #8 or PKCS #1 private keys and SPKI
//! public keys, in PEM or DER, and raw 32-byte Ed25519 keys. They are read once, when a system is prepared.

use ring::rand::SystemRandom;
use ring::signature::{self, Ed25519KeyPair, KeyPair as _, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};

use super::{KeysError, SignatureAlgorithm};

/// Object identifiers in DER: rsaEncryption (RFC 8017, appendix C) and id-Ed25519 (RFC 8410, section 3).
const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];

impl SignatureAlgorithm {
    pub(super) fn sign_use(self) -> Option<&'static str> {
        match self {
            Self::Rs1 => None,
            Self::Rs256 => Some("sign-rs256"),
            Self::Rs512 => Some("sign-rs512"),
            Self::Ps256 => Some("sign-ps256"),
            Self::Ed25519 => Some("sign-ed25519"),
        }
    }

    pub(super) fn verify_use(self) -> &'static str {
        match self {
            Self::Rs1 => "verify-rs1",
            Self::Rs256 => "verify-rs256",
            Self::Rs512 => "verify-rs512",
            Self::Ps256 => "verify-ps256",
            Self::Ed25519 => "verify-ed25519",
        }
    }
}

/// A key pair that signs.
pub(super) enum SigningKey {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// A public key that verifies: PKCS #1 bytes for RSA, the 32 bytes for Ed25519.
pub(super) enum VerifyingKey {
    Rsa(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl SigningKey {
    /// Reads a private key. The message says what forms there are, never what was found in it.
    pub(super) fn read(material: &[u8]) -> Option<Self> {
        let der;
        let bytes: &[u8] = if is_pem(material) {
            der = PrivateKeyDer::from_pem_slice(material).ok()?;
            der.secret_der()
        } else {
            material
        };
        if let Ok(pair) = RsaKeyPair::from_pkcs8(bytes).or_else(|_| RsaKeyPair::from_der(bytes)) {
            return Some(Self::Rsa(Box::new(pair)));
        }
        let pair = if bytes.len() == 32 {
            Ed25519KeyPair::from_seed_unchecked(bytes)
        } else {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
        };
        pair.ok().map(Self::Ed25519)
    }

    pub(super) fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        matches!(self, Self::Ed25519(_)) == (algorithm == SignatureAlgorithm::Ed25519)
    }

    pub(super) fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, KeysError> {
        let padding: &'static dyn signature::RsaEncoding = match algorithm {
            SignatureAlgorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
            SignatureAlgorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
            SignatureAlgorithm::Ps256 => &signature::RSA_PSS_SHA256,
            SignatureAlgorithm::Rs1 => {
                return Err(KeysError::Invalid("rs1 is for verifying only".into()));
            }
            SignatureAlgorithm::Ed25519 => {
                return match self {
                    Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
                    Self::Rsa(_) => Err(misfit(algorithm)),
                };
            }
        };
        let Self::Rsa(pair) = self else {
            return Err(misfit(algorithm));
        };
        let mut out = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &SystemRandom::new(), message, &mut out)
            .map_err(|_| KeysError::Invalid("the RSA key cannot sign this".into()))?;
        Ok(out)
    }
}

impl VerifyingKey {
    /// Reads a public key, or takes the public half of a private one.
    pub(super) fn read(material: &[u8]) -> Option<Self> {
        if is_pem(material) {
            if let Ok(der) = SubjectPublicKeyInfoDer::from_pem_slice(material) {
                return Self::from_spki(&der);
            }
        } else {
            if let Some(key) = Self::from_spki(material) {
                return Some(key);
            }
            if material.len() == 32 {
                return Some(Self::Ed25519(material.to_vec()));
            }
        }
        Some(match SigningKey::read(material)? {
            SigningKey::Rsa(pair) => Self::Rsa(pair.public_key().as_ref().to_vec()),
            SigningKey::Ed25519(pair) => Self::Ed25519(pair.public_key().as_ref().to_vec()),
        })
    }

    /// `SubjectPublicKeyInfo` of RFC 5280, section 4.1: a sequence of algorithm and bit string.
    fn from_spki(der: &[u8]) -> Option<Self> {
        let (info, rest) = element(der, 0x30)?;
        let (algorithm, key) = element(info, 0x30)?;
        let (identifier, _) = element(algorithm, 0x06)?;
        let (bits, after) = element(key, 0x03)?;
        let (unused, key) = bits.split_first()?;
        if !rest.is_empty() || !after.is_empty() || *unused != 0 {
            return None;
        }
        match identifier {
            OID_RSA => Some(Self::Rsa(key.to_vec())),
            OID_ED25519 if key.len() == 32 => Some(Self::Ed25519(key.to_vec())),
            _ => None,
        }
    }

    pub(super) fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        matches!(self, Self::Ed25519(_)) == (algorithm == SignatureAlgorithm::Ed25519)
    }

    pub(super) fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, KeysError> {
        if !self.fits(algorithm) {
            return Err(misfit(algorithm));
        }
        let scheme: &'static dyn signature::VerificationAlgorithm = match algorithm {
            SignatureAlgorithm::Rs1 => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            SignatureAlgorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            SignatureAlgorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            SignatureAlgorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            SignatureAlgorithm::Ed25519 => &signature::ED25519,
        };
        let (Self::Rsa(key) | Self::Ed25519(key)) = self;
        Ok(UnparsedPublicKey::new(scheme, key)
            .verify(message, signature)
            .is_ok())
    }
}

fn misfit(algorithm: SignatureAlgorithm) -> KeysError {
    let (wanted, found) = if algorithm == SignatureAlgorithm::Ed25519 {
        ("Ed25519", "RSA")
    } else {
        ("RSA", "Ed25519")
    };
    KeysError::Invalid(format!(
        "this algorithm takes an {wanted} key; the bound key is {found}"
    ))
}

fn is_pem(material: &[u8]) -> bool {
    material.trim_ascii_start().starts_with(b"-----BEGIN ")
}

/// One DER element with this tag: its content and what follows.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 3 {
            return None;
        }
        let (digits, after) = rest.split_at_checked(count)?;
        length = digits
            .iter()
            .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        rest = after;
    }
    rest.split_at_checked(length)
}
