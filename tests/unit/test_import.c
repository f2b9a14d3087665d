/* What becomes of the records of an import before anything is written. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/keys/ssh_key_text.h"
#include "enscalectl/import.h"
#include "sample_keys.h"

static char said[4096];
static struct config config;
static struct request request;

/* As the program's own, into a text. */
void
complain_about(const char *what)
{
	(void)what;
}

void
complain(const char *format, ...)
{
	size_t used = strlen(said);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(said + used, sizeof(said) - used, format, args);
	va_end(args);
}

int
complain_usage(const char *verb)
{
	(void)verb;
	return EXIT_USAGE;
}

static struct import
make(void)
{
	said[0] = '\0';
	schema_init(&config.schema);
	return (struct import){ .config = &config, .request = &request };
}

static struct import_item *
begin(struct import *import, enum entry_kind kind)
{
	struct import_item *item = import_begin(import, kind, "file", 1);

	assert_non_null(item);
	return item;
}

/* value NULL: it is named without one. */
static int
say(struct import *import, struct import_item *item, const char *name,
    const char *value)
{
	char text[1024];
	struct berval one = { 0, text };

	one.bv_len = (ber_len_t)snprintf(text, sizeof(text), "%s",
	    value != NULL ? value : "");
	return import_say(import, item,
	    columns_find(columns_of(item->kind), name), &one, value != NULL,
	    false);
}

/* "name=value,value;" of each change. */
static void
assert_changes(const struct import *import, const struct import_item *item,
    const char *wanted)
{
	struct import_changes changes;
	char text[2048] = "";
	size_t used = 0;

	import_changes(import, item, &changes);
	for (unsigned i = 0; i < changes.changes.count; i++) {
		const LDAPMod *mod = changes.changes.pointers[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%s=", mod->mod_type);
		for (struct berval **value = mod->mod_bvalues;
		     value != NULL && *value != NULL; value++)
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, "%s%s",
			    value > mod->mod_bvalues ? "," : "",
			    (*value)->bv_val);
		used += (size_t)snprintf(text + used, sizeof(text) - used, ";");
	}
	assert_string_equal(text, wanted);
}

static void
what_a_record_does_not_name_is_not_changed(void **state)
{
	AUTO(cleanup_import) struct import import = make();
	struct import_item *item = begin(&import, ENTRY_ACCOUNT);

	(void)state;
	assert_int_equal(say(&import, item, "account_id", "7"), EXIT_YES);
	assert_int_equal(say(&import, item, "mail", "a@b.example"), EXIT_YES);
	assert_int_equal(say(&import, item, "cn", NULL), EXIT_YES);
	assert_int_equal(import_end(&import, item), EXIT_YES);
	assert_changes(&import, item,
	    "objectClass=enscaleAccount;enscaleAccountId=7;mail=a@b.example;");
	item->found = true;
	item->differs = ~0U; /* whatever the directory has */
	assert_changes(&import, item, "cn=;mail=a@b.example;");
}

static int
say_key(struct import *import, struct import_item *item, const char *line)
{
	assert_int_equal(say(import, item, "account_id", "7"), EXIT_YES);
	return say(import, item, "ssh_public_key", line);
}

static const char *
expires_of(const struct import_item *item)
{
	const struct columns *columns = columns_of(ENTRY_KEY);
	const struct import_said *expires =
	    &item->said[columns_find(columns, "expires") - columns->each];

	return expires->count > 0 ? expires->values[0]->bv_val : "";
}

static void
a_key_expires_at_the_sooner_of_two_moments(void **state)
{
	static const struct {
		const char *column, *option, *wanted;
	} rows[] = {
		{ "2090-01-31", "20800131Z", "20800131000000Z" },
		{ "2070-01-31", "20800131Z", "20700131000000Z" },
		{ NULL, "20800131Z", "20800131000000Z" },
		{ "never", "20800131Z", "20800131000000Z" },
	};
	char line[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO(cleanup_import) struct import import = make();
		struct import_item *item = begin(&import, ENTRY_KEY);

		(void)snprintf(line, sizeof(line), "expiry-time=\"%s\" %s",
		    rows[i].option, SAMPLE_ED25519);
		if (rows[i].column != NULL)
			assert_int_equal(
			    say(&import, item, "expires", rows[i].column),
			    EXIT_YES);
		assert_int_equal(say_key(&import, item, line), EXIT_YES);
		assert_int_equal(import_end(&import, item), EXIT_YES);
		assert_string_equal(expires_of(item), rows[i].wanted);
	}
}

