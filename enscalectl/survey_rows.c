/*
 * What directory check looks at, from what others need to what needs them: see
 * survey.h. It judges what was seen, and asks nobody.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/errors.h"
#include "enscalectl/directory_look.h"
#include "enscalectl/survey.h"

#define SCHEMA_FILES ENS_DATA_DIR "/directory/"
#define LOAD_SCHEMA  "ldapadd -Q -Y EXTERNAL -H ldapi:/// -f " SCHEMA_FILES

static const char *const kind_names[SURVEY_KINDS] = { "accounts", "keys",
	"environments", "nodes" };

/* ---- the way there ------------------------------------------------------ */

static enum doctor_state
look_at_configuration(struct doctor *doctor)
{
	if (doctor->config_error != NULL)
		return doctor_fail(doctor, "%s", doctor->config_error);
	if (!doctor->survey->no_config)
		return doctor_note(doctor, "%s: no errors",
		    doctor->context->config_path);
	return doctor_note(doctor,
	    "no %s: no gateway is here; checked as \"%s\"",
	    doctor->context->config_path, doctor->survey->config->bind_dn);
}

static enum doctor_state
look_at_servers(struct doctor *doctor)
{
	const struct survey *survey = doctor->survey;
	const struct survey_uri *lost = NULL;
	size_t reached = 0;

	for (size_t i = 0; i < survey->uri_count; i++)
		if (survey->uris[i].reached)
			reached++;
		else if (lost == NULL)
			lost = &survey->uris[i];
	if (lost == NULL)
		return doctor_note(doctor, "%s%s%s", survey->config->uri,
		    survey->gateway.version[0] != '\0' ? ": " : "",
		    survey->gateway.version);
	doctor_mend(doctor, "%s", directory_look_hint(lost->reason));
	return reached > 0
	    ? doctor_warn(doctor, "%s: %s", lost->uri, lost->reason)
	    : doctor_fail(doctor, "%s: %s", lost->uri, lost->reason);
}

/* The one that ends first. */
static const struct survey_uri *
first_to_end(const struct survey *survey)
{
	const struct survey_uri *first = NULL, *uri;

	for (size_t i = 0; i < survey->uri_count; i++) {
		uri = &survey->uris[i];
		if (uri->reached && uri->has_certificate &&
		    (first == NULL || uri->not_after < first->not_after))
			first = uri;
	}
	return first;
}

/* What a row says of the server's settings; where nobody showed them, that. */
static enum doctor_state
take_setting(struct doctor *doctor, enum survey_setting which,
    const char *unseen)
{
	const struct survey_finding *setting = &doctor->survey->settings[which];

	if (!setting->seen)
		return doctor_note(doctor,
		    "not seen%s: --uri, --bind-dn and --password-file name an "
		    "administrator of the server",
		    unseen);
	if (setting->mend[0] != '\0')
		doctor_mend(doctor, "%s", setting->mend);
	(void)doctor_note(doctor, "%s", setting->text);
	return setting->state;
}

static enum doctor_state
look_at_certificates(struct doctor *doctor)
{
	const struct survey *survey = doctor->survey;
	const struct survey_uri *uri;
	char day[SURVEY_DAY_SIZE];

	for (size_t i = 0; i < survey->uri_count; i++) {
		uri = &survey->uris[i];
		if (uri->reached && !uri->proves)
			return doctor_fail(doctor, "%s: %s", uri->uri,
			    uri->reason);
	}
	uri = first_to_end(survey);
	if (uri == NULL && survey->settings[SURVEY_CERTIFICATE].seen)
		return take_setting(doctor, SURVEY_CERTIFICATE, "");
	if (uri == NULL)
		return doctor_note(doctor, "none is used");
	survey_day(uri->not_after, day);
	(void)doctor_note(doctor, "%s: its last day is %s", uri->uri, day);
	return survey_certificate_state(uri->not_after);
}

static enum doctor_state
look_at_identity(struct doctor *doctor)
{
	const struct survey *survey = doctor->survey;
	const struct survey_eyes *eyes = &survey->gateway;
	const char *who = survey->config->bind_dn;

	if (eyes->bound == 0)
		return doctor_note(doctor, "%s",
		    who[0] != '\0' ? who : "SASL EXTERNAL");
	doctor_mend(doctor, "enscalectl setup: %s",
	    directory_look_hint(eyes->reason));
	return doctor_fail(doctor, "%s: %s", eyes->uri,
	    eyes->reason[0] != '\0' ? eyes->reason : error_text(eyes->bound));
}

