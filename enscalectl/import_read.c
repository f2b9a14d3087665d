/*
 * The three forms of an import: JSON, an object a line; CSV, whose first record
 * names the columns; LDIF, of entries. See import.h. It refuses a name that it
 * does not know: a misspelled "expires" would keep nobody out.
 */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/json.h"
#include "enscalectl/csv.h"
#include "enscalectl/import.h"
#include "enscalectl/key_read.h"
#include "ldap/ldap_ldif.h"

/* A file that is being read. */
struct source {
	struct import *import;
	const char *path;
	FILE *file; /* borrowed */
};

/* ---- names -------------------------------------------------------------- */

static enum entry_kind
find_kind(const char *word)
{
	for (size_t i = 0; i < COLUMNS_KINDS; i++)
		if (strcmp(entry_kind_text(columns_kinds[i]), word) == 0)
			return columns_kinds[i];
	complain("kind \"%s\": want account, key, environment or node", word);
	return ENTRY_OTHER;
}

static int
complain_column(struct import *import, struct import_item *item,
    const char *name)
{
	char known[COLUMNS_TEXT_MAX];

	columns_text(columns_of(item->kind), known);
	complain("\"%s\" is nothing that a record of this kind has: want %s",
	    name, known);
	return import_refuse(import, item);
}

/* ---- JSON --------------------------------------------------------------- */

/* A string, a number or null; false for anything else. The value is borrowed,
 * and a number is written into buf. */
static bool
scalar(const json_t *json, char buf[32], struct berval *ret_value)
{
	const char *text = buf;

	buf[0] = '\0';
	if (json_is_integer(json))
		(void)snprintf(buf, 32, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(json));
	else if (json_is_string(json))
		text = json_string_value(json);
	else if (!json_is_null(json))
		return false;
	ret_value->bv_len = json_is_string(json) ? json_string_length(json)
	                                         : strlen(buf);
	memcpy(&ret_value->bv_val, &text, sizeof(text));
	return true;
}

/* Room for a list of any length. */
struct value {
	struct berval berval;
	char number[32];
};

static int
say_json_list(struct import *import, struct import_item *item,
    const struct column *column, const json_t *list)
{
	size_t count = json_array_size(list), i;
	AUTO_FREE struct value *each = calloc(count + 1, sizeof(*each));
	AUTO_FREE struct berval *values = calloc(count + 1, sizeof(*values));
	const json_t *one;

	if (each == NULL || values == NULL)
		return import_no_memory();
	json_array_foreach(list, i, one) {
		if (!scalar(one, each[i].number, &values[i])) {
			complain("%s: want texts or numbers", column->name);
			return import_refuse(import, item);
		}
	}
	return import_say(import, item, column, values, (uint32_t)count, false);
}

static int
say_json(struct import *import, struct import_item *item, const char *name,
    const json_t *json)
{
	const struct column *column = columns_find(columns_of(item->kind),
	    name);
	struct berval value;
	char number[32];

	if (strcmp(name, "kind") == 0)
		return EXIT_YES;
	if (column == NULL)
		return complain_column(import, item, name);
	if (json_is_array(json))
		return say_json_list(import, item, column, json);
	if (!scalar(json, number, &value)) {
		complain("%s: want a text, a number or null", name);
		return import_refuse(import, item);
	}
	return import_say(import, item, column, &value, value.bv_len > 0,
	    false);
}

static int
take_object(struct source *source, unsigned long line, json_t *object)
{
	const char *word = json_string_value(json_object_get(object, "kind"));
	enum entry_kind kind = find_kind(word != NULL ? word : "");
	struct import_item *item;
	const char *name;
	json_t *value;
	int code = EXIT_YES;

	if (kind == ENTRY_OTHER)
		return import_refuse_line(source->import);
	item = import_begin(source->import, kind, source->path, line);
	if (item == NULL)
		return import_no_memory();
	json_object_foreach(object, name, value) {
		if (code == EXIT_YES)
			code = say_json(source->import, item, name, value);
	}
	return code == EXIT_CANNOT_TELL ? code
	                                : import_end(source->import, item);
}

