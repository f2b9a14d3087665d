/*
 * The command line of a verb that asks or changes the directory: some words,
 * then FIELD=VALUE for fields of a kind (common/view/fields.h), and options,
 * which may stand anywhere.
 */
#ifndef ENSCALECTL_REQUEST_H
#define ENSCALECTL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/view/fields.h"
#include "enscalectl/changes.h"
#include "enscalectl/directory.h"
#include "enscalectl/output.h"
#include "enscalectl/verb.h"

#define REQUEST_WORDS_MAX  4
#define REQUEST_FIELDS_MAX 16

/* What a verb takes beside --uri, --bind-dn, --password-file and --json. */
#define REQUEST_BELOW 0x1U
#define REQUEST_YES   0x2U
#define REQUEST_SCAN  0x4U
#define REQUEST_LOCAL 0x8U /* none of those but --json */
/* --dry-run, --strict, --authorized-keys */
#define REQUEST_IMPORT 0x10U

struct request_form {
	const char *verb;
	int least, most;                  /* words */
	const struct field_table *fields; /* NULL: none */
	unsigned options;
};

struct request_field {
	const struct field *field;
	const char *value;
};

struct request {
	const struct context *context;
	const struct request_form *form;
	struct directory_identity identity;
	const char *below;       /* NULL: not said */
	const char *keys_folder; /* --authorized-keys; NULL: not said */
	bool json, yes, scan, dry_run, strict;
	const char *words[REQUEST_WORDS_MAX];
	int word_count;
	struct request_field fields[REQUEST_FIELDS_MAX];
	uint32_t field_count;
};

/* Everything is borrowed. Complains; an exit code. */
int request_read(const struct context *context, const struct request_form *form,
    int argc, char **argv, struct request *ret_request);
int request_open(const struct request *request,
    struct directory **ret_directory);

/* A number of an account or a node, in the one form that it has. Complains; an
 * exit code. */
int request_number(const char *text, uint32_t max, const char *what,
    uint32_t *ret_number);
/* The name of an environment that is to be made: it is in host names. */
int request_environment(const char *text);
/* "2027-01-31", "2027-01-31T12:00:00Z" (or +01:00), "+30d" (d, h, m), "never"
 * as a directory has it, "" for never. Complains; an exit code. */
#define REQUEST_TIME_SIZE 24
int request_time(const char *text, char ret_time[REQUEST_TIME_SIZE]);
/* A moment of them; "" for one that no calendar has. */
void request_time_format(int64_t time, char ret_time[REQUEST_TIME_SIZE]);
/* "expires 2027-01-31T12:00:00Z", "has expired, on ...", "does not expire" of
 * one of those. */
void request_time_words(const char *time, char *buf, size_t size);

/* Where new entries of a kind are: --below, the base where all are right below
 * it, else usual, as "ou=accounts", there. Complains; an exit code. */
int request_parent(const struct request *request, const char *usual,
    char ret_dn[ENTRY_DN_MAX + 1]);
/* "ATTRIBUTE=VALUE,PARENT"; the value needs no escaping. Likewise. */
int request_dn(char ret_dn[ENTRY_DN_MAX + 1], const char *attribute,
    const char *value, const char *parent);

/* What each visit of a list gets. */
struct request_listing {
	const struct schema *schema;
	struct output output;
};
/* A verb that lists what the fields find: visit gets a request_listing. */
int request_list(const struct context *context, const struct request_form *form,
    int argc, char **argv, enum entry_kind kind, directory_visit *visit);

/* What field values there are to be put into an entry; times are in memory of
 * the request's. Complains; an exit code. */
struct request_times {
	char each[REQUEST_FIELDS_MAX][REQUEST_TIME_SIZE];
};
int request_put_fields(const struct request *request,
    struct request_times *times, struct changes *changes);
/* The filter that they are for a list. */
int request_filter(const struct request *request, enum entry_kind kind,
    char buf[DIRECTORY_FILTER_MAX]);

/* The name of a field in JSON: as the attribute of our schema without
 * "enscale", in small letters with "_". */
#define REQUEST_NAME_MAX 64
void request_field_name(const struct field *field, char buf[REQUEST_NAME_MAX]);
/* The same of an attribute. */
void request_attribute_name(enum schema_name attribute,
    char buf[REQUEST_NAME_MAX]);

/* Asks, unless --yes was given: EXIT_YES, or complains. */
int request_confirm(const struct request *request, const char *question);

#endif
