#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Has Prometheus' parser read what "regallocctl metrics" printed.

Reads that from standard input, and prints a result for test.sh. The parser
passes over what it knows nothing about, so each metric has to have all there is
to one, once.
"""
import sys

from prometheus_client.parser import text_string_to_metric_families


def fault(metric, names):
    """Say what is wrong with a metric, or None."""
    if metric.name in names:
        return "twice"
    if metric.type not in ("counter", "gauge"):
        return f"of type {metric.type}"
    if not metric.documentation:
        return "without help"
    if not metric.samples:
        return "without a value"
    return None


names = set()
for metric in text_string_to_metric_families(sys.stdin.read()):
    if why := fault(metric, names):
        sys.exit(f"{metric.name} is there {why}")
    names.add(metric.name)
if not names:
    sys.exit("there are no metrics")
print(f"ok 1 metrics: Prometheus' parser reads {len(names)}")
