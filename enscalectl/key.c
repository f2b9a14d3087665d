/* enscalectl key, but for add: the keys of accounts. It refuses to delete one
 * of several that a title may mean. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/keys/fingerprint_text.h"
#include "common/names/login_name.h"
#include "enscalectl/key_list.h"
#include "enscalectl/output.h"
#include "enscalectl/records.h"
#include "enscalectl/task.h"

#define SENTENCE_MAX 1024

/* ---- list --------------------------------------------------------------- */

struct list {
	const struct schema *schema;
	uint32_t account; /* 0: of all */
	struct output output;
};

/* Whose it is, as far as the name of the entry says. */
static uint32_t
account_of(const struct list *list, const struct entry *entry)
{
	char value[NAME_TEXT_MAX + 1];
	uint32_t number;

	if (list->account != 0)
		return list->account;
	if (entry->kind == ENTRY_ACCOUNT)
		return entry->id;
	directory_parent_value(entry->dn,
	    list->schema->names[SCHEMA_ACCOUNT_ID], value);
	return parse_u32(value, ACCOUNT_ID_MAX, &number) == 0 ? number : 0;
}

static int
print_key(const struct entry_key *key, const struct entry *entry, void *arg)
{
	struct list *list = arg;

	if (entry->refused)
		complain("\"%s\" is refused by gateways: %s", entry->dn,
		    entry->reason);
	output_record(&list->output,
	    record_key(key, account_of(list, entry), entry, false));
	return EXIT_YES;
}

/* A key, or an account with keys of its own. */
static int
print_entry(const struct entry *entry, void *arg)
{
	if (entry->refused)
		return print_key(NULL, entry, arg);
	if (entry->kind == ENTRY_KEY)
		return print_key(&entry->key, entry, arg);
	for (uint32_t i = 0; i < entry->account.key_count; i++)
		(void)print_key(&entry->account.keys[i], entry, arg);
	return EXIT_YES;
}

static int
list_of_account(const struct request *request, struct directory *directory,
    struct list *list)
{
	struct directory_entry account = { .message = NULL };
	int code = request_number(request->words[0], ACCOUNT_ID_MAX,
	    "an account", &list->account);

	if (code == EXIT_YES)
		code = directory_find_named(directory, ENTRY_ACCOUNT,
		    request->words[0], &account);
	if (code == EXIT_YES)
		code = key_list_each(directory, &account, print_key, list);
	cleanup_directory_entry(&account);
	return code;
}

/* Fields are of entries; keys that are values of accounts have none. */
static int
list_of_all(const struct request *request, struct directory *directory,
    struct list *list)
{
	char keys[DIRECTORY_FILTER_MAX], filter[DIRECTORY_FILTER_MAX];
	int code = request_filter(request, ENTRY_KEY, keys), n;

	if (code != EXIT_YES)
		return code;
	if (request->field_count > 0)
		return directory_each(directory, NULL, 0, keys, print_entry,
		    list);
	n = snprintf(filter, sizeof(filter), "(|%s(%s=*))", keys,
	    list->schema->names[SCHEMA_SSH_PUBLIC_KEY]);
	return n < 0 || (size_t)n >= sizeof(filter)
	    ? EXIT_CANNOT_TELL
	    : directory_each(directory, NULL, 0, filter, print_entry, list);
}

int
key_list(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "key list", 0, 1, &key_fields,
		0 };
	AUTO(cleanup_directory) struct directory *directory = NULL;
	struct list list = { .schema = &context->config.schema };
	struct request request;
	int code = request_read(context, &form, argc, argv, &request);

	if (code == EXIT_YES && request.word_count > 0 &&
	    request.field_count > 0)
		return complain_usage(form.verb);
	if (code == EXIT_YES)
		code = request_open(&request, &directory);
	if (code != EXIT_YES)
		return code;
	output_begin(&list.output, request.json);
	code = request.word_count > 0
	    ? list_of_account(&request, directory, &list)
	    : list_of_all(&request, directory, &list);
	output_end(&list.output);
	return code;
}

/* ---- one key ------------------------------------------------------------ */

/* A verb of one key, begun: its account is read, and it is found. */
struct key_task {
	struct task task;
	struct directory_entry key;
	char dn[ENTRY_DN_MAX + 1]; /* of the entry that has it */
	bool on_account;           /* which is the account's */
	unsigned found;
};

static void
finish(struct key_task *task)
{
	cleanup_directory_entry(&task->key);
	task_finish(&task->task);
}

static bool
is_meant(const char *name, const struct entry_key *key)
{
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];

	if (key == NULL)
		return false;
	fingerprint_format_sha256(key->fingerprint, fingerprint);
	return strcmp(name, fingerprint) == 0 || strcmp(name, key->title) == 0;
}

static int
take_key(const struct entry_key *key, const struct entry *entry, void *arg)
{
	struct key_task *task = arg;

	if (!is_meant(task->task.request.words[1], key))
		return EXIT_YES;
	task->found++;
	task->on_account = entry->kind == ENTRY_ACCOUNT;
	snprintf(task->dn, sizeof(task->dn), "%s", entry->dn);
	return EXIT_YES;
}

