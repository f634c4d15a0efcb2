// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "file.h"

uint64_t file_number(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t number;
	int found;

	if (!file)
		fail_file(path, errno);
	found = fscanf(file, "%" SCNu64, &number);
	if (found != 1)
		fail_file(path, ferror(file) ? errno : EIO);
	fclose(file);
	return number;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	/* In one call, whatever its length: that is what sysfs wants. */
	if (dprintf(fd, "%s\n", text) < 0)
		err = -errno;
	close(fd);
	return err;
}
