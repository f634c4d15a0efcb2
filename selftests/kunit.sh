#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The layers of the module, one by one, in the kernel (CONFIG_KUNIT,
# CONFIG_KUNIT_DEBUGFS). KUnit runs the tests when they are loaded.

dir=$(cd "$(dirname "$0")" && pwd)

echo "TAP version 13"
insmod "$dir/regalloc_kunit.ko" || echo "not ok 0 load"
cat /sys/kernel/debug/kunit/regalloc_*/results | awk '
	/^ *# Subtest: / { suite = $NF }
	/^    (not )?ok / {
		n++
		print ($1 == "ok" ? "ok " : "not ok ") n " " suite "." $NF
		next
	}
	/^    *#/ { print }
	END { print "1.." n + 0 }'
rmmod regalloc_kunit
