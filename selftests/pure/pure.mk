# SPDX-License-Identifier: GPL-2.0-only
#
# The pure parts of the module, built for user space and run on this machine,
# once with the address and undefined behaviour sanitizers and once with the
# thread sanitizer. Prints KTAP.

MODULE := ../module
PURE_TESTS := geometry size slice_map budget
PURE_OUT := $(OUTPUT)/pure
PURE_CFLAGS := -Ipure/include -I../uapi -I$(MODULE) -I$(KSFT) -O1 -g -Wall \
	       -fno-omit-frame-pointer -fno-sanitize-recover=all -pthread \
	       $(USERCFLAGS)
PURE_DEPS := $(wildcard pure/*.[ch] pure/include/linux/*.h $(MODULE)/*.h) \
	     ../uapi/linux/regalloc.h

# The sanitizers keep the exit status to themselves, a signal they cannot.
PURE_ENV := ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=abort_on_error=1 \
	    TSAN_OPTIONS=abort_on_error=1:halt_on_error=1

pure: $(foreach t,$(PURE_TESTS),$(PURE_OUT)/$(t).asan $(PURE_OUT)/$(t).tsan)
	@bad=; for t in $^; do \
		echo "# $$t"; $(PURE_ENV) setarch -R "$$t" || bad=1; \
	done; [ -z "$$bad" ]

$(PURE_OUT)/%.asan: pure/%_test.c $(MODULE)/%.c $(PURE_DEPS) | $(PURE_OUT)
	$(CC) $(PURE_CFLAGS) -fsanitize=address,undefined -o $@ \
		$(word 1,$^) $(word 2,$^)

$(PURE_OUT)/%.tsan: pure/%_test.c $(MODULE)/%.c $(PURE_DEPS) | $(PURE_OUT)
	$(CC) $(PURE_CFLAGS) -fsanitize=thread -o $@ \
		$(word 1,$^) $(word 2,$^)

$(PURE_OUT):
	mkdir -p $@

EXTRA_CLEAN += $(PURE_OUT)

.PHONY: pure
