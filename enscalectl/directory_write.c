/* Changing the directory. See directory.h. It refuses to write what no gateway
 * would take, and to change anything in silence. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#include <jansson.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "enscalectl/act.h"
#include "enscalectl/directory_private.h"
#include "enscalectl/verb.h"
#include "ldap/ldap_dn.h"

/* How, of those that are one of many. */
#define ADD    "add"
#define MODIFY "modify"
#define MOVE   "move"

static const uint8_t no_uuid[ENTRY_UUID_LEN];

/* ---- the log ------------------------------------------------------------ */

/* Asks as whom the directory knows us: before the write, so that the time until
 * this gateway has it is counted from there. */
static void
ask_who(struct directory *directory)
{
	struct berval *name = NULL;

	if (directory->who == NULL &&
	    ldap_whoami_s(directory->ld, &name, NULL, NULL) == LDAP_SUCCESS &&
	    name != NULL)
		directory->who = strndup(name->bv_val, name->bv_len);
	ber_bvfree(name);
}

/* One line of JSON, as the guard's audit log has them. how: where the event does
 * not say it; NULL: it does. */
static void
audit(struct directory *directory, const char *dn, const char *how, int result)
{
	const char *came_of_it = result == LDAP_SUCCESS
	    ? "changed"
	    : ldap_err2string(result);
	char user[ADMIN_TEXT_MAX + 1];
	AUTO_FREE char *line = NULL;
	json_t *object = json_pack("{s:s, s:s*, s:s, s:s, s:s*, s:s}", "event",
	    directory->what, "how", how, "dn", dn, "user", act_user(user),
	    "directory_user", directory->who, "result", came_of_it);

	line = object != NULL
	    ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII)
	    : NULL;
	json_decref(object);
	openlog("enscalectl", LOG_PID, LOG_AUTH);
	syslog(LOG_NOTICE, "%s", line != NULL ? line : directory->what);
	closelog();
	act_tell(directory->config, directory->what, dn, came_of_it);
}

/* What was tried without the right to it, and what may have been done, is in
 * the log, too. */
static int
finish(struct directory *directory, int result, const char *dn)
{
	audit(directory, dn, NULL, result);
	return result == LDAP_SUCCESS
	    ? EXIT_YES
	    : directory_fail(directory, result, dn, true);
}

/* ---- entries ------------------------------------------------------------ */

int
directory_judge(struct directory *directory, const char *dn,
    const struct entry_attribute *attributes, uint32_t count,
    const struct changes *changes, const struct entry **ret_entry)
{
	AUTO(cleanup_changed) struct changed changed = { NULL, 0, NULL };
	struct berval name = { strlen(dn), NULL };
	static struct entry entry; /* as borrowed as the parser's texts */
	int r = changes_apply(changes, attributes, count, &changed);

	memcpy(&name.bv_val, &dn, sizeof(dn)); /* only read */
	if (r == 0)
		r = entry_parse(directory->parser, no_uuid, name,
		    changed.attributes, changed.count, &entry);
	if (r != 0) {
		complain("\"%s\": %s", dn, error_text(r));
		return EXIT_CANNOT_TELL;
	}
	if (entry.refused) {
		complain("\"%s\" would be refused by gateways: %s", dn,
		    entry.reason);
		return EXIT_NO;
	}
	*ret_entry = &entry;
	return EXIT_YES;
}

static void
warn(const char *dn, const struct entry *entry)
{
	if (entry->warning[0] != '\0')
		complain("\"%s\": %s", dn, entry->warning);
}

/* It is the entry above that is missing. */
static int
fail_add(struct directory *directory, const char *dn)
{
	complain("%s has no entry above \"%s\", or does not show it to you: "
	         "name another with --below",
	    directory->uri, dn);
	return EXIT_NO;
}

static int
finish_add(struct directory *directory, int result, const char *dn)
{
	return result == LDAP_NO_SUCH_OBJECT ? fail_add(directory, dn)
	                                     : finish(directory, result, dn);
}

int
directory_add(struct directory *directory, const char *dn,
    struct changes *changes, const struct entry **ret_entry)
{
	const struct entry *entry;
	int code = directory_judge(directory, dn, NULL, 0, changes, &entry);

	ask_who(directory);
	if (code == EXIT_YES)
		warn(dn, entry);
	if (code == EXIT_YES)
		code = finish_add(directory,
		    ldap_add_ext_s(directory->ld, dn, changes->pointers, NULL,
		        NULL),
		    dn);
	if (code == EXIT_YES)
		*ret_entry = entry;
	return code;
}

int
directory_modify(struct directory *directory, const struct directory_entry *old,
    struct changes *changes, const struct entry **ret_entry)
{
	const struct entry *entry;
	int code = directory_judge(directory, old->dn, old->raw.rows,
	    old->raw.count, changes, &entry);

	ask_who(directory);
	if (code == EXIT_YES)
		warn(old->dn, entry);
	if (code == EXIT_YES)
		code = finish(directory,
		    ldap_modify_ext_s(directory->ld, old->dn, changes->pointers,
		        NULL, NULL),
		    old->dn);
	if (code == EXIT_YES)
		*ret_entry = entry;
	return code;
}

