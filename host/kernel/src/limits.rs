//! Every bound, with its unit and its reason, in one file. Nothing in the host grows without one of these.

use std::time::Duration;

/// Bytes in a mebibyte.
pub const MIB: u64 = 1 << 20;

// === packages ===

/// Largest component that is read, bytes. JavaScript and Python guests are 12 to 20 MiB.
pub const PACKAGE_BYTES: u64 = 32 * MIB;
/// Largest manifest, bytes. The longest plausible one has a hundred actions with schemas.
pub const MANIFEST_BYTES: usize = 256 << 10;
/// What an adapter says it was built from, bytes: a component takes 500 about, a large guest has a few hundred.
pub const SBOM_BYTES: usize = 1 << 20;
/// Components it may name.
pub const SBOM_COMPONENTS: usize = 5_000;
/// A `.minisig` file, bytes. Its four lines have 300 about.
pub const SIGNATURE_BYTES: u64 = 4 << 10;
/// Names of adapters and vendors whose publishers a site trusts.
pub const PUBLISHERS: usize = 1_000;
/// Reviewers whom a site lists.
pub const REVIEWERS: usize = 100;
/// Keys of one publisher: an old and a new one, and some for its people.
pub const PUBLISHER_KEYS: usize = 16;
/// Deepest nesting of modules and components in a package. Composed guests have 2 or 3.
pub const PACKAGE_DEPTH: usize = 8;
/// Address space of the compiling child, bytes. A 12 MiB guest peaks near 1.5 GiB.
pub const COMPILE_MEMORY: u64 = 4096 * MIB;
/// Processor time of the compiling child. A 12 MiB guest takes 21 s.
pub const COMPILE_CPU: Duration = Duration::from_secs(120);

/// Whole time of the compiling child: twice its processor time, for a machine that is busy.
pub const COMPILE_TIME: Duration = Duration::from_secs(240);
/// Native code of one component, bytes. A 12 MiB guest makes about 60 MiB.
pub const COMPILED_BYTES: usize = 512 << 20;
/// Compiling children at a time: each may take [`COMPILE_MEMORY`].
pub const COMPILES: usize = 2;
/// Files of compiled code that are kept.
pub const CACHE_FILES: usize = 256;

// === one call ===

