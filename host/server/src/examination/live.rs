//! A live system examined: its own file with the adapter that is examined in the place of its own.

use std::path::Path;
use std::sync::Arc;

use tombolo_kernel::audit::{AuditRecord, AuditSink};
use tombolo_kernel::clock::{Clock as _, MachineClock, new_id};
use tombolo_kernel::failure::Failure;
use tombolo_kernel::fields::Gathered;
use tombolo_kernel::grant::{self, Approval, Grant};
use tombolo_kernel::limits;
use tombolo_kernel::package::Package;
use tombolo_kernel::package::signature::Verdict as Signature;
use tombolo_kernel::sandbox::{CompileConfig, Engine};
use tombolo_kernel::schema::InputSchema;
use tombolo_kernel::system::{ActionCall, Actor as _, Surroundings, SystemSpec, Systems};
use tombolo_manifest::Profile;

use super::values::Values;
use super::{ExaminationError, Finding, How, Verdict, astray, cases, feeds};
use crate::broker::Links;
use crate::secrets::SecretSource;
use crate::site::{self, Adapter, AdapterPlace, Adapters, Around, SystemPlan};
use crate::trial::Values as Memory;

/// A system that is called.
pub(super) struct Live {
    systems: Arc<Systems>,
    plan: SystemPlan,
}

/// Examines the system whose file is `systems/NAME.yaml` of the site in `folder`, through this adapter.
///
/// # Errors
/// Why nothing was examined. What the system answers is no error, but a finding.
pub async fn of_system(
    folder: &Path,
    name: &str,
    package: Arc<Package>,
    how: &How,
) -> Result<Vec<Finding>, ExaminationError> {
    let (plan, source) = planned(folder, name, package)?;
    let spec = plan.resolve(&source)?;
    let cache = tempfile::tempdir()?;
    let compile = || CompileConfig {
        cache: cache.path().join("cache"),
        child: how.child.clone(),
    };
    let live = Live::start(spec.clone(), plan.clone(), compile()).await?;
    let unique = new_id(MachineClock.now_ms()).to_lowercase();
    let mut values = Values::new(&how.given, unique);
    let mut found = Vec::new();
    for profile in plan.profiles.iter().filter_map(|name| Profile::named(name)) {
        cases::carry_out(&live, profile, how.writes, &mut values, &mut found).await;
    }
    feeds::read(&live, &mut found).await;
    let skipped =
        |part: &str, what: &str, why: String| Finding::new(part, what, Verdict::Skipped, why);
    let questions = astray::questions(&live, &values);
    match (&questions, astray::mistaken(spec.clone())) {
        (Ok(questions), Ok(mistaken)) => {
            let wrong = Live::start(mistaken, plan.clone(), compile()).await?;
            if let Some(question) = questions.first() {
                found.push(astray::refused(&wrong, question, how.writes).await);
            }
        }
        (Err(why), _) => found.push(skipped("refused", "a wrong credential", why.clone())),
        (_, Err(why)) => found.push(skipped("refused", "a wrong credential", why)),
    }
    match (&questions, astray::nowhere(spec)) {
        (Ok(questions), Ok(nowhere)) => {
            let lost = Live::start(nowhere, plan, compile()).await?;
            for question in questions {
                found.push(astray::unreachable(&lost, question).await);
            }
        }
        (Err(why), _) => found.push(skipped("outage", "nobody answers", why.clone())),
        (_, Err(why)) => found.push(skipped("outage", "nobody answers", why)),
    }
    Ok(found)
}

/// The system's plan with this adapter, and where its secrets are.
fn planned(
    folder: &Path,
    name: &str,
    package: Arc<Package>,
) -> Result<(SystemPlan, SecretSource), ExaminationError> {
    let settings = site::settings(folder).map_err(ExaminationError::Site)?;
    let file = format!("systems/{name}.yaml");
    let text = site::text(folder, &file).map_err(ExaminationError::Site)?;
    let around = Around::of(folder, &settings);
    let (plan, problems) = site::draft(name, &file, &text, &around, &mut Only(package));
    let source = SecretSource::new(folder, settings.secrets.clone());
    match plan {
        // Vendors examine what they have not signed yet.
        Some(mut plan) if problems.is_empty() => {
            plan.bare.signer = examined().signer(true);
            Ok((plan, source))
        }
        _ => Err(ExaminationError::Site(problems)),
    }
}

