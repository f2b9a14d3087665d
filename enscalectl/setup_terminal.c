/*
 * enscalectl setup, at a terminal: a line, a yes, a password. It refuses to
 * leave a terminal that does not show what is typed.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "enscalectl/setup.h"

#define INTERRUPT   3  /* ^C */
#define END_OF_FILE 4  /* ^D */
#define KILL_LINE   21 /* ^U */
#define DELETE      0x7f

int
setup_read_answer(char ret_answer[CONFIG_VALUE_MAX])
{
	char line[CONFIG_VALUE_MAX];
	const char *at = line;
	size_t len;

	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL) {
		putchar('\n');
		return -ECANCELED;
	}
	at += strspn(at, " \t\r\n");
	len = strlen(at);
	while (len > 0 && strchr(" \t\r\n", at[len - 1]) != NULL)
		len--;
	memcpy(ret_answer, at, len);
	ret_answer[len] = '\0';
	return 0;
}

bool
setup_ask_yes(const char *question)
{
	char answer[CONFIG_VALUE_MAX];

	for (;;) {
		printf("%s [Y/n] ", question);
		if (setup_read_answer(answer) != 0)
			return false;
		if (answer[0] == '\0' || strcasecmp(answer, "y") == 0 ||
		    strcasecmp(answer, "yes") == 0)
			return true;
		if (strcasecmp(answer, "n") == 0 ||
		    strcasecmp(answer, "no") == 0)
			return false;
	}
}

int
setup_read_secret(char ret_secret[LDAP_PASSWORD_MAX])
{
	struct termios seen, hidden;
	size_t len = 0;
	char c = 0;

	fflush(stdout);
	if (tcgetattr(STDIN_FILENO, &seen) != 0)
		return -errno;
	hidden = seen;
	/* Keys that would end this program are read: the terminal is put
	 * back first. */
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0)
		return -errno;
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n' && c != '\r' &&
	    c != INTERRUPT && c != END_OF_FILE) {
		if (c == DELETE || c == '\b')
			len -= len > 0;
		else if (c == KILL_LINE)
			len = 0;
		else if (len < LDAP_PASSWORD_MAX - 1)
			ret_secret[len++] = c;
	}
	ret_secret[len] = '\0';
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
	putchar('\n');
	return c == '\n' || c == '\r' ? 0 : -ECANCELED;
}
