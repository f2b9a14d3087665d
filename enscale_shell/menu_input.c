/* See menu_input.h. Refuses what is not typed by hand. */
#include <config.h>

#include "enscale_shell/menu_input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "enscale_shell/guard_client.h"
#include "enscale_shell/menu.h"
#include "enscale_shell/say.h"
#include "enscale_shell/terminal.h"

/* One line without its end. */
static enum menu_input_kind
read_line(char *text)
{
	ssize_t n, i;

	n = read(STDIN_FILENO, text, MENU_INPUT_SIZE - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return MENU_INPUT_RUBBISH;
	if (n <= 0)
		return MENU_INPUT_LEAVE;
	if (text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	for (i = 0; i < n; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') ||
		    text[i] == '\177')
			return MENU_INPUT_RUBBISH;
	return MENU_INPUT_LINE;
}

static bool
guard_ends_session(struct shell *shell, int *ret_code)
{
	struct guard_event event;

	/* The end of a hop that has ended already is no news. */
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

static enum menu_input_kind
take_signal(struct shell *shell, int *ret_code)
{
	int number = shell_take_signal(shell);

	if (number == SIGHUP || number == SIGTERM) {
		*ret_code = -number;
		return MENU_INPUT_LEAVE;
	}
	/* Ctrl-C; the line that was being typed is gone with it. */
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
	say("Nobody types at this terminal: the menu ends.");
	*ret_code = GUARD_EXIT_USAGE;
	return MENU_INPUT_LEAVE;
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
	enum menu_input_kind kind;
	int n;

	fputs(MENU_PROMPT, stdout);
	fflush(stdout);
	for (;;) {
		if (guard_ends_session(shell, ret_code))
			return MENU_INPUT_LEAVE;
		fds[2].fd = shell->guard != NULL ? guard_client_fd(shell->guard)
		                                 : -1;
		n = poll(fds, 3, patience(line));
		if (n == 0)
			return give_up(ret_code);
		if (n < 0)
			continue;
		if (fds[1].revents != 0)
			return take_signal(shell, ret_code);
		if (fds[0].revents == 0)
			continue;
		line->is_used = true;
		kind = read_line(line->text);
		if (kind == MENU_INPUT_LEAVE)
			fputc('\n', stdout);
		return kind;
	}
}
