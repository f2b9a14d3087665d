/* What an entry is after its changes. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "enscalectl/changes.h"

static struct berval
text(const char *from)
{
	struct berval value = { strlen(from), NULL };

	memcpy(&value.bv_val, &from, sizeof(from)); /* only read */
	return value;
}

static const struct entry_attribute *
find(const struct changed *changed, const char *name)
{
	for (uint32_t i = 0; i < changed->count; i++)
		if (strcmp(changed->attributes[i].name.bv_val, name) == 0)
			return &changed->attributes[i];
	return NULL;
}

static void
assert_values(const struct changed *changed, const char *name,
    const char *values)
{
	const struct entry_attribute *found = find(changed, name);
	char all[256] = "";
	size_t used = 0;

	for (uint32_t i = 0; found != NULL && i < found->value_count; i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used,
		    "%.*s;", (int)found->values[i].bv_len,
		    found->values[i].bv_val);
	assert_string_equal(all, values);
}

/* An entry with two attributes. */
static uint32_t
make(struct entry_attribute attributes[2])
{
	static struct berval full[2], owner[1];

	full[0] = text("1");
	full[1] = text("2");
	owner[0] = text("7");
	attributes[0] = (struct entry_attribute){ text("full"), full, 2 };
	attributes[1] = (struct entry_attribute){ text("owner"), owner, 1 };
	return 2;
}

static void
a_new_entry_has_what_is_added(void **state)
{
	struct changes changes = { .count = 0 };
	struct changed changed;

	(void)state;
	changes_put_text(&changes, LDAP_MOD_ADD, "cn", "x");
	changes_put_text(&changes, LDAP_MOD_ADD, "full", "3");
	assert_int_equal(changes_apply(&changes, NULL, 0, &changed), 0);
	assert_int_equal(changed.count, 2);
	assert_values(&changed, "cn", "x;");
	cleanup_changed(&changed);
}

static void
values_are_added_to_those_and_taken_from_those(void **state)
{
	struct entry_attribute attributes[2];
	uint32_t count = make(attributes);
	struct changes changes = { .count = 0 };
	struct changed changed;

	(void)state;
	changes_put_text(&changes, LDAP_MOD_DELETE, "FULL", "1");
	changes_put_text(&changes, LDAP_MOD_ADD, "limited", "1");
	changes_put_text(&changes, LDAP_MOD_ADD, "full", "9");
	assert_int_equal(changes_apply(&changes, attributes, count, &changed),
	    0);
	assert_values(&changed, "full", "2;9;");
	assert_values(&changed, "limited", "1;");
	assert_values(&changed, "owner", "7;");
	/* the entry itself is as it was */
	assert_int_equal(attributes[0].value_count, 2);
	cleanup_changed(&changed);
}

static void
an_attribute_without_a_value_is_not_there(void **state)
{
	struct entry_attribute attributes[2];
	uint32_t count = make(attributes);
	struct changes changes = { .count = 0 };
	struct changed changed;

	(void)state;
	changes_put_text(&changes, LDAP_MOD_REPLACE, "owner", "");
	changes_put_text(&changes, LDAP_MOD_DELETE, "full", "1");
	changes_put_text(&changes, LDAP_MOD_DELETE, "full", "2");
	changes_put_text(&changes, LDAP_MOD_REPLACE, "none", NULL);
	assert_int_equal(changes_apply(&changes, attributes, count, &changed),
	    0);
	assert_int_equal(changed.count, 0);
	cleanup_changed(&changed);
}

static void
a_value_is_replaced_and_so_are_several(void **state)
{
	const struct berval values[] = { text("4"), text("5"), text("6") };
	struct entry_attribute attributes[2];
	uint32_t count = make(attributes);
	struct changes changes = { .count = 0 };
	struct changed changed;

	(void)state;
	changes_put(&changes, LDAP_MOD_REPLACE, "full", values, 3);
	changes_put_text(&changes, LDAP_MOD_REPLACE, "owner", "8");
	assert_int_equal(changes_apply(&changes, attributes, count, &changed),
	    0);
	assert_values(&changed, "full", "4;5;6;");
	assert_values(&changed, "owner", "8;");
	/* libldap gets lists that end with NULL */
	assert_ptr_equal(changes.pointers[2], NULL);
	assert_ptr_equal(changes.pointers[0]->mod_bvalues[3], NULL);
	assert_int_equal(changes.pointers[1]->mod_bvalues[0]->bv_len, 1);
	cleanup_changed(&changed);
}

static void
a_list_of_any_length_counts_whole(void **state)
{
	enum {
		COUNT = 10 * CHANGES_VALUES_MAX
	};
	static struct berval values[COUNT], *list[COUNT + 1], *none[1];
	struct entry_attribute attributes[2];
	uint32_t count = make(attributes);
	struct changes changes = { .count = 0 };
	const struct entry_attribute *full;
	struct changed changed;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		values[i] = text("9");
		list[i] = &values[i];
	}
	changes_put_list(&changes, LDAP_MOD_REPLACE, "full", list);
	changes_put_list(&changes, LDAP_MOD_REPLACE, "owner", none);
	assert_int_equal(changes_apply(&changes, attributes, count, &changed),
	    0);
	assert_int_equal(changed.count, 1);
	full = find(&changed, "full");
	assert_true(full != NULL && full->value_count == COUNT);
	assert_ptr_equal(changes.pointers[0]->mod_bvalues, list);
	assert_ptr_equal(changes.pointers[1]->mod_bvalues, NULL);
	cleanup_changed(&changed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_entry_has_what_is_added),
		cmocka_unit_test(
		    values_are_added_to_those_and_taken_from_those),
		cmocka_unit_test(an_attribute_without_a_value_is_not_there),
		cmocka_unit_test(a_value_is_replaced_and_so_are_several),
		cmocka_unit_test(a_list_of_any_length_counts_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
