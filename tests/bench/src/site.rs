//! Site folders that the benchmark writes and approves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use tombolo_kernel::grant::{Approval, Grant};
use tombolo_kernel::package::{Package, Signer as Vouching};
use tombolo_kernel::sandbox::CompileConfig;
use tombolo_kernel::system::{ActionOffer, SystemLimits, SystemSpec};
use tombolo_pack::{PackError, Signer};
use tombolo_server::host::{Host, HostOptions};

/// A folder on the disk that holds the workspace: a RAM disk would make syncs free.
pub(crate) fn scratch() -> anyhow::Result<PathBuf> {
    let folder = workspace().join("target/bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// The workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."))
        .to_owned()
}

/// The site of the end-to-end part: each customer is a lane.
pub(crate) fn write_e2e(
    folder: &Path,
    adapters: &Path,
    port: u16,
    sink: SocketAddr,
) -> anyhow::Result<()> {
    let (webhook, rest) = (adapters.join("webhook.wasm"), adapters.join("rest.wasm"));
    write(folder, "tombolo.yaml", &main_file(port))?;
    write(
        folder,
        "systems/source.yaml",
        &format!(
            r"
adapter: {}
keys: {{ standard-webhooks: env:BENCH_SECRET }}
hooks:
  post:
    summary: Orders from the shop
    do: {{ verify: standard-webhooks, type: order.placed, subject: /customer/id }}
emits: [order.placed]
",
            webhook.display()
        ),
    )?;
    write(
        folder,
        "systems/books.yaml",
        &format!(
            r#"
adapter: {}
connections:
  api:
    http: "http://{sink}"
    network: private
    credential: {{ bearer: env:BENCH_TOKEN }}
    allow: ["POST /customers/{{customer}}/bookings"]
actions:
  booking.add:
    effect: write
    summary: Books an order
    input: {{ type: object, required: [order, n, customer, text], properties: {{ order: {{ type: string }}, n: {{ type: integer }}, customer: {{ type: string }}, text: {{ type: string }} }} }}
    do: {{ method: POST, path: "/customers/{{customer}}/bookings", body: {{ order: "{{order}}", n: "{{n}}", customer: "{{customer}}", text: "{{text}}" }} }}
"#,
            rest.display()
        ),
    )?;
    write(
        folder,
        "flows/book.yaml",
        r#"
on: order.placed
key: event.data.customer.id
when: event.data.amount >= 100
steps:
  - call: books.booking.add
    with:
      order: "${event.data.id}"
      n: "${event.data.n}"
      customer: "${event.data.customer.id}"
      text: "Order ${event.data.id} of ${event.data.customer.name}: ${event.data.note}"
"#,
    )?;
    approve(folder)
}

/// A version of a system: what the site has of it.
pub(crate) struct Version {
    /// The system file.
    pub(crate) system: String,
    /// The grant's file.
    pub(crate) grant: String,
    /// The adapter's.
    pub(crate) digest: String,
}

/// The system `books` of the end-to-end part, and the same with an adapter of other bytes, both approved. The first is
/// in force afterwards.
pub(crate) fn two_versions(folder: &Path, adapters: &Path) -> anyhow::Result<[Version; 2]> {
    let first = fs::read_to_string(folder.join("systems/books.yaml"))?;
    let (rest, other) = (
        adapters.join("rest.wasm"),
        folder.join("adapters/other.wasm"),
    );
    let mut bytes = fs::read(&rest)?;
    // A custom section, which means nothing: another digest.
    bytes.extend([0, 6, 5]);
    bytes.extend(b"other");
    fs::create_dir_all(folder.join("adapters"))?;
    fs::write(&other, bytes)?;
    sign(&other)?;
    let second = first.replace(&rest.display().to_string(), &other.display().to_string());
    let version = |system: String| {
        write(folder, "systems/books.yaml", &system)?;
        approve(folder)?;
        let grant = fs::read_to_string(folder.join("grants/books.yaml"))?;
        let digest = serde_json::from_str::<Grant>(&grant)?.adapter.digest;
        anyhow::Ok(Version {
            system,
            grant,
            digest,
        })
    };
    let second = version(second)?;
    Ok([version(first)?, second])
}

/// `tombolo.yaml` for a host on `port`.
pub(crate) fn main_file(port: u16) -> String {
    let key = PUBLISHER.as_ref().map(Signer::key).unwrap_or_default();
    format!(
        "listen: 127.0.0.1:{port}\ndata: data\ntokens: [{{ name: bench, token: env:BENCH_TOKEN, may: [operate, publish, answer] }}]\naccess: {{ rate: 100000/s }}\npublishers: {{ \"tombolo/*\": {key} }}\n"
    )
}

/// Whom every site here trusts.
static PUBLISHER: LazyLock<Result<Signer, PackError>> =
    LazyLock::new(|| Signer::open(&tombolo_pack::keygen(None)?.secret, None));

