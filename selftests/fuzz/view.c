// SPDX-License-Identifier: GPL-2.0-only
#include "player.h"

void view_close(struct view *v)
{
	if (v->base)
		munmap(v->base, (size_t)v->pages * AREA_PAGE);
	v->base = NULL;
}

static struct view *some_view(struct player *p, const struct op *op)
{
	struct view *v = &p->view[op->arg[0] % VIEW_MOST];

	return v->base ? v : NULL;
}

/* Some pages in a row of a view. */
static void some_pages(const struct view *v, const struct op *op,
		       uint32_t *first, uint32_t *nr)
{
	*first = op->arg[1] % v->pages;
	*nr = 1 + op->arg[2] % (v->pages - *first);
	if (op->arg[2] >> 32 & 1) {
		*first = 0;
		*nr = v->pages;
	}
}

int op_view_map(struct player *p, const struct op *op)
{
	struct view *v = &p->view[op->arg[0] % VIEW_MOST];
	uint64_t live = player_some_live(p, op->arg[1]);
	int prot = PROT_READ | (op->arg[0] >> 32 & 1 ? PROT_WRITE : 0);
	uint8_t *base;

	if (v->base)
		return FUZZ_SKIPPED;
	v->offset = REGALLOC_HANDLE_OFFSET(live) & -AREA_PAGE;
	v->pages = 1 + op->arg[2] % VIEW_PAGES;
	/* With the beginning of its region, or not. */
	if (op->arg[2] >> 32 & 1)
		v->offset -= v->offset % RT_REGION;
	base = mmap(NULL, (size_t)v->pages * AREA_PAGE, prot, MAP_SHARED,
		    p->c.fd, v->offset);
	trace("%u pages from %" PRIx64, v->pages, v->offset);
	if (base == MAP_FAILED)
		fail("mmap of a view: %s", strerror(errno));
	v->base = base;
	v->split = false;
	memset(v->prot, prot, v->pages);
	return 0;
}

int op_view_map_bad(struct player *p, const struct op *op)
{
	uint64_t end = p->c.info.map_offset + p->c.info.map_bytes;
	uint64_t offset = op->arg[1] % end & -AREA_PAGE, bytes = AREA_PAGE;
	int flags = MAP_SHARED, expected = -EINVAL;
	void *base;

	switch (op->arg[0] % 4) {
	case 0:
		flags = MAP_PRIVATE;
		break;
	case 1:
		offset = end;
		break;
	case 2:
		bytes = end - offset + AREA_PAGE;
		break;
	default:
		offset |= 1ULL << 62;
		/* The core may notice before the device does. */
		expected = -EOVERFLOW;
	}
	base = mmap(NULL, bytes, PROT_READ, flags, p->c.fd, offset);
	if (base != MAP_FAILED ||
	    (errno != EINVAL && errno != -expected))
		fail("mmap of %" PRIx64 " bytes at %" PRIx64 ", flags %x: %p, %s",
		     bytes, offset, flags, base, strerror(errno));
	return -errno;
}

/* What was unmapped stays taken, lest something else be mapped there. */
int op_view_unmap(struct player *p, const struct op *op)
{
	struct view *v = some_view(p, op);
	uint32_t first, nr;
	uint8_t *addr;

	if (!v)
		return FUZZ_SKIPPED;
	some_pages(v, op, &first, &nr);
	addr = v->base + (size_t)first * AREA_PAGE;
	if (mmap(addr, (size_t)nr * AREA_PAGE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != addr)
		fail("unmap: %s", strerror(errno));
	memset(v->prot + first, PROT_NONE, nr);
	v->split = true;
	return 0;
}

int op_view_close(struct player *p, const struct op *op)
{
	struct view *v = some_view(p, op);

	if (!v)
		return FUZZ_SKIPPED;
	view_close(v);
	return 0;
}

/* Once a part is gone, that part must not become accessible again. */
int op_view_protect(struct player *p, const struct op *op)
{
	static const int prots[] = {
		PROT_READ, PROT_READ | PROT_WRITE,
	};
	struct view *v = some_view(p, op);
	int prot = prots[op->arg[0] >> 32 & 1];
	uint32_t first, nr, i;

	if (!v)
		return FUZZ_SKIPPED;
	some_pages(v, op, &first, &nr);
	for (i = 0; i < nr; i++)
		if (v->prot[first + i] == PROT_NONE)
			return FUZZ_SKIPPED;
	if (mprotect(v->base + (size_t)first * AREA_PAGE,
		     (size_t)nr * AREA_PAGE, prot))
		fail("mprotect: %s", strerror(errno));
	memset(v->prot + first, prot, nr);
	if (nr < v->pages)
		v->split = true;
	return 0;
}

/* Elsewhere, and perhaps shorter. */
int op_view_move(struct player *p, const struct op *op)
{
	struct view *v = some_view(p, op);
	size_t bytes, rest;
	void *to, *base;

	if (!v || v->split)
		return FUZZ_SKIPPED;
	bytes = (size_t)v->pages * AREA_PAGE;
	rest = op->arg[1] % 2 ? (1 + op->arg[2] % v->pages) * AREA_PAGE : bytes;
	to = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		fail("no room to move: %s", strerror(errno));
	base = mremap(v->base, bytes, rest, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (base != to)
		fail("mremap: %s", strerror(errno));
	if (rest < bytes)
		munmap((uint8_t *)to + rest, bytes - rest);
	v->base = base;
	v->pages = rest / AREA_PAGE;
	return 0;
}

/* Each gives a second view of the same pages, or one that reaches further. */
int op_view_grow(struct player *p, const struct op *op)
{
	struct view *v = some_view(p, op);
	int flags = MREMAP_MAYMOVE;
	size_t old, new;
	uint8_t *base;

	if (!v || v->split)
		return FUZZ_SKIPPED;
	old = (size_t)v->pages * AREA_PAGE;
	new = old + AREA_PAGE;
	if (op->arg[1] % 3 == 0)
		old = 0;
	if (op->arg[1] % 3 == 1) {
		new = old;
		flags |= MREMAP_DONTUNMAP;
	}
	base = mremap(v->base, old, new, flags, NULL);
	if (base == MAP_FAILED)
		fail("mremap from %zu to %zu bytes, flags %x: %s", old, new,
		     flags, strerror(errno));
	/* The model goes on with what it had. */
	if (old && !(flags & MREMAP_DONTUNMAP)) {
		v->base = base;
		base += old;
		new -= old;
	}
	munmap(base, new);
	return 0;
}

static int advise(void *addr, size_t bytes, uint64_t random)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_WILLNEED, MADV_COLD,
		MADV_PAGEOUT, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_RANDOM,
		MADV_SEQUENTIAL, MADV_NORMAL, MADV_REMOVE, MADV_FREE,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_DODUMP, MADV_DONTDUMP,
		22 /* POPULATE_READ */, 23 /* POPULATE_WRITE */,
		25 /* COLLAPSE */,
	};
	int advice = advices[random % (sizeof(advices) / sizeof(*advices))];
	int err = madvise(addr, bytes, advice) ? -errno : 0;

	trace("advice %d for %zx bytes: %s", advice, bytes, strerror(-err));
	if (advice == MADV_DONTNEED && err)
		fail("MADV_DONTNEED: %s", strerror(-err));
	return err;
}

