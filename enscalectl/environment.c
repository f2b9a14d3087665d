/* enscalectl environment: groups of nodes, whose they are and who may enter
 * them. It refuses an owner or a collaborator that is no account. */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/output.h"
#include "enscalectl/records.h"
#include "enscalectl/task.h"

#define SENTENCE_MAX 1024
/* Values that stand for one account, in one list; the last is a new one. */
#define LISTED_MAX ((CHANGES_VALUES_MAX - 1) / 2)

static int
modify(struct task *task, struct changes *changes, const char *done)
{
	const struct entry *entry;
	int code = directory_modify(task->directory, &task->entry, changes,
	    &entry);

	return code == EXIT_YES ? task_say(task, entry, done, task->entry.dn)
	                        : code;
}

/* Whatever gateways say of its entry, an account has the number that was said.
 * EXIT_NO, without a complaint: it is not there (any longer). */
static int
find_account(struct task *task, const char *text)
{
	struct entry *account = &task->account.entry;
	int code = request_number(text, ACCOUNT_ID_MAX, "an account",
	    &task->member);

	if (code == EXIT_YES)
		code = directory_find_named_quietly(task->directory,
		    ENTRY_ACCOUNT, text, &task->account);
	account->kind = ENTRY_ACCOUNT;
	account->id = task->member;
	if (account->dn == NULL)
		account->dn = "";
	return code;
}

/* A number that is no account's, as of a typing error, would own it unseen. */
static int
check_account(struct task *task, const char *text)
{
	int code = find_account(task, text);

	if (code == EXIT_NO)
		directory_complain_of_none(task->directory, ENTRY_ACCOUNT,
		    text);
	return code;
}

/* ---- add ---------------------------------------------------------------- */

static int
put_new(struct task *task)
{
	const char *cn = task->schema->names[SCHEMA_CN];
	struct changes changes = { .count = 0 };
	char parent[ENTRY_DN_MAX + 1], dn[ENTRY_DN_MAX + 1];
	struct request_times times;
	const struct entry *entry;
	int code = request_put_fields(&task->request, &times, &changes);

	changes_put_text(&changes, LDAP_MOD_ADD, "objectClass",
	    task->schema->names[SCHEMA_ENVIRONMENT]);
	changes_put_text(&changes, LDAP_MOD_ADD, cn, task->name);
	if (code == EXIT_YES)
		code = request_parent(&task->request, "ou=environments",
		    parent);
	if (code == EXIT_YES)
		code = request_dn(dn, cn, task->name, parent);
	if (code == EXIT_YES)
		code = directory_add(task->directory, dn, &changes, &entry);
	return code == EXIT_YES ? task_say(task, entry, "added", dn) : code;
}

static int
check_owner(struct task *task)
{
	const struct request *request = &task->request;
	int code = EXIT_YES;

	for (uint32_t i = 0; i < request->field_count && code == EXIT_YES; i++)
		if (request->fields[i].field->attribute == SCHEMA_OWNER)
			code = check_account(task, request->fields[i].value);
	task->role = ROLE_OWNER;
	return code;
}

static int
run_add(struct task *task)
{
	int code = request_environment(task->name);

	if (code == EXIT_YES)
		code = task_is_new(task);
	if (code == EXIT_YES)
		code = check_owner(task);
	return code == EXIT_YES ? put_new(task) : code;
}

/* Its name is a word of its own. */
static const struct field_table *
fields_but_name(void)
{
	static struct field rows[REQUEST_FIELDS_MAX];
	static struct field_table table = { .rows = rows };

	table.count = 0;
	for (uint32_t i = 0; i < environment_fields.count; i++)
		if (environment_fields.rows[i].attribute != SCHEMA_CN &&
		    table.count < REQUEST_FIELDS_MAX)
			rows[table.count++] = environment_fields.rows[i];
	return &table;
}

int
environment_add(const struct context *context, int argc, char **argv)
{
	const struct request_form form = { "environment add", 1, 1,
		fields_but_name(), REQUEST_BELOW };
	AUTO(task_finish) struct task task = { .name = NULL };
	int code = task_open(context, &form, argc, argv, ENTRY_ENVIRONMENT,
	    &task);

	return code == EXIT_YES ? run_add(&task) : code;
}

/* ---- list, show --------------------------------------------------------- */

static int
print_environment(const struct entry *entry, void *arg)
{
	struct request_listing *listing = arg;

	if (entry->refused)
		complain("\"%s\" is refused by gateways: %s", entry->dn,
		    entry->reason);
	output_record(&listing->output, record_environment(entry, false));
	return EXIT_YES;
}

int
environment_list(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "environment list", 0, 0,
		&environment_fields, 0 };

	return request_list(context, &form, argc, argv, ENTRY_ENVIRONMENT,
	    print_environment);
}

