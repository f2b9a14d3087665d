/*
 * How each server is reached, and what its certificate proves. See survey.h. It
 * refuses to say who we are: a connection whose certificate was not verified is
 * closed as soon as that is in hand.
 */
#include <config.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/as_user.h"
#include "enscalectl/survey.h"

#define DAY_FORMAT "%Y-%m-%d"
#define NAME_SIZE  256
#define DAY        (24 * 60 * 60)

static void
free_certificate(X509 **certificate)
{
	X509_free(*certificate);
}

#define AUTO_X509 AUTO(free_certificate)

/* ---- certificates ------------------------------------------------------- */

void
survey_day(int64_t time, char ret_day[SURVEY_DAY_SIZE])
{
	time_t t = (time_t)time;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(ret_day, SURVEY_DAY_SIZE, DAY_FORMAT, &tm) == 0)
		ret_day[0] = '\0';
}

/* 0: it cannot be told. */
static int64_t
seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return time != NULL && ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm)
	                                                       : 0;
}

int64_t
survey_not_after(const char *path)
{
	AUTO_FILE FILE *file = fopen(path, "re");
	AUTO_X509 X509 *certificate = file == NULL
	    ? NULL
	    : PEM_read_X509(file, NULL, NULL, NULL);

	return certificate == NULL
	    ? 0
	    : seconds_of(X509_get0_notAfter(certificate));
}

enum doctor_state
survey_certificate_state(int64_t not_after)
{
	int64_t left = not_after - time(NULL);

	if (left < 0)
		return DOCTOR_FAILURE;
	return left < SURVEY_LAST_DAYS * DAY ? DOCTOR_WARNING : DOCTOR_OK;
}

/* What the server showed on a connection. */
static X509 *
certificate_of(LDAP *ld)
{
	struct berval der = { 0, NULL };
	const unsigned char *at;
	X509 *certificate = NULL;

	if (ldap_get_option(ld, LDAP_OPT_X_TLS_PEERCERT, &der) ==
	        LDAP_SUCCESS &&
	    der.bv_val != NULL) {
		at = (const unsigned char *)der.bv_val;
		certificate = d2i_X509(NULL, &at, (long)der.bv_len);
	}
	ldap_memfree(der.bv_val);
	return certificate;
}

static bool
is_of_host(X509 *certificate, const char *host)
{
	return X509_check_host(certificate, host, 0, 0, NULL) == 1 ||
	    X509_check_ip_asc(certificate, host, 0) == 1;
}

/* Why libldap does not believe it. */
static void
judge(X509 *certificate, const char *host, struct survey_uri *uri)
{
	char name[NAME_SIZE] = "", day[SURVEY_DAY_SIZE];
	int64_t from = seconds_of(X509_get0_notBefore(certificate));

	survey_day(uri->not_after, day);
	if (uri->not_after < time(NULL)) {
		snprintf(uri->reason, sizeof(uri->reason),
		    "its certificate's last day was %s", day);
		return;
	}
	survey_day(from, day);
	if (from > time(NULL)) {
		snprintf(uri->reason, sizeof(uri->reason),
		    "its certificate's first day is %s", day);
		return;
	}
	/* To libldap that is the name of this host. */
	if (strcasecmp(host, "localhost") == 0)
		return;
	if (!is_of_host(certificate, host)) {
		X509_NAME_oneline(X509_get_subject_name(certificate), name,
		    sizeof(name));
		snprintf(uri->reason, sizeof(uri->reason),
		    "its certificate, of \"%s\", is not for the name \"%s\"",
		    name, host);
		return;
	}
	X509_NAME_oneline(X509_get_issuer_name(certificate), name,
	    sizeof(name));
	snprintf(uri->reason, sizeof(uri->reason),
	    "the issuer of its certificate, \"%s\", is not trusted here", name);
}

/* ---- connections -------------------------------------------------------- */

static bool
has_scheme(const char *uri, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(uri, scheme, len) == 0 && uri[len] == ':';
}

static void
close_ld(LDAP **ld)
{
	if (*ld != NULL)
		ldap_connection_close(*ld);
}

/* A connection on which nothing will be said. */
static LDAP *
open_unverified(const struct config *config, const char *uri)
{
	AUTO(close_ld) LDAP *ld = NULL;
	struct timeval patience = ldap_connection_patience(
	    (int64_t)config->timeout * 1000);
	int three = LDAP_VERSION3, never = LDAP_OPT_X_TLS_NEVER, client = 0;
	LDAP *opened;

	if (ldap_initialize(&ld, uri) != LDAP_SUCCESS ||
	    ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &three) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &patience) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &patience) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &never) != 0 ||
	    ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) != 0)
		return NULL;
	if ((has_scheme(uri, "ldaps")
	            ? ldap_connect(ld)
	            : ldap_start_tls_s(ld, NULL, NULL)) != LDAP_SUCCESS)
		return NULL;
	opened = ld;
	ld = NULL;
	return opened;
}

static void
see_why(const struct config *config, struct survey_uri *uri)
{
	AUTO(close_ld) LDAP *ld = open_unverified(config, uri->uri);
	AUTO_X509 X509 *certificate = ld == NULL ? NULL : certificate_of(ld);
	LDAPURLDesc *url = NULL;

	if (certificate == NULL ||
	    ldap_url_parse(uri->uri, &url) != LDAP_URL_SUCCESS)
		return;
	uri->reached = true;
	uri->has_certificate = true;
	uri->not_after = seconds_of(X509_get0_notAfter(certificate));
	judge(certificate, url->lud_host != NULL ? url->lud_host : "", uri);
	ldap_free_urldesc(url);
}

static void
reach(const struct config *config, struct survey_uri *uri)
{
	const struct ldap_connection_options options = {
		.anonymous = true,
		.start_tls = config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout,
	};
	LDAP *ld;

	uri->local = has_scheme(uri->uri, "ldapi");
	if (ldap_connection_open(&options, uri->uri, &ld, uri->reason) == 0) {
		AUTO_X509 X509 *certificate = certificate_of(ld);

		uri->reached = true;
		uri->proves = true;
		uri->has_certificate = certificate != NULL;
		if (certificate != NULL)
			uri->not_after = seconds_of(
			    X509_get0_notAfter(certificate));
		ldap_connection_close(ld);
	} else if (strncmp(uri->reason, "TLS", 3) == 0) {
		see_why(config, uri);
	}
}

/* The libraries remember what a process has set: this one sets much. */
static void
reach_all(const void *arg, void *answer)
{
	const struct survey *survey = arg;
	struct survey_uri *uris = answer;

	for (size_t i = 0; i < survey->uri_count; i++)
		reach(survey->config, &uris[i]);
}

void
survey_reach(struct survey *survey)
{
	int r;

	for (uint32_t i = 0; i < SURVEY_URIS_MAX; i++) {
		if (ldap_connection_uri(survey->config->uri, i,
		        survey->uris[i].uri) != 0)
			break;
		survey->uri_count++;
	}
	r = as_user_ask(NULL, SURVEY_SECONDS, reach_all, survey, survey->uris,
	    sizeof(survey->uris));
	for (size_t i = 0; r != 0 && i < survey->uri_count; i++)
		snprintf(survey->uris[i].reason, LDAP_REASON_MAX, "%s",
		    error_text(r));
}