static int
take_json_line(struct source *source, unsigned long line, const char *text,
    size_t len)
{
	json_error_t error;
	AUTO_JSON json_t *object = json_loadb(text, len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	import_about(source->import, source->path, line);
	if (json_is_object(object))
		return take_object(source, line, object);
	/* What the library says may hold a part of the line. */
	complain("not an object of JSON on one line: column %d",
	    error.column > 0 ? error.column : 1);
	return import_refuse_line(source->import);
}

static int
read_json(struct source *source)
{
	AUTO_FREE char *text = NULL;
	unsigned long line = 0;
	int code = EXIT_YES;
	size_t room = 0;
	ssize_t n;

	while (code != EXIT_CANNOT_TELL && !import_is_over(source->import) &&
	    (n = getline(&text, &room, source->file)) >= 0) {
		line++;
		if (strspn(text, " \t\r\n") < (size_t)n)
			code = take_json_line(source, line, text, (size_t)n);
	}
	if (text != NULL)
		explicit_bzero(text, room);
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}

/* ---- CSV ---------------------------------------------------------------- */

/* The columns that the first record names. */
struct header {
	char names[CSV_FIELDS_MAX][REQUEST_NAME_MAX];
	size_t count;
	size_t kind; /* which of them says the kind */
};

static bool
is_known(const char *name)
{
	for (size_t i = 0; i < COLUMNS_KINDS; i++)
		if (columns_find(columns_of(columns_kinds[i]), name) != NULL)
			return true;
	return strcmp(name, "kind") == 0;
}

static bool
has_name(const struct header *header, const char *name)
{
	for (size_t i = 0; i < header->count; i++)
		if (strcmp(header->names[i], name) == 0)
			return true;
	return false;
}

/* Without it, nothing can be read. */
static int
take_header(const struct csv *csv, struct header *header)
{
	header->kind = CSV_FIELDS_MAX;
	for (header->count = 0; header->count < csv->count; header->count++) {
		const char *name = csv->fields[header->count];

		if (!is_known(name) || has_name(header, name)) {
			complain("\"%s\": the first line names the columns, "
			         "each once: kind, and names of fields",
			    name);
			return EXIT_CANNOT_TELL;
		}
		(void)snprintf(header->names[header->count], REQUEST_NAME_MAX,
		    "%s", name);
		if (strcmp(name, "kind") == 0)
			header->kind = header->count;
	}
	if (header->kind < header->count)
		return EXIT_YES;
	complain("the first line has to name the columns, \"kind\" among them");
	return EXIT_CANNOT_TELL;
}

/* A list has commas in its field. */
static int
say_csv_list(struct import *import, struct import_item *item,
    const struct column *column, char *text)
{
	size_t count = 0, room = 1;
	AUTO_FREE struct berval *values = NULL;
	char *one;

	for (const char *at = text; *at != '\0'; at++)
		room += *at == ',';
	values = calloc(room, sizeof(*values));
	if (values == NULL)
		return import_no_memory();
	while ((one = strsep(&text, ",")) != NULL && count < room) {
		one += strspn(one, " ");
		if (*one != '\0')
			values[count++] = (struct berval){ strlen(one), one };
	}
	return import_say(import, item, column, values, (uint32_t)count, false);
}

/* A field of another kind's column has to be empty. */
static int
say_csv(struct import *import, struct import_item *item, const char *name,
    const char *field)
{
	const struct column *column = columns_find(columns_of(item->kind),
	    name);
	struct berval value = { strlen(field), NULL };

	if (column == NULL)
		return field[0] == '\0' ? EXIT_YES
		                        : complain_column(import, item, name);
	memcpy(&value.bv_val, &field, sizeof(field));
	return column->type == COLUMN_ACCESS || column->type == COLUMN_HOST_KEYS
	    ? say_csv_list(import, item, column, value.bv_val)
	    : import_say(import, item, column, &value, value.bv_len > 0, false);
}

static int
take_record(struct source *source, const struct header *header,
    const struct csv *csv)
{
	struct import_item *item;
	enum entry_kind kind;
	int code = EXIT_YES;

	if (csv->count != header->count) {
		complain("%zu fields, and the first line names %zu", csv->count,
		    header->count);
		return import_refuse_line(source->import);
	}
	kind = find_kind(csv->fields[header->kind]);
	if (kind == ENTRY_OTHER)
		return import_refuse_line(source->import);
	item = import_begin(source->import, kind, source->path, csv->line);
	if (item == NULL)
		return import_no_memory();
	for (size_t i = 0; code == EXIT_YES && i < csv->count; i++)
		if (i != header->kind)
			code = say_csv(source->import, item, header->names[i],
			    csv->fields[i]);
	return code == EXIT_CANNOT_TELL ? code
	                                : import_end(source->import, item);
}

static int
read_csv(struct source *source)
{
	AUTO(cleanup_csv) struct csv csv = { .file = source->file };
	static struct header header; /* it is large */
	const char *wrong = NULL;
	int code = EXIT_YES, r;

	header.count = 0;
	while (code != EXIT_CANNOT_TELL && !import_is_over(source->import) &&
	    (r = csv_next(&csv, &wrong)) != ENS_E_NOTFOUND) {
		import_about(source->import, source->path, csv.line);
		if (r == 0 && header.count == 0) {
			code = take_header(&csv, &header);
		} else if (r == 0) {
			code = take_record(source, &header, &csv);
		} else if (r == ENS_E_SYNTAX || r == ENS_E_LIMIT) {
			complain("%s", wrong);
			code = import_refuse_line(source->import);
		} else {
			complain("%s", error_text(r));
			code = EXIT_CANNOT_TELL;
		}
	}
	if (csv.text != NULL)
		explicit_bzero(csv.text, csv.room);
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}

/* ---- LDIF --------------------------------------------------------------- */

/* What a server writes into its entries itself, and what the name of a key's
 * entry is made of. */
static bool
is_servers(struct berval name)
{
	static const char *const names[] = { "objectClass", KEY_RDN_TYPE,
		"structuralObjectClass", "entryUUID", "entryCSN", "entryDN",
		"creatorsName", "createTimestamp", "modifiersName",
		"modifyTimestamp", "contextCSN", "subschemaSubentry",
		"hasSubordinates" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == name.bv_len &&
		    strncasecmp(names[i], name.bv_val, name.bv_len) == 0)
			return true;
	return false;
}

/* Keys that are values of an account become keys of it. */
static int
take_account_keys(struct source *source, const struct import_item *account,
    const struct entry_attribute *attribute)
{
	const struct column *column = columns_find(columns_of(ENTRY_KEY),
	    "ssh_public_key");
	struct import *import = source->import;
	int code = EXIT_YES;
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", account->number);
	for (uint32_t i = 0;
	     code != EXIT_CANNOT_TELL && i < attribute->value_count; i++) {
		struct import_item *item = import_begin(import, ENTRY_KEY,
		    account->file, account->line);

		if (item == NULL)
			return import_no_memory();
		code = import_say_parent(import, item, number);
		if (code == EXIT_YES)
			code = import_say(import, item, column,
			    &attribute->values[i], 1, true);
		if (code == EXIT_YES)
			code = import_end(import, item);
	}
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}

static int
say_ldif(struct source *source, struct import_item *item,
    const struct ldap_ldif_entry *entry,
    const struct entry_attribute **ret_keys)
{
	const struct schema *schema = &source->import->config->schema;
	int code = EXIT_YES;

	for (uint32_t i = 0; code == EXIT_YES && i < entry->attribute_count;
	     i++) {
		const struct entry_attribute *own = &entry->attributes[i];
		const struct column *column = columns_find_attribute(
		    columns_of(item->kind), schema, own->name);

		if (column != NULL && column->type != COLUMN_PARENT)
			code = import_say(source->import, item, column,
			    own->values, own->value_count, true);
		else if (item->kind == ENTRY_ACCOUNT &&
		    strcasecmp(own->name.bv_val,
		        schema->names[SCHEMA_SSH_PUBLIC_KEY]) == 0)
			*ret_keys = own;
		else if (!is_servers(own->name))
			code = complain_column(source->import, item,
			    own->name.bv_val);
	}
	return code;
}

/* Whose it is, or where: the name of the entry above says so. */
static int
say_above(struct source *source, struct import_item *item)
{
	const struct schema *schema = &source->import->config->schema;
	const char *attribute =
	    schema->names[item->kind == ENTRY_KEY ? SCHEMA_ACCOUNT_ID
	                                          : SCHEMA_CN];
	char value[NAME_TEXT_MAX + 1];

	directory_parent_value(item->dn, attribute, value);
	item->dn = NULL; /* where that is, this belongs */
	if (value[0] != '\0')
		return import_say_parent(source->import, item, value);
	complain("the entry above it is not named by %s", attribute);
	return import_refuse(source->import, item);
}

static int
take_ldif(struct source *source, const struct ldap_ldif_entry *entry,
    enum entry_kind kind)
{
	struct import *import = source->import;
	const struct entry_attribute *keys = NULL;
	struct import_item *item = import_begin(import, kind, source->path,
	    entry->line);
	int code;

	if (item == NULL)
		return import_no_memory();
	item->dn = pool_copy(&import->pool, entry->dn.bv_val, entry->dn.bv_len);
	if (item->dn == NULL)
		return import_no_memory();
	code = say_ldif(source, item, entry, &keys);
	if (code == EXIT_YES && (kind == ENTRY_KEY || kind == ENTRY_NODE))
		code = say_above(source, item);
	if (code != EXIT_CANNOT_TELL)
		code = import_end(import, item);
	return code == EXIT_YES && keys != NULL
	    ? take_account_keys(source, item, keys)
	    : code;
}

/* Others, as those that ours are below, are for others to make. */
static int
sort_out(struct source *source, struct entry_parser *parser,
    const struct ldap_ldif_entry *record)
{
	static const uint8_t no_uuid[ENTRY_UUID_LEN];
	struct entry entry;
	int r;

	if (!entry_is_ours(parser, record->attributes,
	        record->attribute_count)) {
		source->import->skipped++;
		return EXIT_YES;
	}
	import_about(source->import, source->path, record->line);
	r = record->dn.bv_len > ENTRY_DN_MAX ||
	        strlen(record->dn.bv_val) != record->dn.bv_len
	    ? ENS_E_SYNTAX
	    : entry_parse(parser, no_uuid, record->dn, record->attributes,
	          record->attribute_count, &entry);
	if (r == 0 && entry.kind != ENTRY_OTHER)
		return take_ldif(source, record, entry.kind);
	complain("%s", r != 0 ? error_text(r) : entry.reason);
	return r == -ENOMEM || r == ENS_E_CRYPTO
	    ? EXIT_CANNOT_TELL
	    : import_refuse_line(source->import);
}

static int
read_entries(struct source *source, struct ldap_ldif *ldif,
    struct entry_parser *parser)
{
	char reason[LDAP_LDIF_REASON_MAX];
	struct ldap_ldif_entry record;
	int code = EXIT_YES, r;

	while (code != EXIT_CANNOT_TELL && !import_is_over(source->import) &&
	    (r = ldap_ldif_next(ldif, &record, reason)) != ENS_E_NOTFOUND) {
		if (r == 0) {
			code = sort_out(source, parser, &record);
			continue;
		}
		import_about(source->import, source->path, 0);
		complain("%s", reason);
		code = r == ENS_E_SYNTAX || r == ENS_E_LIMIT
		    ? import_refuse_line(source->import)
		    : EXIT_CANNOT_TELL;
	}
	return code == EXIT_CANNOT_TELL ? code : EXIT_YES;
}

static int
read_ldif(struct source *source)
{
	struct entry_parser *parser = NULL;
	struct ldap_ldif *ldif = NULL;
	int code = EXIT_CANNOT_TELL;
	int r = ldap_ldif_open(fileno(source->file), &ldif);

	if (r == 0)
		r = entry_parser_new(&source->import->config->schema, &parser);
	if (r == 0)
		code = read_entries(source, ldif, parser);
	else
		complain("%s", error_text(r));
	ldap_ldif_close(ldif);
	entry_parser_free(parser);
	return code;
}

/* ---- any of them -------------------------------------------------------- */

/* What can be read only once is copied. */
static int
open_input(const char *path)
{
	AUTO_FD int in = strcmp(path, "-") == 0
	    ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
	    : open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FD int copy = -1;
	char block[8192];
	ssize_t n;

	if (in < 0)
		return -errno;
	if (lseek(in, 0, SEEK_SET) == 0)
		return TAKE_FD(in);
	copy = memfd_create("import", MFD_CLOEXEC);
	if (copy < 0)
		return -errno;
	while ((n = read(in, block, sizeof(block))) > 0)
		if (write(copy, block, (size_t)n) != n)
			return errno != 0 ? -errno : -EIO;
	if (n < 0)
		return -errno;
	return lseek(copy, 0, SEEK_SET) == 0 ? TAKE_FD(copy) : -errno;
}

static bool
begins(const char *text, const char *with)
{
	return strncasecmp(text, with, strlen(with)) == 0;
}

/* Which form it has, its beginning says. */
static int
read_form(struct source *source)
{
	static const char mark[] = "\xef\xbb\xbf"; /* some programs write it */
	char text[64];
	size_t len = fread(text, 1, sizeof(text) - 1, source->file), at;

	text[len] = '\0';
	at = begins(text, mark) ? sizeof(mark) - 1 : 0;
	if (fseek(source->file, (long)at, SEEK_SET) != 0) {
		complain("%s", error_text(-errno));
		return EXIT_CANNOT_TELL;
	}
	at += strspn(text + at, " \t\r\n");
	if (text[at] == '{')
		return read_json(source);
	if (text[at] == '#' || begins(text + at, "dn:") ||
	    begins(text + at, "version:"))
		return read_ldif(source);
	return read_csv(source);
}

int
import_read(struct import *import, const char *path)
{
	int fd = open_input(path), code;
	AUTO_FILE FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	struct source source = { import, path, file };

	import_about(import, path, 0);
	if (file == NULL) {
		complain("%s", error_text(fd < 0 ? fd : -errno));
		if (fd >= 0)
			(void)close(fd);
		return EXIT_CANNOT_TELL;
	}
	code = read_form(&source);
	if (code == EXIT_YES && ferror(file)) {
		complain("%s", error_text(-EIO));
		code = EXIT_CANNOT_TELL;
	}
	import_about(import, NULL, 0);
	return code;
}
