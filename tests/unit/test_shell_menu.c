/* Unit tests of the menu as text (enscale_shell/menu_text.c) and of
 * enscale_shell/listing. */
#include <config.h>

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "enscale_shell/listing.h"
#include "enscale_shell/menu.h"

/* As account 25880 of the demo sees it, in an order of the guard's. */
static const char demo[] =
    "{\"ok\":true,\"environments\":["
    "{\"name\":\"env-3344147\",\"state\":\"stopped\",\"role\":\"owner\","
    "\"owner\":25880,\"verdict\":\"environment-stopped\","
    "\"sentence\":\"The environment env-3344147 is stopped.\","
    "\"nodes\":[{\"node\":144490,\"service\":\"nginx\","
    "\"address\":\"198.19.0.21\",\"user\":\"nginx\","
    "\"state\":\"running\"}]},"
    "{\"name\":\"crimson-dust-8\",\"state\":\"running\","
    "\"role\":\"limited\",\"owner\":21296,"
    "\"verdict\":\"access-limited\",\"sentence\":\"Limited.\"},"
    "{\"name\":\"cool-waterfall-59\",\"state\":\"running\","
    "\"role\":\"owner\",\"owner\":25880,\"verdict\":\"allowed\","
    "\"nodes\":[{\"node\":124719,\"service\":\"mysql\","
    "\"address\":\"198.19.0.19\",\"user\":\"mysql\","
    "\"state\":\"stopped\"},"
    "{\"node\":124718,\"service\":\"apache\",\"address\":\"198.19.0.18\","
    "\"user\":\"apache\",\"state\":\"running\"}]}]}";

static int
parse(const char *text, struct listing **ret_listing)
{
	json_t *reply = json_loads(text, 0, NULL);
	int r;

	assert_non_null(reply);
	r = listing_parse(reply, ret_listing);
	json_decref(reply);
	return r;
}

static char *
print(const struct listing *listing,
    const struct listing_environment *environment, unsigned columns)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (environment != NULL)
		menu_print_nodes(out, environment, columns);
	else
		menu_print_environments(out, listing, columns);
	fclose(out);
	return text;
}

static void
running_environments_come_first(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(parse(demo, &listing), 0);
	text = print(listing, NULL, 80);
	assert_string_equal(text,
	    "\nEnvironments\n"
	    "  0. Quit\n"
	    "  1. Refresh\n"
	    "  2. cool-waterfall-59  running  owner\n"
	    "  3. crimson-dust-8     running  limited access, shared by 21296\n"
	    "  4. env-3344147        stopped  owner\n");
}

static void
nodes_show_service_id_address_and_user(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(parse(demo, &listing), 0);
	text = print(NULL, listing_find(listing, "cool-waterfall-59"), 80);
	assert_string_equal(text,
	    "\nNodes of cool-waterfall-59 (running, owner)\n"
	    "  0. Back\n"
	    "  1. Refresh\n"
	    "  2. apache  124718  198.19.0.18  user apache\n"
	    "  3. mysql   124719  198.19.0.19  user mysql   stopped\n");
}

static void
a_refused_environment_keeps_its_sentence(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;

	(void)state;
	assert_int_equal(parse(demo, &listing), 0);
	assert_null(listing_find(listing, "cool-waterfall-59")->refusal);
	assert_string_equal(listing_find(listing, "env-3344147")->refusal,
	    "The environment env-3344147 is stopped.");
	assert_string_equal(listing_find(listing, "crimson-dust-8")->refusal,
	    "Limited.");
	assert_null(listing_find(listing, "other"));
}

static void
a_narrow_terminal_gets_no_padding(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(parse(demo, &listing), 0);
	text = print(listing, NULL, 40);
	assert_non_null(strstr(text, "  4. env-3344147  stopped  owner\n"));
}

static void
wide_characters_align(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(parse("{\"environments\":["
	                       "{\"name\":\"b\xc3\xa4r\",\"state\":\"running\","
	                       "\"role\":\"owner\",\"verdict\":\"allowed\"},"
	                       "{\"name\":\"zzzz\",\"state\":\"running\","
	                       "\"role\":\"owner\",\"verdict\":\"allowed\"}]}",
	                     &listing),
	    0);
	text = print(listing, NULL, 80);
	assert_non_null(strstr(text, "  2. b\xc3\xa4r   running  owner\n"));
	assert_non_null(strstr(text, "  3. zzzz  running  owner\n"));
}

