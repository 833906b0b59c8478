//! Small things that cost much: code that is slow to compile, schemas, patterns and documents that grow when they are
//! read, nesting without end, compressed files.

use serde_json::json;
use tombolo_kernel::limits;
use tombolo_tests::component::{Parts, manifest};
use tombolo_tests::host::TestHost;
use tombolo_tests::site::TestSite;

use crate::fixture::{attack, attack_with, figure, word_after};
use crate::package::refused;

#[test]
fn case_25_a_component_that_makes_the_compiler_run_wild_kills_only_the_compiler() {
    let attack = attack_with(&Parts::default().build());
    attack.site.adapter_bytes("component", &compile_bomb());
    attack.site.approve("attacker");
    let mut compiler = Compiler::default();
    let attacker = attack
        .host
        .wait_for("the compiler has been stopped", |host| {
            compiler.look(host);
            let systems = host.get("/api/systems");
            let mut systems = systems.as_array().unwrap().iter();
            let attacker = systems.find(|one| one["system"] == "attacker")?;
            let told = attacker["message"].as_str().unwrap_or_default();
            told.contains("was stopped").then(|| attacker.clone())
        });
    assert!(
        compiler.memory > 1 << 30,
        "it was no bomb: the compiler had {} bytes",
        compiler.memory
    );
    let most = limits::COMPILE_CPU.as_secs().to_string();
    assert_eq!(
        compiler.processor_time,
        Some(most),
        "seconds of processor time that the compiler could take"
    );
    let told = attacker["message"].as_str().unwrap();
    assert!(
        told.contains("took more than 4096 MiB or 120 s") && told.contains("signal"),
        "{told}"
    );
    // The version before goes on.
    let run = attack.deed(&json!({}));
    assert_eq!(run["run"]["status"], "done", "{run:#}");
    attack.neighbour_works();
}

/// Nested loops over many locals: each loop's head joins all of them, 100 million joins from half a megabyte.
fn compile_bomb() -> Vec<u8> {
    let locals = "i32 ".repeat(49_000);
    let work: String = (0..49_000)
        .map(|local| format!("(local.set {local} (i32.add (local.get {local}) (i32.const 1)))"))
        .collect();
    let depth = 2_000;
    let jumps: String = (0..depth)
        .map(|label| format!("(br_if {label} (local.get 0))"))
        .collect();
    let module = format!(
        "(memory (export \"memory\") 2) (func $bomb (local {locals}) {} {work} {jumps} {})",
        "loop ".repeat(depth),
        "end ".repeat(depth)
    );
    Parts {
        module,
        ..Parts::default()
    }
    .build()
}

/// What was seen of a host's compiling child while it ran.
#[derive(Default)]
struct Compiler {
    /// The most address space that it had, bytes.
    memory: u64,
    /// The seconds of processor time after which the machine ends it, or `unlimited`.
    processor_time: Option<String>,
}

impl Compiler {
    /// Looks once. A child that has more than the host allows is ended, so that the machine's memory lasts.
    fn look(&mut self, host: &TestHost) {
        let Some(child) = compiling_child(host) else {
            return;
        };
        let time = word_after(child, "limits", "Max cpu time");
        self.processor_time = time.or(self.processor_time.take());
        self.memory = self.memory.max(figure(child, "VmPeak:").unwrap_or(0));
        if self.memory > limits::COMPILE_MEMORY {
            let pid = rustix::process::Pid::from_raw(child.cast_signed()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            panic!(
                "the compiling child had {} MiB of address space, expected at most {} MiB",
                self.memory >> 20,
                limits::COMPILE_MEMORY >> 20
            );
        }
    }
}

fn compiling_child(host: &TestHost) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let parent = host.pid().to_string();
    ids.find(|id| word_after(*id, "status", "PPid:").as_ref() == Some(&parent))
}

#[test]
fn case_26_compressed_files_are_not_taken() {
    // Ten bytes of each format's beginning are enough: nothing is unpacked to see what is in it.
    for beginning in [
        &b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..],
        &b"PK\x03\x04\x14\0\0\0\x08\0"[..],
        &b"\x28\xb5\x2f\xfd\x24\0\0\0\0\0"[..],
    ] {
        refused(beginning, &["compressed", "unpack it first"]);
    }
}

