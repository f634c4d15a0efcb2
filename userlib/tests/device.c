// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device_slots.h"

struct device *device;

static void *shared_memory_at(void *addr, size_t bytes, int prot)
{
	void *mem = __real_mmap64(addr, bytes, prot,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE |
				  (addr ? MAP_FIXED : 0), -1, 0);

	if (mem == MAP_FAILED) {
		perror("mmap");
		exit(EXIT_FAILURE);
	}
	return mem;
}

static void *shared_memory(size_t bytes, int prot)
{
	return shared_memory_at(NULL, bytes, prot);
}

/* A fork takes all clients along. */
static void clients_get(void)
{
	pthread_mutex_lock(&device->lock);
	for (int i = 0; i < DEVICE_CLIENTS; i++)
		device->clients[i].refs += !!device->clients[i].fd;
	pthread_mutex_unlock(&device->lock);
}

static void device_init(void)
{
	pthread_mutexattr_t attr;

	device = shared_memory(sizeof(*device), PROT_READ | PROT_WRITE);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&device->lock, &attr);
	pthread_atfork(clients_get, NULL, NULL);
}

static void info_init(struct regalloc_ioc_info *info)
{
	struct regalloc_geometry geo = device_geometry();

	*info = (struct regalloc_ioc_info){
		.span_bytes = 1ULL << geo.span_shift,
		.window_bytes = regalloc_geometry_window_bytes(&geo),
		.map_offset = regalloc_geometry_window_bytes(&geo),
		.map_bytes = regalloc_geometry_map_bytes(&geo),
		.budget_bytes = device->budget * REGALLOC_REGION_BYTES,
	};
	info->state_offset = regalloc_geometry_state_offset(&geo, 0, 0);
	info->hint_offset = regalloc_geometry_hint_offset(&geo, 0, 0);
}

void device_reset(uint64_t ram_bytes, uint64_t budget_regions)
{
	struct regalloc_geometry geo;

	if (!device)
		device_init();
	for (int i = 0; i < DEVICE_CLIENTS; i++)
		CHECK(!device->clients[i].fd);
	CHECK(!device->charged);
	regalloc_geometry_init(&geo, ram_bytes);
	device->span_shift = geo.span_shift;
	device->budget = budget_regions;
	info_init(&device->info);
	device->eager = false;
	device->err_at_end = -ENOMEM;
	device->mmap_fails_at = 0;
	device->nr_calls = 0;
	device->nr_allocs = 0;
	device->nr_trims = 0;
	device->nr_arms = 0;
	device->nr_opened = 0;
	device->nr_closed = 0;
	device->nr_hidden = 0;
}

void client_attend(struct device_client *client, uint32_t bits, bool on)
{
	uint32_t *attention = &client_control(client)->attention;

	if (on)
		__atomic_fetch_or(attention, bits, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(attention, ~bits, __ATOMIC_SEQ_CST);
}

struct device_client *client_find(int fd)
{
	for (int i = 0; i < DEVICE_CLIENTS; i++)
		if (device->clients[i].fd == fd)
			return &device->clients[i];
	return NULL;
}

int __wrap_open64(const char *path, int flags, ...)
{
	struct device_client *client;
	int fd;

	CHECK(flags == (O_RDWR | O_CLOEXEC));
	if (strcmp(path, "/dev/regalloc")) {
		errno = ENOENT;
		return -1;
	}
	fd = dup(STDOUT_FILENO);
	pthread_mutex_lock(&device->lock);
	client = client_find(0);
	if (!client)
		abort();
	*client = (struct device_client){
		.fd = fd,
		.refs = 1,
		.slots = shared_memory(REGALLOC_NR_CLASSES * device_nr_slots(),
				       PROT_READ | PROT_WRITE),
	};
	device->fd = fd;
	pthread_mutex_unlock(&device->lock);
	return fd;
}

int __wrap_close(int fd)
{
	struct device_client *client;

	pthread_mutex_lock(&device->lock);
	client = fd > 0 ? client_find(fd) : NULL;
	if (client && !--client->refs) {
		device->charged -= client->nr_regions;
		munmap(client->slots, REGALLOC_NR_CLASSES * device_nr_slots());
		client->fd = 0;
	}
	pthread_mutex_unlock(&device->lock);
	return __real_close(fd);
}

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset)
{
	struct device_client *client;
	void *mem;

	if (device && device->mmap_fails_at && !--device->mmap_fails_at) {
		errno = ENODEV;
		return MAP_FAILED;
	}
	if (fd < 0)
		return __real_mmap64(addr, len, prot, flags, fd, offset);

	client = client_find(fd);
	CHECK(client);
	CHECK(prot == (PROT_READ | PROT_WRITE));
	if (!offset) {
		CHECK(len == device->info.window_bytes);
		CHECK(addr && flags == (MAP_SHARED | MAP_FIXED));
		CHECK((uintptr_t)addr % REGALLOC_REGION_BYTES == 0);
		mem = shared_memory_at(addr, len, PROT_NONE);
		client->window = mem;
	} else {
		CHECK(offset == (off_t)device->info.map_offset);
		CHECK(!addr && flags == MAP_SHARED);
		CHECK(len == device->info.map_bytes);
		mem = shared_memory(len, prot);
		client->map = mem;
		client_attend(client, REGALLOC_ATTENTION_ARM, true);
		client_attend(client, REGALLOC_ATTENTION_CLOSE, device->eager);
	}
	return mem;
}

