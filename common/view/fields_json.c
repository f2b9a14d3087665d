/*
 * See fields_json.h. It refuses a member of the wrong type.
 */
#include <config.h>

#include "common/view/fields_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"
#include "common/base/json.h"
#include "common/base/text.h"

static const char *
name_for(const struct field *field, enum fields_readers readers)
{
	return readers == FIELDS_FOR_USERS ? field->shown : field->name;
}

static json_t *
text_json(const char *text)
{
	char *copy = text_copy_printable(text);
	json_t *json = copy != NULL ? json_string(copy) : NULL;

	free(copy);
	return json;
}

static json_t *
options_json(uint8_t options)
{
	char text[KEY_OPTIONS_TEXT_MAX + 1];

	ssh_key_format_options(options, text);
	return json_string(text);
}

static json_t *
field_json(const struct field *field, const void *fields)
{
	if (field_is_text(field))
		return text_json(field_text(field, fields));
	if (field_has_words(field))
		return json_string(field_word(field, fields));
	if (field->type == FIELD_OPTIONS)
		return options_json((uint8_t)field_number(field, fields));
	return json_integer((json_int_t)field_number(field, fields));
}

json_t *
fields_to_json(json_t *object, const struct field_table *table,
    const void *fields, enum fields_readers readers)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const char *name = name_for(&table->rows[i], readers);

		if (name != NULL)
			object = json_with(object, name,
			    field_json(&table->rows[i], fields));
	}
	return object;
}

/* ---- and back ----------------------------------------------------------- */

static int
take_text(const struct field *field, const json_t *value, void *fields)
{
	const char *text = value == NULL ? "" : json_string_value(value);
	char *copy;

	if (text == NULL)
		return ENS_E_PROTOCOL;
	copy = text_copy_printable(text);
	if (copy == NULL)
		return -ENOMEM;
	field_set_text(field, fields, copy);
	return 0;
}

static int
take_word(const struct field *field, const json_t *value, void *fields)
{
	const char *text = value == NULL ? "" : json_string_value(value);

	if (text == NULL)
		return ENS_E_PROTOCOL;
	if (field_set_word(field, fields,
	        (struct bytes){ (const uint8_t *)text, strlen(text) }) != 0)
		field_set_number(field, fields, 0);
	return 0;
}

static int
take_number(const struct field *field, const json_t *value, void *fields)
{
	json_int_t number = json_integer_value(value);

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || number < 0)
		return ENS_E_PROTOCOL;
	field_set_number(field, fields, (uint64_t)number);
	return field_number(field, fields) == (uint64_t)number ? 0
	                                                       : ENS_E_PROTOCOL;
}

static int
take_field(const struct field *field, const json_t *value, void *fields)
{
	int r;

	if (field_has_words(field))
		return take_word(field, value, fields);
	r = field_is_text(field) ? take_text(field, value, fields)
	                         : take_number(field, value, fields);
	if (r == 0 && field->shown != NULL && field_check(field, fields) != 0)
		r = ENS_E_PROTOCOL;
	return r;
}

int
fields_from_json(const json_t *object, const struct field_table *table,
    void *ret_fields)
{
	const struct field *field;
	int r = 0;

	fields_init(table, ret_fields);
	for (uint32_t i = 0; i < table->count; i++) {
		if (field_is_text(&table->rows[i]))
			field_set_text(&table->rows[i], ret_fields, NULL);
	}
	for (uint32_t i = 0; r == 0 && i < table->count; i++) {
		field = &table->rows[i];
		r = take_field(field,
		    field->shown != NULL ? json_object_get(object, field->shown)
		                         : NULL,
		    ret_fields);
	}
	return r;
}

void
fields_free_texts(const struct field_table *table, void *fields)
{
	const struct field *field;
	char *owned;

	for (uint32_t i = 0; i < table->count; i++) {
		field = &table->rows[i];
		if (!field_is_text(field))
			continue;
		memcpy(&owned, (const char *)fields + field->offset,
		    sizeof(owned));
		free(owned);
		field_set_text(field, fields, NULL);
	}
}
