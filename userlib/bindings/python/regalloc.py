# SPDX-License-Identifier: MIT
"""Slices of memory under one machine-wide budget, see regalloc.h.

    with regalloc.Client() as client:
        slice = client.alloc(60000)
        numbers = numpy.frombuffer(slice.view, dtype="float64")

A slice goes back when it is released, at the end of its "with", or when neither
it nor a view of its memory is in use any more. As long as there are views, such
as memoryviews or arrays of numpy, releasing it is a BufferError, and so is closing
the client.

Nothing guards addresses that were handed to C code, nor slices that another
process has released after a fork: what is there then is another slice, or
touching it kills the process with SIGBUS.
"""

import collections
import ctypes
import errno
import math
import os
import threading
import time
import weakref

_ALLOC_F_ZERO = 1
_WAIT_FOREVER = 2**32 - 1


class OutOfMemory(OSError, MemoryError):
    """The budget or the limit is used up, or the system has no memory: ENOMEM."""


class StaleError(OSError):
    """The slice has been released already: ESTALE."""


# Python has classes of its own for the others that matter.
_errors = {errno.ENOMEM: OutOfMemory, errno.ESTALE: StaleError}

Stats = collections.namedtuple(
    "Stats",
    "charged_bytes live_bytes spare_bytes pinned_bytes map_bytes nr_regions"
    " regions_opened regions_closed alloc_failures",
)


class _Slice(ctypes.Structure):
    _fields_ = [
        ("addr", ctypes.c_void_p),
        ("bytes", ctypes.c_uint64),
        ("handle", ctypes.c_uint64),
    ]


class _Stats(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in Stats._fields]


_lib = ctypes.CDLL("libregalloc.so.1")
_lib.regalloc_strerror.restype = ctypes.c_char_p


def _error(err):
    return _errors.get(-err, OSError)(-err, _lib.regalloc_strerror(err).decode())


def _check(result, _function, _arguments):
    if result < 0:
        raise _error(result)
    return result


# ctypes would cut off what is more.
def _u64_of(number):
    if not 0 <= number < 2**64:
        raise _error(-errno.EINVAL)
    return number


def _function(name, *argtypes):
    function = getattr(_lib, "regalloc_" + name)
    function.argtypes = argtypes
    function.errcheck = _check
    return function


_u32, _u64, _void_p = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
_open = _function("open", ctypes.c_char_p, _u32, _void_p)
_close = _function("close", _void_p)
_alloc = _function("alloc", _void_p, _u64, _u32, _void_p)
_alloc_wait = _function("alloc_wait", _void_p, _u64, _u32, _u32, _void_p)
_alloc_many = _function("alloc_many", _void_p, _u64, _u32, _u32, _void_p, _void_p)
_release = _function("release", _void_p, _u64)
_release_many = _function("release_many", _void_p, _u32, _void_p, _void_p)
_zero = _function("zero", _void_p, _u64)
_trim = _function("trim", _void_p)
_limits = _function("limits", _void_p, _u64, _u64)
_pressure = _function("pressure", _void_p, _void_p)
_stats = _function("stats", _void_p, _void_p)
_fd = _function("fd", _void_p)


class Slice:
    """One allocation, made by a Client: addr, bytes, handle."""

    def __init__(self, client, raw):
        self.client = client
        self.addr, self.bytes, self.handle = raw.addr, raw.bytes, raw.handle
        self._released = False
        self._owner = os.getpid()

    @property
    def view(self):
        """The memory, as a writable memoryview of bytes."""
        with self.client._lock:
            if self._released:
                raise _error(-errno.ESTALE)
            self.client._check_open()
            memory = self.client._viewed.get(self.handle)
            if memory is None:
                memory = (ctypes.c_ubyte * self.bytes).from_address(self.addr)
                memory.slice = self
                self.client._viewed[self.handle] = memory
        return memoryview(memory).cast("B")

    # From Python 3.12 on, the slice itself will do where a buffer is wanted.
    def __buffer__(self, _flags):
        return self.view

    # It shows numpy, too, that it must hold on to the view.
    def __release_buffer__(self, view):
        view.release()

    def __len__(self):
        return self.bytes

    def zero(self):
        """Fills it with zeros."""
        self.client._call(_zero, self.handle)

    def release(self):
        """Gives it back."""
        with self.client._lock:
            self._check_views()
            self.client._call(_release, self.handle)
            self._released = True

    def _check_views(self):
        if self.handle in self.client._viewed:
            raise BufferError("the slice has views that are in use")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self._released:
            self.release()

    # The child of a fork has a copy of the object, but shares the memory.
    def __del__(self):
        if self._released or self._owner != os.getpid():
            return
        with self.client._lock:
            if self.client.closed:
                return
            try:
                self.client._call(_release, self.handle)
            except StaleError:
                pass


