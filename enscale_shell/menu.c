/*
 * The menu on the terminal (menu.h). Refuses to remember rights: the guard is
 * asked again about what a number stands for when it is chosen.
 */
#include <config.h>

#include "enscale_shell/menu.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/base/text.h"
#include "enscale_shell/connect_lines.h"
#include "enscale_shell/hop.h"
#include "enscale_shell/keys.h"
#include "enscale_shell/menu_input.h"
#include "enscale_shell/output.h"
#include "enscale_shell/say.h"
#include "enscale_shell/settings.h"
#include "enscale_shell/terminal.h"
#include "enscale_shell/visits.h"

#define AUTO_LISTING AUTO(cleanup_listing)
#define TITLE_SIZE   (2 * NAME_TEXT_MAX + MENU_TEXT_MAX + 64)

struct menu {
	struct shell *shell;
	int code; /* what menu_run() returns */
	struct menu_input_line line;
};

/* One list on the screen; below it lies the one that led here. */
struct screen {
	const char *environment;      /* its nodes alone, or NULL */
	char text[MENU_TEXT_MAX + 1]; /* searched for, or "" */
	size_t first;                 /* of the page */
	/* Of the last showing. */
	const struct listing *listing; /* NULL while it is unknown */
	struct menu_list list;         /* its items are owned */
};

enum step {
	STEP_AGAIN, /* ask once more, the list stands */
	STEP_SHOW,  /* show the list again */
	STEP_BACK,
	STEP_QUIT,
};

static enum step run_screen(struct menu *menu, struct screen *screen);

static bool
is_top(const struct screen *screen)
{
	return screen->environment == NULL && screen->text[0] == '\0';
}

/* ---- the listing ------------------------------------------------------- */

/* Asks for the list; a refusal is said. */
static int
fetch(struct menu *menu, struct listing **ret_listing)
{
	struct refusal refusal;
	int r = listing_fetch(menu->shell, menu->shell->is_native, ret_listing,
	    &refusal);

	menu->code = 0;
	if (r != 0) {
		say_refusal("%s", refusal.sentence);
		/* A suspended account gets no menu; a gateway with a fault may
		 * work again at the next Refresh. */
		menu->code = refusal.code;
	}
	return r;
}

static size_t
count_items(const struct listing *listing)
{
	size_t count = listing->count, i;

	for (i = 0; i < listing->count; i++)
		count += listing->environments[i].node_count;
	return count;
}

static void
add_nodes(const struct listing_environment *environment,
    struct menu_item *items, size_t *count)
{
	size_t i;

	for (i = 0; i < environment->node_count; i++)
		items[(*count)++] = (struct menu_item){ environment,
			&environment->nodes[i] };
}

/* What a screen shows, or is searched in: its nodes; or the environments
 * and, to be searched, all nodes. */
static int
collect(const struct screen *screen, bool is_search,
    struct menu_item **ret_items, size_t *ret_count)
{
	const struct listing *listing = screen->listing;
	const struct listing_environment *environment;
	struct menu_item *items;
	size_t count = 0, i;

	items = calloc(count_items(listing) + 1, sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	if (screen->environment != NULL) {
		environment = listing_find(listing, screen->environment);
		if (environment != NULL)
			add_nodes(environment, items, &count);
	} else {
		for (i = 0; i < listing->count; i++)
			items[count++] = (struct menu_item){
				&listing->environments[i], NULL
			};
		for (i = 0; is_search && i < listing->count; i++)
			add_nodes(&listing->environments[i], items, &count);
	}
	*ret_items = items;
	*ret_count = count;
	return 0;
}

static int
search_items(const struct screen *screen, const char *text,
    struct menu_item **ret_items, size_t *ret_count)
{
	AUTO_FREE struct menu_item *all = NULL;
	size_t count;
	int r;

