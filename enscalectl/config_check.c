/* enscalectl config: checking enscale.conf, which has been read already when a
 * verb runs, and what it points at. It changes nothing. */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "enscalectl/config_files.h"
#include "enscalectl/verb.h"

static void
say(const char *line, void *arg)
{
	const char *const *path = arg;

	complain("%s: %s", *path, line);
}

int
config_check(const struct context *context, int argc, char **argv)
{
	const char *path = context->config_path;

	(void)argv;
	if (argc != 0)
		return complain_usage("config check");
	if (geteuid() != 0) {
		printf("%s: no errors; what it points at, only root can look "
		       "at\n",
		    path);
		return EXIT_YES;
	}
	if (config_files_check(&context->config, false, say, &path) > 0)
		return EXIT_NO;
	printf("%s: no errors\n", path);
	return EXIT_YES;
}
