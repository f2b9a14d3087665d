/*
 * guard_confined PROGRAM [ARGUMENT]...: runs it with what the guard's own
 * code leaves the guard to read.
 */
#include <stdio.h>
#include <sys/prctl.h>

#include "common/base/landlock.c"
#include "enscale_guard/confinement.c"

int
main(int argc, char **argv)
{
	const char *const folders[] = { "/var/lib/enscale", "/run/enscale",
		"/proc", "/usr", NULL };

	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    confinement_begin(folders) < 0)
		return 125;
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 126;
}
