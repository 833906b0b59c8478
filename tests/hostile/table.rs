//! The table in `README.md` beside this file is complete: every case from 1 to 90 stands in it with the file that has its
//! test. 91 to 97 wait for MCP.

use std::collections::BTreeSet;
use std::fs;

use tombolo_tests::built::root;

/// Case and file.
type Cases = BTreeSet<(u8, String)>;

#[test]
fn the_table_lists_every_case_from_1_to_90_with_the_file_of_its_test() {
    let folder = root().join("tests/hostile");
    let mut tested = Cases::new();
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for module in main.lines().filter_map(|line| line.strip_prefix("mod ")) {
        let file = format!("{}.rs", module.trim_end_matches(';'));
        let text = fs::read_to_string(folder.join(&file)).unwrap();
        tested.extend(cases(&text).map(|case| (case, file.clone())));
    }
    let table = fs::read_to_string(folder.join("README.md")).unwrap();
    let listed: Cases = table.lines().filter_map(row).collect();
    let difference: Vec<_> = listed.symmetric_difference(&tested).collect();
    assert!(
        difference.is_empty(),
        "README.md's table and the tests `case_NN_...` differ in {difference:?}"
    );
    let numbers: Vec<u8> = listed.iter().map(|(case, _)| *case).collect();
    assert_eq!(numbers, (1..=90).collect::<Vec<_>>(), "each case once");
}

/// The cases that a file has tests of: functions that run, named `case_71_73_...`.
fn cases(text: &str) -> impl Iterator<Item = u8> {
    let lines: Vec<&str> = text.lines().collect();
    let of = |pair: &[&str]| {
        let name = (pair[0] == "#[test]").then(|| pair[1].strip_prefix("fn case_"))??;
        let numbers = name.split('_').map_while(|part| part.parse().ok());
        Some(numbers.collect::<Vec<u8>>())
    };
    let found: Vec<u8> = lines.windows(2).filter_map(of).flatten().collect();
    found.into_iter()
}

/// `| 7 | attack | result | file.rs |`
fn row(line: &str) -> Option<(u8, String)> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    let case = cells.next()?.parse().ok()?;
    let file = cells.last()?.trim_end_matches(" |");
    Some((case, file.to_owned()))
}
