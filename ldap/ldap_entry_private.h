/*
 * What the files of the entry parser share: ldap_entry.c (memory, the entry as
 * a whole), ldap_entry_values.c (one attribute), ldap_entry_fields.c (the types
 * of fields), ldap_entry_kinds.c (the rules of accounts, keys, environments and
 * nodes).
 *
 * A function that returns bool says false when the entry is refused, with the
 * reason in the parser, or when p->error is set.
 */
#ifndef ENSCALE_LDAP_LDAP_ENTRY_PRIVATE_H
#define ENSCALE_LDAP_LDAP_ENTRY_PRIVATE_H

#include "common/keys/ssh_key_text.h"
#include "ldap/ldap_entry.h"

/* Memory for one entry, reused for the next; it only grows. */
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

/* Memory that is valid until the next entry; NULL and p->error if there is
 * none. */
void *entry_take(struct parse *p, size_t len);
/* A copy with its NUL; "" and p->error without memory. */
const char *entry_keep_text(struct parse *p, const char *text, size_t len);

/* Refuses the entry, or a value of it, because of one attribute; false. */
bool entry_refuse(struct parse *p, enum schema_name which, const char *reason);
/* Adds a warning about an attribute that is accepted all the same. */
void entry_warn(struct parse *p, enum schema_name which, const char *text);
/* The attribute, or NULL. */
const struct entry_attribute *entry_has(const struct parse *p,
    enum schema_name which);
/* Is it there? Otherwise the entry is refused. */
bool entry_need(struct parse *p, enum schema_name which);
/* The one value of an attribute; NULL and an open *ret_ok when there is
 * none, NULL and refused when there are several. */
const struct berval *entry_single(struct parse *p, enum schema_name which,
    bool *ret_ok);

/* Has the directory another name for it? */
bool entry_is_mapped(const struct parse *p, enum schema_name which);

/* For texts that cannot be a number or a word: too long for the parser's
 * buffer, or with a NUL inside. */
#define ENTRY_WORD_MAX 63
bool entry_word(const struct berval *value, char buf[ENTRY_WORD_MAX + 1]);
/* 0, ENS_E_SYNTAX, ENS_E_RANGE. */
int entry_number(const struct berval *value, uint32_t min, uint32_t max,
    uint32_t *ret_value);

/* Leaves *ret_value as it is if the attribute is missing. */
bool entry_get_number(struct parse *p, enum schema_name which, uint32_t min,
    uint32_t max, uint32_t *ret_value);

/* Each field of a kind, by the rules of its type; its default if the attribute
 * is missing and may be. What comes with a key itself keeps its default. */
bool entry_parse_fields(struct parse *p, const struct field_table *table,
    void *ret_fields);
/* Is the attribute, in some kind, a text that only people read? It is cut. */
bool entry_is_for_people(enum schema_name which);

/* The most keys in a value: a key takes more bytes than this. */
#define ENTRY_KEY_LEAST 64
static inline size_t
entry_keys_most(const struct berval *value)
{
	return value->bv_len / ENTRY_KEY_LEAST + 1;
}

/* Nothing but digits: meant to be a number. */
bool entry_is_numeric(const struct berval *value);
/* A person without an account? */
bool entry_lacks_account(const struct parse *p, enum entry_kind kind);

/* The names of an account or a person, which count against others when the
 * entry itself does not. */
bool entry_keep_names(struct parse *p, struct entry *entry);

/* The fields of its kind. */
bool entry_parse_kind(struct parse *p, struct entry *entry);

#endif
