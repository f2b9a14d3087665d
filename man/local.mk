# Manual pages; each is written by who writes the program.
dist_man_MANS += \
	%D%/enscale-keys.8 \
	%D%/enscale-node.8 \
	%D%/enscale.conf.5 \
	%D%/nss_enscale.8 \
	%D%/pam_enscale.8
