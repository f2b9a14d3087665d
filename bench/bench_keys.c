/*
 * The keys helper against `cat` of a file with one line, as whole processes:
 * accounts with 1, 10, 1,000 and 10,000 keys in a view made here. It refuses
 * to touch a real view.
 *
 *	bench_keys PATH-OF-ENSCALE-KEYS [ROUNDS]
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench_spawn.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "common/names/login_name.h"
#include "enscale_sync/view_writer.h"

#define ROUNDS_DEFAULT 400

static const uint32_t key_counts[] = { 1, 10, 1000, 10000 };
#define ACCOUNTS (sizeof(key_counts) / sizeof(key_counts[0]))

/* An ed25519 blob that is a key to everybody but a mathematician. */
static size_t
make_blob(uint32_t account, uint32_t n, uint8_t *buf, size_t size)
{
	struct wire_writer writer;
	uint8_t point[32] = { 0 };

	memcpy(point, &account, sizeof(account));
	memcpy(point + 8, &n, sizeof(n));
	wire_write_init(&writer, buf, size);
	wire_write_cstring(&writer, "ssh-ed25519");
	wire_write_string(&writer, point, sizeof(point));
	return writer.len;
}

static void
must(int result, const char *what)
{
	if (result != 0)
		errx(1, "%s: %s", what, error_text(result));
}

static void
put(struct view_writer *view, const struct record_key *key,
    const struct wire_writer *record)
{
	must(view_writer_put(view, key,
	         (struct bytes){ record->data, record->len }),
	    "view_writer_put");
}

/* Files one account with count keys; ret_middle is one of them. */
static void
put_account(struct view_writer *view, uint32_t account, uint32_t count,
    uint8_t ret_middle[SHA256_LEN])
{
	struct account_record record = { .account = account,
		.status = ACCOUNT_ACTIVE,
		.name = "",
		.mail = "" };
	struct record_key key = record_key_id(RECORD_ACCOUNT, account);
	AUTO(wire_write_free) struct wire_writer writer;

	wire_write_init_growing(&writer, RECORD_SIZE_MAX);
	must(record_encode_account(&writer, &record), "account");
	put(view, &key, &writer);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t blob[KEY_BLOB_MAX], digest[SHA256_LEN];
		size_t len = make_blob(account, i, blob, sizeof(blob));
		struct key_record row = { .account = account,
			.fingerprint = digest,
			.blob = { blob, len },
			.title = "bench",
			.from = "" };
		AUTO(wire_write_free) struct wire_writer one;

		must(fingerprint_sha256(row.blob, digest), "sha256");
		wire_write_init_growing(&one, RECORD_SIZE_MAX);
		must(record_encode_key(&one, &row), "key");
		key = record_key_key(account, digest);
		put(view, &key, &one);
		if (i == count / 2)
			memcpy(ret_middle, digest, SHA256_LEN);
	}
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/bench_keys.XXXXXX", view_option[] = "--view";
	char file[sizeof(dir) + 8],
	    text[ACCOUNTS][FINGERPRINT_SHA256_TEXT_LEN + 1];
	char names[ACCOUNTS][64], logins[ACCOUNTS][LOGIN_TEXT_MAX + 1];
	char *arguments[ACCOUNTS][6];
	struct bench_command commands[ACCOUNTS + 1];
	uint32_t rounds = ROUNDS_DEFAULT;
	struct view_writer *view;

	if (argc < 2 || argc > 3 ||
	    (argc == 3 &&
	        (parse_u32(argv[2], BENCH_ROUNDS_MAX, &rounds) != 0 ||
	            rounds == 0)))
		errx(1, "usage: bench_keys PATH-OF-ENSCALE-KEYS [ROUNDS]");
	if (mkdtemp(dir) == NULL)
		err(1, "%s", dir);
	must(view_writer_open(dir, &view), dir);
	must(view_writer_begin(view, true), "begin");
	for (size_t i = 0; i < ACCOUNTS; i++) {
		struct login_name name = { .account = (uint32_t)(1000 + i) };
		uint8_t middle[SHA256_LEN];

		put_account(view, name.account, key_counts[i], middle);
		fingerprint_format_sha256(middle, text[i]);
		login_name_format(&name, logins[i], sizeof(logins[i]));
		snprintf(names[i], sizeof(names[i]),
		    "enscale-keys, account with %u keys", key_counts[i]);
		char **a = arguments[i];
		*a++ = argv[1];
		*a++ = view_option;
		*a++ = dir;
		*a++ = logins[i];
		*a++ = text[i];
		*a = NULL;
		commands[i + 1] = (struct bench_command){ names[i],
			arguments[i] };
	}
	must(view_writer_commit(view, 1, 1), "commit");
	view_writer_close(view);

	snprintf(file, sizeof(file), "%s/line", dir);
	FILE *line = fopen(file, "w");
	if (line == NULL)
		err(1, "%s", file);
	fprintf(line, "restrict,pty,agent-forwarding ssh-ed25519 %068d\n", 0);
	fclose(line);
	char cat_program[] = "/bin/cat";
	char *cat[] = { cat_program, file, NULL };
	commands[0] = (struct bench_command){ "cat of one line", cat };

	bench_spawn(commands, ACCOUNTS + 1, rounds);

	char rm_program[] = "/bin/rm", all[] = "-rf";
	char *clean[] = { rm_program, all, dir, NULL };
	fflush(NULL);
	execv(clean[0], clean);
	err(1, "%s", clean[0]);
}
