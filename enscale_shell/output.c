/* See output.h. */
#include <config.h>

#include "enscale_shell/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "common/base/errors.h"
#include "common/protocol/guard_protocol.h"
#include "enscale_shell/say.h"

static bool
is_time(int64_t when, struct tm *ret_utc)
{
	const time_t t = (time_t)when;

	return when > 0 && gmtime_r(&t, ret_utc) != NULL;
}

const char *
output_time(int64_t when, char buf[OUTPUT_TIME_SIZE])
{
	struct tm utc;

	return is_time(when, &utc) &&
	        strftime(buf, OUTPUT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc) != 0
	    ? buf
	    : NULL;
}

const char *
output_date(int64_t when, char buf[OUTPUT_TIME_SIZE])
{
	struct tm utc;

	return is_time(when, &utc) &&
	        strftime(buf, OUTPUT_TIME_SIZE, "%Y-%m-%d %H:%M UTC", &utc) != 0
	    ? buf
	    : "unknown";
}

int
output_end(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : GUARD_EXIT_FAULT;
}

int
output_json(json_t *document)
{
	int r = -1;

	if (document != NULL)
		r = json_dumpf(document, stdout,
		    JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(document);
	if (r != 0) {
		say("The gateway cannot answer now: %s.", error_text(-ENOMEM));
		return GUARD_EXIT_FAULT;
	}
	putchar('\n');
	return output_end();
}