/* "cn=x" of "cn=x,ou=y": the text before the first comma that is none of the
 * name itself. */
static int
first_rdn(const char *dn, char buf[ENTRY_DN_MAX + 1])
{
	LDAPDN names = NULL;
	char *text = NULL;
	int r = ldap_str2dn(dn, &names, LDAP_DN_FORMAT_LDAPV3), n;

	if (r == LDAP_SUCCESS && names != NULL && names[0] != NULL)
		r = ldap_rdn2str(names[0], &text, LDAP_DN_FORMAT_LDAPV3);
	n = text != NULL ? snprintf(buf, ENTRY_DN_MAX + 1, "%s", text) : -1;
	ldap_memfree(text);
	if (names != NULL)
		ldap_dnfree(names);
	return r == LDAP_SUCCESS && n > 0 && n <= ENTRY_DN_MAX ? 0
	                                                       : ENS_E_SYNTAX;
}

int
directory_moved_dn(const char *dn, const char *parent,
    char ret_dn[ENTRY_DN_MAX + 1])
{
	char rdn[ENTRY_DN_MAX + 1];
	int n = -1;

	if (first_rdn(dn, rdn) == 0)
		n = snprintf(ret_dn, ENTRY_DN_MAX + 1, "%s,%s", rdn, parent);
	return n > 0 && n <= ENTRY_DN_MAX ? 0 : ENS_E_SYNTAX;
}

int
directory_move(struct directory *directory, const char *dn, const char *parent)
{
	char rdn[ENTRY_DN_MAX + 1];

	if (first_rdn(dn, rdn) != 0) {
		complain("\"%s\": %s", dn, error_text(ENS_E_SYNTAX));
		return EXIT_CANNOT_TELL;
	}
	ask_who(directory);
	return finish(directory,
	    ldap_rename_s(directory->ld, dn, rdn, parent, 1, NULL, NULL), dn);
}

/* ---- many at once ------------------------------------------------------- */

unsigned
directory_under_way(const struct directory *directory)
{
	return directory->under_way_count;
}

/* What was not sent was not done. */
static int
note(struct directory *directory, const char *dn, int result,
    const struct under_way *change)
{
	if (result == LDAP_SUCCESS) {
		directory->under_way[directory->under_way_count++] = *change;
		return EXIT_YES;
	}
	directory->lost = result;
	complain("\"%s\": %s has gone: not changed", dn, directory->uri);
	return EXIT_CANNOT_TELL;
}

int
directory_begin_add(struct directory *directory, const char *dn,
    struct changes *changes, void *token)
{
	struct under_way change = { .dn = dn, .token = token, .how = ADD };
	const struct entry *entry;
	int code = directory_judge(directory, dn, NULL, 0, changes, &entry);

	ask_who(directory);
	if (code != EXIT_YES)
		return code;
	code = ldap_add_ext(directory->ld, dn, changes->pointers, NULL, NULL,
	    &change.id);
	return note(directory, dn, code, &change);
}

int
directory_begin_modify(struct directory *directory, const char *dn,
    const struct entry_attribute *attributes, uint32_t count,
    struct changes *changes, void *token)
{
	struct under_way change = { .dn = dn, .token = token, .how = MODIFY };
	const struct entry *entry;
	int code = directory_judge(directory, dn, attributes, count, changes,
	    &entry);

	ask_who(directory);
	if (code != EXIT_YES)
		return code;
	code = ldap_modify_ext(directory->ld, dn, changes->pointers, NULL, NULL,
	    &change.id);
	return note(directory, dn, code, &change);
}

int
directory_begin_move(struct directory *directory, const char *dn,
    const char *parent, void *token)
{
	struct under_way change = { .dn = dn, .token = token, .how = MOVE };
	char rdn[ENTRY_DN_MAX + 1];
	int r;

	if (first_rdn(dn, rdn) != 0) {
		complain("\"%s\": %s", dn, error_text(ENS_E_SYNTAX));
		return EXIT_CANNOT_TELL;
	}
	ask_who(directory);
	r = ldap_rename(directory->ld, dn, rdn, parent, 1, NULL, NULL,
	    &change.id);
	return note(directory, dn, r, &change);
}

/* The place of one that was answered; all of them are unknown when the server
 * has gone. */
static unsigned
wait_for_one(struct directory *directory, int *ret_result)
{
	struct timeval patience = ldap_connection_patience(
	    (int64_t)directory->config->timeout * 1000);
	LDAPMessage *message = NULL;
	unsigned i = 0;
	int r;

	while (directory->lost == 0) {
		r = ldap_result(directory->ld, LDAP_RES_ANY, LDAP_MSG_ONE,
		    &patience, &message);
		if (r <= 0 ||
		    ldap_parse_result(directory->ld, message, ret_result, NULL,
		        NULL, NULL, NULL, 0) != LDAP_SUCCESS)
			directory->lost = r == 0 ? LDAP_TIMEOUT
			                         : LDAP_SERVER_DOWN;
		for (i = 0; i < directory->under_way_count; i++)
			if (directory->lost == 0 &&
			    directory->under_way[i].id == ldap_msgid(message))
				break;
		ldap_msgfree(message);
		message = NULL;
		if (directory->lost == 0 && i < directory->under_way_count)
			return i;
	}
	*ret_result = directory->lost;
	return 0;
}

