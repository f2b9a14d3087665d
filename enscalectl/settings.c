/* enscalectl settings: what a customer is to be told to connect. It refuses to
 * leave out a host key that it cannot read. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/ssh_key_text.h"
#include "enscalectl/output.h"
#include "enscalectl/records.h"
#include "enscalectl/request.h"

#define LABEL_WIDTH 16

/* ---- host keys ------------------------------------------------------------ */

struct fingerprints {
	json_t *sha256, *md5; /* "ED25519 SHA256:..." */
};

static int
take_key(const struct ssh_key *key, struct fingerprints *into)
{
	struct record_key_facts facts;

	if (!record_key_facts((struct bytes){ key->blob, key->blob_len },
	        &facts))
		return ENS_E_CRYPTO;
	(void)json_array_append_new(into->sha256,
	    json_sprintf("%s %s", facts.type, facts.sha256));
	(void)json_array_append_new(into->md5,
	    json_sprintf("%s %s", facts.type, facts.md5));
	return 0;
}

static int
read_file(const char *path, struct fingerprints *into)
{
	static struct ssh_key key; /* it is large */
	AUTO_FILE FILE *in = fopen(path, "re");
	static char line[KEY_LINE_MAX];
	struct ssh_key_text text;
	size_t len;
	int r;

	if (in == NULL)
		return -errno;
	len = fread(line, 1, sizeof(line), in);
	if (len == sizeof(line))
		return ENS_E_LIMIT;
	ssh_key_text_init(&text, line, len);
	r = ssh_key_text_only(&text, &key);
	return r == 0 ? take_key(&key, into) : r;
}

/* One that is not there is none of this gateway's. */
static int
read_all(const struct config *config, struct fingerprints *into)
{
	AUTO_FREE char *files = strdup(config->host_keys);
	char *rest = files, *path;
	int code = EXIT_YES, r;

	while (files != NULL && (path = strsep(&rest, " ")) != NULL) {
		r = path[0] != '\0' ? read_file(path, into) : 0;
		if (r == 0 || r == -ENOENT)
			continue;
		complain("\"%s\": %s", path, error_text(r));
		code = EXIT_CANNOT_TELL;
	}
	if (json_array_size(into->sha256) > 0)
		return code;
	complain("there is no host key: host_keys in enscale.conf names "
	         "their public keys");
	return EXIT_CANNOT_TELL;
}

/* ---- settings ------------------------------------------------------------- */

static void
print_lines(const char *label, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		printf("%-*s%s\n", LABEL_WIDTH, i == 0 ? label : "",
		    json_string_value(item));
}

static void
print_text(const struct config *config, const char *account,
    const struct fingerprints *keys)
{
	printf("%-*s%s, for the menu\n", LABEL_WIDTH, "user name", account);
	printf("%-*sNODE-%s, straight to a node\n", LABEL_WIDTH, "", account);
	printf("%-*sSSH key\n", LABEL_WIDTH, "authentication");
	printf("%-*s%s\n", LABEL_WIDTH, "host", config->host);
	printf("%-*s%u\n", LABEL_WIDTH, "port", config->port);
	print_lines("fingerprints", keys->sha256);
	print_lines("", keys->md5);
}

static void
print_json(const struct config *config, uint32_t account,
    const struct fingerprints *keys)
{
	struct output output;

	output_begin(&output, true);
	output_record(&output,
	    json_pack("{s:o, s:s, s:s, s:I, s:O, s:O}", "user_name",
	        json_sprintf("%u", account), "authentication", "SSH key",
	        "host", config->host, "port", (json_int_t)config->port,
	        "sha256", keys->sha256, "md5", keys->md5));
	output_end(&output);
}

int
settings_show(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "settings", 1, 1, NULL,
		REQUEST_LOCAL };
	struct fingerprints keys = { json_array(), json_array() };
	struct request request;
	uint32_t account;
	int code = request_read(context, &form, argc, argv, &request);

	if (code == EXIT_YES)
		code = request_number(request.words[0], ACCOUNT_ID_MAX,
		    "an account", &account);
	if (code == EXIT_YES)
		code = read_all(&context->config, &keys);
	if (code == EXIT_YES && request.json)
		print_json(&context->config, account, &keys);
	else if (code == EXIT_YES)
		print_text(&context->config, request.words[0], &keys);
	json_decref(keys.sha256);
	json_decref(keys.md5);
	return code;
}