static void
ten_rows_keep_their_numbers_aligned(void **state)
{
	struct listing_environment environments[9];
	struct listing listing = { environments, 9 };
	AUTO_FREE char *text = NULL;
	char name[] = "e", running[] = "running", owner[] = "owner";
	size_t i;

	(void)state;
	memset(environments, 0, sizeof(environments));
	for (i = 0; i < 9; i++) {
		environments[i].name = name;
		environments[i].state = running;
		environments[i].role = owner;
	}
	text = print(&listing, NULL, 80);
	assert_non_null(strstr(text, "\n   0. Quit\n"));
	assert_non_null(strstr(text, "\n   9. e  running  owner\n"));
	assert_non_null(strstr(text, "\n  10. e  running  owner\n"));
}

static void
escape_sequences_of_the_directory_do_not_reach_the_terminal(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	AUTO_FREE char *environments = NULL, *nodes = NULL;
	const char *c;

	(void)state;
	assert_int_equal(
	    parse("{\"environments\":[{\"name\":\"a\\u001b[2Jb\\nc\","
	          "\"state\":\"run\\u0007ning\",\"role\":\"\\u009bfull\","
	          "\"owner\":1,\"verdict\":\"no\",\"sentence\":\"x\\ry\","
	          "\"nodes\":[{\"node\":1,\"service\":\"\\u001b]0;x\\u0007\","
	          "\"address\":\"\\u202e1\",\"user\":\"\\u007f\","
	          "\"state\":\"\\u001b\"}]}]}",
	        &listing),
	    0);
	environments = print(listing, NULL, 80);
	nodes = print(NULL, &listing->environments[0], 80);
	for (c = environments; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c < '\177'));
	for (c = nodes; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c < '\177'));
	assert_string_equal(listing->environments[0].refusal, "x?y");
}

static void
an_answer_of_another_form_is_refused_whole(void **state)
{
	static const char *const bad[] = { "{}", "{\"environments\":{}}",
		"{\"environments\":[1]}", "{\"environments\":[{}]}",
		"{\"environments\":[{\"name\":1,\"state\":\"running\","
		"\"role\":\"owner\",\"verdict\":\"allowed\"}]}",
		"{\"environments\":[{\"name\":\"a\",\"state\":\"running\","
		"\"role\":\"owner\",\"verdict\":\"allowed\","
		"\"nodes\":[{\"node\":0,\"service\":\"\",\"address\":\"\","
		"\"user\":\"\",\"state\":\"\"}]}]}" };
	struct listing *listing = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i], &listing), ENS_E_PROTOCOL);
		assert_null(listing);
	}
}

static void
nothing_to_list_is_said(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(parse("{\"environments\":[]}", &listing), 0);
	text = print(listing, NULL, 80);
	assert_non_null(strstr(text, "You have no environments yet.\n"));
	assert_non_null(strstr(text, "0. Quit\n"));
}

static void
choices_are_numbers_or_q(void **state)
{
	size_t row = 77;

	(void)state;
	assert_int_equal(menu_parse_choice("0", 3, &row), MENU_CHOICE_LEAVE);
	assert_int_equal(menu_parse_choice("1", 3, &row), MENU_CHOICE_REFRESH);
	assert_int_equal(menu_parse_choice("", 3, &row), MENU_CHOICE_REFRESH);
	assert_int_equal(menu_parse_choice("q", 3, &row), MENU_CHOICE_QUIT);
	assert_int_equal(menu_parse_choice(" Q ", 3, &row), MENU_CHOICE_QUIT);
	assert_int_equal(row, 77);
	assert_int_equal(menu_parse_choice("2", 3, &row), MENU_CHOICE_ROW);
	assert_int_equal(row, 0);
	assert_int_equal(menu_parse_choice("\t4 ", 3, &row), MENU_CHOICE_ROW);
	assert_int_equal(row, 2);
}

static void
other_choices_are_not_understood(void **state)
{
	static const char *const bad[] = { "5", "-1", "+2", "02", "2x", "2 3",
		"4294967298", "99999999999999999999", "quit", "?", "\033[1",
		"1;2c", "a very long line that nobody would type" };
	size_t i, row = 77;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(menu_parse_choice(bad[i], 3, &row),
		    MENU_CHOICE_UNKNOWN);
	assert_int_equal(menu_parse_choice("2", 0, &row), MENU_CHOICE_UNKNOWN);
	assert_int_equal(row, 77);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(running_environments_come_first),
		cmocka_unit_test(nodes_show_service_id_address_and_user),
		cmocka_unit_test(a_refused_environment_keeps_its_sentence),
		cmocka_unit_test(a_narrow_terminal_gets_no_padding),
		cmocka_unit_test(wide_characters_align),
		cmocka_unit_test(ten_rows_keep_their_numbers_aligned),
		cmocka_unit_test(
		    escape_sequences_of_the_directory_do_not_reach_the_terminal),
		cmocka_unit_test(an_answer_of_another_form_is_refused_whole),
		cmocka_unit_test(nothing_to_list_is_said),
		cmocka_unit_test(choices_are_numbers_or_q),
		cmocka_unit_test(other_choices_are_not_understood),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
