/*
 * The fields of each kind: there and back on the wire and as JSON, from those
 * who know more of them or fewer, and what their types refuse.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/base/errors.h"
#include "common/view/fields.h"
#include "common/view/fields_json.h"

static const struct account_fields account = {
	.status = ACCOUNT_SUSPENDED,
	.expires = 1763850000,
	.max_sessions = 7,
	.name = "Ada Lovelace",
	.mail = "ada@example.org",
};

static const struct key_fields key = {
	.title = "Enscale Demo Key",
	.from = "10.0.0.0/8,!10.1.1.1",
	.options = KEY_NO_PTY,
	.expires = 2,
};

static const struct environment_fields environment = {
	.name = "cool-waterfall-59",
	.state = ENVIRONMENT_SLEEPING,
	.owner = 25880,
};

static const struct node_fields node = {
	.address = "10.10.129.154",
	.port = 2222,
	.state = ENVIRONMENT_STOPPED,
	.service_type = "apache",
	.system_user = "www-data",
};

static const struct sample {
	const struct field_table *table;
	const void *fields;
} samples[] = {
	{ &account_fields, &account },
	{ &key_fields, &key },
	{ &environment_fields, &environment },
	{ &node_fields, &node },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* Room for the fields of any kind. */
union any_fields {
	struct account_fields account;
	struct key_fields key;
	struct environment_fields environment;
	struct node_fields node;
};

static struct wire_writer writer;

static int
setup(void **state)
{
	(void)state;
	wire_write_init_growing(&writer, 65536);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	wire_write_free(&writer);
	return 0;
}

static void
assert_same_field(const struct field *field, const void *a, const void *b)
{
	if (field_is_text(field))
		assert_string_equal(field_text(field, a), field_text(field, b));
	else
		assert_int_equal(field_number(field, a),
		    field_number(field, b));
}

/* What is in the writer, read by that table. */
static int
read_all(const struct field_table *table, void *ret_fields)
{
	struct wire_reader reader;

	wire_read_init(&reader, writer.data, writer.len);
	fields_read(&reader, table, ret_fields);
	return reader.error != 0 ? reader.error : wire_read_end(&reader);
}

static int
write_all_of(const struct field_table *table, const void *fields)
{
	writer.len = 0;
	writer.error = 0;
	fields_write(&writer, table, fields);
	return writer.error;
}

static struct field_table
first_rows(const struct field_table *table)
{
	return (struct field_table){ table->rows, table->first, table->first };
}

static const struct field *
find(const struct field_table *table, const char *name)
{
	for (uint32_t i = 0; i < table->count; i++) {
		if (strcmp(table->rows[i].name, name) == 0)
			return &table->rows[i];
	}
	fail_msg("no field %s", name);
	return NULL;
}

/* ---- on the wire --------------------------------------------------------- */

static void
what_is_written_is_read(void **state)
{
	union any_fields found;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct field_table *table = samples[i].table;

		assert_int_equal(write_all_of(table, samples[i].fields), 0);
		assert_int_equal(read_all(table, &found), 0);
		for (uint32_t k = 0; k < table->count; k++)
			assert_same_field(&table->rows[k], &found,
			    samples[i].fields);
	}
}

static void
without_a_string_around_them_the_first_are_read_as_well(void **state)
{
	struct wire_reader reader;
	union any_fields found;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct field_table first = first_rows(samples[i].table);

		assert_int_equal(write_all_of(&first, samples[i].fields), 0);
		wire_read_init(&reader, writer.data + 4, writer.len - 4);
		fields_read_first(&reader, samples[i].table, &found);
		assert_int_equal(wire_read_end(&reader), 0);
		for (uint32_t k = 0; k < first.count; k++)
			assert_same_field(&first.rows[k], &found,
			    samples[i].fields);
	}
}

/* The table of somebody for whom all from a row on are new. */
static struct field_table
with_first(const struct field_table *table, uint32_t first)
{
	return (struct field_table){ table->rows, table->count, first };
}

