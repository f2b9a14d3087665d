/* Values of an entry, one attribute at a time. See ldap_entry_private.h. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "common/errors.h"
#include "common/login_name.h"
#include "common/text.h"
#include "ldap/ldap_entry_private.h"
#include "ldap/ldap_time.h"

const struct entry_attribute *
entry_has(const struct parse *p, enum schema_name which)
{
	return p->found[which];
}

const struct berval *
entry_single(struct parse *p, enum schema_name which, bool *ret_ok)
{
	const struct entry_attribute *attribute = entry_has(p, which);

	if (attribute == NULL)
		return NULL;
	if (attribute->value_count != 1) {
		*ret_ok = entry_refuse(p, which, "more than one value");
		return NULL;
	}
	return attribute->values;
}

bool
entry_refuse(struct parse *p, enum schema_name which, const char *reason)
{
	(void)snprintf(p->parser->reason, sizeof(p->parser->reason), "%s: %s",
	    p->parser->schema->names[which], reason);
	return false;
}

bool
entry_word(const struct berval *value, char buf[ENTRY_WORD_MAX + 1])
{
	if (value->bv_len > ENTRY_WORD_MAX ||
	    memchr(value->bv_val, '\0', value->bv_len) != NULL)
		return false;
	memcpy(buf, value->bv_val, value->bv_len);
	buf[value->bv_len] = '\0';
	return true;
}

int
entry_number(const struct berval *value, uint32_t min, uint32_t max,
    uint32_t *ret_value)
{
	char text[ENTRY_WORD_MAX + 1];
	uint32_t n;
	int r;

	if (!entry_word(value, text))
		return ENS_E_SYNTAX;
	r = parse_u32(text, max, &n);
	if (r != 0)
		return r;
	if (n < min)
		return ENS_E_RANGE;
	*ret_value = n;
	return 0;
}

bool
entry_get_number(struct parse *p, enum schema_name which, uint32_t min,
    uint32_t max, uint32_t *ret_value)
{
	bool ok = true;
	const struct berval *value = entry_single(p, which, &ok);
	int r;

	if (value == NULL)
		return ok;
	r = entry_number(value, min, max, ret_value);
	return r == 0 || entry_refuse(p, which, error_text(r));
}

bool
entry_need(struct parse *p, enum schema_name which)
{
	return entry_has(p, which) != NULL || entry_refuse(p, which, "missing");
}

bool
entry_get_expires(struct parse *p, int64_t *ret_time)
{
	bool ok = true;
	const struct berval *value = entry_single(p, SCHEMA_EXPIRES, &ok);
	int64_t at;

	if (value == NULL)
		return ok;
	if (ldap_time_parse(value->bv_val, value->bv_len, &at) != 0)
		return entry_refuse(p, SCHEMA_EXPIRES,
		    error_text(ENS_E_SYNTAX));
	/* 0 means never: what ended at the epoch or before stays ended. */
	*ret_time = at < 1 ? 1 : at;
	return true;
}

bool
entry_get_state(struct parse *p, enum environment_state *ret_state)
{
	bool ok = true;
	const struct berval *value = entry_single(p, SCHEMA_STATE, &ok);

	*ret_state = ENVIRONMENT_RUNNING;
	if (value == NULL)
		return ok;
	if (environment_state_parse(
	        (struct bytes){ (const uint8_t *)value->bv_val, value->bv_len },
	        ret_state) != 0)
		return entry_refuse(p, SCHEMA_STATE, "an unknown word");
	return true;
}

static int
compare_values(const struct berval *a, const struct berval *b)
{
	size_t len = a->bv_len < b->bv_len ? a->bv_len : b->bv_len;
	int r = memcmp(a->bv_val, b->bv_val, len);

	return r != 0 ? r : (a->bv_len > b->bv_len) - (a->bv_len < b->bv_len);
}

static bool
check_text(struct parse *p, enum schema_name which, const struct berval *value,
    size_t max)
{
	char text[MAIL_TEXT_MAX + 1];

	if (value->bv_len > max || value->bv_len > MAIL_TEXT_MAX)
		return entry_refuse(p, which, error_text(ENS_E_LIMIT));
	memcpy(text, value->bv_val, value->bv_len);
	text[value->bv_len] = '\0';
	if (!text_is_utf8(value->bv_val, value->bv_len) ||
	    !text_is_printable(text))
		return entry_refuse(p, which, "not printable text");
	return true;
}

/*
 * A text for people. Directories give several values of cn and mail in any
 * order, and it must not change by itself: the smallest one is shown. Each
 * is checked.
 */
bool
entry_get_text(struct parse *p, enum schema_name which, size_t max,
    const char **ret_text)
{
	const struct entry_attribute *attribute = entry_has(p, which);
	const struct berval *least = NULL;

	*ret_text = "";
	if (attribute == NULL)
		return true;
	for (uint32_t i = 0; i < attribute->value_count; i++) {
		const struct berval *value = &attribute->values[i];

		if (!check_text(p, which, value, max))
			return false;
		if (least == NULL || compare_values(value, least) < 0)
			least = value;
	}
	if (least != NULL)
		*ret_text = entry_keep_text(p, least->bv_val, least->bv_len);
	return true;
}
