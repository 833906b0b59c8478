//! Tokens of `tombolo.yaml` that are none, and what the operator is told.

use super::files::settings_refused;

#[test]
fn a_bad_token_is_told_where_and_what_and_never_its_text() {
    settings_refused(&[
        (
            "tokens:\n  - { name: ops, token: s3cret, may: [operate] }",
            "tombolo.yaml:2:25: the token: found a literal",
        ),
        (
            "tokens:\n  - { name: ops, token: env:T, may: [everything] }",
            "may: found the text \"everything\", expected operate, review, audit, publish, answer or assist",
        ),
        (
            "tokens:\n  - { name: a, token: env:T, may: [] }\n  - { name: a, token: env:U, may: [] }",
            "two tokens are named \"a\"",
        ),
        (
            "tokens:\n  - { name: a, token: env:T, may: [operate, review] }",
            "who operates must not review",
        ),
        (
            "tokens:\n  - { name: a, token: env:T, role: king }",
            "role: found the text \"king\", expected operator, reviewer, auditor, publisher, person or assistant",
        ),
        (
            "tokens:\n  - { name: a, token: env:T, role: auditor, may: [operate] }",
            "found both `role` and `may`",
        ),
        (
            "tokens:\n  - { name: a, token: env:T, role: auditor, systems: [] }",
            "systems: found nothing, expected at least one name",
        ),
        (
            "tokens:\n  - { name: a, token: env:T, role: auditor, expires: soon }",
            "expires: found the text \"soon\", expected a day such as `2027-01-31`",
        ),
        (
            "tokens:\n  - { name: a, token: env:T, role: auditor, rate: 5 }",
            "rate: found the number 5, expected calls per second, minute or hour such as `10/s`",
        ),
        (
            "access: { rate: fast }",
            "rate: found the text \"fast\", expected calls per second, minute or hour such as `10/s`",
        ),
        ("access: {}", "access needs `rate`"),
        (
            "tokens: { a: b }",
            "tokens: found a mapping, expected a list",
        ),
    ]);
}