static void
a_field_that_its_writer_did_not_know_has_its_default(void **state)
{
	const struct field_table old = { account_fields.rows, 1, 1 };
	const struct field_table new = with_first(&account_fields, 1);
	struct account_fields found;

	(void)state;
	assert_int_equal(write_all_of(&old, &account), 0);
	assert_int_equal(read_all(&new, &found), 0);
	assert_int_equal(found.status, ACCOUNT_SUSPENDED);
	assert_int_equal(found.expires, 0);
	assert_int_equal(found.max_sessions, 0);
	assert_string_equal(found.name, "");
	assert_string_equal(found.mail, "");
}

static void
a_field_that_its_reader_does_not_know_is_passed_over(void **state)
{
	const struct field_table fewer = { node_fields.rows, 2, 2 };
	struct node_fields found;

	(void)state;
	assert_int_equal(write_all_of(&node_fields, &node), 0);
	assert_int_equal(read_all(&fewer, &found), 0);
	assert_string_equal(found.address, node.address);
	assert_int_equal(found.port, node.port);
}

static void
a_field_that_was_there_always_is_not_left_out(void **state)
{
	union any_fields found;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct field_table *table = samples[i].table;

		assert_in_range(table->first, 1, table->count);
		for (uint32_t count = 0; count < table->first; count++) {
			struct field_table fewer = { table->rows, count,
				count };

			assert_int_equal(
			    write_all_of(&fewer, samples[i].fields), 0);
			assert_int_equal(read_all(table, &found),
			    ENS_E_CORRUPT);
		}
	}
}

static void
the_default_of_a_newer_field_is_a_value_of_its_type(void **state)
{
	union any_fields found;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct field_table *table = samples[i].table;

		fields_init(table, &found);
		for (uint32_t k = table->first; k < table->count; k++)
			assert_int_equal(field_check(&table->rows[k], &found),
			    0);
	}
}

static void
what_may_not_be_empty_is_not_written_empty(void **state)
{
	struct environment_fields none;

	(void)state;
	fields_init(&environment_fields, &none);
	assert_int_equal(write_all_of(&environment_fields, &none), ENS_E_RANGE);
}

/* The first len bytes of what is in the writer, in memory of that size, so that
 * a tool sees a read too far. */
static uint8_t *
cut(size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, writer.data, len);
	return copy;
}

static void
no_cut_is_read_too_far(void **state)
{
	struct wire_reader reader;
	union any_fields found;
	uint8_t *copy;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct field_table first = first_rows(samples[i].table);

		assert_int_equal(write_all_of(&first, samples[i].fields), 0);
		for (size_t len = 0; len < writer.len; len++) {
			copy = cut(len);
			wire_read_init(&reader, copy, len);
			fields_read(&reader, samples[i].table, &found);
			assert_int_equal(reader.error, ENS_E_CORRUPT);
			free(copy);
		}
		/* With a length that says so. */
		for (size_t len = 4; len < writer.len; len++) {
			copy = cut(len);
			copy[2] = (uint8_t)((len - 4) >> 8);
			copy[3] = (uint8_t)(len - 4);
			wire_read_init(&reader, copy, len);
			fields_read(&reader, samples[i].table, &found);
			assert_int_equal(reader.error, ENS_E_CORRUPT);
			free(copy);
		}
	}
}

/* ---- types --------------------------------------------------------------- */

static int
check_node(const char *name, uint64_t value)
{
	const struct field *field = find(&node_fields, name);
	struct node_fields changed = node;

	field_set_number(field, &changed, value);
	return field_check(field, &changed);
}

static int
check_account(const char *name, uint64_t value)
{
	const struct field *field = find(&account_fields, name);
	struct account_fields changed = account;

	field_set_number(field, &changed, value);
	return field_check(field, &changed);
}

