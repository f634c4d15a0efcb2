// SPDX-License-Identifier: MIT
package regalloc;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Slices of memory under one machine-wide budget, for a page cache: see regalloc.h.
 * Usable from any thread.
 *
 * <p>No memory is an OutOfMemoryError, or null from those who try; a wrong argument
 * is an IllegalArgumentException; anything else is a {@link Failure}.
 *
 * <p>A segment that is used after its slice was released shows what is there now, or
 * throws InternalError if that is nothing. After the client was closed, it throws
 * IllegalStateException.
 */
@SuppressWarnings("restricted")
public final class Regalloc implements AutoCloseable {
    /** One allocation: its memory, and what names it until it is released. */
    public record Slice(MemorySegment segment, long handle) {}

    /** An error with its errno, such as {@link #ESTALE}. */
    public static final class Failure extends IllegalStateException {
        private static final long serialVersionUID = 1;

        private final int errno;

        Failure(int errno, String message) {
            super(message);
            this.errno = errno;
        }

        public int errno() {
            return errno;
        }
    }

    /** Released already. */
    public static final int ESTALE = 116;

    /** The reserves of all clients would exceed the budget. */
    public static final int EBUSY = 16;

    private static final int EINTR = 4;
    private static final int ENOMEM = 12;
    private static final int EINVAL = 22;
    private static final int ETIMEDOUT = 110;

    private static final Path BUDGET =
            Path.of("/sys/class/misc/regalloc/budget_bytes");

    // struct regalloc_slice: addr, bytes, handle
    private static final long SLICE_BYTES = 24;
    // struct regalloc_stats: nine numbers
    private static final long STATS_BYTES = 72;
    private static final long STATS_CHARGED = 0;
    private static final long STATS_LIVE = 8;

    private static final SymbolLookup LIBRARY =
            SymbolLookup.libraryLookup("libregalloc.so.1", Arena.global());
    private static final MethodHandle STRERROR = Linker.nativeLinker().downcallHandle(
            symbol("strerror"), FunctionDescriptor.of(ADDRESS, JAVA_INT));
    private static final MethodHandle OPEN =
            function("open", ADDRESS, JAVA_INT, ADDRESS);
    private static final MethodHandle CLOSE = function("close", ADDRESS);
    private static final MethodHandle ALLOC_WAIT =
            function("alloc_wait", ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS);
    private static final MethodHandle ALLOC_MANY = function("alloc_many", ADDRESS,
            JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle RELEASE = function("release", ADDRESS, JAVA_LONG);
    private static final MethodHandle RELEASE_MANY =
            function("release_many", ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle ZERO = function("zero", ADDRESS, JAVA_LONG);
    private static final MethodHandle TRIM = function("trim", ADDRESS);
    private static final MethodHandle LIMITS =
            function("limits", ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PRESSURE = function("pressure", ADDRESS, ADDRESS);
    private static final MethodHandle STATS = function("stats", ADDRESS, ADDRESS);

    // Room for what a function returns beside its result.
    private static final ThreadLocal<MemorySegment> OUT =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STATS_BYTES, 8));

    // The client and all segments end with it; nothing can use them afterwards.
    private final Arena arena = Arena.ofShared();
    private final MemorySegment client;
    private volatile long limit;

    private Regalloc() {
        MemorySegment out = OUT.get();
        check(call(() -> (int) OPEN.invokeExact(MemorySegment.NULL, 0, out)));
        client = out.get(ADDRESS, 0).reinterpret(arena, Regalloc::end);
    }

    /** Opens the device, for at most so many bytes; 0: as much as the budget allows. */
    public static Regalloc init(long limitBytes) {
        Regalloc regalloc = new Regalloc();
        try {
            regalloc.limits(0, limitBytes);
        } catch (RuntimeException e) {
            regalloc.close();
            throw e;
        }
        return regalloc;
    }

    /** Gives everything back, with slices that are still in use. */
    @Override
    public void close() {
        arena.close();
    }

    /** A slice of at least so many bytes, at most 256 KiB. */
    public Slice allocate(long bytes) {
        Slice slice = tryAllocate(bytes);
        if (slice == null) {
            throw new OutOfMemoryError(message(-ENOMEM));
        }
        return slice;
    }

    /** The same, or null if there is no memory: time to evict something. */
    public Slice tryAllocate(long bytes) {
        return tryAllocate(bytes, 0);
    }

    /** The same, after others have had so much time to release something. */
    public Slice tryAllocate(long bytes, Duration timeout) {
        long end = System.nanoTime() + timeout.toNanos();
        while (true) {
            long ms = Math.ceilDiv(end - System.nanoTime(), 1_000_000L);
            try {
                return tryAllocate(bytes, Math.clamp(ms, 0, Integer.MAX_VALUE));
            } catch (Failure e) {
                if (e.errno() != EINTR) {
                    throw e;
                }
            }
        }
    }

    private Slice tryAllocate(long bytes, int timeoutMs) {
        MemorySegment out = OUT.get();
        int err = call(() -> (int) ALLOC_WAIT.invokeExact(client, bytes, 0, timeoutMs, out));
        if (err == -ENOMEM || err == -ETIMEDOUT) {
            return null;
        }
        check(err);
        return slice(out, 0);
    }

    /** Up to count slices, and at least one. */
    public List<Slice> allocateMany(long bytes, int count) {
        List<Slice> slices = new ArrayList<>(count);
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment raw = scratch.allocate(count * SLICE_BYTES, 8);
            MemorySegment out = OUT.get();
            check(call(() -> (int) ALLOC_MANY.invokeExact(client, bytes, 0, count, raw, out)));
            int got = out.get(JAVA_INT, 0);
            for (int i = 0; i < got; i++) {
                slices.add(slice(raw, i * SLICE_BYTES));
            }
        }
        return slices;
    }

