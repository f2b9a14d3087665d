/* See info.h. Refuses to show anything of another account. */
#include <config.h>

#include "enscale_guard/info.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key.h"
#include "enscale_guard/log.h"

/* ---- settings ---------------------------------------------------------- */

static int
read_key(const char *path, struct ssh_key *ret_key)
{
	AUTO_FILE FILE *file = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (file == NULL)
		return -errno;
	len = getline(&line, &size, file);
	if (len < 0)
		return ENS_E_KEY_FORMAT;
	return len > KEY_LINE_MAX ? ENS_E_LIMIT
	                          : ssh_key_parse(line, (size_t)len, ret_key);
}

static json_t *
describe_key(const struct ssh_key *key)
{
	const struct bytes blob = { key->blob, key->blob_len };
	char sha256_text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	char md5_text[FINGERPRINT_MD5_TEXT_LEN + 1] = "";
	uint8_t sha256[SHA256_LEN], md5[MD5_LEN];

	if (fingerprint_sha256(blob, sha256) < 0)
		return NULL;
	fingerprint_format_sha256(sha256, sha256_text);
	/* FIPS has no MD5. */
	if (fingerprint_md5(blob, md5) == 0)
		fingerprint_format_md5(md5, md5_text);
	return json_pack("{s:s, s:I, s:s, s:s}", "type",
	    ssh_key_type_short_name(key->type), "bits", (json_int_t)key->bits,
	    "sha256", sha256_text, "md5", md5_text);
}

json_t *
info_read_host_keys(const char *files)
{
	char copy[CONFIG_VALUE_MAX], *rest = copy, *path;
	json_t *keys = json_array();
	struct ssh_key key;
	int r;

	snprintf(copy, sizeof(copy), "%s", files);
	while ((path = strsep(&rest, " ")) != NULL) {
		if (path[0] == '\0')
			continue;
		r = read_key(path, &key);
		if (r == 0)
			json_array_append_new(keys, describe_key(&key));
		else
			log_warning("cannot show host key \"%s\": %s", path,
			    error_text(r));
	}
	return keys;
}

struct reply
info_settings(const struct request *request,
    const struct request_fields *fields)
{
	(void)fields;
	return reply_now(json_pack("{s:b, s:s, s:i, s:I, s:o}", "ok", 1, "host",
	    request->config->host, "port", (int)request->config->port,
	    "account", (json_int_t)request->session->account, "host_keys",
	    request->host_keys != NULL ? json_incref(request->host_keys)
	                               : json_array()));
}

/* ---- sessions ---------------------------------------------------------- */

struct reply
info_sessions(const struct request *request,
    const struct request_fields *fields)
{
	(void)fields;
	return reply_now(json_pack("{s:b, s:o}", "ok", 1, "sessions",
	    request->list_sessions != NULL
	        ? request->list_sessions(request->arg)
	        : json_array()));
}

struct reply
info_log(const struct request *request, const struct request_fields *fields)
{
	const uint32_t account = request->session->account;

	if (!request->charge(request->arg,
	        visits_cost(request->visits, account)))
		return reply_busy(request);
	return reply_now(json_pack("{s:b, s:o}", "ok", 1, "visits",
	    visits_list(request->visits, account, fields->environment)));
}