/// Linear memory of one instance, bytes, unless the manifest asks and the grant agrees.
pub const MEMORY: u64 = 64 * MIB;
/// Most memory that can be asked for, bytes: the slot size of the pool.
pub const MEMORY_MOST: u64 = 256 * MIB;
/// Elements of one table.
pub const TABLE_ELEMENTS: usize = 20_000;
/// Time in the guest for one call, not counting what it waits for.
pub const CPU: Duration = Duration::from_millis(1000);
/// Time in the guest after which a call's processor time is counted; after as much of that it goes on in the background, in
/// turns of one [`BACKGROUND_TICK`] with others of its kind. A hundred times what a usual call takes.
pub const GUEST_SLICE: Duration = Duration::from_millis(4);
/// Calls of a system that begin in the background after one of it ran long.
pub const BACKGROUND_CALLS: u32 = 16;
/// Memory of an instance, bytes, from which giving it back takes so long that it is done in the background.
pub const BACKGROUND_MEMORY: u64 = 4 * MIB;
/// The longest rest of a thread that computes in the background, times of what it worked: it has a quarter of its
/// processor while the rest of the host is busy, and all of it while that does nothing.
pub const BACKGROUND_REST: f64 = 3.0;
/// The share of all processors that the rest of the host uses when it counts as busy.
pub const BACKGROUND_BUSY: f64 = 0.25;
/// One call with all it waits for.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Of that, what a guest keeps for its answer when a server does not give one: a failure that names the server, and not a
/// guest that is killed. A hundred times what it takes.
pub const LAST_WORDS: Duration = Duration::from_millis(100);
/// After its deadline, how long a call in the background may go without the turn in which it would end by itself: more is a
/// machine whose processors others have.
pub const OVERDUE: Duration = Duration::from_secs(1);
/// How often a running guest is asked whether it is over a limit; also how far it can overrun.
pub const EPOCH_TICK: Duration = Duration::from_millis(2);
/// The same while something computes in the background: threads that wake line up behind each of its turns.
pub const BACKGROUND_TICK: Duration = Duration::from_micros(500);
/// Guest stack, bytes.
pub const WASM_STACK: usize = 512 << 10;
/// Stack of a call, bytes: the guest's and, above it, that of the host calls it makes. Reserved, not touched.
pub const FIBER_STACK: usize = 2 << 20;
/// What a guest may hand to the host in one call, bytes about: an HTTP body of 8 MiB and its headers.
pub const HOSTCALL_FUEL: usize = 9 << 20;
/// Handles to host resources. The contract has none; a component's inner ones are few.
pub const HANDLES: usize = 1_000;
/// One message of a failure, bytes. Longer ones are cut.
pub const FAILURE_WORDS: usize = 2 << 10;
/// Problems of one invalid input. More are cut.
pub const FIELD_PROBLEMS: usize = 100;
/// A feed's cursor, bytes.
pub const CURSOR_BYTES: usize = 4 << 10;
/// Host calls in one call. A page of 1,000 items with one look-up each fits.
pub const HOST_CALLS: u32 = 2_000;
/// Host calls of one call after which its uses of the store take turns with others of its kind in its system.
pub const HOST_CALLS_AT_ONCE: u32 = 100;
/// The rest after such a read, times of what it took: all of them together have a quarter of one reader. A write has none.
pub const READ_REST: u32 = 3;
/// The least that a guest can wait for an answer: each request that is broken off costs a connection.
pub const HTTP_TIMEOUT_LEAST: Duration = Duration::from_millis(100);
/// A rest that is worth a sleep.
pub const SHORTEST_REST: Duration = Duration::from_millis(1);
/// JSON in or out of a call, bytes.
pub const JSON_BYTES: usize = 1 << 20;
/// Nesting of any JSON that comes in.
pub const JSON_DEPTH: usize = 64;
/// Rules for hidden and masked fields of one system; each is held against every name of an input.
pub const FIELD_RULES: usize = 256;
/// A compiled pattern of masked texts, bytes. A few hundred alternatives fit.
pub const FIELD_PATTERN_BYTES: usize = 1 << 20;
/// Values that are kept back from one call and looked for in its input under other names.
pub const WITHHELD_VALUES: usize = 1_024;
/// Shorter values, in bytes, are in too many other places to tell where they came from.
pub const WITHHELD_SHORTEST: usize = 6;
/// Events from one `receive` or `read`.
pub const EVENTS_PER_CALL: usize = 1_000;
/// Log lines of one call.
pub const LOG_LINES: u32 = 100;
/// One log line, bytes.
pub const LOG_LINE_BYTES: usize = 2 << 10;
/// Depth of `actions.call` chains.
pub const ACTION_DEPTH: u8 = 4;

// === instances ===

