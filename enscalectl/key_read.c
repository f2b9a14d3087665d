/* See key_read.h. It refuses a private key, of which nothing is kept or
 * said. */
#include <config.h>

#include "enscalectl/key_read.h"

#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/keys/ssh_key_text.h"
#include "common/view/view_walk.h"
#include "enscalectl/key_pem.h"
#include "enscalectl/verb.h"

int
key_read_refuse(const char *reason)
{
	complain("not added: %s", reason);
	if (strstr(reason, "a private key") != NULL)
		complain("that was a private key, of which this program kept "
		         "nothing; if others can read it there, make a new "
		         "pair");
	return EXIT_NO;
}

static int
parse(const char *data, size_t len, struct ssh_key *ret_key)
{
	struct ssh_key_text text;
	int r;

	if (key_pem_is(data)) {
		r = key_pem_read(data, len, ret_key);
		return r == 0 ? EXIT_YES : key_read_refuse(error_text(r));
	}
	ssh_key_text_init(&text, data, len);
	r = ssh_key_text_only(&text, ret_key);
	return r == 0 ? EXIT_YES : key_read_refuse(text.reason);
}

int
key_read_judge(const struct ssh_key *key, bool no_touch,
    uint8_t ret_fingerprint[SHA256_LEN])
{
	if ((key->options & KEY_NO_TOUCH) != 0 && !no_touch)
		return key_read_refuse("option not accepted: no-touch-required "
		                       "(see no_touch in enscale.conf)");
	if (fingerprint_sha256((struct bytes){ key->blob, key->blob_len },
	        ret_fingerprint) == 0)
		return EXIT_YES;
	complain("%s", error_text(ENS_E_CRYPTO));
	return EXIT_CANNOT_TELL;
}

int
key_read_text(char *text, size_t len, bool no_touch, struct ssh_key *ret_key,
    uint8_t ret_fingerprint[SHA256_LEN])
{
	int code = parse(text, len, ret_key);

	explicit_bzero(text, len);
	return code == EXIT_YES
	    ? key_read_judge(ret_key, no_touch, ret_fingerprint)
	    : code;
}

/* ---- keys that are there ------------------------------------------------ */

struct rows {
	const struct view *view;
	key_read_visit *visit;
	void *arg;
};

static int
visit_row(const struct view_row *row, void *arg)
{
	const struct rows *rows = arg;
	struct wire_reader reader;

	if (row->hidden || row->key.len != 1 + 4 + SHA256_LEN ||
	    row->key.data[0] != RECORD_KEY)
		return 0;
	wire_read_init(&reader, row->key.data + 1, 4);
	return rows->visit(rows->view, wire_read_u32(&reader),
	    row->key.data + 5, rows->arg);
}

int
key_read_view(const struct config *config, key_read_visit *visit, void *arg)
{
	AUTO(cleanup_view) struct view *view = NULL;
	struct rows rows = { .visit = visit, .arg = arg };
	char path[CONFIG_PATH_MAX];
	int r = config_path(config->state_dir, CONFIG_VIEW_DIR, path);

	if (r == 0)
		r = view_open(path, &view);
	rows.view = view;
	for (uint32_t i = 0; r == 0 && i < view_segment_count(view); i++)
		r = view_each_row(view, i, visit_row, &rows);
	return r;
}
