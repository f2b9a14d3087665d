/* The account map, as the name service module opens it. Input: the header,
 * then the bitmap, without the gap that lies between them in the file. */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "common/names/account_map.h"
#include "fuzz/fuzz.h"

static char path[] = "/tmp/enscale-fuzz-map-XXXXXX";
static int fd = -1;

static void
remove_file(void)
{
	(void)unlink(path);
}

static void
look(const struct account_map *map)
{
	static const uint32_t accounts[] = { 0, 1, 7, 8, 63, 64, 65, 4096,
		ACCOUNT_ID_MAX, UINT32_MAX };
	uint32_t account = 0;

	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
		(void)account_map_has(map, accounts[i]);
	while (account_map_next(map, account, &account) == 0) {
		MUST(account_map_has(map, account));
		account++;
	}
	(void)account_map_is_current(map);
	(void)account_map_enumerates(map);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct account_map *map;

	if (fd < 0) {
		fd = mkstemp(path);
		MUST(fd >= 0 && atexit(remove_file) == 0);
	}
	if (size < sizeof(struct account_map_header)) {
		MUST(ftruncate(fd, (off_t)size) == 0 &&
		    pwrite(fd, data, size, 0) == (ssize_t)size);
	} else {
		const size_t head = sizeof(struct account_map_header);
		size_t bits = size - head;

		MUST(ftruncate(fd, (off_t)(ACCOUNT_MAP_BITS_AT + bits)) == 0 &&
		    pwrite(fd, data, head, 0) == (ssize_t)head &&
		    pwrite(fd, data + head, bits, ACCOUNT_MAP_BITS_AT) ==
		        (ssize_t)bits);
	}
	if (account_map_open(path, &map) == 0) {
		look(map);
		account_map_close(map);
	}
	return 0;
}
