/* The fields of a kind as members of a JSON object. See fields.h. */
#ifndef ENSCALE_COMMON_VIEW_FIELDS_JSON_H
#define ENSCALE_COMMON_VIEW_FIELDS_JSON_H

#include <jansson.h>

#include "common/view/fields.h"

enum fields_readers {
	FIELDS_FOR_ADMINISTRATORS, /* all of them, by their names */
	FIELDS_FOR_USERS,          /* those that are shown, by that name */
};

/* Gives the object a member for each: texts made printable, words, numbers;
 * times as seconds since the epoch, 0: never. Takes ownership of the object,
 * and returns it; NULL without memory, or when it was NULL. */
json_t *fields_to_json(json_t *object, const struct field_table *table,
    const void *fields, enum fields_readers readers);

/*
 * Decodes what fields_to_json() has made for users, of an environment or a
 * node; the options of a key are not read back. Texts are copies, made
 * printable: fields_free_texts(). Who made it may be older or newer: a member
 * that is missing has its default, and a word that is missing or not known is
 * 0, which reads "unknown". Returns 0; ENS_E_PROTOCOL for a member of the wrong
 * type, or a missing one that has no default; -ENOMEM. Whatever it returns, the
 * texts may be freed.
 */
int fields_from_json(const json_t *object, const struct field_table *table,
    void *ret_fields);
void fields_free_texts(const struct field_table *table, void *fields);

#endif
