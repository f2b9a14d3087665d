/*
 * enscalectl key add: a public key, as people have them, for an account. It
 * refuses a key that anybody has already, one that is too weak, and a private
 * key, of which nothing is kept or said.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "enscalectl/key_list.h"
#include "enscalectl/key_read.h"
#include "enscalectl/records.h"
#include "enscalectl/status.h"
#include "enscalectl/task.h"

#define SENTENCE_MAX 512

/* A key to be added, and for whom. */
struct add {
	struct task task; /* of the account */
	const char *title;
	struct ssh_key key;
	uint8_t fingerprint[SHA256_LEN];
	struct record_key_facts facts;
};

/* ---- the key ------------------------------------------------------------ */

/* All of it: 0 with its length, -errno, ENS_E_LIMIT. */
static int
read_text(const char *path, char text[ATTRIBUTE_VALUE_MAX], size_t *ret_len)
{
	bool from_input = path == NULL || strcmp(path, "-") == 0;
	AUTO_FD int fd = from_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
	                            : open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + len, ATTRIBUTE_VALUE_MAX - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return -errno;
	if (len == ATTRIBUTE_VALUE_MAX - 1)
		return ENS_E_LIMIT;
	text[len] = '\0';
	*ret_len = len;
	return 0;
}

static int
read_key(struct add *add, const char *path)
{
	static char text[ATTRIBUTE_VALUE_MAX];
	const bool no_touch = add->task.config->no_touch;
	size_t len = 0;
	int code, r = read_text(path, text, &len);

	if (r != 0) {
		complain("\"%s\": %s", path != NULL ? path : "standard input",
		    error_text(r));
		return EXIT_CANNOT_TELL;
	}
	code = key_read_text(text, len, no_touch, &add->key, add->fingerprint);
	if (code != EXIT_YES ||
	    record_key_facts((struct bytes){ add->key.blob, add->key.blob_len },
	        &add->facts))
		return code;
	complain("%s", error_text(ENS_E_CRYPTO));
	return EXIT_CANNOT_TELL;
}

/* ---- has anybody got it? ------------------------------------------------ */

/* account "": not known. */
static int
complain_owner(const char *account, const struct entry *entry,
    const char *title)
{
	complain("not added: %s%s has this key already%s%s%s (%s)",
	    account[0] != '\0' ? "account " : "another account", account,
	    title != NULL ? ", \"" : "", title != NULL ? title : "",
	    title != NULL ? "\"" : "", entry->dn);
	return EXIT_NO;
}

/* Whose it is, as far as the name of the entry says. */
static void
name_owner(const struct add *add, const struct entry *entry,
    char buf[NAME_TEXT_MAX + 1])
{
	if (entry->kind == ENTRY_ACCOUNT && !entry->refused)
		snprintf(buf, NAME_TEXT_MAX + 1, "%u", entry->id);
	else
		directory_parent_value(entry->dn,
		    add->task.schema->names[SCHEMA_ACCOUNT_ID], buf);
}

static bool
is_same(const struct add *add, const struct entry_key *key)
{
	return memcmp(key->fingerprint, add->fingerprint, SHA256_LEN) == 0;
}

/* key NULL: the entry is refused. */
static int
compare_own(const struct entry_key *key, const struct entry *entry, void *arg)
{
	const struct add *add = arg;

	return key != NULL && is_same(add, key)
	    ? complain_owner(add->task.name, entry, key->title)
	    : EXIT_YES;
}

/* A key that may be in the view. */
struct look {
	const uint8_t *fingerprint;
	uint32_t account; /* whose it is */
};

static int
look_at_key(const struct view *view, uint32_t account,
    const uint8_t fingerprint[SHA256_LEN], void *arg)
{
	struct look *look = arg;
	struct key_record record;

	if (memcmp(fingerprint, look->fingerprint, SHA256_LEN) != 0 ||
	    view_find_key(view, account, fingerprint, &record) != 0)
		return 0;
	look->account = account;
	return -EEXIST;
}

/* Has the view all that the directory has now? */
static bool
is_in_step(const struct add *add)
{
	AUTO_JSON json_t *sync = status_load_sync(add->task.request.context);

	return status_sync_is_in_step(sync) && status_sync_silence(sync) == 0 &&
	    sync_is_running(add->task.config);
}

/* What this gateway has is found by what it is, in whatever form the directory
 * has it: *ret_all, all of it was looked at. */
static int
look_in_view(const struct add *add, bool *ret_all)
{
	struct look look = { .fingerprint = add->fingerprint };
	int r;

	*ret_all = is_in_step(add);
	r = key_read_view(add->task.config, look_at_key, &look);
	if (r != -EEXIST) {
		*ret_all = *ret_all && r == 0;
		return EXIT_YES; /* the directory is asked, too */
	}
	complain("not added: account %u has this key already", look.account);
	return EXIT_NO;
}

/* Those that are entries are found by their fingerprint. */
static int
look_in_directory(const struct add *add, const char *hex)
{
	struct directory_entry found = { .message = NULL };
	char filter[DIRECTORY_FILTER_MAX], account[NAME_TEXT_MAX + 1];
	int code;

	directory_filter(add->task.config, ENTRY_KEY, KEY_RDN_TYPE, hex,
	    filter);
	code = directory_find(add->task.directory, NULL, 0, filter, &found);
	if (code == EXIT_NO)
		return EXIT_YES;
	if (code == EXIT_YES) {
		name_owner(add, &found.entry, account);
		code = complain_owner(account, &found.entry,
		    found.entry.refused ? NULL : found.entry.key.title);
	}
	cleanup_directory_entry(&found);
	return code;
}

