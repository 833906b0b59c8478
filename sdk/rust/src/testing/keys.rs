//! `keys` in memory: real cryptography with the secrets that the test bound.

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{current, refuse};
use crate::keys::{Error, Hash, Iv, Order, Part, SignatureAlgorithm};

pub(crate) fn hmac(key: &str, hash: Hash, message: &[u8]) -> Result<Vec<u8>, Error> {
    let key = secret(key, &format!("hmac-{}", hash_name(hash)))?;
    macro_rules! tag {
        ($hash:ty) => {{
            let mut mac = Hmac::<$hash>::new_from_slice(&key)
                .map_err(|error| Error::Invalid(error.to_string()))?;
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        }};
    }
    Ok(match hash {
        Hash::Md5 => tag!(Md5),
        Hash::Sha1 => tag!(Sha1),
        Hash::Sha256 => tag!(Sha256),
        Hash::Sha384 => tag!(Sha384),
        Hash::Sha512 => tag!(Sha512),
    })
}

pub(crate) fn hmac_verify(
    key: &str,
    hash: Hash,
    message: &[u8],
    tag: &[u8],
) -> Result<bool, Error> {
    Ok(hmac(key, hash, message)? == tag)
}

pub(crate) fn digest(hash: Hash, parts: &[Part], order: Order) -> Result<Vec<u8>, Error> {
    let wanted = match order {
        Order::Given => format!("digest-{}", hash_name(hash)),
        Order::Sorted => format!("digest-sorted-{}", hash_name(hash)),
    };
    if !parts.iter().any(|part| matches!(part, Part::Key(_))) {
        refuse(
            "the adapter asks for a digest without a key among its parts; hashing without secrets needs no host",
        );
    }
    let mut pieces = Vec::with_capacity(parts.len());
    for part in parts {
        pieces.push(match part {
            Part::Bytes(bytes) => bytes.clone(),
            Part::Key(key) => secret(key, &wanted)?,
        });
    }
    if order == Order::Sorted {
        pieces.sort();
    }
    let joined = pieces.concat();
    Ok(match hash {
        Hash::Md5 => Md5::digest(joined).to_vec(),
        Hash::Sha1 => Sha1::digest(joined).to_vec(),
        Hash::Sha256 => Sha256::digest(joined).to_vec(),
        Hash::Sha384 => Sha384::digest(joined).to_vec(),
        Hash::Sha512 => Sha512::digest(joined).to_vec(),
    })
}

pub(crate) fn digest_verify(
    hash: Hash,
    parts: &[Part],
    order: Order,
    expected: &[u8],
) -> Result<bool, Error> {
    Ok(digest(hash, parts, order)? == expected)
}

pub(crate) fn sign(
    key: &str,
    algorithm: SignatureAlgorithm,
    _message: &[u8],
) -> Result<Vec<u8>, Error> {
    secret(key, &format!("sign-{}", algorithm_name(algorithm)))?;
    refuse(
        "signatures need a real host: the in-memory one has HMAC, digests, AES-CBC and comparison",
    )
}

pub(crate) fn verify(
    key: &str,
    algorithm: SignatureAlgorithm,
    _message: &[u8],
    _signature: &[u8],
) -> Result<bool, Error> {
    secret(key, &format!("verify-{}", algorithm_name(algorithm)))?;
    refuse(
        "signatures need a real host: the in-memory one has HMAC, digests, AES-CBC and comparison",
    )
}

pub(crate) fn equal(key: &str, candidate: &[u8]) -> Result<bool, Error> {
    Ok(secret(key, "equal")? == candidate)
}

pub(crate) fn encrypt_cbc(key: &str, iv: &Iv, block: u8, message: &[u8]) -> Result<Vec<u8>, Error> {
    let key = secret(key, "encrypt-cbc")?;
    let block = usize::from(checked_block(block)?);
    let padding = block - message.len() % block;
    let mut plain = message.to_vec();
    // `padding` is at most 32.
    plain.resize(
        message.len() + padding,
        u8::try_from(padding).unwrap_or_default(),
    );
    // The real host draws it at random; a test wants to see the same bytes twice.
    let (iv, mut out) = match iv {
        Iv::Given(iv) => (iv.clone(), Vec::new()),
        Iv::KeyPrefix => (key.get(..16).unwrap_or_default().to_vec(), Vec::new()),
        Iv::MessagePrefix => (vec![7; 16], vec![7; 16]),
    };
    macro_rules! encrypted {
        ($cipher:ty) => {
            cbc::Encryptor::<$cipher>::new_from_slices(&key, &iv)
                .map_err(|_| wrong_length(&key, &iv))?
                .encrypt_padded_vec::<NoPadding>(&plain)
        };
    }
    out.extend(match key.len() {
        16 => encrypted!(aes::Aes128),
        24 => encrypted!(aes::Aes192),
        _ => encrypted!(aes::Aes256),
    });
    Ok(out)
}