/* Output, and where its nodes are. */
struct show {
	struct output output;
	const struct task *task;
};

static int
show_node(const struct entry *entry, void *arg)
{
	struct show *show = arg;

	output_record(&show->output,
	    record_node(entry, show->task->name, true));
	return EXIT_YES;
}

/* Whom a list of somebody else's groups names: as it does. */
static void
show_names(struct output *output, const struct task *task,
    const struct access *access)
{
	const char *name = task->schema->names[access->attribute];
	const struct entry_attribute *attribute = directory_attribute(
	    &task->entry, name);
	uint32_t count = attribute != NULL ? attribute->value_count : 0;

	if (strcmp(name, schema_names[access->attribute]) == 0)
		return;
	for (uint32_t i = 0; i < count; i++) {
		const struct berval *value = &attribute->values[i];

		if (strspn(value->bv_val, "0123456789") == value->bv_len)
			continue;
		output_record(output,
		    json_pack("{s:s, s:s, s:o}", "kind", "name", "role",
		        environment_role_text(access->role), "name",
		        output_text(value->bv_val)));
	}
}

static bool
lists_names(const struct entry *environment)
{
	uint32_t count = environment->environment.member_count;

	/* They come last. */
	return !environment->refused && count > 0 &&
	    environment->environment.members[count - 1].account == 0;
}

int
environment_show(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "environment show", 1, 1,
		NULL, 0 };
	AUTO(task_finish) struct task task = { .name = NULL };
	struct show show = { .task = &task };
	char filter[DIRECTORY_FILTER_MAX];
	int code = task_begin(context, &form, argc, argv, ENTRY_ENVIRONMENT,
	    &task);

	if (code != EXIT_YES)
		return code;
	output_begin(&show.output, task.request.json);
	output_details(&show.output,
	    record_environment(&task.entry.entry, true));
	if (lists_names(&task.entry.entry)) {
		output_title(&show.output, "access by name");
		for (int i = 0; i < ACCESS_ROWS; i++)
			show_names(&show.output, &task, &access_rows[i]);
	}
	output_title(&show.output, "nodes");
	directory_filter(&context->config, ENTRY_NODE, NULL, NULL, filter);
	code = directory_each(task.directory, task.entry.dn,
	    LDAP_SCOPE_ONELEVEL, filter, show_node, &show);
	output_end(&show.output);
	return code;
}

/* ---- state, owner ------------------------------------------------------- */

int
environment_state(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "environment state", 2, 2,
		NULL, 0 };
	AUTO(task_finish) struct task task = { .name = NULL };
	int code = task_begin(context, &form, argc, argv, ENTRY_ENVIRONMENT,
	    &task);

	return code == EXIT_YES ? task_set_state(&task) : code;
}

/* Adds the values of a list that stand for the account to those that are to
 * go. */
static int
find_values(struct task *task, enum schema_name list, struct berval *values,
    uint32_t *count)
{
	const struct entry_attribute *attribute = directory_attribute(
	    &task->entry, task->schema->names[list]);
	int r;

	for (uint32_t i = 0; attribute != NULL && i < attribute->value_count;
	     i++) {
		r = entry_check_member(task->schema, list,
		    &attribute->values[i], &task->account.entry);
		if (r == ENS_E_NOTFOUND)
			continue;
		if (r == 0 && *count == LISTED_MAX)
			r = ENS_E_LIMIT;
		if (r != 0) {
			complain("environment %s: %s: %s", task->name,
			    task->schema->names[list], error_text(r));
			return EXIT_CANNOT_TELL;
		}
		values[(*count)++] = attribute->values[i];
	}
	return EXIT_YES;
}

/* Takes the account's values away wherever they are: its number, its DN and its
 * names. */
static int
take_away(struct task *task, struct changes *changes, uint32_t *ret_taken)
{
	static const enum schema_name lists[] = { SCHEMA_FULL_ACCESS,
		SCHEMA_LIMITED_ACCESS };
	struct berval values[LISTED_MAX];
	uint32_t taken = 0, count;
	int code = EXIT_YES;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		count = 0;
		/* One attribute may be both lists. */
		if (i > 0 &&
		    strcasecmp(task->schema->names[lists[0]],
		        task->schema->names[lists[i]]) == 0)
			break;
		code = find_values(task, lists[i], values, &count);
		if (code != EXIT_YES)
			return code;
		if (count > 0)
			changes_put(changes, LDAP_MOD_DELETE,
			    task->schema->names[lists[i]], values, count);
		taken += count;
	}
	*ret_taken = taken;
	return code;
}

