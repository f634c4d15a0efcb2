# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's build does not read this file: it takes Kbuild from beside it.

KDIR ?= /lib/modules/$(shell uname -r)/build
modules_make = $(MAKE) -C $(KDIR) M=$(CURDIR)
# Debian's headers have no key to sign modules with, and so no need to try; where there
# is one, the kernel's build does as it was configured.
key := $(wildcard $(KDIR)/certs/signing_key.pem)
vm := selftests/vm

all: modules lib examples tools ## the module, the library and its programs

help: ## this list
	@sed -n 's/^\([a-z_-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18
	@echo
	@echo "KDIR=DIR          build for another kernel than the running one"
	@echo "KERNELS='6.1'     test, fuzz and check with these only"
	@echo "JOBS=1            one guest at a time (test: 2 otherwise; mutate: 1)"

modules: $(KDIR)/Makefile ## the module, for the kernel in KDIR
	+$(modules_make) modules

# Without a System.map, as in Debian's headers, the kernel's build leaves out depmod.
modules_install: $(KDIR)/Makefile ## install the module (as root; INSTALL_MOD_PATH)
	+$(modules_make) $(if $(key),,CONFIG_MODULE_SIG_ALL=) cmd_depmod=: modules_install
	depmod $(INSTALL_MOD_PATH:%=-b %) $$(modinfo -F vermagic regalloc.ko | cut -d ' ' -f 1)

$(KDIR)/Makefile:
	@echo "No kernel headers in $(KDIR)."
	@echo "Install them (Debian: apt install linux-headers-$$(uname -r)),"
	@echo "or name another directory: make KDIR=DIR"
	@false

lib: ## the library
	$(MAKE) -C userlib lib

examples: ## the programs that show how to use the library
	$(MAKE) -C userlib examples

tools: ## regallocctl, for operators
	$(MAKE) -C userlib tools

install: ## install library, regallocctl, udev rule (PREFIX, LIBDIR, DESTDIR)
	$(MAKE) -C userlib install

# The kernel's build puts modules from elsewhere into one of these two.
uninstall: ## remove all of that again, and the module from all kernels
	$(MAKE) -C userlib uninstall
	for dir in $(INSTALL_MOD_PATH)/lib/modules/*; do \
		[ -n "$$(ls $$dir/updates/regalloc.ko* $$dir/extra/regalloc.ko* \
			2>/dev/null)" ] || continue; \
		rm -f $$dir/updates/regalloc.ko* $$dir/extra/regalloc.ko* && \
		{ rmdir $$dir/updates $$dir/extra 2>/dev/null || :; } && \
		depmod $(INSTALL_MOD_PATH:%=-b %) $${dir##*/} || exit; \
	done

deb: ## Debian packages, in build/deb
	@$(vm)/deps.sh deb
	rm -rf build/deb
	mkdir -p build/deb
	rsync -a --exclude=.git --filter=':- .gitignore' ./ build/deb/source/
	cd build/deb/source && DEB_BUILD_OPTIONS='noautodbgsym nocheck' \
		dpkg-buildpackage -us -uc -b

test: ## run all tests, in virtual machines
	@$(vm)/test.sh

test-debug: ## the same on kernels that watch themselves; slow
	@KERNELS="$$($(vm)/vm.sh list-debug)" $(vm)/test.sh

test-matrix: ## on all kernels, with dirty, two nodes of, movable memory; slow
	@kernels="$$($(vm)/vm.sh list) $$($(vm)/vm.sh list-more)"; \
	KERNELS="$$kernels $$(echo $$kernels | sed 's/[^ ]*/&+dirty &+numa &+movable/g')" \
		$(vm)/test.sh

soak: ## kill 10,000 processes, load 500 times, crowd the budget for 5 minutes
	@TESTS="pressure lifetime modload" TIME=$(or $(TIME),5m) \
		REGALLOC_KILLS=10000 REGALLOC_RELOAD_CYCLES=500 $(vm)/test.sh

test-bindings: ## C++, Rust, Python, Java; in a virtual machine
	@$(vm)/test-bindings.sh

fuzz: ## random operations against a model (TIME=1h), or those of a SEED again
	@TESTS=fuzzer TIME=$(or $(TIME),$(if $(SEED),0,10m)) \
		$(foreach name,SEED OPS PROCS HOSTILE,\
		$(if $($(name)),REGALLOC_$(name)=$($(name)))) $(vm)/test.sh

storm: ## writers that check every byte while memory is moved about (TIME=1h)
	@TESTS=storm TIME=$(or $(TIME),10m) $(vm)/test.sh

coverage: ## what of the module the tests reach, 90 % at least (TESTS=fuzzer)
	@$(vm)/coverage.sh

mutate: ## take out one guard after the other, and see that a test notices
	@selftests/mutate.sh

docs: ## the documentation as web pages, in build/docs
	@$(vm)/deps.sh docs
	sphinx-build -q -E -W --keep-going -d build/doctrees Documentation build/docs

check: ## build without warnings, static checks, style
	@$(vm)/check.sh

demo: ## see it at work in a virtual machine
	@$(vm)/demo.sh

test-bare: ## the README's commands where nothing is installed (TREES, PARTS)
	@$(vm)/test-bare.sh

test-packages: ## install the packages in a bare Debian, boot and purge it
	@$(vm)/test-packages.sh

bench: ## compare it with its peers (NATIVE=1: no virtual machine)
	@$(vm)/bench.sh

figures: ## write what make bench found into README.md and Documentation
	@userlib/bench/figures.sh update $(wildcard build/bench/results.csv)

clean: ## remove what was built, except downloads
	if [ -e $(KDIR)/Makefile ]; then $(modules_make) clean; fi
	rm -rf build

.PHONY: $(shell sed -n 's/^\([a-z_-]*\):.*\#\# .*/\1/p' $(MAKEFILE_LIST))
