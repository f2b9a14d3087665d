/* enscalectl config: reading enscale.conf, which has been done already when
 * a verb runs. It refuses to change anything. */
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
