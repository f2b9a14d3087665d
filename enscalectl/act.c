/* See act.h. */
#include <config.h>

#include "enscalectl/act.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/local_socket.h"
#include "common/base/text.h"

const char *
act_user(char buf[ADMIN_TEXT_MAX + 1])
{
	const char *before = getenv("SUDO_USER");
	const struct passwd *passwd = getpwuid(getuid());
	char raw[ADMIN_TEXT_MAX + 1];

	if (before != NULL && before[0] != '\0' && getuid() == 0)
		snprintf(raw, sizeof(raw), "%s by sudo", before);
	else if (passwd != NULL)
		snprintf(raw, sizeof(raw), "%s", passwd->pw_name);
	else
		snprintf(raw, sizeof(raw), "%u", (unsigned)getuid());
	(void)text_printable(raw, buf, ADMIN_TEXT_MAX + 1);
	return buf;
}

void
act_tell(const struct config *config, const char *op, const char *what,
    const char *result)
{
	char by[ADMIN_TEXT_MAX + 1], shown[ADMIN_TEXT_MAX + 1];
	const struct admin_act act = { .by = act_user(by),
		.op = op,
		.what = shown,
		.result = result };
	uint8_t buf[ADMIN_ACT_MAX];
	char path[CONFIG_PATH_MAX];
	struct wire_writer writer;
	AUTO_FD int fd = -1;

	(void)text_printable(what, shown, sizeof(shown));
	wire_write_init(&writer, buf, sizeof(buf));
	admin_act_encode(&writer, &act);
	if (writer.error != 0 ||
	    config_path(config->run_dir, CONFIG_AUDIT_SOCKET, path) < 0)
		return;
	fd = local_socket_connect(path, SOCK_DGRAM, 0);
	if (fd >= 0)
		(void)send(fd, buf, writer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}
