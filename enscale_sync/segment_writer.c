/* Writing one segment of a view. See segment_writer.h. */
#include <config.h>

#include "enscale_sync/segment_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "common/view/segment_key.h"

/* What a cdb file takes beside keys and data: the table of contents; per
 * record two lengths and two slots of the hash table. */
#define CDB_HEAD       2048
#define CDB_PER_RECORD (8 + 16)

int
view_file_create(int dir_fd, const char *name, int *ret_fd)
{
	int fd;

	if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0640) != 0) {
		int r = -errno;

		close(fd);
		unlinkat(dir_fd, name, 0);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* cdb says ENOMEM for a file that would pass 4 GiB, too; we have counted. */
int
view_cdb_error(void)
{
	if (errno == EPROTO || errno == 0)
		return ENS_E_CORRUPT;
	return -errno;
}

int
segment_writer_begin(struct segment_writer *writer, int dir_fd,
    const char *name)
{
	int fd = -1;
	int r;

	r = view_file_create(dir_fd, name, &fd);
	if (r != 0)
		return r;
	*writer = (struct segment_writer){ .name = name,
		.fd = fd,
		.size = CDB_HEAD };
	if (cdb_make_start(&writer->cdb, fd) != 0) {
		r = view_cdb_error();
		close(fd);
		unlinkat(dir_fd, name, 0);
		writer->name = NULL;
		return r;
	}
	return 0;
}

int
segment_writer_put(struct segment_writer *writer, const struct record_key *key,
    struct bytes record)
{
	const struct segment_key filed = segment_key_of(key);
	uint64_t size = writer->size + CDB_PER_RECORD + filed.len + record.len;

	if (filed.len == 0)
		return ENS_E_RANGE;
	if (record.len > RECORD_SIZE_MAX || size > UINT32_MAX)
		return ENS_E_LIMIT;
	if (cdb_make_add(&writer->cdb, filed.data, filed.len, record.data,
	        (unsigned int)record.len) != 0)
		return view_cdb_error();
	writer->size = size;
	return 0;
}

int
segment_writer_finish(struct segment_writer *writer, int *ret_fd,
    uint64_t *ret_size)
{
	struct stat st;

	writer->name = NULL;
	if (cdb_make_finish(&writer->cdb) != 0 || fstat(writer->fd, &st) != 0) {
		int r = view_cdb_error();

		close(writer->fd);
		return r;
	}
	*ret_fd = writer->fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

/* cdb_make_finish() is also the only function that frees what cdb_make_add()
 * allocated; what it writes goes away with the file. */
void
segment_writer_abort(struct segment_writer *writer, int dir_fd)
{
	const char *name = writer->name;

	if (name == NULL)
		return;
	writer->name = NULL;
	(void)cdb_make_finish(&writer->cdb);
	close(writer->fd);
	unlinkat(dir_fd, name, 0);
}
