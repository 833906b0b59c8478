//! A layer between SQLite and the disk, for files that a test put under [`Faults`]: it makes syncs fail or hang,
//! fills the disk, and writes down every write and sync, so that a test can lay out the files as a power cut at any
//! moment would have left them.

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};
use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, LazyLock, Mutex, Once};

/// What happened to the files, in order.
#[derive(Debug, Clone)]
enum Happened {
    Write(String, u64, Vec<u8>),
    Truncate(String, u64),
    Sync(String),
    /// A test noted something: what was acknowledged by then.
    Mark(u64),
}

/// The faults and the record of one folder.
#[derive(Debug, Default)]
pub(super) struct Faults {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    log: Vec<Happened>,
    failing_syncs: u32,
    syncs_hang: bool,
    hanging: u32,
    disk_is_full: bool,
}

static FOLDERS: LazyLock<Mutex<HashMap<PathBuf, Arc<Faults>>>> = LazyLock::new(Mutex::default);

impl Faults {
    /// Puts a folder's files, opened from now on, under faults.
    pub(super) fn over(folder: &Path) -> Arc<Self> {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(install);
        let faults = Arc::new(Self::default());
        let folder = folder.canonicalize().unwrap();
        FOLDERS.lock().unwrap().insert(folder, Arc::clone(&faults));
        faults
    }

    /// The next syncs fail.
    pub(super) fn fail_syncs(&self, count: u32) {
        self.state.lock().unwrap().failing_syncs = count;
    }

    /// Syncs hang, or go on.
    pub(super) fn hang_syncs(&self, hang: bool) {
        self.state.lock().unwrap().syncs_hang = hang;
        self.changed.notify_all();
    }

    /// Waits until a sync hangs.
    pub(super) fn wait_for_a_hanging_sync(&self) {
        let mut state = self.state.lock().unwrap();
        while state.hanging == 0 {
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Writes find no space, or do again.
    pub(super) fn fill_disk(&self, full: bool) {
        self.state.lock().unwrap().disk_is_full = full;
    }

    /// Notes what is acknowledged now.
    pub(super) fn mark(&self, acknowledged: u64) {
        self.state
            .lock()
            .unwrap()
            .log
            .push(Happened::Mark(acknowledged));
    }

    /// Forgets what happened so far: the files as they are now count as safe.
    pub(super) fn begin(&self) {
        self.state.lock().unwrap().log.clear();
    }

    /// How many things happened so far: moments at which power can be cut.
    pub(super) fn moments(&self) -> usize {
        self.state.lock().unwrap().log.len()
    }

    /// Lays the files out as they are if power is cut at a moment: what was synced is there; of what was written
    /// since, each piece by chance wholly, in part, or not at all. Returns what was acknowledged by then.
    ///
    /// `before` holds the files as they were when the record began.
    pub(super) fn cut_power(&self, at: usize, before: &Path, to: &Path, seed: u64) -> u64 {
        let log = self.state.lock().unwrap().log[..at].to_vec();
        let mut chance = Chance(seed | 1);
        let mut files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(before)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, std::fs::read(entry.path()).unwrap())
            })
            .collect();
        let mut acknowledged = 0;
        for (index, happened) in log.iter().enumerate() {
            let is_synced = |name: &String| {
                log[index..]
                    .iter()
                    .any(|later| matches!(later, Happened::Sync(synced) if synced == name))
            };
            match happened {
                Happened::Write(name, offset, bytes) => {
                    let most = match chance.below(3) {
                        _ if is_synced(name) => bytes.len(),
                        0 => 0,
                        1 => bytes.len(),
                        _ => chance.below(bytes.len() + 1),
                    };
                    let file = files.entry(name.clone()).or_default();
                    let offset = usize::try_from(*offset).unwrap();
                    if file.len() < offset + most {
                        file.resize(offset + most, 0);
                    }
                    file[offset..offset + most].copy_from_slice(&bytes[..most]);
                }
                Happened::Truncate(name, size) if is_synced(name) || chance.below(2) == 0 => {
                    let size = usize::try_from(*size).unwrap();
                    files.entry(name.clone()).or_default().resize(size, 0);
                }
                Happened::Mark(count) => acknowledged = *count,
                Happened::Truncate(..) | Happened::Sync(_) => {}
            }
        }
        for (name, bytes) in files {
            std::fs::write(to.join(name), bytes).unwrap();
        }
        acknowledged
    }

    fn write(&self, name: &str, offset: sqlite3_int64, bytes: &[u8]) -> c_int {
        let mut state = self.state.lock().unwrap();
        if state.disk_is_full {
            return ffi::SQLITE_FULL;
        }
        let offset = u64::try_from(offset).unwrap();
        state
            .log
            .push(Happened::Write(name.to_owned(), offset, bytes.to_vec()));
        ffi::SQLITE_OK
    }

    fn sync(&self, name: &str) -> c_int {
        let mut state = self.state.lock().unwrap();
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            return ffi::SQLITE_IOERR_FSYNC;
        }
        while state.syncs_hang {
            state.hanging += 1;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap();
            state.hanging -= 1;
        }
        state.log.push(Happened::Sync(name.to_owned()));
        ffi::SQLITE_OK
    }
}

/// Xorshift: the same seed, the same cuts.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % most
    }
}

// === the layer, as SQLite wants it (sqlite.org/vfs.html) ===

