/*
 * The menu as text: what it prints and what it understands (menu.h). It never
 * looks at the terminal; menu.c does.
 */
#include <config.h>

#include "enscale_shell/menu.h"

#include <string.h>

#include "common/names/login_name.h"
#include "enscale_shell/table.h"

#define NUMBER_TEXT 16
#define COUNT_TEXT  32
#define USER_TEXT   64
#define PAGE_MIN    3

/* ---- rows -------------------------------------------------------------- */

/* A row borrows its texts: these need room of their own. */
struct row_text {
	char number[NUMBER_TEXT];
	char id[NUMBER_TEXT];
	char user[USER_TEXT];
	char count[COUNT_TEXT];
};

static void
add_state(struct table_row *row, enum environment_state state)
{
	table_cell(row, environment_state_text(state),
	    state == ENVIRONMENT_RUNNING ? TABLE_GOOD : TABLE_BAD);
}

static void
add_environment(struct table_row *row,
    const struct listing_environment *environment, bool is_mixed,
    struct row_text *text)
{
	snprintf(text->count, sizeof(text->count), "%zu node%s",
	    environment->nodes_there, environment->nodes_there == 1 ? "" : "s");
	table_cell(row, environment->name,
	    is_mixed ? TABLE_STRONG : TABLE_PLAIN);
	add_state(row, environment->state);
	table_cell(row, environment->role, TABLE_PLAIN);
	table_cell(row, text->count, TABLE_PLAIN);
}

static void
add_node(struct table_row *row, const struct menu_item *item, bool is_mixed,
    struct row_text *text)
{
	const struct listing_node *node = item->node;

	snprintf(text->id, sizeof(text->id), "%u", node->node);
	snprintf(text->user, sizeof(text->user), "user %.40s",
	    node->system_user);
	if (is_mixed)
		table_cell(row, item->environment->name, TABLE_PLAIN);
	table_cell(row, node->service_type, TABLE_PLAIN);
	table_cell(row, text->id, TABLE_STRONG);
	table_cell(row, node->address, TABLE_PLAIN);
	table_cell(row, text->user, TABLE_PLAIN);
	add_state(row, node->state);
}

static void
make_row(const struct menu_list *list, size_t i, struct table_row *ret_row,
    struct row_text *text)
{
	const struct menu_item *item = &list->items[i];

	*ret_row = (struct table_row){ .number = i + MENU_FIRST_ROW };
	if (item->node != NULL)
		add_node(ret_row, item, list->is_mixed, text);
	else
		add_environment(ret_row, item->environment, list->is_mixed,
		    text);
}

/* Those of environments and those of nodes are two tables. */
struct widths {
	struct table environments, nodes;
};

static struct table *
table_of(struct widths *widths, const struct menu_item *item)
{
	return item->node != NULL ? &widths->nodes : &widths->environments;
}

static void
measure(const struct menu_list *list, const struct menu_window *window,
    struct widths *ret_widths)
{
	struct row_text text;
	struct table_row row;
	size_t i;

	memset(ret_widths, 0, sizeof(*ret_widths));
	for (i = 0; i < list->count; i++) {
		make_row(list, i, &row, &text);
		table_widen(table_of(ret_widths, &list->items[i]), &row);
	}
	/* The numbers stand below each other in both. */
	ret_widths->environments.number = ret_widths->nodes.number =
	    table_number_width(list->count + MENU_FIRST_ROW - 1);
	table_fit(&ret_widths->environments, window->columns);
	table_fit(&ret_widths->nodes, window->columns);
}

/* ---- pages ------------------------------------------------------------- */

/* Lines that one row takes when the longest wraps. */
static unsigned
row_lines(const struct widths *widths, unsigned columns)
{
	unsigned longest = widths->nodes.longest;

	if (widths->environments.longest > longest)
		longest = widths->environments.longest;
	if (columns == 0 || longest <= columns)
		return 1;
	return (longest + columns - 1) / columns;
}

static size_t
page_size(const struct menu_list *list, const struct menu_window *window,
    const struct widths *widths)
{
	/* A blank line, title, Back, Refresh; pages, last node, prompt. */
	const unsigned around = 7;
	unsigned rows;

	if (window->rows == 0)
		return list->count > 0 ? list->count : 1;
	rows = window->rows > around ? window->rows - around : 0;
	rows /= row_lines(widths, window->columns);
	return rows > PAGE_MIN ? rows : PAGE_MIN;
}

