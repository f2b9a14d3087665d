/* The names in our schema, and others for them. See schema.h. */
#include <config.h>

#include <string.h>

#include "common/config/schema.h"

const char *const schema_names[SCHEMA_COUNT] = {
	[SCHEMA_ACCOUNT] = "enscaleAccount",
	[SCHEMA_ACCOUNT_AUX] = "enscaleAccountAux",
	[SCHEMA_KEY] = "enscaleKey",
	[SCHEMA_ENVIRONMENT] = "enscaleEnvironment",
	[SCHEMA_NODE] = "enscaleNode",
	[SCHEMA_ACCOUNT_ID] = "enscaleAccountId",
	[SCHEMA_CN] = "cn",
	[SCHEMA_MAIL] = "mail",
	[SCHEMA_STATUS] = "enscaleStatus",
	[SCHEMA_EXPIRES] = "enscaleExpires",
	[SCHEMA_MAX_SESSIONS] = "enscaleMaxSessions",
	[SCHEMA_SSH_PUBLIC_KEY] = "sshPublicKey",
	[SCHEMA_STATE] = "enscaleState",
	[SCHEMA_OWNER] = "enscaleOwner",
	[SCHEMA_FULL_ACCESS] = "enscaleFullAccess",
	[SCHEMA_LIMITED_ACCESS] = "enscaleLimitedAccess",
	[SCHEMA_NODE_ID] = "enscaleNodeId",
	[SCHEMA_ADDRESS] = "ipHostNumber",
	[SCHEMA_SERVICE_TYPE] = "enscaleServiceType",
	[SCHEMA_SYSTEM_USER] = "enscaleSystemUser",
	[SCHEMA_PORT] = "enscalePort",
	[SCHEMA_HOST_KEY] = "enscaleHostKey",
	[SCHEMA_CREATED] = "createTimestamp",
	[SCHEMA_MODIFIED] = "modifyTimestamp",
	[SCHEMA_UUID] = "entryUUID",
	[SCHEMA_OBJECT_CLASS] = "objectClass",
	[SCHEMA_CSN] = "entryCSN",
};

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
