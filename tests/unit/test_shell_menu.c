/* Unit tests of the menu as text (enscale_shell/menu_text.c, menu_find.c)
 * and of enscale_shell/listing. */
#include <config.h>

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
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
    "\"state\":\"running\"}],\"node_count\":1},"
    "{\"name\":\"crimson-dust-8\",\"state\":\"running\","
    "\"role\":\"limited\",\"owner\":21296,"
    "\"verdict\":\"access-limited\",\"sentence\":\"Limited.\","
    "\"node_count\":3},"
    "{\"name\":\"cool-waterfall-59\",\"state\":\"running\","
    "\"role\":\"owner\",\"owner\":25880,\"verdict\":\"allowed\","
    "\"nodes\":[{\"node\":124719,\"service\":\"mysql\","
    "\"address\":\"198.19.0.19\",\"user\":\"mysql\","
    "\"state\":\"stopped\"},"
    "{\"node\":124718,\"service\":\"apache\",\"address\":\"198.19.0.18\","
    "\"user\":\"apache\",\"state\":\"running\"}],\"node_count\":2}],"
    "\"last_node\":124718}";

static int
parse(const char *text, struct listing **ret_listing)
{
	AUTO(cleanup_listing) struct listing *listing = listing_new();
	json_t *reply = json_loads(text, 0, NULL);
	int r;

	assert_non_null(listing);
	assert_non_null(reply);
	r = listing_add(listing, reply);
	json_decref(reply);
	if (r != 0)
		return r;
	listing_sort(listing);
	*ret_listing = listing;
	listing = NULL;
	return 0;
}

/* Everything there is, or one environment's nodes. */
static struct menu_item *
collect(const struct listing *listing,
    const struct listing_environment *environment, size_t *ret_count)
{
	struct menu_item *items = calloc(64, sizeof(*items));
	size_t count = 0, i, k;

	assert_non_null(items);
	for (i = 0; i < listing->count && environment == NULL; i++)
		items[count++] = (struct menu_item){ &listing->environments[i],
			NULL };
	for (i = 0; i < listing->count; i++)
		for (k = 0; environment == &listing->environments[i] &&
		     k < environment->node_count;
		     k++)
			items[count++] = (struct menu_item){ environment,
				&environment->nodes[k] };
	*ret_count = count;
	return items;
}

static char *
print_page(const struct listing *listing,
    const struct listing_environment *environment, size_t first,
    const struct menu_window *window)
{
	struct menu_list list = { .leave = environment != NULL ? "Back"
		                                               : "Quit",
		.first = first };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	list.items = collect(listing, environment, &list.count);
	menu_print(out, &list, environment != NULL ? "Nodes" : "Environments",
	    window);
	free(list.items);
	fclose(out);
	return text;
}

static char *
print(const struct listing *listing,
    const struct listing_environment *environment, unsigned columns)
{
	const struct menu_window window = { .columns = columns };

	return print_page(listing, environment, 0, &window);
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
	    "  2. cool-waterfall-59  running  owner                            2 nodes\n"
	    "  3. crimson-dust-8     running  limited access, shared by 21296  3 nodes\n"
	    "  4. env-3344147        stopped  owner                            1 node\n");
}

