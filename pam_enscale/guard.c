/* See guard.h. It reads nothing that comes back. */
#include <config.h>

#include "pam_enscale/guard.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/base/cleanup.h"

void
guard_tell(const struct config *config, const struct login_refusal *refusal)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[CONFIG_PATH_MAX];
	uint8_t buf[LOGIN_REFUSAL_MAX];
	struct wire_writer writer;
	AUTO_FD int fd = -1;

	if (config_path(config->run_dir, CONFIG_AUDIT_SOCKET, path) < 0 ||
	    strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path) + 1);
	wire_write_init(&writer, buf, sizeof(buf));
	login_refusal_encode(&writer, refusal);
	if (writer.error != 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		(void)sendto(fd, writer.data, writer.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)&address, sizeof(address));
}