/// Calls at a time in one system; also its most instances.
pub const INSTANCES_PER_SYSTEM: usize = 16;
/// Calls that wait for an instance of one system before more are turned away.
pub const WAITING_PER_SYSTEM: usize = 1_024;
/// Calls after which an instance is replaced: what a guest leaks ends here.
pub const CALLS_PER_INSTANCE: u32 = 10_000;
/// An unused instance is dropped after this.
pub const INSTANCE_IDLE: Duration = Duration::from_secs(10);
/// Instances of all systems: the size of the pool.
pub const INSTANCES: u32 = 1_000;
/// Linear memory of all instances together, bytes. A grown memory counts whole, touched or not.
pub const MEMORY_OF_ALL: u64 = 8_192 * MIB;
/// Core modules in one component: the guest, its shims, and what a language's runtime brings.
pub const CORE_INSTANCES: u32 = 16;
/// Tables in one component.
pub const TABLES: u32 = 4;
/// Traps and overruns among the last [`CRASHES_OF`] calls after which a system is quarantined. One poison event with the
/// usual five attempts does not do it; an adapter that crashes at every other call does at once.
pub const CRASHES: u32 = 20;
/// See [`CRASHES`]; less than 64.
pub const CRASHES_OF: u32 = 40;
/// Calls under way in a version that another one replaced are given this long before they are cut off and made again:
/// what a usual call takes, many times over.
pub const SWAP_DRAIN: Duration = Duration::from_secs(10);
/// When senders are told to come again to a system that a person must enable first.
pub const RESTING_AGAIN: Duration = Duration::from_secs(30);
/// Systems whose quarantine, or whose canary's fall, is not told yet: one of each is under way at the most.
pub const LIFE_NEWS: usize = 2 * SYSTEMS;
/// Calls of a canary before its failures are weighed: less than half of what quarantines, so that one that only crashes
/// falls back first.
pub const CANARY_CALLS: u64 = 10;
/// Failures of a canary before they are weighed: one poison event tried five times is not a version's fault alone, but
/// then its lane waits between attempts.
pub const CANARY_FAILURES: u64 = 5;
/// By how many standard deviations its share of failures must be above the old version's. It is looked at after every
/// call, so chance has thousands of tries: at 4 each has 1 in 30,000.
pub const CANARY_SIGMA: f64 = 4.0;
/// Calls that went well, of both versions, before times are compared: the slowest tenth is five calls then.
pub const CANARY_TIMED: u64 = 50;
/// Slower than twice as long is told only beyond this: less is the noise of a busy machine.
pub const CANARY_SLOWER: Duration = Duration::from_millis(20);
/// How long a canary may last: a version is tried for weeks at the most.
pub const CANARY_MOST: Duration = Duration::from_secs(30 * 86_400);

/// Items of one system whose uses are remembered, also of those that are granted no more: some hundred grants.
pub const COUNTED_ITEMS: usize = 1_024;

// === HTTP out ===

/// Request or response body, bytes.
pub const HTTP_BODY: u64 = 8 * MIB;
/// Headers a guest may set.
pub const HTTP_HEADERS: usize = 64;
/// All headers of a response, bytes.
pub const HTTP_HEADER_BYTES: usize = 64 << 10;
/// Path and query, bytes.
pub const HTTP_PATH_BYTES: usize = 8 << 10;
/// Connecting.
pub const HTTP_CONNECT: Duration = Duration::from_secs(5);
/// A connection that nobody uses is closed after this; common servers keep theirs for 60 s.
pub const HTTP_IDLE: Duration = Duration::from_secs(30);
/// Unused connections kept to one server.
pub const HTTP_IDLE_CONNECTIONS: usize = 64;
/// Answer of a token endpoint, bytes. A large signed token has 16 KiB.
pub const HTTP_TOKEN_BYTES: u64 = 64 << 10;
/// A token is replaced this long before it ends: no request meets its end on the way.
pub const HTTP_TOKEN_EARLY: Duration = Duration::from_secs(30);
/// Life of a token whose server does not say.
pub const HTTP_TOKEN_LIFE: Duration = Duration::from_secs(300);
/// Longest that a token is kept, whatever its server says.
pub const HTTP_TOKEN_MOST: Duration = Duration::from_secs(24 * 3600);
/// After a token endpoint failed, whoever waited is told so for this long before it is asked again.
pub const HTTP_TOKEN_REST: Duration = Duration::from_secs(1);
/// Cookies of one connection: a session, its protection and what balances load have fewer.
pub const HTTP_COOKIES: usize = 20;
/// Bytes of all of them: servers refuse requests whose headers are longer than 8 KiB.
pub const HTTP_COOKIE_BYTES: usize = 4 << 10;

// === schemas of inputs ===

/// Parts of one schema, its references written out. A long form has some hundreds.
pub const SCHEMA_PARTS: u64 = 10_000;
/// Compiled form of one pattern, bytes: what `[a-z]{1,200}` many times over needs.
pub const SCHEMA_PATTERN: usize = 256 << 10;
/// Parts of a schema times values of an input: at 20 ns each 200 ms at the very most, and thousands of lines in a
/// document with a usual schema.
pub const SCHEMA_WORK: u64 = 10_000_000;
/// The same where something is wrong and it is told where, which takes some microseconds each.
pub const SCHEMA_TELLING: u64 = 200_000;