static enum doctor_state
look_at_base(struct doctor *doctor)
{
	const struct survey_eyes *eyes = &doctor->survey->gateway;
	const char *base = doctor->survey->config->base;

	if (eyes->has_base)
		return doctor_note(doctor, "%s", base);
	if (eyes->contexts[0] != '\0')
		doctor_mend(doctor,
		    "enscalectl setup --base DN: the server has %s",
		    eyes->contexts);
	return doctor_fail(doctor, "\"%s\": %s", base, eyes->base_reason);
}

/* ---- what it can do ----------------------------------------------------- */

static bool
is_ours(const struct schema *schema)
{
	return strcmp(schema->names[SCHEMA_ACCOUNT],
	           schema_names[SCHEMA_ACCOUNT]) == 0;
}

static enum doctor_state
look_at_schema(struct doctor *doctor)
{
	const struct survey *survey = doctor->survey;
	const struct survey_eyes *eyes = &survey->gateway;
	const struct schema *schema = &survey->config->schema;
	char names[SURVEY_TEXT_MAX];

	if (!eyes->has_schema)
		eyes = &survey->administrator;
	if (!eyes->has_schema)
		return doctor_note(doctor,
		    "not seen: the server shows it neither to the gateway nor "
		    "to an administrator");
	if (eyes->misnamed[0] != '\0') {
		doctor_mend(doctor, "change that line of enscale.conf");
		return doctor_fail(doctor, "%s", eyes->misnamed);
	}
	if (eyes->unknown == 0)
		return DOCTOR_OK;
	survey_names(schema, eyes->unknown, names, sizeof(names));
	/* A tree of somebody else's need not have all. */
	if (!is_ours(schema))
		return doctor_note(doctor,
		    "the server does not know %s: nothing of the kind can be "
		    "there",
		    names);
	if (eyes->software == SURVEY_389)
		doctor_mend(doctor,
		    "cp " SCHEMA_FILES "389/*.ldif "
		    "/etc/dirsrv/slapd-INSTANCE/schema; dsctl INSTANCE restart");
	return doctor_fail(doctor, "the server does not know %s", names);
}

static enum doctor_state
fail_method(struct doctor *doctor, const struct survey_eyes *eyes)
{
	if (eyes->software == SURVEY_389)
		doctor_mend(doctor,
		    "dsconf INSTANCE plugin contentsync enable; dsconf INSTANCE "
		    "plugin retro-changelog enable; dsctl INSTANCE restart");
	else if (eyes->software == SURVEY_OPENLDAP)
		doctor_mend(doctor,
		    "enscale-directory(8) has it; or enscalectl setup, which "
		    "has such a server polled");
	return doctor_fail(doctor,
	    "the server does not offer RFC 4533 for this base, and method = "
	    "sync needs it");
}

static enum doctor_state
look_at_method(struct doctor *doctor)
{
	const struct survey *survey = doctor->survey;
	const struct survey_eyes *eyes = &survey->gateway;
	bool polls = survey->config->method == CONFIG_METHOD_POLL;

	if (polls && eyes->offers_sync && eyes->does_sync)
		return doctor_warn(doctor,
		    "method = poll, although the server reports changes by "
		    "itself (RFC 4533)");
	if (polls)
		return doctor_note(doctor, "it is polled");
	if (!eyes->does_sync)
		return fail_method(doctor, eyes);
	return doctor_note(doctor, "it reports changes (RFC 4533)%s",
	    eyes->other_uuid ? "; its entryUUID is not what that calls an "
	                       "entry, and is not used for that"
	                     : "");
}

static enum doctor_state
look_at_log(struct doctor *doctor)
{
	if (doctor->survey->config->method == CONFIG_METHOD_POLL)
		return doctor_note(doctor, "not needed: it is polled");
	return take_setting(doctor, SURVEY_LOG, "");
}

static enum doctor_state
look_at_indexes(struct doctor *doctor)
{
	return take_setting(doctor, SURVEY_INDEXES, "");
}

