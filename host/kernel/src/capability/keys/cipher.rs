//! AES-CBC with PKCS #7 padding (RFC 5652, section 6.3) to 16 or 32 bytes. Whatever is wrong with a message that
//! does not decrypt, the answer is the same, so that a sender cannot feel for the padding.

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::{Choice, ConstantTimeEq as _, ConstantTimeLess as _};

use super::{Iv, KeysError};

/// Bytes in a block of AES, and in an initialization vector.
const AES_BLOCK: usize = 16;

/// Whether AES has keys of this length.
pub(super) fn is_aes_key(key: &[u8]) -> bool {
    matches!(key.len(), 16 | 24 | 32)
}

pub(super) fn encrypt(
    key: &[u8],
    iv: Iv<'_>,
    block: u8,
    message: &[u8],
) -> Result<Vec<u8>, KeysError> {
    let block = padded_block(block)?;
    let padding = block - message.len() % block;
    let (vector, lead) = match iv {
        Iv::MessagePrefix => (random_vector()?, AES_BLOCK),
        other => (chosen_vector(key, other)?, 0),
    };
    let mut out = Vec::with_capacity(lead + message.len() + padding);
    out.extend_from_slice(&vector[..lead]);
    out.extend_from_slice(message);
    // `block` is 16 or 32, so the padding fits a byte.
    out.resize(
        lead + message.len() + padding,
        u8::try_from(padding).unwrap_or(0),
    );
    let body = &mut out[lead..];
    let length = body.len();
    let done = match key.len() {
        16 => encryptor::<Aes128>(key, &vector)?
            .encrypt_padded::<NoPadding>(body, length)
            .is_ok(),
        24 => encryptor::<Aes192>(key, &vector)?
            .encrypt_padded::<NoPadding>(body, length)
            .is_ok(),
        _ => encryptor::<Aes256>(key, &vector)?
            .encrypt_padded::<NoPadding>(body, length)
            .is_ok(),
    };
    if done {
        Ok(out)
    } else {
        Err(KeysError::Invalid("the message cannot be padded".into()))
    }
}

pub(super) fn decrypt(
    key: &[u8],
    iv: Iv<'_>,
    block: u8,
    message: &[u8],
) -> Result<Vec<u8>, KeysError> {
    let block = padded_block(block)?;
    let (vector, body) = match iv {
        Iv::MessagePrefix => message
            .split_first_chunk::<AES_BLOCK>()
            .map(|(first, rest)| (*first, rest))
            .ok_or_else(undecryptable)?,
        other => (chosen_vector(key, other)?, message),
    };
    let mut out = body.to_vec();
    if out.is_empty() || !out.len().is_multiple_of(AES_BLOCK) {
        return Err(undecryptable());
    }
    let done = match key.len() {
        16 => decryptor::<Aes128>(key, &vector)?
            .decrypt_padded::<NoPadding>(&mut out)
            .is_ok(),
        24 => decryptor::<Aes192>(key, &vector)?
            .decrypt_padded::<NoPadding>(&mut out)
            .is_ok(),
        _ => decryptor::<Aes256>(key, &vector)?
            .decrypt_padded::<NoPadding>(&mut out)
            .is_ok(),
    };
    let kept = done
        .then(|| unpadded(&out, block))
        .flatten()
        .ok_or_else(undecryptable)?;
    out.truncate(kept);
    Ok(out)
}

fn undecryptable() -> KeysError {
    KeysError::Invalid("the message does not decrypt with this key".into())
}

fn padded_block(block: u8) -> Result<usize, KeysError> {
    match block {
        16 | 32 => Ok(usize::from(block)),
        other => Err(KeysError::Invalid(format!(
            "padding to {other} bytes was asked for; it is 16 or 32"
        ))),
    }
}

fn chosen_vector(key: &[u8], iv: Iv<'_>) -> Result<[u8; AES_BLOCK], KeysError> {
    let bytes = match iv {
        Iv::Given(bytes) => bytes,
        Iv::KeyPrefix | Iv::MessagePrefix => key.get(..AES_BLOCK).unwrap_or_default(),
    };
    bytes.try_into().map_err(|_| {
        KeysError::Invalid(format!(
            "the initialization vector has {} bytes; AES-CBC takes {AES_BLOCK}",
            bytes.len()
        ))
    })
}

fn random_vector() -> Result<[u8; AES_BLOCK], KeysError> {
    let mut vector = [0u8; AES_BLOCK];
    SystemRandom::new()
        .fill(&mut vector)
        .map_err(|_| KeysError::Invalid("the machine gives no random bytes".into()))?;
    Ok(vector)
}

fn encryptor<C>(key: &[u8], vector: &[u8]) -> Result<cbc::Encryptor<C>, KeysError>
where
    C: aes::cipher::BlockCipherEncrypt,
    cbc::Encryptor<C>: KeyIvInit,
{
    cbc::Encryptor::<C>::new_from_slices(key, vector).map_err(|_| wrong_length())
}

fn decryptor<C>(key: &[u8], vector: &[u8]) -> Result<cbc::Decryptor<C>, KeysError>
where
    C: aes::cipher::BlockCipherDecrypt,
    cbc::Decryptor<C>: KeyIvInit,
{
    cbc::Decryptor::<C>::new_from_slices(key, vector).map_err(|_| wrong_length())
}

fn wrong_length() -> KeysError {
    KeysError::Invalid("the key's length is none of AES's (16, 24 or 32 bytes)".into())
}

/// Length without padding, or nothing if the padding is wrong. Looks at the same bytes whatever they are.
fn unpadded(plain: &[u8], block: usize) -> Option<usize> {
    let padding = *plain.last()?;
    let most = u8::try_from(block.min(plain.len())).ok()?;
    let mut good: Choice = !padding.ct_eq(&0) & padding.ct_lt(&(most + 1));
    for back in 0..most {
        let byte = plain[plain.len() - 1 - usize::from(back)];
        good &= !back.ct_lt(&padding) | byte.ct_eq(&padding);
    }
    bool::from(good).then(|| plain.len() - usize::from(padding))
}