// === SQL ===

/// Text of one statement, bytes. The longest that people write by hand have some thousands.
pub const SQL_TEXT: usize = 16 << 10;
/// Words and signs of one statement: each may be a level of the tree that reading it makes, on a stack of 2 MiB.
pub const SQL_TOKENS: usize = 2_000;

/// Rows of one statement.
pub const SQL_ROWS: usize = 10_000;
/// Bytes of one statement's rows.
pub const SQL_BYTES: usize = 4 << 20;
/// One statement.
pub const SQL_TIME: Duration = Duration::from_secs(10);
/// Database connections of one system's connection.
pub const SQL_CONNECTIONS: u32 = 4;
/// Waiting for a database connection, new or free.
pub const SQL_CONNECT: Duration = Duration::from_secs(5);
/// An unused database connection is closed after this.
pub const SQL_IDLE: Duration = Duration::from_secs(60);

// === brokers ===

/// Payload of one message, either way, bytes: what a hook takes, and what brokers take by default.
pub const MESSAGE_BYTES: usize = 1 << 20;
/// Messages of one subscription that are taken from the broker and not acknowledged; it holds back the rest.
pub const MESSAGES_IN_HAND: u16 = 256;
/// Messages whose events go to the log in one write.
pub const MESSAGE_BATCH: usize = 64;
/// Messages of one batch that are with the adapter at a time.
pub const MESSAGES_AT_ONCE: usize = 8;
/// Publishing that waits for one broker; more is turned away.
pub const PUBLISHING: usize = 1_024;
/// Longest pause before a broker is asked for a connection again.
pub const BROKER_AGAIN: Duration = Duration::from_secs(30);

// === an adapter's store ===

/// One key, bytes.
pub const STORE_KEY: usize = 256;
/// One value, bytes.
pub const STORE_VALUE: usize = 64 << 10;
/// Keys of one listing.
pub const STORE_LISTING: u32 = 1_000;

// === what comes in ===

/// Body of a publish call, bytes.
pub const INBOUND_BODY: usize = 1 << 20;
/// Body of a hook's call, bytes: a chat server sends a hundred messages of 64 KiB at once.
pub const HOOK_BODY: usize = 8 << 20;
/// Reading a whole request.
pub const INBOUND_TIME: Duration = Duration::from_secs(15);
/// Requests under way, each of at most a mebibyte; a larger one counts as one for each. More get 503.
pub const INBOUND_REQUESTS: usize = 1_024;
/// An event's id, source, type or subject, bytes.
pub const EVENT_NAME: usize = 256;
/// Headers of a request, bytes; hyper wants at least 8 KiB.
pub const INBOUND_HEADER_BYTES: usize = 64 << 10;
/// Connections open at a time; more wait in the listener's queue.
pub const CONNECTIONS: u32 = 4_096;
/// Requests under way are given this long when the host stops.
pub const DRAIN: Duration = Duration::from_secs(10);
/// Long polls for new events at a time: each asks the store four times a second.
pub const TAILS: usize = 64;
/// Longest a long poll may wait; proxies give up after 30 s.
pub const TAIL_WAIT: Duration = Duration::from_secs(20);
/// Events in one published batch.
pub const EVENT_BATCH: usize = 1_000;
/// Times an event may cause an event that causes an event.
pub const HOPS: u16 = 16;

// === who may use the API ===

