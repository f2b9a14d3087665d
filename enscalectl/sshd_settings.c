/* See sshd_settings.h. It refuses to parse sshd_config. */
#include <config.h>

#include "enscalectl/sshd_settings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/login_name.h"

#define SSHD ENS_LIBEXEC_DIR "/enscale-sshd"
/* All that a Match block may ask for: without, sshd prints nothing. */
#define SSHD_TEST                                                            \
	SSHD " -T -f " SSHD_CONFIG " -C user=none,host=none,addr=192.0.2.1," \
	     "laddr=192.0.2.1,lport=1,rdomain=none 2>&1"
#define BLANKS " \t\n"

/* The value of a line "keyword value", or NULL. */
static const char *
value_of(const char *line, const char *keyword)
{
	size_t len = strlen(keyword);

	return strncmp(line, keyword, len) == 0 && line[len] == ' '
	    ? line + len + 1
	    : NULL;
}

/* "0.0.0.0:3022", "[::]:3022", either with " rdomain ..." behind it. */
static bool
parse_address(const char *value, struct sshd_address *ret_address)
{
	bool in_brackets = value[0] == '[';
	const char *text = value + in_brackets;
	size_t len = strcspn(text, in_brackets ? "]" : ":");
	const char *at = text + len + in_brackets;
	char port[8];
	uint32_t number;

	if (len >= sizeof(ret_address->text) || *at != ':')
		return false;
	snprintf(port, sizeof(port), "%.*s", (int)strcspn(at + 1, BLANKS),
	    at + 1);
	if (parse_u32(port, UINT16_MAX, &number) != 0)
		return false;
	memcpy(ret_address->text, text, len);
	ret_address->text[len] = '\0';
	ret_address->port = (uint16_t)number;
	return true;
}

/* One that a keyword may give several times. */
static void
take_each(struct sshd_settings *settings, const char *line)
{
	const char *value = value_of(line, "listenaddress");

	if (value != NULL && settings->address_count < SSHD_ADDRESSES_MAX &&
	    parse_address(value, &settings->addresses[settings->address_count]))
		settings->address_count++;
	value = value_of(line, "hostkey");
	if (value != NULL && settings->host_key_count < SSHD_KEYS_MAX)
		snprintf(settings->host_keys[settings->host_key_count++],
		    sizeof(settings->host_keys[0]), "%s", value);
}

static void
take_line(struct sshd_settings *settings, const char *line)
{
	const char *value = value_of(line, "authorizedkeyscommand");

	take_each(settings, line);
	if (value != NULL)
		snprintf(settings->helper, sizeof(settings->helper), "%.*s",
		    (int)strcspn(value, BLANKS), value);
	value = value_of(line, "authorizedkeyscommanduser");
	if (value != NULL)
		snprintf(settings->helper_user, sizeof(settings->helper_user),
		    "%s", value);
	value = value_of(line, "pidfile");
	if (value != NULL)
		snprintf(settings->pid_file, sizeof(settings->pid_file), "%s",
		    value);
	value = value_of(line, "maxstartups");
	value = value != NULL ? strrchr(value, ':') : NULL;
	if (value != NULL &&
	    parse_u32(value + 1, UINT32_MAX, &settings->max_startups) != 0)
		settings->max_startups = 0;
}

/* 0; -errno; ENS_E_CONFIG: it refuses, and the first line says why. */
static int
run_sshd(struct sshd_settings *ret_settings, char ret_first[SSHD_TEXT_MAX])
{
	FILE *pipe = popen(SSHD_TEST, "re");
	char line[SSHD_TEXT_MAX];

	if (pipe == NULL)
		return -errno;
	while (fgets(line, sizeof(line), pipe) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (ret_first[0] == '\0')
			memcpy(ret_first, line, sizeof(line));
		take_line(ret_settings, line);
	}
	return pclose(pipe) == 0 ? 0 : ENS_E_CONFIG;
}

const struct sshd_settings *
sshd_settings_ask(const char **ret_reason)
{
	static struct sshd_settings settings;
	static char first[SSHD_TEXT_MAX];
	static bool asked;
	static int r;

	if (!asked)
		r = run_sshd(&settings, first);
	asked = true;
	if (r == 0)
		return &settings;
	if (ret_reason != NULL)
		*ret_reason = r == ENS_E_CONFIG && first[0] != '\0'
		    ? first
		    : error_text(r);
	return NULL;
}
