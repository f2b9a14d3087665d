/*
 * enscalectl directory check: what the directory has to be for the gateways that
 * follow it. First each pair of eyes looks, into what follows: those of the
 * gateway, nobody's, and where somebody lets us, those of an administrator, who
 * alone sees the server's own settings. Then the rows of survey_rows.c judge
 * what was seen, and are printed as doctor's are (doctor.h). Nothing is changed.
 *
 * It refuses to call well what nobody showed it: then the row says so.
 */
#ifndef ENSCALECTL_SURVEY_H
#define ENSCALECTL_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config/config.h"
#include "enscalectl/directory.h"
#include "enscalectl/doctor.h"
#include "ldap/ldap_connection.h"

#define SURVEY_URIS_MAX    8
#define SURVEY_KINDS       4     /* enum entry_kind, from ENTRY_ACCOUNT on */
#define SURVEY_SAMPLES_MAX 3     /* of each kind */
#define SURVEY_ENTRIES_MAX 20000 /* are counted; usual limits are below it */
#define SURVEY_TEXT_MAX    256
#define SURVEY_SECONDS     120 /* for one pair of eyes, which may wait */
#define SURVEY_LAST_DAYS   30  /* of a certificate: somebody should know */
#define SURVEY_CLOCK_SKEW  30  /* seconds */

/* ---- how it is reached -------------------------------------------------- */

struct survey_uri {
	char uri[LDAP_URI_MAX];
	bool reached; /* it answered; TLS, where it is wanted, was begun */
	bool local;   /* ldapi:// */
	bool has_certificate;
	bool proves; /* it is this host's, from who is trusted */
	int64_t not_after;
	char reason[LDAP_REASON_MAX]; /* why it is not so */
};

/* ---- what somebody sees ------------------------------------------------- */

enum survey_software {
	SURVEY_UNKNOWN = 0,
	SURVEY_OPENLDAP,
	SURVEY_389,
};

/* One entry, and which of the names of our schema it is seen to have. */
struct survey_sample {
	char dn[ENTRY_DN_MAX + 1];
	uint64_t seen; /* a bit for each enum schema_name */
};

/* As one identity; plain data, which comes out of another process. */
struct survey_eyes {
	int bound; /* 0, or an error with its reason */
	char reason[LDAP_REASON_MAX];
	char uri[LDAP_URI_MAX];

	enum survey_software software;
	char version[SURVEY_TEXT_MAX];
	char contexts[LDAP_REASON_MAX]; /* the server's, each in quotes */

	bool has_base;
	char base_reason[LDAP_REASON_MAX];
	/* RFC 4533: listed by the server, and then done below the base. */
	bool offers_sync, does_sync;
	/* Is the entryUUID of an account what that calls it? Both false: that
	 * was not seen. */
	bool same_uuid, other_uuid;
	bool has_schema;                /* it is shown */
	uint64_t unknown;               /* names that it does not know */
	char misnamed[LDAP_REASON_MAX]; /* as ldap_naming.h has it; "": none */

	/* Entries of a kind below the base, up to SURVEY_ENTRIES_MAX in all. */
	uint32_t count[SURVEY_KINDS];
	uint32_t others; /* of no kind; nobody's eyes look for these, too */
	bool counted;    /* to the end; else: */
	bool cut;        /* there were more than we count */
	char count_reason[LDAP_REASON_MAX];
	struct survey_sample samples[SURVEY_KINDS][SURVEY_SAMPLES_MAX];

	char password_dn[ENTRY_DN_MAX + 1]; /* its password is seen; "": none */
	char written_dn[ENTRY_DN_MAX + 1]; /* this could be changed; "": none */
	bool tried_to_write;
	int64_t newest; /* change that it tells of; 0: not shown */
	int64_t now;    /* its own clock; 0: not shown */
	int64_t asked;  /* our clock then */
};

/* ---- the server's own settings ------------------------------------------ */

/* The rows that an administrator's eyes add. Each is a finding: the state, what
 * was found and what mends it. */
enum survey_setting {
	SURVEY_CERTIFICATE, /* a file of this host */
	SURVEY_LOG,         /* what remembers deletions for who was away */
	SURVEY_INDEXES,
	SURVEY_LIMITS,
	SURVEY_SETTINGS, /* how many */
};

struct survey_finding {
	bool seen;
	enum doctor_state state;
	char text[DOCTOR_FINDING_MAX];
	char mend[DOCTOR_FINDING_MAX]; /* "": the row's own */
};

/* ---- all of it ---------------------------------------------------------- */

struct survey {
	const struct config *config; /* borrowed */
	bool no_config;              /* there is none: those are the defaults */
	struct survey_uri uris[SURVEY_URIS_MAX];
	size_t uri_count;
	struct survey_eyes gateway, nobody, administrator;
	struct survey_finding settings[SURVEY_SETTINGS];
};

#define SURVEY_ROWS 13
extern const struct doctor_check survey_rows[SURVEY_ROWS];

/* ---- survey_tls.c ---- */

/* Each URI of the configuration, without saying who we are. */
void survey_reach(struct survey *survey);
/* The last second of the certificate in a file; 0: there is none in it. */
int64_t survey_not_after(const char *path);
/* A failure behind its last second, a warning in the days before. */
enum doctor_state survey_certificate_state(int64_t not_after);
/* "2027-01-31" */
#define SURVEY_DAY_SIZE 16
void survey_day(int64_t time, char ret_day[SURVEY_DAY_SIZE]);

/* ---- survey_eyes.c ---- */

/* In a process of the gateway's user, by the first URI that lets it in. */
void survey_as_gateway(struct survey *survey);
void survey_as_nobody(struct survey *survey);
/* By an open connection. like: what it has samples of is looked at here, too;
 * NULL: our own samples. */
void survey_look(LDAP *ld, const struct config *config,
    const struct survey_eyes *like, struct survey_eyes *eyes);
/* "enscaleStatus, mail" of a set of names. */
void survey_names(const struct schema *schema, uint64_t set, char *buf,
    size_t size);

/* ---- survey_settings.c: what is said of them, whosever they are ---- */

/* Where the entry below which all is has its database: is base it, or below
 * it? */
bool survey_is_below(const char *base, const char *suffix);
/* One value of an attribute; "" when it is not there or not shown. */
void survey_value(LDAP *ld, const struct config *config, const char *dn,
    const char *attribute, char buf[SURVEY_TEXT_MAX]);
/* Attributes that are searched for, each once, NULL behind the last. */
#define SURVEY_INDEXED_MAX 16
void survey_indexed(const struct config *config,
    const char *ret_names[SURVEY_INDEXED_MAX]);
/* What is made of a limit of the gateway's, entries in a search; 0: none. */
void survey_limit(struct survey_finding *finding, uint32_t limit,
    const char *whose);

/* ---- survey_slapd.c, survey_389.c ---- */

/* What an administrator sees of the settings; where he does not, nothing. */
void survey_slapd(LDAP *ld, const struct config *config,
    struct survey_finding settings[SURVEY_SETTINGS]);
void survey_389(LDAP *ld, const struct config *config,
    struct survey_finding settings[SURVEY_SETTINGS]);

__attribute__((format(printf, 3, 4))) void survey_find(
    struct survey_finding *finding, enum doctor_state state, const char *format,
    ...);
__attribute__((format(printf, 2, 3))) void survey_mend(
    struct survey_finding *finding, const char *format, ...);

#endif
