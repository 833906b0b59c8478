//! What a record is of, and how it ended: words for people, numbers for the store's indexes. Both are kept for years:
//! a number is never given to another word.

/// Kinds below this are calls of an adapter, from it on decisions.
const FIRST_DECISION: u8 = 32;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal;)+) => {
        /// What a record is of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $kind,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// As records, the API and the command line spell it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            /// As the store indexes it.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$kind => $number),+ }
            }
        }
    };
}

kinds! {
    /// A request to a server.
    Http = 1, "http";
    /// A statement in a database.
    Sql = 2, "sql";
    /// A message to a broker.
    Broker = 3, "broker";
    /// A use of a key that was denied.
    Keys = 4, "keys";
    /// A use of the adapter's own store that was denied.
    Store = 5, "store";
    /// An action of another system.
    Actions = 6, "actions";
    /// An event that was not granted.
    Emit = 7, "emit";
    /// A reviewer approved a grant: who is in `who`. It need not be in force yet.
    Approval = 32, "approval";
    /// A system began to run.
    Load = 33, "load";
    /// A system was replaced by another version, grant or configuration of itself.
    Swap = 34, "swap";
    /// A system waits for a reviewer, a signature or a secret; what ran before keeps running, unless its own approvals are
    /// no longer enough.
    HoldBack = 35, "hold-back";
    /// A system is gone.
    Removal = 36, "removal";
    /// A person answered a task.
    Answer = 37, "answer";
    /// A person retried, edited or discarded a dead letter.
    Repair = 38, "repair";
    /// A person changed a step of a run.
    Mend = 39, "mend";
    /// A person moved a run to another version of its flow.
    Move = 40, "move";
    /// Past events were given to a flow again.
    Replay = 41, "replay";
    /// The site was read again, or did not check.
    Reload = 42, "reload";
    /// A request to the host was refused for its token, its right or its signature.
    Refusal = 43, "refusal";
    /// Events were published through the API.
    Publish = 44, "publish";
    /// Ids were linked or unlinked by a person.
    Link = 45, "link";
    /// A feed was read or a reconciliation begun because a person said so.
    Order = 46, "order";
    /// Records were lost: too many waited for the disk.
    Lost = 47, "lost";
    /// Records were forgotten: older than the site keeps them.
    Forgotten = 48, "forgotten";
    /// The chain was found altered when the host started.
    Altered = 49, "altered";
    /// A grant was revoked: by whom is in `who`, save where its file was removed.
    Revoke = 50, "revoke";
    /// A grant ended by its date.
    Expiry = 51, "expiry";
    /// A system was disabled.
    Disable = 52, "disable";
    /// A system was enabled.
    Enable = 53, "enable";
    /// A system went back to its last good version.
    Rollback = 54, "rollback";
    /// A share of a system's lanes was given to another version.
    Canary = 55, "canary";
    /// A system kept crashing and rests.
    Quarantine = 56, "quarantine";
    /// A token was made or revoked by command: by whom is in `who`.
    Login = 57, "login";
    /// The host started or stopped.
    Host = 58, "host";
    /// A file of the site was changed, added or removed.
    Change = 59, "change";
}

impl Kind {
    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether somebody decided something, and no adapter called anything.
    #[must_use]
    pub const fn is_decision(self) -> bool {
        self.number() >= FIRST_DECISION
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It was allowed, and went well.
    #[default]
    Allowed,
    /// It was refused; nothing left.
    Denied,
    /// It was allowed, and failed.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Denied, Self::Failed];

    /// As records, the API and the command line spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }

    /// As the store indexes it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Allowed => 0,
            Self::Denied => 1,
            Self::Failed => 2,
        }
    }

    /// The outcome of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// How a call ended whose status is `ok` or an HTTP status below 400, or anything else.
    #[must_use]
    pub fn of_call(denied: bool, status: &str) -> Self {
        let is_good = status == "ok" || (status.len() == 3 && status < "400");
        match (denied, is_good) {
            (true, _) => Self::Denied,
            (false, true) => Self::Allowed,
            (false, false) => Self::Failed,
        }
    }
}
