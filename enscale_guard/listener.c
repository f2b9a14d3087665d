/* Accepting. It reads nothing: a connection of a stranger is closed at once. */
#include <config.h>

#include "enscale_guard/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/daemon.h"
#include "common/base/errors.h"
#include "enscale_guard/log.h"
#include "enscale_guard/peer.h"

#define BACKLOG      1024
#define ACCEPTS_MAX  16 /* in one turn of the event loop */
#define PAUSE_USEC   100000
#define LOG_INTERVAL (10 * BUCKET_SECOND)

struct listener {
	struct listener_options options;
	sd_event_source *io;
	sd_event_source *pause;
	uint64_t complained;
};

/* One line in ten seconds: the cause may come a thousand times a second. */
static void
complain(struct listener *listener, const char *what)
{
	uint64_t now = bucket_now();

	if (listener->complained != 0 &&
	    now < listener->complained + LOG_INTERVAL)
		return;
	listener->complained = now;
	log_warning("refusing connections on \"%s\": %s",
	    listener->options.path, what);
}

static bool
may_connect(struct listener *listener, int fd, uid_t uid)
{
	const struct listener_options *options = &listener->options;

	if (options->admits == NULL)
		return uid >= options->uid_min && uid <= options->uid_max;
	if (options->admits(fd, options->arg))
		return true;
	complain(listener, "somebody who may not ask");
	return false;
}

static void
take_in(struct listener *listener, int fd)
{
	const struct listener_options *options = &listener->options;
	struct client *client;
	uid_t uid;

	if (peer_uid(fd, &uid) < 0 || !may_connect(listener, fd, uid)) {
		close(fd);
		return;
	}
	client = admission_enter(options->admission, uid);
	if (client == NULL) {
		complain(listener, "too many connections");
		close(fd);
		return;
	}
	options->accepted(fd, client, options->arg);
}

static int
on_connection(sd_event_source *source, int listening, uint32_t revents,
    void *arg)
{
	struct listener *listener = arg;

	(void)revents;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(listening, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take_in(listener, fd);
			continue;
		}
		if (errno == EAGAIN)
			return 0;
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* No descriptors, no memory: try again a little later, or
		 * the event loop would turn without end. */
		complain(listener, error_text(-errno));
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		sd_event_source_set_time_relative(listener->pause, PAUSE_USEC);
		sd_event_source_set_enabled(listener->pause, SD_EVENT_ONESHOT);
		return 0;
	}
	return 0;
}

static int
on_pause_over(sd_event_source *source, uint64_t usec, void *arg)
{
	struct listener *listener = arg;

	(void)source, (void)usec;
	sd_event_source_set_enabled(listener->io, SD_EVENT_ON);
	return 0;
}

int
listener_new(sd_event *event, const struct listener_options *options,
    struct listener **ret_listener)
{
	struct listener *listener;
	AUTO_FD int fd = -1;
	int r;

	fd = daemon_listen(options->path, 0666, BACKLOG);
	if (fd < 0)
		return fd;
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return -ENOMEM;
	listener->options = *options;
	r = sd_event_add_io(event, &listener->io, fd, EPOLLIN, on_connection,
	    listener);
	if (r >= 0) {
		sd_event_source_set_io_fd_own(listener->io, true);
		fd = -1;
		r = sd_event_add_time(event, &listener->pause, CLOCK_MONOTONIC,
		    0, 0, on_pause_over, listener);
	}
	if (r >= 0)
		r = sd_event_source_set_enabled(listener->pause, SD_EVENT_OFF);
	if (r < 0) {
		listener_free(listener);
		return r;
	}
	*ret_listener = listener;
	return 0;
}

void
listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	sd_event_source_disable_unref(listener->io);
	sd_event_source_disable_unref(listener->pause);
	free(listener);
}