size_t
menu_page_size(const struct menu_list *list, const struct menu_window *window)
{
	struct widths widths;

	measure(list, window, &widths);
	return page_size(list, window, &widths);
}

static void
print_fixed(FILE *out, const struct table *table, size_t number,
    const char *text, bool has_colour)
{
	struct table_row row = { .number = number };

	table_cell(&row, text, TABLE_PLAIN);
	table_print(out, table, &row, has_colour);
}

void
menu_print(FILE *out, const struct menu_list *list, const char *title,
    const struct menu_window *window)
{
	struct widths widths;
	struct row_text text;
	struct table_row row;
	size_t i, end;

	measure(list, window, &widths);
	end = list->first + page_size(list, window, &widths);
	if (end > list->count)
		end = list->count;
	fputc('\n', out);
	table_text(out, title, TABLE_STRONG, window->has_colour);
	fputc('\n', out);
	print_fixed(out, &widths.nodes, MENU_LEAVE, list->leave,
	    window->has_colour);
	print_fixed(out, &widths.nodes, MENU_REFRESH, "Refresh",
	    window->has_colour);
	for (i = list->first; i < end; i++) {
		make_row(list, i, &row, &text);
		table_print(out, table_of(&widths, &list->items[i]), &row,
		    window->has_colour);
	}
	if (end - list->first < list->count)
		fprintf(out, "%zu to %zu of %zu.%s%s\n", list->first + 1, end,
		    list->count, end < list->count ? "  n: next page" : "",
		    list->first > 0 ? "  p: previous page" : "");
}

/* ---- input ------------------------------------------------------------- */

static const struct {
	const char *word;
	enum menu_choice choice;
} words[] = {
	{ "q", MENU_CHOICE_QUIT },
	{ "quit", MENU_CHOICE_QUIT },
	{ "exit", MENU_CHOICE_QUIT },
	{ "n", MENU_CHOICE_NEXT },
	{ "p", MENU_CHOICE_PREVIOUS },
	{ "c", MENU_CHOICE_CONNECT },
	{ "k", MENU_CHOICE_KEYS },
	{ "l", MENU_CHOICE_LOG },
	{ "s", MENU_CHOICE_SETTINGS },
	{ "?", MENU_CHOICE_HELP },
	{ "h", MENU_CHOICE_HELP },
	{ "help", MENU_CHOICE_HELP },
};

static enum menu_choice
parse_number(const char *text, size_t count, size_t *ret_row)
{
	uint32_t number;

	if (parse_u32(text, UINT32_MAX, &number) != 0)
		return MENU_CHOICE_TEXT;
	if (number == MENU_LEAVE)
		return MENU_CHOICE_LEAVE;
	if (number == MENU_REFRESH)
		return MENU_CHOICE_REFRESH;
	/* Not one of these: part of a node's id, perhaps. */
	if (number - MENU_FIRST_ROW >= count)
		return MENU_CHOICE_TEXT;
	*ret_row = number - MENU_FIRST_ROW;
	return MENU_CHOICE_ROW;
}

static enum menu_choice
parse_word(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i].word) == 0)
			return words[i].choice;
	return MENU_CHOICE_UNKNOWN;
}

void
menu_parse(const char *line, size_t count, struct menu_input *ret_input)
{
	struct menu_input input = { .choice = MENU_CHOICE_UNKNOWN };
	size_t len;

	line += strspn(line, " \t");
	len = strlen(line);
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	if (len == 0) {
		input.choice = MENU_CHOICE_NOTHING;
	} else if (len <= MENU_TEXT_MAX) {
		memcpy(input.text, line, len);
		input.choice = parse_word(input.text);
		if (input.choice == MENU_CHOICE_CONNECT)
			input.text[0] = '\0';
		else if (strncasecmp(input.text, "c ", 2) == 0) {
			memmove(input.text, input.text + 2, len - 1);
			input.choice = MENU_CHOICE_CONNECT;
		} else if (input.choice == MENU_CHOICE_UNKNOWN)
			input.choice = parse_number(input.text, count,
			    &input.row);
	}
	*ret_input = input;
}
