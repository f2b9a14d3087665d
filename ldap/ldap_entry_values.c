/* Values of an entry, one attribute at a time. See ldap_entry_private.h. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/names/login_name.h"
#include "ldap/ldap_entry_private.h"

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
entry_is_mapped(const struct parse *p, enum schema_name which)
{
	return strcmp(p->parser->schema->names[which], schema_names[which]) !=
	    0;
}

bool
entry_is_numeric(const struct berval *value)
{
	ber_len_t digits = 0;

	while (digits < value->bv_len && value->bv_val[digits] >= '0' &&
	    value->bv_val[digits] <= '9')
		digits++;
	return digits > 0 && digits == value->bv_len;
}

bool
entry_need(struct parse *p, enum schema_name which)
{
	return entry_has(p, which) != NULL || entry_refuse(p, which, "missing");
}
