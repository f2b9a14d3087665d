/* Requests of an administrator. See control.h. */
#include <config.h>

#include "enscale_sync/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"
#include "common/base/local_socket.h"

/* Connections without a request so far; one more is refused. */
#define ASKERS_MAX 8

struct asker {
	struct control *control; /* borrowed */
	int fd;                  /* owned; -1: nobody */
	sd_event_source *input;  /* owned */
};

struct control {
	sd_event *event;                  /* borrowed */
	const struct control_word *words; /* borrowed */
	void *arg;
	char *path; /* owned */
	int fd;
	sd_event_source *input; /* owned */
	struct asker askers[ASKERS_MAX];
};

static void
let_go(struct asker *asker)
{
	asker->input = sd_event_source_disable_unref(asker->input);
	if (asker->fd >= 0)
		close(asker->fd);
	asker->fd = -1;
}

static const char *
answer(const struct control *control, const char *word)
{
	const struct control_word *row = control->words;

	while (row->word != NULL && strcmp(row->word, word) != 0)
		row++;
	return row->run(control->arg);
}

static int
on_word(sd_event_source *input, int fd, uint32_t events, void *arg)
{
	struct asker *asker = arg;
	struct control *control = asker->control;
	char word[CONTROL_WORD_MAX + 1];
	const char *said;
	ssize_t n = recv(fd, word, sizeof(word), 0);

	(void)input;
	(void)events;
	if (n > 0 && (size_t)n < sizeof(word)) {
		word[n] = '\0';
		said = answer(control, word);
		(void)send(fd, said, strlen(said), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	let_go(asker);
	return 0;
}

static bool
may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid());
}

static int
on_asker(sd_event_source *input, int listener, uint32_t events, void *arg)
{
	struct control *control = arg;
	AUTO_FD int fd = accept4(listener, NULL, NULL,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)input;
	(void)events;
	if (fd < 0 || !may_ask(fd))
		return 0;
	for (int i = 0; i < ASKERS_MAX; i++) {
		struct asker *asker = &control->askers[i];

		if (asker->fd >= 0)
			continue;
		if (sd_event_add_io(control->event, &asker->input, fd, EPOLLIN,
		        on_word, asker) >= 0)
			asker->fd = TAKE_FD(fd);
		return 0;
	}
	return 0;
}

static int
listen_at(struct control *control)
{
	control->fd = local_socket_bind(control->path, SOCK_SEQPACKET, 0600);
	if (control->fd < 0)
		return control->fd;
	return listen(control->fd, ASKERS_MAX) == 0 ? 0 : -errno;
}

static void
cleanup_control(struct control **control)
{
	control_close(*control);
}

int
control_open(sd_event *event, const char *path,
    const struct control_word *words, void *arg, struct control **ret_control)
{
	AUTO(cleanup_control)
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (control == NULL)
		return -ENOMEM;
	control->event = event;
	control->words = words;
	control->arg = arg;
	control->fd = -1;
	for (int i = 0; i < ASKERS_MAX; i++)
		control->askers[i] = (struct asker){ control, -1, NULL };
	control->path = strdup(path);
	r = control->path == NULL ? -ENOMEM : listen_at(control);
	if (r == 0)
		r = sd_event_add_io(event, &control->input, control->fd,
		    EPOLLIN, on_asker, control);
	if (r < 0)
		return r;
	*ret_control = control;
	control = NULL;
	return 0;
}

void
control_close(struct control *control)
{
	if (control == NULL)
		return;
	sd_event_source_disable_unref(control->input);
	for (int i = 0; i < ASKERS_MAX; i++)
		let_go(&control->askers[i]);
	if (control->fd >= 0) {
		(void)unlink(control->path);
		close(control->fd);
	}
	free(control->path);
	free(control);
}
