// SPDX-License-Identifier: MIT
//! Slices of memory under one machine-wide budget, see regalloc.h.
//!
//! Errors are `std::io::Error` with the errno; no memory is `ErrorKind::OutOfMemory`.
//!
//! A `Client` must not be used on both sides of a fork: what a child releases is
//! released for its parent, too.

use std::ffi::CString;
use std::io::{Error, Result};
use std::ops::{Deref, DerefMut};
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsRawFd, RawFd};
use std::path::Path;
use std::ptr::{null, null_mut, NonNull};
use std::time::Duration;

/// The C interface.
pub mod sys {
    use super::*;

    pub const ALLOC_F_ZERO: u32 = 1;
    pub const WAIT_FOREVER: u32 = !0;

    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct Slice {
        pub addr: *mut c_void,
        pub bytes: u64,
        pub handle: u64,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Stats {
        pub charged_bytes: u64,
        pub live_bytes: u64,
        pub spare_bytes: u64,
        pub pinned_bytes: u64,
        pub map_bytes: u64,
        pub nr_regions: u64,
        pub regions_opened: u64,
        pub regions_closed: u64,
        pub alloc_failures: u64,
    }

    #[link(name = "regalloc")]
    extern "C" {
        pub fn regalloc_open(path: *const c_char, flags: u32, out: *mut *mut c_void) -> c_int;
        pub fn regalloc_close(ra: *mut c_void) -> c_int;
        pub fn regalloc_alloc(ra: *mut c_void, bytes: u64, flags: u32, out: *mut Slice) -> c_int;
        pub fn regalloc_alloc_wait(
            ra: *mut c_void,
            bytes: u64,
            flags: u32,
            timeout_ms: u32,
            out: *mut Slice,
        ) -> c_int;
        pub fn regalloc_alloc_many(
            ra: *mut c_void,
            bytes: u64,
            flags: u32,
            count: u32,
            out: *mut Slice,
            got: *mut u32,
        ) -> c_int;
        pub fn regalloc_release(ra: *mut c_void, handle: u64) -> c_int;
        pub fn regalloc_zero(ra: *mut c_void, handle: u64) -> c_int;
        pub fn regalloc_trim(ra: *mut c_void) -> c_int;
        pub fn regalloc_limits(ra: *mut c_void, reserve_bytes: u64, limit_bytes: u64) -> c_int;
        pub fn regalloc_pressure(ra: *mut c_void, wanted_bytes: *mut u64) -> c_int;
        pub fn regalloc_fd(ra: *const c_void) -> c_int;
        pub fn regalloc_stats(ra: *mut c_void, out: *mut Stats) -> c_int;
    }
}

pub use sys::Stats;

fn check(err: c_int) -> Result<()> {
    match err {
        0 => Ok(()),
        _ => Err(Error::from_raw_os_error(-err)),
    }
}

const NOTHING: sys::Slice = sys::Slice {
    addr: null_mut(),
    bytes: 0,
    handle: 0,
};

/// An open device. Usable from any thread.
pub struct Client {
    ra: NonNull<c_void>,
}

// The library takes calls from any thread.
unsafe impl Send for Client {}
unsafe impl Sync for Client {}

impl Client {
    /// Opens /dev/regalloc.
    pub fn new() -> Result<Client> {
        Client::open(null())
    }

    /// Opens another device node.
    pub fn with_path(path: &Path) -> Result<Client> {
        Client::open(CString::new(path.as_os_str().as_bytes())?.as_ptr())
    }

    fn open(path: *const c_char) -> Result<Client> {
        let mut ra = null_mut();
        check(unsafe { sys::regalloc_open(path, 0, &mut ra) })?;
        Ok(Client {
            ra: NonNull::new(ra).expect("a client"),
        })
    }

    fn ra(&self) -> *mut c_void {
        self.ra.as_ptr()
    }

    fn slice(&self, raw: sys::Slice) -> Slice<'_> {
        Slice { client: self, raw }
    }

