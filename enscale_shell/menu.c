/*
 * The menu on the terminal (menu.h). Refuses to remember rights: what a
 * number stands for is asked of the guard again when it is chosen.
 */
#include <config.h>

#include "enscale_shell/menu.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/errors.h"
#include "enscale_shell/guard_client.h"
#include "enscale_shell/hop.h"
#include "enscale_shell/say.h"
#include "enscale_shell/terminal.h"

/* Longer than a terminal's longest line: what is left of one would be taken
 * for the next choice. */
#define LINE_SIZE 4097

enum input {
	INPUT_LINE,
	INPUT_BACK,  /* Ctrl-C */
	INPUT_LEAVE, /* Ctrl-D, a signal, or the guard: see menu->code */
};

struct menu {
	struct shell *shell;
	int code; /* what menu_run() returns */
	char line[LINE_SIZE];
};

#define AUTO_LISTING AUTO(cleanup_listing)

/* ---- input ------------------------------------------------------------- */

/*
 * One line without its end; one with control characters (a terminal's
 * answers to a node) becomes "?", which no menu understands. 0, or -1 at the
 * end of input.
 */
static int
read_line(char line[LINE_SIZE])
{
	size_t i;
	ssize_t n;

	n = read(STDIN_FILENO, line, LINE_SIZE - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		n = snprintf(line, LINE_SIZE, "?");
	if (n <= 0)
		return -1;
	if (line[n - 1] == '\n')
		n--;
	line[n] = '\0';
	for (i = 0; i < (size_t)n; i++)
		if ((line[i] > '\0' && line[i] < ' ' && line[i] != '\t') ||
		    line[i] == '\0' || line[i] == '\177')
			memcpy(line, "?", 2);
	return 0;
}

static bool
guard_ends_session(struct menu *menu)
{
	struct guard_event event;

	/* The end of a hop that has ended already is no news. */
	while (shell_take_event(menu->shell, &event)) {
		if (!event.ends_session)
			continue;
		fputc('\n', stdout);
		fflush(stdout);
		say("%s", event.sentence);
		menu->code = event.code;
		return true;
	}
	return false;
}

static enum input
take_signal(struct menu *menu)
{
	int number = shell_take_signal(menu->shell);

	if (number == SIGHUP || number == SIGTERM) {
		menu->code = -number;
		return INPUT_LEAVE;
	}
	/* Ctrl-C; the line that was being typed is gone with it. */
	fputc('\n', stdout);
	return INPUT_BACK;
}

static enum input
wait_for_input(struct menu *menu)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = menu->shell->signals, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};

	fputs(MENU_PROMPT, stdout);
	fflush(stdout);
	for (;;) {
		if (guard_ends_session(menu))
			return INPUT_LEAVE;
		fds[2].fd = menu->shell->guard != NULL
		    ? guard_client_fd(menu->shell->guard)
		    : -1;
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[1].revents != 0)
			return take_signal(menu);
		if (fds[0].revents == 0)
			continue;
		if (read_line(menu->line) == 0)
			return INPUT_LINE;
		fputc('\n', stdout);
		return INPUT_LEAVE;
	}
}

/* ---- the two menus ----------------------------------------------------- */

/* Asks for the list; a refusal is said. */
static int
fetch(struct menu *menu, struct listing **ret_listing)
{
	struct refusal refusal;
	json_t *reply;
	int r;

	reply = shell_ask(menu->shell, json_pack("{s:s}", "op", "list"),
	    &refusal);
	if (reply == NULL) {
		say_refusal("%s", refusal.sentence);
		/* A suspended account gets no menu; an unwell gateway may
		 * be well again at the next Refresh. */
		menu->code = refusal.code;
		return ENS_E_DENIED;
	}
	r = listing_parse(reply, ret_listing);
	json_decref(reply);
	if (r != 0) {
		say("The gateway cannot answer now: %s.", error_text(r));
		menu->code = GUARD_EXIT_UNWELL;
	} else {
		menu->code = 0;
	}
	return r;
}

/* Enters a node and comes back; true when the session is over. */
static bool
enter_node(struct menu *menu, uint32_t node)
{
	const struct hop_request request = { .node = node };
	struct hop_result result;

	fflush(stdout);
	terminal_client_mode();
	result = hop_run(menu->shell, &request);
	if (result.entered)
		terminal_recover();
	terminal_menu_mode();
	if (result.is_over) {
		menu->code = result.code;
		return true;
	}
	if (result.signal == SIGHUP || result.signal == SIGTERM) {
		menu->code = -result.signal;
		return true;
	}
	return false;
}

