/* What our daemons have in common. See daemon.h. It refuses a socket that is
 * not the one asked for: one with another path or type, or one that does not
 * listen. */
#include <config.h>

#include "common/base/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <systemd/sd-daemon.h>

#include "common/base/arguments.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/journal.h"
#include "common/base/local_socket.h"
#include "common/base/lock_file.h"
#include "common/base/log.h"
#include "common/base/supervisor.h"

int
daemon_read_arguments(const char *name, int argc, char **argv,
    struct daemon_arguments *ret_arguments)
{
	struct daemon_arguments arguments = { .config = ENS_CONFIG_FILE };
	const struct argument options[] = {
		{ .letter = 'f',
		    .name = "config",
		    .value = "FILE",
		    .help =
		        "read this configuration instead of " ENS_CONFIG_FILE,
		    .ret_text = &arguments.config },
		{ .letter = 't',
		    .name = "check",
		    .help = "check the configuration, and exit",
		    .ret_given = &arguments.only_check },
	};
	const struct arguments program = {
		.name = name,
		.synopsis = "[-t] [-f FILE]",
		.options = options,
		.option_count = sizeof(options) / sizeof(options[0]),
	};
	int words, code = arguments_parse(&program, argc, argv, &words);

	if (code == ARGUMENTS_GO_ON)
		*ret_arguments = arguments;
	return code;
}

void
daemon_prepare(mode_t mask)
{
	umask(mask);
	signal(SIGPIPE, SIG_IGN);
	journal_begin(JOURNAL_SOCKET);
}

void
daemon_close_to_others(void)
{
	const struct rlimit no_core = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		log_warning("cannot forbid being traced");
}

int
daemon_lock(const char *path)
{
	int fd = lock_file(AT_FDCWD, path, 0);

	if (fd == -EWOULDBLOCK)
		log_error("another %s is running: \"%s\" is locked",
		    program_invocation_short_name, path);
	else if (fd < 0)
		log_error("cannot lock \"%s\": %s", path, error_text(fd));
	return fd < 0 ? fd : 0; /* open until the process ends */
}

/* ---- the loop ----------------------------------------------------------- */

static int
on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	(void)arg;
	log_info("ending on signal %u", info->ssi_signo);
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int
add_signal(sd_event *event, int number, sd_event_signal_handler_t handler,
    void *arg)
{
	return sd_event_add_signal(event, NULL,
	    number | SD_EVENT_SIGNAL_PROCMASK, handler, arg);
}

static int
feed_watchdog(sd_event *event)
{
	sd_event_source *watchdog;
	int r = supervisor_feed_watchdog(event, &watchdog);

	if (watchdog != NULL)
		(void)sd_event_source_set_floating(watchdog, true);
	sd_event_source_unref(watchdog);
	return r;
}

int
daemon_open_loop(sd_event_signal_handler_t on_hangup, void *arg,
    sd_event **ret_event)
{
	AUTO(sd_event_unrefp) sd_event *event = NULL;
	int r = sd_event_new(&event);

	if (r >= 0)
		r = add_signal(event, SIGTERM, on_end, NULL);
	if (r >= 0)
		r = add_signal(event, SIGINT, on_end, NULL);
	if (r >= 0)
		r = add_signal(event, SIGHUP, on_hangup, arg);
	if (r >= 0)
		r = feed_watchdog(event);
	if (r < 0)
		return r;
	*ret_event = event;
	event = NULL;
	return 0;
}

/* ---- its sockets -------------------------------------------------------- */

/* Its descriptor, which sd_listen_fds() has made close-on-exec; -1: none. */
static int
handed_over(const char *path)
{
	int count = sd_listen_fds(0);

	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count;
	     fd++)
		if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) > 0)
			return fd;
	return -1;
}

int
daemon_listen(const char *path, mode_t mode, int backlog)
{
	AUTO_FD int fd = handed_over(path);

	if (fd < 0)
		fd = local_socket_bind(path, SOCK_STREAM, mode);
	else if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (fd < 0)
		return fd;
	/* Again, even if systemd has done so: then whoever connects finds our
	 * pid and uid at the other end (SO_PEERCRED). */
	if (listen(fd, backlog) < 0)
		return -errno;
	return TAKE_FD(fd);
}
