/*
 * The names in our schema (directory/enscale.schema), and what a directory
 * calls the same things: an existing tree is followed by naming its classes
 * and attributes. The values keep the syntax that ours have.
 */
#ifndef ENSCALE_COMMON_CONFIG_SCHEMA_H
#define ENSCALE_COMMON_CONFIG_SCHEMA_H

#include <stdbool.h>

#define SCHEMA_NAME_MAX 127

enum schema_name {
	/* object classes */
	SCHEMA_ACCOUNT,
	SCHEMA_ACCOUNT_AUX,
	SCHEMA_KEY,
	SCHEMA_ENVIRONMENT,
	SCHEMA_NODE,
	/* attributes */
	SCHEMA_ACCOUNT_ID,
	SCHEMA_CN,
	SCHEMA_MAIL,
	SCHEMA_STATUS,
	SCHEMA_EXPIRES,
	SCHEMA_MAX_SESSIONS,
	SCHEMA_SSH_PUBLIC_KEY,
	SCHEMA_STATE,
	SCHEMA_OWNER,
	SCHEMA_FULL_ACCESS,
	SCHEMA_LIMITED_ACCESS,
	SCHEMA_NODE_ID,
	SCHEMA_ADDRESS,
	SCHEMA_SERVICE_TYPE,
	SCHEMA_SYSTEM_USER,
	SCHEMA_PORT,
	SCHEMA_HOST_KEY,
	SCHEMA_CREATED,
	SCHEMA_MODIFIED,
	SCHEMA_UUID,
	/* what no directory calls otherwise */
	SCHEMA_OBJECT_CLASS,
	SCHEMA_CSN,
	SCHEMA_COUNT,
};
#define SCHEMA_CLASSES  SCHEMA_ACCOUNT_ID   /* behind the last class */
#define SCHEMA_MAPPABLE SCHEMA_OBJECT_CLASS /* behind the last to map */

struct schema {
	/* By enum schema_name: what the directory has for each. */
	char names[SCHEMA_COUNT][SCHEMA_NAME_MAX + 1];
	bool no_touch; /* keys may have the option no-touch-required */
};

/* Ours: "enscaleAccount", "enscaleAccountId", ... */
extern const char *const schema_names[SCHEMA_COUNT];

/* Everything has its own name. */
void schema_init(struct schema *ret_schema);
/* Letters, digits and "-" after a letter, up to SCHEMA_NAME_MAX. An OID is
 * none: no server answers with one. */
bool schema_is_name(const char *text);

#endif