static enum doctor_state
look_at_limits(struct doctor *doctor)
{
	const struct survey_eyes *eyes = &doctor->survey->gateway;
	char more[SURVEY_TEXT_MAX];
	uint32_t sum = 0;

	for (size_t kind = 0; kind < SURVEY_KINDS; kind++)
		sum += eyes->count[kind];
	snprintf(more, sizeof(more),
	    " (the gateway gets %s%" PRIu32 " entries)",
	    eyes->cut ? "more than " : "all ", sum);
	if (eyes->counted || eyes->cut)
		return take_setting(doctor, SURVEY_LIMITS, more);
	(void)take_setting(doctor, SURVEY_LIMITS, more);
	return doctor_fail(doctor,
	    "after %" PRIu32 " entries the gateway gets no more: %s: nothing "
	    "new comes",
	    sum, eyes->count_reason);
}

/* ---- who sees what ------------------------------------------------------ */

/* What an administrator sees of an entry and the gateway does not. */
static bool
find_hidden(struct doctor *doctor)
{
	const struct survey *survey = doctor->survey;
	const struct survey_sample *own, *whole;
	char names[SURVEY_TEXT_MAX];

	for (size_t kind = 0; kind < SURVEY_KINDS; kind++)
		for (size_t i = 0; i < SURVEY_SAMPLES_MAX; i++) {
			own = &survey->gateway.samples[kind][i];
			whole = &survey->administrator.samples[kind][i];
			if ((whole->seen & ~own->seen) == 0)
				continue;
			survey_names(&survey->config->schema,
			    whole->seen & ~own->seen, names, sizeof(names));
			(void)doctor_fail(doctor,
			    "the gateway does not see %s of \"%s\"", names,
			    own->dn);
			return true;
		}
	return false;
}

static bool
find_fewer(struct doctor *doctor)
{
	const struct survey_eyes *own = &doctor->survey->gateway;
	const struct survey_eyes *all = &doctor->survey->administrator;

	if (!all->counted || !own->counted)
		return false;
	for (size_t kind = 0; kind < SURVEY_KINDS; kind++)
		if (own->count[kind] < all->count[kind]) {
			(void)doctor_fail(doctor,
			    "the gateway sees %" PRIu32 " of %" PRIu32 " %s",
			    own->count[kind], all->count[kind],
			    kind_names[kind]);
			return true;
		}
	return false;
}

static enum doctor_state
look_at_access(struct doctor *doctor)
{
	const struct survey *survey = doctor->survey;
	const struct survey_eyes *own = &survey->gateway;

	if (own->password_dn[0] != '\0')
		return doctor_fail(doctor,
		    "the gateway can read the password (userPassword) of "
		    "\"%s\"",
		    own->password_dn);
	if (own->written_dn[0] != '\0')
		return doctor_fail(doctor,
		    "the gateway may change \"%s\": whoever takes it over has "
		    "the directory",
		    own->written_dn);
	if (find_fewer(doctor) || find_hidden(doctor))
		return DOCTOR_FAILURE;
	return doctor_note(doctor,
	    "the gateway sees %" PRIu32 " accounts, %" PRIu32 " keys, %" PRIu32
	    " environments and %" PRIu32 " nodes, no passwords%s%s",
	    own->count[0], own->count[1], own->count[2], own->count[3],
	    own->tried_to_write ? ", and may write nothing" : "",
	    survey->administrator.has_base
	        ? ""
	        : "; what is hidden from it, only an administrator sees");
}

static enum doctor_state
look_at_nobody(struct doctor *doctor)
{
	const struct survey_eyes *eyes = &doctor->survey->nobody;
	uint32_t ours = 0;

	for (size_t kind = 0; kind < SURVEY_KINDS; kind++)
		ours += eyes->count[kind];
	if (eyes->bound != 0)
		return doctor_note(doctor, "%s", eyes->reason);
	if (eyes->password_dn[0] != '\0')
		return doctor_fail(doctor,
		    "everybody can read the password (userPassword) of \"%s\"",
		    eyes->password_dn);
	if (ours > 0)
		return doctor_warn(doctor,
		    "everybody can read who has accounts and access: %" PRIu32
		    " entries",
		    ours);
	return doctor_note(doctor, "nobody sees %s",
	    eyes->has_base || eyes->others > 0 ? "accounts, keys, environments "
	                                         "or nodes"
	                                       : "anything");
}

