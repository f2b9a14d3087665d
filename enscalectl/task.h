/* A verb of one account, environment or node, from its command line to the
 * entry in the directory: what those verbs have in common. */
#ifndef ENSCALECTL_TASK_H
#define ENSCALECTL_TASK_H

#include "enscalectl/published.h"
#include "enscalectl/request.h"

struct task {
	struct request request;
	const struct config *config;
	const struct schema *schema;
	struct directory *directory;
	enum entry_kind kind;
	const char *name; /* as it was said: the first word */
	uint32_t number;  /* the same, of an account or a node */
	struct directory_entry entry;
	char environment[NAME_TEXT_MAX + 1]; /* of a node: where it is */
	/* Of an environment: whose right is changed, and what it is then. */
	struct directory_entry account;
	uint32_t member;
	enum environment_role role;
};

/* Begins as zeroes. Takes the command line and opens the directory. Complains;
 * an exit code, as all of them. */
int task_open(const struct context *context, const struct request_form *form,
    int argc, char **argv, enum entry_kind kind, struct task *task);
/* The same, and reads the entry, which has to be there. */
int task_begin(const struct context *context, const struct request_form *form,
    int argc, char **argv, enum entry_kind kind, struct task *task);
/* Is no entry of that name there? EXIT_NO, with a complaint: there is. */
int task_is_new(struct task *task);
/* In whatever state; for the cleanup attribute. */
void task_finish(struct task *task);

/* Says what was done, and waits for this gateway: "account 25880 suspended". */
int task_say(const struct task *task, const struct entry *entry,
    const char *what, const char *dn);
/* Replaces the values of one attribute, and says so. "": there is none any
 * more. */
int task_set(struct task *task, enum schema_name attribute, const char *value,
    const char *what);
/* Of an environment or a node: sets the state that the second word is. */
int task_set_state(struct task *task);
/* Asks the question, deletes the entry with all below it, and says so. */
int task_delete(struct task *task, const char *question);

#endif
