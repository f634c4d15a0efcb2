// SPDX-License-Identifier: MIT
package regalloc;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;

/** Needs the module, with a budget of BUDGET and nobody else using it. */
final class RegallocTest {
    private static final int KIB = 1024;
    private static final long REGION = 4L << 20;
    private static final long BUDGET = 64L << 20;

    private static void check(boolean good, String what) {
        if (!good) {
            throw new AssertionError(what);
        }
    }

    private static void equal(long expected, long actual, String what) {
        check(expected == actual, what + ": " + actual + " instead of " + expected);
    }

    private static <T extends Throwable> T thrown(Class<T> expected, Callable<?> code) {
        try {
            code.call();
        } catch (Throwable e) {
            if (expected.isInstance(e)) {
                return expected.cast(e);
            }
            throw new AssertionError("another exception", e);
        }
        throw new AssertionError("no " + expected.getName());
    }

    private static <T extends Throwable> T thrown(Class<T> expected, Runnable code) {
        return thrown(expected, () -> {
            code.run();
            return null;
        });
    }

    private static void oneSlice() {
        try (Regalloc memory = Regalloc.init(0)) {
            Regalloc.Slice slice = memory.allocate(60000);
            equal(64 * KIB, slice.segment().byteSize(), "size");
            slice.segment().fill((byte) 7);
            equal(7, slice.segment().get(JAVA_BYTE, 65535), "last byte");
            memory.reset(slice);
            equal(0, slice.segment().get(JAVA_BYTE, 65535), "last byte after reset");
            equal(64 * KIB, memory.liveBytes(), "live");
            equal(REGION, memory.mappedBytes(), "mapped");
            memory.release(slice);
            equal(0, memory.liveBytes(), "live after release");
            memory.trim();
            equal(0, memory.mappedBytes(), "mapped after trim");
        }
    }

    private static void doubleRelease() {
        try (Regalloc memory = Regalloc.init(0)) {
            Regalloc.Slice slice = memory.allocate(1);
            memory.release(slice);
            Regalloc.Failure e =
                    thrown(Regalloc.Failure.class, () -> memory.release(slice));
            equal(Regalloc.ESTALE, e.errno(), "errno");
            check(e.getMessage().contains("released already"), e.getMessage());
            thrown(Regalloc.Failure.class, () -> memory.reset(slice));
        }
    }

    private static void budget() {
        try (Regalloc memory = Regalloc.init(0)) {
            equal(BUDGET, memory.budget(), "budget");
            List<Regalloc.Slice> slices = memory.allocateMany(256 * KIB, 1000);
            equal(BUDGET / (256 * KIB), slices.size(), "slices");
            equal(BUDGET, memory.mappedBytes(), "mapped");
            thrown(OutOfMemoryError.class, () -> memory.allocate(1));
            thrown(OutOfMemoryError.class, () -> memory.allocateMany(1, 2));
            check(memory.tryAllocate(1) == null, "memory over the budget");
            check(memory.tryAllocate(1, Duration.ofMillis(10)) == null, "after waiting");
            memory.releaseMany(slices);
            equal(0, memory.liveBytes(), "live");
            check(memory.tryAllocate(1, Duration.ofDays(1)) != null, "no memory");
        }
    }

    private static void many() {
        try (Regalloc memory = Regalloc.init(0)) {
            List<Regalloc.Slice> slices = memory.allocateMany(4096, 1000);
            Set<Long> addresses = new HashSet<>();
            for (int i = 0; i < 1000; i++) {
                addresses.add(slices.get(i).segment().address());
                slices.get(i).segment().set(JAVA_LONG, 4088, i);
            }
            equal(1000, addresses.size(), "addresses");
            for (int i = 0; i < 1000; i++) {
                equal(i, slices.get(i).segment().get(JAVA_LONG, 4088), "contents");
            }
            memory.release(slices.get(500));
            thrown(Regalloc.Failure.class, () -> memory.releaseMany(slices));
            equal(499 * 4096, memory.liveBytes(), "live after half");
            memory.releaseMany(slices.subList(501, 1000));
            equal(0, memory.liveBytes(), "live");
        }
    }

    private static void limits() {
        try (Regalloc memory = Regalloc.init(REGION);
                Regalloc other = Regalloc.init(0)) {
            equal(REGION, memory.budget(), "limit");
            equal(16, memory.allocateMany(256 * KIB, 100).size(), "slices");
            memory.limits(BUDGET, 0);
            Regalloc.Failure e =
                    thrown(Regalloc.Failure.class, () -> other.limits(REGION, 0));
            equal(Regalloc.EBUSY, e.errno(), "errno");
            thrown(OutOfMemoryError.class, () -> other.allocate(1));
            equal(0, memory.pressure(), "pressure on a reserve");
            memory.limits(0, 0);
            memory.allocateMany(256 * KIB, 1000);
            thrown(OutOfMemoryError.class, () -> other.allocate(1));
            equal(REGION, memory.pressure(), "pressure");
        }
    }

    private static void arguments() {
        try (Regalloc memory = Regalloc.init(0)) {
            for (long bytes : new long[] {0, -1, 256 * KIB + 1}) {
                thrown(IllegalArgumentException.class, () -> memory.allocate(bytes));
            }
        }
    }

    private static void stale() {
        try (Regalloc memory = Regalloc.init(0)) {
            Regalloc.Slice slice = memory.allocate(1);
            slice.segment().set(JAVA_BYTE, 0, (byte) 1);
            memory.release(slice);
            memory.trim();
            thrown(InternalError.class, () -> slice.segment().get(JAVA_BYTE, 0));
        }
    }

    private static void closed() {
        Regalloc memory = Regalloc.init(0);
        Regalloc.Slice slice = memory.allocate(1);
        memory.close();
        thrown(IllegalStateException.class, () -> slice.segment().get(JAVA_BYTE, 0));
        thrown(IllegalStateException.class, () -> memory.release(slice));
        thrown(IllegalStateException.class, () -> memory.allocate(1));
        thrown(IllegalStateException.class, memory::close);
    }

    private static void threads() throws InterruptedException {
        try (Regalloc memory = Regalloc.init(0)) {
            List<Thread> threads = new ArrayList<>();
            List<Throwable> errors = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                long mark = i;
                threads.add(Thread.ofPlatform().uncaughtExceptionHandler((t, e) -> {
                    synchronized (errors) {
                        errors.add(e);
                    }
                }).start(() -> churn(memory, mark)));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            check(errors.isEmpty(), errors.toString());
            equal(0, memory.liveBytes(), "live");
        }
    }

    private static void churn(Regalloc memory, long mark) {
        for (int i = 0; i < 200; i++) {
            Regalloc.Slice slice = memory.allocate(8192);
            slice.segment().set(JAVA_LONG, 8, mark);
            Thread.yield();
            equal(mark, slice.segment().get(JAVA_LONG, 8), "contents");
            memory.release(slice);
        }
    }

    public static void main(String[] args) throws InterruptedException {
        oneSlice();
        doubleRelease();
        budget();
        many();
        limits();
        arguments();
        stale();
        closed();
        threads();
        System.out.println("Java: all tests passed");
    }
}
