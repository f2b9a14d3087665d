/* The manifest of the view: as it is, and with the check line that it should
 * have. What is taken is of the one form that is written. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/crc32c.h"
#include "common/view/manifest.h"
#include "common/view/record.h"
#include "fuzz/fuzz.h"

#define CHECK_LINE_LEN 15

static void
parse(const char *text, size_t len)
{
	char again[MANIFEST_SIZE_MAX];
	struct manifest manifest;

	if (manifest_parse(text, len, &manifest) != 0)
		return;
	MUST(manifest.segment_count > 0 &&
	    manifest.segment_count <= VIEW_SEGMENTS_MAX);
	MUST(manifest_format(&manifest, again) == len &&
	    memcmp(text, again, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[MANIFEST_SIZE_MAX + 1];

	if (size > MANIFEST_SIZE_MAX)
		return 0;
	parse((const char *)data, size);
	if (size < CHECK_LINE_LEN)
		return 0;
	memcpy(text, data, size - CHECK_LINE_LEN);
	(void)snprintf(text + size - CHECK_LINE_LEN, CHECK_LINE_LEN + 1,
	    "check %08" PRIx32 "\n", crc32c(0, text, size - CHECK_LINE_LEN));
	parse(text, size);
	return 0;
}
