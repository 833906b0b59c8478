//! Who may use the API: tokens by their SHA-256, compared in constant time, each with what it allows.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tombolo_flow::problem::Problem;

use super::errors::Refusal;
use crate::core::Core;
use crate::refusals::Refused;
use crate::secrets::SecretSource;
use crate::site::{ApiToken, Scope};

/// A token shorter than this is guessed sooner than it is used, characters.
const SHORT: usize = 16;

/// The site's tokens; their texts are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Vec<Known>);

/// The name of a known token.
pub(crate) type Token = Arc<str>;

#[derive(Debug)]
struct Known {
    name: Token,
    digest: [u8; 32],
    may: BTreeSet<Scope>,
}

impl Tokens {
    /// Resolves every token.
    ///
    /// # Errors
    /// Those that cannot be had: a host whose operators are locked out should not look as if it ran well.
    pub(crate) fn resolve(
        tokens: &[ApiToken],
        source: &SecretSource,
    ) -> Result<Self, Vec<Problem>> {
        let mut known = Vec::new();
        let mut problems = Vec::new();
        for token in tokens {
            match source.resolve(&token.token) {
                Ok(secret) => {
                    if secret.expose().len() < SHORT {
                        tracing::warn!(token = %token.name, "this API token is shorter than {SHORT} characters; use a long random one");
                    }
                    known.push(Known {
                        name: token.name.as_str().into(),
                        digest: Sha256::digest(secret.expose()).into(),
                        may: token.may.clone(),
                    });
                }
                Err(error) => problems.push(Problem {
                    file: "tombolo.yaml".into(),
                    line: 0,
                    column: 0,
                    message: format!("token `{}`: {error}", token.name),
                }),
            }
        }
        if problems.is_empty() {
            Ok(Self(known))
        } else {
            Err(problems)
        }
    }

    /// Whose token these headers bear, and what it allows. Takes the same time for every token.
    ///
    /// # Errors
    /// No token, or none that is known.
    fn rights(&self, headers: &HeaderMap) -> Result<&Known, Refusal> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Refusal::NoToken);
        };
        let (scheme, token) = value
            .as_bytes()
            .split_at_checked(7)
            .ok_or(Refusal::NoToken)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") || token.is_empty() {
            return Err(Refusal::NoToken);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut found = u32::MAX;
        for (index, known) in self.0.iter().enumerate() {
            let same: Choice = known.digest.ct_eq(&digest);
            found.conditional_assign(&u32::try_from(index).unwrap_or(u32::MAX), same);
        }
        self.0.get(found as usize).ok_or(Refusal::NoToken)
    }

    /// Whether the bearer may do one of `scopes`, and their token's name.
    ///
    /// # Errors
    /// No token, or one without any of these rights, and its name.
    fn check(&self, headers: &HeaderMap, scopes: &[Scope]) -> Result<Token, (Refusal, Token)> {
        let known = self
            .rights(headers)
            .map_err(|refusal| (refusal, "".into()))?;
        match scopes {
            [first, ..] if !scopes.iter().any(|scope| known.may.contains(scope)) => {
                Err((Refusal::MayNot(*first), Arc::clone(&known.name)))
            }
            _ => Ok(Arc::clone(&known.name)),
        }
    }
}

/// Whether the bearer may do one of `scopes`; a refusal is on record.
///
/// # Errors
/// No token, or one without any of these rights.
pub(super) fn admit(
    core: &Core,
    headers: &HeaderMap,
    path: &str,
    scopes: &[Scope],
) -> Result<Token, Refusal> {
    let checked = core.tokens.load().check(headers, scopes);
    checked.map_err(|(refusal, token)| {
        let place = if path.starts_with("/events") {
            "/events"
        } else {
            "/api"
        };
        let why = match refusal {
            Refusal::MayNot(_) => "403 a token without this right",
            _ => "401 no valid token",
        };
        core.refused(Refused {
            why,
            token: token.to_string(),
            place: place.to_owned(),
        });
        refusal
    })
}

macro_rules! right {
    ($(#[$doc:meta])* $name:ident: $($scope:ident),+) => {
        $(#[$doc])*
        pub(crate) struct $name(
            #[allow(dead_code, reason = "who only looks is not on record")] pub(crate) Token,
        );

        impl FromRequestParts<Arc<Core>> for $name {
            type Rejection = Refusal;

            async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Refusal> {
                admit(core, &parts.headers, parts.uri.path(), &[$(Scope::$scope),+]).map(Self)
            }
        }
    };
}

right!(
    /// The bearer may operate.
    MayOperate: Operate
);
right!(
    /// The bearer may publish.
    MayPublish: Publish
);
right!(
    /// The bearer may answer tasks.
    MayAnswer: Answer
);
right!(
    /// The bearer may see tasks.
    MaySeeTasks: Answer, Operate
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::secrets::SecretReference;

    fn tokens() -> Tokens {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "operator-token-0001\n").unwrap();
        std::fs::write(folder.path().join("b"), "publisher-token-0002\n").unwrap();
        let token = |name: &str, scope: Scope| ApiToken {
            name: name.into(),
            token: SecretReference::File(name.into()),
            may: BTreeSet::from([scope]),
        };
        let source = SecretSource::new(folder.path(), None);
        Tokens::resolve(
            &[token("a", Scope::Operate), token("b", Scope::Publish)],
            &source,
        )
        .unwrap()
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_a_known_token_with_the_right_passes() {
        let tokens = tokens();
        let table: [(&[&str], Scope, Option<u16>); 9] = [
            (&["Bearer operator-token-0001"], Scope::Operate, None),
            (&["bearer publisher-token-0002"], Scope::Publish, None),
            (&["Bearer operator-token-0001"], Scope::Publish, Some(403)),
            (&["Bearer operator-token-0002"], Scope::Operate, Some(401)),
            (&["Bearer "], Scope::Operate, Some(401)),
            (&["Basic operator-token-0001"], Scope::Operate, Some(401)),
            (&["operator-token-0001"], Scope::Operate, Some(401)),
            (&[], Scope::Operate, Some(401)),
            (
                &["Bearer operator-token-0001", "Bearer x"],
                Scope::Operate,
                Some(401),
            ),
        ];
        for (values, scope, status) in table {
            let result = tokens.check(&headers(values), &[scope]);
            let found = result.err().map(|(refusal, _)| {
                axum::response::IntoResponse::into_response(refusal)
                    .status()
                    .as_u16()
            });
            assert_eq!(found, status, "{values:?}");
        }
    }

    #[test]
    fn a_site_without_tokens_lets_no_one_in() {
        assert!(
            Tokens::default()
                .check(&headers(&["Bearer x"]), &[])
                .is_err()
        );
    }

    #[test]
    fn a_token_that_cannot_be_had_is_a_problem_named_by_its_reference() {
        let folder = tempfile::tempdir().unwrap();
        let token = ApiToken {
            name: "ops".into(),
            token: SecretReference::File("none".into()),
            may: BTreeSet::new(),
        };
        let problems =
            Tokens::resolve(&[token], &SecretSource::new(folder.path(), None)).unwrap_err();
        assert!(
            problems[0]
                .message
                .contains("token `ops`: the secret file:none cannot be read")
        );
    }
}