	r = collect(screen, true, &all, &count);
	return r != 0 ? r : menu_find(all, count, text, ret_items, ret_count);
}

static int
fill(struct screen *screen)
{
	struct menu_list *list = &screen->list;

	free(list->items);
	*list = (struct menu_list){ .leave = is_top(screen) ? "Quit" : "Back",
		.first = screen->first,
		.is_mixed = screen->text[0] != '\0' };
	if (screen->listing == NULL)
		return 0;
	return list->is_mixed
	    ? search_items(screen, screen->text, &list->items, &list->count)
	    : collect(screen, false, &list->items, &list->count);
}

/* ---- showing ----------------------------------------------------------- */

static void
title_of(const struct screen *screen, char title[TITLE_SIZE])
{
	const struct listing_environment *environment = NULL;
	char text[MENU_TEXT_MAX + 1];

	text_printable(screen->text, text, sizeof(text));
	if (screen->environment != NULL && screen->listing != NULL)
		environment = listing_find(screen->listing,
		    screen->environment);
	if (screen->text[0] != '\0' && environment != NULL)
		snprintf(title, TITLE_SIZE, "\"%s\" in %s", text,
		    environment->name);
	else if (screen->text[0] != '\0')
		snprintf(title, TITLE_SIZE, "\"%s\"", text);
	else if (environment != NULL)
		snprintf(title, TITLE_SIZE, "Nodes of %s (%s, %s)",
		    environment->name,
		    environment_state_text(environment->state),
		    environment->role);
	else
		snprintf(title, TITLE_SIZE, "Environments");
}

/* The node that Enter alone goes to, where this screen offers it. */
static const struct listing_node *
last_node(const struct screen *screen,
    const struct listing_environment **ret_environment)
{
	const struct listing_node *node;

	if (screen->listing == NULL || screen->listing->last_node == 0 ||
	    screen->text[0] != '\0')
		return NULL;
	node = listing_find_node(screen->listing, screen->listing->last_node,
	    ret_environment);
	if (node == NULL || (*ret_environment)->refusal != NULL)
		return NULL;
	return screen->environment == NULL ||
	        strcmp((*ret_environment)->name, screen->environment) == 0
	    ? node
	    : NULL;
}

static void
show(struct screen *screen)
{
	const struct listing_environment *environment;
	const struct menu_window window = {
		.columns = terminal_columns(),
		.rows = terminal_rows(),
		.has_colour = terminal_has_colour(),
	};
	const struct listing_node *last;
	struct menu_list *list = &screen->list;
	char title[TITLE_SIZE];

	title_of(screen, title);
	/* The list has become shorter, or the window higher. */
	if (list->first >= list->count ||
	    list->count <= menu_page_size(list, &window))
		list->first = screen->first = 0;
	menu_print(stdout, list, title, &window);
	if (screen->listing != NULL && list->count == 0)
		puts(is_top(screen) ? "You have no environments yet."
		                    : "Nothing left to show.");
	last = last_node(screen, &environment);
	if (last != NULL)
		printf("Enter alone: node %u, %s in %s.\n", last->node,
		    last->service_type, environment->name);
}

static enum step
turn_page(struct screen *screen, bool is_next)
{
	const struct menu_window window = { .columns = terminal_columns(),
		.rows = terminal_rows() };
	size_t size = menu_page_size(&screen->list, &window);

	if (is_next ? screen->first + size >= screen->list.count
	            : screen->first == 0) {
		puts(is_next ? "This is the last page."
		             : "This is the first page.");
		return STEP_AGAIN;
	}
	if (is_next)
		screen->first += size;
	else
		screen->first -= screen->first < size ? screen->first : size;
	return STEP_SHOW;
}

static void
show_help(void)
{
	fputs("  A number      goes there.\n"
	      "  Other text    is part of the name of an environment, of a "
	      "service, or of\n"
	      "                a node's number. Several words narrow it down.\n"
	      "  Enter alone   goes to the node you used last.\n"
	      "  n, p          show the next and the previous page.\n"
	      "  c NUMBER      how to reach a node from your own computer: "
	      "ssh, scp,\n"
	      "                sftp, rsync, git.\n"
	      "  k             your public keys.\n"
	      "  l             who entered your environments.\n"
	      "  s             connection settings and the gateway's host "
	      "keys.\n"
	      "  q, Ctrl-D     quit. Ctrl-C goes one step back.\n",
	    stdout);
}

static void
say_unknown(void)
{
	fputs("Please type one of the numbers above, part of a name, ? for "
	      "help, or q to quit.\n",
	    stdout);
}

/* ---- what is chosen ---------------------------------------------------- */

/* Enters a node and comes back. */
static enum step
enter_node(struct menu *menu, const struct menu_item *item)
{
	const struct hop_request request = { .node = item->node->node };
	struct hop_result result;

	printf("Connecting to node %u (%s in %s) ...\n", item->node->node,
	    item->node->service_type, item->environment->name);
	fflush(stdout);
	/* Until the node is there, Ctrl-C comes back to the menu. */
	terminal_client_mode();
	result = hop_run(menu->shell, &request);
	if (result.entered)
		terminal_recover();
	terminal_menu_mode();
	if (result.is_over) {
		menu->code = result.code;
		return STEP_QUIT;
	}
	if (result.signal == SIGHUP || result.signal == SIGTERM) {
		menu->code = -result.signal;
		return STEP_QUIT;
	}
	return STEP_SHOW;
}

/* May its nodes be shown? If not, the reason is said. */
static bool
can_enter(const struct listing_environment *environment, const char *name)
{
	if (environment == NULL) {
		say_refusal("You no longer have access to environment %s.",
		    name);
		return false;
	}
	if (environment->refusal != NULL) {
		say_refusal("%s", environment->refusal);
		return false;
	}
	return true;
}

static enum step
run_child(struct menu *menu, struct screen *child)
{
	enum step step = run_screen(menu, child);

	free(child->list.items);
	return step == STEP_QUIT ? STEP_QUIT : STEP_SHOW;
}

static enum step
open_item(struct menu *menu, const struct menu_item *item)
{
	struct screen child = { .environment = item->environment->name };

	return item->node != NULL ? enter_node(menu, item)
	                          : run_child(menu, &child);
}

static enum step
open_last(struct menu *menu, const struct screen *screen)
{
	struct menu_item item;

	item.node = last_node(screen, &item.environment);
	return item.node != NULL ? enter_node(menu, &item) : STEP_SHOW;
}

/* More words after those that were searched for already narrow it down. */
static bool
join_text(const struct screen *screen, const char *text,
    char ret_text[MENU_TEXT_MAX + 1])
{
	int n = snprintf(ret_text, MENU_TEXT_MAX + 1, "%s%s%s", screen->text,
	    screen->text[0] != '\0' ? " " : "", text);

	return n > 0 && n <= MENU_TEXT_MAX;
}

static void
say_nothing_found(const char *text)
{
	char shown[MENU_TEXT_MAX + 1];

	text_printable(text, shown, sizeof(shown));
	printf("Nothing here matches \"%s\". Type ? for help.\n", shown);
}

/* The one item of that name; NULL when there is none, or several. */
static const struct menu_item *
only_item(const struct menu_item *items, size_t count, const char *text)
{
	if (count == 0)
		say_nothing_found(text);
	return count == 1 ? &items[0] : NULL;
}

static enum step
search(struct menu *menu, struct screen *screen, const char *text)
{
	AUTO_FREE struct menu_item *found = NULL;
	struct screen child = { .environment = screen->environment };
	const struct menu_item *item;
	size_t count = 0;

	if (screen->listing == NULL || !join_text(screen, text, child.text) ||
	    search_items(screen, child.text, &found, &count) != 0) {
		say_unknown();
		return STEP_AGAIN;
	}
	item = only_item(found, count, text);
	if (item != NULL)
		return open_item(menu, item);
	if (count == 0)
		return STEP_AGAIN;
	if (screen->text[0] == '\0')
		return run_child(menu, &child);
	memcpy(screen->text, child.text, sizeof(screen->text));
	screen->first = 0;
	return STEP_SHOW;
}

/* "c 2", "c 124718", "c mysql"; "c" alone where there is one node only. */
static void
connect_lines(struct menu *menu, const struct screen *screen, const char *text)
{
	AUTO_FREE struct menu_item *found = NULL;
	const struct menu_item *item = NULL;
	struct menu_input input;
	size_t count = 0;

	menu_parse(text, screen->list.count, &input);
	if (input.choice == MENU_CHOICE_ROW)
		item = &screen->list.items[input.row];
	else if (text[0] == '\0' && screen->list.count == 1)
		item = &screen->list.items[0];
	else if (text[0] != '\0' && screen->listing != NULL &&
	    search_items(screen, text, &found, &count) == 0)
		item = count == 1 ? &found[0] : NULL;
	if (item == NULL || item->node == NULL)
		puts("Type c and the number of a node, such as c 2, in the "
		     "menu of nodes.");
	else
		connect_lines_print(stdout, menu->shell, item->environment,
		    item->node);
}

static enum step
choose(struct menu *menu, struct screen *screen, const struct menu_input *input)
{
	switch (input->choice) {
	case MENU_CHOICE_LEAVE:
		return STEP_BACK;
	case MENU_CHOICE_QUIT:
		return STEP_QUIT;
	case MENU_CHOICE_REFRESH:
		return STEP_SHOW;
	case MENU_CHOICE_NOTHING:
		return open_last(menu, screen);
	case MENU_CHOICE_ROW:
		return open_item(menu, &screen->list.items[input->row]);
	case MENU_CHOICE_NEXT:
	case MENU_CHOICE_PREVIOUS:
		return turn_page(screen, input->choice == MENU_CHOICE_NEXT);
	case MENU_CHOICE_TEXT:
		return search(menu, screen, input->text);
	case MENU_CHOICE_CONNECT:
		connect_lines(menu, screen, input->text);
		return STEP_AGAIN;
	case MENU_CHOICE_KEYS:
		keys_show(menu->shell);
		return STEP_AGAIN;
	case MENU_CHOICE_LOG:
		visits_show(menu->shell);
		return STEP_AGAIN;
	case MENU_CHOICE_SETTINGS:
		settings_show(menu->shell);
		return STEP_AGAIN;
	case MENU_CHOICE_HELP:
		show_help();
		return STEP_AGAIN;
	case MENU_CHOICE_UNKNOWN:
		break;
	}
	say_unknown();
	return STEP_AGAIN;
}

static enum step
ask(struct menu *menu, struct screen *screen)
{
	struct menu_input input;

	switch (menu_input_wait(menu->shell, &menu->line, &menu->code)) {
	case MENU_INPUT_LEAVE:
		return STEP_QUIT;
	case MENU_INPUT_BACK:
		return STEP_BACK;
	case MENU_INPUT_RUBBISH:
		say_unknown();
		return STEP_AGAIN;
	case MENU_INPUT_LINE:
		break;
	}
	menu_parse(menu->line.typed.text, screen->list.count, &input);
	return choose(menu, screen, &input);
}

static void
show_notice(struct shell *shell)
{
	const char *notice = shell_take_notice(shell);

	if (notice != NULL)
		printf(MENU_NOTICE "%s\n", notice);
}

/* Shows a list until the user leaves it. */
static enum step
run_screen(struct menu *menu, struct screen *screen)
{
	enum step step;

	do {
		AUTO_LISTING struct listing *listing = NULL;

		if (fetch(menu, &listing) != 0 &&
		    menu->code == GUARD_EXIT_REFUSED)
			return STEP_QUIT;
		show_notice(menu->shell);
		screen->listing = listing;
		if (listing != NULL && screen->environment != NULL &&
		    !can_enter(listing_find(listing, screen->environment),
		        screen->environment))
			return STEP_BACK;
		if (fill(screen) != 0)
			return STEP_BACK;
		show(screen);
		do
			step = ask(menu, screen);
		while (step == STEP_AGAIN);
	} while (step == STEP_SHOW);
	return step;
}

static void
print_header(const struct shell *shell)
{
	char when[OUTPUT_TIME_SIZE];

	printf("Enscale SSH gateway, account %u", shell->account);
	if (shell->name[0] != '\0')
		printf(" (%s)", shell->name);
	putchar('\n');
	if (shell->last_login != 0)
		printf("Last login: %s from %s\n",
		    output_date(shell->last_login, when), shell->last_address);
	if (shell->announcement[0] != '\0')
		printf("%s\n", shell->announcement);
	puts("Type a number or part of a name; ? is help.");
}

int
menu_run(struct shell *shell)
{
	static struct menu menu; /* a long line is too much for a stack */
	struct screen top = { .environment = NULL };

	menu.shell = shell;
	terminal_menu_mode();
	print_header(shell);
	run_screen(&menu, &top);
	free(top.list.items);
	fflush(stdout);
	terminal_client_mode();
	return menu.code;
}
