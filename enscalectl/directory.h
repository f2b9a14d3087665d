/*
 * The directory, as an administrator reads and changes it: one connection with
 * that person's own identity, and one place where entries are written. Whatever
 * would be refused by enscale-sync is refused here, before it is written, for
 * the same reason; what was written is in the system's log, with who did it.
 *
 * All functions complain when they fail, and return an exit code.
 */
#ifndef ENSCALECTL_DIRECTORY_H
#define ENSCALECTL_DIRECTORY_H

#include "common/config/config.h"
#include "enscalectl/changes.h"
#include "ldap/ldap_attributes.h"
#include "ldap/ldap_connection.h"
#include "ldap/ldap_entry.h"

struct directory;

#define DIRECTORY_FILTER_MAX 2048

/* Who, and where; NULL: not said. Borrowed. */
struct directory_identity {
	const char *uri;           /* else LDAPURI, ldap.conf(5) or ours */
	const char *bind_dn;       /* else LDAPBINDDN, or SASL EXTERNAL */
	const char *password_file; /* else a terminal is asked */
};

/* config is borrowed. what is the verb, for the log. */
int directory_open(const struct config *config,
    const struct directory_identity *identity, const char *what,
    struct directory **ret_directory);
/* The same where nobody may let us in: of the servers no complaint but
 * ret_reason, with EXIT_NO. */
int directory_try(const struct config *config,
    const struct directory_identity *identity, const char *what,
    struct directory **ret_directory, char ret_reason[LDAP_REASON_MAX]);
void directory_close(struct directory *directory);
void cleanup_directory(struct directory **directory);

const struct config *directory_config(const struct directory *directory);

/* For questions about anything but entries of ours; borrowed. */
LDAP *directory_connection(const struct directory *directory);

/* Is the configured directory a file, which is for others to write? */
bool directory_is_file(const struct config *config);

/* ---- reading ------------------------------------------------------------ */

/* As enscale-sync reads it. entry.refused is no failure. */
struct directory_entry {
	const char *dn;
	struct entry entry;
	struct ldap_attributes raw;
	/* What the above is borrowed from; owned. */
	LDAPMessage *message;
	struct entry_parser *parser;
};
void cleanup_directory_entry(struct directory_entry *entry);

/* NULL: it has none. */
const struct entry_attribute *directory_attribute(
    const struct directory_entry *entry, const char *name);

/* Those of a kind with that value of an attribute; both NULL: all of them. The
 * value is escaped. */
void directory_filter(const struct config *config, enum entry_kind kind,
    const char *attribute, const char *value, char buf[DIRECTORY_FILTER_MAX]);
/* Adds to a filter; cut where there is no room. */
__attribute__((format(printf, 2, 3))) void directory_filter_add(
    char buf[DIRECTORY_FILTER_MAX], const char *format, ...);
/* Adds an escaped value (RFC 4515) to a filter; wild: "*" stays what it is.
 * False when there is no room. */
bool directory_filter_value(char buf[DIRECTORY_FILTER_MAX], const char *value,
    bool wild);

/* Adds to a filter by what a list may name an account: its number, and where the
 * list is mapped its DN and its names. False when there is no room. */
bool directory_filter_member(char buf[DIRECTORY_FILTER_MAX],
    const struct config *config, enum schema_name list, const char *number,
    const struct directory_entry *account);

/*
 * The one entry below base (NULL: the configured one, with its scope) that the
 * filter finds. EXIT_NO without a complaint when there is none;
 * EXIT_CANNOT_TELL, with one, when there are several. *ret_entry is the
 * caller's after EXIT_YES alone: cleanup_directory_entry().
 */
int directory_find(struct directory *directory, const char *base, int scope,
    const char *filter, struct directory_entry *ret_entry);
/* The account, node or environment of that name, likewise; the other one also
 * complains when it is not there. */
int directory_find_named_quietly(struct directory *directory,
    enum entry_kind kind, const char *name, struct directory_entry *ret_entry);
