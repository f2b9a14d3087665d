/* enscalectl node, but for enrol: the hosts that users enter. It refuses to
 * store a host key that nobody has looked at. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "enscalectl/host_keys.h"
#include "enscalectl/output.h"
#include "enscalectl/records.h"
#include "enscalectl/task.h"

#define WORDS_MAX 512

/* Large, and there is one. */
static struct host_keys host_keys;

/* ---- host keys ---------------------------------------------------------- */

/* What a scan has found is shown before it is believed. */
static int
confirm_scan(const struct request *request, const char *address)
{
	char question[WORDS_MAX];

	fflush(stdout);
	fprintf(stderr,
	    "%s showed these host keys, which do not prove that it is the "
	    "node:\n",
	    address);
	host_keys_print(stderr, &host_keys);
	snprintf(question, sizeof(question),
	    "Store them as the host keys of node %s?", request->words[0]);
	return request_confirm(request, question);
}

static int
scan(const struct request *request, const char *address, uint16_t port)
{
	int code = host_keys_scan(address, port, &host_keys);

	return code == EXIT_YES ? confirm_scan(request, address) : code;
}

static void
put_host_keys(const struct task *task, int op, struct changes *changes)
{
	changes_put(changes, op, task->schema->names[SCHEMA_HOST_KEY],
	    host_keys.values, host_keys.count);
}

static int
run_hostkey(struct task *task)
{
	const struct entry *node = &task->entry.entry;
	struct changes changes = { .count = 0 };
	char done[WORDS_MAX];
	const struct entry *entry;
	int code;

	if (task->request.scan && node->refused) {
		complain("\"%s\" has no address to scan: %s", node->dn,
		    node->reason);
		return EXIT_NO;
	}
	code = task->request.scan
	    ? scan(&task->request, node->node.address, node->node.port)
	    : host_keys_read(task->request.words[1], &host_keys);
	if (code == EXIT_YES) {
		put_host_keys(task, LDAP_MOD_REPLACE, &changes);
		code = directory_modify(task->directory, &task->entry, &changes,
		    &entry);
	}
	if (code != EXIT_YES)
		return code;
	if (!task->request.json && !task->request.scan)
		host_keys_print(stdout, &host_keys);
	snprintf(done, sizeof(done), "has %u host key%s", host_keys.count,
	    host_keys.count == 1 ? "" : "s");
	return task_say(task, entry, done, task->entry.dn);
}

int
node_hostkey(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "node hostkey", 1, 2, NULL,
		REQUEST_SCAN | REQUEST_YES };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_begin(context, &form, argc, argv, ENTRY_NODE, &task);

	if (code == EXIT_YES &&
	    task.request.scan == (task.request.word_count == 2))
		return complain_usage(form.verb);
	return code == EXIT_YES ? run_hostkey(&task) : code;
}

/* ---- add ---------------------------------------------------------------- */

static void
add_names(const struct task *task, struct changes *changes)
{
	changes_put_text(changes, LDAP_MOD_ADD, "objectClass",
	    task->schema->names[SCHEMA_NODE]);
	changes_put_text(changes, LDAP_MOD_ADD,
	    task->schema->names[SCHEMA_NODE_ID], task->request.words[0]);
}

/* The entry without its host keys is judged first: nobody is asked to look at
 * the keys of what would be refused. */
static int
scan_new(struct task *task, const char *dn, struct changes *changes)
{
	const struct entry *entry;
	char address[ADDRESS_TEXT_MAX + 1];
	int code = directory_judge(task->directory, dn, NULL, 0, changes,
	    &entry);

	if (code != EXIT_YES)
		return code;
	snprintf(address, sizeof(address), "%s", entry->node.address);
	code = scan(&task->request, address, entry->node.port);
	if (code == EXIT_YES)
		put_host_keys(task, LDAP_MOD_ADD, changes);
	return code;
}

static int
put_new(struct task *task, const char *parent)
{
	const char *id = task->schema->names[SCHEMA_NODE_ID];
	struct changes changes = { .count = 0 };
	struct request_times times;
	const struct entry *entry;
	char dn[ENTRY_DN_MAX + 1];
	int code = request_put_fields(&task->request, &times, &changes);

	add_names(task, &changes);
	if (code == EXIT_YES)
		code = request_dn(dn, id, task->request.words[0], parent);
	if (code == EXIT_YES && task->request.scan)
		code = scan_new(task, dn, &changes);
	if (code == EXIT_YES)
		code = directory_add(task->directory, dn, &changes, &entry);
	if (code == EXIT_YES)
		code = task_say(task, entry, "added", dn);
	fflush(stdout);
	if (code == EXIT_YES && !task->request.scan)
		complain("nobody can enter it before node hostkey %u has given "
		         "it a host key",
		    task->number);
	return code;
}

