/*
 * The menu as text: what it prints and what it understands (menu.h). Refuses
 * to look at the terminal; menu.c does.
 */
#include <config.h>

#include "enscale_shell/menu.h"

#include <string.h>
#include <wchar.h>

#include "common/login_name.h"

#define COLUMNS_MAX 8 /* of one row */
#define NUMBER_TEXT 16

/* One row: its number and its cells. */
struct row {
	size_t number;
	size_t count;
	const char *cells[COLUMNS_MAX];
};

struct widths {
	int number;
	int cells[COLUMNS_MAX];
};

/* Columns that a text takes on a terminal. */
static int
text_width(const char *text)
{
	mbstate_t state = { 0 };
	wchar_t character;
	int width = 0, w;
	size_t n;

	while (*text != '\0') {
		n = mbrtowc(&character, text, strlen(text), &state);
		if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
			memset(&state, 0, sizeof(state));
			n = 1;
			character = L'?';
		}
		w = wcwidth(character);
		width += w > 0 ? w : 0;
		text += n;
	}
	return width;
}

static int
number_width(size_t number)
{
	return number < 10 ? 1 : 1 + number_width(number / 10);
}

static void
widen(struct widths *widths, const struct row *row)
{
	size_t i;
	int width;

	width = number_width(row->number);
	if (width > widths->number)
		widths->number = width;
	for (i = 0; i < row->count; i++) {
		width = text_width(row->cells[i]);
		if (width > widths->cells[i])
			widths->cells[i] = width;
	}
}

/* Columns that do not fit are not aligned: lines wrap less often so. */
static void
narrow(struct widths *widths, unsigned columns)
{
	unsigned total = 4 + (unsigned)widths->number;
	size_t i;

	for (i = 0; i < COLUMNS_MAX; i++)
		if (widths->cells[i] > 0)
			total += 2 + (unsigned)widths->cells[i];
	if (total > columns)
		memset(widths->cells, 0, sizeof(widths->cells));
}

static void
print_row(FILE *out, const struct widths *widths, const struct row *row)
{
	int pad;
	size_t i;

	fprintf(out, "%*s%zu.", 2 + widths->number - number_width(row->number),
	    "", row->number);
	for (i = 0; i < row->count; i++) {
		fprintf(out, "%s%s", i == 0 ? " " : "  ", row->cells[i]);
		pad = widths->cells[i] - text_width(row->cells[i]);
		if (i + 1 < row->count && pad > 0)
			fprintf(out, "%*s", pad, "");
	}
	fputc('\n', out);
}

static void
print_fixed(FILE *out, const struct widths *widths, const char *leave)
{
	const struct row rows[] = {
		{ MENU_LEAVE, 1, { leave } },
		{ MENU_REFRESH, 1, { "Refresh" } },
	};

	print_row(out, widths, &rows[0]);
	print_row(out, widths, &rows[1]);
}

static struct row
environment_row(const struct listing_environment *environment, size_t i)
{
	return (struct row){ i + MENU_FIRST_ROW, 3,
		{ environment->name, environment->state, environment->role } };
}

void
menu_print_environments(FILE *out, const struct listing *listing,
    unsigned columns)
{
	struct widths widths = { .number = 1 };
	struct row row;
	size_t i;

	for (i = 0; i < listing->count; i++) {
		row = environment_row(&listing->environments[i], i);
		widen(&widths, &row);
	}
	narrow(&widths, columns);
	fputs("\nEnvironments\n", out);
	print_fixed(out, &widths, "Quit");
	for (i = 0; i < listing->count; i++) {
		row = environment_row(&listing->environments[i], i);
		print_row(out, &widths, &row);
	}
	if (listing->count == 0)
		fputs("You have no environments yet.\n", out);
}

/* A row borrows its texts: id and user need room of their own. */
struct node_text {
	char id[NUMBER_TEXT];
	char user[64];
};

static struct row
node_row(const struct listing_node *node, size_t i, struct node_text *text)
{
	struct row row = { i + MENU_FIRST_ROW, 4,
		{ node->service, text->id, node->address, text->user } };

	snprintf(text->id, sizeof(text->id), "%u", node->node);
	snprintf(text->user, sizeof(text->user), "user %.40s", node->user);
	if (strcmp(node->state, "running") != 0)
		row.cells[row.count++] = node->state;
	return row;
}

void
menu_print_nodes(FILE *out, const struct listing_environment *environment,
    unsigned columns)
{
	struct widths widths = { .number = 1 };
	struct node_text text;
	struct row row;
	size_t i;

	for (i = 0; i < environment->node_count; i++) {
		row = node_row(&environment->nodes[i], i, &text);
		widen(&widths, &row);
	}
	narrow(&widths, columns);
	fprintf(out, "\nNodes of %s (%s, %s)\n", environment->name,
	    environment->state, environment->role);
	print_fixed(out, &widths, "Back");
	for (i = 0; i < environment->node_count; i++) {
		row = node_row(&environment->nodes[i], i, &text);
		print_row(out, &widths, &row);
	}
	if (environment->node_count == 0)
		fputs("This environment has no nodes.\n", out);
}

enum menu_choice
menu_parse_choice(const char *line, size_t count, size_t *ret_row)
{
	char word[NUMBER_TEXT];
	size_t len;
	uint32_t number;

	line += strspn(line, " \t");
	len = strcspn(line, " \t");
	if (line[len + strspn(line + len, " \t")] != '\0' ||
	    len >= sizeof(word))
		return MENU_CHOICE_UNKNOWN;
	memcpy(word, line, len);
	word[len] = '\0';
	if (len == 0)
		return MENU_CHOICE_REFRESH;
	if (strcmp(word, "q") == 0 || strcmp(word, "Q") == 0)
		return MENU_CHOICE_QUIT;
	if (parse_u32(word, UINT32_MAX, &number) != 0)
		return MENU_CHOICE_UNKNOWN;
	if (number == MENU_LEAVE)
		return MENU_CHOICE_LEAVE;
	if (number == MENU_REFRESH)
		return MENU_CHOICE_REFRESH;
	if (number - MENU_FIRST_ROW >= count)
		return MENU_CHOICE_UNKNOWN;
	*ret_row = number - MENU_FIRST_ROW;
	return MENU_CHOICE_ROW;
}