/* ---- clock -------------------------------------------------------------- */

static enum doctor_state
look_at_clock(struct doctor *doctor)
{
	const struct survey *survey = doctor->survey;
	const struct survey_eyes *eyes = survey->administrator.now != 0
	    ? &survey->administrator
	    : &survey->gateway;
	int64_t ahead = eyes->now - eyes->asked;

	if (eyes->now == 0) {
		ahead = eyes->newest - eyes->asked;
		if (ahead > SURVEY_CLOCK_SKEW)
			return doctor_warn(doctor,
			    "its newest change is %" PRId64
			    " seconds ahead of this clock",
			    ahead);
		return doctor_note(doctor,
		    "no difference seen; the server shows no clock");
	}
	if (ahead > SURVEY_CLOCK_SKEW || ahead < -SURVEY_CLOCK_SKEW)
		return doctor_warn(doctor,
		    "the server's is %" PRId64 " seconds %s this one",
		    ahead > 0 ? ahead : -ahead,
		    ahead > 0 ? "ahead of" : "behind");
	return doctor_note(doctor,
	    "the server's differs by %" PRId64 " seconds", ahead);
}

/* ---- the table ---------------------------------------------------------- */

const struct doctor_check survey_rows[] = {
	{ .word = "configuration",
	    .what = "enscale.conf says where the directory is",
	    .look = look_at_configuration,
	    .mend = "fix that line; enscalectl config check reads it again" },
	{ .word = "server",
	    .what = "each server answers",
	    .look = look_at_servers,
	    .mend = "systemctl start slapd, there",
	    .needs = { "configuration" } },
	{ .word = "certificate",
	    .what = "each server proves that it is the host",
	    .look = look_at_certificates,
	    .mend = "give the server a new one, and restart it; who issues it "
	            "stands in tls_ca of enscale.conf",
	    .needs = { "server" } },
	{ .word = "identity",
	    .what = "the gateway is let in",
	    .look = look_at_identity,
	    .mend = "enscalectl setup, with --bind-dn and --password-file",
	    .needs = { "server", "certificate" } },
	{ .word = "base",
	    .what = "the entry below which all is, is there",
	    .look = look_at_base,
	    .mend = "enscalectl setup --base DN",
	    .needs = { "identity" } },
	{ .word = "schema",
	    .what = "the server knows our classes and attributes",
	    .look = look_at_schema,
	    .mend = LOAD_SCHEMA "openssh-lpk.ldif; " LOAD_SCHEMA "enscale.ldif",
	    .needs = { "base" } },
	{ .word = "method",
	    .what = "changes come as the configuration says",
	    .look = look_at_method,
	    .mend = "enscalectl setup finds the method by itself",
	    .needs = { "base" } },
	{ .word = "log",
	    .what = "the server remembers for who was away",
	    .look = look_at_log,
	    .mend = "enscale-directory(8)",
	    .needs = { "method" } },
	{ .word = "indexes",
	    .what = "what is searched for is indexed",
	    .look = look_at_indexes,
	    .mend = "enscale-directory(8)",
	    .needs = { "base" } },
	{ .word = "limits",
	    .what = "the gateway gets all entries at once",
	    .look = look_at_limits,
	    .mend = "olcLimits: dn.exact=\"the gateway's DN\" size=unlimited "
	            "time=unlimited",
	    .needs = { "base" } },
	{ .word = "access",
	    .what = "the gateway sees all it needs, and no more",
	    .look = look_at_access,
	    .mend = "change the server's access rules: enscale-directory(8) "
	            "has them",
	    .needs = { "base", "limits" } },
	{ .word = "anonymous",
	    .what = "who does not bind sees nothing",
	    .look = look_at_nobody,
	    .mend = "change the server's access rules: enscale-directory(8) "
	            "has them",
	    .needs = { "server", "certificate" } },
	{ .word = "clock",
	    .what = "the server has the time that is here",
	    .look = look_at_clock,
	    .mend = "timedatectl set-ntp true, on both",
	    .needs = { "identity" } },
};
