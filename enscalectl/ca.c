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
#include "enscalectl/ca_key.h"
#include "enscalectl/verb.h"

#define OWNER        "enscale-guard"
#define HOST_MAX     128
#define KEY_TEXT_MAX 512

/* The line, and the fingerprint as a comment that authorized_keys takes. */
static int
print_public(const struct ssh_key *key)
{
	const struct bytes blob = { key->blob, key->blob_len };
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1], line[KEY_TEXT_MAX];
	uint8_t digest[SHA256_LEN];
	int r;

	r = fingerprint_sha256(blob, digest);
	if (r == 0 && ssh_key_format(blob, line, sizeof(line)) == 0)
		r = ENS_E_LIMIT;
	if (r != 0)
		return r;
	fingerprint_format_sha256(digest, text);
	printf("%s %s\n# %s %s\n", line, key->comment,
	    ssh_key_type_short_name(key->type), text);
	return 0;
}

static int
show(const char *path)
{
	struct ssh_key key;
	int r;

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
	r = print_public(&key);
	if (r != 0) {
		complain("cannot print \"%s.pub\": %s", path, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	return EXIT_YES;
}

int
ca_init(const struct context *context, int argc, char **argv)
{
	const char *path = context->config.ca_key;
	char host[HOST_MAX] = "", comment[HOST_MAX + 16];
	const struct passwd *owner;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int r;

	(void)argv;
	if (argc != 0)
		return complain_usage("ca init");
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
	return show(path);
}

int
ca_show(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return complain_usage("ca show");
	return show(context->config.ca_key);
}
