# What the LDAP directory holds: nothing compiled.
directorydir = $(datadir)/enscale/directory
dist_directory_DATA = \
	%D%/enscale.ldif \
	%D%/enscale.schema \
	%D%/openssh-lpk.ldif \
	%D%/openssh-lpk.schema
dist_directory_SCRIPTS = \
	%D%/demo-data \
	%D%/schema-to-ldif
dist_sbin_SCRIPTS += %D%/enscale-directory

dist_check_SCRIPTS = %D%/check-ldif
TESTS += %D%/check-ldif
