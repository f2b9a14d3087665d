/* What is said of a server's own settings, whichever server it is. See
 * survey.h. */
#include <config.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "enscalectl/survey.h"
#include "ldap/ldap_values.h"

/* Not a name that our entries are read by: keys are found by it. */
#define FINGERPRINT "enscaleKeyFingerprint"

void
survey_find(struct survey_finding *finding, enum doctor_state state,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	finding->seen = true;
	finding->state = state;
}

void
survey_mend(struct survey_finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->mend, sizeof(finding->mend), format, args);
	va_end(args);
}

bool
survey_is_below(const char *base, const char *suffix)
{
	size_t all = strlen(base), end = strlen(suffix);

	return all >= end && strcasecmp(base + all - end, suffix) == 0 &&
	    (all == end || base[all - end - 1] == ',');
}

void
survey_value(LDAP *ld, const struct config *config, const char *dn,
    const char *attribute, char buf[SURVEY_TEXT_MAX])
{
	struct berval **values = NULL;

	buf[0] = '\0';
	if (ldap_values_read(ld, dn, attribute, config->timeout, &values) !=
	    LDAP_SUCCESS)
		return;
	if (values != NULL && values[0] != NULL)
		snprintf(buf, SURVEY_TEXT_MAX, "%s", values[0]->bv_val);
	ldap_value_free_len(values);
}

void
survey_indexed(const struct config *config,
    const char *ret_names[SURVEY_INDEXED_MAX])
{
	static const enum schema_name searched[] = { SCHEMA_OBJECT_CLASS,
		SCHEMA_UUID, SCHEMA_CN, SCHEMA_ACCOUNT_ID, SCHEMA_OWNER,
		SCHEMA_FULL_ACCESS, SCHEMA_LIMITED_ACCESS, SCHEMA_NODE_ID,
		SCHEMA_ADDRESS };
	const struct schema *schema = &config->schema;
	size_t count = 0;

	for (size_t i = 0; i < sizeof(searched) / sizeof(searched[0]); i++)
		ret_names[count++] = schema->names[searched[i]];
	if (strcmp(schema->names[SCHEMA_KEY], schema_names[SCHEMA_KEY]) == 0)
		ret_names[count++] = FINGERPRINT;
	if (config->method == CONFIG_METHOD_POLL)
		ret_names[count++] = schema->names[SCHEMA_MODIFIED];
	ret_names[count] = NULL;
}

void
survey_limit(struct survey_finding *finding, uint32_t limit, const char *whose)
{
	if (limit == 0)
		survey_find(finding, DOCTOR_OK, "%s: no limit for the gateway",
		    whose);
	else
		survey_find(finding, DOCTOR_WARNING,
		    "%s: the gateway gets %u entries at most; with more, "
		    "nothing new comes",
		    whose, limit);
}