static void
a_number_that_its_type_does_not_have_is_refused(void **state)
{
	const struct field *options = find(&key_fields, "options");
	struct key_fields changed = key;

	(void)state;
	assert_int_equal(check_node("port", 0), ENS_E_RANGE);
	assert_int_equal(check_node("port", UINT16_MAX), 0);
	assert_int_equal(check_node("state", 0), ENS_E_RANGE);
	assert_int_equal(check_node("state", ENVIRONMENT_SLEEPING + 1),
	    ENS_E_RANGE);
	assert_int_equal(check_account("status", 3), ENS_E_RANGE);
	assert_int_equal(check_account("expires", (uint64_t)INT64_MAX + 1),
	    ENS_E_RANGE);
	assert_int_equal(check_account("max_sessions", SESSION_LIMIT_MAX), 0);
	assert_int_equal(check_account("max_sessions", SESSION_LIMIT_MAX + 1),
	    ENS_E_LIMIT);
	field_set_number(options, &changed, KEY_OPTIONS + 1);
	assert_int_equal(field_check(options, &changed), ENS_E_RANGE);
}

static int
set_word(struct account_fields *fields, const char *text, size_t len)
{
	return field_set_word(find(&account_fields, "status"), fields,
	    (struct bytes){ (const uint8_t *)text, len });
}

static void
a_word_of_the_directory_is_known_in_full_alone(void **state)
{
	static const char *const states[] = { "running", "stopped",
		"sleeping" };
	const struct field *field = find(&node_fields, "state");
	struct account_fields changed = account;
	struct node_fields changed_node = node;

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct bytes word = { (const uint8_t *)states[i],
			strlen(states[i]) };

		assert_int_equal(field_set_word(field, &changed_node, word), 0);
		assert_string_equal(environment_state_text(changed_node.state),
		    states[i]);
		word.len--;
		assert_int_equal(field_set_word(field, &changed_node, word),
		    ENS_E_SYNTAX);
	}
	assert_int_equal(set_word(&changed, "active", 6), 0);
	assert_int_equal(changed.status, ACCOUNT_ACTIVE);
	assert_int_equal(set_word(&changed, "suspended", 9), 0);
	assert_int_equal(changed.status, ACCOUNT_SUSPENDED);
	assert_int_equal(set_word(&changed, "Active", 6), ENS_E_SYNTAX);
	assert_int_equal(set_word(&changed, "active", 7), ENS_E_SYNTAX);
	assert_int_equal(set_word(&changed, NULL, 0), ENS_E_SYNTAX);
	assert_int_equal(changed.status, ACCOUNT_SUSPENDED);
}

static void
a_text_over_its_limit_is_refused(void **state)
{
	char text[MAIL_TEXT_MAX + 2];
	struct account_fields changed = account;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[MAIL_TEXT_MAX] = '\0';
	changed.mail = text;
	assert_int_equal(write_all_of(&account_fields, &changed), 0);
	text[MAIL_TEXT_MAX] = 'a';
	text[MAIL_TEXT_MAX + 1] = '\0';
	assert_int_equal(write_all_of(&account_fields, &changed), ENS_E_LIMIT);
}

/* ---- JSON ---------------------------------------------------------------- */

static void
users_read_what_the_guard_says_of_a_field(void **state)
{
	union any_fields found;

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct field_table *table = samples[i].table;
		json_t *object = fields_to_json(json_object(), table,
		    samples[i].fields, FIELDS_FOR_USERS);

		assert_non_null(object);
		if (table == &key_fields) {
			assert_string_equal(json_string_value(json_object_get(
			                        object, "options")),
			    "no-pty");
			json_decref(object);
			continue; /* options are not read */
		}
		assert_int_equal(fields_from_json(object, table, &found), 0);
		for (uint32_t k = 0; k < table->count; k++) {
			assert_int_equal(json_object_get(object,
			                     table->rows[k].name) != NULL,
			    table->rows[k].shown != NULL &&
			        strcmp(table->rows[k].shown,
			            table->rows[k].name) == 0);
			if (table->rows[k].shown != NULL)
				assert_same_field(&table->rows[k], &found,
				    samples[i].fields);
		}
		fields_free_texts(table, &found);
		json_decref(object);
	}
}

