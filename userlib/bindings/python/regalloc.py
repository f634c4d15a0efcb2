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


def _function(name, *argtypes):
    function = getattr(_lib, "regalloc_" + name)
    function.argtypes = argtypes
    function.errcheck = _check
    return function


_u32, _u64, _void_p = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
_open = _function("open", ctypes.c_char_p, _u32, _void_p)
_close = _function("close", _void_p)
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
        _zero(self.client._pointer, self.handle)

    def release(self):
        """Gives it back."""
        with self.client._lock:
            self._check_views()
            _release(self.client._pointer, self.handle)
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
        if self._released or self.client.closed or self._owner != os.getpid():
            return
        try:
            _release(self.client._pointer, self.handle)
        except StaleError:
            pass


class Client:
    """An open device. Usable from any thread."""

    def __init__(self, path=None):
        # By handle, the memory that a view refers to. The lock is one that a
        # garbage collection under it may take again.
        self._viewed = weakref.WeakValueDictionary()
        self._lock = threading.RLock()
        self._ra = _void_p()
        _open(path and os.fsencode(path), 0, ctypes.byref(self._ra))

    @property
    def closed(self):
        """Has it been closed?"""
        return not self._ra

    def _check_open(self):
        if self.closed:
            raise ValueError("the client is closed")

    @property
    def _pointer(self):
        self._check_open()
        return self._ra

    def close(self):
        """Gives everything back."""
        with self._lock:
            if self._viewed:
                raise BufferError("slices have views that are in use")
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
        return _fd(self._pointer)

    def alloc(self, size, zero=False):
        """A slice of at least so many bytes."""
        return self._wait(size, 0, zero)

    def alloc_wait(self, size, timeout=None, zero=False):
        """The same; waits for memory, for so many seconds at most (TimeoutError)."""
        end = timeout is not None and time.monotonic() + timeout
        while True:
            ms = _WAIT_FOREVER
            if timeout is not None:
                ms = math.ceil((end - time.monotonic()) * 1000)
            try:
                return self._wait(size, min(max(ms, 1), _WAIT_FOREVER), zero)
            except InterruptedError:
                pass  # its handler has run and raised nothing

    def _wait(self, size, timeout_ms, zero):
        raw = _Slice()
        flags = _ALLOC_F_ZERO if zero else 0
        _alloc_wait(self._pointer, size, flags, timeout_ms, ctypes.byref(raw))
        return Slice(self, raw)

    def alloc_many(self, size, count, zero=False):
        """A list of up to count slices, and at least one."""
        raw = (_Slice * count)()
        got = _u32()
        flags = _ALLOC_F_ZERO if zero else 0
        _alloc_many(self._pointer, size, flags, count, raw, ctypes.byref(got))
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
            _release_many(self._pointer, len(slices), handles, ctypes.byref(done))
            for slice in slices[: done.value]:
                slice._released = True
        if done.value < len(slices):
            slices[done.value].release()

    def trim(self):
        """Closes spare regions now."""
        _trim(self._pointer)

    def limits(self, reserve=0, limit=0):
        """So many bytes are kept for it, and it never has more; 0: no limit."""
        _limits(self._pointer, reserve, limit)

    def pressure(self):
        """How many bytes others want; asking clears it."""
        wanted = _u64()
        _pressure(self._pointer, ctypes.byref(wanted))
        return wanted.value

    def stats(self):
        """What it holds."""
        stats = _Stats()
        _stats(self._pointer, ctypes.byref(stats))
        return Stats(*[getattr(stats, name) for name in Stats._fields])
