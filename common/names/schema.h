/*
 * The names in our schema (directory/enscale.schema), and what a directory
 * calls the same things: an existing tree is followed by naming its classes
 * and attributes. The values must have the same syntax as ours. What the
 * attributes hold is described in common/view/fields.h.
 */
#ifndef ENSCALE_COMMON_NAMES_SCHEMA_H
#define ENSCALE_COMMON_NAMES_SCHEMA_H

#include <stdbool.h>

#define SCHEMA_NAME_MAX 127

/* Each of them: NAME(of SCHEMA_..., "as our schema has it"). */
#define SCHEMA_CLASS_NAMES(NAME)                \
	NAME(ACCOUNT, "enscaleAccount")         \
	NAME(ACCOUNT_AUX, "enscaleAccountAux")  \
	NAME(KEY, "enscaleKey")                 \
	NAME(ENVIRONMENT, "enscaleEnvironment") \
	NAME(NODE, "enscaleNode")

#define SCHEMA_ATTRIBUTE_NAMES(NAME)                 \
	NAME(ACCOUNT_ID, "enscaleAccountId")         \
	NAME(CN, "cn")                               \
	NAME(MAIL, "mail")                           \
	NAME(STATUS, "enscaleStatus")                \
	NAME(EXPIRES, "enscaleExpires")              \
	NAME(MAX_SESSIONS, "enscaleMaxSessions")     \
	NAME(SSH_PUBLIC_KEY, "sshPublicKey")         \
	NAME(STATE, "enscaleState")                  \
	NAME(OWNER, "enscaleOwner")                  \
	NAME(FULL_ACCESS, "enscaleFullAccess")       \
	NAME(LIMITED_ACCESS, "enscaleLimitedAccess") \
	NAME(NODE_ID, "enscaleNodeId")               \
	NAME(ADDRESS, "ipHostNumber")                \
	NAME(SERVICE_TYPE, "enscaleServiceType")     \
	NAME(SYSTEM_USER, "enscaleSystemUser")       \
	NAME(PORT, "enscalePort")                    \
	NAME(HOST_KEY, "enscaleHostKey")             \
	NAME(CREATED, "createTimestamp")             \
	NAME(MODIFIED, "modifyTimestamp")            \
	NAME(UUID, "entryUUID")

/* Names that are the same in every directory. */
#define SCHEMA_FIXED_NAMES(NAME)          \
	NAME(OBJECT_CLASS, "objectClass") \
	NAME(CSN, "entryCSN")

#define SCHEMA_ENUMERATOR(name, text) SCHEMA_##name,

/* clang-format off */
enum schema_name {
	SCHEMA_CLASS_NAMES(SCHEMA_ENUMERATOR)
	SCHEMA_CLASSES, /* after the last class */
	SCHEMA_BEFORE_ATTRIBUTES = SCHEMA_CLASSES - 1,
	SCHEMA_ATTRIBUTE_NAMES(SCHEMA_ENUMERATOR)
	SCHEMA_MAPPABLE, /* after the last that may have another name */
	SCHEMA_BEFORE_FIXED = SCHEMA_MAPPABLE - 1,
	SCHEMA_FIXED_NAMES(SCHEMA_ENUMERATOR)
	SCHEMA_COUNT,
};
/* clang-format on */

struct schema {
	/* By enum schema_name: what the directory calls each. */
	char names[SCHEMA_COUNT][SCHEMA_NAME_MAX + 1];
	bool no_touch; /* keys may have the option no-touch-required */
};

/* Ours: "enscaleAccount", "enscaleAccountId", ... */
extern const char *const schema_names[SCHEMA_COUNT];

/* Gives everything its own name. */
void schema_init(struct schema *ret_schema);
/* Letters, digits and "-" after a letter, up to SCHEMA_NAME_MAX. An OID is not
 * a name: no server answers with one. */
bool schema_is_name(const char *text);

#endif
