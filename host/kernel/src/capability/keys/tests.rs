//! What `keys` refuses, and what the published vectors (`tests/vectors.rs`) do not reach.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::capability::tests::granted;
use crate::grant::Item;
use crate::secret::Secret;

fn binding(secret: &[u8], uses: &[&str], derive: &[&str]) -> KeyBinding {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    KeyBinding {
        secret: Secret::new(secret.to_vec()),
        uses: owned(uses),
        derive: owned(derive),
    }
}

fn prepare(secret: &[u8], uses: &[&str], derive: &[&str]) -> Result<Keys, PrepareError> {
    let bindings = BTreeMap::from([("key".to_owned(), binding(secret, uses, derive))]);
    Keys::prepare(&bindings, true)
}

fn grant(uses: &[&str]) -> ActiveGrant {
    granted(
        uses.iter()
            .map(|one| Item::Key {
                key: "key".into(),
                r#use: (*one).to_owned(),
                derive: vec![],
            })
            .collect(),
    )
}

#[test]
fn every_use_is_denied_unless_it_is_granted() {
    let pair = Ed25519::pair();
    let bindings = BTreeMap::from([
        (
            "key".to_owned(),
            binding(
                &[7; 16],
                &[
                    "hmac-sha256",
                    "digest-sha256",
                    "encrypt-cbc",
                    "decrypt-cbc",
                    "equal",
                ],
                &[],
            ),
        ),
        (
            "pair".to_owned(),
            binding(&pair, &["sign-ed25519", "verify-ed25519"], &[]),
        ),
    ]);
    let keys = Keys::prepare(&bindings, true).unwrap();
    let nothing = granted(vec![Item::Key {
        key: "key".into(),
        r#use: "hmac-sha1".into(),
        derive: vec![],
    }]);
    let parts = [Part::Key("key"), Part::Bytes(b"x")];
    let refused = |error: KeysError| matches!(error, KeysError::Denied(_));
    assert!(refused(
        keys.hmac(&nothing, "key", Hash::Sha256, b"").unwrap_err()
    ));
    assert!(refused(
        keys.hmac_verify(&nothing, "key", Hash::Sha256, b"", b"")
            .unwrap_err()
    ));
    assert!(refused(
        keys.digest(&nothing, Hash::Sha256, &parts, Order::Given)
            .unwrap_err()
    ));
    assert!(refused(
        keys.digest_verify(&nothing, Hash::Sha256, &parts, Order::Given, b"")
            .unwrap_err()
    ));
    assert!(refused(
        keys.encrypt_cbc(&nothing, "key", Iv::KeyPrefix, 16, b"")
            .unwrap_err()
    ));
    assert!(refused(
        keys.decrypt_cbc(&nothing, "key", Iv::KeyPrefix, 16, &[0; 16])
            .unwrap_err()
    ));
    assert!(refused(keys.equal(&nothing, "key", b"").unwrap_err()));
    assert!(refused(
        keys.sign(&nothing, "pair", SignatureAlgorithm::Ed25519, b"")
            .unwrap_err()
    ));
    assert!(refused(
        keys.verify(&nothing, "pair", SignatureAlgorithm::Ed25519, b"", b"")
            .unwrap_err()
    ));
    // Granted, but the binding was not made for it; or not bound at all.
    assert!(refused(
        keys.hmac(&nothing, "key", Hash::Sha1, b"").unwrap_err()
    ));
    let other = granted(vec![Item::Key {
        key: "other".into(),
        r#use: "equal".into(),
        derive: vec![],
    }]);
    assert!(refused(keys.equal(&other, "other", b"").unwrap_err()));
    // A digest in one order does not open the other.
    let given = grant(&["digest-sha256"]);
    assert!(
        keys.digest(&given, Hash::Sha256, &parts, Order::Given)
            .is_ok()
    );
    assert!(refused(
        keys.digest(&given, Hash::Sha256, &parts, Order::Sorted)
            .unwrap_err()
    ));
    assert!(refused(
        keys.digest(&given, Hash::Sha512, &parts, Order::Given)
            .unwrap_err()
    ));
}

