//! Fixed width: each field has its place in the line, counted in characters.

use super::{FixedOptions, Row, Rows, bad, check_names, object};

pub(super) fn check(options: &FixedOptions) -> Result<(), String> {
    if options.columns.is_empty() {
        return Err("columns: are missing; expected `{ name, from, width }` for each".to_owned());
    }
    for column in &options.columns {
        if column.from == 0 || column.width == 0 {
            return Err(format!(
                "columns: `{}` has from {} and width {}; expected both from 1 on",
                column.name, column.from, column.width
            ));
        }
    }
    check_names(options.columns.iter().map(|column| column.name.as_str()))
}

pub(super) fn read(options: &FixedOptions, text: &str) -> Rows {
    let mut rows = Rows::default();
    // Spaces at a line's end are often cut off: only what begins behind the end is missing.
    let least = options
        .columns
        .iter()
        .map(|column| column.from)
        .max()
        .unwrap_or(1);
    for (index, line) in text.lines().enumerate().skip(options.skip) {
        if line.is_empty() {
            continue;
        }
        let starts: Vec<usize> = line.char_indices().map(|(at, _)| at).collect();
        if starts.len() < least {
            let problem = format!(
                "found {} characters, expected at least {least}",
                starts.len()
            );
            rows.bad.push(bad(index + 1, problem, line));
            continue;
        }
        let place = |character: usize| starts.get(character).copied().unwrap_or(line.len());
        let fields = options.columns.iter().map(|column| {
            let from = column.from - 1;
            let field = &line[place(from)..place(from.saturating_add(column.width))];
            let field = if options.trim {
                field.trim_matches(' ')
            } else {
                field
            };
            (column.name.as_str(), field)
        });
        rows.rows.push(Row {
            line: index + 1,
            json: object(fields),
        });
    }
    rows
}
