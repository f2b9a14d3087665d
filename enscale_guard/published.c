/* Keeping the view current. It answers nothing from a view that it could not
 * open: then the guard cannot tell, and says so. */
#include <config.h>

#include "enscale_guard/published.h"

#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/local_socket.h"
#include "enscale_guard/judge.h"
#include "enscale_guard/log.h"

#define POLL_USEC     (1 * BUCKET_SECOND)
#define DATAGRAMS_MAX 1024 /* swallowed in one turn */

/* Says whether there is something new to judge by. */
static bool
open_again(struct guard *guard)
{
	struct view *view = NULL;
	uint64_t before = guard->view != NULL ? view_generation(guard->view)
	                                      : 0;
	bool had = guard->view != NULL;
	int r;

	r = view_open(guard->view_dir, &view);
	if (r < 0) {
		if (r != guard->view_error)
			log_warning("cannot open the view \"%s\": %s",
			    guard->view_dir, error_text(r));
		/* If the view cannot be read, the previous one is out of date
		 * and no better than none: nobody is let in, and nobody is
		 * thrown out. */
		view_close(guard->view);
		guard->view = NULL;
		guard->view_error = r;
		return false;
	}
	if (!had)
		log_info("reading the view \"%s\", generation %" PRIu64,
		    guard->view_dir, view_generation(view));
	view_close(guard->view);
	guard->view = view;
	guard->view_error = 0;
	return !had || view_generation(view) != before;
}

static void
refresh(struct guard *guard)
{
	if (guard->view != NULL && view_is_current(guard->view))
		return;
	if (open_again(guard))
		judge_all(guard);
}

static int
on_datagram(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	char byte;

	(void)source, (void)revents;
	for (int i = 0; i < DATAGRAMS_MAX; i++)
		if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0)
			break;
	refresh(arg);
	return 0;
}

static int
on_poll(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)usec;
	refresh(arg);
	sd_event_source_set_time_relative(source, POLL_USEC);
	return 0;
}

int
published_open(struct guard *guard)
{
	AUTO_FD int fd = -1;
	int r;

	open_again(guard);
	fd = local_socket_bind(guard->notify_socket, SOCK_DGRAM, 0660);
	if (fd < 0)
		return fd;
	r = sd_event_add_io(guard->event, &guard->notify, fd, EPOLLIN,
	    on_datagram, guard);
	if (r < 0)
		return r;
	sd_event_source_set_io_fd_own(guard->notify, true);
	fd = -1;
	/* News of the view come before requests that depend on it. */
	sd_event_source_set_priority(guard->notify,
	    SD_EVENT_PRIORITY_IMPORTANT);
	r = sd_event_add_time_relative(guard->event, &guard->poll,
	    CLOCK_MONOTONIC, POLL_USEC, POLL_USEC / 10, on_poll, guard);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(guard->poll, SD_EVENT_ON);
}

void
published_close(struct guard *guard)
{
	sd_event_source_disable_unref(guard->notify);
	sd_event_source_disable_unref(guard->poll);
	view_close(guard->view);
	guard->view = NULL;
}
