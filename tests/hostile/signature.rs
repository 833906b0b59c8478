//! Packages whose signature is gone, another's, or old; files that are changed or replaced behind the host's back.

use serde_json::json;
use tombolo_tests::component::{Parts, manifest, ok_json};
use tombolo_tests::publisher;
use tombolo_tests::site::TestSite;

use crate::fixture::{Attack, attack_with};

/// An adapter that answers with a word of its own, in a version.
fn answering(word: &str, version: &str) -> Vec<u8> {
    let text = format!("{{\\22is\\22:\\22{word}\\22}}");
    let length = word.len() + 9;
    Parts {
        act: ok_json("i32.const 2048", &format!("i32.const {length}")),
        module: format!("(memory (export \"memory\") 2) (data (i32.const 2048) \"{text}\")"),
        manifest: manifest("hostile/adapter", "").replace("0.1.0", version),
        ..Parts::default()
    }
    .build()
}

impl Attack {
    /// Reads the site again, and waits until the attacker's system is held back for this reason.
    #[track_caller]
    fn held_back(&self, reason: &str) {
        self.host.post("/api/reload", &json!({}));
        self.host.wait_for(reason, |host| {
            let systems = host.get("/api/systems").to_string();
            (systems.contains("held-back") && systems.contains(reason)).then_some(())
        });
    }

    /// Not even a reviewer lets it run.
    #[track_caller]
    fn cannot_be_approved(&self, reason: &str) {
        let (code, _, refused) = self.site.tombolo(&[
            "grant", "approve", "attacker", "--by", "rita", "--reason", "test",
        ]);
        assert_eq!(code, 1, "it was approved: {refused}");
        assert!(
            refused.contains(reason),
            "{reason:?} is not told: {refused}"
        );
    }

    /// What answers now.
    #[track_caller]
    fn answers(&self, word: &str) {
        let run = self.deed(&json!({"x": 1}));
        assert_eq!(run["run"]["status"], "done", "{run:#}");
        assert!(
            run.to_string().contains(word),
            "{word} did not answer: {run:#}"
        );
        self.neighbour_works();
    }
}

#[test]
fn case_32_a_file_swapped_after_verification_never_runs() {
    let (good, evil) = (answering("good", "0.1.0"), answering("evil", "0.1.0"));
    let attack = attack_with(&good);
    attack.answers("good");
    for _ in 0..5 {
        // The signature of the verified bytes still lies beside.
        attack.site.adapter_unsigned("component", &evil);
        attack.held_back("does not fit these bytes");
        attack.answers("good");
        attack.site.adapter_unsigned("component", &good);
        attack.host.post("/api/reload", &json!({}));
        attack.answers("good");
    }
    attack.site.adapter_unsigned("component", &evil);
    attack.cannot_be_approved("does not fit these bytes");
}

#[test]
fn case_33_a_removed_signature_holds_the_next_version_back_while_the_old_runs() {
    let attack = attack_with(&answering("old", "0.1.0"));
    attack
        .site
        .adapter_unsigned("component", &answering("new", "0.2.0"));
    std::fs::remove_file(attack.site.path().join("adapters/component.wasm.minisig")).unwrap();
    attack.held_back("found no signature beside it");
    attack.cannot_be_approved("found no signature beside it");
    attack.answers("old");
}

#[test]
fn case_34_a_valid_signature_by_the_wrong_publisher_is_refused() {
    let attack = attack_with(&answering("old", "0.1.0"));
    let new = answering("new", "0.2.0");
    let by_stranger = publisher::sign_as(&publisher::stranger(), &new).unwrap();
    attack.site.adapter_signed("component", &new, &by_stranger);
    attack.held_back("which tombolo.yaml does not name");
    attack.cannot_be_approved("which tombolo.yaml does not name");
    attack.answers("old");
    // Trusted, but for the adapters of another vendor.
    let foreign = Parts {
        manifest: manifest("foreign/adapter", ""),
        ..Parts::default()
    }
    .build();
    attack.site.adapter_bytes("component", &foreign);
    attack.held_back("which is trusted only for hostile/*, tombolo/*");
    attack.cannot_be_approved("which is trusted only for hostile/*, tombolo/*");
    attack.answers("old");
}

#[test]
fn case_35_a_validly_signed_older_version_needs_an_approval_that_says_so() {
    let attack = attack_with(&answering("new", "0.2.0"));
    attack
        .site
        .adapter_bytes("component", &answering("old", "0.1.9"));
    attack.held_back("approve");
    attack.answers("new");
    let approve = [
        "grant", "approve", "attacker", "--by", "rita", "--reason", "test",
    ];
    let (code, _, refused) = attack.site.tombolo(&approve);
    assert_eq!(code, 1, "{refused}");
    for word in ["0.1.9 is older than 0.2.0", "--rollback"] {
        assert!(refused.contains(word), "{word:?} is not told: {refused}");
    }
    attack.answers("new");
    let (code, _, err) = attack
        .site
        .tombolo(&[&approve[..], &["--rollback"]].concat());
    assert_eq!(code, 0, "{err}");
    attack.host.post("/api/reload", &json!({}));
    attack.host.wait_for("the older version runs", |host| {
        (!host.get("/api/systems").to_string().contains("held-back")).then_some(())
    });
    attack.answers("old");
}

#[test]
fn case_29_a_link_in_place_of_the_file_is_refused() {
    let elsewhere = TestSite::new();
    elsewhere.adapter_bytes("real", &Parts::default().build());
    let real = elsewhere.path().join("adapters/real.wasm");
    let signature = std::fs::read(elsewhere.path().join("adapters/real.wasm.minisig")).unwrap();
    let refused = |place: &dyn Fn(&std::path::Path), reason: &str| {
        let site = TestSite::new();
        site.write("systems/liar.yaml", "adapter: adapters/component.wasm\n");
        site.write(
            "adapters/component.wasm.minisig",
            std::str::from_utf8(&signature).unwrap(),
        );
        place(&site.path().join("adapters/component.wasm"));
        let (code, _, err) = site.tombolo(&[
            "grant", "approve", "liar", "--by", "rita", "--reason", "test",
        ]);
        assert_eq!(code == 0, reason.is_empty(), "{err}");
        assert!(err.contains(reason), "{reason:?} is not told: {err}");
    };
    refused(
        &|file| std::os::unix::fs::symlink(&real, file).unwrap(),
        "a link that leads out of its folder",
    );
    refused(
        &|file| std::os::unix::fs::symlink("/dev/zero", file).unwrap(),
        "a link that leads out of its folder",
    );
    refused(
        &|file| std::fs::hard_link(&real, file).unwrap(),
        "2 names (hard links)",
    );
    refused(&|file| std::fs::create_dir(file).unwrap(), "expected a");
    // The file itself is taken, so that it is not for another reason.
    refused(
        &|file| drop(std::fs::write(file, std::fs::read(&real).unwrap())),
        "",
    );
}
