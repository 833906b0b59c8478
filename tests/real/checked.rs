//! `tombolo adapter check` against a live system: the cases of the profiles that it keeps.

use tombolo_tests::built::run;
use tombolo_tests::site::TestSite;

/// Checks a system of the site through one of the site's adapters, writing, with these values given.
///
/// # Panics
/// With the table, where a check fails or is not tried for want of a value, nobody answering and a wrong credential included.
#[track_caller]
pub(crate) fn passes(
    site: &TestSite,
    system: (&str, &str),
    environment: &[(&str, &str)],
    given: &[&str],
) -> String {
    let out = checked(site, system, environment, given);
    for tried in ["with a wrong credential", "while nobody answers"] {
        let passed = |line: &str| line.contains(tried) && line.contains(" passed ");
        assert!(out.lines().any(passed), "{tried}: {out}");
    }
    out
}

/// The same for a system that has no credential to be wrong.
///
/// # Panics
/// With the table, where a check fails or is not tried for want of a value.
#[track_caller]
pub(crate) fn checked(
    site: &TestSite,
    (adapter, system): (&str, &str),
    environment: &[(&str, &str)],
    given: &[&str],
) -> String {
    let adapter = site.path().join(format!("adapters/{adapter}.wasm"));
    let system = site.path().join(format!("systems/{system}.yaml"));
    let mut arguments = vec!["adapter", "check", adapter.to_str().unwrap(), "--writes"];
    arguments.extend(["--system", system.to_str().unwrap()]);
    for given in given {
        arguments.extend(["--given", given]);
    }
    let (code, out, err) = run(&arguments, environment);
    assert_eq!(code, 0, "{out}{err}");
    assert!(!out.contains("it needs --given"), "{out}");
    out
}