static int
compare_entry(const struct entry *entry, void *arg)
{
	const struct add *add = arg;
	char account[NAME_TEXT_MAX + 1];
	const struct entry_key *keys = entry->kind == ENTRY_KEY
	    ? &entry->key
	    : entry->account.keys;
	uint32_t count = entry->kind == ENTRY_KEY ? 1
	    : entry->kind == ENTRY_ACCOUNT        ? entry->account.key_count
	                                          : 0;

	for (uint32_t i = 0; !entry->refused && i < count; i++)
		if (is_same(add, &keys[i])) {
			name_owner(add, entry, account);
			return complain_owner(account, entry, keys[i].title);
		}
	return EXIT_YES;
}

/* All keys, also those that are values of accounts, which no filter finds
 * behind their options: where no view has them, each is read. */
static int
look_at_all(struct add *add)
{
	char filter[DIRECTORY_FILTER_MAX] = "";

	directory_filter_add(filter, "(&%s(%s=*))", add->task.config->filter,
	    add->task.schema->names[SCHEMA_SSH_PUBLIC_KEY]);
	return directory_each(add->task.directory, NULL, 0, filter,
	    compare_entry, add);
}

static int
look_for_it(struct add *add, const char *hex)
{
	bool all;
	int code = key_list_each(add->task.directory, &add->task.entry,
	    compare_own, add);

	if (code == EXIT_YES)
		code = look_in_view(add, &all);
	if (code == EXIT_YES)
		code = look_in_directory(add, hex);
	return code == EXIT_YES && !all ? look_at_all(add) : code;
}

/* ---- adding ------------------------------------------------------------- */

static int
say(const struct add *add, const struct entry *entry)
{
	const struct published wanted = { .entry = entry,
		.account = add->task.number };

	if (!add->task.request.json)
		printf("%s %u %s %s\n", add->facts.type, add->facts.bits,
		    add->facts.sha256, add->facts.md5);
	return published_say(add->task.config, &wanted, add->task.request.json,
	    entry->dn, "key \"%s\" of account %u added", add->title,
	    add->task.number);
}

static int
put(struct add *add, const char *hex, const char *line)
{
	const struct schema *schema = add->task.schema;
	const char *expires = schema->names[SCHEMA_EXPIRES];
	struct changes changes = { .count = 0 };
	char dn[ENTRY_DN_MAX + 1], until[REQUEST_TIME_SIZE];
	struct request_times times;
	const struct entry *entry;
	int code = request_put_fields(&add->task.request, &times, &changes);

	changes_put_text(&changes, LDAP_MOD_ADD, "objectClass",
	    schema->names[SCHEMA_KEY]);
	changes_put_text(&changes, LDAP_MOD_ADD, KEY_RDN_TYPE, hex);
	changes_put_text(&changes, LDAP_MOD_ADD, schema->names[SCHEMA_CN],
	    add->title);
	changes_put_text(&changes, LDAP_MOD_ADD,
	    schema->names[SCHEMA_SSH_PUBLIC_KEY], line);
	if (add->key.expires > 0 && add->task.request.field_count == 0) {
		request_time_format(add->key.expires, until);
		changes_put_text(&changes, LDAP_MOD_ADD, expires, until);
	}
	if (code == EXIT_YES)
		code = request_dn(dn, KEY_RDN_TYPE, hex, add->task.entry.dn);
	if (code == EXIT_YES)
		code = directory_add(add->task.directory, dn, &changes, &entry);
	return code == EXIT_YES ? say(add, entry) : code;
}

static int
run(struct add *add)
{
	char hex[2 * SHA256_LEN + 1], line[KEY_WRITTEN_MAX + 1];
	int code;

	hex_encode(add->fingerprint, SHA256_LEN, hex);
	if (ssh_key_format_line(&add->key, line, sizeof(line)) == 0)
		return key_read_refuse(error_text(ENS_E_KEY_FORMAT));
	code = look_for_it(add, hex);
	return code == EXIT_YES ? put(add, hex, line) : code;
}

static int
check_title(const char *title)
{
	size_t len = strlen(title);

	if (len > 0 && len <= NAME_TEXT_MAX && text_is_printable(title) &&
	    strspn(title, " ") < len)
		return EXIT_YES;
	complain("a title has up to %d printable bytes, and not only blanks",
	    NAME_TEXT_MAX);
	return EXIT_USAGE;
}

/* The only field that is not in the key, or a word of its own. */
static const struct field *
expires_field(void)
{
	for (uint32_t i = 0; i < key_fields.count; i++)
		if (key_fields.rows[i].attribute == SCHEMA_EXPIRES)
			return &key_fields.rows[i];
	return NULL;
}

int
key_add(const struct context *context, int argc, char **argv)
{
	static struct field_table expires = { .count = 1 };
	static struct request_form form = { "key add", 2, 3, &expires, 0 };
	static struct add add; /* it is large, and there is one */
	int code;

	expires.rows = expires_field();
	code = task_begin(context, &form, argc, argv, ENTRY_ACCOUNT, &add.task);
	if (code == EXIT_YES) {
		add.title = add.task.request.words[1];
		code = check_title(add.title);
	}
	if (code == EXIT_YES)
		code = read_key(&add, add.task.request.words[2]);
	if (code == EXIT_YES)
		code = run(&add);
	task_finish(&add.task);
	return code;
}