    /** Gives a slice back; its segment must not be used any more. */
    public void release(Slice slice) {
        check(call(() -> (int) RELEASE.invokeExact(client, slice.handle())));
    }

    /** Gives many back, up to the first that cannot be. */
    public void releaseMany(List<Slice> slices) {
        int count = slices.size();
        int done;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment handles = scratch.allocate(JAVA_LONG, count);
            MemorySegment out = OUT.get();
            for (int i = 0; i < count; i++) {
                handles.setAtIndex(JAVA_LONG, i, slices.get(i).handle());
            }
            check(call(() -> (int) RELEASE_MANY.invokeExact(client, count, handles, out)));
            done = out.get(JAVA_INT, 0);
        }
        if (done < count) {
            release(slices.get(done));
        }
    }

    /** Fills a slice with zeros. */
    public void reset(Slice slice) {
        check(call(() -> (int) ZERO.invokeExact(client, slice.handle())));
    }

    /** Gives spare regions back now. */
    public void trim() {
        check(call(() -> (int) TRIM.invokeExact(client)));
    }

    /** So many bytes are kept for this client, and it never has more; 0: no limit. */
    public void limits(long reserveBytes, long limitBytes) {
        check(call(() -> (int) LIMITS.invokeExact(client, reserveBytes, limitBytes)));
        limit = limitBytes;
    }

    /** How many bytes others want of this client; asking clears it. */
    public long pressure() {
        MemorySegment out = OUT.get();
        check(call(() -> (int) PRESSURE.invokeExact(client, out)));
        return out.get(JAVA_LONG, 0);
    }

    /** What this client may have at most: its limit or the machine's budget. */
    public long budget() {
        try {
            long all = Long.parseLong(Files.readString(BUDGET).strip());
            return limit == 0 ? all : Math.min(limit, all);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Bytes that this client holds of the budget. */
    public long mappedBytes() {
        return stats(STATS_CHARGED);
    }

    /** Bytes of slices in use. */
    public long liveBytes() {
        return stats(STATS_LIVE);
    }

    private long stats(long offset) {
        MemorySegment out = OUT.get();
        check(call(() -> (int) STATS.invokeExact(client, out)));
        return out.get(JAVA_LONG, offset);
    }

    private Slice slice(MemorySegment raw, long at) {
        long bytes = raw.get(JAVA_LONG, at + 8);
        MemorySegment memory = raw.get(ADDRESS, at).reinterpret(bytes, arena, null);
        return new Slice(memory, raw.get(JAVA_LONG, at + 16));
    }

    private static void end(MemorySegment client) {
        check(call(() -> (int) CLOSE.invokeExact(client)));
    }

    private interface Function {
        int call() throws Throwable;
    }

    private static int call(Function function) {
        try {
            return function.call();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void check(int err) {
        switch (-err) {
            case 0 -> {}
            case ENOMEM -> throw new OutOfMemoryError(message(err));
            case EINVAL -> throw new IllegalArgumentException(message(err));
            default -> throw new Failure(-err, message(err));
        }
    }

    private static String message(int err) {
        try {
            MemorySegment text = (MemorySegment) STRERROR.invokeExact(err);
            return text.reinterpret(Long.MAX_VALUE).getString(0);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static MemorySegment symbol(String name) {
        return LIBRARY.find("regalloc_" + name).orElseThrow();
    }

    private static MethodHandle function(String name, MemoryLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(
                symbol(name), FunctionDescriptor.of(JAVA_INT, arguments));
    }
}
