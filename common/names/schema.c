/*
 * The names in our schema, and what directories call them. See schema.h.
 */
#include <config.h>

#include "common/names/schema.h"

#include <string.h>

#define TEXT_OF_NAME(name, text) [SCHEMA_##name] = text,

/* clang-format off */
const char *const schema_names[SCHEMA_COUNT] = {
	SCHEMA_CLASS_NAMES(TEXT_OF_NAME)
	SCHEMA_ATTRIBUTE_NAMES(TEXT_OF_NAME)
	SCHEMA_FIXED_NAMES(TEXT_OF_NAME)
};
/* clang-format on */

void
schema_init(struct schema *ret_schema)
{
	*ret_schema = (struct schema){ 0 };
	for (int i = 0; i < SCHEMA_COUNT; i++)
		memcpy(ret_schema->names[i], schema_names[i],
		    strlen(schema_names[i]) + 1);
}

bool
schema_is_name(const char *text)
{
	static const char digits[] = "0123456789";
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(text), n;

	if (len == 0 || len > SCHEMA_NAME_MAX)
		return false;
	if (strchr(letters, text[0]) == NULL)
		return false;
	for (n = 1; n < len; n++) {
		if (strchr(letters, text[n]) == NULL &&
		    strchr(digits, text[n]) == NULL && text[n] != '-')
			return false;
	}
	return true;
}
