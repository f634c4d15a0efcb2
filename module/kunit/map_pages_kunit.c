// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/mutex.h>
#include <linux/regalloc.h>

#include "../map_pages.c"
#include "../map_fault.c"

#define MAX_PAGES	8		/* that the budget allows */

/* A client's map window under a small budget. */
struct map_env {
	struct regalloc_geometry geo;
	struct regalloc_budget budget;
	struct regalloc_account *account;
	struct regalloc_space *space;
	struct regalloc_map_pages map;
	struct regalloc_map_pages other;
	u64 words;		/* offset of a page of words */
	struct mutex lock;	/* the client's */
};

static int env_init(struct kunit *test)
{
	struct map_env *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_ASSERT_EQ(test, 0, regalloc_space_init());
	KUNIT_ASSERT_EQ(test, 0, regalloc_geometry_init(&e->geo, 1ULL << 30));
	mutex_init(&e->lock);
	regalloc_budget_init(&e->budget);
	regalloc_budget_set(&e->budget, 64 * MAX_PAGES * PAGE_SIZE);
	e->account = regalloc_account_create(&e->budget, 1);
	KUNIT_ASSERT_NOT_NULL(test, e->account);
	e->space = regalloc_space_create(e->account, 1ULL << 34);
	KUNIT_ASSERT_FALSE(test, IS_ERR(e->space));
	KUNIT_ASSERT_EQ(test, 0, regalloc_map_pages_init(&e->map, &e->geo,
							 e->space, &e->budget,
							 &e->lock));
	KUNIT_ASSERT_EQ(test, 0, regalloc_map_pages_init(&e->other, &e->geo,
							 e->space, &e->budget,
							 &e->lock));
	e->words = PAGE_SIZE;
	test->priv = e;
	return 0;
}

static void env_exit(struct kunit *test)
{
	struct map_env *e = test->priv;

	regalloc_map_pages_fini(&e->map);
	regalloc_map_pages_fini(&e->other);
	KUNIT_EXPECT_EQ(test, 0, e->budget.map_bytes);
	regalloc_space_put(e->space);
	regalloc_account_put(e->account);
	regalloc_space_exit();
}

static unsigned int drop(struct regalloc_map_pages *map, unsigned int max)
{
	LIST_HEAD(dropped);
	unsigned int nr = regalloc_map_pages_drop(map, max, &dropped);

	regalloc_map_pages_free(map, &dropped);
	return nr;
}

static void the_first_page_is_there(struct kunit *test)
{
	struct map_env *e = test->priv;

	KUNIT_EXPECT_NOT_NULL(test, regalloc_map_pages_find(&e->map, 0));
	KUNIT_EXPECT_NULL(test, regalloc_map_pages_find(&e->map, e->words));
	/* And so is that of zeros. */
	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE, regalloc_map_pages_bytes(&e->map));
	KUNIT_EXPECT_EQ(test, 0, e->budget.map_bytes);
	KUNIT_EXPECT_EQ(test, 0, drop(&e->map, 10));
}

static void one_page_for_all(struct kunit *test)
{
	struct map_env *e = test->priv;
	u64 offset = 5 * PAGE_SIZE + 100;
	char *at = regalloc_map_pages_get(&e->map, offset);

	KUNIT_ASSERT_FALSE(test, IS_ERR(at));
	KUNIT_EXPECT_NULL(test, memchr_inv(at - 100, 0, PAGE_SIZE));
	*at = 'x';
	KUNIT_EXPECT_PTR_EQ(test, at, regalloc_map_pages_get(&e->map, offset));
	KUNIT_EXPECT_PTR_EQ(test, at + 7,
			    regalloc_map_pages_find(&e->map, offset + 7));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, e->budget.map_bytes);
	/* Both users must be gone. */
	regalloc_map_pages_put(&e->map, offset);
	KUNIT_EXPECT_EQ(test, 0, drop(&e->map, 10));
	regalloc_map_pages_put(&e->map, offset);
	KUNIT_EXPECT_EQ(test, 1, drop(&e->map, 10));
	KUNIT_EXPECT_NULL(test, regalloc_map_pages_find(&e->map, offset));
	KUNIT_EXPECT_EQ(test, 0, e->budget.map_bytes);
	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE, regalloc_map_pages_bytes(&e->map));
}

