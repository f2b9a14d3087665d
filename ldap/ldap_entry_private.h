/*
 * What the files of the entry parser share: ldap_entry.c (memory, the entry as
 * a whole), ldap_entry_values.c (one attribute), ldap_entry_kinds.c (the rules
 * of accounts, keys, environments and nodes).
 *
 * A function that returns bool says false when the entry is refused, with the
 * reason in the parser, or when p->error is set.
 */
#ifndef ENSCALE_LDAP_LDAP_ENTRY_PRIVATE_H
#define ENSCALE_LDAP_LDAP_ENTRY_PRIVATE_H

#include "common/keys/ssh_key_text.h"
#include "ldap/ldap_entry.h"

/* Memory for one entry, used again for the next; it only grows. */
struct arena {
	uint8_t *data; /* owned */
	size_t size;
	size_t used;
};

struct entry_parser {
	const struct schema *schema; /* borrowed */
	struct arena arena;
	/* Lines. */
	char reason[ENTRY_REASON_MAX + 1];
	char warning[ENTRY_REASON_MAX + 1];
	/* Large, so they are kept off the stack. */
	struct ssh_key key;
	struct ssh_key_text keys;
};

struct parse {
	struct entry_parser *parser;
	const struct entry_attribute *found[SCHEMA_COUNT];
	int error; /* ours to report: -ENOMEM, ENS_E_CRYPTO */
};

/* Memory that lives until the next entry; NULL and p->error without. */
void *entry_take(struct parse *p, size_t len);
/* A copy with its NUL; "" and p->error without memory. */
const char *entry_keep_text(struct parse *p, const char *text, size_t len);

/* Refuses the entry, or a value of it, because of one attribute; false. */
bool entry_refuse(struct parse *p, enum schema_name which, const char *reason);
/* Says something of an attribute that is taken all the same. */
void entry_warn(struct parse *p, enum schema_name which, const char *text);
/* The attribute, or NULL. */
const struct entry_attribute *entry_has(const struct parse *p,
    enum schema_name which);
/* Is it there? Else the entry is refused. */
bool entry_need(struct parse *p, enum schema_name which);
/* The one value of an attribute; NULL and an open *ret_ok when there is
 * none, NULL and refused when there are several. */
const struct berval *entry_single(struct parse *p, enum schema_name which,
    bool *ret_ok);

/* For texts that cannot hold a number or a word: too long for the buffer of
 * those who parse them, or with a NUL inside. */
#define ENTRY_WORD_MAX 63
bool entry_word(const struct berval *value, char buf[ENTRY_WORD_MAX + 1]);
/* 0, ENS_E_SYNTAX, ENS_E_RANGE. */
int entry_number(const struct berval *value, uint32_t min, uint32_t max,
    uint32_t *ret_value);

/* These leave *ret_... as it is where the attribute is not there, but for
 * the state and the texts, which have a default. */
bool entry_get_number(struct parse *p, enum schema_name which, uint32_t min,
    uint32_t max, uint32_t *ret_value);
bool entry_get_expires(struct parse *p, int64_t *ret_time);
bool entry_get_state(struct parse *p, enum environment_state *ret_state);
/* A name that something is found by: as it came, or refused. */
bool entry_get_name(struct parse *p, enum schema_name which, size_t max,
    const char **ret_name);
/* A text for people alone: made fit to be shown, which costs a warning and
 * never the entry. False without memory alone. */
bool entry_get_display(struct parse *p, enum schema_name which, size_t max,
    const char **ret_text);

/* So many keys are in a value at most: one takes more bytes than this. */
#define ENTRY_KEY_LEAST 64
static inline size_t
entry_keys_most(const struct berval *value)
{
	return value->bv_len / ENTRY_KEY_LEAST + 1;
}

/* The fields of its kind. */
bool entry_parse_kind(struct parse *p, struct entry *entry);

#endif
