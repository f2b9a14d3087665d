/* See child_env.h. Silently drops every variable not named here. */
#include <config.h>

#include "enscale_shell/child_env.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX    64
#define NAME_MAX_LEN 32
#define LOCALE       "LC_" /* what names of locale settings begin with */
#define PASSED_MAX   32    /* variables of the user's */
#define ENV_MAX      (PASSED_MAX + 5)

/* ssh_options.c sends them on, but for TERM, which goes with the terminal;
 * sshd_config of the gateway lets them in, the drop-in of the node again; the
 * table in enscale-shell(1) says why. */
static const char *const names[] = { "TERM", "COLORTERM", "LANG",
	"GIT_PROTOCOL" };

static bool
is_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && memcmp(name, names[i], len) == 0)
			return true;
	return len > strlen(LOCALE) && len <= NAME_MAX_LEN &&
	    memcmp(name, LOCALE, strlen(LOCALE)) == 0 &&
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

/* What names of terminals and locales, and "version=2", are made of. */
static bool
is_value(const char *value)
{
	size_t len = strspn(value,
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.@+:=-");

	return len > 0 && len <= VALUE_MAX && value[len] == '\0';
}

static bool
is_passed(const char *variable)
{
	const char *equals = strchr(variable, '=');

	return equals != NULL &&
	    is_name(variable, (size_t)(equals - variable)) &&
	    is_value(equals + 1);
}

static int
add(char **environment, size_t *count, const char *name, const char *value)
{
	if (asprintf(&environment[*count], "%s%s", name, value) < 0) {
		environment[*count] = NULL;
		return -ENOMEM;
	}
	(*count)++;
	return 0;
}

static int
add_all(char **result, char *const *environment, const char *shell,
    const char *home, const char *user)
{
	size_t count = 0, i, passed = 0;
	int r;

	r = add(result, &count, "PATH=", "/usr/bin:/bin");
	if (r == 0)
		r = add(result, &count, "SHELL=", shell);
	if (r == 0)
		r = add(result, &count, "HOME=", home);
	if (r == 0)
		r = add(result, &count, "USER=", user);
	for (i = 0; r == 0 && environment != NULL && environment[i] != NULL &&
	     passed < PASSED_MAX;
	     i++) {
		if (!is_passed(environment[i]))
			continue;
		r = add(result, &count, "", environment[i]);
		passed++;
	}
	return r;
}

int
child_env_build(char *const *environment, const char *shell, const char *home,
    const char *user, char ***ret_environment)
{
	char **result = calloc(ENV_MAX, sizeof(*result));
	int r;

	if (result == NULL)
		return -ENOMEM;
	r = add_all(result, environment, shell, home, user);
	if (r != 0) {
		child_env_free(result);
		return r;
	}
	*ret_environment = result;
	return 0;
}

void
child_env_free(char **environment)
{
	size_t i;

	for (i = 0; environment != NULL && environment[i] != NULL; i++)
		free(environment[i]);
	free(environment);
}

void
cleanup_child_env(char ***environment)
{
	child_env_free(*environment);
}