static int
judge_found(struct key_task *task)
{
	const char *name = task->task.request.words[1];

	if (task->found == 1)
		return EXIT_YES;
	if (task->found == 0)
		complain("account %u has no key \"%s\": key list %u shows "
		         "those it has",
		    task->task.number, name, task->task.number);
	else
		complain("account %u has %u keys \"%s\": say which by its "
		         "fingerprint, SHA256:...",
		    task->task.number, task->found, name);
	return EXIT_NO;
}

static int
begin(const struct context *context, const struct request_form *form, int argc,
    char **argv, struct key_task *task)
{
	int code = task_begin(context, form, argc, argv, ENTRY_ACCOUNT,
	    &task->task);

	if (code == EXIT_YES)
		code = key_list_each(task->task.directory, &task->task.entry,
		    take_key, task);
	if (code == EXIT_YES)
		code = judge_found(task);
	if (code == EXIT_YES && !task->on_account)
		code = directory_find(task->task.directory, task->dn,
		    LDAP_SCOPE_BASE, "(objectClass=*)", &task->key);
	return code;
}

static int
say(const struct key_task *task, const struct entry *entry, bool gone,
    const char *what)
{
	const struct published wanted = { .entry = entry,
		.account = task->task.number,
		.gone = gone };

	return published_say(task->task.config, &wanted,
	    task->task.request.json, task->dn, "key \"%s\" of account %u %s",
	    task->task.request.words[1], task->task.number, what);
}

/* ---- show --------------------------------------------------------------- */

static int
show_key(const struct entry_key *key, const struct entry *entry, void *arg)
{
	struct key_task *task = arg;
	struct output output;

	if (!is_meant(task->task.request.words[1], key))
		return EXIT_YES;
	output_begin(&output, task->task.request.json);
	output_details(&output,
	    record_key(key, task->task.number, entry, false));
	output_end(&output);
	return EXIT_YES;
}

int
key_show(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "key show", 2, 2, NULL, 0 };
	AUTO(finish) struct key_task task = { .found = 0 };
	int code = begin(context, &form, argc, argv, &task);

	return code == EXIT_YES ? key_list_each(task.task.directory,
	                              &task.task.entry, show_key, &task)
	                        : code;
}

/* ---- expire, delete ----------------------------------------------------- */

static int
complain_value(const struct key_task *task)
{
	complain("the key is a value of \"%s\", not an entry: change that with "
	         "the tools of the directory",
	    task->dn);
	return EXIT_NO;
}

/* When it does: its text may have an expiry-time of its own, which counts when
 * it comes first. */
static int
say_expiry(struct key_task *task, const struct entry *entry, const char *asked)
{
	char time[REQUEST_TIME_SIZE], done[SENTENCE_MAX];

	request_time_format(entry->key.expires, time);
	if (strcmp(time, asked) != 0)
		complain("the key has an expiry-time of its own, in its text, "
		         "which comes first: without it, delete the key and "
		         "add it again");
	request_time_words(time, done, sizeof(done));
	return say(task, entry, false, done);
}

static int
run_expire(struct key_task *task)
{
	char time[REQUEST_TIME_SIZE];
	struct changes changes = { .count = 0 };
	const struct entry *entry;
	int code = request_time(task->task.request.words[2], time);

	changes_put_text(&changes, LDAP_MOD_REPLACE,
	    task->task.schema->names[SCHEMA_EXPIRES], time);
	if (code == EXIT_YES)
		code = directory_modify(task->task.directory, &task->key,
		    &changes, &entry);
	return code == EXIT_YES ? say_expiry(task, entry, time) : code;
}

int
key_expire(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "key expire", 3, 3, NULL, 0 };
	AUTO(finish) struct key_task task = { .found = 0 };
	int code = begin(context, &form, argc, argv, &task);

	if (code == EXIT_YES && task.on_account)
		return complain_value(&task);
	return code == EXIT_YES ? run_expire(&task) : code;
}

static int
run_delete(struct key_task *task)
{
	char fingerprint[FINGERPRINT_SHA256_TEXT_LEN + 1];
	char question[SENTENCE_MAX];
	int code;

	fingerprint_format_sha256(task->key.entry.key.fingerprint, fingerprint);
	snprintf(question, sizeof(question),
	    "Delete the key \"%s\" (%s) of account %u?",
	    task->key.entry.key.title, fingerprint, task->task.number);
	code = request_confirm(&task->task.request, question);
	if (code == EXIT_YES)
		code = directory_delete(task->task.directory, task->dn, NULL);
	return code == EXIT_YES ? say(task, &task->key.entry, true, "deleted")
	                        : code;
}

int
key_delete(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "key delete", 2, 2, NULL,
		REQUEST_YES };
	AUTO(finish) struct key_task task = { .found = 0 };
	int code = begin(context, &form, argc, argv, &task);

	if (code == EXIT_YES && task.on_account)
		return complain_value(&task);
	return code == EXIT_YES ? run_delete(&task) : code;
}
