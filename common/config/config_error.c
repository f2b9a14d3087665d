/* What is wrong with a configuration, and where. See config_private.h. */
#include <config.h>

#include <stdarg.h>
#include <stdio.h>

#include "common/base/text.h"
#include "common/config/config_private.h"

void
config_fail(struct load *load, const char *format, ...)
{
	char reason[CONFIG_ERROR_MAX], text[CONFIG_ERROR_MAX + 600];
	va_list args;

	if (load->error[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (load->line == 0)
		snprintf(text, sizeof(text), "%.512s: %s", load->path, reason);
	else
		snprintf(text, sizeof(text), "%.512s:%u: %s", load->path,
		    load->line, reason);
	text_printable(text, load->error, sizeof(load->error));
}
