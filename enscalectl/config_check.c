/* enscalectl config: checking enscale.conf, which has been read already when a
 * verb runs. It changes nothing. */
#include <config.h>

#include <stdio.h>

#include "enscalectl/verb.h"

int
config_check(const struct context *context, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return complain_usage("config check");
	printf("%s: no errors\n", context->config_path);
	return EXIT_YES;
}