int op_view_advise(struct player *p, const struct op *op)
{
	struct view *v = some_view(p, op);
	uint32_t first, nr;

	if (!v)
		return FUZZ_SKIPPED;
	some_pages(v, op, &first, &nr);
	/* Some of them are kept by flags of the mapping. */
	if (nr < v->pages)
		v->split = true;
	return advise(v->base + (size_t)first * AREA_PAGE,
		      (size_t)nr * AREA_PAGE, op->arg[0] >> 32);
}

int op_view_read(struct player *p, const struct op *op)
{
	struct view *v = some_view(p, op);
	struct pattern t = { .bytes = PATTERN_STEP, .owner = p->m->owner };
	uint64_t page, offset;
	int sig, prot;

	if (!v)
		return FUZZ_SKIPPED;
	page = op->arg[1] % v->pages;
	offset = v->offset + page * AREA_PAGE;
	prot = v->prot[page];
	t.addr = v->base + page * AREA_PAGE;
	sig = pattern_check_foreign(&t);
	trace("%" PRIx64 ", prot %d: signal %d", offset, prot, sig);
	if (prot == PROT_NONE ? sig != SIGSEGV :
	    sig && (sig != SIGBUS || model_page_is_live(p->m, offset)))
		fail("read at %" PRIx64 ", prot %d: signal %d", offset, prot,
		     sig);
	if (!sig && t.bad < t.bytes)
		fail("read at %" PRIx64 ": %016" PRIx64 ", somebody else's",
		     offset, t.word);
	if (!sig && model_page_is_live(p->m, offset) &&
	    t.word != rt_load((uint64_t *)(p->c.base + offset)))
		fail("read at %" PRIx64 ": %016" PRIx64 ", not what the window has",
		     offset, t.word);
	return tally_signal(sig);
}

/* Between the words of the pattern. */
int op_view_write(struct player *p, const struct op *op)
{
	struct view *v = some_view(p, op);
	uint64_t page, offset;
	int sig, prot;

	if (!v)
		return FUZZ_SKIPPED;
	page = op->arg[1] % v->pages;
	offset = v->offset + page * AREA_PAGE;
	prot = v->prot[page];
	sig = rt_poke(v->base + page * AREA_PAGE + PATTERN_STEP / 2,
		      1 + op->arg[2] % 255);
	trace("%" PRIx64 ", prot %d: signal %d", offset, prot, sig);
	if (prot & PROT_WRITE ?
	    sig && (sig != SIGBUS || model_page_is_live(p->m, offset)) :
	    sig != SIGSEGV)
		fail("write at %" PRIx64 ", prot %d: signal %d", offset, prot,
		     sig);
	return tally_signal(sig);
}

static uint64_t some_region(struct player *p, const struct op *op)
{
	return model_region_offset(p->m, op->arg[0] % REGALLOC_NR_CLASSES,
				   op->arg[1] % MODEL_SLOTS);
}

/* A part of the window goes and comes back, in two steps or one. */
int op_window_replace(struct player *p, const struct op *op)
{
	uint64_t offset = some_region(p, op);
	uint8_t *addr = p->c.base + offset;

	if (op->arg[2] % 2)
		munmap(addr, RT_REGION);
	if (mmap(addr, RT_REGION, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, p->c.fd, offset) != addr)
		fail("mmap: %s", strerror(errno));
	return 0;
}

int op_window_advise(struct player *p, const struct op *op)
{
	return advise(p->c.base + some_region(p, op), RT_REGION, op->arg[2]);
}