/// An open file: ours in front, the real one behind it in the same memory.
#[repr(C)]
struct Layer {
    base: sqlite3_file,
    watched: *mut Watched,
}

struct Watched {
    faults: Arc<Faults>,
    name: String,
}

struct RealVfs(*mut sqlite3_vfs);
// SAFETY: SQLite's own VFS lives as long as the process and is used from all threads.
unsafe impl Send for RealVfs {}
// SAFETY: as above.
unsafe impl Sync for RealVfs {}

static REAL: LazyLock<RealVfs> =
    // SAFETY: asks for the default VFS, which is there from the beginning.
    LazyLock::new(|| RealVfs(unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) }));

/// Puts the layer before the default VFS. Files that no test put under faults pass through.
fn install() {
    let real = REAL.0;
    // SAFETY: the VFS is copied with all its functions, which do not look at their first argument but in `xOpen`;
    // it is never freed.
    unsafe {
        ffi::sqlite3_initialize();
        let mut layer = *real;
        layer.szOsFile += c_int::try_from(size_of::<Layer>()).unwrap();
        layer.zName = c"faults".as_ptr();
        layer.pNext = std::ptr::null_mut();
        layer.xOpen = Some(open);
        let code = ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 1);
        assert_eq!(code, ffi::SQLITE_OK);
    }
}

unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: SQLite allocated `szOsFile` bytes: ours, then the real VFS's.
    unsafe { file.cast::<Layer>().add(1).cast() }
}

unsafe fn watched<'a>(file: *mut sqlite3_file) -> Option<&'a Watched> {
    // SAFETY: set in `open`, freed in `close`.
    unsafe { (*file.cast::<Layer>()).watched.as_ref() }
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite's arguments are handed on; the layer's fields are in memory that SQLite gave for them.
    unsafe {
        let layer = file.cast::<Layer>();
        (*layer).base.pMethods = std::ptr::null();
        (*layer).watched = std::ptr::null_mut();
        let Some(open) = (*REAL.0).xOpen else {
            return ffi::SQLITE_CANTOPEN;
        };
        let code = open(REAL.0, name, real(file), flags, out);
        if (*real(file)).pMethods.is_null() {
            return code;
        }
        (*layer).base.pMethods = &raw const METHODS;
        if !name.is_null() {
            let path = Path::new(CStr::from_ptr(name).to_str().unwrap());
            let faults = path
                .parent()
                .and_then(|folder| FOLDERS.lock().unwrap().get(folder).cloned());
            if let Some(faults) = faults {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (*layer).watched = Box::into_raw(Box::new(Watched { faults, name }));
            }
        }
        code
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the last call for this file.
    unsafe {
        let layer = file.cast::<Layer>();
        if !(*layer).watched.is_null() {
            drop(Box::from_raw((*layer).watched));
            (*layer).watched = std::ptr::null_mut();
        }
        let file = real(file);
        (*(*file).pMethods)
            .xClose
            .map_or(ffi::SQLITE_OK, |close| close(file))
    }
}

macro_rules! forward {
    ($($function:ident = $method:ident($($argument:ident: $kind:ty),*);)*) => {
        $(
            unsafe extern "C" fn $function(file: *mut sqlite3_file, $($argument: $kind),*) -> c_int {
                // SAFETY: handed on as it came.
                unsafe {
                    let file = real(file);
                    (*(*file).pMethods).$method.map_or(ffi::SQLITE_IOERR, |function| function(file, $($argument),*))
                }
            }
        )*
    };
}

forward! {
    read = xRead(to: *mut c_void, bytes: c_int, offset: sqlite3_int64);
    real_write = xWrite(from: *const c_void, bytes: c_int, offset: sqlite3_int64);
    real_truncate = xTruncate(size: sqlite3_int64);
    real_sync = xSync(flags: c_int);
    file_size = xFileSize(size: *mut sqlite3_int64);
    lock = xLock(level: c_int);
    unlock = xUnlock(level: c_int);
    check_reserved_lock = xCheckReservedLock(out: *mut c_int);
    file_control = xFileControl(operation: c_int, argument: *mut c_void);
    sector_size = xSectorSize();
    device_characteristics = xDeviceCharacteristics();
    shm_map = xShmMap(page: c_int, bytes: c_int, extend: c_int, out: *mut *mut c_void);
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int);
    shm_unmap = xShmUnmap(delete: c_int);
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: handed on as it came.
    unsafe {
        let file = real(file);
        if let Some(barrier) = (*(*file).pMethods).xShmBarrier {
            barrier(file);
        }
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    bytes: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite hands `bytes` bytes at `from`.
    unsafe {
        if let Some(watched) = watched(file) {
            let piece = std::slice::from_raw_parts(from.cast(), usize::try_from(bytes).unwrap());
            let code = watched.faults.write(&watched.name, offset, piece);
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        real_write(file, from, bytes, offset)
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: handed on as it came.
    unsafe {
        if let Some(watched) = watched(file) {
            let size = u64::try_from(size).unwrap();
            let mut state = watched.faults.state.lock().unwrap();
            state
                .log
                .push(Happened::Truncate(watched.name.clone(), size));
        }
        real_truncate(file, size)
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: handed on as it came.
    unsafe {
        if let Some(watched) = watched(file) {
            let code = watched.faults.sync(&watched.name);
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        real_sync(file, flags)
    }
}

/// No memory maps (`xFetch`): all writes pass here.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