pub(crate) fn decrypt_cbc(key: &str, iv: &Iv, block: u8, message: &[u8]) -> Result<Vec<u8>, Error> {
    let key = secret(key, "decrypt-cbc")?;
    let block = checked_block(block)?;
    let (iv, message) = match iv {
        Iv::Given(iv) => (iv.as_slice(), message),
        Iv::KeyPrefix => (key.get(..16).unwrap_or_default(), message),
        Iv::MessagePrefix => message
            .split_at_checked(16)
            .ok_or_else(|| Error::Invalid("the message is shorter than 16 bytes".into()))?,
    };
    macro_rules! decrypted {
        ($cipher:ty) => {
            cbc::Decryptor::<$cipher>::new_from_slices(&key, iv)
                .map_err(|_| wrong_length(&key, iv))?
                .decrypt_padded_vec::<NoPadding>(message)
        };
    }
    let plain = match key.len() {
        16 => decrypted!(aes::Aes128),
        24 => decrypted!(aes::Aes192),
        _ => decrypted!(aes::Aes256),
    };
    let mut plain =
        plain.map_err(|_| Error::Invalid("the message is not a whole number of blocks".into()))?;
    let padding = plain.last().copied().unwrap_or_default();
    let start = plain
        .len()
        .checked_sub(usize::from(padding))
        .filter(|_| padding > 0 && padding <= block);
    match start {
        Some(start) if plain[start..].iter().all(|byte| *byte == padding) => {
            plain.truncate(start);
            Ok(plain)
        }
        _ => Err(Error::Invalid(
            "the padding is wrong: another key, or not this cipher".into(),
        )),
    }
}

fn checked_block(block: u8) -> Result<u8, Error> {
    if matches!(block, 16 | 32) {
        Ok(block)
    } else {
        Err(Error::Invalid(format!(
            "a padding block of {block} bytes; expected 16 or 32"
        )))
    }
}

fn wrong_length(key: &[u8], iv: &[u8]) -> Error {
    Error::Invalid(format!(
        "a key of {} and an initialization vector of {} bytes; expected 16, 24 or 32, and 16",
        key.len(),
        iv.len()
    ))
}

// === secrets ===

/// The derived secret of a key, if the manifest has this use of it and the test bound it.
fn secret(name: &str, wanted: &str) -> Result<Vec<u8>, Error> {
    current(|host| {
        let steps = host.declared(|declared| declared.require_key(name, wanted).derive.clone());
        let bound = host.with_state(|state| state.secrets.get(name).cloned());
        let Some(mut secret) = bound else {
            return Err(Error::Denied(format!("the key `{name}` is not bound")));
        };
        for step in &steps {
            secret = derive(name, step, secret);
        }
        Ok(secret)
    })
}

fn derive(name: &str, step: &str, secret: Vec<u8>) -> Vec<u8> {
    match step.split_once(':').unwrap_or((step, "")) {
        ("strip-prefix", prefix) => secret
            .strip_prefix(prefix.as_bytes())
            .map(<[u8]>::to_vec)
            .unwrap_or(secret),
        ("append", suffix) => [secret.as_slice(), suffix.as_bytes()].concat(),
        ("sha256", _) => Sha256::digest(secret).to_vec(),
        ("base64", _) => decode_base64(&secret)
            .unwrap_or_else(|| refuse(format!("the secret of the key `{name}` is no base64"))),
        ("hex", _) => hex::decode(secret)
            .unwrap_or_else(|_| refuse(format!("the secret of the key `{name}` is no hex"))),
        _ => refuse(format!(
            "adapter.toml: the key `{name}` has the derivation `{step}`, which there is not"
        )),
    }
}

/// Both alphabets, with or without padding.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let standard: Vec<u8> = text
        .iter()
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    GeneralPurpose::new(&base64::alphabet::STANDARD, config)
        .decode(standard)
        .ok()
}

fn hash_name(hash: Hash) -> &'static str {
    match hash {
        Hash::Md5 => "md5",
        Hash::Sha1 => "sha1",
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    }
}

fn algorithm_name(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::Rs1 => "rs1",
        SignatureAlgorithm::Rs256 => "rs256",
        SignatureAlgorithm::Rs512 => "rs512",
        SignatureAlgorithm::Ps256 => "ps256",
        SignatureAlgorithm::Ed25519 => "ed25519",
    }
}
