/* enscalectl export: what the directory has, in a form that import takes. It
 * refuses to leave an entry out in silence. */
#include <config.h>

#include <errno.h>
#include <ldap.h>
#include <ldif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "enscalectl/columns.h"
#include "enscalectl/csv.h"
#include "enscalectl/key_read.h"
#include "ldap/ldap_dn.h"

struct export;
/* A record, in a form. Borrowed. */
typedef int put_record(struct export *export, const struct entry *entry,
    const char *dn, json_t *record);

/* Where an account is, so that its keys are known to be its. */
struct place {
	struct ldap_dn_hash name;
	uint32_t account;
};

struct export
{
	const struct schema *schema;
	put_record *put;
	struct place *places; /* owned; sorted when all are there */
	size_t count, room;
	unsigned left_out;
};

static void
cleanup_export(struct export *export)
{
	free(export->places);
}

static int
no_memory(void)
{
	complain("%s", error_text(-ENOMEM));
	return EXIT_CANNOT_TELL;
}

/* ---- JSON, CSV ---------------------------------------------------------- */

static int
put_json(struct export *export, const struct entry *entry, const char *dn,
    json_t *record)
{
	(void)export;
	(void)entry;
	(void)dn;
	(void)json_dumpf(record, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	return EXIT_YES;
}

/* Each name once, of whatever kinds. */
struct header {
	const char *names[COLUMNS_KINDS * COLUMNS_MAX];
	size_t count;
};

static const struct header *
csv_header(void)
{
	static struct header header;

	if (header.count > 0)
		return &header;
	header.names[header.count++] = "kind";
	for (size_t k = 0; k < COLUMNS_KINDS; k++) {
		const struct columns *columns = columns_of(columns_kinds[k]);

		for (uint32_t i = 0; i < columns->count; i++) {
			const char *name = columns->each[i].name;
			size_t at = 0;

			while (at < header.count &&
			    strcmp(header.names[at], name) != 0)
				at++;
			if (at == header.count)
				header.names[header.count++] = name;
		}
	}
	return &header;
}

static void
put_header(void)
{
	const struct header *header = csv_header();

	for (size_t i = 0; i < header->count; i++)
		printf("%s%s", i > 0 ? "," : "", header->names[i]);
	fputs("\r\n", stdout);
}

static int
put_csv(struct export *export, const struct entry *entry, const char *dn,
    json_t *record)
{
	const struct header *header = csv_header();

	(void)export;
	(void)entry;
	(void)dn;
	for (size_t i = 0; i < header->count; i++) {
		AUTO_FREE char *text = output_value(
		    json_object_get(record, header->names[i]), ",", "");

		if (text == NULL)
			return no_memory();
		if (i > 0)
			putchar(',');
		csv_put(stdout, text);
	}
	fputs("\r\n", stdout);
	return EXIT_YES;
}

/* ---- LDIF --------------------------------------------------------------- */

static int
put_line(const char *name, const char *value)
{
	char *line = ldif_put(LDIF_PUT_VALUE, name, value, strlen(value));

	if (line == NULL)
		return no_memory();
	fputs(line, stdout);
	ber_memfree(line);
	return EXIT_YES;
}

static int
put_value(const char *name, const json_t *value)
{
	AUTO_FREE char *text = output_value(value, "", "");

	if (text == NULL)
		return no_memory();
	return text[0] != '\0' ? put_line(name, text) : EXIT_YES;
}

static int
put_column(const struct column *column, const char *name,
    const struct entry *entry, const json_t *value)
{
	char time[REQUEST_TIME_SIZE];
	const json_t *one;
	int code = EXIT_YES;
	size_t i;

	if (column->type == COLUMN_FIELD && column->field->type == FIELD_TIME) {
		request_time_format(
		    (int64_t)field_number(column->field, columns_fields(entry)),
		    time);
		return time[0] != '\0' ? put_line(name, time) : EXIT_YES;
	}
	if (!json_is_array(value))
		return put_value(name, value);
	json_array_foreach(value, i, one) {
		if (code == EXIT_YES)
			code = put_value(name, one);
	}
	return code;
}

/* As such entries are made here: what else an entry may have is not ours. */
static int
put_names(const struct schema *schema, const struct entry *entry,
    const char *dn)
{
	char hex[2 * SHA256_LEN + 1];
	int code = put_line("dn", dn);

	if (code == EXIT_YES)
		code = put_line("objectClass",
		    schema->names[entry_kind_class(entry->kind)]);
	if (code != EXIT_YES || entry->kind != ENTRY_KEY)
		return code;
	hex_encode(entry->key.fingerprint, SHA256_LEN, hex);
	return put_line(KEY_RDN_TYPE, hex);
}

static int
put_ldif(struct export *export, const struct entry *entry, const char *dn,
    json_t *record)
{
	const struct columns *columns = columns_of(entry->kind);
	int code = put_names(export->schema, entry, dn);

	for (uint32_t i = 0; code == EXIT_YES && i < columns->count; i++) {
		const struct column *column = &columns->each[i];

		if (column->type != COLUMN_PARENT)
			code = put_column(column,
			    export->schema->names[column->attribute], entry,
			    json_object_get(record, column->name));
	}
	putchar('\n');
	return code;
}

/* ---- records ------------------------------------------------------------ */

static int
export_record(struct export *export, const struct entry *entry, const char *dn,
    json_t *parent)
{
	const struct columns *columns = columns_of(entry->kind);
	AUTO_JSON json_t *record = json_object();

	(void)json_object_set_new(record, "kind",
	    json_string(entry_kind_text(entry->kind)));
	for (uint32_t i = 0; i < columns->count; i++)
		if (json_object_set_new(record, columns->each[i].name,
		        column_value(&columns->each[i], entry, parent)) != 0)
			return no_memory();
	return export->put(export, entry, dn, record);
}

static int
leave_out(struct export *export, const struct entry *entry, const char *reason)
{
	complain("\"%s\" is left out: %s", entry->dn, reason);
	export->left_out++;
	return EXIT_YES;
}

/* ---- whose keys --------------------------------------------------------- */

static int
keep_place(struct export *export, const struct entry *account)
{
	size_t room = export->room > 0 ? 2 * export->room : 1024;
	struct place *places = export->places;

	if (export->count == export->room) {
		places = realloc(places, room * sizeof(*places));
		if (places == NULL)
			return no_memory();
		export->places = places;
		export->room = room;
	}
	if (ldap_dn_hash(account->dn, &places[export->count].name, NULL) == 0)
		places[export->count++].account = account->id;
	return EXIT_YES;
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return memcmp(&x->name, &y->name, sizeof(x->name));
}

/* 0: the entry above is no account. */
static uint32_t
account_of(const struct export *export, const char *dn)
{
	struct place like = { .account = 0 };
	const struct place *found = NULL;

	if (export->count > 0 && ldap_dn_hash(dn, NULL, &like.name) == 0)
		found = bsearch(&like, export->places, export->count,
		    sizeof(like), compare_places);
	return found != NULL ? found->account : 0;
}

static int
export_key(struct export *export, const struct entry *entry, const char *dn,
    uint32_t account)
{
	AUTO_JSON json_t *parent = json_integer(account);

	return account > 0
	    ? export_record(export, entry, dn, parent)
	    : leave_out(export, entry, "the entry above it is no account");
}

/* Keys that are values of an account come as keys of it. */
static int
export_account(struct export *export, const struct entry *entry)
{
	char dn[ENTRY_DN_MAX + 1], hex[2 * SHA256_LEN + 1];
	int code = export_record(export, entry, entry->dn, NULL);

	if (code == EXIT_YES)
		code = keep_place(export, entry);
	for (uint32_t i = 0; code == EXIT_YES && i < entry->account.key_count;
	     i++) {
		const struct entry own = { .kind = ENTRY_KEY,
			.dn = entry->dn,
			.key = entry->account.keys[i] };

		hex_encode(own.key.fingerprint, SHA256_LEN, hex);
		code = request_dn(dn, KEY_RDN_TYPE, hex, entry->dn);
		if (code == EXIT_YES)
			code = export_key(export, &own, dn, entry->id);
	}
	return code;
}

static int
export_node(struct export *export, const struct entry *entry)
{
	char environment[NAME_TEXT_MAX + 1];
	AUTO_JSON json_t *parent = NULL;

	directory_parent_value(entry->dn, export->schema->names[SCHEMA_CN],
	    environment);
	if (environment[0] == '\0')
		return leave_out(export, entry, "it is in no environment");
	parent = json_string(environment);
	return export_record(export, entry, entry->dn, parent);
}

/* An environment of somebody else's groups. */
static bool
has_names(const struct entry *entry)
{
	for (uint32_t i = 0; i < entry->environment.member_count; i++)
		if (entry->environment.members[i].account == 0)
			return true;
	return false;
}

static int
export_environment(struct export *export, const struct entry *entry)
{
	return has_names(entry)
	    ? leave_out(export, entry,
	          "it names accounts otherwise than by their numbers")
	    : export_record(export, entry, entry->dn, NULL);
}

static int
export_entry(const struct entry *entry, const struct ldap_attributes *raw,
    void *arg)
{
	struct export *export = arg;

	(void)raw;
	if (entry->refused)
		return leave_out(export, entry, entry->reason);
	switch (entry->kind) {
	case ENTRY_ACCOUNT:
		return export_account(export, entry);
	case ENTRY_KEY:
		return export_key(export, entry, entry->dn,
		    account_of(export, entry->dn));
	case ENTRY_NODE:
		return export_node(export, entry);
	case ENTRY_ENVIRONMENT:
		return export_environment(export, entry);
	case ENTRY_OTHER:
	default:
		return leave_out(export, entry, "it is none of these kinds");
	}
}

/* ---- the verb ----------------------------------------------------------- */

static const struct form {
	const char *word;
	put_record *put;
} forms[] = {
	{ "json", put_json },
	{ "csv", put_csv },
	{ "ldif", put_ldif },
};

static put_record *
find_form(const char *word)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (word == NULL || strcmp(forms[i].word, word) == 0)
			return forms[i].put;
	return NULL;
}

static int
run(struct export *export, struct directory *directory)
{
	int code = EXIT_YES;

	if (export->put == put_csv)
		put_header();
	for (size_t k = 0; code == EXIT_YES && k < COLUMNS_KINDS; k++) {
		code = directory_each_of_kind(directory, columns_kinds[k],
		    export_entry, export);
		if (columns_kinds[k] == ENTRY_ACCOUNT && export->count > 0)
			qsort(export->places, export->count,
			    sizeof(struct place), compare_places);
	}
	return code == EXIT_YES && export->left_out > 0 ? EXIT_NO : code;
}

int
export_run(const struct context *context, int argc, char **argv)
{
	static const struct request_form form = { "export", 0, 1, NULL, 0 };
	AUTO(cleanup_directory) struct directory *directory = NULL;
	AUTO(cleanup_export)
	struct export export = {
		.schema = &context->config.schema,
	};
	struct request request;
	int code = request_read(context, &form, argc, argv, &request);

	if (code != EXIT_YES)
		return code;
	export.put = find_form(request.words[0]);
	if (export.put == NULL || request.json)
		return complain_usage(form.verb);
	code = request_open(&request, &directory);
	return code == EXIT_YES ? run(&export, directory) : code;
}
