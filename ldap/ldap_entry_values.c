/* Values of an entry, one attribute at a time. See ldap_entry_private.h. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/text.h"
#include "common/names/login_name.h"
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

/* One more line of what is said; where there is no room left, a last one. */
static void
add_line(char lines[ENTRY_REASON_MAX + 1], const char *name, const char *text)
{
	static const char more[] = "\nand more";
	size_t used = strlen(lines), room;
	int n;

	if (used >= sizeof(more) - 1 &&
	    strcmp(lines + used - (sizeof(more) - 1), more) == 0)
		return;
	room = ENTRY_REASON_MAX + 1 - (sizeof(more) - 1) - used;
	n = snprintf(lines + used, room, "%s%s: %s", used > 0 ? "\n" : "", name,
	    text);
	if (n < 0 || (size_t)n >= room)
		memcpy(lines + used, more, sizeof(more));
}

bool
entry_refuse(struct parse *p, enum schema_name which, const char *reason)
{
	add_line(p->parser->reason, p->parser->schema->names[which], reason);
	return false;
}

void
entry_warn(struct parse *p, enum schema_name which, const char *text)
{
	add_line(p->parser->warning, p->parser->schema->names[which], text);
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

/* Directories give several values of cn and mail in any order, and what is
 * taken must not change by itself: the smallest one is. */
static const struct berval *
find_least(const struct parse *p, enum schema_name which)
{
	const struct entry_attribute *attribute = entry_has(p, which);
	const struct berval *least = NULL;

	for (uint32_t i = 0; attribute != NULL && i < attribute->value_count;
	     i++) {
		if (least == NULL ||
		    compare_values(&attribute->values[i], least) < 0)
			least = &attribute->values[i];
	}
	return least;
}

bool
entry_get_name(struct parse *p, enum schema_name which, size_t max,
    const char **ret_name)
{
	const struct berval *value = find_least(p, which);

	*ret_name = "";
	if (value == NULL)
		return true;
	if (value->bv_len > max)
		return entry_refuse(p, which, error_text(ENS_E_LIMIT));
	*ret_name = entry_keep_text(p, value->bv_val, value->bv_len);
	if (!text_is_utf8(value->bv_val, value->bv_len) ||
	    !text_is_printable(*ret_name))
		return entry_refuse(p, which, "not printable text");
	return p->error == 0;
}

bool
entry_get_display(struct parse *p, enum schema_name which, size_t max,
    const char **ret_text)
{
	const struct berval *value = find_least(p, which);
	char text[MAIL_TEXT_MAX + 1], words[96];
	bool changed;
	size_t len;

	*ret_text = "";
	if (value == NULL || max >= sizeof(text))
		return true;
	len = text_display(value->bv_val, value->bv_len, text, max + 1,
	    &changed);
	if (changed && value->bv_len > max)
		(void)snprintf(words, sizeof(words),
		    "a text of %zu bytes, of which %zu are shown",
		    (size_t)value->bv_len, len);
	else if (changed)
		(void)snprintf(words, sizeof(words), "%s",
		    "what cannot be shown is left out");
	if (changed)
		entry_warn(p, which, words);
	*ret_text = entry_keep_text(p, text, len);
	return p->error == 0;
}
