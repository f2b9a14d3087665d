/* enscalectl setup, at a terminal: a line, a yes, a password. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "enscalectl/setup.h"
#include "enscalectl/terminal.h"

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
	int r;

	fflush(stdout);
	r = terminal_read_secret(STDIN_FILENO, ret_secret, LDAP_PASSWORD_MAX);
	if (r == 0 || r == -ECANCELED)
		putchar('\n');
	return r;
}
