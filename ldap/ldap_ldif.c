/* Entries from an LDIF file. See ldap_ldif.h. */
#include <config.h>

#include "ldap/ldap_ldif.h"

#include <errno.h>
#include <fcntl.h>
#include <ldap.h>
#include <ldif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"

struct pair {
	struct berval name, value; /* point into the record */
	uint32_t place;
};

struct ldap_ldif {
	FILE *file; /* owned */
	char *line; /* owned, like all that follows */
	size_t line_room;
	char *record;
	size_t record_len, record_room;
	struct pair *pairs;
	uint32_t pair_count, pair_room;
	struct entry_attribute *attributes;
	uint32_t attribute_room;
	struct berval *values;
	uint32_t value_room;
	unsigned long lines; /* read so far */
	bool begun;          /* a first record was there */
};

void
ldap_ldif_close(struct ldap_ldif *ldif)
{
	if (ldif == NULL)
		return;
	if (ldif->file != NULL)
		(void)fclose(ldif->file);
	free(ldif->line);
	free(ldif->record);
	free(ldif->pairs);
	free(ldif->attributes);
	free(ldif->values);
	free(ldif);
}

int
ldap_ldif_open(int fd, struct ldap_ldif **ret_ldif)
{
	struct ldap_ldif *ldif = calloc(1, sizeof(*ldif));
	int copy, r = 0;

	if (ldif == NULL)
		return -ENOMEM;
	copy = lseek(fd, 0, SEEK_SET) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (copy >= 0)
		ldif->file = fdopen(copy, "r");
	if (ldif->file == NULL) {
		r = -errno;
		if (copy >= 0)
			(void)close(copy);
		ldap_ldif_close(ldif);
		return r;
	}
	*ret_ldif = ldif;
	return 0;
}

void
ldap_ldif_reason(const struct ldap_ldif_entry *entry, const char *wrong,
    char ret_reason[LDAP_LDIF_REASON_MAX])
{
	char text[ENTRY_DN_MAX + 1], dn[LDAP_LDIF_REASON_MAX / 2];
	size_t len = entry->dn.bv_len;

	if (len > ENTRY_DN_MAX)
		len = ENTRY_DN_MAX;
	if (len > 0)
		memcpy(text, entry->dn.bv_val, len);
	text[len] = '\0';
	(void)text_printable(text, dn, sizeof(dn));
	(void)snprintf(ret_reason, LDAP_LDIF_REASON_MAX,
	    *dn == '\0' ? "line %lu%s: %s" : "line %lu, \"%s\": %s",
	    entry->line, dn, wrong);
}

/* ---- a record ---------------------------------------------------------- */

static int
append(struct ldap_ldif *ldif, const char *text, size_t len)
{
	size_t need = ldif->record_len + len + 1, room = ldif->record_room;
	char *record;

	if (need > LDIF_RECORD_MAX)
		return ENS_E_LIMIT;
	if (need > room) {
		room = room * 2 > need ? room * 2 : need;
		record = realloc(ldif->record, room);
		if (record == NULL)
			return -ENOMEM;
		ldif->record = record;
		ldif->record_room = room;
	}
	memcpy(ldif->record + ldif->record_len, text, len);
	ldif->record_len += len;
	ldif->record[ldif->record_len] = '\0';
	return 0;
}

/* Lines up to an empty one, without comments; none at the end of the file. */
static int
read_record(struct ldap_ldif *ldif, unsigned long *ret_line)
{
	bool comment = false;
	ssize_t n;
	int r = 0;

	ldif->record_len = 0;
	ldif->pair_count = 0;
	while (r == 0) {
		n = getline(&ldif->line, &ldif->line_room, ldif->file);
		if (n < 0)
			return ferror(ldif->file) ? -EIO : 0;
		ldif->lines++;
		if (ldif->record_len == 0)
			*ret_line = ldif->lines;
		if (memchr(ldif->line, '\0', (size_t)n) != NULL)
			return ENS_E_SYNTAX;
		while (n > 0 && strchr("\r\n", ldif->line[n - 1]) != NULL)
			n--;
		if (n == 0 && ldif->record_len > 0)
			return 0;
		comment = n > 0 &&
		    (ldif->line[0] == '#' || (comment && ldif->line[0] == ' '));
		if (n == 0 || comment)
			continue;
		r = append(ldif, ldif->line, (size_t)n);
		if (r == 0)
			r = append(ldif, "\n", 1);
	}
	return r;
}

/* ---- its lines --------------------------------------------------------- */

static int
room_for(void *array, uint32_t *room, uint32_t count, size_t size)
{
	uint32_t more = *room * 2 > 64 ? *room * 2 : 64;
	void *old, *grown;

	if (count <= *room)
		return 0;
	if (more < count)
		more = count;
	memcpy(&old, array, sizeof(old));
	grown = realloc(old, more * size);
	if (grown == NULL)
		return -ENOMEM;
	memcpy(array, &grown, sizeof(grown));
	*room = more;
	return 0;
}

static bool
is_named(const struct pair *pair, const char *name)
{
	return pair->name.bv_len == strlen(name) &&
	    strncasecmp(pair->name.bv_val, name, pair->name.bv_len) == 0;
}

