// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "cache.h"
#include "file.h"
#include "progress.h"

#define MIB (1024.0 * 1024.0)

uint64_t file_nr_blocks(const struct file *f)
{
	return (f->bytes + CACHE_BLOCK - 1) / CACHE_BLOCK;
}

uint32_t file_block_length(const struct file *f, uint64_t block)
{
	uint64_t left = f->bytes - block * CACHE_BLOCK;

	return left < CACHE_BLOCK ? left : CACHE_BLOCK;
}

/* FNV-1a over words, and over the bytes that are left. */
uint64_t file_sum(const void *data, uint32_t length)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325), word;
	const unsigned char *p = data;

	for (; length >= sizeof(word); length -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
		p += sizeof(word);
	}
	while (length--)
		sum = (sum ^ *p++) * UINT64_C(0x100000001b3);
	return sum;
}

/* One block of @fd to @buf. A file that became shorter gives -EIO. */
static int read_plain(int fd, const struct file *f, uint64_t block, void *buf)
{
	uint32_t length = file_block_length(f, block);
	ssize_t n = pread(fd, buf, length, (off_t)(block * CACHE_BLOCK));

	if (n < 0)
		return -errno;
	return n == length ? 0 : -EIO;
}

/* All blocks of @fd, for @f->hash and @f->sums. */
static int hash_plain(struct file *f, int fd, EVP_MD_CTX *ctx)
{
	unsigned char buf[CACHE_BLOCK];
	int err;

	if (!EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		return -ENOMEM;

	for (uint64_t b = 0; b < file_nr_blocks(f); b++) {
		uint32_t length = file_block_length(f, b);

		err = read_plain(fd, f, b, buf);
		if (err)
			return err;
		f->sums[b] = file_sum(buf, length);
		EVP_DigestUpdate(ctx, buf, length);
		progress_show(false, "ordinary read of %s: %.0f of %.0f MiB",
			      f->path, b * CACHE_BLOCK / MIB, f->bytes / MIB);
	}
	return EVP_DigestFinal_ex(ctx, f->hash, NULL) ? 0 : -ENOMEM;
}

/* An ordinary, buffered read of the whole file. */
static int file_read_plain(struct file *f)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		err = -errno;
	else if (!ctx)
		err = -ENOMEM;
	else
		err = hash_plain(f, fd, ctx);

	if (fd >= 0)
		close(fd);
	EVP_MD_CTX_free(ctx);
	return err;
}

static int complain(const char *path, const char *what, int err)
{
	progress_end();
	fprintf(stderr, "pagecache: %s: %s\n", path, what);
	return err;
}

int file_open(struct file *f, const char *path)
{
	struct stat st;
	int err;

	*f = (struct file){ .path = path };
	f->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (f->fd < 0 && errno == EINVAL)
		return complain(path, "its file system has no O_DIRECT", -errno);
	if (f->fd < 0)
		return complain(path, strerror(errno), -errno);

	err = -EINVAL;
	if (fstat(f->fd, &st) || !S_ISREG(st.st_mode) || !st.st_size) {
		complain(path, "not a file with something in it", err);
		goto err_close;
	}

	f->bytes = st.st_size;
	f->sums = calloc(file_nr_blocks(f), sizeof(*f->sums));
	err = f->sums ? file_read_plain(f) : -ENOMEM;
	if (!err)
		return 0;

	complain(path, strerror(-err), err);
err_close:
	file_close(f);
	return err;
}

void file_close(struct file *f)
{
	close(f->fd);
	free(f->sums);
}