/// Tokens of one site, those of its file and those made by command: every request is compared with all of them.
pub const TOKENS: usize = 1_000;
/// Names in one scope of a token.
pub const TOKEN_NAMES: usize = 200;
/// Requests to the API in a second of one token, or of one address without one, unless said: a script that asks all day
/// does ten.
pub const ACCESS_RATE: u32 = 100;
/// Requests in a second of one token that publish, unless said: more than a host takes. Whoever sends less is not slowed.
pub const PUBLISH_RATE: u32 = 50_000;
/// How much of a rate may come at once: a page that opens asks many things.
pub const ACCESS_BURST: Duration = Duration::from_secs(2);
/// Requests that may come at once however small the rate is: one command makes several.
pub const ACCESS_BURST_LEAST: u64 = 10;
/// Wrong tokens from one address in [`LOGIN_WINDOW`] after which it is told to wait: two guesses a second.
pub const LOGIN_FAILURES: u32 = 120;
/// The time in which wrong tokens are counted, and the longest that an address waits.
pub const LOGIN_WINDOW: Duration = Duration::from_secs(60);
/// Addresses whose wrong tokens are counted at a time: 100 bytes each.
pub const LOGIN_PLACES: usize = 20_000;
/// A TLS handshake: two round trips of a far and slow client.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Headers of a request; browsers send 30.
pub const INBOUND_HEADERS: usize = 100;

// === the log and the engine ===

