//! JSON Schemas (2020-12) of the site's files, for editors: they complete keys and mark mistakes while a file is
//! written. `tombolo check` stays the judge: it knows what no schema can say, such as which actions there are.

/// The schema of one kind of file.
#[derive(Debug, Clone, Copy)]
pub struct FileSchema {
    /// `flow`.
    pub name: &'static str,
    /// The files it is for, below the site's folder; of two that match, the longer counts.
    pub files: &'static str,
    /// JSON.
    pub text: &'static str,
}

/// All of them.
pub const SCHEMAS: [FileSchema; 8] = [
    FileSchema {
        name: "tombolo",
        files: "tombolo.yaml",
        text: include_str!("../schemas/tombolo.json"),
    },
    FileSchema {
        name: "system",
        files: "systems/*.yaml",
        text: include_str!("../schemas/system.json"),
    },
    FileSchema {
        name: "flow",
        files: "flows/*.yaml",
        text: include_str!("../schemas/flow.json"),
    },
    FileSchema {
        name: "flow-test",
        files: "flows/*.test.yaml",
        text: include_str!("../schemas/flow-test.json"),
    },
    FileSchema {
        name: "grant",
        files: "grants/*.yaml",
        text: include_str!("../schemas/grant.json"),
    },
    FileSchema {
        name: "schedule",
        files: "schedules/*.yaml",
        text: include_str!("../schemas/schedule.json"),
    },
    FileSchema {
        name: "people",
        files: "people.yaml",
        text: include_str!("../schemas/people.json"),
    },
    FileSchema {
        name: "reconciliation",
        files: "reconciliations/*.yaml",
        text: include_str!("../schemas/reconciliation.json"),
    },
];