static void
a_key_without_options_leaves_those_that_are_there(void **state)
{
	static const char *const lines[] = { SAMPLE_ED25519,
		"no-pty " SAMPLE_ED25519 };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		AUTO(cleanup_import) struct import import = make();
		struct import_item *item = begin(&import, ENTRY_KEY);
		struct import_changes changes;

		assert_int_equal(say_key(&import, item, lines[i]), EXIT_YES);
		assert_int_equal(import_end(&import, item), EXIT_YES);
		item->found = true;
		item->differs = ~0U;
		import_changes(&import, item, &changes);
		assert_int_equal(changes.changes.count, i);
	}
}

static void
of_two_records_of_one_thing_the_second_is_refused(void **state)
{
	AUTO(cleanup_import) struct import import = make();
	struct import_item *item = begin(&import, ENTRY_KEY);

	(void)state;
	assert_int_equal(say_key(&import, item, SAMPLE_ED25519), EXIT_YES);
	assert_int_equal(import_end(&import, item), EXIT_YES);
	item = begin(&import, ENTRY_KEY);
	assert_int_equal(say_key(&import, item, "no-pty " SAMPLE_ED25519),
	    EXIT_YES);
	assert_int_equal(import_end(&import, item), EXIT_NO);
	assert_int_equal(item->state, IMPORT_REFUSED);
	assert_non_null(strstr(said, "line 1 is about key SHA256:"));
}

static void
who_has_access_is_said_as_a_whole(void **state)
{
	AUTO(cleanup_import) struct import import = make();
	struct import_item *item = begin(&import, ENTRY_ENVIRONMENT);

	(void)state;
	assert_int_equal(say(&import, item, "cn", "one-7"), EXIT_YES);
	assert_int_equal(say(&import, item, "full_access", "8"), EXIT_YES);
	assert_int_equal(import_end(&import, item), EXIT_YES);
	item->found = true;
	item->differs = ~0U;
	assert_changes(&import, item,
	    "cn=one-7;enscaleFullAccess=8;enscaleLimitedAccess=;");
	assert_int_equal(item->need_count, 1);
	assert_int_equal(item->needs[0]->number, 8);
}

static void
a_record_finds_those_who_needed_it_before(void **state)
{
	AUTO(cleanup_import) struct import import = make();
	struct import_item *key = begin(&import, ENTRY_KEY), *account;

	(void)state;
	assert_int_equal(say_key(&import, key, SAMPLE_ED25519), EXIT_YES);
	assert_int_equal(import_end(&import, key), EXIT_YES);
	assert_int_equal(key->needs[0]->state, IMPORT_MENTIONED);
	account = begin(&import, ENTRY_ACCOUNT);
	assert_int_equal(say(&import, account, "account_id", "7"), EXIT_YES);
	assert_int_equal(import_end(&import, account), EXIT_YES);
	assert_int_equal(key->needs[0]->state, IMPORT_TO_ADD);
	assert_ptr_equal(import.items[1], key->needs[0]);
}

static void
a_weak_key_and_a_private_one_are_refused(void **state)
{
	AUTO(cleanup_import) struct import import = make();
	struct import_item *item = begin(&import, ENTRY_KEY);

	(void)state;
	assert_int_equal(say_key(&import, item, SAMPLE_RSA1024), EXIT_NO);
	assert_int_equal(item->state, IMPORT_REFUSED);
	item = begin(&import, ENTRY_KEY);
	assert_int_equal(say_key(&import, item,
	                     "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n"),
	    EXIT_NO);
	assert_null(strstr(said, "QUJD"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_record_does_not_name_is_not_changed),
		cmocka_unit_test(a_key_expires_at_the_sooner_of_two_moments),
		cmocka_unit_test(
		    a_key_without_options_leaves_those_that_are_there),
		cmocka_unit_test(
		    of_two_records_of_one_thing_the_second_is_refused),
		cmocka_unit_test(who_has_access_is_said_as_a_whole),
		cmocka_unit_test(a_record_finds_those_who_needed_it_before),
		cmocka_unit_test(a_weak_key_and_a_private_one_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
