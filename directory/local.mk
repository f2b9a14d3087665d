# What the LDAP directory holds: nothing compiled.
directorydir = $(datadir)/enscale/directory
dist_directory_DATA = \
	%D%/enscale.ldif \
	%D%/enscale.schema \
	%D%/openssh-lpk.ldif \
	%D%/openssh-lpk.schema
# 389 Directory Server reads the files of its folder in their order.
directory389dir = $(directorydir)/389
dist_directory389_DATA = \
	%D%/389/98openssh-lpk.ldif \
	%D%/389/99enscale.ldif
dist_directory_SCRIPTS = \
	%D%/demo-data \
	%D%/schema-to-ldif
dist_sbin_SCRIPTS += %D%/enscale-directory

dist_check_SCRIPTS = %D%/check-ldif
TESTS += %D%/check-ldif
