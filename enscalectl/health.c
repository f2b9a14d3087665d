/* See health.h. It refuses to call anything healthy that it could not check. */
#include <config.h>

#include "enscalectl/health.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/changeable.h"
#include "common/base/text.h"

#define LABEL "logins"

/* This does not keep anybody out, but the key should not be that user's. */
static int
look_at_ca_key(struct health *health)
{
	const char *path = health->context->config.ca_key;
	const struct passwd *guard = getpwnam("enscale-guard");

	if (guard != NULL && changeable_by(path, guard->pw_uid))
		health_find(health, "user \"%s\" can change \"%s\"",
		    guard->pw_name, path);
	return EXIT_YES;
}

static const struct {
	const char *name;
	int (*look)(struct health *health);
	const char *remedy;
} looks[] = {
	{ "name service", health_services,
	    ENS_LIBEXEC_DIR "/enscale-nsswitch add puts it there" },
	{ "nscd", health_nscd,
	    "set enable-cache passwd no in /etc/nscd.conf and restart nscd, or "
	    "do without it" },
	{ "account map", health_map, "enscale-sync makes it at its start" },
	{ "local users", health_local_users,
	    "give them another name or uid: the account is kept out" },
	{ "local groups", health_local_groups,
	    "take the account out of it: it is kept out of the gateway" },
	{ "login names", health_name_service,
	    "look at passwd and group in /etc/nsswitch.conf" },
	{ "login shell", health_shell, "make install puts it there" },
	{ "nologin", health_nologin, "remove the file to open the gateway" },
	{ "PAM", health_pam,
	    "make install puts the file and the module there" },
	{ "sshd's configuration", health_sshd_config,
	    "fix it: enscale-sshd does not start like this" },
	{ "sshd", health_sshd_listens,
	    "start enscale-sshd; its log says why it ended" },
	{ "key helper", health_keys_user,
	    "systemd-sysusers makes users, make install the program" },
	{ "view", health_keys_view,
	    "systemd-tmpfiles --create enscale.conf sets the modes" },
	{ "CA key", look_at_ca_key,
	    "chown root:enscale-ca and chmod 0440 it; its folders must belong "
	    "to root" },
};

#define LOOK_COUNT (sizeof(looks) / sizeof(looks[0]))

int
health_find(struct health *health, const char *format, ...)
{
	char text[HEALTH_FINDING_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_printable(text, health->finding, sizeof(health->finding));
	return EXIT_NO;
}

int
health_show(const struct context *context)
{
	struct health health = { .context = context };
	const char *label = LABEL;
	int code = EXIT_YES, r;
	size_t i;

	if (geteuid() != 0) {
		printf("%-12sonly root can look at what they need\n", label);
		return EXIT_CANNOT_TELL;
	}
	for (i = 0; i < LOOK_COUNT; i++) {
		health.finding[0] = '\0';
		r = looks[i].look(&health);
		code = r > code ? r : code;
		if (health.finding[0] == '\0')
			continue;
		printf("%-12s%s: %s\n%-12s%s\n", label, looks[i].name,
		    health.finding, "", looks[i].remedy);
		label = "";
	}
	if (code == EXIT_YES)
		printf("%-12snothing prevents them\n", label);
	return code;
}
