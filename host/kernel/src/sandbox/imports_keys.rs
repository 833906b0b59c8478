//! The contract's `keys`. Nothing leaves the host by it, so only a refusal is recorded. Where a system is only tried, no
//! key is read: what would be made with one is zeros, and what would be verified is taken for good.

use std::sync::Arc;

use wasmtime::Result;

use super::bindings::tombolo::adapter::keys as wit;
use super::state::StoreState;
use crate::audit::Kind;
use crate::capability::keys::{Hash, Iv, KeysError, Order, Part, SignatureAlgorithm};
use crate::system::Prepared;

type Answer<T> = Result<Result<T, wit::Error>>;

impl wit::Host for StoreState {
    fn hmac(&mut self, key: String, hash: wit::Hash, message: Vec<u8>) -> Answer<Vec<u8>> {
        self.keyed(&key, "hmac", |system| {
            system.keys.hmac(&system.grant, &key, hash.into(), &message)
        })
    }

    fn hmac_verify(
        &mut self,
        key: String,
        hash: wit::Hash,
        message: Vec<u8>,
        tag: Vec<u8>,
    ) -> Answer<bool> {
        self.keyed(&key, "hmac-verify", |system| {
            system
                .keys
                .hmac_verify(&system.grant, &key, hash.into(), &message, &tag)
        })
    }

    fn digest(
        &mut self,
        hash: wit::Hash,
        parts: Vec<wit::Part>,
        order: wit::Order,
    ) -> Answer<Vec<u8>> {
        self.keyed(&names(&parts), "digest", |system| {
            system
                .keys
                .digest(&system.grant, hash.into(), &borrowed(&parts), order.into())
        })
    }

    fn digest_verify(
        &mut self,
        hash: wit::Hash,
        parts: Vec<wit::Part>,
        order: wit::Order,
        expected: Vec<u8>,
    ) -> Answer<bool> {
        self.keyed(&names(&parts), "digest-verify", |system| {
            system.keys.digest_verify(
                &system.grant,
                hash.into(),
                &borrowed(&parts),
                order.into(),
                &expected,
            )
        })
    }

    fn sign(
        &mut self,
        key: String,
        algorithm: wit::SignatureAlgorithm,
        message: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        self.keyed(&key, "sign", |system| {
            system
                .keys
                .sign(&system.grant, &key, algorithm.into(), &message)
        })
    }

    fn verify(
        &mut self,
        key: String,
        algorithm: wit::SignatureAlgorithm,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> Answer<bool> {
        self.keyed(&key, "verify", |system| {
            system
                .keys
                .verify(&system.grant, &key, algorithm.into(), &message, &signature)
        })
    }

    fn encrypt_cbc(
        &mut self,
        key: String,
        iv: wit::Iv,
        block: u8,
        message: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        self.keyed(&key, "encrypt-cbc", |system| {
            system
                .keys
                .encrypt_cbc(&system.grant, &key, borrowed_iv(&iv), block, &message)
        })
    }

    fn decrypt_cbc(
        &mut self,
        key: String,
        iv: wit::Iv,
        block: u8,
        message: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        self.keyed(&key, "decrypt-cbc", |system| {
            system
                .keys
                .decrypt_cbc(&system.grant, &key, borrowed_iv(&iv), block, &message)
        })
    }

    fn equal(&mut self, key: String, candidate: Vec<u8>) -> Answer<bool> {
        self.keyed(&key, "equal", |system| {
            system.keys.equal(&system.grant, &key, &candidate)
        })
    }
}

impl StoreState {
    fn keyed<T: StandIn>(
        &mut self,
        key: &str,
        what: &'static str,
        run: impl FnOnce(&Prepared) -> std::result::Result<T, KeysError>,
    ) -> Answer<T> {
        self.count()?;
        let system = Arc::clone(&self.system);
        let result = run(&system);
        if let Err(KeysError::Denied(why)) = &result {
            self.denied(Kind::Keys, key, what.to_owned(), why);
        }
        match result {
            Ok(made) => Ok(Ok(made)),
            Err(KeysError::Unread) => Ok(Ok(T::stand_in())),
            Err(KeysError::Denied(why)) => Ok(Err(wit::Error::Denied(why))),
            Err(KeysError::Invalid(why)) => Ok(Err(wit::Error::Invalid(why))),
        }
    }
}

/// What is answered without a key.
trait StandIn {
    fn stand_in() -> Self;
}

impl StandIn for bool {
    fn stand_in() -> Self {
        true
    }
}

impl StandIn for Vec<u8> {
    fn stand_in() -> Self {
        vec![0; 32]
    }
}

fn names(parts: &[wit::Part]) -> String {
    let names: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            wit::Part::Key(name) => Some(name.as_str()),
            wit::Part::Bytes(_) => None,
        })
        .collect();
    names.join("+")
}

fn borrowed(parts: &[wit::Part]) -> Vec<Part<'_>> {
    parts
        .iter()
        .map(|part| match part {
            wit::Part::Bytes(bytes) => Part::Bytes(bytes),
            wit::Part::Key(name) => Part::Key(name),
        })
        .collect()
}

fn borrowed_iv(iv: &wit::Iv) -> Iv<'_> {
    match iv {
        wit::Iv::Given(bytes) => Iv::Given(bytes),
        wit::Iv::KeyPrefix => Iv::KeyPrefix,
        wit::Iv::MessagePrefix => Iv::MessagePrefix,
    }
}

impl From<wit::Hash> for Hash {
    fn from(hash: wit::Hash) -> Self {
        match hash {
            wit::Hash::Md5 => Self::Md5,
            wit::Hash::Sha1 => Self::Sha1,
            wit::Hash::Sha256 => Self::Sha256,
            wit::Hash::Sha384 => Self::Sha384,
            wit::Hash::Sha512 => Self::Sha512,
        }
    }
}

impl From<wit::Order> for Order {
    fn from(order: wit::Order) -> Self {
        match order {
            wit::Order::Given => Self::Given,
            wit::Order::Sorted => Self::Sorted,
        }
    }
}

impl From<wit::SignatureAlgorithm> for SignatureAlgorithm {
    fn from(algorithm: wit::SignatureAlgorithm) -> Self {
        match algorithm {
            wit::SignatureAlgorithm::Rs1 => Self::Rs1,
            wit::SignatureAlgorithm::Rs256 => Self::Rs256,
            wit::SignatureAlgorithm::Rs512 => Self::Rs512,
            wit::SignatureAlgorithm::Ps256 => Self::Ps256,
            wit::SignatureAlgorithm::Ed25519 => Self::Ed25519,
        }
    }
}
