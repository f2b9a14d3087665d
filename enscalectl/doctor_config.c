/* The configuration and what it points at: see doctor.h. It refuses to judge
 * keys: doctor_keys.c does. */
#include <config.h>

#include "enscalectl/config_files.h"
#include "enscalectl/doctor.h"

enum doctor_state
doctor_configuration(struct doctor *doctor)
{
	if (doctor->config_error == NULL)
		return doctor_note(doctor, "%s: no errors",
		    doctor->context->config_path);
	return doctor_fail(doctor, "%s; the checks below use the defaults",
	    doctor->config_error);
}

/* The first one. */
static void
keep_first(const char *line, void *arg)
{
	struct doctor *doctor = arg;

	if (doctor->finding[0] == '\0')
		(void)doctor_fail(doctor, "%s", line);
}

enum doctor_state
doctor_files(struct doctor *doctor)
{
	return config_files_check(&doctor->context->config, true, keep_first,
	           doctor) > 0
	    ? DOCTOR_FAILURE
	    : DOCTOR_OK;
}