class Client:
    """An open device. Usable from any thread."""

    # Held during calls, so that none finds the client closed, but for those that
    # wait for memory. A garbage collection may take it under itself, for a slice of
    # whatever client: so there is one for all.
    _lock = threading.RLock()

    def __init__(self, path=None):
        self._waiting = 0
        # By handle, the memory that a view refers to.
        self._viewed = weakref.WeakValueDictionary()
        self._ra = _void_p()
        _open(path and os.fsencode(path), 0, ctypes.byref(self._ra))

    @property
    def closed(self):
        """Has it been closed?"""
        return not self._ra

    def _check_open(self):
        if self.closed:
            raise ValueError("the client is closed")

    def _call(self, function, *arguments):
        with self._lock:
            self._check_open()
            return function(self._ra, *arguments)

    def _call_waiting(self, function, *arguments):
        with self._lock:
            self._check_open()
            self._waiting += 1
        try:
            function(self._ra, *arguments)
        finally:
            with self._lock:
                self._waiting -= 1

    def close(self):
        """Gives everything back. Not while a thread waits for memory: RuntimeError."""
        with self._lock:
            if self._viewed:
                raise BufferError("slices have views that are in use")
            if self._waiting:
                raise RuntimeError("a thread waits for memory")
            self._end()

    def _end(self):
        ra, self._ra = self._ra, None
        if ra:
            _close(ra)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        self._end()

    def fileno(self):
        """The descriptor, for select and poll: POLLPRI when others want memory."""
        return self._call(_fd)

    def alloc(self, size, zero=False):
        """A slice of at least so many bytes."""
        raw = _Slice()
        flags = _ALLOC_F_ZERO if zero else 0
        self._call(_alloc, _u64_of(size), flags, ctypes.byref(raw))
        return Slice(self, raw)

    def alloc_wait(self, size, timeout=None, zero=False):
        """The same; waits for memory, for so many seconds at most (TimeoutError)."""
        raw = _Slice()
        flags = _ALLOC_F_ZERO if zero else 0
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            ms = (end - time.monotonic()) * 1000
            ms = math.ceil(min(max(ms, 1), _WAIT_FOREVER))
            out = ctypes.byref(raw)
            try:
                self._call_waiting(_alloc_wait, _u64_of(size), flags, ms, out)
                return Slice(self, raw)
            except InterruptedError:
                pass  # its handler has run and raised nothing

    def alloc_many(self, size, count, zero=False):
        """A list of up to count slices, and at least one."""
        raw = (_Slice * count)()
        got = _u32()
        flags = _ALLOC_F_ZERO if zero else 0
        out = ctypes.byref(got)
        self._call(_alloc_many, _u64_of(size), flags, count, raw, out)
        return [Slice(self, raw[i]) for i in range(got.value)]

    def release(self, slices):
        """Gives a list of slices back; stops at the first that cannot be."""
        done = _u32()
        with self._lock:
            for slice in slices:
                if slice.client is not self:
                    raise ValueError("a slice of another client")
                slice._check_views()
            handles = (_u64 * len(slices))(*[slice.handle for slice in slices])
            self._call(_release_many, len(slices), handles, ctypes.byref(done))
            for slice in slices[: done.value]:
                slice._released = True
        if done.value < len(slices):
            slices[done.value].release()

    def trim(self):
        """Closes spare regions now."""
        self._call(_trim)

    def limits(self, reserve=0, limit=0):
        """So many bytes are kept for it, and it never has more; 0: no limit."""
        self._call(_limits, _u64_of(reserve), _u64_of(limit))

    def pressure(self):
        """How many bytes others want; asking clears it."""
        wanted = _u64()
        self._call(_pressure, ctypes.byref(wanted))
        return wanted.value

    def stats(self):
        """What it holds."""
        stats = _Stats()
        self._call(_stats, ctypes.byref(stats))
        return Stats(*[getattr(stats, name) for name in Stats._fields])


# Another thread may have had it at the fork.
def _renew_lock():
    Client._lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)
