/*
 * enscalectl ca revoke: a CA's key, which somebody else may have, is made
 * invalid. It refuses the one that signs here, since nobody could log in then.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "enscalectl/ca.h"
#include "enscalectl/ca_list.h"
#include "enscalectl/ca_slot.h"

#define PREFIX "SHA256:"

/* A key by its fingerprint, in both forms. */
struct subject {
	struct ssh_key key;
	uint8_t digest[SHA256_LEN];
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
};

static bool
is_in_slot(const char *ca, enum ca_slot slot, const struct subject *subject,
    struct ssh_key *ret_key)
{
	char path[CONFIG_PATH_MAX];
	uint8_t digest[SHA256_LEN];
	struct ssh_key key;

	if (ca_slot_path(ca, slot, path) != 0 ||
	    ca_key_read_public(path, &key) != 0 ||
	    fingerprint_sha256((struct bytes){ key.blob, key.blob_len },
	        digest) != 0 ||
	    memcmp(digest, subject->digest, SHA256_LEN) != 0)
		return false;
	*ret_key = key;
	return true;
}

/* ---- which key ---------------------------------------------------------- */

static int
find_in_lists(const char *ca, struct subject *subject)
{
	static const char *const lists[] = { CA_LIST_RETIRED, CA_LIST_REVOKED };
	char path[CONFIG_PATH_MAX];
	size_t i;
	int r = ENS_E_NOTFOUND;

	for (i = 0; r == ENS_E_NOTFOUND && i < sizeof(lists) / sizeof(lists[0]);
	     i++) {
		r = ca_list_path(ca, lists[i], path);
		if (r == 0)
			r = ca_list_find(path, subject->digest, &subject->key);
	}
	return r;
}

/* Nodes are told a whole key, which is not known of a key that was never here.
 */
static int
take_fingerprint(const char *ca, const char *text, struct subject *subject)
{
	int r = fingerprint_parse(text, subject->digest), slot;

	if (r == 0)
		for (slot = CA_CURRENT; slot < CA_SLOTS; slot++)
			if (is_in_slot(ca, slot, subject, &subject->key))
				return EXIT_YES;
	if (r == 0)
		r = find_in_lists(ca, subject);
	if (r == ENS_E_NOTFOUND) {
		complain("this gateway has and had no key with the fingerprint "
		         "\"%s\": give the file of the public key",
		    text);
		return EXIT_NO;
	}
	if (r != 0)
		complain("cannot find \"%s\": %s", text, error_text(r));
	return r == 0 ? EXIT_YES : EXIT_CANNOT_TELL;
}

static int
take_file(const char *path, struct subject *subject)
{
	int r = ca_list_read_only_key(path, &subject->key);

	if (r == 0)
		r = fingerprint_sha256(
		    (struct bytes){ subject->key.blob, subject->key.blob_len },
		    subject->digest);
	if (r != 0) {
		complain("cannot read one public key from \"%s\": %s", path,
		    error_text(r));
		return EXIT_CANNOT_TELL;
	}
	return EXIT_YES;
}

/* ---- revoking ----------------------------------------------------------- */

static int
print_list(const char *path)
{
	AUTO_FILE FILE *file = fopen(path, "re");
	int c;

	if (file == NULL && errno != ENOENT) {
		complain("cannot read \"%s\": %s", path, error_text(-errno));
		return EXIT_CANNOT_TELL;
	}
	while (file != NULL && (c = getc(file)) != EOF)
		putchar(c);
	return EXIT_YES;
}

/* What cannot be read may be this one. */
static int
check_not_signing(const struct context *context, const struct subject *subject)
{
	const char *ca = context->config.ca_key;
	struct ssh_key key;

	if (is_in_slot(ca, CA_CURRENT, subject, &key)) {
		complain("this gateway signs with this key: switch to another "
		         "one first, with ca rotate and ca rotate --switch");
		return EXIT_NO;
	}
	if (ca_slot_exists(ca, CA_CURRENT) &&
	    ca_key_read_public(ca, &key) != 0) {
		complain("cannot read \"%s.pub\": is this the key that this "
		         "gateway signs with?",
		    ca);
		return EXIT_CANNOT_TELL;
	}
	if (ca_guard_signs_with(context, subject->text)) {
		complain("enscale-guard still signs with this key: enscalectl "
		         "ca rotate --switch");
		return EXIT_NO;
	}
	return EXIT_YES;
}

/* On the list first: a key that is deleted without being listed would stay
 * valid. */
static int
note_revoked(const char *ca, const struct subject *subject)
{
	char list[CONFIG_PATH_MAX];
	struct ssh_key key;
	int r, slot;

	r = ca_list_path(ca, CA_LIST_REVOKED, list);
	if (r == 0)
		r = ca_list_add(list, &subject->key);
	for (slot = CA_NEXT; r == 0 && slot < CA_SLOTS; slot++)
		if (is_in_slot(ca, slot, subject, &key))
			r = ca_slot_delete(ca, slot);
	if (r != 0) {
		complain("cannot revoke %s: %s", subject->text, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	r = print_list(list);
	if (r == EXIT_YES)
		fprintf(stderr,
		    "Next, put these lines into a file \"revoked\" and what "
		    "enscalectl ca show prints\n"
		    "into \"ca.pub\", and run on "
		    "every node:\n"
		    "    enscale-node setup --ca ca.pub --revoked revoked\n");
	return r;
}

int
ca_revoke(const struct context *context, int argc, char **argv)
{
	const char *ca = context->config.ca_key;
	char list[CONFIG_PATH_MAX];
	struct subject subject;
	int code;

	if (argc > 1)
		return complain_usage("ca revoke");
	if (argc == 0)
		return ca_list_path(ca, CA_LIST_REVOKED, list) == 0
		    ? print_list(list)
		    : EXIT_CANNOT_TELL;
	code = strncmp(argv[0], PREFIX, strlen(PREFIX)) == 0
	    ? take_fingerprint(ca, argv[0], &subject)
	    : take_file(argv[0], &subject);
	if (code != EXIT_YES)
		return code;
	fingerprint_format_sha256(subject.digest, subject.text);
	code = check_not_signing(context, &subject);
	return code == EXIT_YES ? note_revoked(ca, &subject) : code;
}