/// Writes that wait for the writer; more wait outside.
pub const STORE_QUEUE: usize = 8_192;
/// Writes in one group commit.
pub const GROUP_COMMIT: usize = 1_024;
/// How long a group commit gathers at least after the one before began, if that one had company: a commit costs the same
/// for one write as for fifty. A lone write never waits.
pub const GATHER: Duration = Duration::from_millis(1);
/// For each write of the one before: the more come, the more there is to save.
pub const GATHER_PER_WRITE: Duration = Duration::from_micros(125);
/// At most so many times the processor time of a commit: less often would leave senders that wait with nothing to do.
pub const GATHER_PER_COST: u32 = 5;
/// And at most this.
pub const GATHER_MOST: Duration = Duration::from_millis(5);
/// One text of an audit record, bytes; longer ones are cut. The longest path that is shown has 512 characters.
pub const AUDIT_TEXT: usize = 1 << 10;
/// Denials of one call that have a record each; of more only their number is on record. A mistaken adapter has a few.
pub const AUDIT_DENIALS: u32 = 50;
/// Audit records that wait for a commit. At 500 bytes, 32 MiB; while the disk is full, the newest are kept.
pub const AUDIT_WAITING: usize = 65_536;
/// Records of the audit that go to a collector together: half a MiB.
pub const AUDIT_EXPORTED: u32 = 1_000;
/// How long a collector may take for them.
pub const AUDIT_EXPORT: Duration = Duration::from_secs(30);
/// Records that a collector did not take yet are kept so many times as long as the site keeps others.
pub const AUDIT_UNEXPORTED: u64 = 2;
/// Records of the audit that one look at its chain takes: some milliseconds per thousand.
pub const AUDIT_CHECKED: u32 = 50_000;
/// Connections that read for the engine, and as many that read for people: a slow search starves nobody.
pub const STORE_READERS: usize = 2;
/// One search for people: longer ones hold back the reuse of the write-ahead log.
pub const STORE_SEARCH: Duration = Duration::from_secs(5);
/// Bytes of events or runs in one answer of the store.
pub const STORE_ANSWER: usize = 32 << 20;
/// Runs that are started and not yet committed as finished or waiting; above it hooks get 503.
pub const RUNS_UNDER_WAY: usize = 16_384;
/// Steps of one flow, nested ones included.
pub const FLOW_STEPS: usize = 500;
/// Items of one `each`: a run keeps what it needs of every item in its state, which is written at every call.
pub const EACH_ITEMS: usize = 1_000;
/// Items of one `each` that are under way at a time.
pub const EACH_AT_A_TIME: usize = 32;
/// Items of one `each` whose steps stay in the run's trace when they went well: failed ones always do.
pub const EACH_TRACED: usize = 20;
/// Flows that call flows, in each other.
pub const FLOW_CALLS_DEPTH: usize = 4;
/// Types of event that one `wait` waits for.
pub const WAIT_TYPES: usize = 10;
/// Events that one run may find with its `wait` steps.
pub const WAITS_PER_RUN: usize = 1_000;
/// Events that one run may emit: with [`HOPS`], what a storm is made of.
pub const EMITS_PER_RUN: u32 = 1_000;
/// Events that may come of one from outside, however deep: a hundred runs that emit all they may. [`HOPS`] and
/// [`EMITS_PER_RUN`] alone allow 10^48.
pub const DESCENDANTS: u32 = 100_000;
/// Dead letters of which an event tells when [`DESCENDANTS`] is reached: people are alerted by the first, and the list has
/// all.
pub const DESCENDANTS_DEAD: u32 = 100;
/// Definitions that runs waited on, bytes: 10,000 versions of a long flow.
pub const FLOW_TEXTS: u64 = 256 * MIB;
/// Text of one expression, bytes.
pub const EXPRESSION_BYTES: usize = 4 << 10;
/// Nesting of one expression.
pub const EXPRESSION_DEPTH: usize = 32;
/// Comprehensions inside each other: each multiplies the work by the input's length.
pub const EXPRESSION_COMPREHENSIONS: usize = 2;
/// Values that one evaluation may look at, 64 bytes of text counting as one: 50 ms at the very most.
pub const EXPRESSION_WORK: u32 = 200_000;
/// What one run keeps, bytes: all step results together.
pub const RUN_STATE_BYTES: usize = 4 << 20;
/// Attempts of a step unless the flow or the system's file says otherwise.
pub const ATTEMPTS: u32 = 5;
/// Attempts that a flow may ask for.
pub const ATTEMPTS_MOST: u32 = 100;
/// First pause between attempts unless the flow says otherwise; doubled each time.
pub const BACKOFF: Duration = Duration::from_secs(1);
/// Longest pause between attempts unless the flow says otherwise.
pub const BACKOFF_MOST: Duration = Duration::from_secs(300);
/// Longest pause that a system may ask for: then the next attempt asks again.
pub const RETRY_AFTER_MOST: Duration = Duration::from_secs(86_400);
/// Longest timeout or pause of a flow.
pub const WAIT_MOST: Duration = Duration::from_secs(400 * 86_400);
/// Calls of one system that the engine has under way; the rest wait for their turn inside it. Half of what may wait
/// for an instance, so that hooks of the same system still get in.
pub const CALLS_PER_SYSTEM: usize = WAITING_PER_SYSTEM / 2;
/// Calls in a time that a system's file may allow: more is none.
pub const RATE_MOST: u32 = 100_000;
/// Calls a system with a `rate` may make at once after a rest, as the time they would take.
pub const RATE_BURST: Duration = Duration::from_millis(100);
/// Unavailable answers in a row after which a system is taken for down and its runs wait in the store. One in ten
/// failing by chance does that once in 100,000 calls.
pub const BREAKER_FAILURES: u32 = 5;
/// How long a system that is down rests before one call probes it; doubled each time.
pub const BREAKER_REST: Duration = Duration::from_secs(1);
/// Longest such rest: how late a system that is back may be noticed.
pub const BREAKER_REST_MOST: Duration = Duration::from_secs(60);
/// Runs in memory that call or wait for one system while others need room; more are put into the store.
pub const RUNS_PER_SYSTEM: usize = 1_024;
/// Runs that waited for a system and are carried out again at a time: enough to keep all its calls busy.
pub const PULLED: usize = 2 * CALLS_PER_SYSTEM;
/// Runs of one lane that follow one that was pulled before the lane waits for its turn again.
pub const PULLED_TURNS: u32 = 256;
/// Runs of one lane that wait in memory; more are put into the store.
pub const LANE_IN_MEMORY: usize = 256;
/// Input or result of a step in a run's trace, bytes; longer ones are cut.
pub const TRACE_BYTES: usize = 2 << 10;
/// Attempts of one step in a run's trace: all that a flow may ask for, and some that met outages.
pub const TRACE_ATTEMPTS: usize = 200;
/// Repairs in a run's trace; the newest are kept.
pub const TRACE_REPAIRS: usize = 50;
/// Outward calls of one step in a run's trace.
pub const TRACE_CALLS: usize = 50;
/// Options of one question.
pub const TASK_OPTIONS: usize = 20;
/// Ids of one link, each of another system.
pub const LINK_SYSTEMS: usize = 20;
/// One id of a link, bytes: as long as an event's.
pub const LINK_ID: usize = EVENT_NAME;
/// Links of one import that go to the store in one write: some tens of milliseconds, for which other writes wait.
pub const LINK_BATCH: usize = 200;
/// Open questions about imported links: people answer no more in a week. Lines beyond it are refused.
pub const LINK_TASKS: u32 = 1_000;
/// Cross-references that one move of a run may look up, at some 10 microseconds each: five for every item of an `each`.
pub const LOOKUPS: usize = 5 * EACH_ITEMS;
/// How long events and their finished runs are kept unless the site says otherwise.
pub const RETENTION: Duration = Duration::from_secs(90 * 86_400);
/// How long audit records are kept unless the site says otherwise: six months, the longest of which have 184 days.
pub const RETENTION_AUDIT: Duration = Duration::from_secs(184 * 86_400);
/// Longest that anything may be kept: ten years, as ledgers are.
pub const RETENTION_MOST: Duration = Duration::from_secs(3_660 * 86_400);
/// Most that a site may allow its store, bytes: what one SQLite file holds in pages of 4 KiB.
pub const RETENTION_BYTES: u64 = 16 << 40;
/// How often what is old enough is forgotten.
pub const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// How long stopping waits for calls under way.
pub const STOPPING: Duration = Duration::from_secs(10);
/// Rows of one listing.
pub const LISTING: u32 = 1_000;