#[test]
fn a_digest_without_a_key_is_not_the_hosts_affair() {
    let keys = prepare(b"hush", &["digest-sha1"], &[]).unwrap();
    let error = keys
        .digest(
            &grant(&["digest-sha1"]),
            Hash::Sha1,
            &[Part::Bytes(b"x")],
            Order::Given,
        )
        .unwrap_err();
    assert!(matches!(error, KeysError::Invalid(_)), "{error:?}");
}

#[test]
fn a_key_that_could_be_found_out_by_comparing_orders_is_refused() {
    for uses in [
        ["digest-sha1", "digest-sorted-sha1"],
        ["digest-sorted-sha256", "digest-md5"],
    ] {
        let error = prepare(b"hush-hush", &uses, &[]).unwrap_err().0;
        assert!(
            error.starts_with("key `key`: ") && error.contains("together"),
            "{error}"
        );
    }
    assert!(prepare(b"hush-hush", &["digest-sorted-sha1", "hmac-sha1"], &[]).is_ok());
}

#[test]
fn hmac_follows_its_standard_for_every_hash() {
    // RFC 2202 and RFC 4231, test case 2, and case 6's key of more than one block for MD5 (80 times 0xaa).
    let (key, message) = (
        b"Jefe".as_slice(),
        b"what do ya want for nothing?".as_slice(),
    );
    for (hash, what, tag) in [
        (Hash::Md5, "hmac-md5", "750c783e6ab0b503eaa86e310a5db738"),
        (
            Hash::Sha1,
            "hmac-sha1",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            Hash::Sha256,
            "hmac-sha256",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            Hash::Sha384,
            "hmac-sha384",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            Hash::Sha512,
            "hmac-sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        let keys = prepare(key, &[what], &[]).unwrap();
        assert_eq!(
            hex::encode(keys.hmac(&grant(&[what]), "key", hash, message).unwrap()),
            tag
        );
        assert!(
            keys.hmac_verify(
                &grant(&[what]),
                "key",
                hash,
                message,
                &hex::decode(tag).unwrap()
            )
            .unwrap()
        );
        assert!(
            !keys
                .hmac_verify(&grant(&[what]), "key", hash, message, b"")
                .unwrap()
        );
    }
    let keys = prepare(&[0xaa; 80], &["hmac-md5"], &[]).unwrap();
    let tag = keys
        .hmac(
            &grant(&["hmac-md5"]),
            "key",
            Hash::Md5,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
        )
        .unwrap();
    assert_eq!(hex::encode(tag), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

#[test]
fn digests_join_their_parts_in_the_order_that_was_said() {
    let given = prepare(b"m", &["digest-md5"], &[]).unwrap();
    let parts = [Part::Bytes(b"z"), Part::Key("key"), Part::Bytes(b"a")];
    let digest = given
        .digest(&grant(&["digest-md5"]), Hash::Md5, &parts, Order::Given)
        .unwrap();
    assert_eq!(
        digest,
        digest_of(Hash::Md5, [b"zma".as_slice()].into_iter())
    );
    let sorted = prepare(b"m", &["digest-sorted-sha512"], &[]).unwrap();
    let digest = sorted
        .digest(
            &grant(&["digest-sorted-sha512"]),
            Hash::Sha512,
            &parts,
            Order::Sorted,
        )
        .unwrap();
    assert_eq!(
        digest,
        digest_of(Hash::Sha512, [b"amz".as_slice()].into_iter())
    );
}

#[test]
fn a_secret_becomes_a_key_step_by_step() {
    for (secret, steps, key) in [
        ("whsec_aGk=", vec!["strip-prefix:whsec_", "base64"], "hi"),
        ("aGk", vec!["base64"], "hi"),
        ("-_-_\n", vec!["base64", "hex"], ""),
        ("6869", vec!["hex"], "hi"),
        ("a", vec!["append:&", "append:b"], "a&b"),
    ] {
        let steps: Vec<String> = steps.into_iter().map(str::to_owned).collect();
        match derive::derive(secret.as_bytes(), &steps) {
            Ok(derived) => assert_eq!(derived.as_slice(), key.as_bytes()),
            Err(problem) => assert!(
                key.is_empty() && problem.starts_with("derivation step 2 (`hex`): "),
                "{problem}"
            ),
        }
    }
    for (secret, uses, steps) in [
        ("hush!", "equal", "base64"),
        ("hush", "equal", "hex"),
        ("hush", "equal", "rot13"),
        ("", "equal", "append:"),
        ("hush", "encrypt-cbc", "append:1"),
        ("hush", "sign-rs256", "append:1"),
        ("hush", "verify-ed25519", "append:1"),
    ] {
        let error = prepare(secret.as_bytes(), &[uses], &[steps]).unwrap_err().0;
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn equal_says_whether_it_is_the_secret() {
    let keys = prepare(b"hush-hush", &["equal"], &[]).unwrap();
    for (candidate, expected) in [
        ("hush-hush", true),
        ("hush-hus", false),
        ("hush-hush ", false),
        ("", false),
    ] {
        assert_eq!(
            keys.equal(&grant(&["equal"]), "key", candidate.as_bytes()),
            Ok(expected),
            "{candidate}"
        );
    }
    assert!(!format!("{keys:?}").contains("hush"));
}

#[test]
fn what_is_encrypted_comes_back_and_nothing_else_does() {
    let grant = grant(&["encrypt-cbc", "decrypt-cbc"]);
    for (length, block) in [(16, 16), (24, 16), (32, 32)] {
        let keys = prepare(&vec![9; length], &["encrypt-cbc", "decrypt-cbc"], &[]).unwrap();
        for size in [0, 1, 15, 16, 31, 32, 33] {
            let message = vec![b'm'; size];
            for iv in [Iv::Given(&[1; 16]), Iv::KeyPrefix, Iv::MessagePrefix] {
                let sealed = keys
                    .encrypt_cbc(&grant, "key", iv, block, &message)
                    .unwrap();
                assert_eq!(
                    keys.decrypt_cbc(&grant, "key", iv, block, &sealed).unwrap(),
                    message
                );
            }
        }
        let told = |message: &[u8]| {
            keys.decrypt_cbc(&grant, "key", Iv::KeyPrefix, block, message)
                .unwrap_err()
        };
        // Wrong padding, wrong length, nothing at all: one answer for all.
        let answers = [
            told(&[0; 64]),
            told(&[0; 17]),
            told(&[]),
            keys.decrypt_cbc(&grant, "key", Iv::MessagePrefix, block, &[0; 8])
                .unwrap_err(),
        ];
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
        assert!(matches!(
            keys.encrypt_cbc(&grant, "key", Iv::Given(&[1; 15]), block, b""),
            Err(KeysError::Invalid(_))
        ));
        assert!(matches!(
            keys.encrypt_cbc(&grant, "key", Iv::KeyPrefix, 17, b""),
            Err(KeysError::Invalid(_))
        ));
    }
    let keys = prepare(&[9; 16], &["encrypt-cbc", "decrypt-cbc"], &[]).unwrap();
    let twice = [0, 1].map(|_| {
        keys.encrypt_cbc(&grant, "key", Iv::MessagePrefix, 16, b"same")
            .unwrap()
    });
    assert_ne!(twice[0], twice[1], "the vector is random");
}

#[test]
fn aes_follows_its_standard() {
    // NIST SP 800-38A, F.2.5: CBC-AES256, first block.
    let key =
        hex::decode("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4").unwrap();
    let vector = hex::decode("000102030405060708090a0b0c0d0e0f").unwrap();
    let message = hex::decode("6bc1bee22e409f96e93d7e117393172a").unwrap();
    let sealed = prepare(&key, &["encrypt-cbc"], &[]).unwrap().encrypt_cbc(
        &grant(&["encrypt-cbc"]),
        "key",
        Iv::Given(&vector),
        16,
        &message,
    );
    assert_eq!(
        hex::encode(&sealed.unwrap()[..16]),
        "f58c4c04d6e5f1ba779eabfb5f7bfbd6"
    );
}

/// Made here, new in every test.
struct Ed25519;

impl Ed25519 {
    fn pair() -> Vec<u8> {
        ring::signature::Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new())
            .unwrap()
            .as_ref()
            .to_vec()
    }
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let lines: Vec<String> = STANDARD
        .encode(der)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
    .into_bytes()
}

#[test]
fn ed25519_keys_are_read_in_every_form_and_sign_and_verify() {
    let der = Ed25519::pair();
    let public = match VerifyingKey::read(&der) {
        Some(VerifyingKey::Ed25519(public)) => public,
        _ => panic!("the public half is missing"),
    };
    let spki = [
        hex::decode("302a300506032b6570032100").unwrap(),
        public.clone(),
    ]
    .concat();
    let (sign, verify) = (grant(&["sign-ed25519"]), grant(&["verify-ed25519"]));
    for private in [der.clone(), pem("PRIVATE KEY", &der)] {
        let signing = prepare(&private, &["sign-ed25519"], &[]).unwrap();
        let signature = signing
            .sign(&sign, "key", SignatureAlgorithm::Ed25519, b"message")
            .unwrap();
        for public in [
            spki.clone(),
            pem("PUBLIC KEY", &spki),
            public.clone(),
            private.clone(),
        ] {
            let verifying = prepare(&public, &["verify-ed25519"], &[]).unwrap();
            let check = |message: &[u8]| {
                verifying.verify(
                    &verify,
                    "key",
                    SignatureAlgorithm::Ed25519,
                    message,
                    &signature,
                )
            };
            assert_eq!((check(b"message"), check(b"other")), (Ok(true), Ok(false)));
        }
        assert!(
            prepare(&private, &["sign-rs256"], &[]).is_err(),
            "an Ed25519 key is no RSA key"
        );
    }
}

#[test]
fn rsa_keys_sign_and_verify_by_every_algorithm() {
    let der = hex::decode(include_str!("../../../tests/data/rsa-2048-pkcs8.hex").trim()).unwrap();
    let public = match VerifyingKey::read(&der) {
        Some(VerifyingKey::Rsa(public)) => public,
        _ => panic!("the public half is missing"),
    };
    let private = pem("PRIVATE KEY", &der);
    let spki = spki_of_rsa(&public);
    let uses = ["sign-rs256", "sign-rs512", "sign-ps256"];
    let checks = ["verify-rs1", "verify-rs256", "verify-rs512", "verify-ps256"];
    let signing = prepare(&private, &uses, &[]).unwrap();
    let verifying = prepare(&pem("PUBLIC KEY", &spki), &checks, &[]).unwrap();
    let (sign, verify) = (grant(&uses), grant(&checks));
    for algorithm in [
        SignatureAlgorithm::Rs256,
        SignatureAlgorithm::Rs512,
        SignatureAlgorithm::Ps256,
    ] {
        let signature = signing.sign(&sign, "key", algorithm, b"message").unwrap();
        let check = |message: &[u8], algorithm| {
            verifying.verify(&verify, "key", algorithm, message, &signature)
        };
        assert_eq!(
            (check(b"message", algorithm), check(b"other", algorithm)),
            (Ok(true), Ok(false)),
            "{algorithm:?}"
        );
        assert_eq!(check(b"message", SignatureAlgorithm::Rs1), Ok(false));
    }
    assert!(matches!(
        signing.sign(&sign, "key", SignatureAlgorithm::Rs1, b""),
        Err(KeysError::Invalid(_))
    ));
    assert!(
        prepare(&private, &["sign-ed25519"], &[]).is_err(),
        "an RSA key is no Ed25519 key"
    );
    assert!(
        prepare(&pem("PUBLIC KEY", &spki), &["sign-rs256"], &[]).is_err(),
        "a public key signs nothing"
    );
}

fn spki_of_rsa(public: &[u8]) -> Vec<u8> {
    let wrap = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        let header = if content.len() < 128 {
            vec![tag, length[1]]
        } else {
            vec![tag, 0x82, length[0], length[1]]
        };
        [header, content.to_vec()].concat()
    };
    let algorithm = hex::decode("300d06092a864886f70d0101010500").unwrap();
    let bits = wrap(0x03, &[vec![0], public.to_vec()].concat());
    wrap(0x30, &[algorithm, bits].concat())
}