#[test]
fn case_27_a_component_nested_without_end_is_refused() {
    for depth in [9, 3_000] {
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        for _ in 0..depth {
            let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
            leb(component.len(), &mut outer);
            outer.append(&mut component);
            component = outer;
        }
        refused(&component, &["nested deeper than 8"]);
    }
    // Types in types, which a reader would follow by recursion: one type section with an instance type in an instance
    // type, and so on.
    let mut types = b"\x42\0".to_vec();
    for _ in 0..3_000 {
        let mut outer = b"\x42\x01\x01".to_vec();
        outer.append(&mut types);
        types = outer;
    }
    let mut section = vec![1];
    section.append(&mut types);
    let mut component = b"\0asm\x0d\0\x01\0\x07".to_vec();
    leb(section.len(), &mut component);
    component.append(&mut section);
    refused(&component, &["nested deeper than 8"]);
}

fn leb(mut number: usize, out: &mut Vec<u8>) {
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

#[test]
fn case_87_documents_that_grow_when_read_are_refused() {
    // Billion laughs, in a file of the site.
    let mut laughs = "on: attack\nvars:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        laughs.push_str(&format!(
            "  a{level}: &a{level} [{}]\n",
            [before.as_str(); 9].join(", ")
        ));
    }
    let deep = format!(
        "on: attack\nsteps: {}{}\n",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let merged = "on: attack\nbase: &b { x: 1 }\nsteps: [{ <<: *b }]\n".to_owned();
    let alias = "on: attack\nvars: &v { x: 1 }\nsteps: *v\n".to_owned();
    for text in [laughs, deep, merged, alias] {
        let site = TestSite::new();
        site.write("flows/bomb.yaml", &text);
        let (code, out, err) = tombolo_tests::built::run(
            &["check", site.path().to_str().unwrap()],
            &[("TOMBOLO_TOKEN", "t")],
        );
        assert_eq!(code, 1, "{out}{err}");
        let told = out + &err;
        assert!(
            told.contains("flows/bomb.yaml:") && told.contains("not readable as YAML"),
            "{told}"
        );
    }
    // Nested JSON: to the API, in an event, from an adapter.
    let attack = attack(
        "adapter: adapters/attacker.wasm\nactions: { go: { effect: read, summary: Goes, do: {} } }\n",
    );
    let nested = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let authorization = format!("Bearer {}", tombolo_tests::site::TOKEN);
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/cloudevents+json"),
    ];
    for data in [nested.clone(), format!("{{\"a\":{nested}}}")] {
        let event = format!(
            r#"{{"specversion":"1.0","id":"1","source":"/t","type":"attack","data":{data}}}"#
        );
        let response = attack
            .host
            .send("POST", "/events", &headers, event.as_bytes());
        assert_eq!(response.status, 422, "{}", response.body);
    }
    let response = attack.host.send(
        "POST",
        "/api/replay",
        &[headers[0], ("content-type", "application/json")],
        &nested.as_bytes()[..40_000],
    );
    assert_eq!(response.status, 400, "{}", response.body);
    attack.neighbour_works();
    let echo = attack_with(
        &Parts {
            module: format!("(memory (export \"memory\") 4) (data (i32.const 2048) \"{nested}\")"),
            act: tombolo_tests::component::ok_json(
                "i32.const 2048",
                &format!("i32.const {}", nested.len()),
            ),
            ..Parts::default()
        }
        .build(),
    );
    crate::fixture::died_saying(&echo.deed(&json!({})), &["nested deeper"]);
    echo.neighbour_works();
}

#[test]
fn case_88_a_schema_or_pattern_that_explodes_is_refused_in_a_package() {
    let bomb: String = (0..24)
        .map(|level| {
            let next = format!("{{ \"$ref\" = \"#/$defs/d{}\" }}", level + 1);
            format!("d{level} = {{ allOf = [{next}, {next}] }}\n")
        })
        .collect();
    let with = |schema: &str| Parts {
        manifest: manifest("hostile/liar", schema),
        ..Parts::default()
    };
    let laughing = format!(
        "[actions.go.input]\n\"$ref\" = \"#/$defs/d0\"\n[actions.go.input.\"$defs\"]\n{bomb}d24 = {{ type = \"string\" }}\n"
    );
    refused(
        &with(&laughing).build_unchecked(),
        &["parts when its references are written out"],
    );
    let twice =
        "[actions.go.input.properties.a]\nallOf = [{ \"$ref\" = \"#\" }, { \"$ref\" = \"#\" }]\n";
    refused(
        &with(twice).build_unchecked(),
        &["refers to itself in more than one place"],
    );
}