// === feeds and schedules ===

/// Feeds that are read at a time: each holds one page, and one call of its system.
pub const FEEDS: usize = 16;
/// Shortest time between two readings of a feed or two firings of a schedule; what must be faster is a hook.
pub const TIMING_LEAST: Duration = Duration::from_secs(1);
/// A firing of a schedule that is later than this was missed: a host that is up is never so late.
pub const SCHEDULE_LATE: Duration = Duration::from_secs(60);

// === registries ===

/// A manifest, a list of referrers, or what a registry says of an error, bytes: what registries themselves take.
pub const REGISTRY_MANIFEST: u64 = 4 * MIB;
/// Redirects of one request: a registry hands blobs over to a store, which may be in another region.
pub const REGISTRY_REDIRECTS: usize = 4;
/// Registries that a site names.
pub const REGISTRIES: usize = 100;

// === the site ===

/// One file of the site, bytes.
pub const SITE_FILE: u64 = 4 * MIB;
/// Rows of one value map: larger ones belong into a system that can look them up.
pub const TABLE_ROWS: usize = 50_000;
/// How long ahead the end of a grant is told: a reviewer's holiday.
pub const GRANT_WARNING: Duration = Duration::from_secs(14 * 86_400);
/// Systems of one site.
pub const SYSTEMS: usize = 5_000;

// === reconciliations ===

/// Fields that are compared: a wide table has a hundred.
pub const RECONCILED_FIELDS: usize = 100;
/// One row, bytes: it is held in memory beside the others of its part.
pub const RECONCILED_ROW: usize = 64 << 10;
/// One key, bytes. It is part of an event's id, which has room for more.
pub const RECONCILED_KEY: usize = 200;
/// Rows of one side on disk, bytes. One part of 64 of it is in memory at a time: 128 MiB.
pub const RECONCILED_BYTES: u64 = 8 << 30;
/// Differences of one run that become events, and are sorted in memory; the report has all. Two systems that differ in
/// more have a common cause, which no repair row by row should hide. Rows that agree, where a job tells of them, have as many
/// of their own.
pub const RECONCILED_EVENTS: usize = 10_000;
/// A row that goes into an event, bytes; of a larger one only the differing fields do.
pub const RECONCILED_ROW_TOLD: usize = 16 << 10;
/// Differences that a listing shows; the CSV has all.
pub const RECONCILED_SHOWN: usize = 1_000;
/// Rows of one side that could not be read of which a report says why.
pub const RECONCILED_WHY: usize = 20;
/// Reports of one job that are kept: a month of nights.
pub const RECONCILED_REPORTS: usize = 31;
