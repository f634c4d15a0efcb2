// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "clients.h"
#include "error.h"
#include "file.h"

static const char *const fdinfo_keys[NR_CLIENT_NUMBERS] = {
	[CLIENT_ID] = "regalloc-client:",
	[CLIENT_CHARGED] = "regalloc-charged:",
	[CLIENT_LIVE] = "regalloc-live:",
	[CLIENT_SPARE] = "regalloc-spare:",
	[CLIENT_PINNED] = "regalloc-pinned:",
	[CLIENT_RESERVE] = "regalloc-reserve:",
	[CLIENT_LIMIT] = "regalloc-limit:",
	[CLIENT_MAP] = "regalloc-map:",
	[CLIENT_REGIONS] = "regalloc-regions:",
	[CLIENT_IDLE] = "regalloc-idle:",
	[CLIENT_HOLE] = "regalloc-hole:",
};

/* Room for one more in an array of @nr. */
static void *grow(void *array, size_t nr, size_t size)
{
	array = reallocarray(array, nr + 1, size);
	if (!array)
		fail(EXIT_FAILURE, "%s", strerror(errno));
	return array;
}

static dev_t device_number(void)
{
	const char *path = SYSFS_DIR "dev";
	unsigned int major, minor;
	FILE *file = fopen(path, "re");

	if (!file)
		fail_file(path, errno);
	if (fscanf(file, "%u:%u", &major, &minor) != 2)
		fail_file(path, EIO);
	fclose(file);
	return makedev(major, minor);
}

/* Returns whether it is still there. */
static bool read_fdinfo(const char *path, uint64_t numbers[NR_CLIENT_NUMBERS])
{
	FILE *file = fopen(path, "re");
	bool found = false;
	uint64_t value;
	char key[64];

	if (!file)
		return false;
	memset(numbers, 0, sizeof(*numbers) * NR_CLIENT_NUMBERS);
	numbers[CLIENT_LIMIT] = NO_LIMIT;
	/* Lines of others have values that are no numbers. */
	while (fscanf(file, "%63s", key) == 1) {
		for (int i = 0; i < NR_CLIENT_NUMBERS; i++) {
			if (strcmp(key, fdinfo_keys[i]) ||
			    fscanf(file, "%" SCNu64, &value) != 1)
				continue;
			numbers[i] = value;
			found |= i == CLIENT_ID;
		}
	}
	fclose(file);
	return found;
}

static void read_command(pid_t pid, char *command, int size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(command, size, file))
		command[strcspn(command, "\n")] = '\0';
	fclose(file);
	/* A process can call itself anything, but JSON is UTF-8. */
	for (; *command; command++)
		if (!isprint((unsigned char)*command))
			*command = '?';
}

static struct client *find(struct clients *clients, uint64_t id)
{
	for (size_t i = 0; i < clients->nr; i++)
		if (clients->list[i].numbers[CLIENT_ID] == id)
			return &clients->list[i];
	return NULL;
}

/* What a descriptor of process @pid is for. */
static void add(struct clients *clients, pid_t pid,
		const uint64_t numbers[NR_CLIENT_NUMBERS])
{
	struct client *client = find(clients, numbers[CLIENT_ID]);

	if (!client) {
		clients->list = grow(clients->list, clients->nr,
				     sizeof(*clients->list));
		client = &clients->list[clients->nr++];
		*client = (struct client){ 0 };
		memcpy(client->numbers, numbers, sizeof(client->numbers));
		read_command(pid, client->command, sizeof(client->command));
	}
	/* A process may have several descriptors of it. */
	if (client->nr_pids && client->pids[client->nr_pids - 1] == pid)
		return;
	client->pids = grow(client->pids, client->nr_pids,
			    sizeof(*client->pids));
	client->pids[client->nr_pids++] = pid;
}

/* Processes come and go, and others may not be looked at: no error. */
static void read_process(struct clients *clients, pid_t pid, dev_t device)
{
	uint64_t numbers[NR_CLIENT_NUMBERS];
	struct dirent *entry;
	struct stat st;
	char path[320];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) ||
		    !S_ISCHR(st.st_mode) || st.st_rdev != device)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid,
			 entry->d_name);
		if (read_fdinfo(path, numbers))
			add(clients, pid, numbers);
	}
	closedir(dir);
}

void clients_read(struct clients *clients)
{
	dev_t device = device_number();
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	*clients = (struct clients){ 0 };
	if (!dir)
		fail_file("/proc", errno);
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)*entry->d_name))
			read_process(clients, atoi(entry->d_name), device);
	closedir(dir);
}

void clients_free(struct clients *clients)
{
	for (size_t i = 0; i < clients->nr; i++)
		free(clients->list[i].pids);
	free(clients->list);
}

static int compare(const void *a, const void *b, void *arg)
{
	const uint64_t *x = ((const struct client *)a)->numbers;
	const uint64_t *y = ((const struct client *)b)->numbers;
	enum client_number number = *(enum client_number *)arg;

	if (x[number] != y[number])
		return x[number] < y[number] ? 1 : -1;
	return x[CLIENT_ID] < y[CLIENT_ID] ? -1 : 1;
}

void clients_sort(struct clients *clients, enum client_number number)
{
	if (clients->nr)
		qsort_r(clients->list, clients->nr, sizeof(*clients->list),
			compare, &number);
}