#[test]
fn case_88_a_schema_pattern_or_expression_of_the_site_that_explodes_is_refused() {
    let refused = |name: &str, text: &str, said: &str| {
        let site = TestSite::new();
        site.adapter(
            "attacker",
            &tombolo_tests::built::adapter("tests/hostile/attacker"),
        );
        site.write(name, text);
        let (code, out, err) = tombolo_tests::built::run(
            &["check", site.path().to_str().unwrap()],
            &[("TOMBOLO_TOKEN", "t")],
        );
        assert_eq!(code, 1, "{out}{err}");
        assert!((out.clone() + &err).contains(said), "{said:?}: {out}{err}");
    };
    let system = |schema: &str| {
        format!(
            "adapter: adapters/attacker.wasm\nactions: {{ go: {{ effect: read, summary: Goes, do: {{}}, input: {schema} }} }}\n"
        )
    };
    // The first is more than any engine takes, the second more than a site may have.
    for pattern in ["((a{1,500}){1,500}){1,500}", "(a{1,300}){1,300}"] {
        refused(
            "systems/a.yaml",
            &system(&format!("{{ pattern: \"{pattern}\" }}")),
            "not a usable JSON Schema",
        );
    }
    refused(
        "systems/a.yaml",
        &system("{ pattern: \"^(?=(a+)+$)\" }"),
        "not a usable JSON Schema",
    );
    refused(
        "systems/a.yaml",
        &system("{ anyOf: [{ $ref: \"#\" }, { $ref: \"#\" }] }"),
        "more than one place",
    );
    let flow = |when: &str| {
        format!(
            "on: attack\nwhen: {}\nsteps: []\n",
            serde_json::to_string(when).unwrap()
        )
    };
    // The first is too long, the second only too deep.
    for levels in [3_000, 1_500] {
        let deep = format!("{}1{} == 1", "(".repeat(levels), ")".repeat(levels));
        refused("flows/a.yaml", &flow(&deep), "flows/a.yaml:2");
    }
    let nested = "[1].all(a, [1].all(b, [1].all(c, [1].all(d, a + b + c + d > 0))))";
    refused("flows/a.yaml", &flow(nested), "flows/a.yaml:2");
}

#[test]
fn case_88_a_condition_that_multiplies_ends_at_its_bound() {
    let attack = attack(
        "adapter: adapters/attacker.wasm\nactions: { go: { effect: read, summary: Goes, do: {} } }\n",
    );
    attack.site.write(
        "flows/heavy.yaml",
        "on: heavy\nwhen: event.data.a.all(x, event.data.a.all(y, x + y > 0))\nsteps: [{ call: neighbour.go, with: { do: echo } }]\n",
    );
    attack.site.write(
        "flows/pattern.yaml",
        "on: pattern\nwhen: \"event.data.text.matches('^(a+)+$')\"\nsteps: [{ call: neighbour.go, with: { do: echo } }]\n",
    );
    assert_eq!(attack.host.post("/api/reload", &json!({})).status, 200);
    let heavy = attack.run("heavy", &json!({"a": vec![1; 50_000]}));
    assert_eq!(heavy["run"]["status"], "dead", "{heavy:#}");
    // A text that a backtracking engine would never be done with; it does not match, so there is no run.
    let text = "a".repeat(50_000) + "!";
    let response = attack
        .host
        .publish("pattern", "p-1", &json!({"text": text}));
    assert_eq!(response.status, 202, "{}", response.body);
    let fits = attack.run("pattern", &json!({"text": "aaaa"}));
    assert_eq!(fits["run"]["status"], "done", "{fits:#}");
    attack.neighbour_works();
}
