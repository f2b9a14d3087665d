/* What a writer of another version has left. */
#ifndef ENSCALE_TESTS_UNIT_OLDER_VIEW_H
#define ENSCALE_TESTS_UNIT_OLDER_VIEW_H

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/view/manifest.h"

/* Makes what is published in that folder what it would be in that version. */
static inline void
publish_as(const char *dir, uint32_t version)
{
	char text[MANIFEST_SIZE_MAX], ours[MANIFEST_NAME_SIZE];
	char name[MANIFEST_NAME_SIZE];
	AUTO_FD int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int fd = -1;
	struct manifest manifest;
	size_t len;

	assert_int_equal(manifest_read(dir_fd, MANIFEST_VERSION, &manifest), 0);
	manifest.version = version;
	len = manifest_format(&manifest, text);
	manifest_name(MANIFEST_VERSION, ours);
	manifest_name(version, name);
	assert_int_equal(unlinkat(dir_fd, ours, 0), 0);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0640);
	assert_int_equal(write(fd, text, len), len);
}

#endif
