/* Telling systemd. See supervisor.h. */
#include <config.h>

#include "common/base/supervisor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "common/base/local_socket.h"

bool
supervisor_tell(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");

	if (name == NULL || (name[0] != '/' && name[0] != '@'))
		return true;
	return local_socket_tell(name, text, strlen(text)) == 0;
}

void
supervisor_tell_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void
supervisor_tell_progress(void)
{
	(void)supervisor_tell("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=60000000");
}

void
supervisor_tell_status(const char *format, ...)
{
	static char told[SUPERVISOR_TEXT_MAX];
	char text[SUPERVISOR_TEXT_MAX] = "STATUS=";
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text + len, sizeof(text) - len, format, args);
	va_end(args);
	if (strcmp(text, told) != 0 && supervisor_tell(text))
		memcpy(told, text, sizeof(told));
}

/* Three times in the period: one may be late, one may not be taken. The next
 * is counted from now: missed ones are not made up for. */
static int
feed(sd_event_source *source, uint64_t time, void *arg)
{
	const uint64_t *period = arg;
	int r = sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC,
	    &time);

	(void)supervisor_tell("WATCHDOG=1");
	if (r < 0)
		return r;
	return sd_event_source_set_time(source, time + *period);
}

int
supervisor_feed_watchdog(sd_event *event, sd_event_source **ret_source)
{
	static uint64_t period;
	int r = sd_watchdog_enabled(0, &period);

	*ret_source = NULL;
	if (r <= 0)
		return r;
	period /= 3;
	r = sd_event_add_time_relative(event, ret_source, CLOCK_MONOTONIC, 0, 0,
	    feed, &period);
	if (r >= 0)
		r = sd_event_source_set_enabled(*ret_source, SD_EVENT_ON);
	return r < 0 ? r : 0;
}