/* NULL, or what is wrong. */
static const char *
split_lines(struct ldap_ldif *ldif, int *ret_error)
{
	char *next = ldif->record, *line, *colon;
	struct pair pair;
	int held;

	while ((line = ldif_getline(&next)) != NULL) {
		colon = strchr(line, ':');
		if (*line == ' ' || colon == NULL || colon == line)
			return "a line without a name and a colon";
		if (colon[1] == '<')
			return "a value given by a URL (\":<\"), which is not read";
		held = 0;
		if (ldif_parse_line2(line, &pair.name, &pair.value, &held) != 0)
			return "a value that is not base64";
		if (held) {
			ber_memfree(pair.value.bv_val);
			return "a value given by a URL, which is not read";
		}
		*ret_error = room_for(&ldif->pairs, &ldif->pair_room,
		    ldif->pair_count + 1, sizeof(pair));
		if (*ret_error != 0)
			return error_text(*ret_error);
		pair.name.bv_len = strlen(pair.name.bv_val);
		pair.place = ldif->pair_count;
		ldif->pairs[ldif->pair_count++] = pair;
	}
	return NULL;
}

static int
compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int r = strcasecmp(x->name.bv_val, y->name.bv_val);

	return r != 0 ? r : (x->place > y->place) - (x->place < y->place);
}

/* Values of one attribute stand together, in the order of the file. */
static int
group(struct ldap_ldif *ldif, uint32_t first, struct ldap_ldif_entry *entry)
{
	uint32_t count = ldif->pair_count - first, groups = 0;
	struct pair *pairs = ldif->pairs + first;
	int r = room_for(&ldif->values, &ldif->value_room, count,
	    sizeof(ldif->values[0]));

	if (r == 0)
		r = room_for(&ldif->attributes, &ldif->attribute_room, count,
		    sizeof(ldif->attributes[0]));
	if (r != 0)
		return r;
	if (count > 0)
		qsort(pairs, count, sizeof(*pairs), compare_pairs);
	for (uint32_t i = 0; i < count; i++) {
		ldif->values[i] = pairs[i].value;
		if (groups > 0 &&
		    strcasecmp(pairs[i].name.bv_val,
		        pairs[i - 1].name.bv_val) == 0) {
			ldif->attributes[groups - 1].value_count++;
			continue;
		}
		ldif->attributes[groups++] = (struct entry_attribute){
			pairs[i].name, &ldif->values[i], 1
		};
	}
	entry->attributes = ldif->attributes;
	entry->attribute_count = groups;
	return 0;
}

/* "version: 1", which may stand before the first entry or right above it. */
static const char *
take_version(struct ldap_ldif *ldif, uint32_t *first)
{
	bool begun = ldif->begun;

	ldif->begun = true;
	if (begun || ldif->pair_count == 0 ||
	    !is_named(&ldif->pairs[0], "version"))
		return NULL;
	if (strcmp(ldif->pairs[0].value.bv_val, "1") != 0)
		return "a version of LDIF other than 1";
	*first = 1;
	return NULL;
}

static const char *
take_dn(struct ldap_ldif *ldif, uint32_t *first, struct ldap_ldif_entry *entry)
{
	const struct pair *pair = &ldif->pairs[*first];

	if (is_named(pair, "include"))
		return "another file (\"include\"), which is not read";
	if (!is_named(pair, "dn"))
		return "an entry that does not begin with its dn";
	entry->dn = pair->value;
	for (uint32_t i = ++*first; i < ldif->pair_count; i++) {
		pair = &ldif->pairs[i];
		if (is_named(pair, "dn"))
			return "a second dn; an empty line is missing";
		if (is_named(pair, "changetype") || is_named(pair, "control"))
			return "a change; only entries are read";
	}
	return NULL;
}

int
ldap_ldif_next(struct ldap_ldif *ldif, struct ldap_ldif_entry *ret_entry,
    char ret_reason[LDAP_LDIF_REASON_MAX])
{
	struct ldap_ldif_entry entry = { .line = 0 };
	const char *wrong;
	uint32_t first = 0;
	int r;

	do {
		first = 0;
		r = read_record(ldif, &entry.line);
		if (r == 0 && ldif->record_len == 0)
			return ENS_E_NOTFOUND;
		wrong = r == ENS_E_SYNTAX ? "a NUL byte; is this a text file?"
		                          : error_text(r);
		if (r == 0)
			wrong = split_lines(ldif, &r);
		if (wrong == NULL)
			wrong = take_version(ldif, &first);
	} while (wrong == NULL && first == ldif->pair_count);
	if (wrong == NULL)
		wrong = take_dn(ldif, &first, &entry);
	if (wrong == NULL) {
		r = group(ldif, first, &entry);
		wrong = r != 0 ? error_text(r) : NULL;
	}
	if (wrong != NULL) {
		for (uint32_t i = 0; i < ldif->pair_count && i < 2; i++) {
			if (is_named(&ldif->pairs[i], "dn"))
				entry.dn = ldif->pairs[i].value;
		}
		ldap_ldif_reason(&entry, wrong, ret_reason);
		return r != 0 ? r : ENS_E_SYNTAX;
	}
	*ret_entry = entry;
	return 0;
}
