/*
 * Runs a fuzz target over its corpus without a fuzzer: each file of the
 * folders named, then the same cut at each byte, then with each bit turned.
 * Where it ends badly, the input is in the memory of a core dump alone; a
 * fuzzer then finds it again.
 */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "fuzz/fuzz.h"

/* Longer ones are tried as they are. */
#define CHANGED_MAX 1024

/* In memory of exactly this size, so that a sanitizer sees every overrun. */
static void
try(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	MUST(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
try_changed(uint8_t *data, size_t size)
{
	for (size_t len = 0; len < size; len++)
		try(data, len);
	for (size_t i = 0; i < size * 8; i++) {
		data[i / 8] ^= (uint8_t)(1U << i % 8);
		try(data, size);
		data[i / 8] ^= (uint8_t)(1U << i % 8);
	}
}

static void
replay(int dir_fd, const char *name)
{
	AUTO_FD int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	AUTO_FREE uint8_t *data = NULL;
	struct stat st;
	size_t size;

	MUST(fd >= 0 && fstat(fd, &st) == 0);
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	MUST(data != NULL && read(fd, data, size) == (ssize_t)size);
	try(data, size);
	if (size <= CHANGED_MAX)
		try_changed(data, size);
}

/* How many files. */
static int
replay_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int files = 0;

	if (dir == NULL) {
		perror(path);
		return 0;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		replay(dirfd(dir), entry->d_name);
		files++;
	}
	closedir(dir);
	return files;
}

int
main(int argc, char **argv)
{
	const char *srcdir = getenv("ENS_SRCDIR");
	const char *target = strrchr(argv[0], '/');
	AUTO_FREE char *path = NULL;
	int files = 0;

	for (int i = 1; i < argc; i++)
		files += replay_folder(argv[i]);
	if (argc == 1) {
		/* ".../fuzz_record": the corpus "record". */
		target = target == NULL ? argv[0] : target + 1;
		target = strstr(target, "fuzz_");
		MUST(target != NULL &&
		    asprintf(&path, "%s/fuzz/corpus/%s",
		        srcdir != NULL ? srcdir : ".", target + 5) >= 0);
		files = replay_folder(path);
	}
	printf("%d files\n", files);
	return files > 0 ? 0 : 1;
}
