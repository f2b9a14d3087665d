/* See terminal.h. Writes nothing where there is no terminal. */
#include <config.h>

#include "enscale_shell/terminal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define DRAIN_MS        50

/*
 * Save the cursor; leave the alternate screen (which puts the cursor back
 * where it was saved); plain character set; cursor keys, keypad, wrap,
 * insert mode, reverse screen as at start; no mouse, focus or paste reports;
 * whole screen scrolls; cursor shown; plain characters.
 */
static const char recover_text[] =
    "\0337\033[?1049l\033(B\017\033[?1l\033>\033[?7h\033[4l\033[?5l"
    "\033[?1000l\033[?1002l\033[?1003l\033[?1004l\033[?1006l\033[?2004l"
    "\0337\033[r\0338\033[?25h\033[0m";

static struct termios client_modes;
static bool is_open;

void
terminal_open(void)
{
	struct termios modes;

	if (tcgetattr(STDIN_FILENO, &modes) != 0)
		return;
	is_open = isatty(STDOUT_FILENO);
	modes.c_lflag |= EXTPROC;
	tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	modes.c_lflag &= ~(tcflag_t)EXTPROC;
	client_modes = modes;
}

bool
terminal_is_open(void)
{
	return is_open;
}

static void
set_menu_mode(int when)
{
	struct termios modes = client_modes;

	if (!is_open)
		return;
	modes.c_lflag |= EXTPROC;
	modes.c_oflag |= OPOST | ONLCR;
	tcsetattr(STDIN_FILENO, when, &modes);
}

void
terminal_menu_mode(void)
{
	set_menu_mode(TCSADRAIN);
}

void
terminal_client_mode(void)
{
	if (is_open)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &client_modes);
}

unsigned char
terminal_key(int index)
{
	return client_modes.c_cc[index];
}

static bool
understands_escapes(void)
{
	const char *term = getenv("TERM");

	return term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

void
terminal_recover(void)
{
	if (!is_open)
		return;
	set_menu_mode(TCSAFLUSH);
	if (understands_escapes()) {
		fputs(recover_text, stdout);
		fflush(stdout);
	}
	/* Answers that are still on their way have a moment to come in. */
	poll(NULL, 0, DRAIN_MS);
	tcflush(STDIN_FILENO, TCIFLUSH);
}

static struct winsize
window(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		memset(&size, 0, sizeof(size));
	return size;
}

int64_t
terminal_idle(void)
{
	struct stat st;
	int64_t last, now = time(NULL);

	if (!is_open || fstat(STDIN_FILENO, &st) != 0)
		return 0;
	last = st.st_atim.tv_sec > st.st_mtim.tv_sec ? st.st_atim.tv_sec
	                                             : st.st_mtim.tv_sec;
	return now > last ? now - last : 0;
}

unsigned
terminal_columns(void)
{
	unsigned columns = window().ws_col;

	return columns != 0 ? columns : COLUMNS_DEFAULT;
}

unsigned
terminal_rows(void)
{
	return window().ws_row;
}

bool
terminal_has_size(void)
{
	struct winsize size = window();

	return size.ws_row != 0 || size.ws_col != 0;
}

bool
terminal_has_colour(void)
{
	/* What terminals of today call themselves, at the beginning. */
	static const char *const names[] = { "xterm", "screen", "tmux", "rxvt",
		"linux", "konsole", "gnome", "vte", "putty", "alacritty",
		"kitty", "foot", "wezterm", "ghostty", "st-", "cygwin" };
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	size_t i;

	if (term == NULL || (no_color != NULL && no_color[0] != '\0'))
		return false;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(term, names[i], strlen(names[i])) == 0)
			return strstr(term, "mono") == NULL &&
			    strstr(term, "-m") == NULL;
	return strstr(term, "color") != NULL;
}
