/*
 * The environment of the hop's ssh. Nothing passes but TERM, COLORTERM, LANG,
 * LC_* and GIT_PROTOCOL, and these only with values of plain characters.
 */
#ifndef ENSCALE_SHELL_CHILD_ENV_H
#define ENSCALE_SHELL_CHILD_ENV_H

/*
 * Builds a vector for execve(2) from the given environment (may be NULL).
 * shell is the path of enscale-connect, because ssh runs its proxy command with
 * SHELL, and nothing else must be run. Returns 0 or -ENOMEM; the caller owns it
 * (child_env_free()).
 */
int child_env_build(char *const *environment, const char *shell,
    const char *home, const char *user, char ***ret_environment);
void child_env_free(char **environment);
void cleanup_child_env(char ***environment);

#endif
