/* See task.h. It refuses to delete what nobody has agreed to. */
#include <config.h>

#include "enscalectl/task.h"

#include <string.h>

/* "is running": what is said of a state, as long as it may be. */
#define DONE_MAX 128

static uint32_t
number_max(enum entry_kind kind)
{
	return kind == ENTRY_ACCOUNT ? ACCOUNT_ID_MAX : NODE_ID_MAX;
}

int
task_open(const struct context *context, const struct request_form *form,
    int argc, char **argv, enum entry_kind kind, struct task *task)
{
	int code = request_read(context, form, argc, argv, &task->request);

	task->config = &context->config;
	task->schema = &context->config.schema;
	task->kind = kind;
	task->name = task->request.words[0];
	if (code == EXIT_YES && kind != ENTRY_ENVIRONMENT)
		code = request_number(task->name, number_max(kind),
		    kind == ENTRY_ACCOUNT ? "an account" : "a node",
		    &task->number);
	return code == EXIT_YES ? request_open(&task->request, &task->directory)
	                        : code;
}

int
task_begin(const struct context *context, const struct request_form *form,
    int argc, char **argv, enum entry_kind kind, struct task *task)
{
	int code = task_open(context, form, argc, argv, kind, task);

	if (code == EXIT_YES)
		code = directory_find_named(task->directory, kind, task->name,
		    &task->entry);
	if (code == EXIT_YES && kind == ENTRY_NODE)
		directory_parent_value(task->entry.dn,
		    task->schema->names[SCHEMA_CN], task->environment);
	return code;
}

int
task_is_new(struct task *task)
{
	int code = directory_find_named_quietly(task->directory, task->kind,
	    task->name, &task->entry);

	if (code != EXIT_YES)
		return code == EXIT_NO ? EXIT_YES : code;
	complain("%s %s exists already: \"%s\"", entry_kind_text(task->kind),
	    task->name, task->entry.dn);
	return EXIT_NO;
}

void
task_finish(struct task *task)
{
	cleanup_directory_entry(&task->entry);
	cleanup_directory_entry(&task->account);
	directory_close(task->directory);
}

static int
say(const struct task *task, const struct entry *entry, bool gone,
    const char *what, const char *dn)
{
	const struct published wanted = { .entry = entry,
		.environment = task->environment,
		.member = task->member,
		.role = task->role,
		.gone = gone };

	if (!gone && entry->refused) {
		complain("\"%s\" %s, and gateways refuse it: %s", dn, what,
		    entry->reason);
		return EXIT_NO;
	}
	return published_say(task->config, &wanted, task->request.json, dn,
	    "%s %s %s", entry_kind_text(task->kind), task->name, what);
}

int
task_say(const struct task *task, const struct entry *entry, const char *what,
    const char *dn)
{
	return say(task, entry, false, what, dn);
}

int
task_set(struct task *task, enum schema_name attribute, const char *value,
    const char *what)
{
	struct changes changes = { .count = 0 };
	const struct entry *entry;
	int code;

	changes_put_text(&changes, LDAP_MOD_REPLACE,
	    task->schema->names[attribute], value);
	code = directory_modify(task->directory, &task->entry, &changes,
	    &entry);
	return code == EXIT_YES ? task_say(task, entry, what, task->entry.dn)
	                        : code;
}

int
task_set_state(struct task *task)
{
	const char *state = task->request.words[1];
	char done[DONE_MAX];

	snprintf(done, sizeof(done), "is %s", state);
	return task_set(task, SCHEMA_STATE, state, done);
}

int
task_delete(struct task *task, const char *question)
{
	/* What goes with an entry of that kind. */
	static const enum schema_name below[] = {
		[ENTRY_ACCOUNT] = SCHEMA_KEY,
		[ENTRY_ENVIRONMENT] = SCHEMA_NODE,
		[ENTRY_NODE] = SCHEMA_COUNT,
	};
	enum schema_name goes = below[task->kind];
	struct entry *entry = &task->entry.entry;
	int code = request_confirm(&task->request, question);

	if (code == EXIT_YES)
		code = directory_delete(task->directory, task->entry.dn,
		    goes != SCHEMA_COUNT ? task->schema->names[goes] : NULL);
	/* Also of one that gateways refused. */
	entry->kind = task->kind;
	entry->id = task->number;
	if (task->kind == ENTRY_ENVIRONMENT)
		entry->environment.name = task->name;
	return code == EXIT_YES
	    ? say(task, entry, true, "deleted", task->entry.dn)
	    : code;
}