static void
administrators_read_every_field_by_its_own_name(void **state)
{
	json_t *object = fields_to_json(json_object(), &node_fields, &node,
	    FIELDS_FOR_ADMINISTRATORS);
	json_t *wanted = json_pack("{s:s, s:i, s:s, s:s, s:s}", "address",
	    "10.10.129.154", "port", 2222, "state", "stopped", "service_type",
	    "apache", "system_user", "www-data");

	const char *name;
	json_t *value;

	(void)state;
	json_object_foreach(wanted, name, value)
		assert_true(json_equal(json_object_get(object, name), value));
	json_decref(object);
	json_decref(wanted);
}

static int
read_json(const char *text, struct node_fields *ret_node)
{
	json_t *object = json_loads(text, 0, NULL);
	int r;

	assert_non_null(object);
	r = fields_from_json(object, &node_fields, ret_node);
	json_decref(object);
	return r;
}

static void
a_member_of_an_older_or_newer_guard_has_its_default(void **state)
{
	struct node_fields found;

	(void)state;
	assert_int_equal(read_json("{\"address\": \"10.0.0.1\", "
	                           "\"user\": \"apache\", "
	                           "\"state\": \"hibernated\", \"more\": 1}",
	                     &found),
	    0);
	assert_int_equal(found.port, 22);
	assert_string_equal(found.service_type, "");
	assert_string_equal(environment_state_text(found.state), "unknown");
	fields_free_texts(&node_fields, &found);
}

static void
a_member_of_another_type_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"address\": 1, \"user\": \"apache\"}",
		"{\"address\": \"\", \"user\": \"apache\"}",
		"{\"address\": \"a\", \"user\": \"apache\", \"port\": \"22\"}",
		"{\"address\": \"a\", \"user\": \"apache\", \"port\": 0}",
		"{\"address\": \"a\", \"user\": \"apache\", \"port\": 65536}",
		"{\"address\": \"a\", \"user\": \"apache\", \"port\": -1}",
		"{\"address\": \"a\", \"user\": \"apache\", \"state\": 1}",
	};
	struct node_fields found;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_json(bad[i], &found), ENS_E_PROTOCOL);
		fields_free_texts(&node_fields, &found);
	}
}

static void
a_number_that_is_no_word_reads_unknown(void **state)
{
	struct node_fields odd = node;
	json_t *object;

	(void)state;
	odd.state = (enum environment_state)0;
	object = fields_to_json(json_object(), &node_fields, &odd,
	    FIELDS_FOR_USERS);
	assert_string_equal(json_string_value(json_object_get(object, "state")),
	    "unknown");
	json_decref(object);
}

static void
a_text_is_made_fit_for_a_terminal(void **state)
{
	struct node_fields odd = node, found;
	json_t *object;

	(void)state;
	odd.service_type = "a\033[2Jb\xff";
	object = fields_to_json(json_object(), &node_fields, &odd,
	    FIELDS_FOR_USERS);
	assert_string_equal(
	    json_string_value(json_object_get(object, "service")), "a?[2Jb?");
	json_decref(object);
	assert_int_equal(read_json("{\"address\": \"a\", \"user\": \"b\", "
	                           "\"service\": \"a\\u001b[2J\"}",
	                     &found),
	    0);
	assert_string_equal(found.service_type, "a?[2J");
	fields_free_texts(&node_fields, &found);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(without_a_string_around_them_the_first_are_read_as_well),
		TEST(a_field_that_its_writer_did_not_know_has_its_default),
		TEST(a_field_that_its_reader_does_not_know_is_passed_over),
		TEST(a_field_that_was_there_always_is_not_left_out),
		TEST(the_default_of_a_newer_field_is_a_value_of_its_type),
		TEST(what_may_not_be_empty_is_not_written_empty),
		TEST(no_cut_is_read_too_far),
		TEST(a_number_that_its_type_does_not_have_is_refused),
		TEST(a_word_of_the_directory_is_known_in_full_alone),
		TEST(a_text_over_its_limit_is_refused),
		TEST(users_read_what_the_guard_says_of_a_field),
		TEST(administrators_read_every_field_by_its_own_name),
		TEST(a_member_of_an_older_or_newer_guard_has_its_default),
		TEST(a_member_of_another_type_is_refused),
		TEST(a_number_that_is_no_word_reads_unknown),
		TEST(a_text_is_made_fit_for_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
