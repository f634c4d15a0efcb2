// SPDX-License-Identifier: MIT
package regalloc;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * A page cache of 4 MiB over a file that is larger. When there is no memory for a page,
 * the one that was used longest ago is evicted.
 */
final class Example implements AutoCloseable {
    private static final int PAGE = 64 * 1024;
    private static final int READS = 300;

    private final Regalloc memory = Regalloc.init(4 << 20);
    private final Map<Long, Regalloc.Slice> pages = new LinkedHashMap<>(64, 0.75f, true);
    private final FileChannel file;
    private int evicted;

    private Example(Path path) throws IOException {
        file = FileChannel.open(path);
    }

    @Override
    public void close() throws IOException {
        file.close();
        memory.close();
    }

    private MemorySegment page(long number) throws IOException {
        Regalloc.Slice slice = pages.get(number);
        if (slice == null) {
            slice = allocate();
            file.read(slice.segment().asByteBuffer(), number * PAGE);
            pages.put(number, slice);
        }
        return slice.segment();
    }

    private Regalloc.Slice allocate() {
        while (true) {
            Regalloc.Slice slice = memory.tryAllocate(PAGE);
            if (slice != null) {
                return slice;
            }
            Iterator<Regalloc.Slice> oldest = pages.values().iterator();
            memory.release(oldest.next());
            oldest.remove();
            evicted++;
        }
    }

    private boolean intact(long number) throws IOException {
        ByteBuffer direct = ByteBuffer.allocate(PAGE);
        int length = file.read(direct, number * PAGE);
        MemorySegment expected = MemorySegment.ofBuffer(direct.flip());
        return page(number).asSlice(0, length).mismatch(expected) == -1;
    }

    public static void main(String[] args) throws IOException {
        try (Example cache = new Example(Path.of(args[0]))) {
            Random random = new Random(1);
            long number = cache.file.size() / PAGE;
            for (int i = 0; i < READS; i++) {
                if (!cache.intact(random.nextLong(number))) {
                    throw new IOException("a page is not what is in the file");
                }
            }
            System.out.printf("read %d pages, evicted %d; %d of %d bytes mapped%n", READS,
                    cache.evicted, cache.memory.mappedBytes(), cache.memory.budget());
        }
    }
}