    /// A slice of at least so many bytes, at most 256 KiB.
    pub fn alloc(&self, bytes: usize) -> Result<Slice<'_>> {
        self.alloc_with(bytes, 0)
    }

    /// The same, of zeros.
    pub fn alloc_zeroed(&self, bytes: usize) -> Result<Slice<'_>> {
        self.alloc_with(bytes, sys::ALLOC_F_ZERO)
    }

    fn alloc_with(&self, bytes: usize, flags: u32) -> Result<Slice<'_>> {
        let mut raw = NOTHING;
        check(unsafe { sys::regalloc_alloc(self.ra(), bytes as u64, flags, &mut raw) })?;
        Ok(self.slice(raw))
    }

    /// Waits for memory, for a millisecond at least, if need be without end (`None`):
    /// `ErrorKind::TimedOut`.
    pub fn alloc_wait(&self, bytes: usize, timeout: Option<Duration>) -> Result<Slice<'_>> {
        let forever = u128::from(sys::WAIT_FOREVER);
        let up = |timeout: Duration| (timeout.as_nanos() + 999_999) / 1_000_000;
        let ms = timeout.map_or(forever, |timeout| up(timeout).clamp(1, forever)) as u32;
        let mut raw = NOTHING;
        check(unsafe { sys::regalloc_alloc_wait(self.ra(), bytes as u64, 0, ms, &mut raw) })?;
        Ok(self.slice(raw))
    }

    /// Up to `count` slices, and at least one.
    pub fn alloc_many(&self, bytes: usize, count: u32) -> Result<Vec<Slice<'_>>> {
        let mut raw = vec![NOTHING; count as usize];
        let mut got = 0;
        check(unsafe {
            let out = raw.as_mut_ptr();
            sys::regalloc_alloc_many(self.ra(), bytes as u64, 0, count, out, &mut got)
        })?;
        raw.truncate(got as usize);
        Ok(raw.into_iter().map(|raw| self.slice(raw)).collect())
    }

    /// Releases what `Slice::into_handle` gave.
    ///
    /// # Safety
    ///
    /// Nobody may use the slice any more.
    pub unsafe fn release(&self, handle: u64) -> Result<()> {
        check(sys::regalloc_release(self.ra(), handle))
    }

    /// Closes spare regions now.
    pub fn trim(&self) -> Result<()> {
        check(unsafe { sys::regalloc_trim(self.ra()) })
    }

    /// So much is kept for this client, and it never has more; 0: no limit.
    pub fn limits(&self, reserve_bytes: u64, limit_bytes: u64) -> Result<()> {
        check(unsafe { sys::regalloc_limits(self.ra(), reserve_bytes, limit_bytes) })
    }

    /// How much others want; asking clears it.
    pub fn pressure(&self) -> Result<u64> {
        let mut wanted_bytes = 0;
        check(unsafe { sys::regalloc_pressure(self.ra(), &mut wanted_bytes) })?;
        Ok(wanted_bytes)
    }

    /// What this client holds.
    pub fn stats(&self) -> Result<Stats> {
        let mut stats = Stats::default();
        check(unsafe { sys::regalloc_stats(self.ra(), &mut stats) })?;
        Ok(stats)
    }
}

/// For poll, which reports POLLPRI when others want memory.
impl AsRawFd for Client {
    fn as_raw_fd(&self) -> RawFd {
        unsafe { sys::regalloc_fd(self.ra()) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { sys::regalloc_close(self.ra()) };
    }
}

/// One allocation: its bytes, which go back when it is dropped.
pub struct Slice<'a> {
    client: &'a Client,
    raw: sys::Slice,
}

// It owns its memory.
unsafe impl Send for Slice<'_> {}
unsafe impl Sync for Slice<'_> {}

impl Slice<'_> {
    /// Names this allocation.
    pub fn handle(&self) -> u64 {
        self.raw.handle
    }

    /// Fills it with zeros.
    pub fn zero(&mut self) -> Result<()> {
        check(unsafe { sys::regalloc_zero(self.client.ra(), self.raw.handle) })
    }

    /// Leaves the memory allocated, for `Client::release`.
    pub fn into_handle(self) -> u64 {
        let handle = self.raw.handle;
        std::mem::forget(self);
        handle
    }
}

impl Deref for Slice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        unsafe { std::slice::from_raw_parts(self.raw.addr.cast(), self.raw.bytes as usize) }
    }
}

impl DerefMut for Slice<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        unsafe { std::slice::from_raw_parts_mut(self.raw.addr.cast(), self.raw.bytes as usize) }
    }
}

impl Drop for Slice<'_> {
    fn drop(&mut self) {
        unsafe { sys::regalloc_release(self.client.ra(), self.raw.handle) };
    }
}
