#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An array of numpy in a slice: two of them, added in place."""

import numpy
import regalloc

with regalloc.Client() as client:
    a = numpy.frombuffer(client.alloc(60000).view, dtype="float64")
    b = numpy.frombuffer(client.alloc(60000).view, dtype="float64")
    a[:] = range(len(a))
    b[:] = 0.5
    a += b
    print(f"{len(a)} numbers with the sum {a.sum()}")
    print(f"{client.stats().live_bytes} bytes in use")
    del a, b
    print(f"{client.stats().live_bytes} bytes in use")
