/* enscalectl account, but for show: who may log in. It refuses to delete an
 * account that owns an environment. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "enscalectl/output.h"
#include "enscalectl/records.h"
#include "enscalectl/task.h"

#define SENTENCE_MAX 1024

/* ---- add ---------------------------------------------------------------- */

static int
put_new(struct task *task, const char *parent)
{
	const char *id = task->schema->names[SCHEMA_ACCOUNT_ID];
	struct changes changes = { .count = 0 };
	struct request_times times;
	const struct entry *entry;
	char dn[ENTRY_DN_MAX + 1];
	int code;

	changes_put_text(&changes, LDAP_MOD_ADD, "objectClass",
	    task->schema->names[SCHEMA_ACCOUNT]);
	changes_put_text(&changes, LDAP_MOD_ADD, id, task->name);
	code = request_put_fields(&task->request, &times, &changes);
	if (code == EXIT_YES)
		code = request_dn(dn, id, task->name, parent);
	if (code == EXIT_YES)
		code = directory_add(task->directory, dn, &changes, &entry);
	return code == EXIT_YES ? task_say(task, entry, "added", dn) : code;
}

static int
run_add(struct task *task)
{
	char parent[ENTRY_DN_MAX + 1];
	int code = task_is_new(task);

	if (code == EXIT_YES)
		code = request_parent(&task->request, "ou=accounts", parent);
	return code == EXIT_YES ? put_new(task, parent) : code;
}

int
account_add(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "account add", 1, 1,
		&account_fields, REQUEST_BELOW };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_open(context, &form, argc, argv, ENTRY_ACCOUNT, &task);

	return code == EXIT_YES ? run_add(&task) : code;
}

/* ---- list --------------------------------------------------------------- */

static int
print_account(const struct entry *entry, void *arg)
{
	struct request_listing *listing = arg;

	if (entry->refused)
		complain("\"%s\" is refused by gateways: %s", entry->dn,
		    entry->reason);
	output_record(&listing->output, record_account(entry, false));
	return EXIT_YES;
}

int
account_list(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "account list", 0, 0,
		&account_fields, 0 };

	return request_list(context, &form, argc, argv, ENTRY_ACCOUNT,
	    print_account);
}

/* ---- one attribute ------------------------------------------------------ */

static int
set_status(const struct context *context, int argc, char **argv,
    const struct request_form *form, enum account_status status,
    const char *done)
{
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_begin(context, form, argc, argv, ENTRY_ACCOUNT, &task);

	return code == EXIT_YES
	    ? task_set(&task, SCHEMA_STATUS, account_status_text(status), done)
	    : code;
}

int
account_suspend(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "account suspend", 1, 1, NULL,
		0 };

	return set_status(context, argc, argv, &form, ACCOUNT_SUSPENDED,
	    "suspended");
}

int
account_resume(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "account resume", 1, 1, NULL,
		0 };

	return set_status(context, argc, argv, &form, ACCOUNT_ACTIVE,
	    "resumed");
}

int
account_expire(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "account expire", 2, 2, NULL,
		0 };
	AUTO(task_finish) struct task task = { .number = 0 };
	char time[REQUEST_TIME_SIZE], done[SENTENCE_MAX];
	int code = task_begin(context, &form, argc, argv, ENTRY_ACCOUNT, &task);

	if (code == EXIT_YES)
		code = request_time(task.request.words[1], time);
	if (code != EXIT_YES)
		return code;
	request_time_words(time, done, sizeof(done));
	return task_set(&task, SCHEMA_EXPIRES, time, done);
}

int
account_limit(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "account limit", 2, 2, NULL,
		0 };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_begin(context, &form, argc, argv, ENTRY_ACCOUNT, &task);
	const char *limit = task.request.words[1];
	char done[SENTENCE_MAX];
	uint32_t number;

	if (code == EXIT_YES && strcmp(limit, "default") == 0)
		return task_set(&task, SCHEMA_MAX_SESSIONS, "",
		    "may have as many sessions as the gateway says");
	if (code == EXIT_YES)
		code = request_number(limit, SESSION_LIMIT_MAX, "sessions",
		    &number);
	if (code != EXIT_YES)
		return code;
	snprintf(done, sizeof(done), "may have %u session%s at one time",
	    number, number == 1 ? "" : "s");
	return task_set(&task, SCHEMA_MAX_SESSIONS, limit, done);
}

/* ---- delete ------------------------------------------------------------- */

struct owned {
	char names[SENTENCE_MAX];
	unsigned count;
};

static int
count_owned(const struct entry *entry, void *arg)
{
	struct owned *owned = arg;
	size_t used = strlen(owned->names);

	snprintf(owned->names + used, sizeof(owned->names) - used, "%s%s",
	    used > 0 ? ", " : "",
	    entry->refused ? entry->dn : entry->environment.name);
	owned->count++;
	return EXIT_YES;
}

static int
find_environments(struct task *task, enum schema_name list,
    struct owned *ret_owned)
{
	char filter[DIRECTORY_FILTER_MAX] = "", own[DIRECTORY_FILTER_MAX];

	directory_filter(task->config, ENTRY_ENVIRONMENT, NULL, NULL, own);
	directory_filter_add(filter, "(&%s(|", own);
	if (!directory_filter_member(filter, task->config, list, task->name,
	        &task->entry)) {
		complain("account %u has too many names to look for",
		    task->number);
		return EXIT_CANNOT_TELL;
	}
	directory_filter_add(filter, "))");
	return directory_each(task->directory, NULL, 0, filter, count_owned,
	    ret_owned);
}

/* Its number is never given again, so that a row of access that names it
 * opens nothing; but an owner is asked for by people, and a DN or a name that a
 * group still lists lets in whoever has it next. */
static int
check_unused(struct task *task)
{
	struct owned owned = { .count = 0 }, shared = { .count = 0 };
	int code = find_environments(task, SCHEMA_OWNER, &owned);

	if (code == EXIT_YES && owned.count > 0) {
		complain("account %u owns %s: give them to another one with "
		         "environment owner, or delete them first",
		    task->number, owned.names);
		return EXIT_NO;
	}
	if (code == EXIT_YES)
		code = find_environments(task, SCHEMA_FULL_ACCESS, &shared);
	if (code == EXIT_YES)
		code = find_environments(task, SCHEMA_LIMITED_ACCESS, &shared);
	if (code == EXIT_YES && shared.count > 0) {
		complain("account %u has access to %s: take it away with "
		         "environment unshare first",
		    task->number, shared.names);
		return EXIT_NO;
	}
	return code;
}

static int
run_delete(struct task *task)
{
	const struct entry *entry = &task->entry.entry;
	char question[SENTENCE_MAX];
	int code = check_unused(task);

	if (code != EXIT_YES)
		return code;
	snprintf(question, sizeof(question),
	    "Delete account %u (%s) with its keys, for good?", task->number,
	    entry->refused ? "refused by gateways" : entry->account.name);
	return task_delete(task, question);
}

int
account_delete(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "account delete", 1, 1, NULL,
		REQUEST_YES };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_begin(context, &form, argc, argv, ENTRY_ACCOUNT, &task);

	return code == EXIT_YES ? run_delete(&task) : code;
}
