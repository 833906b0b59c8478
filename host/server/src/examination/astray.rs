//! The same system led astray: it is asked with a wrong credential, and where nobody answers. What it is asked then may be
//! anything that went well before: nothing can come of it where the adapter and the system are as they should be.

use serde_json::{Value, json};
use tombolo_kernel::failure::Failure;
use tombolo_kernel::secret::Secret;
use tombolo_kernel::system::{Binding, Credential, SqlPlace, SystemSpec};
use tombolo_manifest::{Case, Effect, Profile};
use url::Url;

use super::cases::{cut, told};
use super::live::Live;
use super::values::Values;
use super::{Finding, Verdict};

/// A port that nobody is behind: discard, on this machine.
const NOBODY: (&str, u16) = ("127.0.0.1", 9);
/// In the place of every password, token and key.
const WRONG: &[u8] = b"not-the-secret";

/// Something to ask.
pub(super) enum Question {
    Call {
        action: String,
        input: Value,
        effect: Effect,
    },
    Feed(String),
}

/// One question of each profile, the harmless ones first, or else a feed; why there is none, where there is none.
pub(super) fn questions(live: &Live, values: &Values) -> Result<Vec<Question>, String> {
    let asked = live
        .profiles()
        .map(|profile| question(live, profile, values));
    let (mut found, mut missing) = (Vec::new(), None);
    for one in asked {
        match one {
            Ok(question) => found.extend(question),
            Err(name) => missing = Some(name),
        }
    }
    if found.is_empty() {
        found.extend(
            live.feeds()
                .next()
                .map(|feed| Question::Feed(feed.to_owned())),
        );
    }
    match missing {
        _ if !found.is_empty() => Ok(found),
        Some(name) => Err(format!("it needs --given {name}=VALUE")),
        None => Err("it has no feed, and no action of a profile".to_owned()),
    }
}

/// A case that goes well and whose input can be filled in: a list, else what reads, else what writes. The name of the value
/// that is missing, where only that is.
fn question(live: &Live, profile: &Profile, values: &Values) -> Result<Option<Question>, String> {
    let offered = |case: &&Case| case.fails.is_empty() && live.offers(&case.call);
    let cases = profile.cases.iter().filter(offered);
    let mut cases: Vec<(&Case, Effect)> = cases
        .filter_map(|case| Some((case, profile.actions.get(&case.call)?.effect)))
        .collect();
    cases.sort_by_key(|(case, effect)| (*effect, case.items.is_none()));
    let mut missing = Ok(None);
    for (case, effect) in cases {
        let with = if case.with.is_null() {
            json!({})
        } else {
            case.with.clone()
        };
        match values.fill(&with) {
            Ok(input) => {
                let action = case.call.clone();
                return Ok(Some(Question::Call {
                    action,
                    input,
                    effect,
                }));
            }
            Err(name) => missing = Err(name),
        }
    }
    missing
}

impl Question {
    async fn ask(&self, live: &Live) -> Option<Failure> {
        match self {
            Self::Call { action, input, .. } => {
                live.call(action, input, "check-astray").await.err()
            }
            Self::Feed(feed) => live.read(feed, live.begins(feed), 1).await.err(),
        }
    }

    fn writes(&self) -> bool {
        matches!(self, Self::Call { effect, .. } if *effect != Effect::Read)
    }

    fn words(&self) -> String {
        match self {
            Self::Call { action, .. } => action.clone(),
            Self::Feed(feed) => format!("feed {feed}"),
        }
    }
}

/// The system with wrong credentials; or why it cannot be had. A connection without one could be what an action goes over.
pub(super) fn mistaken(mut spec: SystemSpec) -> Result<SystemSpec, String> {
    for (name, binding) in &mut spec.connections {
        let made_wrong = match binding {
            Binding::Http(http) => make_wrong(&mut http.credential),
            Binding::Sql(_) | Binding::Broker(_) => false,
        };
        if !made_wrong {
            return Err(format!(
                "its connection `{name}` has no HTTP credential that could be wrong"
            ));
        }
    }
    if spec.connections.is_empty() {
        return Err("it has no connection".to_owned());
    }
    Ok(spec)
}

/// Whether there was something to make wrong.
fn make_wrong(credential: &mut Credential) -> bool {
    let wrong = || Secret::new(WRONG.to_vec());
    match credential {
        Credential::None => return false,
        Credential::Basic {
            password: secret, ..
        }
        | Credential::Bearer { token: secret }
        | Credential::Header { value: secret, .. }
        | Credential::Query { value: secret, .. } => *secret = wrong(),
        // It is the system that is to refuse, not the server where tokens are had.
        Credential::OAuth2ClientCredentials { .. } => {
            *credential = Credential::Bearer { token: wrong() }
        }
    }
    true
}

/// The system where nobody answers, without its secrets; or why it cannot be had.
pub(super) fn nowhere(mut spec: SystemSpec) -> Result<SystemSpec, String> {
    for (name, binding) in &mut spec.connections {
        let place = match binding {
            Binding::Http(http) => {
                http.private_network = true;
                http.credential = Credential::None;
                Some(&mut http.base)
            }
            Binding::Broker(broker) => {
                (broker.place.user, broker.place.password) = (None, None);
                Some(&mut broker.place.url)
            }
            Binding::Sql(sql) => match &mut sql.place {
                SqlPlace::Postgres { url, password } | SqlPlace::MySql { url, password } => {
                    *password = None;
                    Some(url)
                }
                SqlPlace::Sqlite { .. } => None,
            },
        };
        if !place.is_some_and(lead_away) {
            return Err(format!(
                "its connection `{name}` is a file, which is always there"
            ));
        }
    }
    Ok(spec)
}

fn lead_away(url: &mut Url) -> bool {
    let (host, port) = NOBODY;
    url.set_host(Some(host)).is_ok() && url.set_port(Some(port)).is_ok()
}

/// A system that does not know who asks refuses, in the kind that has an operator look at the credential. It is asked once:
/// there are systems that lock a user out after a few times.
pub(super) async fn refused(wrong: &Live, question: &Question, writes: bool) -> Finding {
    let what = format!("{} with a wrong credential", question.words());
    let (outcome, note) = if question.writes() && !writes {
        let note = "it writes into a system that would take it even so; say --writes";
        (Verdict::Skipped, note.to_owned())
    } else {
        match question.ask(wrong).await {
            Some(failure @ Failure::Unauthorized { .. }) => (Verdict::Passed, told(&failure)),
            Some(other) => (
                Verdict::Failed,
                format!(
                    "expected unauthorized, so that people mend the credential; found {}",
                    told(&other)
                ),
            ),
            None => (
                Verdict::Failed,
                "expected unauthorized, it went well: the system does not look at the credential"
                    .to_owned(),
            ),
        }
    };
    Finding::new("refused", what, outcome, cut(&note))
}

/// A system that cannot be reached is told as one.
pub(super) async fn unreachable(lost: &Live, question: &Question) -> Finding {
    let what = format!("{} while nobody answers", question.words());
    let (outcome, note) = match question.ask(lost).await {
        Some(failure @ Failure::Unavailable { .. }) => (Verdict::Passed, told(&failure)),
        Some(other) => (
            Verdict::Failed,
            format!(
                "expected unavailable, so that it is tried again; found {}",
                told(&other)
            ),
        ),
        None => (
            Verdict::Failed,
            "expected unavailable, it went well".to_owned(),
        ),
    };
    Finding::new("outage", what, outcome, cut(&note))
}