int directory_find_named(struct directory *directory, enum entry_kind kind,
    const char *name, struct directory_entry *ret_entry);
void directory_complain_of_none(const struct directory *directory,
    enum entry_kind kind, const char *name);

/* Each of them, by pages; entry is borrowed for the call. A visit that is not
 * EXIT_YES ends it. base NULL: as above. */
typedef int directory_visit(const struct entry *entry, void *arg);
int directory_each(struct directory *directory, const char *base, int scope,
    const char *filter, directory_visit *visit, void *arg);
/* All of a kind, likewise, also as they came. */
typedef int directory_visit_raw(const struct entry *entry,
    const struct ldap_attributes *raw, void *arg);
int directory_each_of_kind(struct directory *directory, enum entry_kind kind,
    directory_visit_raw *visit, void *arg);

/* ---- writing ------------------------------------------------------------ */

/* Adds an entry. *ret_entry, borrowed until the next change, is what
 * enscale-sync will read. */
int directory_add(struct directory *directory, const char *dn,
    struct changes *changes, const struct entry **ret_entry);
/* Changes what was read. */
int directory_modify(struct directory *directory,
    const struct directory_entry *old, struct changes *changes,
    const struct entry **ret_entry);
/* Puts it below another entry, under the same name. */
int directory_move(struct directory *directory, const char *dn,
    const char *parent);
/* Deletes it and what is below it, of the class below; where anything else is
 * below it (below NULL: anything), nothing is deleted, and EXIT_NO returned. */
int directory_delete(struct directory *directory, const char *dn,
    const char *below);
/* Deletes an entry with nothing below it, which need not be shown to us. That
 * it is not there is no failure: *ret_was_there says. */
int directory_delete_leaf(struct directory *directory, const char *dn,
    bool *ret_was_there);
/*
 * Many at once: a change is begun, and its answer taken later; of two that are
 * under way either may be made first. Judged as above, without
 * warnings. EXIT_YES: it is under way, and token comes back with its answer,
 * until which dn is borrowed. At most DIRECTORY_WINDOW are.
 */
#define DIRECTORY_WINDOW 64
int directory_begin_add(struct directory *directory, const char *dn,
    struct changes *changes, void *token);
int directory_begin_modify(struct directory *directory, const char *dn,
    const struct entry_attribute *attributes, uint32_t count,
    struct changes *changes, void *token);
int directory_begin_move(struct directory *directory, const char *dn,
    const char *parent, void *token);
unsigned directory_under_way(const struct directory *directory);

/* The answer to one of them. */
struct directory_answer {
	void *token;
	const char *dn;
	int result;      /* of libldap */
	const char *how; /* for the log */
	bool unknown;    /* the server has gone: it may have been made */
};
/* Waits for it; something has to be under way. */
void directory_answer(struct directory *directory,
    struct directory_answer *ret_answer);
/* Logs it, and complains where it was refused: an exit code. Of what is not
 * known the caller complains: it is the same of all that is under way. */
int directory_settle(struct directory *directory,
    const struct directory_answer *answer);

/* Would enscale-sync take what an entry would be then? Its warnings are the
 * caller's to show. */
int directory_judge(struct directory *directory, const char *dn,
    const struct entry_attribute *attributes, uint32_t count,
    const struct changes *changes, const struct entry **ret_entry);

/* ---- names -------------------------------------------------------------- */

/* The name of an entry that was moved below another one: 0 or ENS_E_SYNTAX. */
int directory_moved_dn(const char *dn, const char *parent,
    char ret_dn[ENTRY_DN_MAX + 1]);

/* The value of the RDN of the entry above, when its attribute is that one;
 * "" when not. */
void directory_parent_value(const char *dn, const char *attribute,
    char buf[NAME_TEXT_MAX + 1]);
bool directory_is_right_below(const char *dn, const char *parent);

#endif
