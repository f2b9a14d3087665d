/* See menu_input.h. Refuses what was not typed by hand. */
#include <config.h>

#include "enscale_shell/menu_input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "enscale_shell/guard_client.h"
#include "enscale_shell/menu.h"
#include "enscale_shell/say.h"
#include "enscale_shell/terminal.h"

/* From one try to the next, while the guard is restarted. */
#define RECONNECT_MS 2000
#define WARNING_MS   60000 /* before the menu ends */

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

/* What the menu waits for, and how long: counted from when it last heard of
 * somebody. */
struct wait {
	int64_t since;   /* now() */
	int64_t limit;   /* ms; 0: none */
	int64_t warn_at; /* ms; 0: not, or no longer */
};

static int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Without a person the menu waits for a while only; a person is warned. */
static void
begin_wait(struct wait *wait, const struct shell *shell,
    const struct menu_input_line *line)
{
	*wait = (struct wait){ .since = now() };
	if (!terminal_has_size()) {
		wait->limit = 1000 *
		    (line->is_used ? MENU_INPUT_NEXT_SECONDS
		                   : MENU_INPUT_FIRST_SECONDS);
		return;
	}
	wait->limit = shell->menu_idle * 1000;
	wait->warn_at = wait->limit > 2 * WARNING_MS ? wait->limit - WARNING_MS
	                                             : wait->limit / 2;
}

/* Of poll(2). */
static int
patience(const struct wait *wait, const struct shell *shell)
{
	int64_t until = wait->warn_at != 0 ? wait->warn_at : wait->limit;
	int64_t left = wait->since + until - now();

	if (shell->guard == NULL && (until == 0 || left > RECONNECT_MS))
		return RECONNECT_MS;
	if (until == 0)
		return -1;
	return left > INT32_MAX ? INT32_MAX : left > 0 ? (int)left : 0;
}

/* True: the time is up. */
static bool
has_waited(struct wait *wait, const struct menu_line *line)
{
	int64_t waited = now() - wait->since;

	if (wait->warn_at != 0 && waited >= wait->warn_at) {
		printf("\nNobody has typed here for a while: in %lld seconds "
		       "the menu ends.\n" MENU_PROMPT,
		    (long long)((wait->limit - waited + 999) / 1000));
		menu_line_show(line, stdout);
		fflush(stdout);
		wait->warn_at = 0;
	}
	return wait->limit != 0 && waited >= wait->limit;
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
	struct wait wait;
	int n;

	menu_line_clear(&line->typed);
	fputs(MENU_PROMPT, stdout);
	fflush(stdout);
	begin_wait(&wait, shell, line);
	for (;;) {
		if (guard_ends_session(shell, ret_code))
			return MENU_INPUT_LEAVE;
		hear_notice(shell, &line->typed);
		fds[2].fd = shell->guard != NULL ? guard_client_fd(shell->guard)
		                                 : -1;
		n = poll(fds, 3, patience(&wait, shell));
		if (n == 0 && has_waited(&wait, &line->typed))
			return give_up(ret_code);
		if (n == 0)
			shell_listen(shell);
		if (n <= 0)
			continue;
		if (fds[1].revents != 0)
			return take_signal(shell, ret_code);
		if (fds[0].revents == 0)
			continue;
		line->is_used = true;
		begin_wait(&wait, shell, line);
		state = read_byte(&line->typed);
		if (state != MENU_LINE_OPEN)
			return end_line(state);
	}
}
