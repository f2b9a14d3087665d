/* See audit_events.h. It knows names alone. */
#include <config.h>

#include "common/protocol/audit_events.h"

#include <string.h>

#include "common/base/errors.h"

_Static_assert(AUDIT_FIELD_COUNT <= 64, "each has a bit");

const struct audit_event_row audit_event_rows[AUDIT_EVENT_COUNT] = {
#define EVENT(NAME, name, fields, text) { name, fields, text },
	AUDIT_EVENTS(EVENT)
#undef EVENT
};

int
audit_event_find(const char *name, enum audit_event *ret_event)
{
	for (int i = 0; i < AUDIT_EVENT_COUNT; i++) {
		if (strcmp(audit_event_rows[i].name, name) != 0)
			continue;
		*ret_event = (enum audit_event)i;
		return 0;
	}
	return ENS_E_NOTFOUND;
}