/// The one adapter that is examined, wherever the file says that its own lies.
struct Only(Arc<Package>);

impl Adapters for Only {
    fn adapter(&mut self, _place: &AdapterPlace) -> Result<Adapter, String> {
        Ok(Adapter {
            package: Arc::clone(&self.0),
            verdict: examined(),
            file: "examined.wasm".into(),
        })
    }
}

fn examined() -> Signature {
    Signature::Untrusted("it is only examined".into())
}

impl Live {
    async fn start(
        mut spec: SystemSpec,
        plan: SystemPlan,
        compile: CompileConfig,
    ) -> Result<Self, ExaminationError> {
        let systems = Systems::new(Surroundings {
            engine: Arc::new(Engine::new(compile)?),
            clock: Arc::new(MachineClock),
            audit: Arc::new(Unheard),
            key_values: Arc::new(Memory::default()),
            brokers: Arc::new(Links),
            only_tried: false,
        });
        spec.review = Arc::default();
        let nobody = Approval {
            by: "nobody".into(),
            at: String::new(),
            reason: "only examined".into(),
            signature: None,
        };
        let whole = Grant::whole(grant::wishes(&spec), nobody);
        systems.connect(spec, Some(&whole)).await?;
        Ok(Self { systems, plan })
    }

    /// Whether the system offers an action.
    pub(super) fn offers(&self, action: &str) -> bool {
        self.plan.bare.actions.contains_key(action)
    }

    /// Its feeds.
    pub(super) fn feeds(&self) -> impl Iterator<Item = &str> {
        self.plan.bare.feeds.iter().map(String::as_str)
    }

    /// The cursor that its file says a feed begins with.
    pub(super) fn begins(&self, feed: &str) -> Option<String> {
        self.plan.feeds.get(feed)?.from.clone()
    }

    /// The profiles it keeps.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &'static Profile> {
        self.plan
            .profiles
            .iter()
            .filter_map(|name| Profile::named(name))
    }

    /// A page of a feed: the events as id, type and data, the cursor, and whether there is more.
    pub(super) async fn read(
        &self,
        feed: &str,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<tombolo_kernel::system::Page, Failure> {
        let name = &self.plan.bare.name;
        self.systems.read(name, feed, cursor, limit).await.result
    }

    /// Calls an action with an input that is first held against its schema, as a host does.
    pub(super) async fn call(
        &self,
        action: &str,
        input: &serde_json::Value,
        key: &str,
    ) -> Result<serde_json::Value, Failure> {
        let name = &self.plan.bare.name;
        let schema = self.plan.bare.actions.get(action);
        let schema = schema.and_then(|offer| offer.input.as_ref());
        if let Some(schema) = schema.and_then(|schema| InputSchema::compile(schema).ok()) {
            let problems = schema.problems(input, limits::FIELD_PROBLEMS);
            if !problems.is_empty() {
                return Err(Failure::InvalidInput { problems });
            }
        }
        let call = ActionCall {
            action: action.to_owned(),
            input: input.to_string(),
            idempotency_key: key.to_owned(),
            attempt: 1,
            cause: "0.examination/case".to_owned(),
            depth: 0,
            withheld: Gathered::By(None),
            lane: None,
        };
        let text = self.systems.act(name, call).await.result?;
        serde_json::from_str(&text).map_err(|error| Failure::Internal {
            message: format!("the answer is not JSON: {error}"),
        })
    }
}

/// Examining leaves no audit behind: there is no host whose it could be.
struct Unheard;

impl AuditSink for Unheard {
    fn record(&self, _record: Arc<AuditRecord>) {}
}
