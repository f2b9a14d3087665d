/* See menu_input.h. Refuses what was not typed by hand. */
#include <config.h>

#include "enscale_shell/menu_input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "enscale_shell/guard_client.h"
#include "enscale_shell/menu.h"
#include "enscale_shell/say.h"
#include "enscale_shell/terminal.h"

/* From one try to the next, while the guard is restarted. */
#define RECONNECT_MS 2000

static struct menu_line_keys
find_keys(void)
{
	return (struct menu_line_keys){
		.erase = terminal_key(VERASE),
		.word_erase = terminal_key(VWERASE),
		.kill = terminal_key(VKILL),
		.interrupt = terminal_key(VINTR),
		.quit = terminal_key(VQUIT),
		.end = terminal_key(VEOF),
	};
}

/* One byte only: what follows the line may be for the node. */
static enum menu_line_state
read_byte(struct menu_line *line)
{
	const struct menu_line_keys keys = find_keys();
	enum menu_line_state state;
	unsigned char byte;
	ssize_t n = read(STDIN_FILENO, &byte, 1);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return MENU_LINE_OPEN;
	if (n <= 0)
		return MENU_LINE_LEAVE;
	state = menu_line_take(line, &keys, byte, stdout);
	fflush(stdout);
	return state;
}

static bool
guard_ends_session(struct shell *shell, int *ret_code)
{
	struct guard_event event;

	/* The end of a hop that has already ended does not matter. */
	while (shell_take_event(shell, &event)) {
		if (!event.ends_session)
			continue;
		fputc('\n', stdout);
		fflush(stdout);
		say("%s", event.sentence);
		*ret_code = event.code;
		return true;
	}
	return false;
}

/* What operators announce while somebody is typing: the line stands again
 * below it. */
static void
hear_notice(struct shell *shell, const struct menu_line *line)
{
	const char *notice = shell_take_notice(shell);

	if (notice == NULL)
		return;
	printf("\n" MENU_NOTICE "%s\n" MENU_PROMPT, notice);
	menu_line_show(line, stdout);
	fflush(stdout);
}

static enum menu_input_kind
take_signal(struct shell *shell, int *ret_code)
{
	int number = shell_take_signal(shell);

	if (number == SIGHUP || number == SIGTERM) {
		*ret_code = -number;
		return MENU_INPUT_LEAVE;
	}
	/* From kill(1): Ctrl-C is a byte here. The line is gone with it. */
	fputc('\n', stdout);
	return MENU_INPUT_BACK;
}

/* Of poll(2): without a person the menu waits for a while only. */
static int
patience(const struct menu_input_line *line)
{
	if (terminal_has_size())
		return -1;
	return 1000 *
	    (line->is_used ? MENU_INPUT_NEXT_SECONDS
	                   : MENU_INPUT_FIRST_SECONDS);
}

static enum menu_input_kind
give_up(int *ret_code)
{
	fputc('\n', stdout);
	fflush(stdout);
	say("Nobody is typing at this terminal: the menu ends.");
	*ret_code = GUARD_EXIT_USAGE;
	return MENU_INPUT_LEAVE;
}

/* What the line has become. */
static enum menu_input_kind
end_line(enum menu_line_state state)
{
	switch (state) {
	case MENU_LINE_WHOLE:
		return MENU_INPUT_LINE;
	case MENU_LINE_BACK:
		fputc('\n', stdout);
		return MENU_INPUT_BACK;
	case MENU_LINE_LEAVE:
		fputc('\n', stdout);
		return MENU_INPUT_LEAVE;
	case MENU_LINE_OPEN:
	case MENU_LINE_RUBBISH:
		break;
	}
	return MENU_INPUT_RUBBISH;
}

enum menu_input_kind
menu_input_wait(struct shell *shell, struct menu_input_line *line,
    int *ret_code)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = shell->signals, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	enum menu_line_state state;
	int limit, n;

	menu_line_clear(&line->typed);
	fputs(MENU_PROMPT, stdout);
	fflush(stdout);
	for (;;) {
		if (guard_ends_session(shell, ret_code))
			return MENU_INPUT_LEAVE;
		hear_notice(shell, &line->typed);
		fds[2].fd = shell->guard != NULL ? guard_client_fd(shell->guard)
		                                 : -1;
		limit = patience(line);
		n = poll(fds, 3, shell->guard != NULL ? limit : RECONNECT_MS);
		if (n == 0 && shell->guard == NULL) {
			shell_listen(shell);
			continue;
		}
		if (n == 0)
			return give_up(ret_code);
		if (n < 0)
			continue;
		if (fds[1].revents != 0)
			return take_signal(shell, ret_code);
		if (fds[0].revents == 0)
			continue;
		line->is_used = true;
		state = read_byte(&line->typed);
		if (state != MENU_LINE_OPEN)
			return end_line(state);
	}
}