static void
nodes_show_service_id_address_user_and_state(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(parse(demo, &listing), 0);
	text = print(listing, listing_find(listing, "cool-waterfall-59"), 80);
	assert_string_equal(text,
	    "\nNodes\n"
	    "  0. Back\n"
	    "  1. Refresh\n"
	    "  2. apache  124718  198.19.0.18  user apache  running\n"
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
	assert_non_null(
	    strstr(text, "  4. env-3344147  stopped  owner  1 node\n"));
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
	assert_non_null(
	    strstr(text, "  2. b\xc3\xa4r   running  owner  0 nodes\n"));
	assert_non_null(strstr(text, "  3. zzzz  running  owner  0 nodes\n"));
}

static void
ten_rows_keep_their_numbers_aligned(void **state)
{
	struct listing_environment environments[9];
	struct listing listing = { .environments = environments, .count = 9 };
	AUTO_FREE char *text = NULL;
	char name[] = "e", owner[] = "owner";
	size_t i;

	(void)state;
	memset(environments, 0, sizeof(environments));
	for (i = 0; i < 9; i++) {
		environments[i].name = name;
		environments[i].state = ENVIRONMENT_RUNNING;
		environments[i].role = owner;
	}
	text = print(&listing, NULL, 80);
	assert_non_null(strstr(text, "\n   0. Quit\n"));
	assert_non_null(strstr(text, "\n   9. e  running  owner  0 nodes\n"));
	assert_non_null(strstr(text, "\n  10. e  running  owner  0 nodes\n"));
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
	nodes = print(listing, &listing->environments[0], 80);
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
a_page_is_as_long_as_the_terminal(void **state)
{
	struct listing_environment environments[40];
	struct listing listing = { .environments = environments, .count = 40 };
	const struct menu_window window = { .columns = 80, .rows = 24 };
	AUTO_FREE char *begin = NULL, *middle = NULL, *end = NULL;
	char name[] = "e", owner[] = "owner";
	size_t i;

	(void)state;
	memset(environments, 0, sizeof(environments));
	for (i = 0; i < 40; i++) {
		environments[i].name = name;
		environments[i].state = ENVIRONMENT_RUNNING;
		environments[i].role = owner;
	}
	begin = print_page(&listing, NULL, 0, &window);
	assert_non_null(strstr(begin, "\n  18. e"));
	assert_null(strstr(begin, "\n  19. e"));
	assert_non_null(strstr(begin, "1 to 17 of 40.  n: next page\n"));
	middle = print_page(&listing, NULL, 17, &window);
	assert_null(strstr(middle, "\n  18. e"));
	assert_non_null(strstr(middle, "\n  19. e"));
	assert_non_null(strstr(middle,
	    "18 to 34 of 40.  n: next page  p: previous page\n"));
	end = print_page(&listing, NULL, 34, &window);
	assert_non_null(strstr(end, "\n  41. e"));
	assert_non_null(strstr(end, "35 to 40 of 40.  p: previous page\n"));
}

static void
rows_that_wrap_make_a_page_shorter(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	struct menu_list list = { .leave = "Quit" };
	struct menu_window window = { .columns = 80, .rows = 40 };

	(void)state;
	assert_int_equal(parse(demo, &listing), 0);
	list.items = collect(listing, NULL, &list.count);
	assert_int_equal(menu_page_size(&list, &window), 33);
	window.columns = 40;
	assert_int_equal(menu_page_size(&list, &window), 16);
	window.rows = 3; /* too small for anything */
	assert_int_equal(menu_page_size(&list, &window), 3);
	window.rows = 0;
	assert_int_equal(menu_page_size(&list, &window), list.count);
	free(list.items);
}

static void
colour_adds_nothing_but_escapes(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	const struct menu_window window = { .columns = 80, .has_colour = true };
	AUTO_FREE char *plain = NULL, *colour = NULL;
	char *from, *to;

	(void)state;
	assert_int_equal(parse(demo, &listing), 0);
	plain = print(listing, NULL, 80);
	colour = print_page(listing, NULL, 0, &window);
	assert_non_null(strstr(colour, "\033[32mrunning\033[0m"));
	assert_non_null(strstr(colour, "\033[33mstopped\033[0m"));
	for (from = to = colour; *from != '\0';) {
		if (*from == '\033')
			from += strcspn(from, "m") + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
	assert_string_equal(colour, plain);
}

/* ---- search ------------------------------------------------------------ */

/* What is found for a text among everything, as names with a comma each. */
static void
expect_found(const char *text, const char *expected)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	AUTO_FREE struct menu_item *items = NULL, *found = NULL;
	char names[512] = "", id[32];
	size_t count, all, i, k, used;

	assert_int_equal(parse(demo, &listing), 0);
	items = collect(listing, NULL, &all);
	for (i = 0; i < listing->count; i++)
		for (k = 0; k < listing->environments[i].node_count; k++)
			items[all++] = (struct menu_item){
				&listing->environments[i],
				&listing->environments[i].nodes[k]
			};
	assert_int_equal(menu_find(items, all, text, &found, &count), 0);
	for (i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%u",
		    found[i].node != NULL ? found[i].node->node : 0);
		used = strlen(names);
		snprintf(names + used, sizeof(names) - used, "%s,",
		    found[i].node != NULL ? id : found[i].environment->name);
	}
	assert_string_equal(names, expected);
}

static void
part_of_a_name_a_service_or_an_id_is_enough(void **state)
{
	(void)state;
	expect_found("waterfall", "cool-waterfall-59,");
	expect_found("mysql", "124719,");
	expect_found("4449", "144490,");
	expect_found("12471", "124718,124719,");
	expect_found("r", "cool-waterfall-59,crimson-dust-8,");
	expect_found("nothing", "");
}

static void
case_makes_no_difference(void **state)
{
	(void)state;
	expect_found("MySQL", "124719,");
	expect_found("CRIMSON", "crimson-dust-8,");
}

static void
a_whole_name_or_id_is_found_alone(void **state)
{
	(void)state;
	expect_found("env-3344147", "env-3344147,");
	expect_found("124718", "124718,");
}

static void
several_words_narrow_it_down(void **state)
{
	(void)state;
	expect_found("cool apache", "124718,");
	expect_found("  12471   mysql ", "124719,");
	expect_found("cool nginx", "");
	/* Nodes are found by what is their own, not for their environment. */
	expect_found("cool", "cool-waterfall-59,");
}

static void
a_search_of_many_words_finds_nothing(void **state)
{
	(void)state;
	expect_found("a a a a a a a a", "cool-waterfall-59,124718,");
	expect_found("a a a a a a a a a", "");
	expect_found("   ", "");
}

/* ---- input ------------------------------------------------------------- */

static struct menu_input
parse_line(const char *line)
{
	struct menu_input input;

	menu_parse(line, 3, &input);
	return input;
}

static void
numbers_that_stand_there_are_rows(void **state)
{
	(void)state;
	assert_int_equal(parse_line("0").choice, MENU_CHOICE_LEAVE);
	assert_int_equal(parse_line("1").choice, MENU_CHOICE_REFRESH);
	assert_int_equal(parse_line("2").choice, MENU_CHOICE_ROW);
	assert_int_equal(parse_line("2").row, 0);
	assert_int_equal(parse_line("\t4 ").choice, MENU_CHOICE_ROW);
	assert_int_equal(parse_line("\t4 ").row, 2);
}

static void
letters_are_commands(void **state)
{
	(void)state;
	assert_int_equal(parse_line("q").choice, MENU_CHOICE_QUIT);
	assert_int_equal(parse_line(" Q ").choice, MENU_CHOICE_QUIT);
	assert_int_equal(parse_line("exit").choice, MENU_CHOICE_QUIT);
	assert_int_equal(parse_line("?").choice, MENU_CHOICE_HELP);
	assert_int_equal(parse_line("k").choice, MENU_CHOICE_KEYS);
	assert_int_equal(parse_line("S").choice, MENU_CHOICE_SETTINGS);
	assert_int_equal(parse_line("n").choice, MENU_CHOICE_NEXT);
	assert_int_equal(parse_line("p").choice, MENU_CHOICE_PREVIOUS);
	assert_int_equal(parse_line("c").choice, MENU_CHOICE_CONNECT);
	assert_string_equal(parse_line("c").text, "");
	assert_int_equal(parse_line("c 12").choice, MENU_CHOICE_CONNECT);
	assert_string_equal(parse_line("c 12").text, "12");
	assert_int_equal(parse_line("").choice, MENU_CHOICE_NOTHING);
	assert_int_equal(parse_line(" \t").choice, MENU_CHOICE_NOTHING);
}

static void
everything_else_is_searched_for(void **state)
{
	static const char *const texts[] = { "5", "-1", "+2", "02", "2x", "2 3",
		"4294967298", "99999999999999999999", "quit now", "mysql",
		"cool apache" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse_line(texts[i]).choice, MENU_CHOICE_TEXT);
		assert_string_equal(parse_line(texts[i]).text, texts[i]);
	}
	assert_string_equal(parse_line("  mysql  ").text, "mysql");
}

