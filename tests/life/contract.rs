//! Adapters built against other versions of the contract. `fixtures/contract-0.1.0.wasm` was built once against 0.1.0
//! and imports every function of it: it must load and run on every later host of this line.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use tombolo_kernel::package::Package;
use tombolo_tests::built::root;
use tombolo_tests::component::{Parts, manifest, ok_json};
use tombolo_tests::host::TestHost;
use tombolo_tests::site::TestSite;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Resolve, WorldItem};

/// What the fixture's bytes are: it is never built anew, a newer contract gets one of its own beside it.
const FIXTURE_0_1_0: &str =
    "sha256:f22659dc709750ea2eb39c061cb909e704b8f2e0175c22b29d690cd8b9407b83";

const DECLARED: &str = r#"
[connections.api]
kind = "http"
reason = "Imports it"
allow = ["GET /orders"]
optional = true

[connections.db]
kind = "sql"
reason = "Imports it"
statements.one = { effect = "read", text = "SELECT 1" }
optional = true

[connections.bus]
kind = "broker"
reason = "Imports it"
publish = ["orders.*"]
optional = true

[keys.signing]
uses = ["hmac-sha256"]
reason = "Imports it"
optional = true

[store]
quota = "1 KiB"
reason = "Imports it"

[calls]
"other.go" = "Imports it"
"#;

fn fixture() -> PathBuf {
    root().join("tests/life/fixtures/contract-0.1.0.wasm")
}

/// Every function of every interface that the world imports, as a core module imports it.
fn imports(wit: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).unwrap();
    let world = resolve.select_world(&[package], Some("adapter")).unwrap();
    let types = |types: &[WasmType]| {
        let names = types.iter().map(|one| match one {
            WasmType::I64 | WasmType::PointerOrI64 => "i64",
            WasmType::F32 => "f32",
            WasmType::F64 => "f64",
            WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        });
        names.collect::<Vec<_>>().join(" ")
    };
    let mut text = String::new();
    for item in resolve.worlds[world].imports.values() {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let module = resolve.id_of(*id).unwrap();
        for (name, function) in &resolve.interfaces[*id].functions {
            let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
            let short = module.split(['/', '@']).nth(1).unwrap();
            writeln!(
                text,
                "(import \"{module}\" \"{name}\" (func ${short}.{name} (param {}) (result {})))",
                types(&signature.params),
                types(&signature.results)
            )
            .unwrap();
        }
    }
    text
}

/// Imports all there is, and answers with what the settings say.
fn everything(wit: &Path) -> Parts {
    Parts {
        module: format!("{} (memory (export \"memory\") 2)", imports(wit)),
        act: format!(
            "(drop (call $clock.now-ms)) (call $settings.get (i32.const 640)) {}",
            ok_json("i32.load (i32.const 640)", "i32.load (i32.const 644)")
        ),
        manifest: manifest("hostile/contract", DECLARED),
        ..Parts::default()
    }
}

/// `wit/` as a later host would have it.
fn later(version: &str, file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(root().join("wit")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "wit") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut text = std::fs::read_to_string(&path).unwrap();
        text = text.replace(
            "tombolo:adapter@0.1.0",
            &format!("tombolo:adapter@{version}"),
        );
        if name == file {
            assert!(text.contains(from), "{file} has no {from:?}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
#[ignore = "writes the fixture of a contract that has none yet"]
fn write_the_fixture() {
    let file = fixture();
    assert!(
        !file.exists(),
        "{} is there: it is never built anew",
        file.display()
    );
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, everything(&root().join("wit")).build()).unwrap();
}

#[test]
fn an_adapter_built_against_0_1_0_loads_and_runs() {
    let bytes = std::fs::read(fixture()).unwrap();
    let package = Package::read(bytes.clone()).unwrap();
    assert_eq!(package.digest, FIXTURE_0_1_0, "the fixture was changed");
    let whole = [
        "actions", "broker", "clock", "http", "keys", "log", "settings", "sql", "store",
    ];
    for interface in whole {
        assert!(
            package.imports.contains(interface),
            "{interface} is not imported"
        );
    }
    let site = TestSite::new();
    site.adapter_bytes("contract", &bytes);
    site.write(
        "systems/contract.yaml",
        "adapter: adapters/contract.wasm\nsettings: { answer: 42 }\n",
    );
    site.adapter_bytes("other", &Parts::default().build());
    site.write("systems/other.yaml", "adapter: adapters/other.wasm\n");
    site.write(
        "flows/go.yaml",
        "on: go\nsteps:\n  - { id: go, call: contract.go, with: {} }\n",
    );
    site.approve("contract").approve("other");
    let host = TestHost::start(&site, &[]);
    host.publish("go", "1", &json!({}));
    let run = host.wait_for_run("go", "done");
    assert!(run.to_string().contains("42"), "{run:#}");
}

#[test]
fn an_adapter_built_against_a_later_contract_is_refused_by_version_and_import() {
    let line = later("0.2.0", "clock.wit", "now-ms", "now-ms");
    let wholly_new = later(
        "0.1.7",
        "world.wit",
        "import clock;",
        "import clock;\n  import telemetry;",
    );
    let telemetry = "package tombolo:adapter@0.1.7;\n\ninterface telemetry {\n  count: func(name: string);\n}\n";
    std::fs::write(wholly_new.path().join("telemetry.wit"), telemetry).unwrap();
    for (wit, words) in [
        (&line, ["0.2.0", "this host has 0.1.0", "tombolo:adapter/"]),
        (&wholly_new, ["0.1.7", "this host has 0.1.0", "telemetry"]),
    ] {
        let bytes = everything(wit.path()).build_against(wit.path());
        let refused = Package::read(bytes).unwrap_err().to_string();
        for word in words {
            assert!(refused.contains(word), "{word:?} is not said: {refused}");
        }
    }
}

#[test]
fn a_later_patch_of_the_contract_runs_if_it_imports_nothing_that_is_new() {
    let function = "now-ms: func() -> u64;";
    let more = "now-ms: func() -> u64;\n  now-us: func() -> u64;";
    let wit = later("0.1.9", "clock.wit", function, more);
    let old_part = Parts {
        module: imports(wit.path())
            .lines()
            .find(|line| line.contains("now-ms"))
            .unwrap()
            .to_owned()
            + "(memory (export \"memory\") 2)",
        act: format!(
            "(drop (call $clock.now-ms)) {}",
            ok_json("i32.const 1024", "i32.const 2")
        ),
        ..Parts::default()
    };
    let new_part = everything(wit.path());
    let site = TestSite::new();
    site.adapter_bytes("old", &old_part.build_against(wit.path()));
    site.adapter_bytes("new", &new_part.build_against(wit.path()));
    site.adapter_bytes("other", &Parts::default().build());
    for system in ["old", "new", "other"] {
        site.write(
            &format!("systems/{system}.yaml"),
            &format!("adapter: adapters/{system}.wasm\n"),
        );
        site.approve(system);
    }
    let host = TestHost::start(&site, &[]);
    let systems = host.get("/api/systems");
    let of = |name: &str| {
        let mut all = systems.as_array().unwrap().iter();
        all.find(|one| one["system"] == name).unwrap().clone()
    };
    assert_eq!(of("old")["state"], "running", "{systems:#}");
    let refused = of("new");
    assert_eq!(refused["state"], "failed", "{refused:#}");
    for word in ["0.1.9", "this host has 0.1.0", "clock", "now-us"] {
        assert!(refused.to_string().contains(word), "{word:?}: {refused:#}");
    }
}