int
environment_owner(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "environment owner", 2, 2,
		NULL, 0 };
	AUTO(task_finish) struct task task = { .name = NULL };
	int code = task_begin(context, &form, argc, argv, ENTRY_ENVIRONMENT,
	    &task);
	const char *account = task.request.words[1];
	struct changes changes = { .count = 0 };
	char done[SENTENCE_MAX];
	uint32_t taken;

	if (code == EXIT_YES)
		code = check_account(&task, account);
	if (code != EXIT_YES)
		return code;
	changes_put_text(&changes, LDAP_MOD_REPLACE,
	    task.schema->names[SCHEMA_OWNER], account);
	code = take_away(&task, &changes, &taken);
	if (code != EXIT_YES)
		return code;
	task.role = ROLE_OWNER;
	snprintf(done, sizeof(done), "is owned by account %s", account);
	return modify(&task, &changes, done);
}

/* ---- share, unshare ----------------------------------------------------- */

/* NULL, with a complaint: it is no access that can be given. */
static const struct access *
find_access(const char *word)
{
	for (int i = 0; i < ACCESS_ROWS; i++)
		if (access_rows[i].role != ROLE_OWNER &&
		    strcmp(access_rows[i].word, word) == 0)
			return &access_rows[i];
	complain("\"%s\" is not a kind of access: want full or limited", word);
	return NULL;
}

static bool
is_owner(const struct task *task, const char *account)
{
	char owner[16];

	snprintf(owner, sizeof(owner), "%u",
	    task->entry.entry.refused ? 0
	                              : task->entry.entry.environment.owner);
	if (strcmp(owner, account) != 0)
		return false;
	complain("account %s owns %s: environment owner gives it to another "
	         "one",
	    account, task->name);
	return true;
}

static int
run_share(struct task *task)
{
	const char *account = task->request.words[1];
	const struct access *access = find_access(task->request.words[2]);
	struct changes changes = { .count = 0 };
	char done[SENTENCE_MAX];
	uint32_t taken;
	int code = access != NULL ? check_account(task, account) : EXIT_USAGE;

	if (code == EXIT_YES && is_owner(task, account))
		code = EXIT_NO;
	if (code == EXIT_YES)
		code = take_away(task, &changes, &taken);
	if (code != EXIT_YES)
		return code;
	task->role = access->role;
	changes_put_text(&changes, LDAP_MOD_ADD,
	    task->schema->names[access->attribute], account);
	snprintf(done, sizeof(done), "gives account %s %s access", account,
	    access->word);
	return modify(task, &changes, done);
}

int
environment_share(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "environment share", 3, 3,
		NULL, 0 };
	AUTO(task_finish) struct task task = { .name = NULL };
	int code = task_begin(context, &form, argc, argv, ENTRY_ENVIRONMENT,
	    &task);

	return code == EXIT_YES ? run_share(&task) : code;
}

static int
run_unshare(struct task *task)
{
	const char *account = task->request.words[1];
	struct changes changes = { .count = 0 };
	char done[SENTENCE_MAX];
	uint32_t taken;
	int code;

	if (is_owner(task, account))
		return EXIT_NO;
	code = find_account(task, account);
	if (code == EXIT_YES || code == EXIT_NO)
		code = take_away(task, &changes, &taken);
	if (code != EXIT_YES)
		return code;
	if (taken == 0) {
		complain("environment %s gives account %s no access",
		    task->name, account);
		return EXIT_NO;
	}
	task->role = ROLE_NONE;
	snprintf(done, sizeof(done), "no longer gives account %s access",
	    account);
	return modify(task, &changes, done);
}

int
environment_unshare(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "environment unshare", 2, 2,
		NULL, 0 };
	AUTO(task_finish) struct task task = { .name = NULL };
	int code = task_begin(context, &form, argc, argv, ENTRY_ENVIRONMENT,
	    &task);

	return code == EXIT_YES ? run_unshare(&task) : code;
}

/* ---- delete ------------------------------------------------------------- */

static int
count_node(const struct entry *entry, void *arg)
{
	unsigned *count = arg;

	(void)entry;
	++*count;
	return EXIT_YES;
}

static int
run_delete(struct task *task)
{
	char question[SENTENCE_MAX], filter[DIRECTORY_FILTER_MAX];
	unsigned nodes = 0;
	int code;

	directory_filter(task->config, ENTRY_NODE, NULL, NULL, filter);
	code = directory_each(task->directory, task->entry.dn,
	    LDAP_SCOPE_ONELEVEL, filter, count_node, &nodes);
	if (code != EXIT_YES)
		return code;
	snprintf(question, sizeof(question),
	    "Delete environment %s with its %u node%s, for good?", task->name,
	    nodes, nodes == 1 ? "" : "s");
	return task_delete(task, question);
}

int
environment_delete(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "environment delete", 1, 1,
		NULL, REQUEST_YES };
	AUTO(task_finish) struct task task = { .name = NULL };
	int code = task_begin(context, &form, argc, argv, ENTRY_ENVIRONMENT,
	    &task);

	return code == EXIT_YES ? run_delete(&task) : code;
}