static void bounded_for_all_clients(struct kunit *test)
{
	struct map_env *e = test->priv;
	unsigned int i;

	for (i = 0; i < MAX_PAGES; i++)
		KUNIT_ASSERT_FALSE(test, IS_ERR(regalloc_map_pages_get(i % 2 ? &e->map :
									       &e->other,
								       e->words + i * PAGE_SIZE)));
	KUNIT_EXPECT_EQ(test, -ENOBUFS,
			PTR_ERR(regalloc_map_pages_get(&e->map, 100 * PAGE_SIZE)));
	for (i = 0; i < MAX_PAGES; i += 2)
		regalloc_map_pages_put(&e->other, e->words + i * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, drop(&e->map, 10));
	KUNIT_EXPECT_EQ(test, 1, drop(&e->other, 1));
	KUNIT_EXPECT_FALSE(test, IS_ERR(regalloc_map_pages_get(&e->map,
							       100 * PAGE_SIZE)));
	/* A smaller budget has too many of them. */
	KUNIT_EXPECT_EQ(test, 0, regalloc_budget_map_excess(&e->budget, 0));
	regalloc_budget_set(&e->budget, 64 * (MAX_PAGES - 2) * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE,
			regalloc_budget_map_excess(&e->budget, 0));
}

/* Handles of slices whose words are gone do not become valid again. */
static void generations_go_on(struct kunit *test)
{
	struct map_env *e = test->priv;
	const struct regalloc_control *control = regalloc_map_pages_find(&e->map, 0);
	u64 hint = round_up(regalloc_geometry_hint_offset(&e->geo, 0, 0), PAGE_SIZE);
	u32 *words = regalloc_map_pages_get(&e->map, e->words);
	u8 *hints = regalloc_map_pages_get(&e->map, hint);

	KUNIT_ASSERT_FALSE(test, IS_ERR(words));
	KUNIT_ASSERT_FALSE(test, IS_ERR(hints));
	words[7] = 41 << REGALLOC_STATE_GEN_SHIFT | REGALLOC_STATE_CLOSED;
	memset(hints, 0xff, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 1, e->map.first_gen);
	regalloc_map_pages_put(&e->map, hint);
	KUNIT_EXPECT_EQ(test, 1, drop(&e->map, 10));
	KUNIT_EXPECT_EQ(test, 1, e->map.first_gen);
	regalloc_map_pages_put(&e->map, e->words);
	KUNIT_EXPECT_EQ(test, 1, drop(&e->map, 10));
	KUNIT_EXPECT_EQ(test, 42, e->map.first_gen);
	KUNIT_EXPECT_EQ(test, 42, control->first_gen);
	/* From the last one to the first. */
	words = regalloc_map_pages_get(&e->map, e->words);
	KUNIT_ASSERT_FALSE(test, IS_ERR(words));
	KUNIT_EXPECT_NULL(test, memchr_inv(words, 0, PAGE_SIZE));
	words[0] = ~0U;
	regalloc_map_pages_put(&e->map, e->words);
	KUNIT_EXPECT_EQ(test, 1, drop(&e->map, 10));
	KUNIT_EXPECT_EQ(test, 1, e->map.first_gen);
}

/* What the fault handler says without an area; the page is put again. */
static vm_fault_t fault_at(struct map_env *e, u64 offset, unsigned int flags)
{
	struct vm_fault vmf = { .flags = flags };
	vm_fault_t ret = regalloc_map_fault(&e->map, offset, &vmf);

	if (ret & VM_FAULT_LOCKED) {
		unlock_page(vmf.page);
		put_page(vmf.page);
	}
	return ret;
}

static void faults_allocate_nothing(struct kunit *test)
{
	struct map_env *e = test->priv;
	const unsigned int user = FAULT_FLAG_USER;

	KUNIT_EXPECT_EQ(test, VM_FAULT_SIGBUS, fault_at(e, e->words, 0));
	KUNIT_EXPECT_EQ(test, VM_FAULT_SIGBUS,
			fault_at(e, e->words, user | FAULT_FLAG_WRITE));
	/* All that is read is one and the same page. */
	KUNIT_EXPECT_EQ(test, VM_FAULT_LOCKED, fault_at(e, e->words, user));
	KUNIT_EXPECT_EQ(test, VM_FAULT_LOCKED,
			fault_at(e, 77 * PAGE_SIZE, FAULT_FLAG_INTERRUPTIBLE));
	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE, regalloc_map_pages_bytes(&e->map));
	KUNIT_EXPECT_EQ(test, 0, e->budget.map_bytes);
	KUNIT_EXPECT_EQ(test, VM_FAULT_LOCKED, fault_at(e, 0, FAULT_FLAG_WRITE));
}