/// Signs an adapter where it lies.
pub(crate) fn sign(adapter: &Path) -> anyhow::Result<()> {
    let publisher = PUBLISHER
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let package = Package::read(fs::read(adapter)?)?;
    let signature = publisher.sign(&package.bytes, &package.manifest.adapter)?;
    Ok(fs::write(
        tombolo_server::site::signature_file(adapter),
        signature,
    )?)
}

/// Writes one file of a site.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A site with `count` systems of the REST adapter.
pub(crate) fn write_many(
    folder: &Path,
    adapters: &Path,
    port: u16,
    count: u32,
) -> anyhow::Result<()> {
    write(folder, "tombolo.yaml", &main_file(port))?;
    let rest = adapters.join("rest.wasm");
    for number in 0..count {
        let text = format!(
            r#"
adapter: {}
connections:
  api: {{ http: "https://crm-{number}.example", credential: {{ bearer: env:BENCH_TOKEN }}, allow: ["GET /orders/{{id}}"] }}
actions:
  order.get: {{ effect: read, summary: Reads an order, do: {{ method: GET, path: "/orders/{{id}}" }} }}
"#,
            rest.display()
        );
        write(folder, &format!("systems/crm-{number}.yaml"), &text)?;
    }
    approve(folder)
}

/// To the site of the end-to-end part, a system where nobody listens on `port`, and a flow that needs it.
pub(crate) fn add_dead(folder: &Path, adapters: &Path, port: u16) -> anyhow::Result<()> {
    let text = format!(
        r#"
adapter: {}
connections:
  api:
    http: "http://127.0.0.1:{port}"
    network: private
    allow: ["POST /customers/{{customer}}/parts"]
actions:
  part.add:
    effect: write
    summary: Notes a part
    do: {{ method: POST, path: "/customers/{{customer}}/parts", body: {{ n: "{{n}}" }} }}
"#,
        adapters.join("rest.wasm").display()
    );
    write(folder, "systems/parts.yaml", &text)?;
    write(
        folder,
        "flows/part.yaml",
        r#"
on: part.wanted
key: event.subject
steps:
  - call: parts.part.add
    with: { customer: "${event.data.customer}", n: "${event.data.n}" }
"#,
    )?;
    approve(folder)
}

/// To the site of the end-to-end part, a system that does whatever its events say, with a server at `address`.
pub(crate) fn add_attacker(
    folder: &Path,
    adapters: &Path,
    address: SocketAddr,
) -> anyhow::Result<()> {
    let text = format!(
        r#"
adapter: {}
unsigned: allow
connections:
  api:
    http: "http://{address}"
    network: private
    credential: {{ bearer: env:ATTACK_TOKEN }}
    allow: ["GET /orders/*", "POST /orders/{{id}}/notes"]
keys: {{ signing: env:ATTACK_TOKEN }}
actions:
  go: {{ effect: read, summary: Goes, do: {{}} }}
"#,
        adapters.join("attacker.wasm").display()
    );
    write(folder, "systems/attacker.yaml", &text)?;
    let flow = "
on: attack
steps:
  - call: attacker.go
    with: \"${event.data}\"
    retry: { attempts: 1 }
";
    write(folder, "flows/attack.yaml", flow)?;
    approve(folder)
}

/// Has fields kept back from the attacker, by the name and by the value.
pub(crate) fn keep_back(folder: &Path) -> anyhow::Result<()> {
    let file = "systems/attacker.yaml";
    let text = fs::read_to_string(folder.join(file))?;
    let fields = "fields:
  hide: [birthday, customer.notes]
  mask: { phone: phone, card-number: card }
  mask-matching: ['[A-Z]{2}[0-9]{9}']
";
    write(folder, file, &(text + fields))?;
    approve(folder)
}

/// A site that reads the table of `source.db` into that of `target.db`.
pub(crate) fn write_feed(folder: &Path, adapters: &Path, port: u16) -> anyhow::Result<()> {
    write(folder, "tombolo.yaml", &main_file(port))?;
    let sql = adapters.join("sql.wasm");
    let sql = sql.display();
    let source = format!(
        r#"
adapter: {sql}
connections:
  db:
    sqlite: source.db
    statements:
      items-since:
        effect: read
        text: SELECT no, sku, price FROM item WHERE no > coalesce(:cursor, 0) ORDER BY no LIMIT :limit
feeds:
  items:
    every: 1 s
    do: {{ statement: items-since, cursor: /no, event: {{ type: item.listed, id: "{{no}}" }} }}
emits: [item.listed]
"#
    );
    let target = format!(
        r#"
adapter: {sql}
connections:
  db:
    sqlite: target.db
    statements:
      add:
        effect: write
        text: INSERT INTO item (no, code, price) VALUES (:no, :code, :price) ON CONFLICT (no) DO NOTHING
actions:
  item.add:
    effect: write
    summary: Takes an item over
    do: {{ statement: add, result: affected }}
"#
    );
    write(folder, "systems/source.yaml", &source)?;
    write(folder, "systems/target.yaml", &target)?;
    write(
        folder,
        "flows/copy.yaml",
        r#"
on: item.listed
steps:
  - call: target.item.add
    with: { no: "${event.data.no}", code: "X-${event.data.sku}", price: "${event.data.price}" }
"#,
    )?;
    approve(folder)
}

