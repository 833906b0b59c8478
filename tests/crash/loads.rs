//! The loads: one flow for each way in which a run can be interrupted, how it is fed, and what must have arrived at the
//! end. A flow's name is also the name of its load; its text is in `site/flows/`. A new kind of step gets its flow there
//! and its line here.

use crate::journal::Entry;

/// How a flow is fed, and what becomes of it.
pub(crate) struct Load {
    /// The flow's name; its events are of type `load.NAME`.
    pub(crate) flow: &'static str,
    /// Senders, each with a key of its own.
    pub(crate) keys: u32,
    /// How its events come in.
    pub(crate) way: Way,
    /// Events that one sender may be ahead of the sink; 0: it sends slowly, for runs that stay.
    pub(crate) ahead: u64,
    /// The events that its runs wait for.
    pub(crate) ends: Ends,
    /// What the sink refuses, and what comes of that.
    pub(crate) fate: Fate,
    /// What the sink took of a run that went well.
    pub(crate) done: &'static [&'static str],
    /// What each step's undo is called at the sink.
    pub(crate) undos: &'static [(&'static str, &'static str)],
}

/// How events come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Hook,
    Published,
    /// Read from a table of the driver's, page by page.
    Feed,
    /// Told to Mosquitto.
    Broker,
    /// Told to RabbitMQ.
    Queue,
    /// Told to nats-server.
    Stream,
}

/// Events that a run waits for, sent by the sender of its own event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    None,
    One,
    /// Every second run's never comes.
    Half,
    /// One for each item.
    Items,
}

/// What the sink refuses for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Never,
    /// One call in a hundred, whichever.
    Chance,
    /// The same, and the time for a step may run out.
    Late,
    /// In every third run one step; the run then dies, and the sink took these.
    Dies(&'static [&'static str]),
    /// In every third run one step; the run goes on all the same, and the sink took these.
    Mends(&'static [&'static str]),
}

/// The items of every event.
pub(crate) const ITEMS: [&str; 3] = ["a", "b", "c"];

/// A load of one call, from which the others differ.
const PLAIN: Load = Load {
    flow: "plain",
    keys: 4,
    way: Way::Published,
    ahead: 12,
    ends: Ends::None,
    fate: Fate::Chance,
    done: &["1"],
    undos: &[],
};

/// All loads.
pub(crate) const LOADS: [Load; 18] = [
    PLAIN,
    Load {
        flow: "posted",
        way: Way::Hook,
        ..PLAIN
    },
    Load {
        flow: "fed",
        way: Way::Feed,
        ..PLAIN
    },
    Load {
        flow: "queued",
        way: Way::Queue,
        ..PLAIN
    },
    Load {
        flow: "streamed",
        way: Way::Stream,
        ..PLAIN
    },
    Load {
        flow: "heard",
        way: Way::Broker,
        fate: Fate::Never,
        done: &["1", "2", "3"],
        ..PLAIN
    },
    Load {
        flow: "asked",
        ahead: 4,
        done: &["1", "3"],
        ..PLAIN
    },
    Load {
        flow: "timed",
        keys: 2,
        way: Way::Hook,
        fate: Fate::Late,
        done: &["1", "2"],
        ..PLAIN
    },
    Load {
        flow: "parked",
        keys: 1,
        ahead: 0,
        ..PLAIN
    },
    Load {
        flow: "waited",
        ahead: 8,
        ends: Ends::One,
        fate: Fate::Never,
        done: &["1", "2"],
        ..PLAIN
    },
    Load {
        flow: "lapsed",
        keys: 2,
        ahead: 4,
        ends: Ends::Half,
        fate: Fate::Never,
        done: &["3"],
        ..PLAIN
    },
    Load {
        flow: "gathered",
        keys: 3,
        ahead: 4,
        ends: Ends::Items,
        fate: Fate::Never,
        done: &[
            "1/a",
            "1/b",
            "1/c",
            "1/a-ended",
            "1/b-ended",
            "1/c-ended",
            "2",
        ],
        ..PLAIN
    },
    Load {
        flow: "lines",
        ahead: 6,
        fate: Fate::Dies(&["3"]),
        done: &["1/a", "1/b", "1/c", "4"],
        undos: &[("1/a", "2/a"), ("1/b", "2/b")],
        ..PLAIN
    },
    Load {
        flow: "kept",
        keys: 3,
        ahead: 6,
        fate: Fate::Mends(&["1/a", "1/b", "2"]),
        done: &["1/a", "1/b", "1/c", "2"],
        ..PLAIN
    },
    Load {
        flow: "called",
        keys: 3,
        ahead: 8,
        fate: Fate::Never,
        done: &["1", "2", "3"],
        ..PLAIN
    },
    Load {
        flow: "undone",
        ahead: 8,
        fate: Fate::Dies(&["4", "5", "6"]),
        done: &["1", "2", "3"],
        undos: &[("1", "5"), ("2", "4")],
        ..PLAIN
    },
    Load {
        flow: "mended",
        keys: 3,
        ahead: 8,
        fate: Fate::Mends(&["2", "3"]),
        done: &["1", "3"],
        ..PLAIN
    },
    Load {
        flow: "trapped",
        keys: 3,
        ahead: 8,
        fate: Fate::Never,
        done: &["1", "2"],
        ..PLAIN
    },
];

/// The load of a flow; none for the flow that tells of dead letters.
pub(crate) fn find(flow: &str) -> Option<&'static Load> {
    LOADS.iter().find(|load| load.flow == flow)
}

impl Load {
    /// Whether the sink refuses a step of the event with this number.
    pub(crate) fn is_refused(&self, n: u64) -> bool {
        matches!(self.fate, Fate::Dies(_) | Fate::Mends(_)) && n.is_multiple_of(3)
    }

    /// Whether its runs wait for longer than the driver does.
    pub(crate) fn is_parked(&self) -> bool {
        self.ahead == 0
    }

    /// Whether its runs have lanes, and arrive in their order.
    pub(crate) fn is_in_order(&self) -> bool {
        !self.is_parked()
    }

    /// What the run waits for, by the names its `wait` steps know.
    pub(crate) fn awaited(&self, entry: &Entry) -> Vec<String> {
        let id = entry.id();
        match self.ends {
            Ends::One => vec![id],
            Ends::Half if entry.n.is_multiple_of(2) => vec![id],
            Ends::None | Ends::Half => Vec::new(),
            Ends::Items => ITEMS.iter().map(|item| format!("{id}/{item}")).collect(),
        }
    }
}