static void zeros_are_counted(struct kunit *test)
{
	struct map_env *e = test->priv;
	int count;

	KUNIT_EXPECT_EQ(test, VM_FAULT_LOCKED,
			fault_at(e, e->words, FAULT_FLAG_USER));
	count = page_ref_count(e->map.zero);
	set_page_count(e->map.zero, INT_MAX / 2 + 1);
	KUNIT_EXPECT_EQ(test, VM_FAULT_SIGBUS,
			fault_at(e, e->words, FAULT_FLAG_USER));
	set_page_count(e->map.zero, count);
}

static void drop_one_place(struct kunit *test, u64 offset)
{
	struct map_env *e = test->priv;

	KUNIT_ASSERT_FALSE(test, IS_ERR(regalloc_map_pages_get(&e->map, offset)));
	regalloc_map_pages_put(&e->map, offset);
	KUNIT_ASSERT_EQ(test, 1, drop(&e->map, 10));
}

/* A thread that was about to claim a slice gets no signal. */
static void a_late_write_finds_a_page(struct kunit *test)
{
	struct map_env *e = test->priv;
	const unsigned int write = FAULT_FLAG_USER | FAULT_FLAG_WRITE;

	drop_one_place(test, e->words);
	KUNIT_EXPECT_EQ(test, VM_FAULT_LOCKED,
			fault_at(e, e->words, FAULT_FLAG_USER));
	KUNIT_EXPECT_EQ(test, 0, e->budget.map_bytes);
	KUNIT_EXPECT_EQ(test, VM_FAULT_NOPAGE, fault_at(e, e->words, write));
	KUNIT_EXPECT_EQ(test, VM_FAULT_LOCKED, fault_at(e, e->words, write));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, e->budget.map_bytes);
}

/* But such pages never take what slots that open need. */
static void late_writes_are_bounded(struct kunit *test)
{
	struct map_env *e = test->priv;
	const unsigned int write = FAULT_FLAG_USER | FAULT_FLAG_WRITE;
	unsigned int i;

	for (i = 0; i < MAX_PAGES; i++)
		drop_one_place(test, e->words + i * PAGE_SIZE);
	for (i = 0; i < MAX_PAGES; i++)
		KUNIT_EXPECT_EQ(test, VM_FAULT_NOPAGE,
				fault_at(e, e->words + i * PAGE_SIZE, write));
	KUNIT_EXPECT_EQ(test, MAX_PAGES / 2 * PAGE_SIZE, e->budget.map_bytes);
}

/* Memory failure: the core must not ask for the mapping of our pages. */
static void a_broken_page(struct kunit *test)
{
	struct map_env *e = test->priv;
	void *at = regalloc_map_pages_get(&e->map, e->words);

	KUNIT_ASSERT_FALSE(test, IS_ERR(at));
	SetPageHWPoison(virt_to_page(at));
	KUNIT_EXPECT_EQ(test, VM_FAULT_HWPOISON,
			fault_at(e, e->words, FAULT_FLAG_USER));
	ClearPageHWPoison(virt_to_page(at));
	KUNIT_EXPECT_EQ(test, VM_FAULT_LOCKED,
			fault_at(e, e->words, FAULT_FLAG_USER));
}

static struct kunit_case map_cases[] = {
	KUNIT_CASE(the_first_page_is_there),
	KUNIT_CASE(one_page_for_all),
	KUNIT_CASE(bounded_for_all_clients),
	KUNIT_CASE(generations_go_on),
	KUNIT_CASE(faults_allocate_nothing),
	KUNIT_CASE(zeros_are_counted),
	KUNIT_CASE(a_late_write_finds_a_page),
	KUNIT_CASE(late_writes_are_bounded),
	KUNIT_CASE(a_broken_page),
	{}
};

static struct kunit_suite map_suite = {
	.name = "regalloc_map_pages",
	.init = env_init,
	.exit = env_exit,
	.test_cases = map_cases,
};

kunit_test_suite(map_suite);
