/*
 * enscalectl ca revoke: the bad day. A CA's key is no good any more, whoever
 * has it. It refuses the one that signs here, after which nobody came in.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "common/fingerprint.h"
#include "enscalectl/ca.h"
#include "enscalectl/ca_slot.h"

#define REVOKED_SUFFIX ".revoked"

static int
list_path(const char *ca, char ret_path[CONFIG_PATH_MAX])
{
	int n = snprintf(ret_path, CONFIG_PATH_MAX, "%s" REVOKED_SUFFIX, ca);

	return n >= 0 && n < CONFIG_PATH_MAX ? 0 : ENS_E_LIMIT;
}

static bool
has_fingerprint(const char *ca, enum ca_slot slot, const char *wanted,
    struct ssh_key *ret_key)
{
	char path[CONFIG_PATH_MAX], text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	uint8_t digest[SHA256_LEN];

	if (ca_slot_path(ca, slot, path) != 0 ||
	    ca_key_read_public(path, ret_key) != 0 ||
	    fingerprint_sha256(
	        (struct bytes){ ret_key->blob, ret_key->blob_len }, digest) !=
	        0)
		return false;
	fingerprint_format_sha256(digest, text);
	return strcmp(text, wanted) == 0;
}

static int
append_line(const char *path, const struct ssh_key *key)
{
	char line[CA_LINE_MAX];
	AUTO_FILE FILE *file = NULL;

	if (ssh_key_format((struct bytes){ key->blob, key->blob_len }, line,
	        sizeof(line)) == 0)
		return ENS_E_LIMIT;
	file = fopen(path, "ae");
	if (file == NULL || fchmod(fileno(file), 0644) != 0 ||
	    fprintf(file, "%s %s\n", line, key->comment) < 0 ||
	    fflush(file) != 0 || fsync(fileno(file)) != 0)
		return -errno;
	return 0;
}

static int
print_list(const char *path)
{
	AUTO_FILE FILE *file = fopen(path, "re");
	char line[CA_LINE_MAX];

	if (file == NULL && errno != ENOENT) {
		complain("cannot read \"%s\": %s", path, error_text(-errno));
		return EXIT_CANNOT_TELL;
	}
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		fputs(line, stdout);
	return EXIT_YES;
}

static int
revoke_slot(const char *ca, const char *list, enum ca_slot slot,
    const struct ssh_key *key)
{
	int r = append_line(list, key);

	if (r == 0)
		r = ca_slot_delete(ca, slot);
	if (r != 0) {
		complain("cannot revoke by \"%s\": %s", list, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	r = print_list(list);
	if (r == EXIT_YES)
		fprintf(stderr,
		    "Now, on every node, with these lines in revoked, and what "
		    "enscalectl ca show\nprints in ca.pub:\n"
		    "    enscale-node setup --ca ca.pub --revoked revoked\n");
	return r;
}

int
ca_revoke(const struct context *context, int argc, char **argv)
{
	const char *ca = context->config.ca_key;
	char list[CONFIG_PATH_MAX];
	struct ssh_key key;
	int slot;

	if (argc > 1)
		return complain_usage("ca revoke");
	if (list_path(ca, list) != 0)
		return EXIT_CANNOT_TELL;
	if (argc == 0)
		return print_list(list);
	if (has_fingerprint(ca, CA_CURRENT, argv[0], &key)) {
		complain("this key signs here: make another one sign first, "
		         "with ca rotate and ca rotate --switch");
		return EXIT_NO;
	}
	if (ca_guard_signs_with(context, argv[0])) {
		complain("enscale-guard signs with this key still: "
		         "enscalectl ca rotate --switch");
		return EXIT_NO;
	}
	for (slot = CA_NEXT; slot < CA_SLOTS; slot++)
		if (has_fingerprint(ca, slot, argv[0], &key))
			return revoke_slot(ca, list, slot, &key);
	complain("no key of this gateway has the fingerprint \"%s\": see "
	         "enscalectl ca show",
	    argv[0]);
	return EXIT_NO;
}
