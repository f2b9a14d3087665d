/* What the guard asks of enscale-keyd: there is one encoding of a request. */
#include <config.h>

#include <string.h>

#include "common/protocol/keyd_protocol.h"
#include "fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[KEYD_HEADER_LEN + KEYD_REQUEST_MAX];
	struct keyd_request request;
	struct wire_writer writer;

	if (keyd_request_decode((struct bytes){ data, size }, &request) != 0)
		return 0;
	wire_write_init(&writer, again, sizeof(again));
	keyd_request_encode(&writer, &request);
	MUST(writer.error == 0 && writer.len == KEYD_HEADER_LEN + size);
	MUST(memcmp(again + KEYD_HEADER_LEN, data, size) == 0);
	return 0;
}