static void
say_unknown(void)
{
	fputs("Please type one of the numbers above, or q to quit.\n", stdout);
}

enum step {
	STEP_AGAIN, /* ask once more, the menu stands */
	STEP_SHOW,  /* show the menu anew */
	STEP_BACK,
	STEP_QUIT,
};

/* What a line asks for, but for rows. */
static enum step
common_step(enum menu_choice choice)
{
	switch (choice) {
	case MENU_CHOICE_LEAVE:
		return STEP_BACK;
	case MENU_CHOICE_REFRESH:
		return STEP_SHOW;
	case MENU_CHOICE_QUIT:
		return STEP_QUIT;
	case MENU_CHOICE_ROW:
	case MENU_CHOICE_UNKNOWN:
		break;
	}
	say_unknown();
	return STEP_AGAIN;
}

/* environment: NULL while the gateway cannot say which nodes there are. */
static enum step
nodes_step(struct menu *menu, const struct listing_environment *environment)
{
	enum menu_choice choice;
	size_t row;

	switch (wait_for_input(menu)) {
	case INPUT_LEAVE:
		return STEP_QUIT;
	case INPUT_BACK:
		return STEP_BACK;
	case INPUT_LINE:
		break;
	}
	choice = menu_parse_choice(menu->line,
	    environment != NULL ? environment->node_count : 0, &row);
	if (choice != MENU_CHOICE_ROW)
		return common_step(choice);
	return enter_node(menu, environment->nodes[row].node) ? STEP_QUIT
	                                                      : STEP_SHOW;
}

/* May its nodes be shown? If not, the reason is said. */
static bool
can_enter(const struct listing_environment *environment, const char *name)
{
	if (environment == NULL) {
		say("The environment %s is not yours any more.", name);
		return false;
	}
	if (environment->refusal != NULL) {
		say_refusal("%s", environment->refusal);
		return false;
	}
	return true;
}

/* The nodes of one environment; true when the session is over. */
static bool
run_nodes(struct menu *menu, const char *name)
{
	const struct listing_environment *environment;
	enum step step;

	for (;;) {
		AUTO_LISTING struct listing *listing = NULL;

		environment = NULL;
		if (fetch(menu, &listing) == 0) {
			environment = listing_find(listing, name);
			if (!can_enter(environment, name))
				return false;
			menu_print_nodes(stdout, environment,
			    terminal_columns());
		} else if (menu->code == GUARD_EXIT_REFUSED) {
			return true;
		} else {
			fputs("  0. Back\n  1. Refresh\n", stdout);
		}
		do
			step = nodes_step(menu, environment);
		while (step == STEP_AGAIN);
		if (step != STEP_SHOW)
			return step == STEP_QUIT;
	}
}

static enum step
environments_step(struct menu *menu, const struct listing *listing)
{
	enum menu_choice choice;
	size_t row;

	switch (wait_for_input(menu)) {
	case INPUT_LEAVE:
	case INPUT_BACK:
		return STEP_QUIT;
	case INPUT_LINE:
		break;
	}
	choice = menu_parse_choice(menu->line,
	    listing != NULL ? listing->count : 0, &row);
	if (choice != MENU_CHOICE_ROW)
		return common_step(choice);
	return run_nodes(menu, listing->environments[row].name) ? STEP_QUIT
	                                                        : STEP_SHOW;
}

static void
print_header(const struct shell *shell)
{
	printf("Enscale SSH gateway, account %u", shell->account);
	if (shell->name[0] != '\0')
		printf(" (%s)", shell->name);
	putchar('\n');
}

int
menu_run(struct shell *shell)
{
	struct menu menu = { .shell = shell };
	enum step step;

	terminal_menu_mode();
	print_header(shell);
	do {
		AUTO_LISTING struct listing *listing = NULL;

		if (fetch(&menu, &listing) == 0)
			menu_print_environments(stdout, listing,
			    terminal_columns());
		else if (menu.code == GUARD_EXIT_REFUSED)
			break;
		else
			fputs("  0. Quit\n  1. Refresh\n", stdout);
		do
			step = environments_step(&menu, listing);
		while (step == STEP_AGAIN);
	} while (step == STEP_SHOW);
	fflush(stdout);
	terminal_client_mode();
	return menu.code;
}