uint32_t *device_word(unsigned int class, uint64_t index)
{
	/* The regions of a class have their words one after the other. */
	return slot_of(client_find(device->fd), class, 0).words +
	       index * regalloc_class_stride(class);
}

struct regalloc_control *device_control(void)
{
	return client_control(client_find(device->fd));
}

void device_set_eager(bool eager)
{
	struct device_client *client;

	pthread_mutex_lock(&device->lock);
	device->eager = eager;
	for (int i = 0; i < DEVICE_CLIENTS; i++) {
		client = &device->clients[i];
		if (client->fd)
			client_attend(client, REGALLOC_ATTENTION_CLOSE, eager);
	}
	pthread_mutex_unlock(&device->lock);
}

void device_decay(void)
{
	struct device_client *client;

	pthread_mutex_lock(&device->lock);
	for (int i = 0; i < DEVICE_CLIENTS; i++) {
		client = &device->clients[i];
		if (!client->fd)
			continue;
		client_attend(client, REGALLOC_ATTENTION_ARM, true);
		client_close_spares(client, UINT32_MAX);
	}
	pthread_mutex_unlock(&device->lock);
}

bool client_next_open(struct device_client *client, struct slot *s)
{
	unsigned long i = s->client ? s->number + 1 : 0;

	for (unsigned int c = s->class; c < REGALLOC_NR_CLASSES; c++, i = 0) {
		for (; i < client_control(client)->nr_slots[c]; i++) {
			*s = slot_of(client, c, i);
			if (*s->flags & SLOT_OPEN)
				return true;
		}
	}
	return false;
}

static bool slot_hints_right(const struct slot *s)
{
	for (unsigned int i = 0; i < s->nr; i++)
		if ((*slot_word(s, i) & REGALLOC_STATE_MASK) ==
		    REGALLOC_STATE_FREE && !s->hint->avail)
			return false;
	return !slot_is_spare(s) || s->hint->dirty || *s->flags & SLOT_MARK;
}

bool device_hints_right(void)
{
	bool right = true;
	struct slot s;

	pthread_mutex_lock(&device->lock);
	for (int i = 0; i < DEVICE_CLIENTS; i++) {
		s = (struct slot){ 0 };
		while (device->clients[i].fd &&
		       client_next_open(&device->clients[i], &s))
			right = right && slot_hints_right(&s);
	}
	pthread_mutex_unlock(&device->lock);
	return right;
}

uint64_t device_nr_live(void)
{
	uint64_t live = 0;
	struct slot s;

	pthread_mutex_lock(&device->lock);
	for (int i = 0; i < DEVICE_CLIENTS; i++) {
		s = (struct slot){ 0 };
		while (device->clients[i].fd &&
		       client_next_open(&device->clients[i], &s))
			live += regalloc_slices_count_live(s.words, s.class);
	}
	pthread_mutex_unlock(&device->lock);
	return live;
}
