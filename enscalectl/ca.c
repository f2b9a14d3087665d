/* enscalectl ca: the key that signs for the nodes. It refuses to print the
 * private one. */
#include <config.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/errors.h"
#include "common/fingerprint.h"
#include "enscalectl/ca.h"
#include "enscalectl/ca_key.h"
#include "enscalectl/ca_slot.h"

#define OWNER    "enscale-guard"
#define HOST_MAX 128

/* The line, and the fingerprint as a comment that authorized_keys takes. */
int
ca_print_public(const struct ssh_key *key, const char *slot)
{
	const struct bytes blob = { key->blob, key->blob_len };
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1], line[CA_LINE_MAX];
	uint8_t digest[SHA256_LEN];
	int r;

	r = fingerprint_sha256(blob, digest);
	if (r == 0 && ssh_key_format(blob, line, sizeof(line)) == 0)
		r = ENS_E_LIMIT;
	if (r != 0)
		return r;
	fingerprint_format_sha256(digest, text);
	printf("%s %s\n# %s %s%s%s\n", line, key->comment,
	    ssh_key_type_short_name(key->type), text,
	    slot[0] != '\0' ? " " : "", slot);
	return 0;
}

static int
show_slot(const char *ca, enum ca_slot slot, const char *name)
{
	char path[CONFIG_PATH_MAX];
	struct ssh_key key;
	int r;

	r = ca_slot_path(ca, slot, path);
	if (r != 0)
		return EXIT_CANNOT_TELL;
	r = ca_key_read_public(path, &key);
	if (r != 0) {
		complain("cannot read \"%s.pub\": %s", path, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	if (ca_key_check_pair(path, &key) == ENS_E_CORRUPT) {
		complain("\"%s.pub\" is not the public key of \"%s\"", path,
		    path);
		return EXIT_NO;
	}
	r = ca_print_public(&key, name);
	if (r != 0) {
		complain("cannot print \"%s.pub\": %s", path, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	return EXIT_YES;
}

int
ca_show_all(const char *ca)
{
	bool alone = !ca_slot_exists(ca, CA_NEXT) &&
	    !ca_slot_exists(ca, CA_PREVIOUS);
	int code = EXIT_YES, slot, r;

	for (slot = CA_CURRENT; slot < CA_SLOTS; slot++) {
		if (slot != CA_CURRENT && !ca_slot_exists(ca, slot))
			continue;
		r = show_slot(ca, slot, alone ? "" : ca_slot_names[slot]);
		code = r > code ? r : code;
	}
	return code;
}

int
ca_make(const char *path)
{
	char host[HOST_MAX] = "", comment[HOST_MAX + 16];
	const struct passwd *owner;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int r;

	owner = geteuid() == 0 ? getpwnam(OWNER) : NULL;
	if (owner != NULL) {
		uid = owner->pw_uid;
		gid = owner->pw_gid;
	} else {
		complain("the key will be yours: %s",
		    geteuid() == 0 ? "there is no user " OWNER " here"
		                   : "you are not root");
	}
	gethostname(host, sizeof(host) - 1);
	snprintf(comment, sizeof(comment), "enscale-ca@%s", host);
	r = ca_key_create(path, uid, gid, comment);
	if (r == -EEXIST) {
		complain("\"%s\" or its .pub exists, and nodes may trust it: "
		         "it is never replaced",
		    path);
		return EXIT_NO;
	}
	if (r != 0) {
		complain("cannot make \"%s\": %s", path, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	return EXIT_YES;
}

int
ca_init(const struct context *context, int argc, char **argv)
{
	int code;

	(void)argv;
	if (argc != 0)
		return complain_usage("ca init");
	code = ca_make(context->config.ca_key);
	return code != EXIT_YES ? code : ca_show_all(context->config.ca_key);
}

int
ca_show(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return complain_usage("ca show");
	return ca_show_all(context->config.ca_key);
}