static void
what_is_too_long_for_a_name_is_not_understood(void **state)
{
	char line[MENU_TEXT_MAX + 2];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[MENU_TEXT_MAX + 1] = '\0';
	assert_int_equal(parse_line(line).choice, MENU_CHOICE_UNKNOWN);
	line[MENU_TEXT_MAX] = '\0';
	assert_int_equal(parse_line(line).choice, MENU_CHOICE_TEXT);
}

static void
the_last_node_is_found_with_its_environment(void **state)
{
	AUTO(cleanup_listing) struct listing *listing = NULL;
	const struct listing_environment *environment = NULL;

	(void)state;
	assert_int_equal(parse(demo, &listing), 0);
	assert_int_equal(listing->last_node, 124718);
	assert_string_equal(
	    listing_find_node(listing, 124718, &environment)->service_type,
	    "apache");
	assert_string_equal(environment->name, "cool-waterfall-59");
	assert_null(listing_find_node(listing, 1, &environment));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(running_environments_come_first),
		cmocka_unit_test(nodes_show_service_id_address_user_and_state),
		cmocka_unit_test(a_refused_environment_keeps_its_sentence),
		cmocka_unit_test(a_narrow_terminal_gets_no_padding),
		cmocka_unit_test(wide_characters_align),
		cmocka_unit_test(ten_rows_keep_their_numbers_aligned),
		cmocka_unit_test(
		    escape_sequences_of_the_directory_do_not_reach_the_terminal),
		cmocka_unit_test(an_answer_of_another_form_is_refused_whole),
		cmocka_unit_test(a_page_is_as_long_as_the_terminal),
		cmocka_unit_test(rows_that_wrap_make_a_page_shorter),
		cmocka_unit_test(colour_adds_nothing_but_escapes),
		cmocka_unit_test(part_of_a_name_a_service_or_an_id_is_enough),
		cmocka_unit_test(case_makes_no_difference),
		cmocka_unit_test(a_whole_name_or_id_is_found_alone),
		cmocka_unit_test(several_words_narrow_it_down),
		cmocka_unit_test(a_search_of_many_words_finds_nothing),
		cmocka_unit_test(numbers_that_stand_there_are_rows),
		cmocka_unit_test(letters_are_commands),
		cmocka_unit_test(everything_else_is_searched_for),
		cmocka_unit_test(what_is_too_long_for_a_name_is_not_understood),
		cmocka_unit_test(the_last_node_is_found_with_its_environment),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
