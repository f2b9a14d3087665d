# Speaking LDAP: linked by enscale-sync, enscale-keyd and enscalectl only.
noinst_LTLIBRARIES += libldapside.la
libldapside_la_SOURCES = \
	%D%/ldap_attributes.c %D%/ldap_attributes.h \
	%D%/ldap_backlog.c %D%/ldap_backlog.h \
	%D%/ldap_connection.c %D%/ldap_connection.h \
	%D%/ldap_csn.c %D%/ldap_csn.h \
	%D%/ldap_dn.c %D%/ldap_dn.h \
	%D%/ldap_entry.c %D%/ldap_entry.h %D%/ldap_entry_private.h \
	%D%/ldap_entry_fields.c \
	%D%/ldap_entry_kinds.c \
	%D%/ldap_entry_values.c \
	%D%/ldap_ldif.c %D%/ldap_ldif.h \
	%D%/ldap_naming.c %D%/ldap_naming.h \
	%D%/ldap_opening.c %D%/ldap_opening.h \
	%D%/ldap_paged.c %D%/ldap_paged.h \
	%D%/ldap_search.c %D%/ldap_search.h \
	%D%/ldap_sync.c %D%/ldap_sync.h \
	%D%/ldap_time.c %D%/ldap_time.h \
	%D%/ldap_uuid.c %D%/ldap_uuid.h \
	%D%/ldap_values.c %D%/ldap_values.h
libldapside_la_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS) $(LBER_CFLAGS)
libldapside_la_LIBADD = libfingerprint.la libcommon.la $(LDAP_LIBS) $(LBER_LIBS)