/* Its DN and the name that it has there; the entry is the caller's. */
static int
find_environment(struct task *task, struct directory_entry *ret_environment)
{
	int code = directory_find_named(task->directory, ENTRY_ENVIRONMENT,
	    task->request.words[1], ret_environment);

	if (code == EXIT_YES)
		snprintf(task->environment, sizeof(task->environment), "%s",
		    ret_environment->entry.refused
		        ? task->request.words[1]
		        : ret_environment->entry.environment.name);
	return code;
}

int
node_add(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "node add", 2, 2,
		&node_fields, REQUEST_SCAN | REQUEST_YES };
	struct directory_entry environment = { .message = NULL };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_open(context, &form, argc, argv, ENTRY_NODE, &task);

	if (code == EXIT_YES)
		code = task_is_new(&task);
	if (code == EXIT_YES)
		code = find_environment(&task, &environment);
	if (code == EXIT_YES)
		code = put_new(&task, environment.dn);
	cleanup_directory_entry(&environment);
	return code;
}

/* ---- list, show --------------------------------------------------------- */

static int
print_node(const struct entry *entry, void *arg)
{
	struct request_listing *listing = arg;
	char environment[NAME_TEXT_MAX + 1];

	if (entry->refused)
		complain("\"%s\" is refused by gateways: %s", entry->dn,
		    entry->reason);
	directory_parent_value(entry->dn, listing->schema->names[SCHEMA_CN],
	    environment);
	output_record(&listing->output, record_node(entry, environment, false));
	return EXIT_YES;
}

int
node_list(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "node list", 0, 0,
		&node_fields, 0 };

	return request_list(context, &form, argc, argv, ENTRY_NODE, print_node);
}

int
node_show(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "node show", 1, 1, NULL, 0 };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_begin(context, &form, argc, argv, ENTRY_NODE, &task);
	struct output output;

	if (code != EXIT_YES)
		return code;
	output_begin(&output, task.request.json);
	output_details(&output,
	    record_node(&task.entry.entry, task.environment, false));
	output_end(&output);
	return code;
}

/* ---- state, move, delete ------------------------------------------------ */

int
node_state(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "node state", 2, 2, NULL, 0 };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_begin(context, &form, argc, argv, ENTRY_NODE, &task);

	return code == EXIT_YES ? task_set_state(&task) : code;
}

static int
run_move(struct task *task, const struct directory_entry *environment)
{
	char dn[ENTRY_DN_MAX + 1], done[WORDS_MAX];
	int code;

	if (directory_is_right_below(task->entry.dn, environment->dn)) {
		complain("node %u is in environment %s already", task->number,
		    task->environment);
		return EXIT_NO;
	}
	code = request_dn(dn, task->schema->names[SCHEMA_NODE_ID],
	    task->request.words[0], environment->dn);
	if (code == EXIT_YES)
		code = directory_move(task->directory, task->entry.dn,
		    environment->dn);
	if (code != EXIT_YES)
		return code;
	snprintf(done, sizeof(done), "is in environment %s", task->environment);
	return task_say(task, &task->entry.entry, done, dn);
}

int
node_move(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "node move", 2, 2, NULL, 0 };
	struct directory_entry environment = { .message = NULL };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_begin(context, &form, argc, argv, ENTRY_NODE, &task);

	if (code == EXIT_YES)
		code = find_environment(&task, &environment);
	if (code == EXIT_YES)
		code = run_move(&task, &environment);
	cleanup_directory_entry(&environment);
	return code;
}

int
node_delete(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "node delete", 1, 1, NULL,
		REQUEST_YES };
	AUTO(task_finish) struct task task = { .number = 0 };
	int code = task_begin(context, &form, argc, argv, ENTRY_NODE, &task);
	char question[WORDS_MAX];

	if (code != EXIT_YES)
		return code;
	snprintf(question, sizeof(question),
	    "Delete node %u of environment %s, for good?", task.number,
	    task.environment);
	return task_delete(&task, question);
}