/// A site that compares the tables of `left.db` and `right.db`.
pub(crate) fn write_reconcile(folder: &Path, adapters: &Path, port: u16) -> anyhow::Result<()> {
    write(folder, "tombolo.yaml", &main_file(port))?;
    let sql = adapters.join("sql.wasm");
    for side in ["left", "right"] {
        let system = format!(
            r#"
adapter: {}
connections:
  db:
    sqlite: {side}.db
    statements:
      since:
        effect: read
        text: SELECT no, sku, price FROM item WHERE no > coalesce(:cursor, 0) ORDER BY no LIMIT :limit
feeds:
  items:
    do: {{ statement: since, cursor: /no, event: {{ type: item.listed, id: "{{no}}" }} }}
emits: [item.listed]
"#,
            sql.display()
        );
        write(folder, &format!("systems/{side}.yaml"), &system)?;
    }
    write(
        folder,
        "reconciliations/items.yaml",
        r#"
left: { feed: left.items, key: string(item.no) }
right: { feed: right.items, key: string(item.no) }
fields:
  sku: { left: item.sku, right: item.sku }
  price: { left: item.price, right: item.price, tolerance: "0.01" }
"#,
    )?;
    approve(folder)
}

/// A site with one flow that asks a person.
pub(crate) fn write_waiting(folder: &Path, port: u16) -> anyhow::Result<()> {
    write(folder, "tombolo.yaml", &main_file(port))?;
    write(
        folder,
        "flows/ask.yaml",
        r#"
on: question.raised
key: event.subject
steps:
  - id: approval
    ask: { role: manager, question: "Go on with ${event.data.n}?", options: [approve, reject] }
    timeout: 48h
"#,
    )
}

/// Grants every system of the site what it asks for, as a reviewer who says yes to all.
fn approve(folder: &Path) -> anyhow::Result<()> {
    let site = tombolo_server::site::read(folder)
        .map_err(|problems| anyhow::anyhow!("the benchmark's site: {}", problems[0]))?;
    for (name, plan) in &site.systems {
        write(
            folder,
            &format!("grants/{name}.yaml"),
            &serde_json::to_string(&grant(&plan.bare))?,
        )?;
    }
    Ok(())
}

/// A grant of everything a system asks for.
pub(crate) fn grant(spec: &SystemSpec) -> Grant {
    let wishes = tombolo_kernel::grant::wishes(spec);
    let approved = Approval {
        by: "bench".into(),
        at: "2026-11-22T10:00:00Z".into(),
        reason: "benchmark".into(),
        signature: None,
    };
    Grant::whole(wishes, approved)
}

/// A system that has nothing bound.
pub(crate) fn spec(name: &str, package: Arc<Package>) -> SystemSpec {
    let offer = |action: &tombolo_manifest::Action| ActionOffer {
        effect: action.effect,
        summary: action.summary.clone(),
        input: action.input.clone(),
        output: action.output.clone(),
    };
    SystemSpec {
        name: name.to_owned(),
        review: std::sync::Arc::default(),
        signer: Vouching::Allowed {
            found: "the benchmark's own adapter".into(),
        },
        connections: BTreeMap::new(),
        keys: BTreeMap::new(),
        settings: format!("{{\"system\":\"{name}\"}}").into(),
        actions: package
            .manifest
            .actions
            .iter()
            .map(|(name, action)| (name.clone(), offer(action)))
            .collect(),
        hooks: BTreeSet::new(),
        subscriptions: BTreeMap::new(),
        feeds: BTreeSet::new(),
        emits: BTreeSet::new(),
        store_quota: None,
        calls: BTreeSet::new(),
        fields: Default::default(),
        limits: SystemLimits::default(),
        package,
    }
}

/// Compiles through this executable.
pub(crate) fn compile_config(folder: &Path) -> CompileConfig {
    CompileConfig {
        cache: folder.join("cache"),
        child: compile_child(),
    }
}

fn compile_child() -> (PathBuf, Vec<String>) {
    let executable = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tombolo-bench"));
    (executable, vec!["compile-child".to_owned()])
}

/// Serves a site until the process is ended.
pub(crate) async fn serve(folder: &Path) -> anyhow::Result<()> {
    let options = HostOptions {
        compile_child: compile_child(),
        listen: None,
    };
    let host = Host::start(folder, options).await?;
    std::future::pending::<()>().await;
    host.stop().await;
    Ok(())
}
