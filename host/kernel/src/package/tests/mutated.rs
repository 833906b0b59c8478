//! Components that were changed at their bytes and at their sections: dropped, repeated, reordered, resized, nested,
//! with counts beyond all bounds. Reading one ends with a package or with words, never with a panic, and what is
//! accepted imports nothing that its manifest does not declare, as a second and plainer reader sees it.

use proptest::prelude::*;
use wasmparser::{Parser, Payload};

use super::super::*;
use super::{HTTP, MANIFEST, component, with_manifest};

/// Imports of all kinds; the manifest declares only `http`.
const IMPORTS: &[&str] = &[
    "tombolo:adapter/types@0.1.0",
    HTTP,
    "tombolo:adapter/log@0.1.0",
    "tombolo:adapter/sql@0.1.0",
    "tombolo:adapter/store@0.1.0",
    "tombolo:adapter/keys@0.1.0",
    "tombolo:adapter/actions@0.1.0",
    "tombolo:adapter/http@0.2.0",
    "tombolo:adapter/http",
    "wasi:sockets/tcp@0.2.0",
    "acme:adapter/http@0.1.0",
];
/// Those of them that a component with this manifest may have.
const DECLARED: &[&str] = &["types", "exchange", "settings", "log", "clock", "http"];

/// The bytes after the header as sections: their kind and content.
fn sections(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    let mut rest = &bytes[8..];
    while let Some((id, after)) = rest.split_first() {
        let mut length = 0usize;
        let mut used = 0;
        for (index, byte) in after.iter().enumerate().take(5) {
            length |= usize::from(byte & 0x7f) << (7 * index);
            used = index + 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        found.push((*id, after[used..used + length].to_vec()));
        rest = &after[used + length..];
    }
    found
}

fn length(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        out.push(if number == 0 { byte } else { byte | 0x80 });
        if number == 0 {
            return;
        }
    }
}

#[derive(Debug, Clone)]
enum Change {
    Drop(usize),
    Repeat(usize, usize),
    Swap(usize, usize),
    /// The length that it says is another.
    Resize(usize, u64),
    /// The count at its beginning is another.
    Count(usize, u64),
    Kind(usize, u8),
    Content(usize, usize, u8),
    Cut(usize, usize),
    /// Inside as many components.
    Nest(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    let huge = || {
        prop_oneof![
            0..4u64,
            Just(u64::from(u32::MAX)),
            Just(1 << 31),
            Just(u64::MAX),
            Just(100_000)
        ]
    };
    prop_oneof![
        at().prop_map(Change::Drop),
        (at(), 1..30usize).prop_map(|(at, times)| Change::Repeat(at, times)),
        (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        (at(), huge()).prop_map(|(at, size)| Change::Resize(at, size)),
        (at(), huge()).prop_map(|(at, count)| Change::Count(at, count)),
        (at(), 0..14u8).prop_map(|(at, kind)| Change::Kind(at, kind)),
        (at(), at(), any::<u8>()).prop_map(|(at, byte, value)| Change::Content(at, byte, value)),
        (at(), at()).prop_map(|(at, length)| Change::Cut(at, length)),
        (at(), 1..40usize).prop_map(|(at, depth)| Change::Nest(at, depth)),
    ]
}

/// A section as it is written: its kind, the length it says, if that is a lie, and its content.
type Written = (u8, Option<u64>, Vec<u8>);

fn changed(sections: &mut Vec<Written>, change: &Change) {
    let count = sections.len();
    if count == 0 {
        return;
    }
    match change {
        Change::Drop(at) => drop(sections.remove(at % count)),
        Change::Repeat(at, times) => {
            let section = sections[at % count].clone();
            let copies = std::iter::repeat_n(section, *times);
            sections.splice(at % count..at % count, copies);
        }
        Change::Swap(one, other) => sections.swap(one % count, other % count),
        Change::Resize(at, size) => sections[at % count].1 = Some(*size),
        Change::Count(at, number) => {
            let content = &mut sections[at % count].2;
            let end = content
                .iter()
                .position(|byte| byte & 0x80 == 0)
                .map_or(0, |at| at + 1);
            let mut written = Vec::new();
            length(*number, &mut written);
            content.splice(..end, written);
        }
        Change::Kind(at, kind) => sections[at % count].0 = *kind,
        Change::Content(at, byte, value) => {
            let content = &mut sections[at % count].2;
            if !content.is_empty() {
                let byte = byte % content.len();
                content[byte] = *value;
            }
        }
        Change::Cut(at, length) => {
            let content = &mut sections[at % count].2;
            let length = length % (content.len() + 1);
            content.truncate(length);
        }
        Change::Nest(at, depth) => {
            let (kind, size, mut content) = sections[at % count].clone();
            let mut inner = written(&[(kind, size, std::mem::take(&mut content))]);
            for _ in 1..*depth {
                inner = written(&[(4, None, inner)]);
            }
            sections[at % count] = (4, None, inner);
        }
    }
}

fn written(sections: &[Written]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for (kind, size, content) in sections {
        bytes.push(*kind);
        length(size.unwrap_or(content.len() as u64), &mut bytes);
        bytes.extend_from_slice(content);
    }
    bytes
}

/// The names that the outermost component imports, read plainly.
fn imports(bytes: &[u8]) -> Vec<String> {
    let mut depth = 0;
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(bytes).flatten() {
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                names.extend(
                    section
                        .into_iter()
                        .flatten()
                        .map(|import| import.name.name.to_owned()),
                );
            }
            _ => {}
        }
    }
    names
}

fn all_declared(bytes: &[u8]) -> bool {
    let is_declared = |name: &String| {
        DECLARED.iter().any(|one| {
            name.strip_prefix("tombolo:adapter/")
                .and_then(|rest| rest.strip_prefix(one))
                .is_some_and(|rest| rest.starts_with("@0.1."))
        })
    };
    imports(bytes).iter().all(is_declared)
}

fn start() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::subsequence(IMPORTS, 0..4)
        .prop_map(|imports| with_manifest(component(&imports), MANIFEST))
}

proptest! {
    #[test]
    fn a_component_whose_sections_were_changed_is_refused_or_imports_what_it_declares(
        bytes in start(), changes in prop::collection::vec(change(), 0..5),
    ) {
        let mut parts: Vec<Written> = sections(&bytes).into_iter().map(|(kind, content)| (kind, None, content)).collect();
        for change in &changes {
            changed(&mut parts, change);
        }
        let bytes = written(&parts);
        match Package::read(bytes.clone()) {
            Ok(_) => prop_assert!(all_declared(&bytes), "{:?}", imports(&bytes)),
            Err(problem) => prop_assert!(!problem.to_string().is_empty()),
        }
    }

    #[test]
    fn a_component_whose_bytes_were_changed_is_refused_or_imports_what_it_declares(
        bytes in start(), flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in prop::option::of(any::<usize>()),
    ) {
        let mut bytes = bytes;
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % (bytes.len() + 1));
        }
        if Package::read(bytes.clone()).is_ok() {
            prop_assert!(all_declared(&bytes), "{:?}", imports(&bytes));
        }
    }
}
