#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ldap/ldap_uuid.h"

static const uint8_t uuid[ENTRY_UUID_LEN] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d,
	0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };

/* Is an entry whose entryUUID is this text found by the UUID above? */
static bool
is_named(const char *text)
{
	struct schema schema;
	struct berval value = { strlen(text), NULL };
	struct entry_attribute attribute = {
		.name = { strlen("EntryUUID"), NULL },
		.values = &value,
		.value_count = 1,
	};

	schema_init(&schema);
	memcpy(&value.bv_val, &text, sizeof(text));
	memcpy(&attribute.name.bv_val, &(const char *){ "EntryUUID" },
	    sizeof(char *));
	return ldap_uuid_is_named(&schema, &attribute, 1, uuid);
}

static void
an_entry_is_named_by_its_uuid_as_text(void **state)
{
	char text[LDAP_UUID_TEXT_LEN + 1];

	(void)state;
	ldap_uuid_text(uuid, text);
	assert_string_equal(text, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
	assert_true(is_named(text));
}

static void
another_number_does_not_name_it(void **state)
{
	(void)state;
	assert_false(is_named("6ba7b810-9dad-11d1-80b4-00c04fd430c9"));
	assert_false(is_named(""));
}

/* A filter with the usual form would not find it. */
static void
the_same_number_in_another_form_does_not_name_it(void **state)
{
	(void)state;
	assert_false(is_named("6ba7b810-9dad11d1-80b400c0-4fd430c8"));
	assert_false(is_named("6ba7b8109dad11d180b400c04fd430c8"));
	assert_false(is_named("6ba7b8-109dad-11d1-80b4-00c04fd430c8"));
}

static void
without_the_attribute_nothing_names_it(void **state)
{
	struct schema schema;

	(void)state;
	schema_init(&schema);
	assert_false(ldap_uuid_is_named(&schema, NULL, 0, uuid));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_named_by_its_uuid_as_text),
		cmocka_unit_test(another_number_does_not_name_it),
		cmocka_unit_test(
		    the_same_number_in_another_form_does_not_name_it),
		cmocka_unit_test(without_the_attribute_nothing_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
