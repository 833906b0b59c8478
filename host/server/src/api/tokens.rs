//! Who may use the API: tokens by their SHA-256, compared in constant time, each with what it allows.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tombolo_flow::problem::Problem;
use tombolo_kernel::clock::Millis;

use super::errors::Refusal;
use crate::access::{self, KeptTokens, Usable};
use crate::secrets::SecretSource;
use crate::site::ApiToken;

/// A token shorter than this is guessed sooner than it is used, characters.
const SHORT: usize = 16;

/// The site's tokens; their texts are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Vec<Usable>);

/// The name of a known token.
pub(crate) type Token = Arc<str>;

impl Tokens {
    /// Resolves every token.
    ///
    /// # Errors
    /// Those that cannot be had: a host whose operators are locked out should not look as if it ran well.
    pub(crate) fn resolve(
        tokens: &[ApiToken],
        source: &SecretSource,
        kept: &KeptTokens,
    ) -> Result<Self, Vec<Problem>> {
        let mut known = Vec::new();
        let mut problems = Vec::new();
        for token in tokens {
            match source.resolve(&token.token) {
                Ok(secret) => {
                    if secret.expose().len() < SHORT {
                        tracing::warn!(token = %token.name, "this API token is shorter than {SHORT} characters; use a long random one");
                    }
                    known.push(Usable {
                        name: token.name.as_str().into(),
                        by: Arc::from(""),
                        digest: access::digest(secret.expose()),
                        access: Arc::new(token.access.clone()),
                        used: kept.use_of(&token.name, 0),
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

    /// The token these headers bear: one of the site's, or of those made by command. Takes the same time for every
    /// token. One that is over is none.
    ///
    /// # Errors
    /// No token, or none that is known.
    pub(crate) fn bearer<'t>(
        &'t self,
        kept: &'t [Usable],
        headers: &HeaderMap,
        now_ms: Millis,
    ) -> Result<&'t Usable, Refusal> {
        let digest = access::digest(presented(headers).ok_or(Refusal::NoToken)?);
        let all = || self.0.iter().chain(kept);
        let mut found = u32::MAX;
        for (index, known) in all().enumerate() {
            let same: Choice = known.digest.ct_eq(&digest);
            found.conditional_assign(&u32::try_from(index).unwrap_or(u32::MAX), same);
        }
        all()
            .nth(found as usize)
            .filter(|known| !known.access.is_over(now_ms))
            .ok_or(Refusal::NoToken)
    }
}

/// The text of the one token that headers bear.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tombolo_kernel::clock::MachineClock;

    use super::*;
    use crate::access::{Access, Role, Scopes};
    use crate::secrets::SecretReference;

    fn tokens() -> Tokens {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "operator-token-0001\n").unwrap();
        std::fs::write(folder.path().join("b"), "publisher-token-0002\n").unwrap();
        let token = |name: &str, role: Role, end: Option<u64>| ApiToken {
            name: name.into(),
            token: SecretReference::File(name.into()),
            access: Access {
                roles: [role].into(),
                scopes: Scopes::default(),
                expires_ms: end,
                rate: None,
            },
        };
        let source = SecretSource::new(folder.path(), None);
        let tokens = [
            token("a", Role::Operator, None),
            token("b", Role::Publisher, Some(5)),
        ];
        let kept = KeptTokens::of(folder.path(), Arc::new(MachineClock));
        Tokens::resolve(&tokens, &source, &kept).unwrap()
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_a_known_token_that_is_not_over_is_one() {
        let tokens = tokens();
        let table: [(&[&str], u64, Option<&str>); 9] = [
            (&["Bearer operator-token-0001"], 9, Some("a")),
            (&["bearer publisher-token-0002"], 4, Some("b")),
            (&["bearer publisher-token-0002"], 5, None),
            (&["Bearer operator-token-0002"], 0, None),
            (&["Bearer "], 0, None),
            (&["Basic operator-token-0001"], 0, None),
            (&["operator-token-0001"], 0, None),
            (&[], 0, None),
            (&["Bearer operator-token-0001", "Bearer x"], 0, None),
        ];
        for (values, now_ms, expected) in table {
            let headers = headers(values);
            let found = tokens.bearer(&[], &headers, now_ms);
            let found = found.ok().map(|known| &*known.name);
            assert_eq!(found, expected, "{values:?} at {now_ms}");
        }
    }

    #[test]
    fn a_site_without_tokens_lets_no_one_in() {
        let headers = headers(&["Bearer x"]);
        assert!(Tokens::default().bearer(&[], &headers, 0).is_err());
    }

    #[test]
    fn a_token_that_cannot_be_had_is_a_problem_named_by_its_reference() {
        let folder = tempfile::tempdir().unwrap();
        let token = ApiToken {
            name: "ops".into(),
            token: SecretReference::File("none".into()),
            access: Access::default(),
        };
        let kept = KeptTokens::of(folder.path(), Arc::new(MachineClock));
        let source = SecretSource::new(folder.path(), None);
        let problems = Tokens::resolve(&[token], &source, &kept).unwrap_err();
        assert!(
            problems[0]
                .message
                .contains("token `ops`: the secret file:none cannot be read")
        );
    }
}
