//! The table in `README.md` beside this file is complete: each case it calls tested has its test, and the reverse.

use std::collections::BTreeSet;
use std::fs;

use tombolo_tests::built::root;

#[test]
fn the_table_lists_exactly_the_cases_that_have_tests() {
    let folder = root().join("tests/hostile");
    let mut tested = BTreeSet::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some(name) = line.strip_prefix("fn case_") else {
                continue;
            };
            tested.extend(name.split('_').filter_map(|part| part.parse::<u8>().ok()));
        }
    }
    let table = fs::read_to_string(folder.join("README.md")).unwrap();
    let listed: BTreeSet<u8> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(
        listed, tested,
        "README.md's table and the tests `case_NN_...` differ"
    );
}
