# SPDX-License-Identifier: MIT
"""Needs the module, with a budget of BUDGET and nobody else using it."""

import errno
import gc
import math
import os
import select
import signal
import sys
import threading
import unittest

import numpy
import regalloc

KIB = 1024
MIB = 1024 * KIB
BUDGET = 64 * MIB
REGION = 4 * MIB


class Test(unittest.TestCase):
    def setUp(self):
        self.client = regalloc.Client()

    def tearDown(self):
        self.client.close()

    def live(self):
        return self.client.stats().live_bytes

    def test_one_slice(self):
        s = self.client.alloc(60000)
        self.assertEqual((s.bytes, len(s), s.addr % s.bytes), (64 * KIB, 64 * KIB, 0))
        view = s.view
        view[:5] = b"hello"
        view[-1] = 7
        self.assertEqual((bytes(s.view[:5]), s.view[64 * KIB - 1]), (b"hello", 7))
        s.zero()
        self.assertEqual(bytes(view), bytes(64 * KIB))
        stats = self.client.stats()
        self.assertEqual((stats.live_bytes, stats.charged_bytes), (64 * KIB, REGION))
        view.release()
        s.release()
        self.assertEqual(self.live(), 0)
        self.client.trim()
        self.assertEqual(self.client.stats().charged_bytes, 0)

    def test_double_release(self):
        s = self.client.alloc(1)
        s.release()
        with self.assertRaises(regalloc.StaleError) as caught:
            s.release()
        self.assertEqual(caught.exception.errno, errno.ESTALE)
        self.assertIn("released already", str(caught.exception))
        with self.assertRaises(regalloc.StaleError):
            s.zero()
        with self.assertRaises(regalloc.StaleError):
            s.view  # pylint: disable=pointless-statement

    def test_budget(self):
        slices = self.client.alloc_many(256 * KIB, 1000)
        self.assertEqual(len(slices), BUDGET // (256 * KIB))
        self.assertEqual(self.live(), BUDGET)
        with self.assertRaises(regalloc.OutOfMemory) as caught:
            self.client.alloc(1)
        self.assertIsInstance(caught.exception, MemoryError)
        self.assertIsInstance(caught.exception, OSError)
        self.assertEqual(caught.exception.errno, errno.ENOMEM)
        with self.assertRaises(MemoryError):
            self.client.alloc_many(1, 2)
        with self.assertRaises(TimeoutError):
            self.client.alloc_wait(1, timeout=0.01)
        self.client.release(slices)
        self.assertEqual(self.live(), 0)
        self.client.alloc_wait(1).release()

    def test_many(self):
        slices = self.client.alloc_many(4096, 1000, zero=True)
        self.assertEqual(len({s.addr for s in slices}), 1000)
        for i, s in enumerate(slices):
            s.view[:8] = i.to_bytes(8, "little")
        for i, s in enumerate(slices):
            self.assertEqual(int.from_bytes(s.view[:16], "little"), i)
        slices[500].release()
        with self.assertRaises(regalloc.StaleError):
            self.client.release(slices)
        self.assertEqual(self.live(), 499 * 4096)
        with self.assertRaises(regalloc.StaleError):
            slices[499].view  # pylint: disable=pointless-statement
        with regalloc.Client() as other, self.assertRaises(ValueError):
            other.release(slices[501:])
        self.client.release(slices[501:])
        self.assertEqual(self.live(), 0)

    def test_limits(self):
        self.client.limits(limit=REGION)
        self.assertEqual(len(self.client.alloc_many(256 * KIB, 100)), 16)
        self.client.limits(reserve=BUDGET)
        with regalloc.Client() as other:
            with self.assertRaises(OSError) as caught:
                other.limits(reserve=REGION)
            self.assertEqual(caught.exception.errno, errno.EBUSY)
            with self.assertRaises(regalloc.OutOfMemory):
                other.alloc(1)

    def test_pressure(self):
        poll = select.poll()
        poll.register(self.client, select.POLLPRI)
        self.assertEqual((self.client.pressure(), poll.poll(0)), (0, []))
        slices = self.client.alloc_many(256 * KIB, 1000)
        with regalloc.Client() as other, self.assertRaises(MemoryError):
            other.alloc(1)
        self.assertEqual(len(poll.poll(0)), 1)
        self.assertEqual(self.client.pressure(), REGION)
        self.assertEqual((self.client.pressure(), poll.poll(0)), (0, []))
        self.client.release(slices)

    def test_arguments(self):
        for size in 0, 256 * KIB + 1, -1, 2**64 + 1:
            for use in (
                self.client.alloc,
                self.client.alloc_wait,
                lambda size: self.client.alloc_many(size, 1),
            ):
                with self.assertRaises(OSError) as caught:
                    use(size)
                self.assertEqual(caught.exception.errno, errno.EINVAL)
        for limits in {"reserve": 2**64}, {"limit": 2**64}, {"limit": -1}:
            with self.assertRaises(OSError) as caught:
                self.client.limits(**limits)
            self.assertEqual(caught.exception.errno, errno.EINVAL)
        with self.assertRaises(FileNotFoundError):
            regalloc.Client("/dev/nowhere")
        with self.assertRaises(OSError) as caught:
            regalloc.Client("/dev/null")
        self.assertEqual(caught.exception.errno, errno.ENOTTY)

    def test_views(self):
        s = self.client.alloc(1)
        view = s.view[10:20]
        with self.assertRaises(BufferError):
            s.release()
        with self.assertRaises(BufferError):
            self.client.release([s])
        with self.assertRaises(BufferError):
            self.client.close()
        view[0] = 1
        view.release()
        s.release()

    def test_numpy(self):
        array = numpy.frombuffer(self.client.alloc(1).view, dtype="uint32")
        array[:] = range(1024)
        part = array[1000:]
        del array
        gc.collect()
        self.assertEqual((self.live(), part.sum()), (4096, 24276))
        del part
        self.assertEqual(self.live(), 0)

    @unittest.skipIf(sys.version_info < (3, 12), "no __buffer__ yet")
    def test_buffer(self):
        with self.client.alloc(1, zero=True) as s:
            array = numpy.frombuffer(s, dtype="uint8")
            memoryview(s)[3] = 4
            self.assertEqual((array[3], bytes(s)[3], sum(bytearray(s))), (4, 4, 4))
            with self.assertRaises(BufferError):
                s.release()
            del array
        self.assertEqual(self.live(), 0)

    def test_with(self):
        with self.client.alloc(1) as s:
            self.assertEqual(self.live(), 4096)
        with self.client.alloc(1) as s:
            s.release()
        self.assertEqual(self.live(), 0)

    def test_closed(self):
        with regalloc.Client() as other:
            s = other.alloc(1)
        self.assertTrue(other.closed)
        for use in other.stats, s.zero, s.release, lambda: s.view:
            with self.assertRaises(ValueError):
                use()
        other.close()

    def test_closed_by_another_thread(self):
        for _ in range(100):
            other, started = regalloc.Client(), threading.Event()

            def use(client=other, started=started):
                try:
                    while True:
                        client.alloc(1)
                        client.stats()
                        started.set()
                except ValueError:
                    pass  # it is closed

            users = [threading.Thread(target=use) for _ in range(2)]
            for user in users:
                user.start()
            self.assertTrue(started.wait(60))
            other.close()
            for user in users:
                user.join()
        slices = self.client.alloc_many(256 * KIB, 1000)
        self.assertEqual(len(slices), BUDGET // (256 * KIB))

    def test_closed_while_a_thread_waits(self):
        slices = self.client.alloc_many(256 * KIB, 1000)
        got = []
        waiter = threading.Thread(
            target=lambda: got.append(self.client.alloc_wait(1, timeout=math.inf))
        )
        waiter.start()
        with self.assertRaises(RuntimeError):
            while waiter.is_alive():
                with self.client._lock:
                    waits = self.client._waiting > 0
                if waits:
                    self.client.close()
        self.client.release(slices)
        waiter.join()
        self.assertEqual((len(got), self.live()), (1, 4096))

    def test_fork(self):
        s = self.client.alloc(1)
        pid = os.fork()
        if pid == 0:
            del s
            os._exit(0)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(self.live(), 4096)
        s.release()

    def test_fork_during_a_call(self):
        stop = threading.Event()

        def use():
            while not stop.is_set():
                self.client.stats()

        user = threading.Thread(target=use)
        user.start()
        for _ in range(50):
            pid = os.fork()
            if pid == 0:
                signal.alarm(60)
                self.client.stats()
                os._exit(0)
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
        stop.set()
        user.join()

    def test_signal(self):
        slices = self.client.alloc_many(256 * KIB, 1000)
        signal.signal(signal.SIGALRM, lambda *_: slices[0].release())
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        s = self.client.alloc_wait(256 * KIB, timeout=60)
        self.assertEqual(s.addr, slices[0].addr)

        def interrupt(*_):
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with self.assertRaises(KeyboardInterrupt):
            self.client.alloc_wait(256 * KIB)
        self.client.release(slices[1:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