void
directory_answer(struct directory *directory,
    struct directory_answer *ret_answer)
{
	unsigned i = wait_for_one(directory, &ret_answer->result);
	const struct under_way *own = &directory->under_way[i];

	ret_answer->token = own->token;
	ret_answer->dn = own->dn;
	ret_answer->how = own->how;
	ret_answer->unknown = directory_is_lost(ret_answer->result);
	directory->under_way[i] =
	    directory->under_way[--directory->under_way_count];
}

int
directory_settle(struct directory *directory,
    const struct directory_answer *answer)
{
	audit(directory, answer->dn, answer->how, answer->result);
	if (answer->unknown)
		return EXIT_CANNOT_TELL;
	if (answer->result == LDAP_SUCCESS)
		return EXIT_YES;
	return strcmp(answer->how, ADD) == 0 &&
	        answer->result == LDAP_NO_SUCH_OBJECT
	    ? fail_add(directory, answer->dn)
	    : directory_fail(directory, answer->result, answer->dn, true);
}

/* ---- deleting ----------------------------------------------------------- */

static int
compare_lengths(const void *a, const void *b)
{
	const char *const *one = a, *const *other = b;
	size_t x = strlen(*one), y = strlen(*other);

	return (y > x) - (y < x);
}

static bool
has_class(LDAP *ld, LDAPMessage *entry, const char *class)
{
	struct berval **values = ldap_get_values_len(ld, entry, "objectClass");
	bool found = false;

	for (int i = 0; values != NULL && values[i] != NULL && !found; i++)
		found = values[i]->bv_len == strlen(class) &&
		    strncasecmp(values[i]->bv_val, class, values[i]->bv_len) ==
		        0;
	ldap_value_free_len(values);
	return found;
}

/* Is there nothing below the entry but what goes with it? The entry itself has
 * the shortest name. */
static bool
may_go(struct directory *directory, LDAPMessage *found, const char *dn,
    const char *below)
{
	LDAPMessage *entry = ldap_first_entry(directory->ld, found);
	bool good = true;
	char *name;

	for (; entry != NULL && good;
	     entry = ldap_next_entry(directory->ld, entry)) {
		name = ldap_get_dn(directory->ld, entry);
		good = name != NULL &&
		    (strlen(name) <= strlen(dn) ||
		        (below != NULL &&
		            has_class(directory->ld, entry, below)));
		if (!good)
			complain("\"%s\" is below it: delete or move that "
			         "first",
			    name != NULL ? name : "an entry");
		ldap_memfree(name);
	}
	return good;
}

/* What is below comes first: it has the longer name. */
static int
delete_found(struct directory *directory, LDAPMessage *found)
{
	int count = ldap_count_entries(directory->ld, found), n = 0;
	AUTO_FREE char **names = calloc((size_t)count + 1, sizeof(*names));
	int code = names != NULL ? EXIT_YES : EXIT_CANNOT_TELL, i;
	LDAPMessage *entry;

	for (entry = ldap_first_entry(directory->ld, found);
	     entry != NULL && names != NULL && n < count;
	     entry = ldap_next_entry(directory->ld, entry)) {
		names[n] = ldap_get_dn(directory->ld, entry);
		n += names[n] != NULL;
	}
	if (n > 0)
		qsort(names, (size_t)n, sizeof(*names), compare_lengths);
	for (i = 0; i < n; i++) {
		if (code == EXIT_YES)
			code = finish(directory,
			    ldap_delete_ext_s(directory->ld, names[i], NULL,
			        NULL),
			    names[i]);
		ldap_memfree(names[i]);
	}
	return code;
}

int
directory_delete(struct directory *directory, const char *dn, const char *below)
{
	char class[] = "objectClass", *attributes[] = { class, NULL };
	struct timeval patience = ldap_connection_patience(
	    (int64_t)directory->config->timeout * 1000);
	LDAPMessage *found = NULL;
	int code, r;

	ask_who(directory);
	r = ldap_search_ext_s(directory->ld, dn, LDAP_SCOPE_SUBTREE,
	    "(objectClass=*)", attributes, 0, NULL, NULL, &patience,
	    LDAP_NO_LIMIT, &found);
	if (r != LDAP_SUCCESS)
		code = directory_fail(directory, r, dn, true);
	else if (may_go(directory, found, dn, below))
		code = delete_found(directory, found);
	else
		code = EXIT_NO;
	ldap_msgfree(found);
	return code;
}

int
directory_delete_leaf(struct directory *directory, const char *dn,
    bool *ret_was_there)
{
	int code = EXIT_YES, r;

	ask_who(directory);
	r = ldap_delete_ext_s(directory->ld, dn, NULL, NULL);
	if (r != LDAP_NO_SUCH_OBJECT)
		code = finish(directory, r, dn);
	if (code == EXIT_YES)
		*ret_was_there = r != LDAP_NO_SUCH_OBJECT;
	return code;
}
