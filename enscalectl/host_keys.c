/* See host_keys.h. It refuses to take an answer of the network for a proof:
 * who asks for one shows it to a person. */
#include <config.h>

#include "enscalectl/host_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/ssh_key_text.h"
#include "enscalectl/command.h"
#include "enscalectl/records.h"
#include "enscalectl/verb.h"

#define SCAN_PROGRAM "/usr/bin/ssh-keyscan"
#define SCAN_SECONDS "5"
#define SCAN_TYPES   "ed25519,ecdsa,rsa"

static int
add_key(struct host_keys *keys, const struct ssh_key *key)
{
	char *line = keys->lines[keys->count];
	size_t len;

	if (keys->count == NODE_HOST_KEYS_MAX) {
		complain("more than %d host keys", NODE_HOST_KEYS_MAX);
		return EXIT_NO;
	}
	len = ssh_key_format((struct bytes){ key->blob, key->blob_len }, line,
	    KEY_WRITTEN_MAX + 1);
	keys->values[keys->count++] = (struct berval){ len, line };
	return EXIT_YES;
}

static int
take_text(const char *data, size_t len, const char *from,
    struct host_keys *keys)
{
	static struct ssh_key key; /* it is large */
	struct ssh_key_text text;
	int code = EXIT_YES, r;

	ssh_key_text_init(&text, data, len);
	while (code == EXIT_YES &&
	    (r = ssh_key_text_next(&text, &key)) != ENS_E_NOTFOUND) {
		if (r != 0) {
			complain("%s, line %u: %s", from, text.line,
			    text.reason);
			return EXIT_NO;
		}
		code = add_key(keys, &key);
	}
	if (code == EXIT_YES && keys->count == 0) {
		complain("%s: no host key is in it", from);
		return EXIT_NO;
	}
	return code;
}

int
host_keys_read(const char *path, struct host_keys *ret_keys)
{
	static char text[ATTRIBUTE_VALUE_MAX];
	const bool is_stdin = strcmp(path, "-") == 0;
	const char *from = is_stdin ? "standard input" : path;
	AUTO_FILE FILE *in = is_stdin ? fdopen(dup(STDIN_FILENO), "re")
	                              : fopen(path, "re");
	size_t len;

	ret_keys->count = 0;
	if (in == NULL) {
		complain("\"%s\": %s", from, error_text(-errno));
		return EXIT_CANNOT_TELL;
	}
	len = fread(text, 1, sizeof(text), in);
	if (ferror(in) || len == sizeof(text)) {
		complain("\"%s\": %s", from,
		    error_text(ferror(in) ? -EIO : ENS_E_LIMIT));
		return EXIT_CANNOT_TELL;
	}
	return take_text(text, len, from, ret_keys);
}

/* Of "HOST TYPE BASE64" what is behind the host, as lines; comments have
 * "#". */
static void
cut_hosts(char *said)
{
	char *to = said, *rest = said, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *key = strchr(line, ' ');
		size_t len = key != NULL ? strlen(key + 1) : 0;

		if (line[0] == '#' || len == 0)
			continue;
		memmove(to, key + 1, len);
		to += len;
		*to++ = '\n';
	}
	*to = '\0';
}

int
host_keys_scan(const char *address, uint16_t port, struct host_keys *ret_keys)
{
	char port_text[8], from[128], said[COMMAND_SAID_MAX];
	const char *const argv[] = { SCAN_PROGRAM, "-T", SCAN_SECONDS, "-t",
		SCAN_TYPES, "-p", port_text, "--", address, NULL };
	int r;

	ret_keys->count = 0;
	snprintf(port_text, sizeof(port_text), "%u", port);
	snprintf(from, sizeof(from), "%s, port %u", address, port);
	r = command_run(argv, said);
	if (r == -ENOENT) {
		complain("there is no %s", SCAN_PROGRAM);
		return EXIT_CANNOT_TELL;
	}
	cut_hosts(said);
	if (r != 0 || said[0] == '\0') {
		complain("%s: no host key was shown within %s s", from,
		    SCAN_SECONDS);
		return EXIT_CANNOT_TELL;
	}
	return take_text(said, strlen(said), from, ret_keys);
}

void
host_keys_print(FILE *out, const struct host_keys *keys)
{
	static struct ssh_key key;
	struct record_key_facts facts;

	for (uint32_t i = 0; i < keys->count; i++)
		if (ssh_key_parse(keys->lines[i], keys->values[i].bv_len,
		        &key) == 0 &&
		    record_key_facts((struct bytes){ key.blob, key.blob_len },
		        &facts))
			fprintf(out, "%s %u %s %s\n", facts.type, facts.bits,
			    facts.sha256, facts.md5);
}
